# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a failing plan smaller while it fails in the same way."""
import copy
import re
import time

from plans import SIMPLEST


def smaller_plans(plan):
    """Plans that are one step simpler, the largest steps first."""
    for index in range(len(plan["blocks"])):
        yield {**plan, "blocks": plan["blocks"][:index] + plan["blocks"][index + 1:]}
    for key, simplest in (("tail", "none"), ("front", "float"), ("runtime_batch", False), ("layout", "batch_first"), ("weights", "file")):
        if plan[key] != simplest:
            yield {**plan, key: simplest}
    for index, block in enumerate(plan["blocks"]):
        for key, value in block.items():
            for simpler in simpler_values(key, value):
                changed = copy.deepcopy(plan)
                changed["blocks"][index][key] = simpler
                yield changed
    for key in ("batch", "seq", "memory", "width"):
        for number in smaller_numbers(plan[key]):
            yield {**plan, key: number}


def smaller_numbers(number):
    return sorted({n for n in (1, 2, number // 2, number - 8, number - 1) if 1 <= n < number})


def simpler_values(key, value):
    if isinstance(value, list):
        return [value[:i] + value[i + 1:] for i in range(len(value))]
    if isinstance(value, int) and not isinstance(value, bool):
        return smaller_numbers(value)
    return [SIMPLEST[key]] if key in SIMPLEST and value != SIMPLEST[key] else []


def kind_of(failure):
    """A failure without its paths and numbers: while shrinking, the same thing has to fail."""
    return re.sub(r"[\d.]+(e[-+]?\d+)?|m\d+", "#", re.sub(r"/\S+", "PATH", failure))[:160]


def shrink(plan, failure, failure_of, seconds=60):
    """The simplest plan found that fails like this one, and its failure; failure_of(plan) is None where the plan holds."""
    end, progress = time.monotonic() + seconds, True
    while progress and time.monotonic() < end:
        progress = False
        for candidate in smaller_plans(plan):
            if time.monotonic() > end:
                break
            found = failure_of(candidate)
            if found and kind_of(found) == kind_of(failure):
                plan, failure, progress = candidate, found, True
                break
    return plan, failure
