# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Goldens of single modules, and of text classifiers that are made of them."""
import math

import torch
from torch import nn

from golden import Golden, boolean, case, description, drop_last_feature, f32, ignore_mask, padding, randomise


def single(name, module, node, shape, function=None, dims=None, batch=None):
    """One module named `layer` on one float input."""
    holder = nn.ModuleDict({"layer": randomise(module)} if module else {})
    extents = [batch] + list(shape[1:]) if batch else list(shape)

    def compute(holder, inputs):
        return {"y": function(inputs["x"]) if function else holder["layer"](inputs["x"])}

    if not module:
        holder.register_buffer("unused", torch.zeros(1))
    result = description(name, {"x": f32(*shape)}, [{**node, "name": "layer", "input": "x"}], {"y": "layer"}, dims)
    if not module:
        del result["weights"]
    return Golden(result, holder, {"x": torch.randn(extents)}, compute, drop_last_feature("x"))


@case
def linear(name):
    node = {"type": "Linear", "in_features": 37, "out_features": 19}
    return single(name, nn.Linear(37, 19), node, ["batch", 37], dims={"batch": {"max": 64}}, batch=13)


@case
def linear_no_bias(name):
    node = {"type": "Linear", "in_features": 48, "out_features": 33, "bias": False}
    return single(name, nn.Linear(48, 33, bias=False), node, [3, 7, 48])


@case
def linear_one_by_one(name):
    node = {"type": "Linear", "in_features": 1, "out_features": 1}
    return single(name, nn.Linear(1, 1), node, [5, 1])


@case
def layer_norm(name):
    golden = single(name, nn.LayerNorm(45), {"type": "LayerNorm", "normalized_shape": 45}, [6, 45])
    with torch.no_grad():
        golden.module["layer"].weight += 1
    return golden


@case
def layer_norm_plain(name):
    node = {"type": "LayerNorm", "normalized_shape": 32, "elementwise_affine": False, "eps": 1e-3}
    golden = single(name, nn.LayerNorm(32, elementwise_affine=False, eps=1e-3), node, [4, 3, 32])
    golden.description.pop("weights")
    return golden


@case
def layer_norm_large_mean(name):
    """A variance that E[x^2] - E[x]^2 would lose."""
    golden = single(name, nn.LayerNorm(40), {"type": "LayerNorm", "normalized_shape": 40}, [4, 40])
    golden.inputs["x"] += 100
    return golden


@case
def normalize(name):
    return single(name, None, {"type": "Normalize"}, [5, 27], lambda x: nn.functional.normalize(x, dim=-1))


def activation(name, node, function):
    golden = single(name, None, node, [9, 31], function)
    golden.inputs["x"] *= 4
    golden.inputs["x"][0, :7] = torch.tensor([0.0, -0.0, 20.0, -20.0, 90.0, -90.0, 1e-30])
    return golden


@case
def activation_relu(name):
    return activation(name, {"type": "ReLU"}, torch.relu)


@case
def activation_gelu(name):
    return activation(name, {"type": "GELU"}, nn.functional.gelu)


@case
def activation_gelu_tanh(name):
    return activation(name, {"type": "GELU", "approximate": "tanh"}, lambda x: nn.functional.gelu(x, approximate="tanh"))


@case
def activation_silu(name):
    return activation(name, {"type": "SiLU"}, nn.functional.silu)


@case
def activation_tanh(name):
    return activation(name, {"type": "Tanh"}, torch.tanh)


@case
def activation_sigmoid(name):
    return activation(name, {"type": "Sigmoid"}, torch.sigmoid)


def pooled(x, blocked, mode):
    if mode == "cls":
        return x[:, 0]
    live = ~blocked.unsqueeze(-1)
    if mode == "mean":
        return torch.where(live, x, 0).sum(1) / live.sum(1).clamp(min=1)
    best = x.masked_fill(~live, -math.inf).amax(1)
    return torch.where(torch.isinf(best), torch.zeros_like(best), best)


