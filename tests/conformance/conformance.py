#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs every test that labels.py names, prints label, statement and outcome, and fails when a label has no test or one fails.

A test whose module attnc does not have yet (model.schema.json does not name it) is skipped, and its label is "not yet".

    python tests/conformance/conformance.py --bin build/bin [--only LABEL] [--write]
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file, save_file

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
PAGE = ROOT / "docs" / "CONFORMANCE.md"
sys.path[:0] = [str(FOLDER.parent), str(FOLDER.parent / "e2e"), str(FOLDER)]
import run_e2e  # noqa: E402
from junit import Skip, Suite, suite_parser  # noqa: E402
from labels import ERRORS, LABELS, MHA, X  # noqa: E402

run_e2e.GOLDENS = FOLDER / "goldens"


def need(description):
    """Skips where a module's type is not one that attnc has."""
    schema = (ROOT / "frontend" / "model.schema.json").read_text()
    for module in description["model"]:
        if f'"const": "{module["type"]}"' not in schema:
            raise Skip(f"not yet: {module['type']}")


# -- The kinds of tests ------------------------------------------------------------------------------------------------


def run_golden(tools, name):
    path = run_e2e.GOLDENS / f"{name}.json"
    need(json.loads(path.read_text()))
    tensors = load_file(path.with_suffix(".safetensors"))
    f64 = run_e2e.part(tensors, "f64")
    if all(np.isfinite(value).all() for value in f64.values()):
        return run_e2e.check_golden(name, tools, [])
    # Rows of NaN: they have to be in the same places, and the rest as near as ever.
    with tempfile.TemporaryDirectory() as folder:
        results = run_e2e.Kernel(tools, path, pathlib.Path(folder)).run(run_e2e.part(tensors, "input"))
    for output, wanted in f64.items():
        live = np.isfinite(wanted)
        assert (np.isfinite(results[output]) == live).all(), f"{output}: NaN in other places than PyTorch's"
        most, _ = run_e2e.limits(tensors[f"f32.{output}"][live], wanted[live])
        assert np.abs(results[output] - wanted)[live].max(initial=0) <= most, f"{output}: the live rows differ"
    return None


