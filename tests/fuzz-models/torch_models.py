# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a description with PyTorch: its modules by PyTorch's own classes where PyTorch has them, else by its functions."""
import math
import pathlib
import sys

import torch
from torch import nn
from torch.nn import functional

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "conformance"), str(TESTS / "e2e")]
from conformance_models import slopes, t5_buckets  # noqa: E402
from golden_attentions import rotate  # noqa: E402

ACTIVATIONS = {"relu": torch.relu, "gelu": functional.gelu, "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
               "silu": functional.silu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, None: lambda x: x}


class Model:
    """A description with its weights, {PyTorch's name: array}; its values are tensors of `dtype` and of integers."""

    def __init__(self, description, weights, inputs, dtype):
        self.description, self.dtype = description, dtype
        self.weights = {name: self.tensor(value) for name, value in weights.items()}
        self.values = {name: self.tensor(value) for name, value in inputs.items()}

    def tensor(self, array):
        value = torch.from_numpy(array)
        return value.to(self.dtype) if value.is_floating_point() else value

    @torch.no_grad()
    def run(self):
        """{output: array}."""
        for module in self.description["model"]:
            self.values[module["name"]] = MODULES[module["type"]](self, module)
        return {name: self.values[value].numpy() for name, value in self.description["outputs"].items()}

    def load(self, module, description):
        """Gives a module its weights and evaluates it as inference does."""
        prefix = description["name"] + "."
        module.to(self.dtype)
        module.load_state_dict({name.removeprefix(prefix): value for name, value in self.weights.items() if name.startswith(prefix)})
        return module.eval()

    def masks(self, module, mask_key, padding_key, keys, rows, lengths_key="lengths"):
        """attn_mask and key_padding_mask as PyTorch takes them, for a tensor of keys of so many rows: what is added to the scores."""
        mask = self.mask(module[mask_key], rows) if mask_key in module else None
        padding = self.added(self.values[module[padding_key]]) if padding_key in module else None
        if lengths_key in module:
            lengths = self.values[module[lengths_key]]
            padding = self.added(torch.arange(rows) >= lengths[:, None])
            padding = padding[0] if keys.dim() == 2 else padding
        return mask, padding

    def mask(self, mask, keys, queries=None, blocks=True):
        """What a mask, a value or a constant, adds to the scores; `blocks`: what true means. A causal one of so many queries."""
        if isinstance(mask, str):
            value = self.values[mask]
        elif isinstance(mask, list):
            value = torch.tensor([[-math.inf if e == "-inf" else e for e in row] for row in mask])
        elif "parameter" in mask:
            return self.weights[mask["parameter"]]
        else:
            return self.added(torch.arange(keys) > torch.arange(queries or self.queries)[:, None])
        return self.added(value == blocks) if value.dtype == torch.bool else value.to(self.dtype)

    def without_padding(self, x, module, padding_key, lengths_key, keys):
        """The result of a stack: zeros where a token is padding, unless the description keeps them."""
        if module.get("padded_rows") == "keep":
            return x
        padding = self.values[module[padding_key]] if padding_key in module else torch.zeros((), dtype=torch.bool)
        if lengths_key in module:
            padding = torch.arange(length_of(x, keys)) >= self.values[module[lengths_key]][:, None]
            padding = padding[0] if x.dim() == 2 else padding
        if padding.dtype != torch.bool or padding.dim() == 0:
            return x
        return x.masked_fill((padding if keys.get("batch_first") or x.dim() == 2 else padding.T)[..., None], 0)

    def added(self, mask):
        return torch.zeros(mask.shape, dtype=self.dtype).masked_fill(mask, -math.inf) if mask.dtype == torch.bool else mask


def pick(module, *keys):
    """The arguments of a PyTorch class that a module's description gives."""
    return {key: module[key] for key in keys if key in module}


# -- Attention ---------------------------------------------------------------------------------------------------------


def relative_buckets(distance, bias):
    """T5's buckets of key - query."""
    return t5_buckets(distance, bias["num_buckets"], bias["max_distance"], bias.get("bidirectional", True))


