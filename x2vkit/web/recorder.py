"""Listening to torch: what depends on known tensors becomes nodes, everything else a constant.

Knows nothing about single operators (operators.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from x2vkit.errors import X2VError

WEIGHTS = "weights"
"""Name under which graphs know the file of a `Weights`."""
LARGE = 1024
"""Numbers from which a parameter goes into the file of weights."""
ALIGN = 64
KINDS = {
    torch.float32: TensorProto.FLOAT,
    torch.int64: TensorProto.INT64,
    torch.int32: TensorProto.INT32,
    torch.uint8: TensorProto.UINT8,
    torch.bool: TensorProto.BOOL,
}


class Weights:
    """Large parameters of models, for all graphs that read them: each is kept once.

    Args:
        models: whose parameters they are; what else a graph holds stays in it, as float32.
    """

    def __init__(self, *models: torch.nn.Module) -> None:
        self.data = bytearray()
        self.places: dict[str, tuple[int, int]] = {}
        self.storages = {_storage(each) for model in models for each in model.parameters()}

    def place(self, values: NDArray[np.float16]) -> tuple[int, int]:
        """Where these numbers lie -> (offset, bytes)."""
        data = values.tobytes()
        key = hashlib.sha256(data).hexdigest()
        if key not in self.places:
            self.places[key] = (len(self.data), len(data))
            self.data += data + bytes(-len(data) % ALIGN)
        return self.places[key]


def _storage(value: Tensor) -> int:
    """Where a tensor's numbers lie: the same for a parameter, its transpose and its parts."""
    return value.untyped_storage().data_ptr()


def _uniform(array: NDArray[Any]) -> bool:
    return array.size >= LARGE and bool((array == array.reshape(-1)[0]).all())


class Recorder(TorchDispatchMode):
    """Listens to torch while in a `with`, and writes down as nodes what depends on known tensors."""

    def __init__(self, weights: Weights, part: str, operators: Mapping[str, Callable[..., None]]) -> None:
        super().__init__()
        self.weights, self.part, self.operators = weights, part, operators
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._names: dict[int, str] = {}
        self._fixed: dict[str, str] = {}
        self._held: list[Tensor] = []  # whose ids stand for them, so they must live

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute, and write down."""
        result = func(*args, **(kwargs or {}))
        flat = [x for each in args for x in (each if isinstance(each, (list, tuple)) else [each])]
        if any(isinstance(x, Tensor) and id(x) in self._names for x in flat):
            name = func.overloadpacket.__name__
            if name not in self.operators:
                rule = f"the operator aten.{name} is not among those that a page can compute"
                raise X2VError(f"the {self.part} of this pipeline", rule, "export one of x2vkit's own models")
            self.operators[name](self, result, *args, **(kwargs or {}))
        return result

    def know(self, value: Tensor, name: str) -> None:
        """From now on, this tensor is what the graph calls by a name."""
        self._names[id(value)] = name
        self._held.append(value)

    def name(self, value: Any, like: Tensor | None = None) -> str:
        """The graph's name for a tensor or number; what it does not know yet is a constant. like: a tensor
        whose dtype it shall have.
        """
        if not isinstance(value, Tensor):
            value = torch.tensor(value, dtype=None if like is None else like.dtype)
        known = self._names.get(id(value))
        if known is None:
            half = value.numel() >= LARGE and _storage(value) in self.weights.storages
            value = value if like is None else value.to(like.dtype)
            return self.constant(value.detach().cpu().contiguous().numpy(), half)
        if like is not None and value.dtype != like.dtype:
            return self.node("Cast", [known], to=KINDS[like.dtype])
        return known

    def constant(self, values: NDArray[Any] | Sequence[int], half: bool = False) -> str:
        """A constant of the graph; sequences are int64. half: float32 that is kept as float16, in the
        weights.
        """
        array = np.asarray(values, None if isinstance(values, np.ndarray) else np.int64)
        key = f"{array.dtype}{array.shape}{hashlib.sha256(array.tobytes()).hexdigest()}"
        if key not in self._fixed:
            make = self._large if half else self._uniform if _uniform(array) else self._small
            self._fixed[key] = make(array)
        return self._fixed[key]

    def add(
        self, kind: str, result: Tensor, inputs: Sequence[str], name: str = "", **attributes: Any
    ) -> None:
        """One node that makes a tensor."""
        self.know(result, self.node(kind, inputs, name, **attributes))

    def node(self, kind: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        """One node; returns the name of what it makes."""
        name = name or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def _uniform(self, array: NDArray[Any]) -> str:
        """One number, as often as it is needed."""
        return self.node("Expand", [self.constant(array.reshape(-1)[:1]), self.constant(array.shape)])

    def _small(self, array: NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def _large(self, array: NDArray[np.float32]) -> str:
        offset, length = self.weights.place(array.astype("<f2"))
        tensor = TensorProto(name=f"c{len(self.constants)}", data_type=TensorProto.FLOAT16, dims=array.shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": WEIGHTS, "offset": offset, "length": length}.items():
            tensor.external_data.add(key=key, value=str(value))
        self.constants.append(tensor)
        return self.node("Cast", [tensor.name], to=TensorProto.FLOAT)
