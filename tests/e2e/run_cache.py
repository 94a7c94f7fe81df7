#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A cache of keys and values: tokens that come in several runs have the bits of one causal run over all of them (SEMANTICS.md,
T12), through attnc-run and through the generated header (cache.c), with the same bits on every CPU and number of threads."""
import json
import pathlib
import sys
import tempfile

import numpy as np
from safetensors.numpy import save_file

from run_aarch64 import compile_program
from run_e2e import FOLDER, command, run_object, same_bits

from junit import Suite, cpu_levels, suite_parser

TOKENS, CAPACITY, WIDTH, HEADS, HIDDEN, BATCH = 11, 24, 48, 3, 80, 3
LAYER = {"d_model": WIDTH, "nhead": HEADS, "dim_feedforward": HIDDEN, "activation": "gelu", "norm_first": True, "batch_first": True}
CAUSAL = [{"causal": "top_left"}]
INPUTS = {"x": {"shape": ["batch", "seq", WIDTH]}, "position": {"shape": ["batch"], "dtype": "i32"}}
CACHE = {"cache": CAPACITY, "position": "position"}
# What the module is called, its keys, and those of the same module without a cache.
MODULES = {
    "encoder": ({"type": "TransformerEncoder", "num_layers": 2, "norm": {"normalized_shape": WIDTH}},
                {"layer": LAYER, **CACHE}, {"layer": {**LAYER, "score": CAUSAL}}),
    "layer": ({"type": "TransformerEncoderLayer", **LAYER}, {"score": CAUSAL, **CACHE}, {"score": CAUSAL}),
    "attention": ({"type": "MultiheadAttention", "embed_dim": WIDTH, "num_heads": 4, "batch_first": True}, CACHE, {"score": CAUSAL}),
}
EXTENTS = (1, 4, 6)


def description(name, keys, inputs):
    return {"name": name, "dims": {"batch": {"max": 4}, "seq": TOKENS}, "inputs": {key: INPUTS[key] for key in inputs},
            "model": [{**MODULES[name][0], "name": name, "input" if name != "attention" else "query": "x", **keys}],
            "outputs": {"y": name}, "weights": "model.safetensors"}


def make_weights(random):
    shapes = {}
    for prefix in ("encoder.layers.0.", "encoder.layers.1.", "layer."):
        shapes |= {f"{prefix}linear1.weight": (HIDDEN, WIDTH), f"{prefix}linear1.bias": (HIDDEN,), f"{prefix}linear2.weight": (WIDTH, HIDDEN),
                   f"{prefix}linear2.bias": (WIDTH,)}
        shapes |= {f"{prefix}{norm}.{kind}": (WIDTH,) for norm in ("norm1", "norm2") for kind in ("weight", "bias")}
    for prefix in ("encoder.layers.0.self_attn.", "encoder.layers.1.self_attn.", "layer.self_attn.", "attention."):
        shapes |= {f"{prefix}in_proj_weight": (3 * WIDTH, WIDTH), f"{prefix}in_proj_bias": (3 * WIDTH,),
                   f"{prefix}out_proj.weight": (WIDTH, WIDTH), f"{prefix}out_proj.bias": (WIDTH,)}
    shapes |= {f"encoder.norm.{kind}": (WIDTH,) for kind in ("weight", "bias")}
    return {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


class Cached:
    """Each module with a cache, for runs of EXTENTS tokens, and without one, for all tokens at once."""

    def __init__(self, tools, folder):
        self.tools, self.folder = tools, folder
        random = np.random.default_rng(12)
        save_file(make_weights(random), folder / "model.safetensors")
        self.x = random.normal(0, 1, (BATCH, TOKENS, WIDTH)).astype(np.float32)
        extents = "seq=" + ",".join(map(str, EXTENTS))
        self.kernels, self.whole = {}, {}
        for name, (_, cached, plain) in MODULES.items():
            self.kernels[name] = self.compiled(name, cached, ("x", "position"), "--dim", extents)
            kernel = self.compiled(name, plain, ("x",), path="whole")
            self.whole[name] = self.run(kernel, {"x": self.x})["y"]

    def compiled(self, name, keys, inputs, *options, path="kernel"):
        model, kernel = self.folder / f"{name}.json", self.folder / f"{path}_{name}.o"
        model.write_text(json.dumps(description(name, keys, inputs)))
        command(self.tools / "attnc", model, "--cpu", "x86-64-v3,x86-64-v4", "-o", kernel, *options)
        return kernel

    def run(self, kernel, inputs, *options):
        return run_object(self.tools, self.folder, kernel, inputs, *options)

    def steps(self, kernel, name, sizes, *options):
        """All tokens in runs of these sizes; the cache holds NaN at first but for what earlier runs wrote."""
        cache, at, rows = None, 0, []
        for size in sizes:
            inputs = {"x": np.ascontiguousarray(self.x[:, at:at + size]), "position": np.full(BATCH, at, np.int32)}
            if cache is None:
                heads = 4 if name == "attention" else HEADS  # 12 elements a head are no whole vectors.
                slots = 2 * heads * (2 if name == "encoder" else 1)
                cache = np.full((BATCH, slots, CAPACITY, WIDTH // heads), np.nan, np.float32)
            made = self.run(kernel, inputs | {f"{name}_cache": cache}, *options)
            cache, at = made[f"{name}_cache"], at + size
            rows.append(made["y"])
        assert at == TOKENS
        return np.concatenate(rows, axis=1), cache


def check_steps(made, name, sizes):
    """Also: the bits are those of every CPU and number of threads, and nothing is written beyond the tokens."""
    rows, cache = made.steps(made.kernels[name], name, sizes, "--threads", 1)
    same_bits(f"{name} in runs of {sizes}", {"y": made.whole[name]}, {"y": rows})
    assert np.isnan(cache[:, :, TOKENS:]).all() and not np.isnan(cache[:, :, :TOKENS]).any(), "what is written are not the tokens"
    for cpu in cpu_levels():
        again = made.steps(made.kernels[name], name, sizes, "--threads", 2, "--cpu", cpu)
        same_bits(f"{name} for {cpu}", {"y": rows, "cache": cache}, dict(zip(("y", "cache"), again)))


def check_positions(made, name):
    """Sequences of one batch may be at different places: token p of a sequence again, after all of it."""
    _, cache = made.steps(made.kernels[name], name, (4, 6, 1))
    for batch, positions in ((BATCH, (10, 4, 0)), (BATCH, (0, 7, 7)), (1, (9,))):
        x = np.stack([made.x[b, p:p + 1] for b, p in enumerate(positions)])
        again = made.run(made.kernels[name], {"x": x, "position": np.array(positions, np.int32),
                                              f"{name}_cache": np.ascontiguousarray(cache[:batch])})
        whole = np.stack([made.whole[name][b, p:p + 1] for b, p in enumerate(positions)])
        same_bits(f"{name} at {positions}", {"y": whole}, {"y": again["y"]})


def check_passes(made):
    """Some sequences of the batch at a time have their own part of the cache; low precision leaves the cache f32."""
    extents, keys = "seq=" + ",".join(map(str, EXTENTS)), MODULES["encoder"][1]
    for words in (("--microbatch", 1), ("--precision", "bf16"), ("--precision", "int8")):
        kernel = made.compiled("encoder", keys, ("x", "position"), "--dim", extents, *words, path="other")
        whole, steps = (made.steps(kernel, "encoder", sizes, "--threads", 1) for sizes in ((6, 4, 1), (1,) * TOKENS))
        same_bits(f"{words}", *({"y": rows, "cache": cache} for rows, cache in (whole, steps)))
        error, most = np.abs(whole[0] - made.whole["encoder"]).max(), 0.1 * np.abs(made.whole["encoder"]).max()
        assert error <= (0 if words[0] == "--microbatch" else most), f"{words}: {error}"


def check_refusals(made):
    """Positions without room are refused before anything is written."""
    kernel, x = made.kernels["layer"], np.ascontiguousarray(made.x[:1, :4])
    made.run(kernel, {"x": x, "position": np.array([CAPACITY - 4], np.int32)})
    for position in (CAPACITY - 3, -1, 2**31 - 1):
        try:
            made.run(kernel, {"x": x, "position": np.array([position], np.int32)})
        except RuntimeError as error:
            assert f"position[0] is {position}, outside [0, {CAPACITY - 3})" in str(error), error
        else:
            raise AssertionError(f"position {position} was accepted")
    info = command(made.tools / "attnc-run", kernel, "--info")
    assert "layer_cache  f32 [batch, 6, 24, 16], read and written\n" in info, info


def check_header(made):
    """A C program decodes token by token through the generated header, with the cache in place."""
    given, written = (made.folder / f"cache{end}" for end in (".in", ".out"))
    (made.folder / "kernel.h").write_text((made.folder / "kernel_encoder.h").read_text())
    program = compile_program(made.folder, FOLDER / "cache.c", made.kernels["encoder"])
    given.write_bytes(made.x.tobytes())
    command(program, TOKENS, BATCH, given, written)
    rows = np.frombuffer(written.read_bytes(), np.float32).reshape(TOKENS, BATCH, WIDTH).transpose(1, 0, 2)
    expected, _ = made.steps(made.kernels["encoder"], "encoder", (1,) * TOKENS)
    same_bits("token by token", {"y": expected}, {"y": np.ascontiguousarray(rows)})


def main():
    args = suite_parser(__doc__, "attnc and attnc-run").parse_args()
    suite = Suite("cache")
    with tempfile.TemporaryDirectory() as folder:
        made = suite.run("compile", Cached, args.bin.resolve(), pathlib.Path(folder))
        if made:
            for name in MODULES:
                for sizes in ((1,) * TOKENS, (6, 4, 1), (4, 1, 6)):
                    suite.run(f"{name} in runs of {','.join(map(str, sizes))}", check_steps, made, name, sizes)
                suite.run(f"{name} at several positions", check_positions, made, name)
            suite.run("passes and precisions", check_passes, made)
            suite.run("refusals", check_refusals, made)
            suite.run("header", check_header, made)
    return suite.write(args.results)


if __name__ == "__main__":
    sys.exit(main())
