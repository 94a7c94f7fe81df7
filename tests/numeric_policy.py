# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The part of the numeric policy (docs/TESTING.md) that the Python suites share."""
import math


def mean_factor(count):
    """By how much the mean of so many errors may exceed the mean of the f32 reference's.

    1.5 from 256 values on. Fewer are a sample: were both errors of one normal distribution, the logarithm of the quotient
    of their means would have the standard deviation sqrt(2 (pi/2 - 1) / count), of which six are allowed. Of very few
    values the largest error decides.
    """
    return max(1.5, math.exp(6 * math.sqrt((math.pi - 2) / count)))
