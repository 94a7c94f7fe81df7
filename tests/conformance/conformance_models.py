# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The conformance goldens' models, in the form of tests/e2e/golden.py. The first line of each docstring, or the name,
says what it is; labels.py says which labels it stands for."""
import math
import pathlib
import sys

import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from golden import Golden, boolean, description, drop_last_feature, f32, padding, randomise  # noqa: E402

CASES = {}


def case(name, make, **options):
    CASES[name] = lambda golden_name: make(golden_name, **options)


# -- MultiheadAttention ------------------------------------------------------------------------------------------------


def mask_of(kind, queries, keys, rows):
    """An attention mask, 2-D or of `rows` = batch * heads; every query keeps its first key."""
    shape = ((rows,) if kind.endswith("3") else ()) + (queries, keys)
    if kind.startswith("causal"):
        return torch.triu(torch.ones(shape, dtype=torch.bool), 1)
    blocked = torch.rand(shape) < 0.4
    blocked[..., 0] = False
    return blocked if kind.startswith("bool") else torch.where(blocked, -math.inf, 1.5 * torch.randn(shape))


def forget_mask(name):
    def change(_, inputs):
        inputs[name].zero_()

    return change


def mha(name, embed=12, heads=3, seq=5, keys=None, batch=2, layout="batch_first", mask=None, padded=None, blocked_rows=False,
        bias=True, kdim=None, vdim=None, weights=None, all_blocked=None, **module_keys):
    """mask: bool2, float2, bool3, float3, causal2; padded: bool, float; weights: averaged, per_head; all_blocked: a policy."""
    batch_first, unbatched = layout == "batch_first", layout == "unbatched"
    options = {key: module_keys[key] for key in ("add_bias_kv", "add_zero_attn") if key in module_keys}
    module = randomise(nn.MultiheadAttention(embed, heads, bias=bias, batch_first=batch_first, kdim=kdim, vdim=vdim, **options))
    if "add_bias_kv" in options:
        with torch.no_grad():
            module.bias_k.normal_()
            module.bias_v.normal_()
    holder, count = nn.ModuleDict({"attention": module}), keys or seq

    def shape(rows, width):
        return {"batch_first": (batch, rows, width), "seq_first": (rows, batch, width), "unbatched": (rows, width)}[layout]

    node = {"type": "MultiheadAttention", "name": "attention", "embed_dim": embed, "num_heads": heads, "query": "x", "key": "x",
            "batch_first": batch_first, **module_keys}
    inputs, specs = {"x": torch.randn(shape(seq, embed))}, {"x": f32(*shape(seq, embed))}
    if keys or kdim or vdim:
        inputs["memory"], specs["memory"] = torch.randn(shape(count, kdim or embed)), f32(*shape(count, kdim or embed))
        node["key"] = "memory"
    if (kdim or embed) != (vdim or embed):
        inputs["other"], specs["other"] = torch.randn(shape(count, vdim or embed)), f32(*shape(count, vdim or embed))
        node["value"] = "other"
    if kdim or vdim:
        node.update(kdim=kdim or embed, vdim=vdim or embed)
    if not bias:
        node["bias"] = False
    if mask:
        inputs["mask"] = mask_of(mask, seq, count, heads if unbatched else batch * heads)
        specs["mask"] = {"shape": list(inputs["mask"].shape), "dtype": "f32" if mask.startswith("float") else "bool"}
        node["attn_mask"] = "mask"
        if blocked_rows:
            inputs["mask"][..., 1, :] = -math.inf if mask.startswith("float") else True
    if padded:
        lengths = [count - 2] if unbatched else [max(1, count - 2 * row) for row in range(batch)]
        blocked = padding(lengths, count)
        if all_blocked:
            blocked[-1] = True
        values = blocked if padded == "bool" else torch.where(blocked, -math.inf, torch.randn(blocked.shape))
        key = "key_mask"
        inputs[key] = values[0] if unbatched else values
        specs[key] = {"shape": list(inputs[key].shape), "dtype": "bool" if padded == "bool" else "f32"}
        node["key_padding_mask"] = key
    if weights:
        node.update(need_weights=True, average_attn_weights=weights == "averaged")
    if all_blocked == "nan":
        node["fully_masked"] = "nan"
    outputs = {"y": "attention", **({"weights": "attention.attn_weights"} if weights else {})}

    def compute(holder, inputs):
        key = inputs.get("memory", inputs["x"])
        value = inputs.get("other", key)
        y, found = holder["attention"](inputs["x"], key, value, attn_mask=inputs.get("mask"), average_attn_weights=weights == "averaged",
                                       key_padding_mask=inputs.get("key_mask"), need_weights=bool(weights) or all_blocked == "nan")
        return {"y": y, **({"weights": found} if weights else {})}

    broken = forget_mask("mask") if mask else forget_mask("key_mask") if padded else drop_last_feature(list(inputs)[-1])
    return Golden(description(name, specs, [node], outputs), holder, inputs, compute, broken)


for layout_ in ("batch_first", "seq_first", "unbatched"):
    case(f"mha_{layout_}", mha, layout=layout_)
    case(f"mha_mask_bool_3d_{layout_}", mha, layout=layout_, mask="bool3", seq=4, keys=6)
    case(f"mha_padding_{layout_}", mha, layout=layout_, padded="bool", seq=6)
case("mha_mask_bool_2d", mha, mask="bool2")
case("mha_mask_float_2d", mha, mask="float2", seq=7)
case("mha_mask_float_3d", mha, mask="float3", keys=8)
case("mha_mask_blocks_a_row", mha, mask="bool2", blocked_rows=True)
case("mha_mask_float_blocks_a_row", mha, mask="float2", blocked_rows=True)
case("mha_padding_float", mha, padded="float", seq=7)
case("mha_padding_float_unbatched", mha, padded="float", layout="unbatched", seq=7)
case("mha_both_masks_bool", mha, mask="bool2", padded="bool", seq=6)
case("mha_both_masks_float", mha, mask="float3", padded="float", seq=6)
case("mha_both_masks_mixed", mha, mask="float2", padded="bool", seq=6)
case("mha_both_masks_per_head", mha, mask="bool3", padded="bool", seq=6)
case("mha_causal_mask", mha, mask="causal2", seq=9, is_causal=True)
case("mha_cross_one_key", mha, keys=1)
case("mha_one_query", mha, seq=1, keys=7)
case("mha_one_sample", mha, batch=1)
case("mha_heads_1", mha, heads=1)
case("mha_heads_all", mha, embed=7, heads=7)
case("mha_dropout", mha, dropout=0.5)
case("mha_kdim", mha, kdim=10, keys=6)
case("mha_vdim", mha, vdim=7, keys=6)
case("mha_kdim_vdim", mha, kdim=5, vdim=9, keys=6)
case("mha_no_bias", mha, bias=False)
case("mha_bias_kv", mha, add_bias_kv=True, keys=6)
case("mha_bias_kv_no_bias", mha, add_bias_kv=True, bias=False)
case("mha_zero_attn", mha, add_zero_attn=True)
case("mha_bias_kv_zero_attn", mha, add_bias_kv=True, add_zero_attn=True, mask="float2")
case("mha_bias_kv_padding", mha, add_bias_kv=True, padded="bool", seq=6)
case("mha_bias_kv_all_blocked", mha, add_bias_kv=True, padded="bool", all_blocked="zero", seq=6)
case("mha_zero_attn_all_blocked", mha, add_zero_attn=True, padded="bool", all_blocked="zero", seq=6)
case("mha_zero_attn_causal", mha, add_zero_attn=True, mask="causal2", is_causal=True, seq=6)
case("mha_weights_averaged", mha, weights="averaged", keys=7)
case("mha_weights_per_head", mha, weights="per_head", mask="bool2", seq=6)
case("mha_weights_seq_first", mha, weights="averaged", layout="seq_first", seq=6)
case("mha_weights_unbatched", mha, weights="per_head", layout="unbatched", seq=6)
case("mha_weights_bias_kv", mha, weights="averaged", add_bias_kv=True, add_zero_attn=True)
case("mha_all_blocked_zero", mha, padded="bool", all_blocked="zero", seq=6)
case("mha_all_blocked_nan", mha, padded="bool", all_blocked="nan", seq=6)


# -- Score modifications -----------------------------------------------------------------------------------------------


def slopes(heads):
    """The ALiBi paper's: a geometric sequence for powers of two, else interleaved with that of the next power."""

    def sequence(count):
        return [2 ** (-8 * (head + 1) / count) for head in range(count)]

    power = 2 ** int(math.log2(heads))
    return sequence(power) + sequence(2 * power)[0::2][:heads - power]


