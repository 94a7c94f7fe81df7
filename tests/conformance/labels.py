# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every label of the semantics contract: what it says, and the tests that hold attnc to it.

A test is "golden NAME" (conformance_models.py, against PyTorch), "error NAME" (ERRORS below: attnc refuses it with these
words), or "check NAME" (a function of conformance.py). `differs` names a deliberate difference from PyTorch and its reason,
`open` what is not done yet; a label with neither a test nor one of the two fails.
"""


class Label:
    def __init__(self, name, says, tests="", differs="", open_=""):
        self.name, self.says, self.differs, self.open = name, says, differs, open_
        self.tests = [test.strip() for test in tests.split(",") if test.strip()]


def goldens(*names):
    return ", ".join(f"golden {name}" for name in names)


MHA = {"type": "MultiheadAttention", "name": "a", "embed_dim": 12, "num_heads": 3, "batch_first": True, "query": "x"}
X = {"shape": [2, 5, 12]}
LAYER = {"type": "TransformerEncoderLayer", "name": "a", "d_model": 12, "nhead": 3, "batch_first": True, "input": "x"}
SDPA = {"type": "ScaledDotProductAttention", "name": "a", "query": "q", "key": "k", "value": "v"}
QKV = {"q": {"shape": [2, 6, 5, 8]}, "k": {"shape": [2, 6, 7, 8]}, "v": {"shape": [2, 6, 7, 8]}}
DECODER = {"type": "TransformerDecoderLayer", "name": "a", "d_model": 12, "nhead": 3, "batch_first": True, "tgt": "x", "memory": "m"}


def mask(shape, dtype="bool"):
    return {"shape": shape, "dtype": dtype}


# name: (inputs, module, words that the error has to contain)
ERRORS = {
    "heads do not divide": ({"x": X}, {**MHA, "num_heads": 5}, ["embed_dim 12 is not divisible by num_heads 5"]),
    "rank of the query": ({"x": {"shape": [2, 2, 5, 12]}}, MHA, ["[2, 2, 5, 12]"]),
    "rank of the key": ({"x": X, "k": {"shape": [5, 12]}}, {**MHA, "key": "k"}, ["[5, 12]"]),
    "width of the query": ({"x": {"shape": [2, 5, 11]}}, MHA, ["12", "11"]),
    "key and value lengths": ({"x": X, "k": {"shape": [2, 6, 12]}, "v": {"shape": [2, 7, 12]}}, {**MHA, "key": "k", "value": "v"},
                              ["[2, 6, 12]", "[2, 7, 12]"]),
    "static_k": ({"x": X}, {**MHA, "static_k": "x"}, ["static_k"]),
    "empty sequence": ({"x": {"shape": [2, 0, 12]}}, MHA, ["0"]),
    "mask of rank 5": ({"x": X, "m": mask([1, 2, 3, 5, 5])}, {**MHA, "attn_mask": "m"}, ["attn_mask", "[1, 2, 3, 5, 5]"]),
    "mask of other heads": ({"x": X, "m": mask([2, 4, 5, 5])}, {**MHA, "attn_mask": "m"}, ["[2, 4, 5, 5]", "[2, 3, 5, 5]"]),
    "hint of a mask that is not causal": ({"x": X}, {**MHA, "is_causal": True, "attn_mask": [[False] * 5] * 5},
                                          ["is_causal", "attn_mask", "query 0 sees key 1"]),
    "hint of another alignment": ({"x": {"shape": [5, 12]}, "k": {"shape": [7, 12]}},
                                  {**MHA, "key": "k", "is_causal": True, "attn_mask": {"causal": "bottom_right"}},
                                  ["is_causal", "attn_mask", "query 0 sees key 1"]),
    "mask of wrong size": ({"x": X, "m": mask([4, 5])}, {**MHA, "attn_mask": "m"}, ["[4, 5]", "[5, 5]"]),
    "mask of integers": ({"x": X, "m": mask([5, 5], "i32")}, {**MHA, "attn_mask": "m"}, ["attn_mask", "bool"]),
    "padding of rank 1": ({"x": X, "m": mask([5])}, {**MHA, "key_padding_mask": "m"}, ["[5]", "[2, 5]"]),
    "padding of rank 2 unbatched": ({"x": {"shape": [5, 12]}, "m": mask([2, 5])}, {**MHA, "key_padding_mask": "m"}, ["[2, 5]"]),
    "hint without a mask": ({"x": X}, {**MHA, "is_causal": True}, ["is_causal", "attn_mask"]),
    "layer's hint without a mask": ({"x": X}, {**LAYER, "is_causal": True}, ["is_causal", "src_mask"]),
    "unknown activation": ({"x": X}, {**LAYER, "activation": "mish"}, ["mish", "relu"]),
    "unequal dtypes": ({**QKV, "k": mask([2, 6, 7, 8], "i32")}, SDPA, ["i32"]),
    "mask of integers for sdpa": ({**QKV, "m": mask([5, 7], "i32")}, {**SDPA, "attn_mask": "m"}, ["attn_mask"]),
    "mask does not broadcast": ({**QKV, "m": mask([4, 7])}, {**SDPA, "attn_mask": "m"}, ["[4, 7]"]),
    "causal and a mask": ({**QKV, "m": mask([5, 7])}, {**SDPA, "attn_mask": "m", "is_causal": True}, ["is_causal", "attn_mask"]),
    "certainly without keys": ({"x": {"shape": [5, 12]}, "k": {"shape": [3, 12]}},
                               {**MHA, "key": "k", "fully_masked": "error", "attn_mask": {"causal": "bottom_right"}},
                               ["fully_masked", "query 0 sees no key"]),
    "dropout_p": (QKV, {**SDPA, "dropout_p": 0.1}, ["dropout_p"]),
    "groups do not divide": ({**QKV, "k": {"shape": [2, 4, 7, 8]}}, {**SDPA, "enable_gqa": True}, ["6", "4"]),
    "heads without gqa": ({**QKV, "k": {"shape": [2, 3, 7, 8]}}, SDPA, ["3"]),
    "memory width": ({"x": X, "m": {"shape": [2, 7, 11]}}, DECODER, ["11"]),
    "batch sizes": ({"x": X, "m": {"shape": [3, 7, 12]}}, {"type": "Transformer", "name": "a", "d_model": 12, "nhead": 3,
                                                          "batch_first": True, "src": "m", "tgt": "x"}, ["3", "2"]),
}

NAN = "in PyTorch a NaN or an infinity in a blocked value poisons the row (0 * NaN); in attnc a blocked key has no influence"
HINT = "PyTorch drops the mask on its fast road and keeps it on the other; in attnc the mask given is what counts, always"

LABELS = [
    Label("M1", "embed_dim is a multiple of num_heads; odd, one and embed_dim heads are fine",
          "error heads do not divide, " + goldens("mha_heads_1", "mha_heads_all", "mha_batch_first")),
    Label("M2", "one packed in_proj_weight, or q, k and v apart once kdim or vdim differs",
          goldens("mha_batch_first", "mha_kdim", "mha_vdim", "mha_kdim_vdim")),
    Label("M3", "bias: in_proj_bias and out_proj.bias, or none", goldens("mha_batch_first", "mha_no_bias", "mha_kdim_vdim")),
    Label("M4", "add_bias_kv: bias_k and bias_v, whatever bias says", goldens("mha_bias_kv", "mha_bias_kv_no_bias")),
    Label("M5", "dropout acts in training alone", goldens("mha_dropout")),
    Label("M6", "device and dtype choose the parameters' type alone", differs="the file chooses: F32, F16, BF16 and F64 "
          "parameters load, and compute in f32; others are refused by name, with their place in the file",
          tests="check weights of half types, check weights of another type"),
    Label("M7", "unbatched, batched and batch_first shapes; any other rank is an error",
          goldens("mha_batch_first", "mha_seq_first", "mha_unbatched") + ", error rank of the query, error rank of the key"),
    Label("M8", "widths and lengths of query, key and value fit", goldens("mha_kdim_vdim") +
          ", error width of the query, error key and value lengths"),
    Label("M9", "L and S differ, either is 1, one sample; empty ones are defined",
          goldens("mha_cross_one_key", "mha_one_query", "mha_one_sample") + ", error empty sequence, check an empty batch",
          differs="shapes are static and at least 1: an empty sequence is a compile error, an empty batch one of run()"),
    Label("M10", "the same tensor as q, k and v, or copies of it: the same result", "check copies of the query"),
    Label("M11", "static_k and static_v of the functional form", "error static_k",
          differs="the module's form has none; keys and values from elsewhere are ScaledDotProductAttention's inputs"),
    Label("M12", "attn_mask (L, S) or (N*h, L, S), h-major within a sample; other ranks and sizes are errors",
          goldens("mha_mask_bool_2d", "mha_mask_float_3d", "mha_mask_bool_3d_batch_first", "mha_mask_bool_3d_seq_first",
                  "mha_mask_bool_3d_unbatched") + ", error mask of rank 5, error mask of other heads, error mask of wrong size",
          differs="(N, h, L, S) is legal too, for a batch that each call chooses"),
    Label("M13", "key_padding_mask (N, S), or (S) unbatched", goldens("mha_padding_batch_first", "mha_padding_seq_first",
          "mha_padding_unbatched") + ", error padding of rank 1, error padding of rank 2 unbatched"),
    Label("M14", "masks are bool or float", "error mask of integers"),
    Label("M15", "a float mask is added to the scaled scores, -inf blocks", goldens("mha_mask_float_2d", "mha_mask_float_blocks_a_row")),
    Label("M16", "a float key_padding_mask is added to every query's row", goldens("mha_padding_float", "mha_padding_float_unbatched")),
    Label("M17", "both masks are added, whatever their types", goldens("mha_both_masks_bool", "mha_both_masks_float",
          "mha_both_masks_mixed") + ", check a warning of two mask types"),
    Label("M18", "a mask per sample and one per head at once", goldens("mha_both_masks_per_head") + ", check a mask of each sample and head"),
    Label("M19", "NaN in a blocked key", "check poison in blocked keys", differs=NAN),
    Label("M20", "is_causal without attn_mask is an error", "error hint without a mask, error layer's hint without a mask"),
    Label("M21", "is_causal is a hint about the mask", goldens("mha_causal_mask"), differs=HINT),
    Label("M22", "a wrong hint", differs=HINT + "; a constant mask that is not causal is a compile error beside the hint",
          tests="check a wrong hint changes nothing, error hint of a mask that is not causal, error hint of another alignment"),
    Label("M23", "hint and appended keys", goldens("mha_zero_attn_causal"), differs=HINT),
    Label("M24", "the encoder and the decoder detect a causal mask", goldens("encoder_mask", "decoder") +
          ", check a causal mask is detected",
          differs="detected where the mask is a constant; a run-time mask applies as it is, with the same result"),
    Label("M25", "bias_k and bias_v, then a zero row; masks padded with 'allowed'",
          goldens("mha_bias_kv", "mha_zero_attn", "mha_bias_kv_zero_attn", "mha_bias_kv_padding")),
    Label("M26", "a row whose real keys are all blocked attends the appended one",
          goldens("mha_bias_kv_all_blocked", "mha_zero_attn_all_blocked")),
    Label("M27", "zero_attn is a one more in the denominator", goldens("mha_zero_attn")),
    Label("M28", "the scale is 1/sqrt(head_dim)", goldens("mha_batch_first", "mha_heads_all", "mha_heads_1")),
    Label("M29", "half types compute in f32", differs="weights of half types are f32 from loading on; inputs and outputs are "
          "f32; --precision rounds what products by weights multiply", tests="check weights of half types"),
    Label("M30", "weights averaged or per head, (N, L, S_total) or (N, h, L, S_total), whatever batch_first",
          goldens("mha_weights_averaged", "mha_weights_per_head", "mha_weights_seq_first", "mha_weights_unbatched", "mha_weights_bias_kv")),
    Label("M31", "heads side by side, then out_proj, in the inputs' layout", goldens("mha_batch_first", "mha_seq_first", "mha_unbatched")),
    Label("M32", "a fully blocked row: zeros or NaN", goldens("mha_all_blocked_zero", "mha_all_blocked_nan", "mha_mask_blocks_a_row"),
          differs="PyTorch's choice depends on its road; here fully_masked says it, default zero"),
    Label("M33", "the native fast path reads float masks as bool", goldens("mha_mask_float_2d", "encoder_layer_mask_padding"),
          differs="not copied: goldens are made with the fast path off"),
    Label("M34", "nested tensors", "check lengths equal padding", differs="ragged input is padded input with `lengths`"),
    Label("D1", "any leading dimensions, E and Ev may differ", goldens("sdpa", "sdpa_rank_2", "sdpa_rank_3", "sdpa_rank_5", "sdpa_value_width")),
    Label("D2", "q, k and v have one type", "error unequal dtypes"),
    Label("D3", "mask broadcast to (.., L, S); bool true takes part, float is added",
          goldens("sdpa_mask_bool", "sdpa_mask_float", "sdpa_mask_per_head") + ", error mask of integers for sdpa, error mask does not broadcast"),
    Label("D4", "is_causal is top-left; with a mask an error", goldens("sdpa_causal", "sdpa_causal_long_query") + ", error causal and a mask"),
    Label("D5", "scale: any number, 0 and negative ones too", goldens("sdpa_scale", "sdpa_scale_negative", "sdpa_scale_zero", "sdpa_odd_width")),
    Label("D6", "dropout_p acts always, so it has to be 0", "error dropout_p"),
    Label("D7", "enable_gqa: heads share keys and values in groups, k and v may differ",
          goldens("sdpa_gqa", "sdpa_gqa_two_groups") + ", error groups do not divide, error heads without gqa"),
    Label("D8", "a fully blocked row gives 0", goldens("sdpa_blocked_row")),
    Label("D9", "no weights; any strides, any head_dim", goldens("sdpa_odd_width"),
          differs="inputs are dense: the header says each one's layout"),
    Label("D10", "nested tensors", "check lengths equal padding", differs="as M34"),
    Label("T1", "TransformerEncoderLayer's arguments and names", goldens("encoder_layer_post", "encoder_layer_no_bias") + ", error unknown activation"),
    Label("T2", "gelu is exact; known callables by name", goldens("encoder_layer_pre_gelu") + ", error unknown activation"),
    Label("T3", "post-norm and pre-norm", goldens("encoder_layer_post", "encoder_layer_pre_gelu")),
    Label("T4", "LayerNorm's variance is biased; bias=False keeps its weight", goldens("encoder_layer_post", "encoder_layer_no_bias")),
    Label("T5", "src, src_mask and src_key_padding_mask in all layouts",
          goldens("encoder_layer_mask_padding", "encoder_layer_seq_first", "encoder_layer_unbatched")),
    Label("T6", "the fast path's conditions", goldens("encoder_layer_mask_padding"), differs="as M33"),
    Label("T7", "N layers of their own weights, an optional final norm", goldens("encoder_padding", "encoder_mask")),
    Label("T8", "padded positions of the nested-tensor path", goldens("encoder_padding", "transformer_padding") +
          ", check padded rows are zero",
          differs="zeros whatever the layers are, after the final norm too (PyTorch: the norm's bias, or any finite value); "
          "padded_rows can keep them"),
    Label("T9", "decoder layers post-norm and pre-norm; memory is not normalised", goldens("decoder_layer_post", "decoder_layer_pre")),
    Label("T10", "tgt, memory and both padding masks; memory has width d_model",
          goldens("decoder_layer_masks", "decoder_layer_seq_first") + ", error memory width"),
    Label("T11", "Decoder's final norm; Transformer's final norms and errors",
          goldens("decoder", "transformer", "transformer_padding") + ", error batch sizes"),
    Label("T12", "one token with a cache equals the last row of the whole", "check a token with a cache"),
    Label("S1", "scores: causal, top-left and bottom-right", goldens("score_causal", "score_causal_bottom_right")),
    Label("S2", "scores: sliding window", goldens("score_window")),
    Label("S3", "scores: ALiBi, soft-cap, expressions, and their composition",
          goldens("score_alibi", "score_alibi_odd_heads", "score_softcap", "score_expression", "score_composed")),
    Label("S4", "weights and log-sum-exp as outputs of the fused kernel", goldens("score_weights_lse", "additive_padding", "sdpa_weights_lse")),
    Label("S5", "normalizers instead of softmax: relu, sigmoid, identity; blocked keys weigh 0",
          goldens("normalizer_relu", "normalizer_sigmoid", "normalizer_identity", "additive_relu", "sdpa_relu")),
    Label("S6", "additive (Bahdanau) scores", goldens("additive", "additive_seq_first", "additive_unbatched", "additive_padding")),
    Label("S7", "scores: relative position bias by T5's buckets",
          goldens("score_relative_bias", "score_relative_bias_long", "score_relative_bias_causal", "score_relative_bias_zero_attn")),
    Label("S8", "sink: a learned logit of each head in the divisor, or off-by-one softmax", goldens("sink_learned", "sink_off_by_one")),
    Label("S9", "fully_masked error: a query without keys fails the run, or the model where it is certain",
          "check a query without keys fails the run, error certainly without keys"),
]
