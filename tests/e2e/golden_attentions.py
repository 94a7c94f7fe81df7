# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Goldens of MultiheadAttention, with and without rotary positions."""
import math

import torch
from torch import nn

from golden import Golden, boolean, case, description, drop_last_feature, f32, ignore_mask, padding, randomise


def attention(name, embed, heads, seq, batch=3, keys=None, lengths=None, batch_first=True, bias=True, runtime_batch=True,
              kdim=None, vdim=None):
    """keys: cross-attention with that many keys; lengths: a key_padding_mask that leaves so many keys of each row; kdim
    and vdim, with keys: other widths of key and value, which also splits the projections' weights."""
    module = randomise(nn.MultiheadAttention(embed, heads, bias=bias, batch_first=batch_first, kdim=kdim, vdim=vdim))
    holder = nn.ModuleDict({"attention": module})
    extent = "batch" if runtime_batch and batch_first else batch

    def shape(length, width=embed, count=extent):
        return (count, length, width) if batch_first else (length, count, width)

    def data(length, width=embed):
        return torch.randn(shape(length, width, batch))

    inputs = {"x": data(seq)}
    specs = {"x": f32(*shape(seq))}
    node = {"type": "MultiheadAttention", "name": "attention", "embed_dim": embed, "num_heads": heads, "batch_first": batch_first}
    if not bias:
        node["bias"] = False
    if kdim:
        inputs.update(key=data(keys, kdim), value=data(keys, vdim))
        specs.update(key=f32(*shape(keys, kdim)), value=f32(*shape(keys, vdim)))
        node.update(kdim=kdim, vdim=vdim, query="x", key="key", value="value")
    elif keys:
        inputs["memory"], specs["memory"] = data(keys), f32(*shape(keys))
        node.update(query="x", key="memory", value="memory")
    else:
        node.update(query="x", key="x", value="x")
    if lengths:
        inputs["padding"], specs["padding"] = padding(lengths, keys or seq), boolean(extent, keys or seq)
        node["key_padding_mask"] = "padding"

    def compute(holder, inputs):
        memory = inputs.get("memory", inputs["x"])
        key, value = inputs.get("key", memory), inputs.get("value", memory)
        y, _ = holder["attention"](inputs["x"], key, value, key_padding_mask=inputs.get("padding"), need_weights=False)
        return {"y": y}

    dims = {"batch": {"max": 8}} if extent == "batch" else None
    broken = ignore_mask("padding") if lengths else drop_last_feature(list(inputs)[-1])
    return Golden(description(name, specs, [node], {"y": "attention"}, dims), holder, inputs, compute, broken)


@case
def mha(name):
    return attention(name, embed=16, heads=4, seq=6)


def rotate(x, theta, interleaved, offset):
    """Rotary positional encoding of (batch, heads, length, head_dim), its tables in f64 and rounded to f32."""
    half = x.shape[-1] // 2
    angles = torch.outer(torch.arange(x.shape[-2], dtype=torch.float64) + offset, theta ** (-torch.arange(half, dtype=torch.float64) / half))
    cos, sin = angles.cos().float().to(x.dtype), angles.sin().float().to(x.dtype)
    a, b = (x[..., 0::2], x[..., 1::2]) if interleaved else x.split(half, -1)
    turned = a * cos - b * sin, b * cos + a * sin
    return torch.stack(turned, -1).flatten(-2) if interleaved else torch.cat(turned, -1)


def rotary_attention(module, x, memory, theta, interleaved, offset):
    """nn.MultiheadAttention from x to memory, whose query and key heads turn."""
    parts = zip((x, memory, memory), module.in_proj_weight.chunk(3), module.in_proj_bias.chunk(3))
    query, key, value = (nn.functional.linear(*part).unflatten(-1, (module.num_heads, -1)).transpose(1, 2) for part in parts)
    query, key = (rotate(part, theta, interleaved, offset) for part in (query, key))
    weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(module.head_dim), -1)
    return module.out_proj((weights @ value).transpose(1, 2).flatten(2))