def softmax(scores):
    return torch.nan_to_num(torch.softmax(scores, -1))


def scored(name, steps, change, embed=12, heads=3, seq=9, keys=None, weigh=softmax, further=False, change_with=None, weigh_with=None,
           lse=lambda scores: torch.logsumexp(scores, -1), **module_keys):
    """Attention whose scores `change(scores, query, key)` modifies and `weigh` turns into weights; `further`: weights of each
    head and log-sum-exp, `lse(scores)`, are outputs. change_with, weigh_with: of the module that holds all parameters."""
    golden = mha(name, embed, heads, seq, keys, score=steps, **module_keys)
    if further:
        golden.description["outputs"].update(weights="attention.attn_weights", lse="attention.log_sum_exp")
    count = keys or seq

    def compute(holder, inputs):
        module, x = holder["attention"], inputs["x"]
        memory = inputs.get("memory", x)
        parts = zip((x, memory, memory), module.in_proj_weight.chunk(3), module.in_proj_bias.chunk(3))
        query, key, value = (functional.linear(*part).unflatten(-1, (heads, -1)).transpose(1, 2) for part in parts)
        scores = query @ key.transpose(-1, -2) / math.sqrt(embed // heads)
        rows, columns = torch.arange(seq).unsqueeze(1), torch.arange(count).unsqueeze(0)
        scores = (change_with(holder) if change_with else change)(scores, rows, columns)
        weights = (weigh_with(holder) if weigh_with else weigh)(scores)
        outputs = {"weights": weights, "lse": lse(scores)} if further else {}
        return {"y": module.out_proj((weights @ value).transpose(1, 2).flatten(2)), **outputs}

    golden.compute = compute
    return golden


def alibi(scores, query, key):
    slope = torch.tensor(slopes(scores.shape[1]), dtype=scores.dtype)[:, None, None]
    return scores - slope * (query - key)


def only(keep):
    return lambda scores, query, key: scores.masked_fill(~keep(query, key), -math.inf)


case("score_causal", scored, steps=[{"causal": "top_left"}], change=only(lambda q, k: k <= q))
case("score_causal_bottom_right", scored, steps=[{"causal": "bottom_right"}], seq=4, keys=9, change=only(lambda q, k: k <= q + 5))
case("score_window", scored, steps=[{"window": [2, 1]}], change=only(lambda q, k: (k >= q - 2) & (k <= q + 1)))
case("score_alibi", scored, steps=[{"alibi": True}], heads=4, change=alibi)
case("score_alibi_odd_heads", scored, steps=[{"alibi": True}], heads=6, change=alibi)
case("score_softcap", scored, steps=[{"softcap": 0.5}], change=lambda s, q, k: 0.5 * torch.tanh(s / 0.5))
case("score_expression", scored, steps=[{"expression": "score - 0.1 * abs(query - key)"}],
     change=lambda s, q, k: s - 0.1 * (q - k).abs())
case("score_composed", scored, steps=[{"softcap": 2}, {"alibi": True}, {"causal": "top_left"}, {"window": [4, 0]}],
     change=lambda s, q, k: only(lambda q, k: (k <= q) & (k >= q - 4))(alibi(2 * torch.tanh(s / 2), q, k), q, k))
case("score_weights_lse", scored, steps=[{"causal": "top_left"}], change=only(lambda q, k: k <= q), seq=19, further=True,
     need_weights=True, average_attn_weights=False, need_lse=True)


def weighed(function, scale):
    """Weights that look at each score by itself; those of blocked keys are 0."""
    return lambda scores: torch.where(scores == -math.inf, 0.0, scale * function(scores))


case("normalizer_relu", scored, steps=[{"window": [3, 2]}], change=only(lambda q, k: (k >= q - 3) & (k <= q + 2)),
     normalizer="relu", normalizer_scale="1/keys", weigh=weighed(torch.relu, 1 / 9))
case("normalizer_sigmoid", scored, steps=[{"causal": "top_left"}], change=only(lambda q, k: k <= q), normalizer="sigmoid",
     weigh=weighed(torch.sigmoid, 1))
case("normalizer_identity", scored, steps=[{"causal": "bottom_right"}], seq=4, keys=9, change=only(lambda q, k: k <= q + 5),
     normalizer="identity", normalizer_scale=0.5, weigh=weighed(lambda scores: scores, 0.5))


def t5_buckets(relative, buckets, max_distance, bidirectional):
    """T5's buckets of key - query, in f32, as Hugging Face's T5Attention works them out."""
    first = torch.zeros_like(relative)
    if bidirectional:
        buckets //= 2
        first, relative = (relative > 0) * buckets, relative.abs()
    else:
        relative = -torch.minimum(relative, torch.zeros_like(relative))
    exact = buckets // 2
    place = torch.log(relative.float() / exact) / math.log(max_distance / exact) * (buckets - exact)
    place = torch.where(relative < exact, 0, place).long()
    return first + torch.where(relative < exact, relative, torch.clamp(exact + place, max=buckets - 1))


def relative_bias(name, num_buckets=32, max_distance=128, bidirectional=True, heads=3, steps=(), keep=lambda q, k: k >= 0, **keys):
    """T5's relative position bias."""
    step = {"parameter": "bias.weight", "num_buckets": num_buckets, "max_distance": max_distance, "bidirectional": bidirectional}
    golden = scored(name, [{"relative_bias": step}, *steps], None, heads=heads, change_with=lambda holder: change(holder), **keys)
    golden.module["bias"] = randomise(nn.Embedding(num_buckets, heads))

    def change(holder):
        def add(scores, query, key):
            table = holder["bias"].weight[t5_buckets(key - query, num_buckets, max_distance, bidirectional)]
            return only(keep)(scores + table.permute(2, 0, 1), query, key)

        return add

    return golden


case("score_relative_bias", relative_bias, seq=40, embed=6)
case("score_relative_bias_long", relative_bias, seq=3, keys=300, embed=6)
case("score_relative_bias_causal", relative_bias, seq=70, embed=6, num_buckets=8, max_distance=20, bidirectional=False,
     steps=[{"causal": "top_left"}], keep=lambda q, k: k <= q)
case("score_relative_bias_zero_attn", relative_bias, seq=5, num_buckets=4, max_distance=3, sink=0,
     weigh=lambda scores: torch.softmax(functional.pad(scores, (0, 1)), -1)[..., :-1])


def learned_sink(name, **keys):
    """A logit of each head joins the divisor."""
    golden = scored(name, [{"causal": "top_left"}], only(lambda q, k: k <= q), sink={"parameter": "sinks"}, weigh_with=lambda holder: weigh(holder),
                    **keys)
    golden.module.register_parameter("sinks", nn.Parameter(torch.randn(3)))

    def weigh(holder):
        def normalize(scores):
            sinks = holder.sinks[:, None, None].expand(*scores.shape[:-1], 1)
            return torch.softmax(torch.cat([scores, sinks], -1), -1)[..., :-1]

        return normalize

    return golden


case("sink_learned", learned_sink, seq=19)
case("sink_off_by_one", scored, steps=[{"window": [3, 2]}], change=only(lambda q, k: (k >= q - 3) & (k <= q + 2)), sink=0,
     weigh=lambda scores: torch.softmax(functional.pad(scores, (0, 1)), -1)[..., :-1], further=True, need_weights=True,
     average_attn_weights=False, need_lse=True, lse=lambda scores: torch.logsumexp(functional.pad(scores, (0, 1)), -1))


# -- Additive attention ------------------------------------------------------------------------------------------------


class AdditiveAttention(nn.Module):
    """Bahdanau's score, as PyTorch modules write it."""

    def __init__(self, query_dim, key_dim, attention_dim):
        super().__init__()
        self.query_proj = nn.Linear(query_dim, attention_dim, bias=False)
        self.key_proj = nn.Linear(key_dim, attention_dim, bias=False)
        self.bias = nn.Parameter(torch.zeros(attention_dim))
        self.score_proj = nn.Linear(attention_dim, 1, bias=False)

    def scores(self, query, key):
        query, key = self.query_proj(query).unsqueeze(-2), self.key_proj(key).unsqueeze(-3)
        return self.score_proj(torch.tanh(query + key + self.bias)).squeeze(-1)


def additive(name, query_dim=6, key_dim=10, attention_dim=7, seq=4, keys=9, batch=2, layout="batch_first", padded=False,
             weigh=softmax, further=False, **module_keys):
    module = AdditiveAttention(query_dim, key_dim, attention_dim)
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -1, 1)
    holder, batch_first, unbatched = nn.ModuleDict({"attention": module}), layout == "batch_first", layout == "unbatched"

    def shape(rows, width):
        return {"batch_first": (batch, rows, width), "seq_first": (rows, batch, width), "unbatched": (rows, width)}[layout]

    specs = {"x": f32(*shape(seq, query_dim)), "memory": f32(*shape(keys, key_dim))}
    inputs = {part: torch.randn(spec["shape"]) for part, spec in specs.items()}
    node = {"type": "AdditiveAttention", "name": "attention", "query": "x", "key": "memory", "query_dim": query_dim,
            "key_dim": key_dim, "attention_dim": attention_dim, "batch_first": batch_first, **module_keys}
    if padded:
        inputs["key_mask"] = padding([keys - 3 * row for row in range(batch)], keys)
        specs["key_mask"] = boolean(batch, keys)
        node["key_padding_mask"] = "key_mask"
    outputs = {"y": "attention"}
    if further:
        node.update(need_weights=True, need_lse=True)
        outputs.update(weights="attention.attn_weights", lse="attention.log_sum_exp")

    def compute(holder, inputs):
        query, key = (part.transpose(0, 1) if layout == "seq_first" else part for part in (inputs["x"], inputs["memory"]))
        scores = holder["attention"].scores(query, key)
        if padded:
            scores = scores.masked_fill(inputs["key_mask"].unsqueeze(1), -math.inf)
        weights = weigh(scores)
        y = weights @ key
        results = {"y": y.transpose(0, 1).contiguous() if layout == "seq_first" else y}
        return {**results, "weights": weights, "lse": torch.logsumexp(scores, -1)} if further else results

    return Golden(description(name, specs, [node], outputs), holder, inputs, compute,
                  forget_mask("key_mask") if padded else drop_last_feature("memory"))