class Scores:
    """What "score" does to scores of shape (batch, heads, queries, keys). A key that is out stays out, whatever later steps do
    to its score."""

    def __init__(self, scores, weights):
        self.weights = weights
        self.scores, (self.heads, self.queries, self.keys) = scores, scores.shape[1:]
        self.live = torch.tensor(True)
        self.query, self.key = torch.arange(self.queries)[:, None], torch.arange(self.keys)[None, :]
        self.head = torch.arange(self.heads)[:, None, None]

    def only(self, keep):
        self.live = self.live & keep

    def apply(self, step):
        bottom = "bottom_right" in (step.get("align"), step.get("causal"))
        place = self.query + (self.keys - self.queries if bottom else 0)
        if "causal" in step:
            self.only(self.key <= place)
        elif "window" in step:
            left, right = step["window"]
            self.only((self.key >= place - left) & (self.key <= place + right))
        elif "alibi" in step:
            slope = torch.tensor(slopes(self.heads), dtype=self.scores.dtype)[:, None, None]
            self.scores = self.scores - slope * (self.query - self.key)
        elif "relative_bias" in step:
            bias = step["relative_bias"]
            self.scores = self.scores + self.weights[bias["parameter"]][relative_buckets(self.key - self.query, bias)].permute(2, 0, 1)
        elif "softcap" in step:
            self.scores = step["softcap"] * torch.tanh(self.scores / step["softcap"])
        else:
            self.expression(step["expression"])

    def expression(self, text):
        """The languages agree but for the logical operators, whose operands Python's & and | want in parentheses."""
        names = {"score": self.scores, "query": self.query, "key": self.key, "head": self.head, "abs": abs, "tanh": torch.tanh,
                 "exp": torch.exp, "min": torch.minimum, "max": torch.maximum, "inf": math.inf, "select": torch.where}
        result = eval(PYTHON.get(text, text), {"__builtins__": {}}, names)  # pylint: disable=eval-used
        if result.dtype == torch.bool:
            self.only(result)
        else:
            self.scores = result


# The expressions of plans.SCORES that PyTorch's operators spell in another way.
PYTHON = {
    "key < 4 or query - key < 9": "(key < 4) | (query - key < 9)",
    "query // 7 == key // 7 or key % 5 == 0": "(query // 7 == key // 7) | (key % 5 == 0)",
    "key < 9 or key <= query": "(key < 9) | (key <= query)",
    "key // 2 * 2 == key or key % 8 == query % 8": "(key // 2 * 2 == key) | (key % 8 == query % 8)",
    "(key < 9 or key <= query) and (query > 20 or key <= query)": "((key < 9) | (key <= query)) & ((query > 20) | (key <= query))",
    "select(key < query, score, 0.5 * score) + select(key < query, 0.25, max(score, 0))":
        "select(key < query, score, 0.5 * score) + select(key < query, 0.25, score.clamp_min(0))",
    "select(not (key == 2 or key > query + 20), score, -inf)": "select((key == 2) | (key > query + 20), -inf, score)"}


NORMALIZERS = {"relu": torch.relu, "sigmoid": torch.sigmoid, "identity": lambda x: x}


def attend(scores, value, masks, module, model):
    """Weights of (scaled) scores (batch, heads, queries, keys), the last of them of appended keys, times the values: the result,
    the weights and the log-sum-exp."""
    extra = module.get("add_bias_kv", False) + module.get("add_zero_attn", False)
    real, appended = scores.split([scores.shape[-1] - extra, extra], -1)
    modified = Scores(real, model.weights)
    for step in module.get("score", []):
        modified.apply(step)
    mask, padding = masks
    real = modified.scores.masked_fill(~modified.live, -math.inf)
    if mask is not None:
        real = real + (mask.reshape(real.shape[0], real.shape[1], *mask.shape[-2:]) if mask.dim() == 3 else mask)
    if padding is not None:
        real = real + padding.reshape(-1, 1, 1, real.shape[-1])
    scores = torch.cat([real, appended], -1)
    if module.get("normalizer", "softmax") != "softmax":
        scale = module.get("normalizer_scale", 1)
        weights = NORMALIZERS[module["normalizer"]](scores) * (1 / scores.shape[-1] if scale == "1/keys" else scale)
        weights = torch.where(scores == -math.inf, 0.0, weights)
        return weights @ value, weights, None
    if module.get("sink") is not None:
        sink = module["sink"]
        logits = model.weights[sink["parameter"]] if isinstance(sink, dict) else torch.tensor(sink, dtype=scores.dtype)
        scores = torch.cat([scores, logits.reshape(-1, 1, 1).expand(*scores.shape[:1], scores.shape[1], scores.shape[2], 1)], -1)
    weights = torch.softmax(scores, -1)
    if module.get("fully_masked") != "nan":
        weights = torch.where((scores == -math.inf).all(-1, keepdim=True), 0.0, weights)
    weights = weights[..., :value.shape[-2]]
    return weights @ value, weights, torch.logsumexp(scores, -1)


