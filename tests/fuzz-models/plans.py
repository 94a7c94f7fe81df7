# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random models for the differential fuzz: what is drawn.

A plan is plain JSON data: sizes and a list of blocks. draw(seed) makes one, and describe.py the model's description of it.
Any plan that holds the same keys with smaller numbers or fewer blocks is valid too (describe() rounds heads to a divisor of
the width and drops what does not apply), so that a failing plan can be shrunk blindly; complete() adds what an older plan
does not say.
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
    "distance": {"expression": "score - 0.1 * abs(query - key)"}, "sinks": {"expression": "key < 4 or query - key < 9"},
    "per_head": {"expression": "select(head == 0, 0.5 * score, min(score, 1 + head))"},
    "bounded": {"expression": "tanh(score) + exp(-abs(query - key) / 8)"},
    "infinite": {"expression": "select(not (key == 2 or key > query + 20), score, -inf)"},
    "blocks": {"expression": "query // 7 == key // 7 or key % 5 == 0"},
    "relative": {"relative_bias": {"parameter": "relative", "num_buckets": 16, "max_distance": 40}},
    "relative_back": {"relative_bias": {"parameter": "relative_back", "num_buckets": 6, "max_distance": 12, "bidirectional": False}}}
DRAWN = list(SCORES)
# Conditions that the compiler evaluates itself, and some that occur twice; drawn apart from everything else.
FIXED = {"chunks": {"expression": "query // 24 == key // 24"}, "prefix": {"expression": "key < 9 or key <= query"},
         "parity": {"expression": "key // 2 * 2 == key or key % 8 == query % 8"},
         "again": {"expression": "(key < 9 or key <= query) and (query > 20 or key <= query)"},
         "choices": {"expression": "select(key < query, score, 0.5 * score) + select(key < query, 0.25, max(score, 0))"}}
SCORES |= FIXED
ROPES = ["none"] * 4 + ["half", "interleaved"]
# Blocks of transformer layers, whose rope is drawn apart from everything else.
LAYERS = ("layer", "encoder", "decoder_layer", "decoder", "transformer")
STEPS = [0, 0, 0, 1, 1, 2, 3]

# Ops of a "rows" block; describe.py has what each is.
ROW_OPS = ["scale", "relu", "gelu", "tanh", "silu", "bias", "gain", "shift", "residual", "rmsnorm", "l2norm", "layernorm", "softmax",
           "rotate", "gate", "project", "divide", "transpose", "flatten", "heads", "shift_rows", "masked_softmax", "center"]

# What a block's keys are where a plan does not say: the simplest.
SIMPLEST = {"heads": 1, "bias": True, "masked": False, "key_mask": "bool", "mask": "none", "hint": False, "score": [],
            "fully_masked": "zero", "cross": False, "residual": False, "norm": False, "kdim": 0, "vdim": 0, "bias_kv": False,
            "zero_attn": False, "weights": "none", "rope": "none", "memory_masked": False, "memory_key_mask": "bool", "memory_mask": "none",
            "memory_hint": False, "memory_score": [], "feedforward": 8, "activation": "relu", "norm_first": False, "eps": 1e-5,
            "layers": 1, "share": False, "ops": [], "normaliser": "softmax", "inner": 8, "normalizer": "softmax", "normalizer_scale": 1,
            "sink": "none", "lse": False, "room": 0, "lead": "plain", "keys": "own", "scale": "none", "value_width": 0}


def divisors(number):
    return [k for k in range(1, number + 1) if number % k == 0]


def heads_of(width, wanted):
    """The largest divisor of the width that is at most `wanted`."""
    return max(k for k in divisors(width) if k <= max(wanted, 1))


