#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Differential fuzz: random models, compiled and run, beside the reference interpreter of the IR.

For each plan of plans.py
  the frontend's IR runs through the reference in f64 (the truth) and in f32 (what rounding alone does to it);
  the passes, all and with each one off, must leave the reference's f64 results as they are;
  the object, for each CPU level that this machine runs and with the blocks of attention's keys that the seed draws or
  --block-keys gives, must be as close to the truth as the numeric policy asks, the same
  bits for each level and thread count, and the last row of a batch alone the same bits as within the batch.
A failing plan is shrunk, and printed as a line for regressions.json, which runs first. A line there with "known" is a bug
that waits for its repair: it is skipped, visibly, while it fails in the way that "known" says, and fails once it holds on a
machine that runs every level. {"draw": SEED, "known": ..} says so of a drawn plan.

With --faults, each fault of faults.py is planted in turn, and has to be found within the same models.

    python tests/fuzz-models/fuzz_models.py --bin build/bin [--count N] [--seed S] [--jobs N] [--plan JSON] [--faults]
"""
import concurrent.futures
import functools
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import numpy as np
from safetensors.numpy import load_file, save_file

import oracle
import plans
from describe import describe
from faults import FAULTS, NotThere, faulty_description, faulty_results
from oracle import command
from shrink import shrink

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))
from junit import Skip, Suite, cpu_levels, suite_parser  # noqa: E402
from numeric_policy import mean_factor  # noqa: E402

# Passes that are off, and what remains: attention fused, or spelled out.
FUSED = ["", "merge=false", "pack-rows=false", "epilogue=false"]
SPELLED = ["attention=false", "merge=false attention=false pack-rows=false epilogue=false"]
# A pass may round a factor to f32 or fold two; nothing else changes a value in f64. Of the largest value.
PASS_TOLERANCE = 2e-6


# What attnc is told beside a description, --block-keys and --microbatch; None: as it chooses by itself, which at a plan's
# sizes is whole score rows and whole batches.
OPTIONS = {"block_keys": [None, 16, 32, 48], "microbatch": [None, 1, 1, 2]}


def options_of(plan):
    """Each of OPTIONS as the plan says, or drawn apart from what the plan is drawn from."""
    def drawn(name):
        return random.Random(f"{name.replace('_', ' ')} of {plan['seed']}").choice(OPTIONS[name])
    return {name: plan.get(name, drawn(name)) for name in OPTIONS}


# -- Comparing ---------------------------------------------------------------------------------------------------------


def same_specials(what, result, truth):
    """NaN and infinities where the reference has them; returns where the values are finite."""
    assert result.shape == truth.shape, f"{what}: shape {result.shape}, expected {truth.shape}"
    finite = np.isfinite(truth)
    differ = ~((result == truth) | (np.isnan(result) & np.isnan(truth)))[~finite]
    assert not differ.any() and np.isfinite(result[finite]).all(), f"{what}: NaN or infinity in the wrong place"
    return finite


def within(what, error, most, mean, peak):
    """Fails where the error is larger than allowed, or its mean is; returns the part of the allowed error used."""
    assert error.max() <= most, f"{what}: error {error.max():.3g}, allowed {most:.3g}, of values up to {peak:.3g}"
    assert error.mean() <= mean, f"{what}: mean error {error.mean():.3g}, allowed {mean:.3g}, of values up to {peak:.3g}"
    return max(error.max() / most, error.mean() / mean) if most and mean else 0


def compare(what, result, f64, f32):
    """The numeric policy of docs/TESTING.md; `f32`: a result of the f32 reference, or several, one behind the other."""
    finite = same_specials(what, result, f64)
    if not finite.any():
        return 0
    error, rounding, peak = np.abs(result - f64)[finite], np.abs(f32 - f64)[..., finite], np.abs(f64[finite]).max()
    mean = mean_factor(f64[finite]) * rounding.mean() + 2.0 ** -24 * peak
    return within(what, error, 2 * rounding.max() + 1e-6 * peak, mean, peak)


def compare_passes(what, result, f64):
    finite = same_specials(what, result, f64)
    if finite.any():
        peak = np.abs(f64[finite]).max()
        within(what, np.abs(result - f64)[finite], PASS_TOLERANCE * peak, PASS_TOLERANCE * peak, peak)


def same_bits(what, left, right):
    for name in left:
        assert left[name].shape == right[name].shape, f"{what}: {name} has shape {right[name].shape}"
        differ = np.count_nonzero(left[name].view(np.uint32) != right[name].view(np.uint32))
        assert not differ, f"{what}: {differ} of {left[name].size} values of {name} differ in bits"


class Fuzz:
    """Checks plans with the tools of a folder, for some CPU levels, with a planted fault or without."""

    def __init__(self, tools, levels, fault=None, kind=None):
        self.tools, self.levels, self.fault, self.kind = tools, levels, fault, kind or Check

    def check(self, plan):
        """Runs one plan; an AssertionError says what is wrong. Returns the part of the allowed error used."""
        with tempfile.TemporaryDirectory(prefix="attnc-fuzz-") as folder:
            return self.kind(self, plan, pathlib.Path(folder)).run()

    def failure_of(self, plan):
        """What is wrong with a plan, or None."""
        try:
            self.check(plan)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            return str(error)
        except NotThere:
            pass
        return None


class Check:
    """One plan."""

    def __init__(self, fuzz, plan, folder):
        self.fuzz, self.plan, self.folder = fuzz, plan, folder
        self.description, self.shapes, self.states = describe(plan)
        self.compiled = faulty_description(fuzz.fault, self.description)

    def run(self):
        self.model = self.folder / "model.json"
        self.model.write_text(json.dumps(self.description))
        self.ir = command(self.fuzz.tools / "attnc", self.model, "--emit", "attn")
        self.inputs = {**oracle.make_inputs(self.plan, self.description, self.shapes), **oracle.make_states(self.plan, self.states)}
        self.weights = oracle.make_weights(self.plan, oracle.parameters_of(self.ir))
        self.f64, self.f32_options = self.expected()
        self.f32 = self.reference(*self.f32_options)
        return self.check_objects()

    def expected(self):
        """What the model computes in f64, {output: array}, by the reference, which the passes must not change; and the
        options of the reference that is to say what rounding alone does to it."""
        spelled, options = self.reference(), []
        f64 = spelled
        if plans.may_lose_nan(self.plan):
            # Fused, a blocked key has no influence though it be NaN; spelled out, 0 * NaN reaches the row (docs/OPS.md).
            options = ["--attnc-pipeline=merge=false epilogue=false"]
            f64 = self.reference(*options)
            for output, values in spelled.items():
                kept = ~np.isnan(values)
                compare_passes(f"{output}, reference after fusing attention", f64[output][kept], values[kept])
        for truth, pipelines in ((f64, FUSED), (spelled, SPELLED)):
            for pipeline in pipelines:
                passed = self.faulty("passes", self.reference(f"--attnc-pipeline={pipeline}"))
                for output, values in truth.items():
                    compare_passes(f"{output}, reference after --attnc-pipeline=\"{pipeline}\"", passed[output], values)
        return f64, ["--reference-precision=f32", *options]

    def reference(self, *options):
        path = self.folder / "values.mlir"
        if not path.exists():
            path.write_text(oracle.with_values(self.ir, self.inputs, self.weights))
        return oracle.reference(self.fuzz.tools, path, oracle.outputs_of(self.ir), *options)

    @functools.cached_property
    def f32_sample(self):
        """The f32 reference's results, and four more for inputs and weights that are each off by a rounding; stacked."""
        rng, path, results = np.random.default_rng(self.plan["seed"]), self.folder / "neighbours.mlir", [self.f32]
        for _ in range(4):
            inputs, weights = (oracle.neighbours(rng, arrays) for arrays in (self.inputs, self.weights))
            path.write_text(oracle.with_values(self.ir, inputs, weights))
            results.append(oracle.reference(self.fuzz.tools, path, list(self.f32), *self.f32_options))
        return {name: np.stack([result[name] for result in results]) for name in self.f32}

    def check_objects(self):
        """The object for each level; returns the part of the allowed error used."""
        if self.weights:
            save_file(self.weights, self.folder / "model.safetensors")
        embedded = {"weights": "model.safetensors"} if self.weights and self.plan["weights"] == "file" else {}
        self.model.write_text(json.dumps({**self.compiled, **embedded}))
        used, results = zip(*(self.check_object(level) for level in self.fuzz.levels))
        for level, result in zip(self.fuzz.levels[1:], results[1:]):
            same_bits(f"{level} and {self.fuzz.levels[0]}", results[0], result)
        return max(used)

    def faulty(self, stage, results):
        return faulty_results(self.fuzz.fault, stage, results)

    def run_object(self, kernel, arrays, threads):
        given, result = self.folder / "input.safetensors", self.folder / "output.safetensors"
        save_file(arrays, given)
        by_caller = ["--weights", self.folder / "model.safetensors"] if self.weights and self.plan["weights"] == "caller" else []
        command(self.fuzz.tools / "attnc-run", kernel, "--input", given, "--output", result, "--threads", threads, *by_caller)
        return load_file(result)

    def compare(self, level, results):
        """Returns the part of the allowed error used. Where few elements make most of an error, that of one evaluation is
        no measure of what rounding does: a result beyond it is compared with a sample of evaluations."""
        def used(f32):
            return max(compare(f"{name} for {level}", results[name].astype(np.float64), self.f64[name], f32[name]) for name in self.f64)
        try:
            return used(self.f32)
        except AssertionError:
            return used(self.f32_sample)

    def check_object(self, level):
        """Compiles for a level and runs; returns the part of the allowed error used and the results."""
        kernel = self.folder / f"{level}.o"
        options = []
        for name, value in options_of(self.plan).items():
            options += [] if value is None else ["--" + name.replace("_", "-"), value]
        command(self.fuzz.tools / "attnc", self.model, "-o", kernel, "--cpu", level, "--quiet", *options)
        results = self.faulty("object", self.run_object(kernel, self.inputs, 1))
        used = self.compare(level, results)
        same_bits(f"2 threads for {level}", results, self.faulty("2 threads", self.run_object(kernel, self.inputs, 2)))
        runtime = {name for name, spec in self.description["inputs"].items() if spec["shape"][0] == "batch"}
        runtime |= self.states.keys() if runtime else set()
        if runtime and self.plan["batch"] > 1:
            last = {name: np.ascontiguousarray(value[-1:]) if name in runtime else value for name, value in self.inputs.items()}
            alone = self.faulty("the last row alone", self.run_object(kernel, last, 1))
            same_bits(f"the last row alone for {level}", {name: value[-1:] for name, value in results.items()}, alone)
        return used, results


