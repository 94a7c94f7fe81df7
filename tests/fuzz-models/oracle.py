# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a random model is compared with: its inputs, its weights, and the reference interpreter's results."""
import json
import pathlib
import re
import subprocess
import zlib

import numpy as np

import plans


def command(*words):
    """Runs a tool, which has to succeed; returns what it prints."""
    words = [str(word) for word in words]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{pathlib.Path(words[0]).name} {' '.join(words[2:])}: exit code {done.returncode}: {done.stderr[-1500:]}"
    return done.stdout


# -- Values ------------------------------------------------------------------------------------------------------------


def make_inputs(plan, description, shapes):
    rng = np.random.default_rng(plan["seed"])
    inputs = {}
    for name, spec in description["inputs"].items():
        shape = shapes[name]
        if spec["dtype"] == "bool":
            inputs[name] = make_mask(rng, plan, shape)
        elif spec["dtype"] == "i32":
            # Indices of the table of plans.py, or lengths (some empty, some of every key there is), or how many tokens
            # a cache has, of as many as leave room for those of the run.
            kind, _, most = name.partition("_")
            most = int(most) if kind in ("lengths", "position") else plans.WORDS - 1
            inputs[name] = rng.integers(0, most + 1, shape, dtype=np.int32)
        elif name.startswith("added"):
            inputs[name] = np.where(make_mask(rng, plan, shape), -np.inf, rng.standard_normal(shape)).astype(np.float32)
        else:
            inputs[name] = rng.standard_normal(shape, dtype=np.float32)
    return inputs


def normal_values(plan, name, shape):
    """Those of a name: whatever else a plan has, they are the same."""
    return np.random.default_rng([plan["seed"], zlib.crc32(name.encode())]).standard_normal(shape, dtype=np.float32)


def make_states(plan, shapes):
    """What caches hold before the run."""
    return {name: normal_values(plan, name, shape) for name, shape in shapes.items()}


def make_mask(rng, plan, shape):
    """Lengths or scattered bits; one row in ten is blocked whole."""
    *lead, length = shape
    if plan["padding"] == "bits":
        mask = rng.random(shape) < 0.4
    else:
        mask = np.arange(length) >= rng.integers(1, length + 1, lead + [1])
    return mask | (rng.random(lead + [1]) < 0.1)


def make_weights(plan, parameters):
    """Weights that keep activations near 1: matrices by their fan-in, gains about 1, everything else small but not 0."""
    weights = {}
    for name, shape in parameters.items():
        value = normal_values(plan, name, shape)
        if len(shape) > 1:
            value *= np.float32(shape[-1] ** -0.5)
        else:
            value = np.float32(0.3) * value + np.float32(name.endswith("weight"))
        weights[name] = value.astype(np.float32)
    return weights


def neighbours(rng, arrays):
    """The arrays with every float but 0 and infinities moved to the next one above or below."""
    def moved(array):
        if array.dtype != np.float32:
            return array
        towards = np.where(rng.random(array.shape) < 0.5, -np.inf, np.inf).astype(np.float32)
        return np.where(np.isfinite(array) & (array != 0), np.nextafter(array, towards), array)
    return {name: moved(array) for name, array in arrays.items()}


# -- The reference -----------------------------------------------------------------------------------------------------

PARAMETER = re.compile(r'attn\.parameter @("[^"]+"|[\w.$-]+) : (tensor<([\dx]*)f32>)')
ARGUMENT = re.compile(r'tensor<[\dx?]*(f32|i1|i32|i64)> \{[^}]*\battn\.name = "(\w+)"')
RESULT = re.compile(r'tensor<[\dx?]*\w+> \{[^}]*\battn\.name = "(\w+)"')


def parameters_of(ir):
    return {name.strip('"'): [int(e) for e in extents.split("x") if e] for name, _, extents in PARAMETER.findall(ir)}


def dense(value, element):
    kind = "x".join(map(str, value.shape)) + ("x" if value.ndim else "") + element
    text = json.dumps(value.tolist()) if element == "i1" else f'"0x{value.tobytes().hex().upper()}"'
    return f"dense<{text}> : tensor<{kind}>"


def with_values(ir, inputs, weights):
    """The IR with attn.value at every parameter and argument."""
    ir = PARAMETER.sub(lambda m: f"attn.parameter @{m[1]} {{attn.value = {dense(weights[m[1].strip(chr(34))], 'f32')}}} : {m[2]}", ir)
    head, arrow, tail = ir.partition(") -> ")
    head = ARGUMENT.sub(lambda m: f"{m[0]}, attn.value = {dense(inputs[m[2]], m[1])}", head)
    filled = head + arrow + tail
    assert filled.count("attn.value") == len(inputs) + len(weights), "not every input and parameter got its values"
    return filled


def outputs_of(ir):
    """The outputs' names, in order."""
    return RESULT.findall(ir.partition(") -> ")[2].partition("\n")[0])


def reference(tools, path, outputs, *options):
    printed = command(tools / "attnc-opt", path, *options, "--run-reference", "--reference-digits=17")
    results = {}
    for name, line in zip(outputs, printed.splitlines()):
        values = line.partition(": ")[2]
        results[name] = np.array(json.loads(values.replace("-nan", "NaN").replace("nan", "NaN").replace("inf", "Infinity")))
    assert len(results) == len(outputs), f"the reference printed {len(results)} of {len(outputs)} results"
    return results
