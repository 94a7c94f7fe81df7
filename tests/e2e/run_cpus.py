#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One object for several CPUs, run as CPUs that qemu-user imitates: each takes the variant that suits it, the values are those
of run_e2e.py's policy and have the same bits in every variant, and a CPU that runs none gets an error instead of a signal. A
visible skip where the emulator is missing, or this machine lacks what a variant needs."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file, save_file

from run_aarch64 import compile_runtime, link_driver
from run_e2e import GOLDENS, check_results, command, part, same_bits

from junit import Skip, Suite, cpu_levels, suite_parser

NAME = "encoder_post"


class Object:
    def __init__(self, tools, folder):
        self.tools, self.folder, self.kernel = tools, folder, folder / "kernel.o"
        self.tensors = load_file(GOLDENS / f"{NAME}.safetensors")
        self.inputs = part(self.tensors, "input")
        command(tools / "attnc", GOLDENS / f"{NAME}.json", "--cpu", "x86-64-v3,x86-64-v4", "-o", self.kernel)

    def here(self, cpu):
        """What the variant for `cpu` computes on this machine."""
        given, made = self.folder / "in.safetensors", self.folder / "out.safetensors"
        save_file({name: np.ascontiguousarray(value) for name, value in self.inputs.items()}, given)
        command(self.tools / "attnc-run", self.kernel, "--cpu", cpu, "--input", given, "--output", made)
        return {"y": load_file(made)["y"]}

    def driver(self):
        """A program with the object, and the words that run it on the golden's inputs."""
        if os.uname().machine != "x86_64":
            raise Skip("this machine is no x86-64")
        if not shutil.which("qemu-x86_64"):
            raise Skip("qemu-x86_64 is not installed (Debian package qemu-user)")
        driver, given, made = (self.folder / f"driver{end}" for end in ("", ".in", ".out"))
        if not driver.exists():
            (self.folder / "runtime").mkdir()
            link_driver("cc", NAME, self.kernel, compile_runtime(self.folder / "runtime", "c++"), driver)
            spec = json.loads((GOLDENS / f"{NAME}.json").read_text())
            given.write_bytes(b"".join(self.inputs[key].tobytes() for key in spec["inputs"]))
        batch = next(iter(self.inputs.values())).shape[0]
        return [str(word) for word in (driver, given, made, batch, 1)], made

    def imitating(self, cpu):
        """The variant that ran on that CPU, and its results."""
        words, made = self.driver()
        ran = command("qemu-x86_64", "-cpu", cpu, *words).strip()
        return ran, {"y": np.frombuffer(made.read_bytes(), np.float32).reshape(self.tensors["f64.y"].shape)}


def check_variants(made):
    if "x86-64-v4" not in cpu_levels():
        raise Skip("this machine has no AVX-512")
    same_bits("x86-64-v4", made.here("x86-64-v3"), made.here("x86-64-v4"))


def check_avx2(made):
    ran, results = made.imitating("Haswell")
    assert ran == "x86-64-v3", f"the variant for {ran} ran on a Haswell"
    check_results(results, made.tensors)
    same_bits("x86-64-v3 on this machine", results, made.here("x86-64-v3"))


def check_none(made):
    words, _ = made.driver()
    done = subprocess.run(["qemu-x86_64", "-cpu", "Nehalem", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 1, f"exit code {done.returncode}\n{done.stderr}"
    expected = (f"driver: model '{NAME}' for CPU 'x86-64-v3' needs avx avx2 fma f16c bmi bmi2, which this CPU lacks; it asks for the "
                "least of the model's variants\n")
    assert done.stderr.endswith(expected), done.stderr


def main():
    args = suite_parser(__doc__, "attnc and attnc-run").parse_args()
    suite = Suite("cpus")
    with tempfile.TemporaryDirectory() as folder:
        made = suite.run("compile for two CPUs", Object, args.bin.resolve(), pathlib.Path(folder))
        if made:
            suite.run("the variants agree", check_variants, made)
            suite.run("a CPU with AVX2", check_avx2, made)
            suite.run("a CPU without AVX", check_none, made)
    return suite.write(args.results)


if __name__ == "__main__":
    sys.exit(main())