# -- Suites ------------------------------------------------------------------------------------------------------------


def check_plan(fuzz, plan, shrinks):
    """What a worker does: (used, None) of a plan that holds, else (0, report of the shrunk one)."""
    try:
        return fuzz.check(plan), None
    except (AssertionError, subprocess.TimeoutExpired) as error:
        failure = str(error)
    small, small_failure = shrink(plan, failure, fuzz.failure_of) if shrinks else (plan, failure)
    line = json.dumps({**options_of(small), **small})
    report = f"{failure}\nshrunk: {small_failure}\nfor regressions.json:\n{line}\n{json.dumps(describe(small)[0])}"
    return 0, report


def raise_report(report, known=None):
    if known:
        assert report or len(cpu_levels()) < 2, f"it holds now: drop its \"known\" ({known})"
        if report and known in report:
            raise Skip(f"known: {report.splitlines()[0]}")
    if report:
        raise AssertionError(report)


def regressions():
    """The plans that are kept, and for each drawn plan that fails what is known of it."""
    kept = [json.loads(line) for line in (FOLDER / "regressions.json").read_text().splitlines()]
    return [{"block_keys": None, **plan} for plan in kept if "draw" not in plan], {plan["draw"]: {"known": plan["known"]} for plan in kept if "draw" in plan}