case("additive", additive)
case("additive_seq_first", additive, layout="seq_first", seq=3, further=True)
case("additive_unbatched", additive, layout="unbatched", further=True)
case("additive_padding", additive, padded=True, further=True, keys=17)
case("additive_relu", additive, padded=True, normalizer="relu", normalizer_scale="1/keys", weigh=weighed(torch.relu, 1 / 9))


# -- scaled_dot_product_attention --------------------------------------------------------------------------------------


def sdpa(name, query=(2, 3, 5, 8), key=(2, 3, 7, 8), value=None, mask=None, blocked=False, weigh=None, further=False, **keys):
    """query, key, value: whole shapes; mask: (kind, shape); weigh: the scores' weights; further: they and log-sum-exp are outputs."""
    shapes = {"query": query, "key": key, "value": value or key}
    inputs = {part: torch.randn(shape) for part, shape in shapes.items()}
    specs = {part: f32(*shape) for part, shape in shapes.items()}
    node = {"type": "ScaledDotProductAttention", "name": "sdpa", "query": "query", "key": "key", "value": "value", **keys}
    if mask:
        kind, shape = mask
        allowed = torch.rand(shape) < 0.6
        allowed[..., 0] = True
        if blocked:
            allowed[..., 1, :] = False
        inputs["mask"] = allowed if kind == "bool" else torch.where(allowed, torch.randn(shape), -math.inf)
        specs["mask"] = boolean(*shape) if kind == "bool" else f32(*shape)
        node["attn_mask"] = "mask"
    holder = nn.ModuleDict()
    holder.register_buffer("unused", torch.zeros(1))
    found = description(name, specs, [node], {"y": "sdpa"})
    del found["weights"]

    if further:
        node.update(need_weights=True, need_lse=True)
        found["outputs"].update(weights="sdpa.attn_weights", lse="sdpa.log_sum_exp")

    def compute(_, inputs):
        if not further and not weigh:
            return {"y": functional.scaled_dot_product_attention(inputs["query"], inputs["key"], inputs["value"],
                                                                 attn_mask=inputs.get("mask"), **keys)}
        scores = inputs["query"] @ inputs["key"].transpose(-1, -2) / math.sqrt(query[-1])
        scores = scores.masked_fill(~inputs["mask"], -math.inf)
        weights = (weigh or softmax)(scores)
        outputs = {"weights": weights, "lse": torch.logsumexp(scores, -1)} if further else {}
        return {"y": weights @ inputs["value"], **outputs}

    def all_allowed(_, inputs):
        inputs["mask"].fill_(kind == "bool")

    return Golden(found, holder, inputs, compute, all_allowed if mask else drop_last_feature("value"))


