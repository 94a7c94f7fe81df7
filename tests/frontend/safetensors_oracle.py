# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the reference implementation (the Python package safetensors) says about each file of a directory.

Prints one line a file, ordered by name: the file's name, a space, and either `reject` or `accept` followed by the
tensors ordered by name, each as ` <hex of the UTF-8 name>:<dtype>:<extents joined by x>`.
Exit code 77: the package is not installed.
"""

import os
import sys

try:
    from safetensors import SafetensorError, safe_open
except ImportError:
    sys.exit(77)


def verdict(path):
    try:
        with safe_open(path, framework="np") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}
            return "accept" + "".join(
                f" {name.encode().hex()}:{slices[name].get_dtype()}:{'x'.join(map(str, slices[name].get_shape()))}"
                for name in sorted(slices, key=str.encode)
            )
    except (SafetensorError, OSError, ValueError, OverflowError):
        return "reject"


for name in sorted(os.listdir(sys.argv[1])):
    print(name, verdict(os.path.join(sys.argv[1], name)))
