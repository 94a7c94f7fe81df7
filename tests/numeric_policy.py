# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The part of the numeric policy (docs/TESTING.md) that the Python suites share."""
import math

import numpy as np


def mean_factor(expected):
    """By how much the mean of the errors of values may exceed the mean of the f32 reference's; `expected`: the values.

    1.5 from 256 values on. Fewer are a sample: were both errors of one normal distribution, the logarithm of the quotient
    of their means would have the standard deviation sqrt(2 (pi/2 - 1) / count), of which six are allowed. Of very few
    values the largest error decides. Values that are equal in f32 count once: they are rounded alike.
    """
    return max(1.5, math.exp(6 * math.sqrt((math.pi - 2) / np.unique(expected.astype(np.float32)).size)))
