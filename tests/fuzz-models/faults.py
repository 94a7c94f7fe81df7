# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Faults that the differential fuzz has to find: what is wrong on purpose with the object, and nothing else."""
import copy
import dataclasses
import typing

import numpy as np


@dataclasses.dataclass
class Fault:
    """What is wrong. `description` changes what the object is compiled of, or returns None where a model does not have it;
    `stage` names the results that `change` changes: those of an object, of the passes, of 2 threads, of the last row alone."""
    description: typing.Callable = None
    stage: str = ""
    change: typing.Callable = None


class NotThere(Exception):
    """A model that has nothing of the fault."""


def attentions(description):
    """The attentions of a description, encoders' layers included."""
    for module in description["model"]:
        yield module
        if "layer" in module:
            yield module["layer"]


def drop(*keys):
    """Leaves the first of these keys that an attention has out."""
    def change(description):
        for module in attentions(description):
            for key in keys:
                if module.pop(key, None):
                    return description
        return None
    return change


def swap(key, values):
    """Replaces the first value of a key by another one."""
    def change(description):
        for module in attentions(description):
            if module.get(key) in values:
                module[key] = values[module[key]]
                return description
        return None
    return change


def widen_window(description):
    for module in attentions(description):
        for step in module.get("score", []):
            if "window" in step:
                step["window"][0] += 1
                return description
    return None


def nudge(results):
    """One element of each result off by 0.001 % of the largest."""
    for value in results.values():
        peak = np.abs(value[np.isfinite(value)]).max(initial=0)
        value.reshape(-1)[value.size // 2] += 1e-5 * peak


def flip_last_bit(results):
    for value in results.values():
        value.reshape(-1).view(np.uint32)[0] ^= 1


FAULTS = {
    "mask": Fault(drop("attn_mask", "src_mask", "mask", "tgt_mask", "memory_mask")),
    "padding": Fault(drop("key_padding_mask", "src_key_padding_mask", "lengths")),
    "memory": Fault(drop("memory_key_padding_mask", "memory_lengths")),
    "score": Fault(drop("score", "tgt_score", "memory_score")),
    "sink": Fault(drop("sink")),
    "normalizer": Fault(swap("normalizer", {"relu": "identity", "sigmoid": "relu"})),
    "scale": Fault(drop("scale")),
    "rope": Fault(drop("rope")),
    "window": Fault(widen_window),
    "bias_kv": Fault(drop("add_bias_kv", "add_zero_attn")),
    "gelu": Fault(swap("activation", {"gelu": "gelu_tanh", "gelu_tanh": "gelu"})),
    "eps": Fault(swap("layer_norm_eps", {1e-5: 2e-5})),
    "norm_first": Fault(swap("norm_first", {True: False})),
    "fully_masked": Fault(swap("fully_masked", {"nan": "zero"})),
    "value": Fault(stage="object", change=nudge),
    "pass": Fault(stage="passes", change=nudge),
    "threads": Fault(stage="2 threads", change=flip_last_bit),
    "batch": Fault(stage="the last row alone", change=flip_last_bit)}


def faulty_description(fault, description):
    """What the object is compiled of."""
    if not fault or not fault.description:
        return description
    changed = fault.description(copy.deepcopy(description))
    if changed is None:
        raise NotThere
    return changed


def faulty_results(fault, stage, results):
    """The results of a stage: {output: array}."""
    if not fault or fault.stage != stage:
        return results
    results = {name: np.array(value) for name, value in results.items()}
    fault.change(results)
    return results
