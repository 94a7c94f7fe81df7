#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Differential fuzz: random models, compiled and run, beside the reference interpreter of the IR.

For each plan of plans.py
  the frontend's IR runs through the reference in f64 (the truth) and in f32 (what rounding alone does to it);
  the passes, all and with each one off, must leave the reference's f64 results as they are;
  the object, for each CPU level that this machine runs, must be as close to the truth as the numeric policy asks, whatever
  the thread count the same bits, and the last row of a batch alone the same bits as within the batch.
A failing plan is shrunk, and printed as a line for regressions.json, which runs first. A line there with "known" is a bug
that waits for its repair: it is skipped, visibly, while it fails in the way that "known" says, and fails once it holds on a
machine that runs every level. {"draw": SEED, "known": ..} says so of a drawn plan.

    python tests/fuzz-models/fuzz_models.py --bin build/bin [--count N] [--seed S] [--jobs N] [--plan JSON]
"""
import argparse
import concurrent.futures
import copy
import json
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import time
import zlib

import numpy as np
from safetensors.numpy import load_file, save_file

import plans

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))
from junit import Skip, Suite  # noqa: E402

PIPELINES = ["", "merge=false", "attention=false", "epilogue=false", "merge=false attention=false epilogue=false"]
# A pass may round a factor to f32 or fold two; nothing else changes a value in f64.
PASS_TOLERANCE = 2e-6
# The numeric policy allows the largest error of the f32 reference twice. The fuzz asks a little less, because the f32
# reference is one sample of rounding and thousands of models are compared with it.
LARGEST, MEAN, FLOOR = 4, 3, 2e-6


def cpu_levels():
    """The CPU levels to compile for: each that this machine can run."""
    if platform.machine() != "x86_64":
        return ["host"]
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    wide = all(re.search(rf"\b{flag}\b", flags) for flag in ("avx512f", "avx512bw", "avx512vl", "avx512dq"))
    return ["x86-64-v3"] + (["x86-64-v4"] if wide else [])


def command(*words):
    words = [str(word) for word in words]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{pathlib.Path(words[0]).name} {' '.join(words[2:])}: exit code {done.returncode}: {done.stderr[-1500:]}"
    return done.stdout


# -- Values ------------------------------------------------------------------------------------------------------------


def make_inputs(plan, description, shapes):
    rng = np.random.default_rng(plan["seed"])
    inputs = {}
    for name, spec in description["inputs"].items():
        shape = shapes[name]
        if spec["dtype"] == "bool":
            inputs[name] = make_mask(rng, plan, shape)
        elif spec["dtype"] == "i32":
            # Indices of the table of plans.py, or lengths: some empty, some of every key there is.
            most = int(name.removeprefix("lengths_")) if name.startswith("lengths") else plans.WORDS - 1
            inputs[name] = rng.integers(0, most + 1, shape, dtype=np.int32)
        elif name.startswith("added"):
            inputs[name] = np.where(make_mask(rng, plan, shape), -np.inf, rng.standard_normal(shape)).astype(np.float32)
        else:
            inputs[name] = rng.standard_normal(shape, dtype=np.float32)
    return inputs


def make_mask(rng, plan, shape):
    """Lengths or scattered bits; one row in ten is blocked whole."""
    *lead, length = shape
    if plan["padding"] == "bits":
        mask = rng.random(shape) < 0.4
    else:
        mask = np.arange(length) >= rng.integers(1, length + 1, lead + [1])
    return mask | (rng.random(lead + [1]) < 0.1)


def make_weights(plan, parameters):
    """Weights that keep activations near 1: matrices by their fan-in, gains about 1, everything else small but not 0."""
    weights = {}
    for name, shape in parameters.items():
        rng = np.random.default_rng([plan["seed"], zlib.crc32(name.encode())])
        value = rng.standard_normal(shape, dtype=np.float32)
        if len(shape) > 1:
            value *= np.float32(shape[-1] ** -0.5)
        else:
            value = np.float32(0.3) * value + np.float32(name.endswith("weight"))
        weights[name] = value.astype(np.float32)
    return weights


# -- The reference -----------------------------------------------------------------------------------------------------

PARAMETER = re.compile(r'attn\.parameter @("[^"]+"|[\w.$-]+) : (tensor<([\dx]*)f32>)')
ARGUMENT = re.compile(r'tensor<[\dx?]*(f32|i1|i32|i64)> \{[^}]*\battn\.name = "(\w+)"')
RESULT = re.compile(r'tensor<[\dx?]*\w+> \{[^}]*\battn\.name = "(\w+)"')


def parameters_of(ir):
    return {name.strip('"'): [int(e) for e in extents.split("x") if e] for name, _, extents in PARAMETER.findall(ir)}


def dense(value, element):
    kind = "x".join(map(str, value.shape)) + ("x" if value.ndim else "") + element
    text = json.dumps(value.tolist()) if element == "i1" else f'"0x{value.tobytes().hex().upper()}"'
    return f"dense<{text}> : tensor<{kind}>"


def with_values(ir, inputs, weights):
    """The IR with attn.value at every parameter and argument."""
    ir = PARAMETER.sub(lambda m: f"attn.parameter @{m[1]} {{attn.value = {dense(weights[m[1].strip(chr(34))], 'f32')}}} : {m[2]}", ir)
    head, arrow, tail = ir.partition(") -> ")
    head = ARGUMENT.sub(lambda m: f"{m[0]}, attn.value = {dense(inputs[m[2]], m[1])}", head)
    filled = head + arrow + tail
    assert filled.count("attn.value") == len(inputs) + len(weights), "not every input and parameter got its values"
    return filled


def outputs_of(ir):
    """The outputs' names, in order."""
    return RESULT.findall(ir.partition(") -> ")[2].partition("\n")[0])


