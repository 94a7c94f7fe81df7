# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that each constraint's label (softmax_c1) stands in the .td files, in docs/OPS.md, in a verifier and in a test,
and that each op has a heading in docs/OPS.md and a test of its values.

    check_labels.py ROOT
"""
import glob
import os
import re
import sys

LABEL = re.compile(r"\b[a-z][a-z0-9_]*_c[0-9]+\b")
# Ops without values of their own: declarations, and the ends and inside of regions.
WITHOUT_VALUES = {"parameter", "element", "score", "yield"}


def read(root, *patterns):
    files = [name for pattern in patterns for name in sorted(glob.glob(os.path.join(root, pattern)))]
    return "\n".join(open(name, encoding="utf-8").read() for name in files)


def labels_in_comments(text, comment):
    comments = [line.split(comment, 1)[1] for line in text.splitlines() if comment in line]
    return {label for text in comments for label in LABEL.findall(text)}


def find_problems(root):
    definition = read(root, "ir/*.td")
    specification = read(root, "docs/OPS.md")
    places = {
        "ir/*.td": set(LABEL.findall(definition)),
        "docs/OPS.md": set(LABEL.findall(specification)),
        "a verifier in ir/*.cpp": labels_in_comments(read(root, "ir/*.cpp"), "//"),
        "a test in tests/ir": labels_in_comments(read(root, "tests/ir/*.mlir"), "//"),
    }
    # These are type constraints: their verifiers are the predicates in the .td.
    places["a verifier in ir/*.cpp"].update({"tensor_c1", "packed_rows_c1"})
    for label in sorted(set.union(*places.values())):
        for place, labels in places.items():
            if label not in labels:
                yield f"{label} is not in {place}"

    semantics = read(root, "tests/semantics/*.mlir")
    for op in re.findall(r'def Attn_\w+Op\s*:\s*Attn_\w+<"(\w+)"', definition):
        if not re.search(rf"^#+ .*`attn\.{op}`", specification, re.MULTILINE):
            yield f"attn.{op} has no heading in docs/OPS.md"
        if op not in WITHOUT_VALUES and not re.search(rf"attn\.{op}\b", semantics):
            yield f"attn.{op} has no test in tests/semantics"


def main():
    problems = list(find_problems(sys.argv[1]))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
