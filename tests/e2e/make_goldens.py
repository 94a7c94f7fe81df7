#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes tests/e2e/goldens/: what PyTorch computes, for run_e2e.py to compare with. Needs torch, and transformers for MiniLM;
the tests themselves need neither.

NAME.json is the model description, NAME.safetensors holds side by side
  the weights, by PyTorch's parameter names (NAME.json names the file as its weights),
  input.X   each input, float32, int32 or bool,
  f32.Y     each output as PyTorch computes it in float32,
  f64.Y     the same from the same weights in float64: the reference,
  broken.Y  in float64, what a wrong kernel would give (the last feature dropped, or the mask ignored); the comparison must
            be fine enough to reject it,
  valid.Y   optional: which rows of Y count (the rest are padding).
The metadata record the torch version and the seed. PyTorch's fast path is off (SEMANTICS M32, M33).

    python tests/e2e/make_goldens.py [--only NAME] [--minilm MODEL_DIRECTORY]
"""
import argparse
import copy
import json
import pathlib
import zlib

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

import golden_attentions  # noqa: F401 (registers its cases)
import golden_encoders  # noqa: F401
from golden import CASES
from golden_modules import pooled

FOLDER = pathlib.Path(__file__).resolve().parent / "goldens"


def evaluate(golden, dtype, change=None):
    module = copy.deepcopy(golden.module).to(dtype).eval()
    inputs = {name: (value.to(dtype) if value.is_floating_point() else value).clone() for name, value in golden.inputs.items()}
    if change:
        change(module, inputs)
    with torch.no_grad():
        return golden.compute(module, inputs)


def write(name, tensors, seed):
    arrays = {key: np.ascontiguousarray(value.detach().numpy()) for key, value in tensors.items()}
    save_file(arrays, FOLDER / f"{name}.safetensors",
              # One entry: several would come in an order that changes from run to run.
              metadata={"made_by": f"tests/e2e/make_goldens.py, torch {torch.__version__}, seed {seed}"})


def make(name):
    seed = zlib.crc32(name.encode())
    torch.manual_seed(seed)
    golden = CASES[name](name)
    tensors = {key: value for key, value in golden.module.state_dict().items() if key != "unused"}
    tensors.update({f"input.{key}": value for key, value in golden.inputs.items()})
    for prefix, results in (("f32", evaluate(golden, torch.float32)), ("f64", evaluate(golden, torch.float64)),
                            ("broken", evaluate(golden, torch.float64, golden.broken))):
        tensors.update({f"{prefix}.{key}": value for key, value in results.items()})
    tensors.update({f"valid.{key}": value for key, value in golden.valid.items()})
    write(name, tensors, seed)
    (FOLDER / f"{name}.json").write_text(json.dumps(golden.description, indent=2) + "\n")


def make_minilm(model):
    """Eight of the demo's sentences through transformers' BertModel, mean over the valid tokens, length 1."""
    from tokenizers import Tokenizer
    from transformers import BertModel

    seq = 64
    sentences = (FOLDER.parents[2] / "examples/semantic-search/sentences.txt").read_text().splitlines()
    chosen = [sentences[index] for index in (0, 25, 63, 107, 186, 222, 262)] + [" ".join(sentences[40:45])]
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_padding(length=seq)
    tokenizer.enable_truncation(seq)
    encoded = tokenizer.encode_batch(chosen)
    ids = torch.tensor([one.ids for one in encoded], dtype=torch.int32)
    mask = torch.tensor([one.attention_mask for one in encoded], dtype=torch.int32)

    def embed(dtype, keep):
        bert = BertModel.from_pretrained(str(model), attn_implementation="eager", dtype=torch.float32).to(dtype).eval()
        with torch.no_grad():
            hidden = bert(input_ids=ids.long(), attention_mask=keep.long()).last_hidden_state
            return nn.functional.normalize(pooled(hidden, keep == 0, "mean"), dim=-1)

    write("minilm", {"input.input_ids": ids, "input.attention_mask": mask,
                     "f32.sentence_embedding": embed(torch.float32, mask),
                     "f64.sentence_embedding": embed(torch.float64, mask),
                     "broken.sentence_embedding": embed(torch.float64, torch.ones_like(mask))}, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="just this one")
    parser.add_argument("--minilm", type=pathlib.Path, help="the model's directory, to make its golden too")
    args = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    torch.backends.mha.set_fastpath_enabled(False)
    torch.set_num_threads(1)
    for name in args.only or CASES:
        make(name)
    if args.minilm:
        make_minilm(args.minilm)
    print(f"{sum(path.stat().st_size for path in FOLDER.iterdir())} bytes in {FOLDER.name}/, torch {torch.__version__}")


if __name__ == "__main__":
    main()
