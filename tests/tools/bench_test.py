#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""attnc-bench: its command line, what a small run reports, and the files that it writes. No case looks at how long something took."""
import html.parser
import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))
from junit import Skip, Suite, suite_parser  # noqa: E402

SEQ, WIDTH, HEADS, HIDDEN = 24, 32, 2, 64


def encoder(causal=False):
    layer = {"d_model": WIDTH, "nhead": HEADS, "dim_feedforward": HIDDEN, "batch_first": True}
    if causal:
        layer["score"] = [{"causal": "top_left"}]
    return {"name": "tiny", "inputs": {"x": {"shape": [1, SEQ, WIDTH]}},
            "model": [{"type": "TransformerEncoder", "name": "encoder", "num_layers": 2, "layer": layer}]}


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder

    def start(self, *words, **options):
        return subprocess.run([self.args.bin / "attnc-bench", *map(str, words)], **{
            "cwd": self.folder, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 300, **options})

    def run(self, *words, code=0, **options):
        done = self.start(*words, **options)
        assert done.returncode == code, f"exit code {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
        return done

    def refuses(self, message, *words, code=2):
        done = self.start(*words)
        assert done.stderr == f"attnc-bench: error: {message}\n", f"it said\n{done.stderr}instead of\n{message}"
        assert (done.returncode, done.stdout) == (code, ""), f"exit code {done.returncode}; {done.stdout}"

    def model(self, name, description):
        (self.folder / name).write_text(json.dumps(description))
        return name

    def measure(self, *words, **options):
        self.run(*words, "--json", "r.json", "--repetitions", 2, **options)
        return json.loads((self.folder / "r.json").read_text())