def complete(plan):
    """The plan with every key that describe() may ask for."""
    return {**plan, "blocks": [{**SIMPLEST, **block} for block in plan["blocks"]]}


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
    own = random.Random(f"rope of {seed}")
    for block in plan["blocks"]:
        if block["kind"] in LAYERS:
            block["rope"] = own.choice(ROPES)
    own = random.Random(f"fixed conditions of {seed}")
    for block in plan["blocks"]:
        for key in ("score", "memory_score"):
            if key in block and own.random() < 0.15:
                block[key].append(own.choice(list(FIXED)))
        if block.get("mask") == "rows_bool" and own.random() < 0.5:
            block["mask"] = "rows_blocks"
    own = random.Random(f"cache of {seed}")
    if plan["layout"] == "batch_first" and own.random() < 0.5:
        cached = {**plan, "blocks": plan["blocks"] + [draw_cached(own, width)]}
        plan = cached if work(cached) <= MOST_WORK else plan
    return plan


def draw_block(rng, width):
    kind = rng.choice(["mha"] * 5 + ["sdpa"] * 3 + ["layer"] * 3 + ["encoder"] * 2 + ["rows"] * 2 + ["additive"] * 2 + [
        "by_hand", "mlp", "spelled_decoder", "decoder_layer", "decoder", "transformer"])
    return {"kind": kind, "heads": rng.choice(divisors(width)), "bias": rng.random() < 0.8, **DRAWS[kind](rng)}


def draw_masks(rng):
    return {"masked": rng.random() < 0.5, "key_mask": rng.choice(["bool", "bool", "float", "lengths"]),
            "mask": rng.choice(["none"] * 5 + ["bool2", "float2", "bool3", "float3", "causal", "rows_bool", "rows_float", "parameter"]), "hint": rng.random() < 0.2,
            "score": rng.sample(DRAWN, rng.choice(STEPS)), "fully_masked": rng.choice(["zero"] * 9 + ["nan"])}


def draw_weights(rng):
    """How scores become weights, and what else an attention gives."""
    return {"normalizer": rng.choice(["softmax"] * 6 + ["relu", "sigmoid", "identity"]), "normalizer_scale": rng.choice([1, 0.25, "1/keys"]),
            "sink": rng.choice(["none"] * 5 + ["number", "parameter"]), "lse": rng.random() < 0.15,
            "weights": rng.choice(["none"] * 6 + ["averaged", "per_head"])}


def draw_sdpa(rng):
    return {"lead": rng.choice(["plain", "heads", "heads", "rank5"]), "keys": rng.choice(["own", "inputs", "broadcast", "gqa"]),
            "scale": rng.choice(["none", "none", 0.3, -0.2, 0]), "value_width": rng.choice([0, 0, 5, 16, 17]), **draw_masks(rng),
            **draw_weights(rng)}


def draw_additive(rng):
    return {"cross": rng.random() < 0.6, "kdim": rng.choice([0, 0, rng.choice(WIDTHS)]), "vdim": rng.choice([0, 0, rng.choice(WIDTHS)]),
            "inner": rng.choice([1, 3, 8, 16, 17, 33]), **draw_masks(rng), **draw_weights(rng)}


def draw_mha(rng):
    return {"cross": rng.random() < 0.4, "residual": rng.random() < 0.4, "norm": rng.random() < 0.3,
            "kdim": rng.choice([0, 0, rng.choice(WIDTHS)]), "vdim": rng.choice([0, 0, rng.choice(WIDTHS)]),
            "bias_kv": rng.random() < 0.15, "zero_attn": rng.random() < 0.15,
            "rope": rng.choice(ROPES), **draw_masks(rng), **draw_weights(rng)}


def draw_layer(rng):
    return {"feedforward": rng.choice(WIDTHS), "activation": rng.choice(ACTIVATIONS), "norm_first": rng.random() < 0.5,
            "eps": rng.choice([1e-5, 1e-12, 1e-3]), **draw_masks(rng)}


def draw_encoder(rng):
    return {"layers": rng.randint(1, 3), "share": rng.random() < 0.3, "norm": rng.random() < 0.5, **draw_layer(rng)}


def draw_cached(rng, width):
    """Layers with a cache of `room` tokens more than a run has."""
    return {"kind": "cached", "heads": rng.choice(divisors(width)), "bias": rng.random() < 0.8, "layers": rng.randint(1, 2), "room": rng.choice([0, 1, 7, 16, 33, 130]),
            "feedforward": rng.choice(WIDTHS[:16]), "norm": rng.random() < 0.5, "norm_first": rng.random() < 0.5, "share": rng.random() < 0.3}


