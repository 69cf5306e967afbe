"""How each operator of torch is written down as nodes of an ONNX graph.

A writer is called as `write(recorder, result, *args, **kwargs)` after `result = aten.NAME(*args, **kwargs)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from onnx import TensorProto
from torch import Tensor

from x2vkit.errors import X2VError
from x2vkit.web.recorder import Recorder

Write = Callable[..., None]


def _alias(r: Recorder, result: Tensor, x: Tensor, *_: Any, **__: Any) -> None:
    r.know(result, r.name(x, like=result))


def _reshape(r: Recorder, result: Tensor, x: Tensor, *_: Any) -> None:
    if result.shape == x.shape:
        return r.know(result, r.name(x))
    r.add("Reshape", result, [r.name(x), r.constant(list(result.shape))])


def _expand(r: Recorder, result: Tensor, x: Tensor, *_: Any) -> None:
    if result.shape == x.shape:
        return r.know(result, r.name(x))
    r.add("Expand", result, [r.name(x), r.constant(list(result.shape))])


def _permute(r: Recorder, result: Tensor, x: Tensor, axes: Sequence[int]) -> None:
    r.add("Transpose", result, [r.name(x)], perm=[axis % x.ndim for axis in axes])


def _transpose(r: Recorder, result: Tensor, x: Tensor, first: int = 0, second: int = 1) -> None:
    axes = list(range(x.ndim))
    axes[first], axes[second] = axes[second], axes[first]
    _permute(r, result, x, axes)


def _unary(kind: str) -> Write:
    def write(r: Recorder, result: Tensor, x: Tensor) -> None:
        r.add(kind, result, [r.name(x)])

    return write


def _binary(kind: str) -> Write:
    def write(r: Recorder, result: Tensor, x: Any, y: Any, alpha: float = 1) -> None:
        if alpha != 1:
            raise X2VError(f"the {r.part} of this pipeline", f"{kind} with alpha={alpha}", "export another")
        r.add(kind, result, [r.name(x, like=result), r.name(y, like=result)])

    return write


def _compare(kind: str) -> Write:
    def write(r: Recorder, result: Tensor, x: Tensor, y: Any) -> None:
        r.add(kind, result, [r.name(x), r.name(y, like=x)])

    return write


def _ne(r: Recorder, result: Tensor, x: Tensor, y: Any) -> None:
    r.add("Not", result, [r.node("Equal", [r.name(x), r.name(y, like=x)])])


def _reduce(kind: str) -> Write:
    def write(
        r: Recorder, result: Tensor, x: Tensor, axes: Any = None, keepdim: bool = False, **_: Any
    ) -> None:
        axes = range(x.ndim) if axes is None else axes
        listed = [axes] if isinstance(axes, int) else list(axes)
        r.add(kind, result, [r.name(x, like=result), r.constant(listed)], keepdims=int(keepdim))

    return write


def _reduce_bool(kind: str) -> Write:
    def write(r: Recorder, result: Tensor, x: Tensor, axis: int, keepdim: bool = False) -> None:
        whole = r.node("Cast", [r.name(x)], to=TensorProto.INT32)
        found = r.node(kind, [whole, r.constant([axis])], keepdims=int(keepdim))
        r.add("Cast", result, [found], to=TensorProto.BOOL)

    return write


def _vector_norm(
    r: Recorder, result: Tensor, x: Tensor, order: float, axes: Sequence[int], keep: bool
) -> None:
    if order != 2:
        raise X2VError(f"the {r.part} of this pipeline", f"a norm of order {order}", "export another")
    r.add("ReduceL2", result, [r.name(x), r.constant(list(axes))], keepdims=int(keep))


def _slice(
    r: Recorder, result: Tensor, x: Tensor, axis: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> None:
    if result.shape == x.shape:
        return r.know(result, r.name(x))
    start, end = start or 0, x.shape[axis] if end is None else end
    parts = (r.constant([each]) for each in (start, end, axis, step))
    r.add("Slice", result, [r.name(x), *parts])


def _select(r: Recorder, result: Tensor, x: Tensor, axis: int, index: int) -> None:
    r.add("Gather", result, [r.name(x), r.constant(np.array(index, np.int64))], axis=axis)


def _unbind(r: Recorder, results: Sequence[Tensor], x: Tensor, axis: int = 0) -> None:
    for i, result in enumerate(results):
        _select(r, result, x, axis, i)


def _split(r: Recorder, results: Sequence[Tensor], x: Tensor, size: int, axis: int = 0) -> None:
    for i, result in enumerate(results):
        _slice(r, result, x, axis, i * size, i * size + result.shape[axis])


def _cat(r: Recorder, result: Tensor, parts: Sequence[Tensor], axis: int = 0) -> None:
    r.add("Concat", result, [r.name(part, like=result) for part in parts], axis=axis)


def _stack(r: Recorder, result: Tensor, parts: Sequence[Tensor], axis: int = 0) -> None:
    where = r.constant([axis])
    names = [r.node("Unsqueeze", [r.name(part, like=result), where]) for part in parts]
    r.add("Concat", result, names, axis=axis)


def _gather(r: Recorder, result: Tensor, x: Tensor, axis: int, index: Tensor) -> None:
    r.add("Gather", result, [r.name(x), r.name(index)], axis=axis)


def _index(r: Recorder, result: Tensor, x: Tensor, indices: Sequence[Tensor | None]) -> None:
    given = [(axis, index) for axis, index in enumerate(indices) if index is not None]
    if len(given) != 1:
        raise X2VError(f"the {r.part} of this pipeline", "it indexes several axes at once", "export another")
    _gather(r, result, x, *given[0])


def _embedding(r: Recorder, result: Tensor, table: Tensor, ids: Tensor, *_: Any) -> None:
    _gather(r, result, table, 0, ids)


def _flip(r: Recorder, result: Tensor, x: Tensor, axes: Sequence[int]) -> None:
    name = r.name(x)
    for axis in axes:
        name = r.node("Gather", [name, r.constant(range(x.shape[axis])[::-1])], axis=axis)
    r.know(result, name)


def _roll(r: Recorder, result: Tensor, x: Tensor, shifts: Sequence[int], axes: Sequence[int]) -> None:
    name = r.name(x)
    for shift, axis in zip(shifts, axes, strict=True):
        size = x.shape[axis]
        name = r.node("Gather", [name, r.constant([(i - shift) % size for i in range(size)])], axis=axis)
    r.know(result, name)


def _pad(r: Recorder, result: Tensor, x: Tensor, pads: Sequence[int], value: float = 0) -> None:
    shape, name = list(x.shape), r.name(x)
    for i, axis in enumerate(range(x.ndim - 1, x.ndim - 1 - len(pads) // 2, -1)):
        parts = [name]
        for side, count in enumerate(pads[2 * i : 2 * i + 2]):
            if count:
                filled = torch.full([*shape[:axis], count, *shape[axis + 1 :]], value, dtype=x.dtype)
                parts.insert(0 if side == 0 else len(parts), r.name(filled))
        shape[axis] += sum(pads[2 * i : 2 * i + 2])
        name = r.node("Concat", parts, axis=axis) if len(parts) > 1 else name
    r.know(result, name)


def _masked_fill(r: Recorder, result: Tensor, x: Tensor, mask: Tensor, value: float) -> None:
    r.add("Where", result, [r.name(mask), r.name(value, like=result), r.name(x)])


def _where(r: Recorder, result: Tensor, choice: Tensor, x: Tensor, y: Tensor) -> None:
    if result.dtype == torch.bool:
        rule = "a choice between two truth values, which onnxruntime does not compute"
        raise X2VError(f"the {r.part} of this pipeline", rule, "write it with &, | and ~")
    r.add("Where", result, [r.name(choice), r.name(x, like=result), r.name(y, like=result)])


def _rsub(r: Recorder, result: Tensor, x: Tensor, y: Any, *_: Any) -> None:
    r.add("Sub", result, [r.name(y, like=result), r.name(x, like=result)])


def _pow(r: Recorder, result: Tensor, x: Tensor, exponent: float) -> None:
    if exponent == 2:
        return r.add("Mul", result, [r.name(x), r.name(x)])
    r.add("Pow", result, [r.name(x), r.name(exponent, like=x)])


def _rsqrt(r: Recorder, result: Tensor, x: Tensor) -> None:
    r.add("Reciprocal", result, [r.node("Sqrt", [r.name(x)])])


def _silu(r: Recorder, result: Tensor, x: Tensor) -> None:
    r.add("Mul", result, [r.name(x), r.node("Sigmoid", [r.name(x)])])


def _gelu(r: Recorder, result: Tensor, x: Tensor, approximate: str = "none") -> None:
    r.add("Gelu", result, [r.name(x)], approximate=approximate)


def _clamp(r: Recorder, result: Tensor, x: Tensor, low: Any = None, high: Any = None) -> None:
    given = ["" if bound is None else r.name(bound, like=x) for bound in (low, high)]
    r.add("Clip", result, [r.name(x), *given])


def _lerp(r: Recorder, result: Tensor, x: Tensor, y: Tensor, weight: Tensor) -> None:
    moved = r.node("Mul", [r.name(weight), r.node("Sub", [r.name(y), r.name(x)])])
    r.add("Add", result, [r.name(x), moved])


def _atan2(r: Recorder, result: Tensor, y: Tensor, x: Tensor) -> None:
    """atan(y / x), and half a turn more or less where x < 0; ONNX has no atan2."""
    zero, rise, run = r.name(0.0), r.name(y), r.name(x)
    safe = r.node("Where", [r.node("Equal", [run, zero]), r.name(1e-30), run])
    half = r.node("Where", [r.node("Less", [rise, zero]), r.name(-np.pi, like=x), r.name(np.pi, like=x)])
    left = r.node("Where", [r.node("Less", [run, zero]), half, zero])
    r.add("Add", result, [r.node("Atan", [r.node("Div", [rise, safe])]), left])


def _cumsum(r: Recorder, result: Tensor, x: Tensor, axis: int) -> None:
    r.add("CumSum", result, [r.name(x), r.constant(np.array(axis, np.int64))])


def _addcmul(r: Recorder, result: Tensor, x: Tensor, a: Tensor, b: Tensor) -> None:
    r.add("Add", result, [r.name(x), r.node("Mul", [r.name(a), r.name(b)])])


def _addmm(r: Recorder, result: Tensor, bias: Tensor, x: Tensor, y: Tensor) -> None:
    r.add("Gemm", result, [r.name(x), r.name(y), r.name(bias)])


def _baddbmm(
    r: Recorder, result: Tensor, bias: Tensor, x: Tensor, y: Tensor, beta: float = 1, alpha: float = 1
) -> None:
    if beta != 1:
        raise X2VError(f"the {r.part} of this pipeline", f"baddbmm with beta={beta}", "export another")
    scaled = r.node("Mul", [r.name(x), r.name(alpha, like=x)])
    r.add("Add", result, [r.node("MatMul", [scaled, r.name(y)]), r.name(bias)])


def _layer_norm(
    r: Recorder, results: Sequence[Tensor], x: Tensor, shape: Sequence[int], scale: Any, bias: Any, eps: float
) -> None:
    given = [
        r.name(torch.ones(*shape) if scale is None else scale),
        *([] if bias is None else [r.name(bias)]),
    ]
    r.add("LayerNormalization", results[0], [r.name(x), *given], axis=-len(shape), epsilon=eps)


def _convolution(
    r: Recorder, result: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Sequence[int],
    padding: Sequence[int], dilation: Sequence[int], transposed: bool, _: Any, groups: int,
) -> None:  # fmt: skip
    if transposed:
        raise X2VError(f"the {r.part} of this pipeline", "a transposed convolution", "export another")
    names = [r.name(x), r.name(weight), *([] if bias is None else [r.name(bias)])]
    pads, strides, dilations = [*padding, *padding], list(stride), list(dilation)
    r.add("Conv", result, names, group=groups, strides=strides, pads=pads, dilations=dilations)


def _nothing(*_: Any, **__: Any) -> None:
    """The result is the same whatever the input holds: a constant."""


OPERATORS: dict[str, Write] = {
    **dict.fromkeys(("_to_copy", "clone", "lift_fresh", "alias", "detach"), _alias),
    **dict.fromkeys(("view", "_unsafe_view", "unsqueeze", "squeeze"), _reshape),
    **dict.fromkeys(("zeros_like", "ones_like", "new_zeros", "new_ones", "full_like", "new_full"), _nothing),
    **{name: _unary(name.capitalize()) for name in ("abs", "cos", "exp", "neg", "round", "sin", "sqrt")},
    **{"exp_": _unary("Exp"), "bitwise_not": _unary("Not"), "sigmoid": _unary("Sigmoid")},
    **{name: _binary(name.capitalize()) for name in ("add", "sub", "mul", "div")},
    **{"maximum": _binary("Max"), "minimum": _binary("Min")},
    **{"bitwise_and": _binary("And"), "bitwise_or": _binary("Or"), "mm": _binary("MatMul")},
    **{"bmm": _binary("MatMul"), "rsub": _rsub, "pow": _pow, "rsqrt": _rsqrt, "silu": _silu, "gelu": _gelu},
    **{"le": _compare("LessOrEqual"), "lt": _compare("Less"), "ge": _compare("GreaterOrEqual")},
    **{"gt": _compare("Greater"), "eq": _compare("Equal"), "ne": _ne},
    **{"sum": _reduce("ReduceSum"), "mean": _reduce("ReduceMean"), "prod": _reduce("ReduceProd")},
    **{"amax": _reduce("ReduceMax"), "amin": _reduce("ReduceMin"), "linalg_vector_norm": _vector_norm},
    **{"any": _reduce_bool("ReduceMax"), "all": _reduce_bool("ReduceMin"), "cumsum": _cumsum},
    **{"expand": _expand, "permute": _permute, "t": _transpose, "transpose": _transpose, "slice": _slice},
    **{"select": _select, "unbind": _unbind, "split": _split, "cat": _cat, "stack": _stack},
    **{"index": _index, "index_select": _gather, "embedding": _embedding, "flip": _flip, "roll": _roll},
    **{"constant_pad_nd": _pad, "masked_fill": _masked_fill, "where": _where, "clamp": _clamp},
    **{"lerp": _lerp, "atan2": _atan2, "addcmul": _addcmul, "addmm": _addmm, "baddbmm": _baddbmm},
    **{"native_layer_norm": _layer_norm, "convolution": _convolution},
}
"""Operator of aten -> what writes it down."""