case("sdpa", sdpa)
case("sdpa_rank_2", sdpa, query=(5, 8), key=(7, 8))
case("sdpa_rank_3", sdpa, query=(2, 5, 8), key=(2, 7, 8))
case("sdpa_rank_5", sdpa, query=(2, 1, 3, 5, 8), key=(2, 1, 3, 7, 8))
case("sdpa_value_width", sdpa, value=(2, 3, 7, 5))
case("sdpa_odd_width", sdpa, query=(2, 3, 5, 13), key=(2, 3, 7, 13))
case("sdpa_mask_bool", sdpa, mask=("bool", (5, 7)))
case("sdpa_mask_float", sdpa, mask=("float", (2, 1, 5, 7)))
case("sdpa_mask_per_head", sdpa, mask=("bool", (1, 3, 5, 7)))
case("sdpa_blocked_row", sdpa, mask=("bool", (5, 7)), blocked=True)
case("sdpa_causal", sdpa, is_causal=True)
case("sdpa_causal_long_query", sdpa, query=(2, 3, 9, 8), is_causal=True)
case("sdpa_scale", sdpa, scale=0.25)
case("sdpa_scale_negative", sdpa, scale=-0.3)
case("sdpa_scale_zero", sdpa, scale=0.0)
case("sdpa_gqa", sdpa, query=(2, 6, 5, 8), key=(2, 2, 7, 8), enable_gqa=True)
case("sdpa_gqa_two_groups", sdpa, query=(2, 6, 5, 8), key=(2, 2, 7, 8), value=(2, 3, 7, 8), enable_gqa=True)
case("sdpa_weights_lse", sdpa, query=(2, 2, 3, 5, 8), key=(2, 1, 3, 7, 8), mask=("bool", (5, 7)), further=True)
case("sdpa_relu", sdpa, mask=("bool", (5, 7)), weigh=weighed(torch.relu, 1 / 7), normalizer="relu", normalizer_scale="1/keys")


