# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""lit: every *.mlir and *.test file below tests/ runs its own RUN lines."""
import os
import shutil

import lit.formats

config.name = "attnc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = config.attnc_tests
config.test_exec_root = os.path.join(config.attnc_build, "lit")

config.environment["PATH"] = os.pathsep.join([config.attnc_tools, config.llvm_tools, os.environ.get("PATH", "")])
for name in ("HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

config.substitutions.append(("%python", config.python))
config.substitutions.append(("%examples", os.path.join(config.attnc_tests, "..", "examples")))
config.substitutions.append(("%root", os.path.dirname(config.attnc_tests)))

# Features for REQUIRES: and UNSUPPORTED: lines.
if config.sanitize:
    config.available_features.add("sanitizers")
if shutil.which("aarch64-linux-gnu-gcc") and shutil.which("qemu-aarch64"):
    config.available_features.add("aarch64-emulator")
with open("/proc/cpuinfo") as info:
    flags = info.read()
for feature in ("avx2", "avx512f"):
    if feature in flags:
        config.available_features.add(feature)