def compile_only(tools, description):
    """attnc on the description, up to the dialect; messages without the folder's name."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.json"
        path.write_text(json.dumps(description, indent=1))
        done = subprocess.run([tools / "attnc", path, "--emit", "attn"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    done.stderr = done.stderr.replace(folder, "")
    return done


def run_error(tools, name):
    inputs, module, words = ERRORS[name]
    description = {"name": "rejected", "inputs": inputs, "model": [module], "outputs": {"y": "a"}}
    need(description)
    done = compile_only(tools, description)
    assert done.returncode == 1, f"exit code {done.returncode} instead of an error: {done.stderr}"
    said = done.stderr
    missing = [word for word in words if word not in said]
    assert not missing, f"the error does not say {missing}: {said}"


def run_model(tools, inputs, specs, module, weights, dims=None):
    """One module, run on arrays."""
    description = {"name": "checked", "dims": dims or {}, "inputs": specs, "model": [module], "outputs": {"y": "a"},
                   "weights": "w.safetensors"}
    need(description)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        save_file(weights, folder / "w.safetensors")
        (folder / "model.json").write_text(json.dumps(description))
        return run_e2e.Kernel(tools, folder / "model.json", folder).run(inputs)


def attention_weights(embed=12, dtype=np.float32):
    rng = np.random.default_rng(5)
    shapes = {"in_proj_weight": (3 * embed, embed), "in_proj_bias": (3 * embed,), "out_proj.weight": (embed, embed), "out_proj.bias": (embed,)}
    return {f"a.{name}": (rng.standard_normal(shape) * 0.4).astype(dtype) for name, shape in shapes.items()}


def tokens(*shape):
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def check_copies_of_the_query(tools):
    """M10, up to rounding: one merged projection, or three."""
    x = tokens(2, 5, 12)
    once = run_model(tools, {"x": x}, {"x": X}, MHA, attention_weights())["y"]
    copies = run_model(tools, {"x": x, "k": x.copy(), "v": x.copy()}, {"x": X, "k": X, "v": X}, {**MHA, "key": "k", "value": "v"},
                       attention_weights())["y"]
    assert np.abs(once - copies).max() <= 4 * np.finfo(np.float32).eps * np.abs(once).max()


def check_poison_in_blocked_keys(tools):
    """M19: what a blocked key holds changes no bit."""
    x, memory = tokens(2, 5, 12), tokens(2, 6, 12)
    blocked = np.array([[0, 0, 1, 0, 1, 1], [0, 1, 1, 1, 1, 0]], bool)
    specs = {"x": X, "k": {"shape": [2, 6, 12]}, "m": {"shape": [2, 6], "dtype": "bool"}}
    results = []
    for value in (1000, np.nan, np.inf):
        memory[blocked] = value
        given = {"x": x, "k": memory.copy(), "m": blocked}
        results.append(run_model(tools, given, specs, {**MHA, "key": "k", "key_padding_mask": "m"}, attention_weights()))
    assert np.isfinite(results[0]["y"]).all()
    for other in results[1:]:
        run_e2e.same_bits("poison", results[0], other)


def check_a_warning_of_two_mask_types(tools):
    """M17: both apply, and attnc says that PyTorch deprecates it."""
    module = {**MHA, "attn_mask": "m", "key_padding_mask": "p"}
    for dtype, wanted in (("f32", 1), ("bool", 0)):
        specs = {"x": X, "m": {"shape": [5, 5], "dtype": "bool"}, "p": {"shape": [2, 5], "dtype": dtype}}
        done = compile_only(tools, {"name": "masks", "inputs": specs, "model": [module]})
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("masks of two dtypes are deprecated") == wanted, done.stderr


def check_a_mask_of_each_sample_and_head(tools):
    """M18: of rank 4, for a batch of run time; the same as of rank 3."""
    x, blocked = tokens(2, 5, 12), np.random.default_rng(3).random((2, 3, 5, 5)) < 0.4
    fixed = run_model(tools, {"x": x, "m": blocked.reshape(6, 5, 5)}, {"x": X, "m": {"shape": [6, 5, 5], "dtype": "bool"}},
                      {**MHA, "attn_mask": "m"}, attention_weights())["y"]
    specs = {"x": {"shape": ["batch", 5, 12]}, "m": {"shape": ["batch", 3, 5, 5], "dtype": "bool"}}
    free = run_model(tools, {"x": x, "m": blocked}, specs, {**MHA, "attn_mask": "m"}, attention_weights(), {"batch": {"max": 3}})["y"]
    assert np.abs(fixed - free).max() <= 4 * np.finfo(np.float32).eps * np.abs(fixed).max()
    shared = run_model(tools, {"x": x, "m": blocked[:, :1]}, {**specs, "m": {"shape": ["batch", 1, 5, 5], "dtype": "bool"}},
                       {**MHA, "attn_mask": "m"}, attention_weights(), {"batch": {"max": 3}})["y"]
    assert np.abs(shared - free).max() > 1e-3


def check_a_causal_mask_is_detected(tools):
    """M24: a constant mask in any spelling gives the bits of the causal step; others give those of the same mask at run time."""
    x = tokens(2, 5, 12)
    upper = np.triu(np.ones((5, 5), bool), 1)
    step = run_model(tools, {"x": x}, {"x": X}, {**MHA, "score": [{"causal": "top_left"}]}, attention_weights())
    for spelling in ({"causal": "top_left"}, upper.tolist(), [["-inf" if element else 0 for element in row] for row in upper.tolist()]):
        run_e2e.same_bits("the mask", step, run_model(tools, {"x": x}, {"x": X}, {**MHA, "attn_mask": spelling}, attention_weights()))
    upper[3, 1], x[:, 1] = True, np.nan
    other = run_model(tools, {"x": x}, {"x": X}, {**MHA, "attn_mask": upper.tolist()}, attention_weights())
    given = run_model(tools, {"x": x, "m": upper}, {"x": X, "m": {"shape": [5, 5], "dtype": "bool"}}, {**MHA, "attn_mask": "m"},
                      attention_weights())
    assert np.array_equal(other["y"], given["y"], equal_nan=True) and np.isfinite(other["y"][:, 0]).all()
    bias = np.where(upper, -np.inf, np.arange(25, dtype=np.float32).reshape(5, 5) / 10).astype(np.float32)
    written = [["-inf" if element == -np.inf else float(element) for element in row] for row in bias]
    x = tokens(2, 5, 12)
    results = [run_model(tools, {"x": x}, {"x": X}, {**MHA, "attn_mask": written}, attention_weights()),
               run_model(tools, {"x": x}, {"x": X}, {**MHA, "attn_mask": {"parameter": "bias"}}, {**attention_weights(), "bias": bias}),
               run_model(tools, {"x": x, "m": bias}, {"x": X, "m": {"shape": [5, 5]}}, {**MHA, "attn_mask": "m"}, attention_weights())]
    for result in results[1:]:
        run_e2e.same_bits("the bias", results[0], result)


def encoder_weights(layers=2, width=12, hidden=20):
    rng = np.random.default_rng(11)
    shapes = {"linear1.weight": (hidden, width), "linear1.bias": (hidden,), "linear2.weight": (width, hidden), "linear2.bias": (width,),
              **{f"norm{i}.{part}": (width,) for i in (1, 2) for part in ("weight", "bias")}}
    weights = {f"a.norm.{part}": rng.standard_normal(width).astype(np.float32) for part in ("weight", "bias")}
    for layer in range(layers):
        weights.update({f"a.layers.{layer}.{name}": (rng.standard_normal(shape) * 0.4).astype(np.float32) for name, shape in shapes.items()})
        weights.update({f"a.layers.{layer}.self_attn.{name[2:]}": value for name, value in attention_weights(width).items()})
    return weights


def check_padded_rows_are_zero(tools):
    """T8: exactly, though a padded token holds NaN; the others' bits do not depend on it, nor on padded_rows."""
    lengths = np.array([5, 2, 1], np.int32)
    blocked = np.arange(5) >= lengths[:, None]
    x = tokens(3, 5, 12)
    poisoned = np.where(blocked[..., None], np.nan, x).astype(np.float32)
    for batch_first, norm_first in ((True, False), (False, True)):
        layer = {"d_model": 12, "nhead": 3, "dim_feedforward": 20, "batch_first": batch_first, "norm_first": norm_first}
        module = {"type": "TransformerEncoder", "name": "a", "input": "x", "num_layers": 2, "layer": layer, "norm": {"normalized_shape": 12}}
        layout = (lambda value: value) if batch_first else (lambda value: np.ascontiguousarray(value.swapaxes(0, 1)))
        specs = {"x": {"shape": list(layout(x).shape)}}
        by_mask = {**specs, "m": {"shape": [3, 5], "dtype": "bool"}}, {**module, "src_key_padding_mask": "m"}
        by_length = {**specs, "n": {"shape": [3], "dtype": "i32"}}, {**module, "lengths": "n"}
        results = [layout(run_model(tools, {"x": layout(tokens_), **more}, *given, encoder_weights())["y"])
                   for tokens_ in (x, poisoned)
                   for given, more in ((by_mask, {"m": blocked}), (by_length, {"n": lengths}))]
        for result in results:
            assert (result[blocked] == 0).all() and (result[~blocked] != 0).any(), "padded rows are not zero"
            assert np.abs(result - results[0]).max() <= 8 * np.finfo(np.float32).eps * np.abs(results[0]).max()
        run_e2e.same_bits("poison", {"y": results[0]}, {"y": results[2]})
        kept = layout(run_model(tools, {"x": layout(x), "m": blocked}, by_mask[0], {**by_mask[1], "padded_rows": "keep"},
                                encoder_weights())["y"])
        assert (kept[blocked] != 0).all(), "padded_rows keep"
        run_e2e.same_bits("the other rows", {"y": results[0][~blocked]}, {"y": kept[~blocked]})