# -- Encoder, decoder, Transformer -------------------------------------------------------------------------------------


def lively(module):
    """Every layer its own weights."""
    for parameter in module.parameters():
        if parameter.dim() == 2:
            nn.init.xavier_uniform_(parameter)
    return randomise(module)


def stack(name, kind, layers=0, mask=None, padded=False, batch_first=True, norm_first=False, final_norm=False, bias=True,
          activation="relu", embed=12, heads=3, seq=5, memory=7, batch=2, unbatched=False):
    """kind: encoder, decoder or transformer; layers 0: a single layer. mask: bool, float (of src or tgt), memory (both)."""
    keys = {"dim_feedforward": 20, "norm_first": norm_first, "activation": activation, "batch_first": batch_first}
    names = {"encoder": ["x"], "decoder": ["x", "memory"], "transformer": ["src", "x"]}[kind]
    lengths = {"x": seq, "memory": memory, "src": memory}
    shape = lambda rows: (rows, embed) if unbatched else (batch, rows, embed) if batch_first else (rows, batch, embed)  # noqa: E731
    if kind == "transformer":
        module = nn.Transformer(embed, heads, 2, 2, **keys)
        node = {"type": "Transformer", "d_model": embed, "nhead": heads, "num_encoder_layers": 2, "num_decoder_layers": 2, **keys,
                "src": "src", "tgt": "x"}
    else:
        title = f"Transformer{kind.capitalize()}"
        one = {"d_model": embed, "nhead": heads, **keys, **({} if bias else {"bias": False})}
        module, node = getattr(nn, title + "Layer")(embed, heads, bias=bias, **keys), {"type": title + "Layer", **one}
        if layers:
            norm = nn.LayerNorm(embed) if final_norm else None
            module = getattr(nn, title)(module, layers, norm=norm)
            node = {"type": title, "num_layers": layers, "layer": one, **({"norm": {"normalized_shape": embed}} if final_norm else {})}
        node.update({"input": "x"} if kind == "encoder" else {"tgt": "x", "memory": "memory"})
    holder = nn.ModuleDict({"stack": lively(module)})
    inputs = {part: torch.randn(shape(lengths[part])) for part in names}
    specs = {part: f32(*shape(lengths[part])) for part in names}
    own = "src_mask" if kind == "encoder" else "tgt_mask"
    spelled = {own: "mask" if kind == "encoder" and layers else own}
    arguments = {}

    def argument(key, value):
        inputs[key], arguments[key] = value, key
        specs[key] = {"shape": list(value.shape), "dtype": "bool" if value.dtype == torch.bool else "f32"}
        node[spelled.get(key, key)] = key

    if mask:
        argument(own, mask_of("bool2" if mask != "float" else "float2", seq, seq, 0))
    if mask == "memory":
        argument("memory_mask", mask_of("float2", seq, memory, 0))
    if padded:
        key = "src_key_padding_mask" if kind == "encoder" else "tgt_key_padding_mask"
        argument(key, padding([seq, seq - 2][:batch], seq))
        if kind != "encoder":
            argument("memory_key_padding_mask", padding([memory - 3, memory][:batch], memory))
        if kind == "transformer":
            argument("src_key_padding_mask", padding([memory - 3, memory][:batch], memory))

    def compute(holder, inputs):
        given = {spelled.get(key, key): inputs[key] for key in arguments}
        return {"y": holder["stack"](*(inputs[part] for part in names), **given)}

    node["name"] = "stack"
    valid = {}
    if padded:
        valid["y"] = ~inputs["src_key_padding_mask" if kind == "encoder" else "tgt_key_padding_mask"]
        valid["y"] = valid["y"] if batch_first else valid["y"].T.contiguous()
    return Golden(description(name, specs, [node], {"y": "stack"}), holder, inputs, compute, drop_last_feature(names[-1]), valid)


case("encoder_layer_post", stack, kind="encoder")
case("encoder_layer_pre_gelu", stack, kind="encoder", norm_first=True, activation="gelu")
case("encoder_layer_no_bias", stack, kind="encoder", bias=False)
case("encoder_layer_mask_padding", stack, kind="encoder", mask="float", padded=True)
case("encoder_layer_seq_first", stack, kind="encoder", mask="bool", padded=True, batch_first=False)
case("encoder_layer_unbatched", stack, kind="encoder", mask="bool", unbatched=True)
case("encoder_padding", stack, kind="encoder", layers=2, final_norm=True, padded=True)
case("encoder_mask", stack, kind="encoder", layers=2, mask="bool")
case("decoder_layer_post", stack, kind="decoder")
case("decoder_layer_pre", stack, kind="decoder", norm_first=True, activation="gelu")
case("decoder_layer_masks", stack, kind="decoder", mask="memory", padded=True)
case("decoder_layer_seq_first", stack, kind="decoder", mask="bool", batch_first=False)
case("decoder", stack, kind="decoder", layers=2, final_norm=True, mask="memory")
case("transformer", stack, kind="transformer", mask="bool")
case("transformer_padding", stack, kind="transformer", norm_first=True, padded=True)
