# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a golden is: a model both as a PyTorch module and as an attnc description, with inputs. Each case of golden_*.py is one."""
import torch

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
