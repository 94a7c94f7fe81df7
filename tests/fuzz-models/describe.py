# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random models for the differential fuzz: the description of a plan (plans.py)."""
import copy
import random

from plans import SCORES, WORDS, complete, heads_of

CONSTANT_MASKS = ("causal", "rows_bool", "rows_blocks", "rows_float", "parameter")
# A constant mask of more elements than this is a causal one.
MOST_ELEMENTS = 4096


class Description:
    """What describe() gathers: modules, input specs, the concrete shapes of the inputs and those of the caches."""

    def __init__(self, plan):
        self.plan, self.modules, self.inputs, self.shapes, self.states = plan, [], {}, {}, {}
        self.width, self.current, self.weights = plan["width"], None, {}
        self.layout = plan["layout"]
        self.batch_first = self.layout == "batch_first"
        self.runtime = plan["runtime_batch"] and self.batch_first
        self.extent = "batch" if self.runtime else plan["batch"]

    def input(self, name, rows=None, *trailing, dtype="f32", batch_first=None):
        """An input of one row a token: (batch, rows, ..), (rows, batch, ..) or (rows, ..), once; without rows (batch)."""
        if name not in self.inputs:
            batch_first = self.batch_first if batch_first is None else batch_first
            lead = {True: ["batch", rows], False: [rows, "batch"]}[batch_first] if self.layout != "unbatched" else [rows]
            lead = ["batch"] if rows is None else lead
            self.inputs[name] = {"shape": [self.extent if e == "batch" else e for e in lead] + list(trailing), "dtype": dtype}
            self.shapes[name] = [self.plan["batch"] if e == "batch" else e for e in lead] + list(trailing)
        return name

    def padding(self, memory=False):
        """A padding mask is (batch, rows) in both layouts, and (rows) where there is no batch."""
        rows = self.plan["memory" if memory else "seq"]
        return self.input("memory_padding" if memory else "padding", rows, dtype="bool", batch_first=True)

    def lengths(self, rows):
        """The lengths of the batch's sequences, of at most `rows` keys."""
        name = f"lengths_{rows}"
        if self.layout != "unbatched":
            return self.input(name, dtype="i32")
        self.inputs[name], self.shapes[name] = {"shape": [1], "dtype": "i32"}, [1]
        return name

    def mask(self, shape, dtype):
        """An attention mask, the same for every batch that a call chooses."""
        name = "_".join(["added" if dtype == "f32" else "blocked", *map(str, shape)])
        self.inputs[name], self.shapes[name] = {"shape": shape, "dtype": dtype}, shape
        return name

    def tensor(self, name, lead, *trailing):
        """A float input of leading extents, of which d.extent is the batch's."""
        name = "_".join([name, *map(str, [*lead, *trailing])])
        self.inputs[name] = {"shape": [*lead, *trailing], "dtype": "f32"}
        self.shapes[name] = [self.plan["batch"] if e == "batch" else e for e in self.inputs[name]["shape"]]
        return name

    def constant_mask(self, kind, queries, keys):
        """A mask that the description gives itself."""
        if kind == "parameter":
            return {"parameter": f"mask_{queries}_{keys}"}
        if kind == "causal" or queries * keys > MOST_ELEMENTS:
            return {"causal": "top_left"}
        rng = random.Random(f"{self.plan['seed']} {kind} {queries} {keys}")
        if kind == "rows_blocks":
            size = rng.choice([1, 5, 16, 24, 40])
            return [[row // size != column // size for column in range(keys)] for row in range(queries)]
        element = {"rows_bool": lambda: rng.random() < 0.4, "rows_float": lambda: rng.choice(["-inf", 0, round(rng.uniform(-2, 2), 3)])}[kind]
        return [[element() for _ in range(keys)] for _ in range(queries)]

    def add(self, module, /, **keys):
        name = f"m{len(self.modules)}"
        self.modules.append({"type": module, "name": name, **keys})
        return name

    def then(self, module, /, **keys):
        self.current = self.add(module, input=self.current, **keys)
        return self.current


def describe(plan):
    """(description, {input: concrete shape}, {cache: concrete shape}) of a plan; the description names no weights."""
    d = Description(complete(plan))
    describe_front(d)
    for block in d.plan["blocks"]:
        BLOCKS[block["kind"]](d, block)
    outputs = {**describe_tail(d), **d.weights}
    result = {"name": "fuzz", "inputs": d.inputs, "model": d.modules, "outputs": outputs}
    if any("batch" in spec["shape"] for spec in d.inputs.values()):
        result["dims"] = {"batch": {"max": plan["batch"]}}
    return result, d.shapes, d.states


def describe_front(d):
    plan = d.plan
    if plan["front"].startswith("ids"):
        d.input("ids", plan["seq"], dtype="i32")
        d.current = d.add("Embedding", input="ids", num_embeddings=WORDS, embedding_dim=d.width)
    else:
        d.current = d.input("x", plan["seq"], d.width)
        if plan["blocks"] == [] and plan["tail"] in ("none", "two"):
            d.then("Identity")
    if plan["front"].endswith("positions"):
        kind = "sinusoidal" if d.width % 2 == 0 and plan["seed"] % 2 else "learned"
        d.then("PositionalEncoding", kind=kind, d_model=d.width, max_len=plan["seq"] + 3, offset=plan["seed"] % 3,
               batch_first=d.batch_first)


def describe_mha(d, block):
    plan, query = d.plan, d.current
    keys = {"embed_dim": d.width, "num_heads": heads_of(d.width, block["heads"]), "bias": block["bias"],
            "batch_first": d.batch_first}
    if block["cross"]:
        kdim, vdim = block["kdim"] or d.width, block["vdim"] or d.width
        key = d.input(f"memory{kdim}", plan["memory"], kdim)
        keys.update(key=key, value=key)
        if (kdim, vdim) != (d.width, d.width):
            keys.update(kdim=kdim, vdim=vdim, value=d.input(f"memory{vdim}", plan["memory"], vdim))
    keys.update(describe_masks(d, block, keys["num_heads"], block["cross"]), **score_keys(block, keys["num_heads"]),
                **rope_keys(d, block, keys["num_heads"]), **weights_keys(block, keys["num_heads"]))
    for key, plan_key in (("add_bias_kv", "bias_kv"), ("add_zero_attn", "zero_attn")):
        if block[plan_key]:
            keys[key] = True
    if block["weights"] == "per_head":
        keys["average_attn_weights"] = False
    attend(d, "MultiheadAttention", query=query, **keys)
    if block["residual"]:
        d.current = d.add("Add", inputs=[query, d.current])
    if block["norm"]:
        d.then("LayerNorm", normalized_shape=d.width)


def attend(d, module, /, **keys):
    """An attention, whose further values are outputs."""
    d.current = d.add(module, **keys)
    for key, value in (("need_weights", "attn_weights"), ("need_lse", "log_sum_exp")):
        if keys.get(key):
            d.weights[f"w{len(d.weights)}"] = f"{d.current}.{value}"


def weights_keys(block, heads):
    """How scores become weights, and the values that an attention gives besides."""
    keys = {"need_weights": True} if block["weights"] != "none" else {}
    if block["normalizer"] != "softmax":
        return {**keys, "normalizer": block["normalizer"], "normalizer_scale": block["normalizer_scale"]}
    if block["sink"] != "none":
        keys["sink"] = 0.5 if block["sink"] == "number" else {"parameter": f"sinks_{heads}"}
    return {**keys, **({"need_lse": True} if block["lse"] else {})}


def back_to_width(d, width):
    """Tokens of the model's width again."""
    if width != d.width:
        d.then("Linear", in_features=width, out_features=d.width)


def describe_additive(d, block):
    key_dim = (block["kdim"] or d.width) if block["cross"] else d.width
    value_dim = (block["vdim"] or key_dim) if block["cross"] else d.width
    keys = {"query_dim": d.width, "key_dim": key_dim, "attention_dim": block["inner"], "bias": block["bias"], "batch_first": d.batch_first}
    if block["cross"]:
        keys.update(key=d.input(f"memory{key_dim}", d.plan["memory"], key_dim))
    if value_dim != key_dim:
        keys.update(value_dim=value_dim, value=d.input(f"memory{value_dim}", d.plan["memory"], value_dim))
    masks = describe_masks(d, block, 1, block["cross"])
    masks.pop("is_causal", None)
    attend(d, "AdditiveAttention", query=d.current, **keys, **masks, **score_keys(block, 1), **weights_keys(block, 1))
    back_to_width(d, value_dim)


def describe_sdpa(d, block):
    """On the tokens themselves, or split into heads, which may have another dimension before them."""
    n = Nodes(d)
    heads = 1 if block["lead"] == "plain" else heads_of(d.width, block["heads"])
    rank5 = block["lead"] == "rank5" and len(n.lead) == 2
    *batch, rows = n.lead
    lead = batch + ([1, heads] if rank5 else [heads] if block["lead"] != "plain" else [])
    if block["lead"] == "plain":
        query = d.current
    else:
        n.then("split_heads", heads=heads)
        if rank5:
            n.then("reshape", shape=[*lead, rows, d.width // heads])
        query = d.add("Graph", nodes=n.list)
    keys, count, value_width = sdpa_operands(d, block, query, lead, rows, d.width // heads)
    if block["scale"] != "none":
        keys["scale"] = block["scale"]
    rank = len(lead) + 2
    keys.update(sdpa_mask(d, block, [] if rank5 else [heads] * (block["lead"] == "heads"), rows, count))
    # Placed scores are of rank 2 to 4, and a learned sink and a bias have a number of heads.
    known = rank < 5 and (block["lead"] != "plain" or d.layout == "unbatched")
    steps = [step for step in block["score"] if rank < 5 and (known or not step.startswith("relative"))]
    sink = block["sink"] if known or block["sink"] != "parameter" else "number"
    keys.update(**score_keys({**block, "score": steps}, heads), **weights_keys({**block, "sink": sink}, heads))
    if block["masked"] and block["key_mask"] == "lengths" and rank == 4:
        keys.update({"lengths": d.lengths(count)} if d.layout == "batch_first" else {})
    attend(d, "ScaledDotProductAttention", query=query, **keys)
    if block["lead"] != "plain":
        n = Nodes(d)
        if rank5:
            n.then("reshape", shape=[*batch, heads, rows, value_width])
        n.then("merge_heads")
        d.current = d.add("Graph", nodes=n.list)
    back_to_width(d, heads * value_width)


def sdpa_operands(d, block, query, lead, rows, width):
    """({"key", "value" ..}, number of keys, width of the values)."""
    if block["keys"] == "own":
        return {"key": query, "value": query}, rows, width
    count, value_width = d.plan["memory"], block["value_width"] or width
    grouped = block["keys"] == "gqa" and block["lead"] != "plain"
    own = [heads_of(lead[-1], 2), heads_of(lead[-1], 3)] if grouped else []
    leads = [lead[:-1] + [kv] for kv in own] if grouped else [[], []] if block["keys"] == "broadcast" else [lead, lead]
    keys = {"key": d.tensor("keys", leads[0], count, width), "value": d.tensor("values", leads[1], count, value_width)}
    return {**keys, **({"enable_gqa": True} if grouped else {})}, count, value_width


def sdpa_mask(d, block, heads, rows, count):
    if block["mask"] == "none":
        return {"is_causal": True} if block["hint"] else {}
    if block["mask"] in CONSTANT_MASKS:
        return {"attn_mask": d.constant_mask(block["mask"], rows, count)}
    dtype = "f32" if block["mask"].startswith("float") else "bool"
    return {"attn_mask": d.mask((heads if block["mask"].endswith("3") else []) + [rows, count], dtype)}


def describe_masks(d, block, heads, cross=False, mask_key="attn_mask", padding_key="key_padding_mask", prefix=""):
    """The keys of an attention that say which keys a query sees; prefix + "lengths" and "is_causal" are two of them."""
    keys, rows = {}, d.plan["memory" if cross else "seq"]
    if block["masked"]:
        if block["key_mask"] == "lengths":
            keys[prefix + "lengths"] = d.lengths(rows)
        elif block["key_mask"] == "float":
            keys[padding_key] = d.input(f"added_{rows}", rows, batch_first=True)
        else:
            keys[padding_key] = d.padding(memory=cross)
    if block["mask"] in CONSTANT_MASKS:
        keys[mask_key] = d.constant_mask(block["mask"], d.plan["seq"], rows)
        if block["hint"] and "causal" in keys[mask_key]:
            keys[prefix + "is_causal"] = True
    elif block["mask"] != "none":
        dtype, whole = "f32" if block["mask"].startswith("float") else "bool", block["mask"].endswith("3") and not d.runtime
        batch = 1 if d.layout == "unbatched" else d.plan["batch"]
        keys[mask_key] = d.mask(([batch * heads] if whole else []) + [d.plan["seq"], rows], dtype)
        if block["hint"]:
            keys[prefix + "is_causal"] = True
    return keys


def memory_of(block):
    """The masks of the attention to the memory, named as the own ones are."""
    return {key.removeprefix("memory_"): value for key, value in block.items() if key.startswith("memory_")}


def rope_keys(d, block, heads):
    if block["rope"] == "none" or d.width // heads % 2:
        return {}
    seed = d.plan["seed"]
    return {"rope": {"theta": 500 + 100 * (seed % 97), "interleaved": block["rope"] == "interleaved", "offset": seed % 3}}


def score_keys(block, heads):
    """What modifies the scores, and what becomes of a query that sees no key."""
    steps = copy.deepcopy([SCORES[step] for step in block["score"]])
    for step in steps:
        if "relative_bias" in step:
            step["relative_bias"]["parameter"] += f"_{heads}"
    keys = {"score": steps} if steps else {}
    return {**keys, "fully_masked": "nan"} if block["fully_masked"] == "nan" and block["normalizer"] == "softmax" else keys


def layer_keys(d, block):
    heads = heads_of(d.width, block["heads"])
    return {"d_model": d.width, "nhead": heads, "dim_feedforward": block["feedforward"],
            "activation": block["activation"], "norm_first": block["norm_first"], "layer_norm_eps": block["eps"],
            "bias": block["bias"], "batch_first": d.batch_first, **rope_keys(d, block, heads), **score_keys(block, heads)}


def describe_layer(d, block):
    keys = layer_keys(d, block)
    d.then("TransformerEncoderLayer", **keys, **describe_masks(d, block, keys["nhead"], False, "src_mask", "src_key_padding_mask"))


def stack_keys(d, block, norm=True):
    """The keys of a stack of layers that say nothing of the layers."""
    keys = {"norm": {"normalized_shape": d.width}} if norm and block["norm"] else {}
    if block["share"]:
        keys["share_weights"] = True
    return {**keys, "padded_rows": "keep"} if d.plan["seed"] % 2 else keys


def describe_encoder(d, block):
    keys = layer_keys(d, block)
    d.then("TransformerEncoder", num_layers=block["layers"], layer=keys, **stack_keys(d, block),
           **describe_masks(d, block, keys["nhead"], False, "mask", "src_key_padding_mask"))


def describe_cached(d, block):
    """Layers with a cache; without a batch in front, which a cache asks for, causal ones."""
    layer, room = layer_keys(d, block), block["room"]
    stack = {"num_layers": block["layers"], "layer": layer, **stack_keys(d, block)}
    if not d.batch_first:
        d.then("TransformerEncoder", mask={"causal": "top_left"}, **stack)
        return
    tokens, heads = d.plan["seq"] + room, layer["nhead"]
    name = d.then("TransformerEncoder", cache=tokens, position=d.input(f"position_{room}", dtype="i32"), **stack)
    d.states[f"{name}_cache"] = [d.plan["batch"], 2 * block["layers"] * heads, tokens, d.width // heads]


def decoder_keys(d, block):
    """The keys of a decoder's layer that say what it is."""
    keys = layer_keys(d, block)
    own, memory = keys.pop("score", None), score_keys(
        {**block, **memory_of(block), "fully_masked": "zero"}, keys["nhead"]).get("score")
    return {**keys, **({"tgt_score": own} if own else {}), **({"memory_score": memory} if memory else {})}


def decoder_masks(d, block, heads):
    """What a decoder reads besides tgt."""
    return {"memory": d.input(f"memory{d.width}", d.plan["memory"], d.width),
            **describe_masks(d, block, heads, False, "tgt_mask", "tgt_key_padding_mask", "tgt_"),
            **describe_masks(d, memory_of(block), heads, True, "memory_mask", "memory_key_padding_mask", "memory_")}


def describe_decoder_layer(d, block):
    keys = decoder_keys(d, block)
    d.current = d.add("TransformerDecoderLayer", tgt=d.current, **keys, **decoder_masks(d, block, keys["nhead"]))


def describe_decoder(d, block):
    keys = decoder_keys(d, block)
    d.current = d.add("TransformerDecoder", tgt=d.current, num_layers=block["layers"], layer=keys, **stack_keys(d, block),
                      **decoder_masks(d, block, keys["nhead"]))


def describe_transformer(d, block):
    """The memory is the source, padded as the decoder sees it."""
    keys = decoder_keys(d, block)
    reads = decoder_masks(d, block, keys["nhead"])
    padding = describe_masks(d, {**memory_of(block), "mask": "none"}, keys["nhead"], True, "src_mask", "src_key_padding_mask", "src_")
    score = {"src_score": keys["tgt_score"]} if "tgt_score" in keys else {}
    d.current = d.add("Transformer", src=reads.pop("memory"), tgt=d.current, num_encoder_layers=1, num_decoder_layers=block["layers"],
                      **keys, **reads, **padding, **score, **stack_keys(d, block, norm=False))


def describe_spelled_decoder(d, block):
    """A decoder layer spelled out: self-attention, cross-attention and a feed-forward part, each with residual and norm."""
    heads, memory = heads_of(d.width, block["heads"]), d.input(f"memory{d.width}", d.plan["memory"], d.width)
    for key in (None, memory):
        x = d.current
        if block["norm_first"]:
            d.then("LayerNorm", normalized_shape=d.width, eps=block["eps"])
        attended = d.add("MultiheadAttention", query=d.current, key=key or d.current, embed_dim=d.width, num_heads=heads,
                         bias=block["bias"], batch_first=d.batch_first, **describe_masks(d, block, heads, key is not None),
                         **score_keys(block, heads))
        d.current = d.add("Add", inputs=[x, attended])
        if not block["norm_first"]:
            d.then("LayerNorm", normalized_shape=d.width, eps=block["eps"])
    describe_mlp(d, {**block, "residual": True})


def describe_mlp(d, block):
    x, width = d.current, d.width
    d.then("Linear", in_features=width, out_features=block["feedforward"], bias=block["bias"], activation=block["activation"])
    d.then("Linear", in_features=block["feedforward"], out_features=width, bias=block["bias"])
    if block["residual"]:
        d.current = d.add("Add", inputs=[x, d.current])


class Nodes:
    """The nodes of one Graph module."""

    def __init__(self, d):
        self.list, self.current, self.width, self.first = [], d.current, d.width, d.current
        self.name = f"m{len(d.modules)}"  # Parameters of a graph have no prefix.
        self.column_mask = lambda: d.mask([d.width], "bool")
        seq = d.plan["seq"]
        self.lead = {"batch_first": [d.extent, seq], "seq_first": [seq, d.extent], "unbatched": [seq]}[d.layout]

    def node(self, op, /, *inputs, **attributes):
        name = f"n{len(self.list)}"
        self.list.append({"op": op, "name": name, **({"inputs": list(inputs)} if inputs else {}), **attributes})
        return name

    def then(self, op, /, *others, **attributes):
        self.current = self.node(op, self.current, *others, **attributes)

    def weight(self, *shape):
        return self.node("weight", parameter=f"{self.name}.w{len(self.list)}", shape=list(shape))


def rotate(n):
    """The last dimension's first half behind its second."""
    half = n.width // 2
    if half:
        low = n.node("slice", n.current, axis=-1, start=0, size=half)
        high = n.node("slice", n.current, axis=-1, start=half, size=n.width - half)
        n.current = n.node("concat", high, low, axis=-1)


def gate(n):
    open_ = n.node("activation", n.current, kind="sigmoid")
    n.then("mul", open_)


def project(n):
    n.then("matmul", n.weight(n.width, n.width))


def shrink_by_divide(n):
    """Divides by something in (1, 2)."""
    divisor = n.node("add", n.node("activation", n.first, kind="sigmoid"), n.node("constant", value=1.0, shape=[1]))
    n.then("div", divisor)


def transpose(n):
    """Columns and rows change places, and places again after an op in between."""
    swap = [0, 2, 1] if len(n.lead) == 2 else [1, 0]
    n.then("transpose", permutation=swap)
    n.then("activation", kind="sigmoid")
    n.then("transpose", permutation=swap)


def flatten(n):
    """Another shape, an op along it, and back."""
    if len(n.lead) == 2:
        n.then("reshape", shape=[n.lead[0], n.lead[1] * n.width])
        n.then("l2norm")
        n.then("reshape", shape=n.lead + [n.width])


def heads(n):
    n.then("split_heads", heads=heads_of(n.width, 4))
    n.then("softmax", axis=-1)
    n.then("merge_heads")


def shift_rows(n):
    """Every row takes the place of the one before it."""
    double = n.node("concat", n.current, n.current, axis=-2)
    n.current = n.node("slice", double, axis=-2, start=1, size=n.lead[-1])


def masked_softmax(n):
    n.then("mask", n.column_mask())
    n.then("softmax", axis=-1)


def center(n):
    """Each sequence without its mean, or its largest elements."""
    pooled = n.node("pool", n.current, kind="mean" if len(n.list) % 2 else "max")
    n.then("sub", n.node("reshape", pooled, shape=n.lead[:-1] + [1, n.width]))


ROW_OPS = {
    "scale": lambda n: n.then("scale", factor=-0.75),
    "relu": lambda n: n.then("activation", kind="relu"),
    "gelu": lambda n: n.then("activation", kind="gelu"),
    "tanh": lambda n: n.then("activation", kind="tanh"),
    "silu": lambda n: n.then("activation", kind="silu"),
    "bias": lambda n: n.then("add", n.weight(n.width)),
    "gain": lambda n: n.then("mul", n.weight(n.width)),
    "shift": lambda n: n.then("sub", n.weight(1, n.width)),
    "residual": lambda n: n.then("add", n.first),
    "rmsnorm": lambda n: n.then("rmsnorm", n.weight(n.width)),
    "l2norm": lambda n: n.then("l2norm"),
    "layernorm": lambda n: n.then("layernorm", n.weight(n.width), n.weight(n.width)),
    "softmax": lambda n: n.then("softmax", axis=-1),
    "rotate": rotate, "gate": gate, "project": project, "divide": shrink_by_divide, "transpose": transpose, "flatten": flatten,
    "heads": heads, "shift_rows": shift_rows, "masked_softmax": masked_softmax, "center": center}


def describe_rows(d, block):
    n = Nodes(d)
    for op in block["ops"]:
        ROW_OPS[op](n)
    d.current = d.add("Graph", nodes=n.list or [{"op": "scale", "inputs": [d.current], "factor": 1.0}])


def describe_by_hand(d, block):
    """Attention from matmuls, over the last two dimensions, with any normaliser."""
    n, inner = Nodes(d), block["inner"]
    query, key = (n.node("matmul", d.current, n.weight(d.width, inner)) for _ in range(2))
    value = n.node("matmul", d.current, n.weight(d.width, d.width))
    scores = n.node("scale", n.node("matmul", query, key, transpose_rhs=True), factor=inner ** -0.5)
    if block["normaliser"] == "softmax":
        weights = n.node("softmax", scores, axis=-1)
    else:
        rows = d.plan["batch"] if d.layout == "seq_first" else d.plan["seq"]
        weights = n.node("scale", n.node("activation", scores, kind=block["normaliser"]), factor=1 / rows)
    n.node("matmul", weights, value)
    d.current = d.add("Graph", nodes=n.list)


BLOCKS = {"mha": describe_mha, "sdpa": describe_sdpa, "additive": describe_additive, "layer": describe_layer, "encoder": describe_encoder, "rows": describe_rows,
          "by_hand": describe_by_hand, "mlp": describe_mlp, "spelled_decoder": describe_spelled_decoder,
          "decoder_layer": describe_decoder_layer, "decoder": describe_decoder, "transformer": describe_transformer, "cached": describe_cached}


def describe_tail(d):
    tail, before = d.plan["tail"], d.current
    for mode in ("mean", "max", "cls"):
        if tail.startswith(mode) and d.layout != "unbatched":
            mask = {"padding_mask": d.padding()} if mode != "cls" and d.plan["seed"] % 2 else {}
            d.then("Pooling", mode=mode, batch_first=d.batch_first, **mask)
    if tail.endswith("head"):
        d.then("Linear", in_features=d.width, out_features=5, activation="tanh")
    elif tail == "normalize":
        d.then("Normalize")
    elif tail == "two":
        return {"y": d.then("LayerNorm", normalized_shape=d.width), "z": before} if before in names(d) else {"y": d.current}
    return {"y": d.current}


def names(d):
    return {module["name"] for module in d.modules}