class Page(html.parser.HTMLParser):
    """Checks that tags nest, and keeps the text and what is referred to."""
    EMPTY = {"meta", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.links = [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> inside {self.open}"
        self.open.pop()

    def handle_data(self, data):
        self.text += data


def check_help(bench):
    lines = bench.run("--help").stdout.splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 105, (len(lines), max(lines, key=len))
    assert any(line.startswith("  attnc-bench ") for line in lines), "no example"


def check_list(bench):
    lines = bench.run("--list").stdout.splitlines()
    names = [line.split()[0] for line in lines]
    assert names == ["W1", "W2", "W2b", "W3a", "W3b", "W3c", "W4a", "W4b", "W4c", "W5", "W6", "W7", "W8", "W9", "W9c", "W9d", "W9e",
                     "W10"], names
    assert re.search(r"^W8 +0\.266 GFLOP  target 1\.18 x floor  GPT-2 .* 1 token a step$", "\n".join(lines), re.M), lines
    assert re.search(r"^W4a +22\.35 GFLOP  target 1\.08 x floor  BERT-base", "\n".join(lines), re.M)


def check_wrong_command_lines(bench):
    bench.model("m.json", encoder())
    for message, *words in (
            ("nothing to measure; name workloads (--list shows them) or give a model; see --help",),
            ('there is neither a workload nor a file "W44"; did you mean W4a?', "W44"),
            ('there is neither a workload nor a file "absent.json"; --list shows the workloads', "absent.json"),
            ("unknown option '--peer'; did you mean '--peers'?", "--peer"),
            ("--threads takes different numbers from 1 to 1024 with commas between them, not '1,x'", "--threads", "1,x", "W1"),
            ("--threads takes different numbers from 1 to 1024 with commas between them, not '2,2'", "--threads", "2,2", "W1"),
            ("--threads takes different numbers from 1 to 1024 with commas between them, not ''", "--threads", "", "W1"),
            ("--repetitions takes a number from 1 to 10000000, not '0'", "--repetitions", "0", "W1"),
            ("--seconds takes a number from 1 to 3600, not 'long'", "--seconds", "long", "W1"),
            ("--repetitions and --seconds exclude each other", "--repetitions", 2, "--seconds", 2, "W1"),
            ("--precision takes f32, bf16 or int8, not 'int4'", "--precision", "int4", "W1"),
            ("--peers compute in f32, so they do not go with --precision int8", "--precision", "int8", "--peers", "W1"),
            ("--from measures nothing, so it takes no workload", "--from", "r.json", "W1")):
        if "did you mean W4a" in message:
            done = bench.start(*words)
            assert done.returncode == 2 and 'a file "W44"; did you mean W4' in done.stderr, done.stderr
        else:
            bench.refuses(message, *words)
    bench.refuses("absent.json: cannot be opened", "--from", "absent.json", "--markdown", "-", code=1)
    bench.refuses("m.json is not what --json writes", "--from", "m.json", "--markdown", "-", code=1)


def check_model(bench):
    """Every figure that a report needs is there, and work is what the model's shape says."""
    for causal in (False, True):
        results = bench.measure(bench.model("tiny.json", encoder(causal)), "--threads", "1,2")
        assert set(results["machine"]) == {"cpu", "extensions", "logical_cpus", "caches", "memory_bytes", "date", "load"}
        assert [limits["threads"] for limits in results["limits"]] == [1, 2]
        assert all(limits["peak_gflops"] > 0 and limits["bandwidth_gbs"] > 0 for limits in results["limits"])
        workload, = results["workloads"]
        assert workload["status"] == "measured", workload
        assert workload["cold_start"] == {"status": "skipped", "reason": "the description names no weights to embed"}
        pairs = SEQ * (SEQ + 1) / 2 if causal else SEQ * SEQ
        flops = 2 * (2 * SEQ * (4 * WIDTH**2 + 2 * WIDTH * HIDDEN) + 4 * pairs * WIDTH)
        assert abs(workload["gflop"] * 1e9 - flops) < 1, (workload["gflop"], flops, causal)
        weights = 2 * (4 * WIDTH**2 + 4 * WIDTH + 2 * WIDTH * HIDDEN + HIDDEN + WIDTH + 4 * WIDTH)
        assert abs(workload["megabytes"] * 1e6 - 4 * (weights + 2 * SEQ * WIDTH)) < 1, workload["megabytes"]
        assert workload["size"]["code_bytes"] > 1000 and workload["size"]["weight_bytes"] >= 4 * weights
        for run in workload["runs"]:
            assert run["repetitions"] == 2 and run["p10_ms"] <= run["median_ms"] <= run["p90_ms"]
            assert abs(run["x_floor"] * run["floor_ms"] / run["median_ms"] - 1) < 1e-6 and "target_met" not in run
            # What the peak's loop holds beside the model is at most the peak, so the model stands no worse beside it.
            assert 0 < run["held_gflops"] <= run["peak_gflops"] and run["x_held_floor"] <= run["x_floor"]
            assert all(kernel["of_held"] >= kernel["of_peak"] for kernel in run["kernels"])
            kernels = run["kernels"]
            assert sum(kernel["calls"] for kernel in kernels) >= 2 * 5, kernels
            assert abs(sum(kernel["share"] for kernel in kernels) - 1) < 1e-6
            assert abs(sum(kernel["gflop"] for kernel in kernels) * 1e9 - flops) < 1
            assert {kernel["bound"] for kernel in kernels} <= {"compute", "memory", "fork-join"}
            assert any(kernel["first"] == "encoder.layers.0.linear1" for kernel in kernels), kernels


def check_workloads(bench):
    """Named workloads, one of them with a cache, and reports made of what was measured."""
    results = bench.measure("W2", "W9e", "W8", "--threads", "1", "--html", "r.html", "--markdown", "r.md")
    w2, attention, decode = results["workloads"]
    for workload in (w2, attention, decode):
        assert workload["status"] == "measured" and abs(workload["gflop"] / workload["compiled_gflop"] - 1) < 1e-6, workload
        assert workload["runs"][0]["target_met"] in (True, False) and workload["target_x_floor"] > 1
    # Weights, and keys and values of 513 tokens.
    weights = 12 * (12 * 768**2 + 13 * 768) + 2 * 768 + 50257 * 768
    moved = 4 * (weights + 12 * 2 * 513 * 768 + 768 + 50257 + 1)
    assert abs(decode["megabytes"] * 1e6 - moved) < 1, (decode["megabytes"], moved)
    run, = decode["runs"]
    assert run["bound"] == "memory" and any(kernel["ops"].endswith("append") for kernel in run["kernels"])
    assert attention["runs"][0]["bound"] == "compute" and "held_bandwidth_gbs" not in attention["runs"][0], attention["runs"][0]
    # What memory bounds stands beside the bandwidth that was held between its runs.
    assert 0 < run["held_bandwidth_gbs"] <= run["bandwidth_gbs"], run
    held_floor = decode["megabytes"] / run["held_bandwidth_gbs"]
    assert abs(run["x_held_floor"] * held_floor / run["median_ms"] - 1) < 1e-6, (held_floor, run)
    page = (bench.folder / "r.html").read_text()
    parsed = Page(page)
    assert not parsed.open and not parsed.links and "http" not in page, (parsed.open, parsed.links)
    for text in ("W2", "W9e", "FMA peak", "matmul_0", results["machine"]["cpu"], "append"):
        assert text in parsed.text, text
    assert page.count("<svg") > 2 and "class='roof'" in page and "class='bar" in page
    markdown = (bench.folder / "r.md").read_text()
    for line in markdown.splitlines():
        if line.startswith("| W2 | Multihead"):
            assert line.count("|") == 14, line
    assert results["machine"]["date"] in markdown and "| W8 |" in markdown
    share = f"| {100 * run['held_bandwidth_gbs'] / run['bandwidth_gbs']:.0f} % |"
    assert any(line.startswith("| W8 | GPT-2") and share in line for line in markdown.splitlines()), (share, markdown)
    before = [(bench.folder / name).read_bytes() for name in ("r.html", "r.md")]
    bench.run("--from", "r.json", "--html", "again.html", "--markdown", "again.md")
    assert [(bench.folder / name).read_bytes() for name in ("again.html", "again.md")] == before
    assert bench.run("--from", "r.json", "--markdown", "-").stdout == markdown
    # Results from before anything was measured between the runs.
    for workload in (w2, attention):
        for run in workload["runs"]:
            del run["held_gflops"], run["x_held_floor"]
            for kernel in run["kernels"]:
                del kernel["of_held"]
    (bench.folder / "old.json").write_text(json.dumps(results))
    old = bench.run("--from", "old.json", "--html", "old.html", "--markdown", "-").stdout
    assert next(line for line in old.splitlines() if line.startswith("| W2 | Multihead")).count("| - ") == 2, old


def check_precision(bench):
    """The peak is that of the precision, and so is what the weights take."""
    found = {}
    for precision in ("f32", "bf16", "int8"):
        results = bench.measure("W3a", "--threads", "1", "--no-cold-start", "--precision", precision, "--html", "r.html", "--markdown",
                                "r.md")
        workload, = results["workloads"]
        assert results["precision"] == precision and workload["status"] == "measured", workload
        name = "FMA" if precision == "f32" else precision
        assert f"{name} peak" in Page((bench.folder / "r.html").read_text()).text
        assert f"| threads | {name} peak, GFLOP/s |" in (bench.folder / "r.md").read_text()
        ops = " + ".join(kernel["ops"] for kernel in workload["runs"][0]["kernels"])
        assert (f"matmul({precision})" in ops) == (precision != "f32"), ops
        found[precision] = workload["size"]["weight_bytes"], workload["megabytes"]
    for index in (0, 1):
        f32, bf16, int8 = (found[precision][index] for precision in ("f32", "bf16", "int8"))
        assert 0.49 < bf16 / f32 < 0.52 and 0.24 < int8 / f32 < 0.28, found


def check_cold_start(bench):
    if bench.args.sanitize:
        raise Skip("attnc links no sanitizer into a shared library")
    cold = bench.measure("W2", "--threads", "1")["workloads"][0]["cold_start"]
    assert cold["status"] == "measured" and cold["first_result_ms"] > 0 and cold["peak_bytes"] > 100_000, cold
    external = cold["external"]
    assert external["first_result_ms"] > 0 and 100_000 < external["peak_bytes"] < 1.5 * cold["peak_bytes"], cold
    assert "cold_start" not in bench.measure("W2", "--threads", "1", "--no-cold-start")["workloads"][0]


def check_model_that_cannot_be_compiled(bench):
    bench.model("bad.json", {"inputs": {"x": {"shape": [4, 8]}}, "model": [{"type": "Linaer"}]})
    results = json.loads(bench.run("bad.json", "--threads", "1", "--json", "r.json", code=1).stdout and
                         (bench.folder / "r.json").read_text())
    workload, = results["workloads"]
    assert workload["status"] == "failed" and "Linaer" in workload["reason"], workload
    done = bench.run(bench.model("dims.json", {**encoder(), "dims": {"seq": 8}, "inputs": {"x": {"shape": [1, "seq", WIDTH]}}}),
                     "--dim", "sq=4", "--threads", "1", code=1)
    assert 'no dimension "sq"' in done.stdout, done.stdout


def check_peers_that_are_missing(bench):
    """Without an interpreter, and with one that lacks the packages: skips that say what to do, never a failure."""
    run = bench.measure("W2", "--threads", "1", "--no-cold-start", "--peers-python", bench.folder / "absent")["workloads"][0]["runs"][0]
    assert [peer["name"] for peer in run["peers"]] == ["torch", "inductor", "onnxruntime", "openvino"]
    assert all(peer["status"] == "skipped" and "make peers" in peer["reason"] for peer in run["peers"]), run["peers"]
    bare = bench.folder / "python"
    bare.write_text(f"#!/bin/sh\nexec {sys.executable} -I -S \"$@\"\n")
    bare.chmod(bare.stat().st_mode | stat.S_IXUSR)
    run = bench.measure("W2", "--threads", "1", "--no-cold-start", "--peers-python", bare)["workloads"][0]["runs"][0]
    assert all(peer["status"] == "skipped" and "make peers" in peer["reason"] for peer in run["peers"]), run["peers"]


def check_peers(bench):
    """A stand-in for a peer: what it answers decides whether its time counts."""
    script = bench.folder / "python"

    def peer(answer, times="[2.0, 1.0, 3.0]"):
        script.write_text(f"#!/bin/sh\necho '{answer}'\nwhile read seconds; do echo '{times}'; done\n")
        script.chmod(0o755)
        run = bench.measure("W2", "--threads", "1", "--no-cold-start", "--peers-python", script)["workloads"][0]["runs"][0]
        return run["peers"][0]
    good = '{"version": "1", "max_abs_diff": 1e-6, "max_abs": 2.0}'
    assert peer(good) | {"repetitions": 15, "median_ms": 2.0, "p10_ms": 1.0, "p90_ms": 3.0, "status": "measured"} == peer(good)
    other = peer('{"version": "1", "max_abs_diff": 0.5, "max_abs": 2.0}')
    assert other["status"] == "failed" and "differs by 0.5" in other["reason"] and "median_ms" not in other, other
    assert peer('{"version": "1", "max_abs_diff": null, "max_abs": 2.0}')["status"] == "failed"
    assert peer("Segmentation fault")["status"] == "failed"
    assert peer(good, times="no")["status"] == "failed"


def check_interrupt(bench):
    """Leaves no temporary files."""
    tmp = bench.folder / "tmp"
    tmp.mkdir()
    with subprocess.Popen([bench.args.bin / "attnc-bench", "W2", "--threads", "1", "--seconds", "600"], cwd=bench.folder,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp)}) as process:
        for line in process.stderr:
            if b"timing" in line:
                break
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 1
        assert b"interrupted" in process.stderr.read()
    assert not list(tmp.iterdir()), list(tmp.iterdir())


CASES = [check_help, check_list, check_wrong_command_lines, check_model, check_workloads, check_precision, check_cold_start,
         check_model_that_cannot_be_compiled, check_peers_that_are_missing, check_peers, check_interrupt]


def main():
    parser = suite_parser(__doc__, "the tools")
    parser.add_argument("--sanitize", default="", help="sanitizers that the tools were compiled with")
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    args = parser.parse_args()
    args.bin = args.bin.resolve()
    suite = Suite("attnc-bench")
    for case in CASES:
        if args.only in case.__name__:
            with tempfile.TemporaryDirectory() as folder:
                suite.run(case.__name__.removeprefix("check_"), case, Bench(args, pathlib.Path(folder)))
    return suite.write(args.results)


if __name__ == "__main__":
    sys.exit(main())