def pooling(name, mode):
    """The third row has no valid position: mean and maximum give 0."""
    blocked = padding([8, 3, 0, 5], 8)
    specs = {"x": f32("batch", 8, 18), "padding": boolean("batch", 8)}
    node = {"type": "Pooling", "name": "pool", "input": "x", "mode": mode, "padding_mask": "padding", "batch_first": True}
    holder = nn.ModuleDict()
    holder.register_buffer("unused", torch.zeros(1))
    result = description(name, specs, [node], {"y": "pool"}, {"batch": {"max": 4}})
    del result["weights"]
    if mode == "cls":
        del node["padding_mask"], specs["padding"]
    inputs = {"x": torch.randn(4, 8, 18)}
    if mode != "cls":
        inputs["padding"] = blocked
    return Golden(result, holder, inputs, lambda _, given: {"y": pooled(given["x"], given.get("padding"), mode)},
                  drop_last_feature("x") if mode == "cls" else ignore_mask("padding"))


@case
def pooling_cls(name):
    return pooling(name, "cls")


@case
def pooling_mean(name):
    return pooling(name, "mean")


@case
def pooling_max(name):
    return pooling(name, "max")


def sinusoids(length, embed, dtype):
    position = torch.arange(length, dtype=dtype).unsqueeze(1)
    rate = torch.exp(torch.arange(0, embed, 2, dtype=dtype) * (-math.log(10000.0) / embed))
    table = torch.zeros(length, embed, dtype=dtype)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)[:, : embed // 2]
    return table


class Learned(nn.Module):
    """attnc's PositionalEncoding kind "learned": one row of a table added at each position."""

    def __init__(self, rows, embed):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, embed))

    def forward(self, x):
        return x + self.weight[: x.shape[1]]


def text_classifier(name, kind):
    """Token ids to logits: embedding, positions, one encoder layer, mean over the valid tokens, a head."""
    words, embed, heads, seq, classes = 50, 24, 4, 12, 3
    modules = nn.ModuleDict({
        "tokens": nn.Embedding(words, embed),
        "encoder": nn.TransformerEncoderLayer(embed, heads, 40, activation="gelu", batch_first=True),
        "head": nn.Linear(embed, classes)})
    if kind == "learned":
        modules["positions"] = Learned(20, embed)
    holder = randomise(modules)
    blocked = padding([12, 4, 9], seq)
    nodes = [
        {"type": "Embedding", "name": "tokens", "input": "ids", "num_embeddings": words, "embedding_dim": embed},
        {"type": "PositionalEncoding", "name": "positions", "kind": kind, "d_model": embed, "max_len": 20, "batch_first": True},
        {"type": "TransformerEncoderLayer", "name": "encoder", "d_model": embed, "nhead": heads, "dim_feedforward": 40,
         "activation": "gelu", "batch_first": True, "src_key_padding_mask": "padding"},
        {"type": "Pooling", "name": "pool", "mode": "mean", "padding_mask": "padding", "batch_first": True},
        {"type": "Linear", "name": "head", "in_features": embed, "out_features": classes}]
    specs = {"ids": {"shape": ["batch", "seq"], "dtype": "i32"}, "padding": boolean("batch", "seq")}

    def compute(holder, inputs):
        x = holder["tokens"](inputs["ids"].long())
        x = holder["positions"](x) if kind == "learned" else x + sinusoids(seq, embed, torch.float64).to(x.dtype)
        x = holder["encoder"](x, src_key_padding_mask=inputs["padding"])
        return {"y": holder["head"](pooled(x, inputs["padding"], "mean"))}

    inputs = {"ids": torch.randint(0, words, (3, seq), dtype=torch.int32), "padding": blocked}
    return Golden(description(name, specs, nodes, {"y": "head"}, {"batch": {"max": 4}, "seq": seq}), holder, inputs, compute,
                  ignore_mask("padding"))


@case
def text_classifier_learned(name):
    return text_classifier(name, "learned")


@case
def text_classifier_sinusoidal(name):
    return text_classifier(name, "sinusoidal")
