# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random models for the differential fuzz, in two steps.

A plan is plain JSON data: sizes and a list of blocks. draw(seed) makes one, and describe(plan) the model's description and
the specs of its inputs. Any plan that holds the same keys with smaller numbers or fewer blocks is valid too (describe()
rounds heads to a divisor of the width and drops what does not apply), so that a failing plan can be shrunk blindly.
"""
import random

ACTIVATIONS = ["relu", "gelu", "gelu_tanh", "silu", "tanh", "sigmoid"]
# Lengths and widths around vectors and tiles, odd ones and primes.
LENGTHS = [1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 24, 31, 33, 48, 61, 64, 65, 97, 127, 128, 129, 160, 191, 255, 256, 257]
WIDTHS = [8, 9, 12, 13, 15, 16, 17, 20, 23, 24, 30, 31, 32, 33, 36, 40, 47, 48, 60, 64, 66, 72, 96, 97, 120, 128, 144, 181,
          192, 210, 256, 257, 293, 300]
# Rows of the embedding tables.
WORDS = 11
# Multiplications that a model may cost: the reference is plain loops.
MOST_WORK = 6_000_000


# Score modifications by name, and how often an attention has how many.
SCORES = {
    "causal": {"causal": "top_left"}, "bottom_right": {"causal": "bottom_right"}, "window": {"window": [5, 2]},
    "window_back": {"window": [17, 0], "align": "bottom_right"}, "alibi": {"alibi": True}, "softcap": {"softcap": 3},
    "distance": {"expression": "score - 0.1 * abs(query - key)"}, "sinks": {"expression": "key < 4 or query - key < 9"}}
STEPS = [0, 0, 0, 1, 1, 2, 3]


def divisors(number):
    return [k for k in range(1, number + 1) if number % k == 0]


def heads_of(width, wanted):
    """The largest divisor of the width that is at most `wanted`."""
    return max(k for k in divisors(width) if k <= max(wanted, 1))


# -- Drawing -----------------------------------------------------------------------------------------------------------


def draw(seed):
    """A random plan whose work the reference can bear."""
    rng = random.Random(seed)
    width = rng.choice(WIDTHS)
    layout = rng.choice(["batch_first"] * 5 + ["seq_first"] * 2 + ["unbatched"])
    plan = {
        "seed": seed, "batch": rng.randint(1, 5), "runtime_batch": rng.random() < 0.7, "layout": layout,
        "seq": rng.choice(LENGTHS), "memory": rng.choice(LENGTHS), "width": width,
        "front": rng.choice(["float"] * 4 + ["ids", "ids+positions", "positions"]),
        "padding": rng.choice(["lengths", "bits"]), "weights": rng.choice(["file", "caller"]),
        "blocks": [draw_block(rng, width) for _ in range(rng.choice([1, 1, 2, 2, 3, 4]))],
        "tail": rng.choice(["none"] * 4 + ["mean", "max", "cls", "head", "mean+head", "normalize", "two"])}
    fit(plan, rng)
    return plan


def draw_block(rng, width):
    kind = rng.choice(["mha"] * 4 + ["layer"] * 4 + ["encoder"] * 2 + ["rows"] * 2 + ["by_hand", "mlp", "decoder"])
    block = {"kind": kind, "heads": rng.choice(divisors(width)), "bias": rng.random() < 0.8, "masked": rng.random() < 0.5}
    if kind == "mha":
        block.update(cross=rng.random() < 0.4, residual=rng.random() < 0.4, norm=rng.random() < 0.3,
                     kdim=rng.choice([0, 0, rng.choice(WIDTHS)]), vdim=rng.choice([0, 0, rng.choice(WIDTHS)]),
                     mask=rng.choice(["none"] * 3 + ["bool2", "float2", "bool3", "float3"]),
                     key_mask=rng.choice(["bool", "bool", "float", "lengths"]), bias_kv=rng.random() < 0.15,
                     zero_attn=rng.random() < 0.15, weights=rng.choice(["none"] * 6 + ["averaged", "per_head"]))
    elif kind in ("layer", "encoder", "decoder"):
        block.update(feedforward=rng.choice(WIDTHS), activation=rng.choice(ACTIVATIONS), norm_first=rng.random() < 0.5,
                     eps=rng.choice([1e-5, 1e-12, 1e-3]))
        if kind == "encoder":
            block.update(layers=rng.randint(1, 3), share=rng.random() < 0.3, norm=rng.random() < 0.5)
    if kind in ("mha", "layer"):
        block["score"] = rng.sample(list(SCORES), rng.choice(STEPS))
    if kind == "rows":
        block.update(ops=[rng.choice(list(ROW_OPS)) for _ in range(rng.randint(1, 6))])
    elif kind == "by_hand":
        block.update(normaliser=rng.choice(["softmax", "softmax", "relu", "sigmoid"]), inner=rng.choice(WIDTHS))
    elif kind == "mlp":
        block.update(feedforward=rng.choice(WIDTHS), activation=rng.choice(ACTIVATIONS + [None]), residual=rng.random() < 0.5)
    return block


def work(plan):
    """About how many multiplications the model costs."""
    batch = 1 if plan["layout"] == "unbatched" else plan["batch"]
    seq, memory, width, total = plan["seq"], plan["memory"], plan["width"], 0
    for block in plan["blocks"]:
        keys = memory if block.get("cross") else seq
        attention = batch * (4 * (seq + keys) // 2 * width * width + 2 * seq * keys * width)
        mlp = 2 * batch * seq * width * block.get("feedforward", 0)
        layers = block.get("layers", 1)
        if block["kind"] == "decoder":
            attention += batch * (2 * (seq + memory) * width * width + 2 * seq * memory * width)
        total += layers * (mlp + (attention if block["kind"] not in ("rows", "mlp") else 0)) + 20 * batch * seq * width
    return total


def fit(plan, rng):
    """Makes the plan smaller, one size at a time, until the reference can run it."""
    while work(plan) > MOST_WORK:
        size = rng.choice(["batch", "seq", "memory", "width", "blocks"])
        if size == "blocks":
            if len(plan["blocks"]) > 1:
                plan["blocks"].pop()
        elif size == "batch":
            plan["batch"] = max(1, plan["batch"] - 1)
        else:
            table = WIDTHS if size == "width" else LENGTHS
            smaller = [entry for entry in table if entry < plan[size]]
            plan[size] = rng.choice(smaller) if smaller else table[0]


# -- Describing --------------------------------------------------------------------------------------------------------


class Description:
    """What describe() gathers: modules, input specs and the concrete shapes of the inputs."""

    def __init__(self, plan):
        self.plan, self.modules, self.inputs, self.shapes = plan, [], {}, {}
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

    def mask(self, shape, dtype):
        """An attention mask, the same for every batch that a call chooses."""
        name = "_".join(["added" if dtype == "f32" else "blocked", *map(str, shape)])
        self.inputs[name], self.shapes[name] = {"shape": shape, "dtype": dtype}, shape
        return name

    def add(self, module, /, **keys):
        name = f"m{len(self.modules)}"
        self.modules.append({"type": module, "name": name, **keys})
        return name

    def then(self, module, /, **keys):
        self.current = self.add(module, input=self.current, **keys)
        return self.current


def describe(plan):
    """(description, {input: concrete shape}) of a plan; the description names no weights."""
    d = Description(plan)
    describe_front(d)
    for block in plan["blocks"]:
        BLOCKS[block["kind"]](d, block)
    outputs = {**describe_tail(d), **d.weights}
    result = {"name": "fuzz", "inputs": d.inputs, "model": d.modules, "outputs": outputs}
    if any("batch" in spec["shape"] for spec in d.inputs.values()):
        result["dims"] = {"batch": {"max": plan["batch"]}}
    return result, d.shapes


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
    keys.update(describe_masks(d, block, keys["num_heads"]))
    d.current = d.add("MultiheadAttention", query=query, **keys)
    if block["weights"] != "none":
        d.weights[f"w{len(d.weights)}"] = f"{d.current}.attn_weights"
    if block["residual"]:
        d.current = d.add("Add", inputs=[query, d.current])
    if block["norm"]:
        d.then("LayerNorm", normalized_shape=d.width)


def describe_masks(d, block, heads):
    """The keys of a MultiheadAttention that say which keys it sees, and what comes of it."""
    keys, rows = {}, d.plan["memory" if block["cross"] else "seq"]
    if block["masked"]:
        kind = block["key_mask"] if d.layout != "unbatched" else "bool"
        if kind == "lengths":
            keys["lengths"] = d.input(f"lengths_{rows}", dtype="i32")
        elif kind == "float":
            keys["key_padding_mask"] = d.input(f"added_{rows}", rows, batch_first=True)
        else:
            keys["key_padding_mask"] = d.padding(memory=block["cross"])
    if block["mask"] != "none":
        dtype, whole = "f32" if block["mask"].startswith("float") else "bool", block["mask"].endswith("3") and not d.runtime
        batch = 1 if d.layout == "unbatched" else d.plan["batch"]
        keys["attn_mask"] = d.mask(([batch * heads] if whole else []) + [d.plan["seq"], rows], dtype)
    for key, plan_key in (("add_bias_kv", "bias_kv"), ("add_zero_attn", "zero_attn")):
        if block[plan_key]:
            keys[key] = True
    if block["weights"] != "none":
        keys.update(need_weights=True, average_attn_weights=block["weights"] == "averaged")
    return {**keys, **score_keys(block)}


def score_keys(block):
    return {"score": [SCORES[step] for step in block["score"]]} if block["score"] else {}


def layer_keys(d, block):
    return {"d_model": d.width, "nhead": heads_of(d.width, block["heads"]), "dim_feedforward": block["feedforward"],
            "activation": block["activation"], "norm_first": block["norm_first"], "layer_norm_eps": block["eps"],
            "bias": block["bias"], "batch_first": d.batch_first}


def describe_layer(d, block):
    mask = {"src_key_padding_mask": d.padding()} if block["masked"] else {}
    d.then("TransformerEncoderLayer", **layer_keys(d, block), **mask, **score_keys(block))


def describe_encoder(d, block):
    mask = {"src_key_padding_mask": d.padding()} if block["masked"] else {}
    norm = {"norm": {"normalized_shape": d.width}} if block["norm"] else {}
    share = {"share_weights": True} if block["share"] else {}
    d.then("TransformerEncoder", num_layers=block["layers"], layer=layer_keys(d, block), **norm, **mask, **share)


def describe_decoder(d, block):
    """A decoder layer spelled out: self-attention, cross-attention and a feed-forward part, each with residual and norm."""
    heads, memory = heads_of(d.width, block["heads"]), d.input(f"memory{d.width}", d.plan["memory"], d.width)
    for key in (None, memory):
        x = d.current
        if block["norm_first"]:
            d.then("LayerNorm", normalized_shape=d.width, eps=block["eps"])
        mask = {"key_padding_mask": d.padding(memory=key is not None)} if block["masked"] else {}
        attended = d.add("MultiheadAttention", query=d.current, key=key or d.current, embed_dim=d.width, num_heads=heads,
                         bias=block["bias"], batch_first=d.batch_first, **mask)
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
    "rotate": rotate, "gate": gate, "project": project, "divide": shrink_by_divide}


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


BLOCKS = {"mha": describe_mha, "layer": describe_layer, "encoder": describe_encoder, "rows": describe_rows,
          "by_hand": describe_by_hand, "mlp": describe_mlp, "decoder": describe_decoder}


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