def run_models(suite, fuzz, cases, jobs, shrinks):
    start, most = time.monotonic(), 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = [(name, plan.get("known"), pool.submit(check_plan, fuzz, plan, shrinks and "known" not in plan)) for name, plan in cases]
        for name, known, future in running:
            used, report = future.result()
            most = max(most, used)
            suite.run(name, raise_report, report, known)
    print(f"{len(cases)} models for {' and '.join(fuzz.levels)}, {suite.failed} fail, "
          f"{most:.0%} of the allowed error used, {time.monotonic() - start:.0f} s", flush=True)


def check_features(seeds):
    """Models that leave something out would find nothing there."""
    missing = plans.all_features() - set().union(*(plans.features(plans.draw(seed)) for seed in seeds))
    assert not missing, f"{len(seeds)} models have no {', '.join(sorted(missing))}: choose another seed, or more models"


def find_fault(tools, level, name, seeds):
    """Fails where no model shows the fault. Models known to fail cannot show it."""
    known, tried = regressions()[1], 0
    fuzz = Fuzz(tools, [level], FAULTS[name])
    for seed in seeds:
        if seed in known:
            continue
        try:
            fuzz.check(plans.draw(seed))
            tried += 1
        except NotThere:
            continue
        except AssertionError as error:
            print(f"fault {name}: seed {seed}, after {tried} models that have it: {str(error)[:150]}", flush=True)
            return
    raise AssertionError(f"not found within {len(seeds)} models, {tried} of which have what it changes")