def reference(tools, path, outputs, *options):
    printed = command(tools / "attnc-opt", path, *options, "--run-reference", "--reference-digits=17")
    results = {}
    for name, line in zip(outputs, printed.splitlines()):
        values = line.partition(": ")[2]
        results[name] = np.array(json.loads(values.replace("-nan", "NaN").replace("nan", "NaN").replace("inf", "Infinity")))
    assert len(results) == len(outputs), f"the reference printed {len(results)} of {len(outputs)} results"
    return results


# -- Comparing ---------------------------------------------------------------------------------------------------------


def compare(what, result, f64, f32):
    """Fails where a result is further from the truth than rounding explains; returns the part of the allowed error used."""
    assert result.shape == f64.shape, f"{what}: shape {result.shape}, expected {f64.shape}"
    finite = np.isfinite(f64)
    differ = ~((result == f64) | (np.isnan(result) & np.isnan(f64)))[~finite]
    assert not differ.any() and np.isfinite(result[finite]).all(), f"{what}: NaN or infinity in the wrong place"
    if not finite.any():
        return 0
    error, rounding, peak = np.abs(result - f64)[finite], np.abs(f32 - f64)[finite], np.abs(f64[finite]).max()
    most = LARGEST * rounding.max() + FLOOR * peak + 1e-30
    mean = MEAN * rounding.mean() + FLOOR / 4 * peak + 1e-30
    assert error.max() <= most, f"{what}: error {error.max():.3g}, allowed {most:.3g}, of values up to {peak:.3g}"
    assert error.mean() <= mean, f"{what}: mean error {error.mean():.3g}, allowed {mean:.3g}, of values up to {peak:.3g}"
    return max(error.max() / most, error.mean() / mean)


def same_bits(what, left, right):
    for name in left:
        assert left[name].shape == right[name].shape, f"{what}: {name} has shape {right[name].shape}"
        differ = np.count_nonzero(left[name].view(np.uint32) != right[name].view(np.uint32))
        assert not differ, f"{what}: {differ} of {left[name].size} values of {name} differ in bits"


