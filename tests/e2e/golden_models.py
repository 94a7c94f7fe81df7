# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The models whose outputs make_goldens.py records: each both as a PyTorch module and as an attnc description."""
import copy
import math

import torch
from torch import nn

SCHEMA = "../../../frontend/model.schema.json"
CASES = {}


def case(function):
    """Registers a function that returns a Golden under its own name."""
    CASES[function.__name__] = function
    return function


class Golden:
    """A model in both forms, and inputs for it.

    compute(module, inputs) -> {output: tensor} runs in the dtype of the module. `broken` changes the inputs (and may change
    the module, a copy) to what a wrong kernel would compute.
    """

    def __init__(self, description, module, inputs, compute, broken, valid=None):
        self.description, self.module, self.inputs = description, module, inputs
        self.compute, self.broken, self.valid = compute, broken, valid or {}


def description(name, inputs, modules, outputs, dims=None):
    return {"$schema": SCHEMA, "name": name, **({"dims": dims} if dims else {}), "inputs": inputs,
            "weights": f"{name}.safetensors", "model": modules, "outputs": outputs}


def f32(*shape):
    return {"shape": list(shape), "dtype": "f32"}


def boolean(*shape):
    return {"shape": list(shape), "dtype": "bool"}


def randomise(module):
    """PyTorch starts biases at 0 and norms at 1; a kernel that forgets them would go unnoticed."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.dim() == 1:
                base = 1.0 if "norm" in name and name.endswith("weight") else 0.0
                parameter.copy_(base + 0.3 * torch.randn_like(parameter))
    return module


def drop_last_feature(name):
    """The classic tail bug: the last of the contracted elements is not added."""

    def change(_, inputs):
        inputs[name][..., -1] = 0

    return change


def ignore_mask(name):
    def change(_, inputs):
        inputs[name][:] = False

    return change


def padding(lengths, seq):
    return torch.tensor([[position >= length for position in range(seq)] for length in lengths])


# -- MultiheadAttention ------------------------------------------------------------------------------------------------


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


# -- Encoder layers ----------------------------------------------------------------------------------------------------


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


# -- The example of SEMANTICS section 5 -------------------------------------------------------------------------------


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


# -- Single modules ----------------------------------------------------------------------------------------------------


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
