#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the pages of examples/pages/ literally: what a page shows is what it does.

In a page a block ```LANGUAGE FILE is a file; a block ```sh is run by sh in the folder of the page's files; a block ```text
after it is everything that the commands print. attnc, attnc-run and a python with numpy and safetensors come first in PATH.

    python tests/examples/run_pages.py --bin build/bin [--only NAME]
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
PAGES = FOLDER.parents[1] / "examples" / "pages"
sys.path.insert(0, str(FOLDER.parent))
from junit import Suite, suite_parser  # noqa: E402

BLOCK = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(page):
    """[(language, file or "", text)] in the order of the page."""
    text = page.read_text()
    assert text.count("```") == 2 * len(BLOCK.findall(text)), f"{page.name}: a block does not begin or end at its own line"
    return BLOCK.findall(text)


def run_page(page, tools):
    blocks = blocks_of(page)
    path = os.pathsep.join([str(tools), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    compared = 0
    with tempfile.TemporaryDirectory() as folder:
        for index, (language, name, text) in enumerate(blocks):
            if name:
                (pathlib.Path(folder) / name).write_text(text)
            elif language == "sh":
                done = subprocess.run(["sh", "-eu", "-c", text], cwd=folder, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, timeout=300)
                assert done.returncode == 0, f"exit code {done.returncode} of\n{text}\n{done.stdout}{done.stderr}"
                shown = blocks[index + 1][2] if blocks[index + 1:] and blocks[index + 1][0] == "text" else ""
                assert done.stdout == shown, f"the page shows\n{shown}\nbut\n{text}\nprints\n{done.stdout}"
                compared += bool(shown)
    assert compared, "the page shows nothing that its commands print"


def check_that_it_can_fail(tools):
    """A page that shows something else fails, and so does one whose command fails."""
    wrong = {"other": "```sh\necho 1\n```\n```text\n2\n```\n", "nothing": "```sh\necho 1 >/dev/null\n```\n",
             "failing": "```sh\nfalse\n```\n```text\n```\n"}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in wrong.items():
            page = pathlib.Path(folder) / f"{name}.md"
            page.write_text(text)
            try:
                run_page(page, tools)
            except AssertionError:
                continue
            raise AssertionError(f"the page {text!r} passes")


def check_index(pages):
    """README.md names every page."""
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (PAGES / "README.md").read_text()))
    assert listed == {page.name for page in pages}, f"examples/pages/README.md lists {sorted(listed)}"


def main():
    parser = suite_parser(__doc__, "attnc and attnc-run")
    parser.add_argument("--only", default="", help="only pages whose name holds this")
    args = parser.parse_args()
    suite, tools = Suite("examples"), args.bin.resolve()
    pages = [page for page in sorted(PAGES.glob("*.md")) if page.name != "README.md"]
    for page in pages:
        if args.only in page.stem:
            suite.run(page.stem, run_page, page, tools)
    suite.run("a wrong page fails", check_that_it_can_fail, tools)
    suite.run("the index", check_index, pages)
    print(f"{len(pages)} pages, {suite.failed} fail")
    return suite.write(args.results)


if __name__ == "__main__":
    sys.exit(main())
