# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Goldens of encoder layers and stacks, and the example of SEMANTICS section 5."""
import copy

import torch
from torch import nn

from golden import Golden, boolean, case, description, drop_last_feature, f32, ignore_mask, padding, randomise


def encoder(name, embed, heads, feedforward, seq, layers=0, batch=2, activation="relu", norm_first=False, lengths=None,
            batch_first=True, bias=True, final_norm=False, eps=1e-5):
    """layers 0: a TransformerEncoderLayer; else a TransformerEncoder."""
    layer = nn.TransformerEncoderLayer(embed, heads, feedforward, activation=activation, layer_norm_eps=eps, bias=bias,
                                       batch_first=batch_first, norm_first=norm_first)
    spec = {"type": "TransformerEncoderLayer", "d_model": embed, "nhead": heads, "dim_feedforward": feedforward,
            "activation": activation, "layer_norm_eps": eps, "batch_first": batch_first, "norm_first": norm_first, "bias": bias}
    if layers:
        norm = nn.LayerNorm(embed) if final_norm else None
        module = nn.TransformerEncoder(layer, layers, norm=norm, enable_nested_tensor=False)
        node = {"type": "TransformerEncoder", "name": "encoder", "input": "x", "num_layers": layers, "layer": spec}
        if final_norm:
            node["norm"] = {"type": "LayerNorm", "normalized_shape": embed}
    else:
        module = layer
        node = {**spec, "name": "encoder", "input": "x"}
    if layers:
        # nn.TransformerEncoder copies its layer; give each its own weights.
        for one in module.layers:
            for parameter in one.parameters():
                if parameter.dim() == 2:
                    nn.init.xavier_uniform_(parameter)
    holder = randomise(nn.ModuleDict({"encoder": module}))
    extent = "batch" if batch_first else batch
    inputs = {"x": torch.randn((batch, seq, embed) if batch_first else (seq, batch, embed))}
    specs = {"x": f32(*((extent, seq, embed) if batch_first else (seq, extent, embed)))}
    valid = {}
    if lengths:
        inputs["padding"], specs["padding"] = padding(lengths, seq), boolean(extent, seq)
        node["src_key_padding_mask"] = "padding"
        valid["y"] = ~inputs["padding"] if batch_first else ~inputs["padding"].T.contiguous()

    def compute(holder, inputs):
        return {"y": holder["encoder"](inputs["x"], src_key_padding_mask=inputs.get("padding"))}

    dims = {"batch": {"max": 4}} if batch_first else None
    broken = ignore_mask("padding") if lengths else drop_last_feature("x")
    return Golden(description(name, specs, [node], {"y": "encoder"}, dims), holder, inputs, compute, broken, valid)


@case
def layer_post_relu(name):
    return encoder(name, 32, 4, 64, seq=10)


@case
def layer_post_gelu(name):
    return encoder(name, 24, 2, 48, seq=8, activation="gelu")


@case
def layer_pre_relu(name):
    return encoder(name, 16, 4, 40, seq=12, norm_first=True)


@case
def layer_pre_gelu(name):
    return encoder(name, 32, 8, 64, seq=10, activation="gelu", norm_first=True)


@case
def layer_odd_post_gelu(name):
    return encoder(name, 15, 3, 31, seq=7, activation="gelu")


@case
def layer_odd_pre_relu(name):
    return encoder(name, 15, 5, 29, seq=7, batch=3, norm_first=True)


@case
def layer_one_head(name):
    return encoder(name, 25, 1, 33, seq=17, activation="gelu", eps=1e-12)


@case
def layer_head_dim_1(name):
    return encoder(name, 10, 10, 20, seq=3)


@case
def layer_no_bias(name):
    return encoder(name, 16, 2, 24, seq=9, bias=False)


@case
def layer_seq_first(name):
    return encoder(name, 16, 2, 24, seq=9, batch=3, batch_first=False, lengths=[9, 4, 7])


@case
def layer_padding(name):
    return encoder(name, 18, 3, 36, seq=11, batch=3, activation="gelu", lengths=[11, 3, 8])


@case
def encoder_post(name):
    return encoder(name, 32, 4, 48, seq=9, layers=2, lengths=[9, 5], final_norm=True, activation="gelu")


@case
def encoder_pre(name):
    return encoder(name, 24, 3, 50, seq=14, layers=3, norm_first=True, final_norm=True)


@case
def encoder_odd(name):
    return encoder(name, 33, 3, 65, seq=19, layers=2, lengths=[19, 1])


def transformer_model(name, layers, share_weights, batch_first):
    """Blocks of attention, residual, LayerNorm, ReLU feed-forward, residual, LayerNorm; then a Linear head. PyTorch's
    default is batch_first=False, so a tensor written as (batch, seq, embed) is attended along its first dimension."""
    embed, heads, feedforward, outputs = 32, 8, 64, 10
    first, second = 8, 5
    layer = nn.TransformerEncoderLayer(embed, heads, feedforward, batch_first=batch_first)
    stack = nn.ModuleDict({"layers": nn.ModuleList([layer] if share_weights else [copy.deepcopy(layer) for _ in range(layers)])})
    for parameter in stack.parameters():
        if parameter.dim() == 2:
            nn.init.xavier_uniform_(parameter)
    holder = randomise(nn.ModuleDict({"encoder": stack, "head": nn.Linear(embed, outputs)}))
    spec = {"type": "TransformerEncoderLayer", "d_model": embed, "nhead": heads, "dim_feedforward": feedforward,
            "activation": "relu", "batch_first": batch_first}
    node = {"type": "TransformerEncoder", "name": "encoder", "input": "x", "num_layers": layers, "layer": spec}
    if share_weights:
        node["share_weights"] = True
    head = {"type": "Linear", "name": "head", "in_features": embed, "out_features": outputs}

    def compute(holder, inputs):
        x = inputs["x"]
        for index in range(layers):
            x = holder["encoder"]["layers"][0 if share_weights else index](x)
        return {"y": holder["head"](x)}

    return Golden(description(name, {"x": f32(first, second, embed)}, [node, head], {"y": "head"}), holder,
                  {"x": torch.randn(first, second, embed)}, compute, drop_last_feature("x"))


@case
def transformer_model_as_written(name):
    return transformer_model(name, layers=3, share_weights=True, batch_first=False)


@case
def transformer_model_as_meant(name):
    return transformer_model(name, layers=2, share_weights=False, batch_first=True)