def is_plain(module):
    """Whether PyTorch's own module computes what the description asks for."""
    return not (module.get("score") or module.get("rope") or module.get("sink") is not None or module.get("need_lse") or
                module.get("normalizer", "softmax") != "softmax")


def further_values(model, module, weights, lse):
    if module.get("need_weights"):
        model.values[module["name"] + ".attn_weights"] = weights
    if module.get("need_lse"):
        model.values[module["name"] + ".log_sum_exp"] = lse


def multihead(attention, query, key, value, masks, module, model):
    """nn.MultiheadAttention, or its formula where the description asks for more; (result, weights, log-sum-exp)."""
    if is_plain(module):
        result, weights = attention(query, key, value, attn_mask=masks[0], key_padding_mask=masks[1],
                                    need_weights=module.get("fully_masked") == "nan", average_attn_weights=False)
        if module.get("need_weights") and weights is None:
            weights = attention(query, key, value, attn_mask=masks[0], key_padding_mask=masks[1], average_attn_weights=False)[1]
            weights = weights.masked_fill(weights.isnan(), 0)
        return result, weights, None
    unbatched, swapped = query.dim() == 2, query.dim() == 3 and not attention.batch_first
    inputs = [x[None] if unbatched else x.transpose(0, 1) if swapped else x for x in (query, key, value)]
    if attention.in_proj_weight is None:
        matrices = (attention.q_proj_weight, attention.k_proj_weight, attention.v_proj_weight)
    else:
        matrices = attention.in_proj_weight.chunk(3)
    biases = (None,) * 3 if attention.in_proj_bias is None else attention.in_proj_bias.chunk(3)
    heads = [functional.linear(*part).unflatten(-1, (attention.num_heads, -1)).transpose(1, 2) for part in zip(inputs, matrices, biases)]
    if module.get("rope"):
        rope = module["rope"]
        heads[:2] = (rotate(x, rope["theta"], rope["interleaved"], rope["offset"]) for x in heads[:2])
    for i, name in ((1, "bias_k"), (2, "bias_v")):
        if getattr(attention, name) is not None:
            extra = getattr(attention, name).reshape(1, attention.num_heads, 1, -1)
            heads[i] = torch.cat([heads[i], extra.expand(heads[i].shape[0], -1, -1, -1)], 2)
        if attention.add_zero_attn:
            heads[i] = torch.cat([heads[i], torch.zeros_like(heads[i][:, :, :1])], 2)
    scores = heads[0] @ heads[1].transpose(-1, -2) / math.sqrt(heads[0].shape[-1])
    context, weights, lse = attend(scores, heads[2], masks, module, model)
    result = attention.out_proj(context.transpose(1, 2).flatten(2))
    if unbatched:
        return result[0], weights[0], None if lse is None else lse[0]
    return result.transpose(0, 1) if swapped else result, weights, lse


def length_of(x, module):
    return x.shape[1] if x.dim() == 3 and module.get("batch_first", False) else x.shape[0]


def run_multihead(model, module):
    query = model.values[module["query"]]
    key = model.values[module.get("key", module["query"])]
    value = model.values[module.get("value", module.get("key", module["query"]))]
    attention = model.load(nn.MultiheadAttention(**pick(module, "embed_dim", "num_heads", "bias", "batch_first", "add_bias_kv",
                                                        "add_zero_attn", "kdim", "vdim")), module)
    model.queries = length_of(query, module)
    masks = model.masks(module, "attn_mask", "key_padding_mask", key, length_of(key, module))
    result, weights, lse = multihead(attention, query, key, value, masks, module, model)
    averages = module.get("need_weights") and module.get("average_attn_weights", True)
    further_values(model, module, weights.mean(-3) if averages else weights, lse)
    return result


def run_additive(model, module):
    query = model.values[module["query"]]
    key = model.values[module.get("key", module["query"])]
    value = model.values[module.get("value", module.get("key", module["query"]))]
    model.queries, unbatched = length_of(query, module), query.dim() == 2
    mask, padding = model.masks(module, "attn_mask", "key_padding_mask", key, length_of(key, module))
    swapped = not unbatched and not module.get("batch_first")
    query, key, value = (x[None] if unbatched else x.transpose(0, 1) if swapped else x for x in (query, key, value))

    def weight(name):
        return model.weights[f"{module['name']}.{name}"]

    q, k = query @ weight("query_proj.weight").T, key @ weight("key_proj.weight").T
    q = q + weight("bias") if module.get("bias", True) else q
    scores = (torch.tanh(q[:, :, None] + k[:, None]) @ weight("score_proj.weight")[0])[:, None]
    result, weights, lse = attend(scores, value[:, None], (mask, padding), module, model)
    drop = (0, 0) if unbatched else (slice(None), 0)
    further_values(model, module, weights[drop], None if lse is None else lse[drop])
    return result[0, 0] if unbatched else result[:, 0].transpose(0, 1) if swapped else result[:, 0]