def check(tools, plan, levels):
    """Runs one plan; an AssertionError says what is wrong. Returns the part of the allowed error used."""
    with tempfile.TemporaryDirectory(prefix="attnc-fuzz-") as name:
        folder, used = pathlib.Path(name), 0
        description, shapes = plans.describe(plan)
        model = folder / "model.json"
        model.write_text(json.dumps(description))
        ir = command(tools / "attnc", model, "--emit", "attn")
        inputs, weights = make_inputs(plan, description, shapes), make_weights(plan, parameters_of(ir))
        outputs, truth = outputs_of(ir), folder / "values.mlir"
        truth.write_text(with_values(ir, inputs, weights))
        f64 = reference(tools, truth, outputs)
        f32 = reference(tools, truth, outputs, "--reference-precision=f32")
        check_passes(tools, truth, outputs, f64)
        save_file(inputs, folder / "input.safetensors")
        if weights:
            save_file(weights, folder / "model.safetensors")
            if plan["weights"] == "file":
                model.write_text(json.dumps({**description, "weights": "model.safetensors"}))
        for level in levels:
            used = max(used, check_object(tools, plan, folder, description, inputs, bool(weights), level, f64, f32))
        return used


def check_passes(tools, truth, outputs, f64):
    for options in PIPELINES:
        passed = reference(tools, truth, outputs, f"--attnc-pipeline={options}")
        for output in outputs:
            where = f"{output}, reference after --attnc-pipeline=\"{options}\""
            compare(where, passed[output], f64[output], f64[output] + PASS_TOLERANCE / LARGEST)


def check_object(tools, plan, folder, description, inputs, weighted, level, f64, f32):
    kernel, weights = folder / f"{level}.o", []
    command(tools / "attnc", folder / "model.json", "-o", kernel, "--cpu", level, "--quiet")
    if weighted and plan["weights"] == "caller":
        weights = ["--weights", folder / "model.safetensors"]

    def run(arrays, threads):
        save_file(arrays, folder / "input.safetensors")
        command(tools / "attnc-run", kernel, "--input", folder / "input.safetensors", "--output", folder / "output.safetensors",
                "--threads", threads, *weights)
        return load_file(folder / "output.safetensors")

    results = run(inputs, 1)
    used = max(compare(f"{name} for {level}", results[name].astype(np.float64), f64[name], f32[name]) for name in f64)
    same_bits(f"2 threads for {level}", results, run(inputs, 2))
    runtime = {name for name, spec in description["inputs"].items() if spec["shape"][0] == "batch"}
    if runtime and plan["batch"] > 1:
        last = {name: np.ascontiguousarray(value[-1:]) if name in runtime else value for name, value in inputs.items()}
        same_bits(f"the last row alone for {level}", {name: value[-1:] for name, value in results.items()}, run(last, 1))
    return used


# -- Shrinking ---------------------------------------------------------------------------------------------------------


def smaller_plans(plan):
    """Plans that are one step simpler, the largest steps first."""
    for index in range(len(plan["blocks"])):
        yield {**plan, "blocks": plan["blocks"][:index] + plan["blocks"][index + 1:]}
    for key, simplest in (("tail", "none"), ("front", "float"), ("runtime_batch", False), ("layout", "batch_first"), ("weights", "file")):
        if plan[key] != simplest:
            yield {**plan, key: simplest}
    for index, block in enumerate(plan["blocks"]):
        for key, value in block.items():
            for simpler in simpler_values(key, value):
                changed = copy.deepcopy(plan)
                changed["blocks"][index][key] = simpler
                yield changed
    for key in ("batch", "seq", "memory", "width"):
        for number in smaller_numbers(plan[key]):
            yield {**plan, key: number}