def run_faults(suite, tools, seeds, jobs):
    level = cpu_levels()[-1]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = [(name, pool.submit(find_fault, tools, level, name, seeds)) for name in FAULTS]
        for name, future in running:
            suite.run(f"planted fault: {name}", future.result)


def main(kind=Check):
    """`kind` checks a plan: Check, or a class derived from it."""
    parser = suite_parser(__doc__, "attnc, attnc-opt and attnc-run")
    parser.add_argument("--count", type=int, default=64, help="how many models (64)")
    parser.add_argument("--seed", type=int, default=1, help="the first model's seed (1)")
    parser.add_argument("--jobs", type=int, default=2, help="models at a time (2)")
    parser.add_argument("--plan", help="just this plan, as JSON, or @SEED")
    parser.add_argument("--block-keys", type=int, help="keys of attention's blocks in every plan, 0: whole rows (default: drawn)")
    parser.add_argument("--faults", action="store_true", help="plant faults and see that the models show them")
    parser.add_argument("--no-shrink", action="store_true", help="print failing plans as they are")
    args = parser.parse_args()
    seeds, tools = range(args.seed, args.seed + args.count), args.bin.resolve()
    suite = Suite("fuzz-models-faults" if args.faults else "fuzz-models")
    if args.faults:
        run_faults(suite, tools, seeds, args.jobs)
        suite.run("the models have every feature", check_features, seeds)
        return suite.write(args.results)
    if args.plan:
        cases = [("the plan", plans.draw(int(args.plan[1:])) if args.plan[0] == "@" else json.loads(args.plan))]
    else:
        kept, known = regressions()
        cases = [(f"regression {number}", plan) for number, plan in enumerate(kept)]
        cases += [(f"seed {seed}", {**plans.draw(seed), **known.get(seed, {})}) for seed in seeds]
    if args.block_keys is not None:
        cases = [(name, {**plan, "block_keys": args.block_keys}) for name, plan in cases]
    run_models(suite, Fuzz(tools, cpu_levels(), kind=kind), cases, args.jobs, not args.no_shrink)
    return suite.write(args.results)


if __name__ == "__main__":
    sys.exit(main())