def rope(name, theta=10000, interleaved=False, offset=0, embed=24, heads=3, seq=9, keys=None):
    golden = attention(name, embed, heads, seq, keys=keys)
    golden.description["model"][0]["rope"] = {"theta": theta, "interleaved": interleaved, "offset": offset}

    def compute(holder, inputs):
        return {"y": rotary_attention(holder["attention"], inputs["x"], inputs.get("memory", inputs["x"]), theta, interleaved, offset)}

    golden.compute = compute
    return golden


@case
def rope_half(name):
    return rope(name)


@case
def rope_interleaved(name):
    return rope(name, theta=100, interleaved=True, offset=5)


@case
def rope_cross(name):
    return rope(name, offset=1000, seq=4, keys=11, embed=20, heads=1)


@case
def rope_decoder_layer(name):
    """The self-attention turns its heads, the attention to the memory does not."""
    layer = randomise(nn.TransformerDecoderLayer(12, 3, 8, batch_first=True))
    node = {"type": "TransformerDecoderLayer", "name": "layer", "tgt": "x", "memory": "memory", "d_model": 12, "nhead": 3,
            "dim_feedforward": 8, "batch_first": True, "rope": {"theta": 50, "offset": 2}}

    def compute(holder, inputs):
        layer, x = holder["layer"], inputs["x"]
        x = layer.norm1(x + rotary_attention(layer.self_attn, x, x, 50, False, 2))
        x = layer.norm2(x + layer.multihead_attn(x, inputs["memory"], inputs["memory"], need_weights=False)[0])
        return {"y": layer.norm3(x + layer.linear2(torch.relu(layer.linear1(x))))}

    specs = {"x": f32(2, 9, 12), "memory": f32(2, 5, 12)}
    inputs = {key: torch.randn(spec["shape"]) for key, spec in specs.items()}
    return Golden(description(name, specs, [node], {"y": "layer"}), nn.ModuleDict({"layer": layer}), inputs, compute,
                  drop_last_feature("memory"))


@case
def mha_seq_first(name):
    return attention(name, embed=16, heads=4, seq=6, batch_first=False, lengths=[6, 2, 4])


@case
def mha_cross(name):
    return attention(name, embed=12, heads=2, seq=5, keys=9)


@case
def mha_cross_padding(name):
    return attention(name, embed=12, heads=3, seq=4, keys=10, lengths=[10, 7, 1])


@case
def mha_padding(name):
    return attention(name, embed=16, heads=2, seq=9, batch=4, lengths=[9, 5, 1, 8])


@case
def mha_fully_masked_row(name):
    """M32: every key of the second row is blocked; its output is out_proj.bias."""
    return attention(name, embed=8, heads=2, seq=5, lengths=[5, 0, 3])


@case
def mha_no_bias(name):
    return attention(name, embed=20, heads=5, seq=6, bias=False)


@case
def mha_odd(name):
    return attention(name, embed=15, heads=3, seq=7)


@case
def mha_odd_padding(name):
    return attention(name, embed=21, heads=3, seq=13, lengths=[13, 6, 11])


@case
def mha_one_head(name):
    return attention(name, embed=9, heads=1, seq=5)


@case
def mha_head_dim_1(name):
    return attention(name, embed=7, heads=7, seq=11)


@case
def mha_one_token(name):
    return attention(name, embed=16, heads=4, seq=1, batch=2)


@case
def mha_split_weights(name):
    return attention(name, embed=12, heads=3, seq=4, keys=6, kdim=10, vdim=7)


@case
def mha_fixed_batch(name):
    return attention(name, embed=16, heads=2, seq=8, batch=2, runtime_batch=False)


@case
def mha_long(name):
    return attention(name, embed=32, heads=2, seq=131, batch=2, lengths=[131, 70])


@case
def mha_wide_head(name):
    return attention(name, embed=136, heads=2, seq=18, batch=1)
