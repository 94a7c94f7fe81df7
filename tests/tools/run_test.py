#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs attnc-run on a model made by hand (toy.c): what it computes, what it writes, and every message that a user can see."""
import argparse
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file, save_file

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))
from junit import Skip, Suite  # noqa: E402

SCALE = np.array([1, 2, 3, 4, 5], np.float32)


class Bench:
    """The tool, a folder of the suite's own, and the toy's variants, each compiled once."""

    def __init__(self, args, folder):
        self.args, self.folder, self.compiled = args, folder, {}
        self.sanitize = [f"-fsanitize={args.sanitize}"] if args.sanitize else []

    def compiler(self, *words):
        subprocess.run([self.args.compiler, *map(str, words)], cwd=self.folder, check=True, stdin=subprocess.DEVNULL)

    def toy(self, *macros):
        if macros not in self.compiled:
            target = self.folder / f"toy{len(self.compiled)}.o"
            self.compiler("-std=c99", "-O1", "-fPIC", "-I", self.args.include, *(f"-D{macro}" for macro in macros), "-c",
                          FOLDER / "toy.c", "-o", target)
            self.compiled[macros] = target
        return self.compiled[macros]

    def run(self, *words, code=0, **options):
        done = subprocess.run([self.args.tool, *map(str, words)], cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, **options)
        assert done.returncode == code, f"exit code {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
        return done.stdout

    def refuses(self, message, *words, code=1):
        """The tool fails with exactly this message and prints nothing else; {} stands for the folder."""
        done = subprocess.run([self.args.tool, *map(str, words)], cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)
        expected = f"attnc-run: error: {message}\n".replace("{}", str(self.folder))
        assert done.stderr == expected, f"it said\n{done.stderr}instead of\n{expected}"
        assert done.returncode == code, f"exit code {done.returncode}, expected {code}"
        assert done.stdout == "", f"on standard output: {done.stdout}"

    def save(self, name, array):
        path = self.folder / name
        if name.endswith(".npy"):
            np.save(path, array)
        elif name.endswith(".npz"):
            np.savez(path, **array)
        else:
            save_file(array, path)
        return path


def toy_inputs(batch=3):
    random = np.random.default_rng(batch)
    return {"x": random.standard_normal((batch, 5), np.float32), "ids": random.integers(0, 100, (batch, 4), dtype=np.int32),
            "flags": random.integers(0, 2, (batch, 4)).astype(bool)}


def expected(inputs, scale=SCALE):
    sums = inputs["ids"].astype(np.float32).sum(axis=1, keepdims=True)
    return {"y": inputs["x"] * scale + sums, "count": inputs["flags"].sum(axis=1).astype(np.float32)}


def check(found, wanted):
    assert sorted(found) == sorted(wanted), f"outputs {sorted(found)}, expected {sorted(wanted)}"
    for name, value in wanted.items():
        assert found[name].dtype == value.dtype and found[name].shape == value.shape, f"{name}: {found[name].dtype} {found[name].shape}"
        assert np.allclose(found[name], value, rtol=1e-6, atol=1e-6), f"{name}: {found[name]} instead of {value}"


def check_formats(bench):
    inputs = toy_inputs()
    wanted = expected(inputs)
    given = [f"{name}={bench.save(f'{name}.npy', value)}" for name, value in inputs.items()]
    singles = [word for text in given for word in ("--input", text)]
    for sources in (singles, ["-i", bench.save("all.npz", dict(inputs, other=np.zeros(3)))],
                    ["-i", bench.save("all.safetensors", dict(inputs, other=np.zeros(3)))]):
        bench.run(bench.toy(), *sources, "-o", "out.npz", "-o", "out.safetensors", "--output", "y=y.npy", "-o", "count=c.npz")
        with np.load(bench.folder / "out.npz") as archive:
            check(dict(archive), wanted)
        check(load_file(bench.folder / "out.safetensors"), wanted)
        check({"y": np.load(bench.folder / "y.npy")}, {"y": wanted["y"]})
        with np.load(bench.folder / "c.npz") as archive:
            check(dict(archive), {"count": wanted["count"]})
        for name in ("out.npz", "out.safetensors", "y.npy", "c.npz"):
            (bench.folder / name).unlink()
    left = [path.name for path in bench.folder.iterdir() if re.search(r"\.npy\.|\.npz\.|\.safetensors\.", path.name)]
    assert not left, f"temporary files are left: {left}"