def run_sdpa(model, module):
    query, key, value = (model.values[module[part]] for part in ("query", "key", "value"))
    if module.get("enable_gqa"):
        key, value = (x.repeat_interleave(query.shape[-3] // x.shape[-3], -3) for x in (key, value))
    scale = module["scale"] if module.get("scale") is not None else query.shape[-1] ** -0.5
    scores = scale * (query @ key.transpose(-1, -2))
    lead, (queries, keys) = scores.shape[:-2], scores.shape[-2:]
    value = value.expand(*lead, *value.shape[-2:])
    mask = model.mask(module["attn_mask"], keys, queries, blocks=False) if module.get("attn_mask") is not None else None
    if module.get("is_causal"):
        mask = model.mask({"causal": "top_left"}, keys, queries)
    if mask is not None:
        mask = mask.expand(*lead, queries, keys)
    # As (batch, heads, queries, keys), whatever the leading dimensions are.
    batch = lead[0] if len(lead) > 1 else 1
    merged = [x.reshape(batch, -1, *x.shape[-2:]) for x in (scores, value)]
    padding = None
    if "lengths" in module:
        padding = model.added(torch.arange(keys) >= model.values[module["lengths"]][:, None])
    result, weights, lse = attend(*merged, (None if mask is None else mask.reshape(-1, queries, keys), padding), module, model)
    further_values(model, module, weights.reshape(*lead, queries, keys), None if lse is None else lse.reshape(*lead, queries))
    return result.reshape(*lead, queries, value.shape[-1])


def make_layer(keys, kind=nn.TransformerEncoderLayer):
    return kind(activation=ACTIVATIONS[keys.get("activation", "relu")], **pick(
        keys, "d_model", "nhead", "dim_feedforward", "batch_first", "norm_first", "layer_norm_eps", "bias"))


def run_layer(layer, x, masks, keys, model):
    if not keys.get("score") and not keys.get("rope") and keys.get("fully_masked") != "nan":
        return layer(x, src_mask=masks[0], src_key_padding_mask=masks[1])

    def attention(y):
        return multihead(layer.self_attn, y, y, y, masks, keys, model)[0]

    def forward(y):
        return layer.linear2(layer.activation(layer.linear1(y)))

    if keys.get("norm_first"):
        x = x + attention(layer.norm1(x))
        return x + forward(layer.norm2(x))
    x = layer.norm1(x + attention(x))
    return layer.norm2(x + forward(x))


def run_encoder_layer(model, module):
    x = model.values[module["input"]]
    model.queries = length_of(x, module)
    masks = model.masks(module, "src_mask", "src_key_padding_mask", x, length_of(x, module))
    return run_layer(model.load(make_layer(module), module), x, masks, module, model)


def run_encoder(model, module):
    x, keys = model.values[module["input"]], module["layer"]
    norm = nn.LayerNorm(module["norm"]["normalized_shape"]) if module.get("norm") else None
    shared = module.get("share_weights", False)
    encoder = model.load(nn.TransformerEncoder(make_layer(keys), 1 if shared else module["num_layers"], norm,
                                               enable_nested_tensor=False), module)
    model.queries = length_of(x, keys)
    masks = model.masks(module, "mask", "src_key_padding_mask", x, length_of(x, keys))
    x = run_stack(encoder, module["num_layers"], lambda layer, y: run_layer(layer, y, masks, keys, model))(x)
    return model.without_padding(x, module, "src_key_padding_mask", "lengths", keys)


def run_decoder_layer(layer, x, memory, masks, keys, model):
    """`masks`: those of the self-attention, and those of the attention to the memory."""
    plain = not any(keys.get(key) for key in ("tgt_score", "memory_score", "rope")) and keys.get("fully_masked") != "nan"
    if plain:
        return layer(x, memory, tgt_mask=masks[0][0], tgt_key_padding_mask=masks[0][1], memory_mask=masks[1][0],
                     memory_key_padding_mask=masks[1][1])
    own, other = {**keys, "score": keys.get("tgt_score", [])}, {**keys, "score": keys.get("memory_score", []), "rope": None}
    parts = [(layer.norm1, lambda y: multihead(layer.self_attn, y, y, y, masks[0], own, model)[0]),
             (layer.norm2, lambda y: multihead(layer.multihead_attn, y, memory, memory, masks[1], other, model)[0]),
             (layer.norm3, lambda y: layer.linear2(layer.activation(layer.linear1(y))))]
    for norm, part in parts:
        x = x + part(norm(x)) if keys.get("norm_first") else norm(x + part(x))
    return x


def decoder_masks(model, module, keys):
    tgt, memory = model.values[module["tgt"]], model.values[module["memory"] if "memory" in module else module["src"]]
    model.queries = length_of(tgt, keys)
    return (model.masks(module, "tgt_mask", "tgt_key_padding_mask", tgt, length_of(tgt, keys), "tgt_lengths"),
            model.masks(module, "memory_mask", "memory_key_padding_mask", memory, length_of(memory, keys), "memory_lengths"))


def run_single_decoder(model, module):
    layer = model.load(make_layer(module, nn.TransformerDecoderLayer), module)
    return run_decoder_layer(layer, model.values[module["tgt"]], model.values[module["memory"]], decoder_masks(model, module, module), module,
                             model)


def run_stack(stack, count, run):
    """run(layer, x) for each of `count` layers, the same one where there is only one, and the final norm; a function of x."""
    def forward(x):
        for index in range(count):
            x = run(stack.layers[index % len(stack.layers)], x)
        return x if stack.norm is None else stack.norm(x)

    return forward


def run_decoder(model, module):
    keys, count = module["layer"], module["num_layers"]
    norm = nn.LayerNorm(module["norm"]["normalized_shape"]) if module.get("norm") else None
    decoder = model.load(nn.TransformerDecoder(make_layer(keys, nn.TransformerDecoderLayer), 1 if module.get("share_weights") else count,
                                               norm), module)
    masks, memory = decoder_masks(model, module, keys), model.values[module["memory"]]
    x = run_stack(decoder, count, lambda layer, x: run_decoder_layer(layer, x, memory, masks, keys, model))(model.values[module["tgt"]])
    return model.without_padding(x, module, "tgt_key_padding_mask", "tgt_lengths", keys)


def run_transformer(model, module):
    counts = [module["num_encoder_layers"], module["num_decoder_layers"]]
    own = [1, 1] if module.get("share_weights") else counts
    transformer = model.load(nn.Transformer(num_encoder_layers=own[0], num_decoder_layers=own[1], activation=ACTIVATIONS[module["activation"]],
                                            **pick(module, "d_model", "nhead", "dim_feedforward", "batch_first", "norm_first",
                                                   "layer_norm_eps", "bias")), module)
    source = model.values[module["src"]]
    model.queries = length_of(source, module)
    masks = model.masks(module, "src_mask", "src_key_padding_mask", source, length_of(source, module), "src_lengths")
    encoder_keys = {**module, "score": module.get("src_score", [])}
    memory = run_stack(transformer.encoder, counts[0], lambda layer, x: run_layer(layer, x, masks, encoder_keys, model))(source)
    memory = model.without_padding(memory, module, "src_key_padding_mask", "src_lengths", module)
    both = decoder_masks(model, module, module)
    x = run_stack(transformer.decoder, counts[1], lambda layer, x: run_decoder_layer(layer, x, memory, both, module, model))(
        model.values[module["tgt"]])
    return model.without_padding(x, module, "tgt_key_padding_mask", "tgt_lengths", module)


# -- The other modules -------------------------------------------------------------------------------------------------


def run_embedding(model, module):
    return model.load(nn.Embedding(module["num_embeddings"], module["embedding_dim"]), module)(model.values[module["input"]].long())


def run_positions(model, module):
    x, width = model.values[module["input"]], module["d_model"]
    rows = torch.arange(length_of(x, module)) + module["offset"]
    if module["kind"] == "learned":
        table = model.weights[module["name"] + ".weight"][rows]
    else:
        angle = rows[:, None].double() * 10000 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
        table = torch.stack([angle.sin(), angle.cos()], -1).flatten(-2).float().to(x.dtype)
    return x + (table[:, None] if x.dim() == 3 and not module["batch_first"] else table)


def run_linear(model, module):
    linear = model.load(nn.Linear(**pick(module, "in_features", "out_features", "bias")), module)
    return ACTIVATIONS[module.get("activation")](linear(model.values[module["input"]]))


def run_layer_norm(model, module):
    return model.load(nn.LayerNorm(module["normalized_shape"], eps=module.get("eps", 1e-5)), module)(model.values[module["input"]])


def run_pooling(model, module):
    x = model.values[module["input"]]
    x = x if module["batch_first"] else x.transpose(0, 1)
    live = ~model.values[module["padding_mask"]] if "padding_mask" in module else torch.ones(x.shape[:2], dtype=torch.bool)
    return x[:, 0] if module["mode"] == "cls" else pool(x, live[..., None], module["mode"])


def pool(x, live, mode):
    """Over the rows before the last dimension; 0 of no row."""
    if mode == "mean":
        return torch.where(live, x, 0).sum(-2) / live.sum(-2).clamp(min=1)
    return torch.where(live.any(-2), torch.where(live, x, -math.inf).amax(-2), 0)


# -- Graphs ------------------------------------------------------------------------------------------------------------


def slice_node(x, node):
    return x.narrow(node["axis"], node["start"], node["size"])


def graph_softmax(x, node):
    result = torch.softmax(x, node["axis"])
    return torch.where((x == -math.inf).all(node["axis"], keepdim=True), 0.0, result)


NODES = {
    "matmul": lambda n, a, b: a @ (b.transpose(-1, -2) if n.get("transpose_rhs") else b),
    "add": lambda n, a, b: a + b, "sub": lambda n, a, b: a - b, "mul": lambda n, a, b: a * b, "div": lambda n, a, b: a / b,
    "scale": lambda n, x: x * torch.tensor(n["factor"], dtype=torch.float32).to(x.dtype),
    "activation": lambda n, x: ACTIVATIONS[n["kind"]](x),
    "mask": lambda n, x, blocked: x.masked_fill(blocked, -math.inf),
    "softmax": lambda n, x: graph_softmax(x, n),
    "layernorm": lambda n, x, *affine: functional.layer_norm(x, x.shape[-1:], *affine, eps=n.get("eps", 1e-5)),
    "rmsnorm": lambda n, x, *affine: functional.rms_norm(x, x.shape[-1:], *affine, eps=n.get("eps", 1e-5)),
    "l2norm": lambda n, x: functional.normalize(x, dim=-1, eps=n.get("eps", 1e-12)),
    "pool": lambda n, x: pool(x, torch.ones(1, dtype=torch.bool).expand(*x.shape[:-1], 1), n["kind"]),
    "split_heads": lambda n, x: x.unflatten(-1, (n["heads"], -1)).transpose(-2, -3),
    "merge_heads": lambda n, x: x.transpose(-2, -3).flatten(-2),
    "transpose": lambda n, x: x.permute(n["permutation"]),
    "slice": lambda n, x: slice_node(x, n),
    "concat": lambda n, *parts: torch.cat(parts, n["axis"])}


def run_graph(model, module):
    values, batch = dict(model.values), {}
    for name, spec in model.description["inputs"].items():
        batch.update({"batch": extent for extent, given in zip(model.values[name].shape, spec["shape"]) if given == "batch"})
    for node in module["nodes"]:
        shape = [batch.get(extent, extent) for extent in node.get("shape", [])]
        if node["op"] == "weight":
            value = model.weights[node["parameter"]].reshape(shape)
        elif node["op"] == "constant":
            value = torch.full(shape, node["value"], dtype=model.dtype)
        elif node["op"] == "reshape":
            value = values[node["inputs"][0]].reshape(shape)
        else:
            value = NODES[node["op"]](node, *(values[name] for name in node["inputs"]))
        values[node.get("name", "last")] = last = value
    return last


MODULES = {
    "Embedding": run_embedding, "PositionalEncoding": run_positions, "MultiheadAttention": run_multihead,
    "AdditiveAttention": run_additive, "ScaledDotProductAttention": run_sdpa,
    "TransformerEncoderLayer": run_encoder_layer, "TransformerEncoder": run_encoder, "TransformerDecoderLayer": run_single_decoder,
    "TransformerDecoder": run_decoder, "Transformer": run_transformer, "Linear": run_linear,
    "LayerNorm": run_layer_norm, "Pooling": run_pooling, "Graph": run_graph,
    "Normalize": lambda model, module: functional.normalize(model.values[module["input"]], dim=-1),
    "Add": lambda model, module: sum(model.values[name] for name in module["inputs"]),
    "Identity": lambda model, module: model.values[module["input"]]}
