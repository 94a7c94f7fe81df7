# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the suites of attnc, the tool, share: attnc_*_test.py."""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import save_file

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))
from junit import Skip, Suite, suite_parser  # noqa: E402,F401


def linear(**changes):
    return {"inputs": {"x": {"shape": [4, 64]}},
            "model": [{"type": "Linear", "name": "head", "in_features": 64, "out_features": 8}], **changes}


def encoder(layers, width, heads, seq=8, batch=1):
    return {"inputs": {"x": {"shape": [batch, seq, width]}},
            "model": [{"type": "TransformerEncoder", "name": "encoder", "num_layers": layers,
                       "layer": {"d_model": width, "nhead": heads, "dim_feedforward": 4 * width, "activation": "gelu",
                                 "batch_first": True}}]}


class Bench:
    """The tools and an empty folder of the case's own."""

    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.attnc = args.bin / "attnc"

    def model(self, name, description):
        path = self.folder / name
        path.write_text(json.dumps(description, indent=1))
        return path

    def start(self, *words, tool="attnc", **options):
        return subprocess.run([self.args.bin / tool, *map(str, words)], **{
            "cwd": self.folder, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 120, **options})

    def run(self, *words, **options):
        done = self.start(*words, **options)
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def refuses(self, message, *words, code=1, **options):
        """attnc fails with exactly this message, and prints and leaves nothing else."""
        before = self.files()
        done = self.start(*words, **options)
        assert done.stderr == f"attnc: error: {message}\n", f"it said\n{done.stderr}instead of\nattnc: error: {message}\n"
        assert (done.returncode, done.stdout) == (code, ""), f"exit code {done.returncode}, expected {code}; {done.stdout}"
        assert self.files() == before, f"files appeared: {sorted(self.files() - before)}"

    def files(self):
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


def square(bench, size):
    """m.json, a Linear of size x size with weights in a file."""
    bench.model("m.json", linear(inputs={"x": {"shape": [4, size]}}, weights="w.safetensors", model=[
        {"type": "Linear", "name": "head", "in_features": size, "out_features": size}]))
    weight = np.arange(size * size, dtype=np.float32).reshape(size, size) % 251
    save_file({"head.weight": weight, "head.bias": np.ones(size, np.float32)}, bench.folder / "w.safetensors")
    return weight


def sections(path):
    """name -> size of an ELF file's sections that are loaded."""
    data = path.read_bytes()
    table, entry, count, names = struct.unpack_from("<Q10xHHH", data, 40)
    headers = [struct.unpack_from("<IIQQQQ", data, table + i * entry) for i in range(count)]
    start = headers[names][4]
    return {data[start + name:data.index(b"\0", start + name)].decode(): size
            for name, _, flags, _, _, size in headers if flags & 2}


CASES = []


def case(check):
    """Registers a function check_NAME(bench) as a case of the suite."""
    CASES.append(check)
    return check


def main(name, doc):
    """The suite `name` of all cases that are registered; `doc` says in its first line what it is."""
    parser = suite_parser(doc, "the tools")
    parser.add_argument("--include", type=pathlib.Path, required=True, help="the folder of attnc/runtime.h")
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--cxx", default="c++")
    parser.add_argument("--sanitize", default="", help="sanitizers that the tools and the archive were compiled with")
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    args = parser.parse_args()
    args.bin, args.include = args.bin.resolve(), args.include.resolve()
    suite = Suite(name)
    for check in CASES:
        if args.only in check.__name__:
            with tempfile.TemporaryDirectory() as folder:
                work = pathlib.Path(folder).resolve() / "a" / "b"  # "../.." from here is still the case's own.
                work.mkdir(parents=True)
                suite.run(check.__name__.removeprefix("check_"), check, Bench(args, work))
    return suite.write(args.results)
