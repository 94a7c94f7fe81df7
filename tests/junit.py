# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A suite of cases that is written as a JUnit file, for tests/run_tests.py to count, and what its cases share."""
import argparse
import pathlib
import platform
import re
import subprocess
import traceback
import xml.etree.ElementTree as xml


class Skip(Exception):
    """Raised by a case that cannot run here; its text is the reason."""


def command(*words, cwd=None):
    """Runs a program; what it says on failure becomes the case's failure. Returns its standard output."""
    words = [str(word) for word in words]
    done = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def suite_parser(doc, tools):
    """The arguments that suites of the tools share; the description is the first line of `doc`."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, required=True, help=f"the folder of {tools}")
    parser.add_argument("--results", help="JUnit file to write")
    return parser


def cpu_levels():
    """The CPU levels to compile for: each that this machine can run."""
    if platform.machine() != "x86_64":
        return ["host"]
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    wide = all(re.search(rf"\b{flag}\b", flags) for flag in ("avx512f", "avx512bw", "avx512vl", "avx512dq"))
    return ["x86-64-v3"] + (["x86-64-v4"] if wide else [])


class Suite:
    def __init__(self, name):
        self.root = xml.Element("testsuite", name=name)
        self.failed = 0

    def run(self, name, function, *args):
        """Runs one case: it passes unless it raises. Returns what it returned."""
        case = xml.SubElement(self.root, "testcase", classname=self.root.get("name"), name=name)
        try:
            return function(*args)
        except Skip as reason:
            xml.SubElement(case, "skipped", message=str(reason))
            print(f"skipped {name}: {reason}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            self.failed += 1
            text = str(error) if isinstance(error, (AssertionError, RuntimeError)) else traceback.format_exc()
            xml.SubElement(case, "failure", message=text)
            print(f"FAILED {name}: {text}", flush=True)
        return None

    def write(self, path):
        """Writes the file, if one is asked for; returns the exit code."""
        if path:
            xml.ElementTree(self.root).write(path)
        return 1 if self.failed else 0