def check_a_wrong_hint_changes_nothing(tools):
    """M22: the mask is what counts."""
    given = {"x": tokens(2, 5, 12), "m": np.random.default_rng(3).random((5, 5)) < 0.3}
    specs = {"x": X, "m": {"shape": [5, 5], "dtype": "bool"}}
    plain, hinted = (run_model(tools, given, specs, {**MHA, "attn_mask": "m", **hint}, attention_weights())
                     for hint in ({}, {"is_causal": True}))
    run_e2e.same_bits("the hint", plain, hinted)


def check_lengths_equal_padding(tools):
    """M34: lengths say what a padding mask says."""
    x, lengths = tokens(3, 5, 12), np.array([5, 2, 1], np.int32)
    shape = {"shape": [3, 5, 12]}
    by_mask = run_model(tools, {"x": x, "m": np.arange(5) >= lengths[:, None]}, {"x": shape, "m": {"shape": [3, 5], "dtype": "bool"}},
                        {**MHA, "key_padding_mask": "m"}, attention_weights())["y"]
    by_length = run_model(tools, {"x": x, "n": lengths}, {"x": shape, "n": {"shape": [3], "dtype": "i32"}}, {**MHA, "lengths": "n"},
                          attention_weights())["y"]
    assert np.abs(by_mask - by_length).max() <= 4 * np.finfo(np.float32).eps * np.abs(by_mask).max()