def check_single(bench):
    """A model of one input and one output takes bare .npy files; a file's only array needs no name."""
    x = toy_inputs()["x"]
    toy = bench.toy("INPUTS=1", "OUTPUTS=1")
    for given in (bench.save("x.npy", x), f"x={bench.save('lone.npz', {'any': x})}"):
        bench.run(toy, "--input", given, "--output", "y.npy")
        check({"y": np.load(bench.folder / "y.npy")}, {"y": x * SCALE})


def check_conversions(bench):
    inputs = toy_inputs()
    wanted = expected(inputs)
    given = {"x": inputs["x"].astype(np.float64), "ids": inputs["ids"].astype(np.int64), "flags": inputs["flags"].astype(np.int64)}
    bench.run(bench.toy(), "-i", bench.save("wide.npz", given), "--convert", "-o", "out.npz")
    with np.load(bench.folder / "out.npz") as archive:
        check(dict(archive), wanted)
    bench.refuses('input "x" is f64, but the model takes f32; save it as float32, or round it with --convert', bench.toy(),
                  "-i", "wide.npz")


def check_threads(bench):
    inputs = toy_inputs(8)
    path, results = bench.save("batch.safetensors", inputs), []
    for threads in (1, 2, 5):
        bench.run(bench.toy(), "-i", path, "-o", "out.safetensors", "--threads", threads)
        results.append((bench.folder / "out.safetensors").read_bytes())
    assert results[0] == results[1] == results[2]
    check(load_file(bench.folder / "out.safetensors"), expected(inputs))


def check_library(bench):
    """A shared library runs on the runtime inside it."""
    bench.compiler("-shared", *bench.sanitize, bench.toy(), "-Wl,--whole-archive", bench.args.runtime, "-Wl,--no-whole-archive",
                   "-pthread", "-o", "toy.so")
    inputs = toy_inputs()
    path = bench.save("all.npz", inputs)
    for name in ("toy.so", bench.folder / "toy.so"):
        bench.run(name, "-i", path, "-o", "out.safetensors", "--threads", 2)
        check(load_file(bench.folder / "out.safetensors"), expected(inputs))


def check_libraries_without_runtime(bench):
    bench.compiler("-shared", bench.toy(), "-o", "bare.so")
    assert "bare.so: cannot be loaded: " in failure(bench, "bare.so")
    bench.compiler("-shared", *bench.sanitize, bench.toy(), bench.args.runtime, "-Wl,--exclude-libs,ALL", "-pthread", "-o", "hidden.so")
    bench.refuses("hidden.so: exports no attnc_init: it was linked without the runtime, or hides it", "hidden.so")


