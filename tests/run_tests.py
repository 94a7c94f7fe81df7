#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs all tests of a build folder and counts them truly.

ctest runs the suites. A suite that knows its own cases (a GoogleTest executable, lit, the end-to-end runners) writes a
JUnit file BUILD/results/NAME.xml, and its cases are counted; any other ctest test counts as one. A suite that fails
without saying which case failed (it crashed, say) counts as one failure more. The last line is
"N passed, N failed, N skipped", skips are listed with their reasons, and the exit code is 0 only if tests ran and none failed.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml


class Count:
    """What became of the cases; `failed` and `skipped` hold (name, reason)."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def add(self, name, case):
        """Counts one <testcase> as GoogleTest, lit and ctest write them."""
        skip = case.find("skipped")
        fail = case.find("failure") if case.find("failure") is not None else case.find("error")
        if fail is not None:
            self.failed.append((name, first_line(fail.get("message") or fail.text)))
        elif skip is not None or case.get("status") in ("notrun", "disabled") or case.get("result") == "suppressed":
            reason = first_line(skip.get("message") or skip.text) if skip is not None else ""
            self.skipped.append((name, reason or skip_reason(case)))
        else:
            self.passed += 1


def first_line(text):
    """Of what a suite says; GoogleTest's first line is a mere place, "FILE:LINE", and the next one comes along."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return ": ".join(lines[:2 if lines and re.fullmatch(r"\S+:\d+", lines[0]) else 1])


def skip_reason(case):
    """A ctest test says why it is skipped on a line of its output that begins with "skip"."""
    for line in (case.findtext("system-out") or "").splitlines():
        if line.strip().lower().startswith("skip"):
            return line.strip()
    return "disabled"


def cases_of(path):
    try:
        root = xml.parse(path).getroot()
    except (OSError, xml.ParseError):
        return None
    return list(root.iter("testcase"))


def count_results(build):
    count = Count()
    results = build / "results"
    for test in cases_of(results / "ctest.junit") or []:
        name = test.get("name")
        cases = cases_of(results / f"{name}.xml")
        if not cases:
            count.add(name, test)
            continue
        before = len(count.failed)
        for case in cases:
            count.add(f"{name}: {case.get('classname') or ''}.{case.get('name')}", case)
        if test.find("failure") is not None and len(count.failed) == before:
            count.failed.append((name, "the suite failed outside its cases: " + first_line(test.find("failure").get("message"))))
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("-j", default="2", help="suites at a time")
    parser.add_argument("-R", default="", help="only the suites whose name matches")
    args = parser.parse_args()
    build = args.build.resolve()
    results = build / "results"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir()
    ctest = pathlib.Path(sys.executable).with_name("ctest")
    command = [str(ctest) if ctest.exists() else "ctest", "--test-dir", str(build), "-j", args.j, "--output-on-failure",
               "--no-tests=error", "--output-junit", str(results / "ctest.junit")]
    code = subprocess.run(command + (["-R", args.R] if args.R else []), stdin=subprocess.DEVNULL).returncode

    count = count_results(build)
    print()
    for name, reason in count.skipped:
        print(f"skipped {name}: {reason}")
    for name, reason in count.failed:
        print(f"FAILED {name}: {reason}")
    print(f"{count.passed} passed, {len(count.failed)} failed, {len(count.skipped)} skipped", flush=True)
    return 1 if code or count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main())