def smaller_numbers(number):
    return sorted({n for n in (1, 2, number // 2, number - 8, number - 1) if 1 <= n < number})


def simpler_values(key, value):
    if value is True:
        return [False]
    if isinstance(value, list):
        return [value[:i] + value[i + 1:] for i in range(len(value))]
    if isinstance(value, int) and not isinstance(value, bool):
        return smaller_numbers(value)
    if key == "activation" and value not in (None, "relu"):
        return ["relu"]
    return []


def failure_of(tools, plan, levels):
    try:
        check(tools, plan, levels)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None


def kind_of(failure):
    """A failure without its numbers: while shrinking, the same thing has to fail."""
    return re.sub(r"[\d.]+(e[-+]?\d+)?|m\d+", "#", failure)[:80]


def shrink(tools, plan, levels, failure, seconds=60):
    """The simplest plan found that fails like this one."""
    end, progress = time.monotonic() + seconds, True
    while progress and time.monotonic() < end:
        progress = False
        for candidate in smaller_plans(plan):
            if time.monotonic() > end:
                break
            found = failure_of(tools, candidate, levels)
            if found and kind_of(found) == kind_of(failure):
                plan, failure, progress = candidate, found, True
                break
    return plan, failure


def check_plan(tools, plan, levels, shrinks):
    """What a worker does: (used, None) of a plan that holds, else (0, report of the shrunk one)."""
    try:
        return check(tools, plan, levels), None
    except (AssertionError, subprocess.TimeoutExpired) as error:
        failure = str(error)
    small, small_failure = shrink(tools, plan, levels, failure) if shrinks else (plan, failure)
    report = f"{failure}\nshrunk: {small_failure}\nfor regressions.json:\n{json.dumps(small)}\n{json.dumps(plans.describe(small)[0])}"
    return 0, report


def raise_report(report, known=None):
    if known:
        assert report or len(cpu_levels()) < 2, f"it holds now: drop its \"known\" ({known})"
        if report and known in report:
            raise Skip(f"known: {report.splitlines()[0]}")
    if report:
        raise AssertionError(report)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="the folder of attnc, attnc-opt and attnc-run")
    parser.add_argument("--count", type=int, default=64, help="how many models (64)")
    parser.add_argument("--seed", type=int, default=1, help="the first model's seed (1)")
    parser.add_argument("--jobs", type=int, default=2, help="models at a time (2)")
    parser.add_argument("--plan", help="just this plan, as JSON, or @SEED")
    parser.add_argument("--no-shrink", action="store_true", help="print failing plans as they are")
    parser.add_argument("--results", help="JUnit file to write")
    args = parser.parse_args()
    levels, suite, start = cpu_levels(), Suite("fuzz-models"), time.monotonic()
    if args.plan:
        cases = [("the plan", plans.draw(int(args.plan[1:])) if args.plan[0] == "@" else json.loads(args.plan))]
    else:
        kept = [json.loads(line) for line in (FOLDER / "regressions.json").read_text().splitlines()]
        known = {plan["draw"]: {"known": plan["known"]} for plan in kept if "draw" in plan}
        cases = [(f"regression {number}", plan) for number, plan in enumerate(kept) if "draw" not in plan]
        cases += [(f"seed {seed}", {**plans.draw(seed), **known.get(seed, {})}) for seed in range(args.seed, args.seed + args.count)]
    most = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        running = [(name, plan.get("known"), pool.submit(check_plan, args.bin.resolve(), plan, levels,
                                                         not args.no_shrink and "known" not in plan)) for name, plan in cases]
        for name, known, future in running:
            used, report = future.result()
            most = max(most, used)
            suite.run(name, raise_report, report, known)
    print(f"{len(cases)} models for {' and '.join(levels)}, {suite.failed} fail, "
          f"{most:.0%} of the allowed error used, {time.monotonic() - start:.0f} s")
    return suite.write(args.results)


if __name__ == "__main__":
    sys.exit(main())
