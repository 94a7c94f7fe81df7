#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cross-compiles goldens for AArch64, links them with a cross-compiled runtime and driver.c, and compares what they compute
under qemu-user with PyTorch, by the policy of run_e2e.py. A visible skip where cross compiler or emulator is missing."""
import json
import os
import pathlib
import shutil
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file

from run_e2e import FOLDER, GOLDENS, Kernel, check_results, command, part, rows_that_count, same_bits

from junit import Skip, Suite, suite_parser

ROOT = FOLDER.parents[1]
NAMES = ["linear", "layer_norm", "mha_padding", "mha_odd", "layer_odd_post_gelu", "encoder_post", "text_classifier_learned"]
ROUNDED = ["linear", "encoder_post"]  # Also in bf16 and int8.


def need_tools():
    for tool, package in (("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"), ("aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu"),
                          ("qemu-aarch64", "qemu-user")):
        if not shutil.which(tool):
            raise Skip(f"{tool} is not installed (Debian package {package})")


def compile_runtime(folder, compiler):
    """The runtime's objects, as its CMakeLists.txt compiles them."""
    sources = sorted((ROOT / "runtime").glob("*.cpp"))
    command(compiler, "-std=c++17", "-O2", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics",
            f"-I{ROOT}/runtime", f"-I{ROOT}", "-c", *sources, cwd=folder)
    return sorted(folder.glob("*.o"))


def compile_program(folder, source, kernel):
    """A C program that includes the header beside a kernel in the folder, and links nothing but the kernel and the runtime."""
    runtime, program = folder / "runtime", folder / source.stem
    runtime.mkdir()
    command("cc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/runtime", f"-I{folder}", source, kernel,
            *compile_runtime(runtime, "c++"), "-pthread", "-o", program)
    return program


def link_driver(compiler, name, kernel, runtime, driver):
    command(compiler, "-std=c99", "-O1", "-static", f"-DMODEL={name}_attnc_model", f"-I{ROOT}/runtime",
            FOLDER / "driver.c", kernel, *runtime, "-pthread", "-o", driver)


def build_runtime(folder):
    need_tools()
    return compile_runtime(folder, "aarch64-linux-gnu-g++")


def check(name, tools, runtime, folder):
    tensors = load_file(GOLDENS / f"{name}.safetensors")
    print(f"{name}: {check_results(compute(name, tools, runtime, folder), tensors):.0%} of the allowed error", flush=True)


def check_precision(name, precision, tools, runtime, folder):
    """Close to f32, and the bits of x86-64 where operands are widened: a precision says what is multiplied, not a CPU."""
    results = compute(name, tools, runtime, folder, "--precision", precision)
    tensors = load_file(GOLDENS / f"{name}.safetensors")
    rounded, exact = (rows_that_count(arrays, part(tensors, "valid"))["y"].astype(np.float64)
                      for arrays in (results, part(tensors, "f64")))
    cosine = (rounded * exact).sum() / np.linalg.norm(rounded) / np.linalg.norm(exact)
    assert 0.9999 <= cosine < 1 - 1e-9, f"cosine {cosine} with the golden"
    if os.uname().machine == "x86_64":
        same_bits("x86-64-v3", results, Kernel(tools, GOLDENS / f"{name}.json", folder, "--cpu", "x86-64-v3", "--precision",
                                               precision).run(part(tensors, "input")))


def compute(name, tools, runtime, folder, *options):
    """What the golden's model makes of its inputs under qemu; the same bits on 1 and 2 threads."""
    need_tools()
    spec = json.loads((GOLDENS / f"{name}.json").read_text())
    tensors = load_file(GOLDENS / f"{name}.safetensors")
    inputs = part(tensors, "input")
    kernel, driver, given, made = (folder / f"{name}.{end}" for end in ("o", "driver", "in", "out"))
    command(tools / "attnc", GOLDENS / f"{name}.json", "-o", kernel, "--target", "aarch64-linux-gnu", *options)
    link_driver("aarch64-linux-gnu-gcc", name, kernel, runtime, driver)
    given.write_bytes(b"".join(inputs[key].tobytes() for key in spec["inputs"]))
    batch = next(iter(inputs.values())).shape[0] if "batch" in spec.get("dims", {}) else 1
    runs = []
    for threads in (1, 2):
        command("qemu-aarch64", driver, given, made, batch, threads)
        runs.append({"y": np.frombuffer(made.read_bytes(), np.float32).reshape(tensors["f64.y"].shape)})
    same_bits("2 threads", runs[0], runs[1])
    return runs[0]


def main():
    args = suite_parser(__doc__, "attnc").parse_args()
    suite = Suite("aarch64")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "runtime").mkdir()
        runtime = suite.run("runtime", build_runtime, folder / "runtime")
        for name in NAMES:
            suite.run(name, check, name, args.bin.resolve(), runtime, folder)
        for name in ROUNDED:
            for precision in ("bf16", "int8"):
                suite.run(f"{name}_{precision}", check_precision, name, precision, args.bin.resolve(), runtime, folder)
    return suite.write(args.results)


if __name__ == "__main__":
    sys.exit(main())
