#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One peer of attnc-bench: builds the workload for another inference program, compares its result, runs when it is told to.

    python peers.py torch|inductor|onnxruntime|openvino FOLDER THREADS

FOLDER has peer.json (the workload), weights.safetensors, inputs.safetensors and expected.safetensors (attnc's result). The
first line of output is a JSON object: version, max_abs_diff, max_abs, or a reason why there is none. Then each line of input is a
number of seconds, answered by a JSON list of the milliseconds of each run.
"""
import importlib
import json
import os
import pathlib
import sys
import time


class Missing(Exception):
    """A package is not installed."""


def package(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Missing(f"{name} cannot be imported ({error}): run make peers") from error


class Workload:
    def __init__(self, folder):
        load = package("safetensors.numpy").load_file
        self.spec = json.loads((folder / "peer.json").read_text())
        self.inputs = load(folder / "inputs.safetensors")
        if self.spec["padded"]:  # Peers take a mask, in which True is blocked.
            lengths = self.inputs.pop("lengths")
            self.inputs["padding"] = package("numpy").arange(self.spec["seq"])[None, :] >= lengths[:, None]
        weights = folder / "weights.safetensors"
        self.weights = load(weights) if weights.exists() else {}
        self.expected = next(iter(load(folder / "expected.safetensors").values()))

    def compare(self, result):
        """The largest difference from attnc's result, and its largest value; padded tokens are nobody's concern."""
        numpy = package("numpy")
        expected, result = self.expected, numpy.asarray(result).reshape(self.expected.shape)
        if self.spec["padded"]:
            expected, result = expected[~self.inputs["padding"]], result[~self.inputs["padding"]]
        return {"max_abs_diff": float(numpy.abs(result - expected).max()), "max_abs": float(numpy.abs(expected).max())}


# --- PyTorch: the module that a user would take ------------------------------------------------------------------------

def torch_module(torch, workload):
    """A function of no arguments that runs the workload."""
    spec, nn = workload.spec, torch.nn
    inputs = {name: torch.from_numpy(array.copy()) for name, array in workload.inputs.items()}
    if spec["kind"] == "attention":
        def run():
            return nn.functional.scaled_dot_product_attention(inputs["query"], inputs["key"], inputs["value"], is_causal=spec["causal"])
        return None, run
    state = {name.split(".", 1)[1]: torch.from_numpy(array.copy()) for name, array in workload.weights.items()}
    if spec["kind"] == "multihead_attention":
        module = nn.MultiheadAttention(spec["embed"], spec["heads"], batch_first=True)
        arguments, options = (inputs["x"],) * 3, {"need_weights": False}
    else:
        activation = spec["activation"]
        if activation == "gelu_tanh":
            def activation(x):
                return nn.functional.gelu(x, approximate="tanh")
        layer = nn.TransformerEncoderLayer(spec["embed"], spec["heads"], spec["feedforward"], activation=activation,
                                           norm_first=spec["norm_first"], batch_first=True)
        norm = nn.LayerNorm(spec["embed"]) if spec["norm_first"] else None
        module = nn.TransformerEncoder(layer, spec["layers"], norm=norm, enable_nested_tensor=not spec["norm_first"])
        arguments, options = (inputs["x"],), {}
        if spec["causal"]:
            options = {"mask": nn.Transformer.generate_square_subsequent_mask(spec["seq"]), "is_causal": True}
        if spec["padded"]:
            options["src_key_padding_mask"] = inputs["padding"]
    module.load_state_dict(state)
    module.eval()

    def run():
        result = module(*arguments, **options)
        return result[0] if isinstance(result, tuple) else result
    return module, run


def torch_peer(workload, threads, compiled):
    torch = package("torch")
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    if compiled:
        torch._inductor.config.freezing = True  # weights are constants, as they are to the others
    _, run = torch_module(torch, workload)
    if compiled:
        run = torch.compile(run)
    return torch.__version__, lambda: run().numpy()


# --- ONNX: the graph that exporters write for such a model ----------------------------------------------------------------

def onnx_model(workload):
    numpy, onnx = package("numpy"), package("onnx")
    spec, weights = workload.spec, workload.weights
    nodes, constants = [], {}

    def constant(value, dtype=numpy.float32):
        name = f"constant{len(constants)}"
        constants[name] = numpy.ascontiguousarray(value, dtype)
        return name

    def node(op, *operands, **attributes):
        name = f"v{len(nodes)}"
        nodes.append(onnx.helper.make_node(op, list(operands), [name], **attributes))
        return name

    def linear(x, weight, bias):
        return node("Add", node("MatMul", x, constant(weight.T)), constant(bias))

    def norm(x, name):
        return node("LayerNormalization", x, constant(weights[f"{name}.weight"]), constant(weights[f"{name}.bias"]), axis=-1, epsilon=1e-5)

    def attend(query, key, value, transposed_key):
        head_dim = spec["embed"] // spec["heads"]
        scores = node("MatMul", query, key if transposed_key else node("Transpose", key, perm=[0, 1, 3, 2]))
        scores = node("Div", scores, constant(head_dim**0.5))
        if spec["causal"]:
            scores = node("Add", scores, constant(numpy.triu(numpy.full((spec["seq"],) * 2, -numpy.inf, numpy.float32), 1)))
        if spec["padded"]:
            blocked = numpy.where(workload.inputs["padding"], numpy.float32(-numpy.inf), numpy.float32(0))
            scores = node("Add", scores, constant(blocked[:, None, None, :]))
        return node("MatMul", node("Softmax", scores, axis=-1), value)

    def attention(x, prefix):
        embed, heads = spec["embed"], spec["heads"]
        shape = constant([0, 0, heads, embed // heads], numpy.int64)
        weight, bias = weights[f"{prefix}in_proj_weight"], weights[f"{prefix}in_proj_bias"]
        parts = [node("Reshape", linear(x, weight[i * embed:(i + 1) * embed], bias[i * embed:(i + 1) * embed]), shape) for i in range(3)]
        query, key, value = (node("Transpose", part, perm=[0, 2, 3, 1] if i == 1 else [0, 2, 1, 3]) for i, part in enumerate(parts))
        out = node("Transpose", attend(query, key, value, True), perm=[0, 2, 1, 3])
        out = node("Reshape", out, constant([0, 0, embed], numpy.int64))
        return linear(out, weights[f"{prefix}out_proj.weight"], weights[f"{prefix}out_proj.bias"])

    def feedforward(x, prefix):
        hidden = linear(x, weights[f"{prefix}linear1.weight"], weights[f"{prefix}linear1.bias"])
        hidden = node("Gelu", hidden, approximate="tanh" if spec["activation"] == "gelu_tanh" else "none")
        return linear(hidden, weights[f"{prefix}linear2.weight"], weights[f"{prefix}linear2.bias"])

    def encoder(x):
        for i in range(spec["layers"]):
            prefix = f"encoder.layers.{i}."
            if spec["norm_first"]:
                x = node("Add", x, attention(norm(x, f"{prefix}norm1"), f"{prefix}self_attn."))
                x = node("Add", x, feedforward(norm(x, f"{prefix}norm2"), prefix))
            else:
                x = norm(node("Add", x, attention(x, f"{prefix}self_attn.")), f"{prefix}norm1")
                x = norm(node("Add", x, feedforward(x, prefix)), f"{prefix}norm2")
        return norm(x, "encoder.norm") if spec["norm_first"] else x

    if spec["kind"] == "attention":
        output = attend("query", "key", "value", False)
    else:
        output = attention("x", "attention.") if spec["kind"] == "multihead_attention" else encoder("x")
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    inputs = {name: array for name, array in workload.inputs.items() if name != "padding"}
    graph = helper.make_graph(
        nodes, "workload", [helper.make_tensor_value_info(name, float32, array.shape) for name, array in inputs.items()],
        [helper.make_tensor_value_info(output, float32, workload.expected.shape)],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString(), inputs


def onnxruntime_peer(workload, threads):
    runtime = package("onnxruntime")
    model, inputs = onnx_model(workload)
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return runtime.__version__, lambda: session.run(None, inputs)[0]


def openvino_peer(workload, threads):
    openvino = package("openvino")
    model, inputs = onnx_model(workload)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model, b""), "CPU", {
        "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    return openvino.__version__, lambda: request.infer(inputs, share_inputs=True, share_outputs=True)[0]


PEERS = {"torch": lambda *args: torch_peer(*args, compiled=False), "inductor": lambda *args: torch_peer(*args, compiled=True),
         "onnxruntime": onnxruntime_peer, "openvino": openvino_peer}


def main():
    name, folder, threads = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    os.environ["OMP_NUM_THREADS"] = str(threads)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # What the packages print is no answer.
    try:
        workload = Workload(folder)
        version, run = PEERS[name](workload, threads)
        answer = {"version": version, **workload.compare(run())}
        start = time.perf_counter()
        while time.perf_counter() - start < 0.3:
            run()
    except Missing as reason:
        answer = {"status": "skipped", "reason": str(reason)}
    print(json.dumps(answer), file=answers)
    for line in sys.stdin:
        times, end = [], time.perf_counter() + float(line)
        run()  # After the others' turns its caches are cold.
        while not times or time.perf_counter() < end:
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1e3)
        print(json.dumps(times), file=answers)


if __name__ == "__main__":
    main()
