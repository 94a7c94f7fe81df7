#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes tests/conformance/goldens/ as tests/e2e/make_goldens.py makes its own; needs torch, the tests do not.

    python tests/conformance/make_goldens.py [--only NAME]
"""
import importlib.util
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))
from conformance_models import CASES  # noqa: E402

if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("e2e_goldens", FOLDER.parent / "e2e" / "make_goldens.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    maker.FOLDER, maker.CASES = FOLDER / "goldens", CASES
    maker.main()
