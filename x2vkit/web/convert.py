"""A function of tensors -> an ONNX graph with fixed shapes, by listening to what torch computes.

The function is run once; every operator that reads an input, or what came of one, becomes nodes of a graph,
and everything else is a constant of it. So a graph takes a tenth of a second where torch.onnx takes half a
minute, needs the package `onnx` alone, and holds whatever the function really did: a list that is built
from a shape, or a branch on one, cannot go wrong silently, because the shape is the page's. What is not in
`OPERATORS` is refused by name.

Large parameters go into a `Weights`, as float16 that the graph casts to float32: half the size, and
arithmetic in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import onnx
import torch
from onnx import helper
from torch import Tensor

from x2vkit.web.operators import OPERATORS
from x2vkit.web.recorder import KINDS, Recorder, Weights

OPSET = 20


def convert(
    run: Callable[..., Mapping[str, Tensor]], inputs: Mapping[str, Tensor], weights: Weights, part: str
) -> bytes:
    """An ONNX graph that computes `run(**inputs)`.

    Args:
        run: named tensors -> named tensors; it may not branch on their values.
        inputs: numbers to run it with, float32 or int64; their shapes become the graph's.
        weights: takes its large constants; the graph finds them in a file named WEIGHTS.
        part: what it is, for messages.

    Returns:
        A serialised ModelProto; its outputs are those of `run`, and inputs that `run` did not read are left
        out.

    Raises:
        X2VError: an operator that a page cannot compute.
    """
    recorder = Recorder(weights, part, OPERATORS)
    inputs = {name: value.clone() for name, value in inputs.items()}
    for name, value in inputs.items():
        recorder.know(value, name)
    with torch.no_grad(), recorder:
        outputs = run(**inputs)
    for name, value in outputs.items():
        recorder.add("Identity", value, [recorder.name(value)], name=f"out_{name}")
    used = {name for node in recorder.nodes for name in node.input}
    graph = helper.make_graph(
        recorder.nodes,
        part,
        [_info(name, value) for name, value in inputs.items() if name in used],
        [_info(f"out_{name}", value) for name, value in outputs.items()],
        recorder.constants,
    )
    imports = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=imports, ir_version=9).SerializeToString()


def _info(name: str, value: Tensor) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, KINDS[value.dtype], list(value.shape))
