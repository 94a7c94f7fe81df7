#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""attnc's command line: help, wrong words, and what it takes for a model. What a wrong description is told is in tests/errors;
here is what the driver adds."""
import functools
import json
import os
import re
import subprocess
import sys

from attnc_suite import case, encoder, linear, main


@case
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


@case
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
    for share in ("-1", "many", "1073741825"):
        bench.refuses(f"--microbatch takes a number from 0 to 1073741824, not '{share}'", model, f"--microbatch={share}", code=2)
    for dim in ("seq", "seq=", "=4", "seq=0", "seq=-1", "seq=4x", "seq=4,", "seq=4,0", "seq=2147483648", "seq=99999999999999999999"):
        bench.refuses(f"--dim {dim}: expected NAME=N[,N...] with N from 1 to 2147483647, each name once", model, "--dim", dim, code=2)
    bench.refuses("--dim seq=5: expected NAME=N[,N...] with N from 1 to 2147483647, each name once", model, "--dim", "seq=4", "--dim",
                  "seq=5", code=2)


@case
def check_precision(bench):
    """The description's precision, where the command line has none."""
    for described in (None, "f32", "bf16", "int8"):
        model = bench.model("m.json", {**encoder(1, 64, 4), **({"precision": described} if described else {})})
        for given in (None, "f32", "bf16", "int8"):
            words = ["--precision", given] if given else []
            kernels = bench.run(model, "--emit", "kernels", *words).stdout
            found = set(re.findall(r"attn<precision (\w+)>", kernels)) or {"f32"}
            assert found == {given or described or "f32"}, (described, given, found)


@case
def check_files_that_are_no_models(bench):
    (bench.folder / "folder").mkdir()
    bench.refuses('cannot read "absent.json": cannot be opened: No such file or directory', "absent.json")
    bench.refuses('cannot read "folder": is a directory, not a regular file', "folder")
    bench.refuses('--dim seq=3: the model has no dimension "seq"\n  help: it declares no "dims"', bench.model("m.json", linear()),
                  "--dim", "seq=3")
    (bench.folder / "-m.json").write_text(json.dumps(linear()))
    bench.run("-o", "k.o", "--", "-m.json")


@case
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


@case
def check_standard_output_that_fails(bench):
    model = bench.model("m.json", linear())
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = bench.start(model, "--emit", "attn", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, "attnc: error: cannot write to the standard output\n"), done


if __name__ == "__main__":
    sys.exit(main("attnc-cli", __doc__))
