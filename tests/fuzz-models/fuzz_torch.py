#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The random models of the differential fuzz beside PyTorch: the same description and weights as PyTorch's modules.

PyTorch in f64 is the truth, and the object has to be as close to it as the numeric policy of docs/TESTING.md asks: what
rounding alone does is the reference interpreter's f32 result (PyTorch's own adds in blocks, whose errors are smaller).
nn.MultiheadAttention's fast path is off: it takes masks for something else. By hand, with a Python that has torch, numpy and
safetensors; no part of `make test`.

    python tests/fuzz-models/fuzz_torch.py --bin build/bin [--count N] [--seed S] [--jobs N] [--plan JSON]
"""
import sys

import torch

import fuzz_models
import torch_models

torch.backends.mha.set_fastpath_enabled(False)
torch.set_num_threads(1)


class TorchCheck(fuzz_models.Check):
    """One plan, compared with PyTorch."""

    def __init__(self, fuzz, plan, folder):
        # A NaN at a blocked key reaches the row in PyTorch, and does not in attnc (docs/CONFORMANCE.md, M19). PyTorch's
        # modules have no cache.
        blocks = [{**block, "fully_masked": "zero"} for block in plan["blocks"] if block["kind"] != "cached"]
        super().__init__(fuzz, {**plan, "blocks": blocks}, folder)

    def expected(self):
        truth = torch_models.Model(self.description, self.weights, self.inputs, torch.float64).run()
        return truth, ["--reference-precision=f32"]


if __name__ == "__main__":
    sys.exit(fuzz_models.main(TorchCheck))