def check_a_query_without_keys_fails_the_run(tools):
    specs = {"x": {"shape": [2, 5, 12]}, "lengths": {"shape": [2], "dtype": "i32"}}
    module = {**MHA, "lengths": "lengths", "fully_masked": "error"}
    arguments = {"x": tokens(2, 5, 12), "lengths": np.array([5, 1], np.int32)}
    plain = {**module, "fully_masked": "zero"}
    same = [run_model(tools, arguments, specs, each, attention_weights())["y"] for each in (module, plain)]
    assert np.array_equal(*same), "fully_masked changes a result whose queries have keys"
    try:
        run_model(tools, {**arguments, "lengths": np.array([5, 0], np.int32)}, specs, module, attention_weights())
    except RuntimeError as error:
        assert "sees no key" in str(error), f"another error: {error}"
    else:
        raise AssertionError("a query without keys goes unnoticed")


def check_a_token_with_a_cache(tools):
    """T12: the last token alone, after the others, has the bits that it has in a causal run over all."""
    x = tokens(2, 5, 12)
    whole = run_model(tools, {"x": x}, {"x": X}, {**MHA, "attn_mask": {"causal": "top_left"}}, attention_weights())["y"]
    module, state = {**MHA, "cache": 8, "position": "p"}, {}
    for at, size in ((0, 4), (4, 1)):
        specs = {"x": {"shape": [2, size, 12]}, "p": {"shape": [2], "dtype": "i32"}}
        given = {"x": np.ascontiguousarray(x[:, at:at + size]), "p": np.full(2, at, np.int32), **state}
        result = run_model(tools, given, specs, module, attention_weights())
        state = {"a_cache": result["a_cache"]}
    run_e2e.same_bits("the last token", {"y": np.ascontiguousarray(whole[:, 4:])}, {"y": result["y"]})


def check_an_empty_batch(tools):
    """M9: refused by run()."""
    shape = {"x": {"shape": ["batch", 5, 12]}}
    try:
        run_model(tools, {"x": tokens(0, 5, 12)}, shape, MHA, attention_weights(), dims={"batch": {"max": 4}})
    except RuntimeError as error:
        assert "batch" in str(error) and "attnc-run" in str(error), str(error)
        return
    raise AssertionError("an empty batch was taken")


def check_weights_of_another_type(tools):
    """M6: refused, by name."""
    try:
        run_model(tools, {"x": tokens(2, 5, 12)}, {"x": X}, MHA, attention_weights(dtype=np.int32))
    except RuntimeError as error:
        assert "in_proj_weight" in str(error) and "I32" in str(error).upper(), str(error)
        return
    raise AssertionError("integer weights were taken")


