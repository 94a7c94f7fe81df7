#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One object for several sequence lengths: for each of them it computes the bits of an object that was compiled for that length
alone, over one weights image, through attnc-run and through the generated header (buckets.c)."""
import json
import pathlib
import sys
import tempfile

import numpy as np
from safetensors.numpy import save_file

from run_aarch64 import compile_program
from run_e2e import FOLDER, command, run_object, same_bits

from junit import Suite, cpu_levels, suite_parser

EXTENTS = (5, 16, 33)
WIDTH, VOCABULARY, BATCH = 24, 50, 3
LAYER = {"d_model": WIDTH, "nhead": 3, "dim_feedforward": 40, "batch_first": True}
DESCRIPTION = {
    "name": "lengths",
    "dims": {"batch": {"max": 4}, "seq": 8},
    "inputs": {"ids": {"shape": ["batch", "seq"], "dtype": "i32"}, "lengths": {"shape": ["batch"], "dtype": "i32"}},
    "model": [
        {"type": "Embedding", "name": "tokens", "input": "ids", "num_embeddings": VOCABULARY, "embedding_dim": WIDTH},
        {"type": "PositionalEncoding", "name": "positions", "input": "tokens", "d_model": WIDTH, "kind": "sinusoidal", "batch_first": True},
        {"type": "TransformerEncoder", "name": "encoder", "input": "positions", "num_layers": 2, "layer": LAYER, "lengths": "lengths"},
        {"type": "MultiheadAttention", "name": "last", "query": "encoder", "embed_dim": WIDTH, "num_heads": 4, "batch_first": True,
         "lengths": "lengths", "add_bias_kv": True, "need_weights": True}],
    "outputs": {"y": "last", "weights": "last.attn_weights"},
    "weights": "model.safetensors",
}


def make_weights(random):
    shapes = {"tokens.weight": (VOCABULARY, WIDTH), "last.bias_k": (1, 1, WIDTH), "last.bias_v": (1, 1, WIDTH)}
    for prefix in ("encoder.layers.0.self_attn", "encoder.layers.1.self_attn", "last"):
        shapes |= {f"{prefix}.in_proj_weight": (3 * WIDTH, WIDTH), f"{prefix}.in_proj_bias": (3 * WIDTH,),
                   f"{prefix}.out_proj.weight": (WIDTH, WIDTH), f"{prefix}.out_proj.bias": (WIDTH,)}
    for prefix in ("encoder.layers.0", "encoder.layers.1"):
        shapes |= {f"{prefix}.linear1.weight": (40, WIDTH), f"{prefix}.linear1.bias": (40,), f"{prefix}.linear2.weight": (WIDTH, 40),
                   f"{prefix}.linear2.bias": (WIDTH,)}
        shapes |= {f"{prefix}.{norm}.{kind}": (WIDTH,) for norm in ("norm1", "norm2") for kind in ("weight", "bias")}
    return {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


class Buckets:
    """The object with all extents, and one for each alone."""

    def __init__(self, tools, folder):
        self.tools, self.folder = tools, folder
        self.random = np.random.default_rng(11)
        save_file(make_weights(self.random), folder / "model.safetensors")
        self.model = folder / "model.json"
        self.model.write_text(json.dumps(DESCRIPTION))
        self.kernel = self.compiled("kernel", EXTENTS)
        self.inputs = {extent: {"ids": self.random.integers(0, VOCABULARY, (BATCH, extent)).astype(np.int32),
                                "lengths": np.array([extent, extent // 2, 1], np.int32)} for extent in EXTENTS}
        self.alone = {extent: self.run(self.compiled(f"alone{extent}", [extent]), self.inputs[extent]) for extent in EXTENTS}

    def compiled(self, name, extents, *options):
        kernel = self.folder / f"{name}.o"
        command(self.tools / "attnc", self.model, "--dim", "seq=" + ",".join(map(str, reversed(extents))), "--cpu", "x86-64-v3,x86-64-v4",
                "-o", kernel, *options)
        return kernel

    def run(self, kernel, inputs, *options):
        return run_object(self.tools, self.folder, kernel, inputs, *options)


def check_extent(made, extent, cpu):
    same_bits(f"seq {extent} for {cpu}", made.alone[extent], made.run(made.kernel, made.inputs[extent], "--cpu", cpu))


def check_tool(made):
    """attnc-run takes the extent from the files, or for made-up inputs from --dim."""
    for extent in EXTENTS:
        made.run(made.kernel, {"lengths": made.inputs[extent]["lengths"]}, "--random-inputs", 3, "--dim", f"seq={extent}")
    info = command(made.tools / "attnc-run", made.kernel, "--info")
    assert "seq 5, 16, 33, the last of which the shapes below show\n" in info and info.count("\nfor ") == 2, info
    wrong = {"ids": np.zeros((BATCH, 6), np.int32), "lengths": np.ones(BATCH, np.int32)}
    for message, inputs, *options in (
            ('input "ids" has shape [3, 6], but the model takes [batch, 5] or [batch, 16] or [batch, 33]', wrong),
            ('input "ids" has shape [3, 5], but the model takes [batch, 16]', made.inputs[5], "--dim", "seq=16"),
            ("--dim seq=6: the model takes 5, 16, 33", wrong, "--dim", "seq=6"),
            ("--dim batch=3: the dimension with several extents is seq", wrong, "--dim", "batch=3"),
            ("--dim seq=x: expected NAME=N with N from 1", wrong, "--dim", "seq=x")):
        try:
            made.run(made.kernel, inputs, *options)
        except RuntimeError as error:
            assert f"attnc-run: error: {message}\n" in str(error), error
        else:
            raise AssertionError(f"accepted, but expected was: {message}")


def check_external(made):
    """One weights file serves every extent; it is hardly larger than that of one."""
    external = made.compiled("external", EXTENTS, "--weights", "external")
    single = made.compiled("single", EXTENTS[-1:], "--weights", "external")
    for extent in EXTENTS:
        same_bits(f"seq {extent}", made.alone[extent], made.run(external, made.inputs[extent]))
    sizes = [path.with_suffix(".weights").stat().st_size for path in (external, single)]
    # The sinusoidal positions of the shorter extents lie beside those of the longest.
    assert sizes[0] <= sizes[1] + 4 * WIDTH * sum(EXTENTS) + 256, sizes


def check_header(made):
    """A C program that includes nothing but the header."""
    given, written = (made.folder / f"buckets{end}" for end in (".in", ".out"))
    program = compile_program(made.folder, FOLDER / "buckets.c", made.kernel)
    for extent in EXTENTS:
        given.write_bytes(b"".join(made.inputs[extent][name].tobytes() for name in ("ids", "lengths")))
        ran = command(program, extent, BATCH, given, written)
        assert ran.strip().endswith("up to 6: 16, up to 17: 33, up to 34: 0"), ran
        values = np.frombuffer(written.read_bytes(), np.float32)
        split = BATCH * extent * WIDTH
        same_bits(f"seq {extent}", made.alone[extent], {"y": values[:split].reshape(BATCH, extent, WIDTH),
                                                        "weights": values[split:].reshape(BATCH, extent, extent + 1)})
    try:
        command(program, 6, BATCH, given, written)
    except RuntimeError as error:
        assert "buckets: seq is 6; model 'lengths' takes 5, 16, 33" in str(error), error
    else:
        raise AssertionError("an extent that there is not was accepted")


def main():
    args = suite_parser(__doc__, "attnc and attnc-run").parse_args()
    suite = Suite("buckets")
    with tempfile.TemporaryDirectory() as folder:
        made = suite.run("compile", Buckets, args.bin.resolve(), pathlib.Path(folder))
        if made:
            for extent in EXTENTS:
                for cpu in cpu_levels():
                    suite.run(f"seq {extent} for {cpu}", check_extent, made, extent, cpu)
            suite.run("attnc-run", check_tool, made)
            suite.run("external weights", check_external, made)
            suite.run("header", check_header, made)
    return suite.write(args.results)


if __name__ == "__main__":
    sys.exit(main())
