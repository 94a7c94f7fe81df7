# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a model through ever longer prefixes of the pipeline, and through the pipeline with each fusion off, evaluates what
comes out with the reference, and compares with the model's own values."""
import argparse
import re
import subprocess
import sys

PASSES = ["canonicalize-graph", "find-independent-batch", "merge-projections", "fuse-attention", "pack-rows", "find-live-keys", "fuse-epilogue", "outline-kernels",
          "assign-schedules", "pack-weights", "plan-memory", "assign-microbatch"]
VARIANTS = ["cpu=x86-64-v4", "merge=false", "attention=false", "pack-rows=false", "epilogue=false", "epilogue=false pack-rows=false", "arch=aarch64 cpu=generic"]


def values(model, *passes):
    result = subprocess.run(["attnc-opt", *passes, "--run-reference", model], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{model}, {passes}: {result.stderr}")
    numbers = [float(text) for text in re.findall(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf)", result.stdout)]
    if len(set(numbers)) < 10:
        sys.exit(f"{model}, {passes}: too few different values to compare")
    return numbers


def differs(a, b):
    return len(a) != len(b) or any(abs(x - y) > 2e-5 * max(1, abs(x)) for x, y in zip(a, b))


# What a precision changes it changes once: the passes behind the one that assigns it keep its values.
PRECISIONS = ["bf16", "int8"]
BEFORE_PRECISION = PASSES[:PASSES.index("fuse-epilogue")]

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--against", help="take the expected values from this model")
arguments = parser.parse_args()
expected = values(arguments.against or arguments.model)
runs = [["--attnc-" + name for name in PASSES[:count]] for count in range(1, len(PASSES) + 1)]
runs += [["--attnc-pipeline=" + variant] for variant in VARIANTS]
for run in runs:
    if differs(values(arguments.model, *run), expected):
        sys.exit(f"{arguments.model}: values change with {' '.join(run)}")
for precision in PRECISIONS:
    before = ["--attnc-" + name for name in BEFORE_PRECISION] + [f"--attnc-assign-precision=precision={precision}"]
    rounded = values(arguments.model, *before)
    if differs(values(arguments.model, f"--attnc-pipeline=precision={precision}"), rounded):
        sys.exit(f"{arguments.model}: values change behind the precision {precision}")
print(f"{arguments.model}: {len(runs)} pipelines, the same values")
