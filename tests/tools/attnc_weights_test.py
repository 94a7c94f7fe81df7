#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""attnc and weights: where they come from, and where they lie in what it makes."""
import json
import re
import shutil
import struct
import subprocess
import sys

import numpy as np
from safetensors.numpy import save_file

from attnc_suite import Skip, case, linear, main, sections, square


@case
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


@case
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


@case
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


@case
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


if __name__ == "__main__":
    sys.exit(main("attnc-weights", __doc__))