def failure(bench, *words):
    done = subprocess.run([bench.args.tool, *map(str, words)], cwd=bench.folder, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 1, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    assert done.stderr.startswith("attnc-run: error: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def check_weights(bench):
    toy = bench.toy("HANDED_OVER")
    inputs, scale = toy_inputs(), np.array([3, 1, 4, 1, 5], np.float32)
    path = bench.save("all.npz", inputs)
    for dtype in (np.float32, np.float16):
        bench.save("weights.safetensors", {"layer.scale": scale.astype(dtype), "extra": np.zeros(2, np.float32)})
        bench.run(toy, "-i", path, "--weights", "weights.safetensors", "-o", "out.npz")
        with np.load(bench.folder / "out.npz") as archive:
            check(dict(archive), expected(inputs, scale))
    outputs = {bench.run(toy, "-i", path, "--random-weights", seed) for seed in (1, 1, 2)}
    assert len(outputs) == 2, "seeds do not matter, or are not all that matters"
    bench.refuses('model "toy" embeds no weights; give --weights FILE, or --random-weights SEED', toy, "-i", path)
    for words in (("--weights", "weights.safetensors"), ("--random-weights", 1)):
        bench.refuses('model "toy" has its weights embedded and takes no others', bench.toy(), "-i", path, *words)
    bench.refuses('--dim seq=4: model "toy" was compiled for one extent of every dimension', bench.toy(), "-i", path, "--dim", "seq=4")
    bench.save("short.safetensors", {"layer.scale": scale[:4]})
    bench.refuses('short.safetensors: tensor "layer.scale" has shape [4], but the model needs [5]', toy, "-i", path,
                  "--weights", "short.safetensors")
    bench.save("absent.safetensors", {"layer.scales": scale})
    bench.refuses('absent.safetensors: tensor "layer.scale" is missing; did you mean "layer.scales"?', toy, "-i", path,
                  "--weights", "absent.safetensors")
    bench.refuses("nothing.safetensors: cannot be opened: No such file or directory", toy, "-i", path, "--weights",
                  "nothing.safetensors")


def check_summary(bench):
    x = np.arange(10, dtype=np.float32).reshape(2, 5)
    inputs = {"x": x, "ids": np.zeros((2, 4), np.int32), "flags": np.ones((2, 4), bool)}
    text = bench.run(bench.toy(), "-i", bench.save("all.npz", inputs))
    assert text == "y  f32 [2, 5]  min 0  mean 15.5  max 45  first 0 2 6 12 ...\ncount  f32 [2]  min 4  mean 4  max 4  first 4 4\n", text


def check_time(bench):
    text = bench.run(bench.toy(), "--random-inputs", 1, "--time", 20, "--threads", 2, "-o", "timed.npz")
    number = r"(\d+\.\d{4})"
    match = re.fullmatch(rf"median {number} ms  p10 {number} ms  p90 {number} ms  \(20 runs, 2 threads\)\n", text)
    assert match, text
    median, p10, p90 = map(float, match.groups())
    assert p10 <= median <= p90, text
    assert (bench.folder / "timed.npz").exists()


def check_random_inputs(bench):
    texts = [bench.run(bench.toy(), "--random-inputs", seed, "--batch", 4) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2], texts
    assert "y  f32 [4, 5]" in texts[0], texts[0]
    x = bench.save("x.npy", np.ones((7, 5), np.float32))
    assert "y  f32 [7, 5]" in bench.run(bench.toy(), "-i", f"x={x}", "--random-inputs", 1)


def check_info(bench):
    text = bench.run(bench.toy("HANDED_OVER", 'FEATURES="sse2"'), "--info", "--threads", 2)
    for line in ("model toy, made by attnc test", "for test, needs sse2", "batch 1 to 8", "  ids    i32 [batch, 4], values below 100",
                 "  count  f32 [batch]", "weights, to be handed over", "  layer.scale  f32 [5]", "  weights    64 bytes"):
        assert line + "\n" in text, f"{line} is not in\n{text}"
    assert re.search(r"  workspace  [\d.]+ kB \(batch 8, 2 threads\)\n", text), text
    assert "weights, embedded\n" in bench.run(bench.toy(), "--info")


def check_models(bench):
    for name in ("first", "second"):
        bench.toy(f"NAME={name}")
    bench.compiler("-r", bench.toy("NAME=first"), bench.toy("NAME=second"), "-o", "both.o")
    for name in ("first", "second"):
        assert f"model {name}," in bench.run("both.o", "--model", name, "--info")
    bench.refuses("both.o: there are several models in it (first, second); choose one with --model NAME", "both.o", "--info")
    bench.refuses("model 'toy' has no variant for CPU 'pdp11'; it has test", bench.toy(), "--random-inputs", 1, "--cpu", "pdp11")
    bench.run(bench.toy(), "--random-inputs", 1, "--cpu", "test")
    bench.refuses('both.o: there is no model "third" in it; there is first, second', "both.o", "--info", "--model", "third")


def check_large(bench):
    """An object with 90 MB of weights links within a second and some; that it is not copied many times shows in its memory."""
    if bench.sanitize:
        raise Skip("memory is not measured under a sanitizer")
    toy = bench.toy("PADDING=90000000")

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    bench.run(toy, "--random-inputs", 1, preexec_fn=limit)


def check_files_that_are_no_models(bench):
    bench.refuses("nothing.o: cannot be opened: No such file or directory", "nothing.o")
    (bench.folder / "folder.o").mkdir()
    os.mkfifo(bench.folder / "fifo.o")
    for name in ("folder.o", "fifo.o"):
        assert failure(bench, name).startswith(f"attnc-run: error: {name}: ")
    for name, data in (("empty.o", b""), ("text.o", b"hello\n" * 100), ("cut.o", bench.toy().read_bytes()[:100])):
        (bench.folder / name).write_bytes(data)
        text = failure(bench, name)
        assert text.startswith(f"attnc-run: error: {name}: "), text
    assert "text.o: not an object file or a shared library that attnc made: " in failure(bench, "text.o")
    (bench.folder / "other.c").write_text("int answer(void) { return 42; }\n")
    bench.compiler("-c", "other.c", "-o", "other.o")
    bench.refuses("other.o: there is no model in it (no symbol <name>_attnc_model)", "other.o")


def check_objects_that_do_not_fit(bench):
    bench.refuses("{}/toy-abi.o: is for version 99 of the runtime's ABI; attnc-run has 8. Compile the model again",
                  bench.toy("ABI=99").rename(bench.folder / "toy-abi.o"), "--info")
    text = failure(bench, bench.toy("UNDEFINED"), "--random-inputs", 1)
    assert "cannot be linked: " in text and "no_such_function" in text, text
    text = failure(bench, bench.toy('FEATURES="sse2 no-such-feature"'), "--random-inputs", 1)
    assert "model 'toy' for CPU 'test' needs no-such-feature, which this CPU does not know" in text, text
    foreign = bytearray(bench.toy().read_bytes())
    here = foreign[18:20]
    foreign[18:20] = (183 if here != b"\xb7\x00" else 62).to_bytes(2, "little")  # e_machine: AArch64, or x86-64
    (bench.folder / "foreign.o").write_bytes(foreign)
    names = ("aarch64", "x86_64") if here != b"\xb7\x00" else ("x86_64", "aarch64")
    bench.refuses(f"foreign.o: is compiled for {names[0]}; this machine is {names[1]}", "foreign.o")


def check_inputs_that_do_not_fit(bench):
    toy, inputs = bench.toy(), toy_inputs()
    path = bench.save("all.npz", inputs)
    x = bench.save("x.npy", inputs["x"])
    bench.refuses('input "x" is missing; give --input x=FILE, or --random-inputs SEED', toy)
    bench.refuses(f"{x}: the model has the inputs x, ids, flags; say which one this is: --input NAME={x}", toy, "-i", x)
    bench.refuses('the model has no input "z"; its inputs are x, ids, flags', toy, "-i", f"z={x}")
    bench.refuses('input "x" is given twice', toy, "-i", path, "-i", f"x={x}")
    bench.save("none.npz", {"a": inputs["x"], "b": inputs["x"]})
    bench.refuses("none.npz: none of the model's inputs (x, ids, flags) is in it", toy, "-i", "none.npz")
    bench.refuses('none.npz: there is no array "x" among its 2', toy, "-i", "x=none.npz")
    bench.save("wide.npy", np.zeros((3, 6), np.float32))
    bench.refuses('input "x" has shape [3, 6], but the model takes [batch, 5]', toy, "-i", "x=wide.npy")
    bench.save("flat.npy", np.zeros(5, np.float32))
    bench.refuses('input "x" has shape [5], but the model takes [batch, 5]', toy, "-i", "x=flat.npy")
    bench.save("more.npy", np.zeros((2, 5), np.float32))
    bench.refuses('input "ids" has batch 3, but input "x" has 2', toy, "-i", "x=more.npy", "-i",
                  f"ids={bench.save('ids.npy', inputs['ids'])}")
    bench.refuses('input "x" has batch 3, but --batch has 4', toy, "-i", path, "--batch", 4)
    bench.save("nine.npy", np.zeros((9, 5), np.float32))
    bench.refuses('the batch is 9; model "toy" takes 1 to 8', toy, "-i", "x=nine.npy", "--random-inputs", 1)
    bench.save("zero.npy", np.zeros((0, 5), np.float32))
    bench.refuses('the batch is 0; model "toy" takes 1 to 8', toy, "-i", "x=zero.npy", "--random-inputs", 1)
    bench.save("real.npz", dict(inputs, ids=inputs["ids"].astype(np.float32)))
    bench.refuses('input "ids" is f32, but the model takes i32', toy, "-i", "real.npz")
    bench.save("two.npz", dict(inputs, flags=np.full((3, 4), 2, np.uint8)))
    bench.refuses('input "flags" is u8, but the model takes bool: value 2 at [0, 0] is not a value of bool', toy, "-i", "two.npz")
    bench.save("index.npz", dict(inputs, ids=np.full((3, 4), 100, np.int32)))
    bench.refuses("ids[0, 0] is 100, outside [0, 100)", toy, "-i", "index.npz")
    np.savez_compressed(bench.folder / "small.npz", **inputs)
    bench.refuses('small.npz: member "x.npy" is compressed; save it with numpy.savez, not numpy.savez_compressed', toy, "-i", "small.npz")
    np.save(bench.folder / "fortran.npy", np.asfortranarray(np.ones((3, 5), np.float32)))
    bench.refuses("fortran.npy: the array is in Fortran order; save numpy.ascontiguousarray() of it", toy, "-i", "x=fortran.npy")
    bench.save("big.npy", inputs["x"].astype(">f4"))
    bench.refuses('big.npy: big-endian data (">f4") is not supported; save it little-endian', toy, "-i", "x=big.npy")


def check_outputs_that_do_not_fit(bench):
    toy = bench.toy()
    bench.refuses("y.npy: a .npy file holds one array, but the outputs are y, count; choose one with --output NAME=y.npy, or write "
                  ".npz or .safetensors", toy, "--random-inputs", 1, "-o", "y.npy")
    bench.refuses('the model has no output "z"; its outputs are y, count', toy, "--random-inputs", 1, "-o", "z=y.npy")
    bench.refuses("cannot write absent/y.npz: No such file or directory", toy, "--random-inputs", 1, "-o", "absent/y.npz")
    (bench.folder / "before.npz").write_bytes(b"before")
    failure(bench, toy, "--random-inputs", 1, "-o", "before.npz", "-o", "absent/y.npz")
    assert (bench.folder / "before.npz").read_bytes() == b"before", "a failed run changed an output"
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([bench.args.tool, toy, "--random-inputs", "1"], stdin=subprocess.DEVNULL, stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "attnc-run: error: cannot write to the standard output\n"), done


def check_command_line(bench):
    text = bench.run("--help")
    assert "example: attnc-run" in text and text.count("\n") <= 24, text
    assert bench.run("-h") == text
    bench.refuses("no model is given; see --help", code=2)
    bench.refuses("unknown option '--inputs'; did you mean '--input'?", "a.o", "--inputs", "x.npy", code=2)
    bench.refuses("--threads takes a number from 1 to 1024, not '0'", "a.o", "--threads", 0, code=2)
    bench.refuses("cannot write 'y.bin': outputs are .npy, .npz or .safetensors files", "a.o", "-o", "y.bin", code=2)
    bench.refuses("no?such.o: cannot be opened: No such file or directory", "no\nsuch.o")


CASES = [check_formats, check_single, check_conversions, check_threads, check_library, check_libraries_without_runtime,
         check_weights, check_summary, check_time, check_random_inputs, check_info, check_models, check_large,
         check_files_that_are_no_models, check_objects_that_do_not_fit, check_inputs_that_do_not_fit,
         check_outputs_that_do_not_fit, check_command_line]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", type=pathlib.Path, required=True)
    parser.add_argument("--runtime", type=pathlib.Path, required=True, help="the runtime archive")
    parser.add_argument("--include", type=pathlib.Path, required=True, help="the folder of attnc/runtime.h")
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--sanitize", default="", help="sanitizers that the archive was compiled with")
    parser.add_argument("--results", type=pathlib.Path)
    args = parser.parse_args()
    suite = Suite("attnc-run")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, pathlib.Path(folder).resolve())
        for case in CASES:
            suite.run(case.__name__.removeprefix("check_"), case, bench)
    return suite.write(args.results)


if __name__ == "__main__":
    sys.exit(main())
