#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes memory.safetensors: an nn.MultiheadAttention, set by hand, that recalls facts.

A fact is a vector of 8: a one-hot fruit and a one-hot colour. A question has the fruit only. Queries and keys look at the
fruit, the values carry the colour, so the answer to a question is the colour of the fact about the same fruit.
"""
import pathlib

import numpy as np
from safetensors.numpy import save_file

fruit, colour = np.diag([1.0] * 4 + [0.0] * 4), np.diag([0.0] * 4 + [1.0] * 4)
weights = {
    "recall.in_proj_weight": np.concatenate([40 * fruit, fruit, colour]),  # 40: far more than any other fruit gets
    "recall.out_proj.weight": np.eye(8),
}
save_file({name: value.astype(np.float32) for name, value in weights.items()},
          pathlib.Path(__file__).with_name("memory.safetensors"))