def draw_decoder_layer(rng):
    """What the memory's masks are is drawn as the own ones are."""
    memory = {f"memory_{key}": value for key, value in draw_masks(rng).items() if f"memory_{key}" in SIMPLEST}
    return {**draw_layer(rng), **memory}


def draw_decoder(rng):
    return {"layers": rng.randint(1, 2), "share": rng.random() < 0.3, "norm": rng.random() < 0.5, **draw_decoder_layer(rng)}


def draw_rows(rng):
    return {"ops": [rng.choice(ROW_OPS) for _ in range(rng.randint(2, 7))]}


def draw_by_hand(rng):
    return {"normaliser": rng.choice(["softmax", "softmax", "relu", "sigmoid"]), "inner": rng.choice(WIDTHS)}


def draw_mlp(rng):
    return {"feedforward": rng.choice(WIDTHS), "activation": rng.choice(ACTIVATIONS + [None]), "residual": rng.random() < 0.5}


DRAWS = {"mha": draw_mha, "sdpa": draw_sdpa, "additive": draw_additive, "layer": draw_layer, "encoder": draw_encoder, "spelled_decoder": draw_layer, "rows": draw_rows,
         "by_hand": draw_by_hand, "mlp": draw_mlp, "decoder_layer": draw_decoder_layer, "decoder": draw_decoder,
         "transformer": draw_decoder}


def work(plan):
    """About how many multiplications the model costs."""
    batch = 1 if plan["layout"] == "unbatched" else plan["batch"]
    seq, memory, width, total = plan["seq"], plan["memory"], plan["width"], 0
    for block in plan["blocks"]:
        keys = memory if block.get("cross") or block.get("keys", "own") != "own" else seq + block.get("room", 0)
        attention = batch * (4 * (seq + keys) // 2 * width * width + 2 * seq * keys * width)
        mlp = 2 * batch * seq * width * block.get("feedforward", 0)
        if block["kind"] == "additive":
            attention += 10 * batch * seq * keys * block["inner"]
        layers = block.get("layers", 1)
        if block["kind"] in ("spelled_decoder", "decoder_layer", "decoder", "transformer"):
            attention += batch * (2 * (seq + memory) * width * width + 2 * seq * memory * width)
        if block["kind"] == "transformer":
            attention += batch * (4 * memory * width * width + 2 * memory * memory * width)
            mlp += 2 * batch * memory * width * block["feedforward"]
        total += layers * (mlp + (attention if block["kind"] not in ("rows", "mlp") else 0)) + 20 * batch * seq * width
    return total


def may_lose_nan(plan):
    """Whether rows that a fully masked query made NaN may be keys of another attention, which may block them."""
    attentions = {"rows": 0, "mlp": 0, "spelled_decoder": 2, "decoder_layer": 2, "decoder": 2, "transformer": 3}
    count = sum(attentions.get(block["kind"], 1) * block.get("layers", 1) for block in plan["blocks"])
    return count > 1 and any(block.get("fully_masked") == "nan" for block in plan["blocks"])


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


# -- What a set of plans covers ----------------------------------------------------------------------------------------


def features(plan):
    """The words for what a plan has, such as "mha with kdim" or "layout unbatched"."""
    found = {f"{key} {plan[key]}" for key in ("layout", "front", "tail")} | {f"runtime_batch {plan['runtime_batch']}"}
    for block in plan["blocks"]:
        found.add(block["kind"])
        for key, value in block.items():
            if isinstance(value, list):
                found |= {f"{key.removeprefix('memory_')} {entry}" for entry in value}
            elif value != SIMPLEST.get(key) and (isinstance(value, (bool, str)) or key in ("scale", "normalizer_scale")):
                found.add(f"{'mask' if key == 'memory_mask' else key} {value}")
    return found


def all_features():
    """Every feature that the drawing knows: those that many plans have."""
    return set().union(*(features(draw(seed)) for seed in range(3000)))