def save_bfloats(tensors, path):
    """A safetensors file of BF16; the upper halves of f32 values."""
    header, data = {}, b""
    for name, values in tensors.items():
        halves = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
        header[name] = {"dtype": "BF16", "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(halves)]}
        data += halves
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def check_weights_of_half_types(tools):
    """M6, M29: F16 and BF16 files give the bits of the same values in F32."""
    description = {"name": "checked", "inputs": {"x": X}, "model": [MHA], "outputs": {"y": "a"}, "weights": "w.safetensors"}
    halves = attention_weights(dtype=np.float16)
    halves["a.in_proj_weight"].flat[:4] = [6e-8, -1e-6, 65504, 0]  # Denormals, and the largest value.
    bfloats = {name: (value.view(np.uint32) & 0xFFFF0000).view(np.float32) for name, value in attention_weights().items()}
    wide = {name: value.astype(np.float32) for name, value in halves.items()}
    for given, same, save in ((halves, wide, save_file), (bfloats, bfloats, save_bfloats)):
        results = []
        for weights, write in ((given, save), (same, save_file)):
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                write(weights, folder / "w.safetensors")
                (folder / "model.json").write_text(json.dumps(description))
                results.append(run_e2e.Kernel(tools, folder / "model.json", folder).run({"x": tokens(2, 5, 12)}))
        assert np.isfinite(results[0]["y"]).all()
        run_e2e.same_bits("half types", *results)


def run_test(tools, test):
    kind, _, name = test.partition(" ")
    if kind == "check":
        return globals()[f"check_{name.replace(' ', '_')}"](tools)
    return {"golden": run_golden, "error": run_error}[kind](tools, name)


# -- The table ---------------------------------------------------------------------------------------------------------


def outcome_of(label, outcomes):
    """What the table says of a label, given each test's outcome: "pass", "fail", or why it was skipped."""
    found = [outcomes[test] for test in label.tests]
    if "fail" in found:
        return "**fails**"
    missing = sorted({outcome for outcome in found if outcome != "pass"})
    if missing or label.open:
        return "; ".join(([f"not yet: {label.open}"] if label.open else []) + missing)
    if not found:
        return "**no test**"
    return f"differs: {label.differs}" if label.differs else "pass"


def table(outcomes):
    rows = ["| label | what it says | result | tests |", "| --- | --- | --- | --- |"]
    for label in LABELS:
        passed = sum(outcomes[test] == "pass" for test in label.tests)
        rows.append(f"| {label.name} | {label.says} | {outcome_of(label, outcomes)} | {passed} of {len(label.tests)} |")
    return rows


def page(outcomes):
    return "\n".join([
        "# Conformance", "",
        "What PyTorch's attention does, label by label, and whether attnc does it: each label has tests in tests/conformance/",
        "(goldens that PyTorch made, descriptions that must be refused, and checks). \"differs\" is a difference by design; its tests hold",
        "attnc to what it says instead. M: nn.MultiheadAttention. D: scaled_dot_product_attention. T: Transformer modules. S: scores.",
        "This page is written by `tests/conformance/conformance.py --write`; a test keeps it current.", "", *table(outcomes), ""])


def check_page(text):
    assert PAGE.exists() and PAGE.read_text() == text, f"docs/{PAGE.name} is not current: run tests/conformance/conformance.py --write"


def check_label(label):
    assert label.tests or label.open, f"{label.name} has no test"


def main():
    parser = suite_parser(__doc__, "attnc and attnc-run")
    parser.add_argument("--only", action="append", help="just this label")
    parser.add_argument("--write", action="store_true", help="write docs/CONFORMANCE.md")
    args = parser.parse_args()
    tools, suite, outcomes = args.bin.resolve(), Suite("conformance"), {}

    def record(test):
        outcomes[test] = "fail"
        try:
            run_test(tools, test)
            outcomes[test] = "pass"
        except Skip as reason:
            outcomes[test] = str(reason)
            raise

    chosen = [label for label in LABELS if not args.only or label.name in args.only]
    for test in dict.fromkeys(test for label in chosen for test in label.tests):
        suite.run(test, record, test)
    if args.only:
        return suite.write(args.results)
    for label in LABELS:
        suite.run(f"{label.name} has a test", check_label, label)
    unused = {f"golden {path.stem}" for path in run_e2e.GOLDENS.glob("*.json")} | {f"error {name}" for name in ERRORS}
    suite.run("every test has a label", check_unused, unused - set(outcomes))
    print("\n".join(table(outcomes)))
    if args.write:
        PAGE.write_text(page(outcomes))
    suite.run("the page is current", check_page, page(outcomes))
    return suite.write(args.results)


def check_unused(unused):
    assert not unused, f"without a label: {sorted(unused)}"


if __name__ == "__main__":
    sys.exit(main())
