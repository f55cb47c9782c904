"""Who is measured: cpool, its peers, and a plain copy.

Each of them is a small class with

- ``key``, ``name`` and ``version``: what ``--peers`` and the report call it,
- ``role``: what it is in the comparison (see :mod:`measure`),
- ``missing``: why it cannot run here, empty where it can,
- ``using(threads)``: a context in which its library uses so many threads,
- ``contender(row, data, threads)``: what there is to time for a row, None where it cannot do it.

A peer has a layout of its own and is given its data in it beforehand, so that no conversion is
timed; results are brought back to channels first to be compared. A new peer is a new class, and a
line in ``PEERS``.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

import measure
import numpy as np
from measure import Contender
from rows import CHANNELS_FIRST, CHANNELS_LAST, Data, Row, to_channels_first

if TYPE_CHECKING:
    import onnxruntime
    import torch


class Peer(Protocol):
    """What the rest of the benchmark knows of a peer."""

    key: str
    name: str
    role: str
    version: str
    missing: str

    def using(self, threads: int) -> AbstractContextManager[None]:
        """Enter a context in which the library uses so many threads."""

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        """Return what there is to time for a row, None where it cannot do it."""


def _find(*names: str) -> tuple[str, str]:
    """Return the version of the first package, and which of them is missing."""
    modules = []
    for name in names:
        try:
            modules.append(importlib.import_module(name))
        except ImportError as error:
            # A package that is there but does not load gives its reason.
            return "", f"needs the package {name} ({error})"
    return str(modules[0].__version__), ""


# --- cpool ---------------------------------------------------------------------------------------

class Cpool:
    """cpool itself, with a fresh result at each call or with ``out=``."""

    role = measure.SUBJECT
    missing = ""

    def __init__(self, module: ModuleType, *, out: bool = False) -> None:
        self.module = module
        self.out = out
        self.key = self.name = "cpool out=" if out else "cpool"
        self.version = module.__version__

    def using(self, threads: int) -> AbstractContextManager[None]:
        return self.module.num_threads(threads)

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        function = getattr(self.module, row.function_name)
        options = dict(row.arguments)
        if row.layout == CHANNELS_LAST:
            options["channels_last"] = True
        if row.positions:
            options["return_indices"] = True
        arrays = functools.partial(_arrays_of, layout=row.layout)
        x = data.x(row.layout)
        if row.backward:
            if self.out:
                return None
            _, pullback = self.module.vjp(function, x, **options)
            call = functools.partial(pullback, data.gy(row.layout))
            return Contender(self.name, self.role, call, arrays)
        if self.out:
            # With positions `out` takes the values.
            result = function(x, **options)
            values = result[0] if row.positions else result
            options["out"] = np.zeros_like(values)
        return Contender(self.name, self.role, functools.partial(function, x, **options), arrays)


def _arrays_of(result: np.ndarray | tuple[np.ndarray, ...], layout: str) -> tuple[np.ndarray, ...]:
    arrays = result if isinstance(result, tuple) else (result,)
    return tuple(to_channels_first(array, layout) for array in arrays)


# --- PyTorch -------------------------------------------------------------------------------------

class Torch:
    """PyTorch in one of its memory formats, without the bookkeeping of autograd."""

    role = measure.PEER

    def __init__(self, layout: str) -> None:
        self.layout = layout
        last = layout == CHANNELS_LAST
        self.key = "torch-channels-last" if last else "torch"
        self.name = "PyTorch channels_last" if last else "PyTorch NCHW"
        self.version, self.missing = _find("torch")

    @contextlib.contextmanager
    def using(self, threads: int) -> Iterator[None]:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            with torch.inference_mode():
                yield
        finally:
            torch.set_num_threads(before)

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        # PyTorch's memory formats for channels last have 4 and 5 axes.
        if self.layout == CHANNELS_LAST and row.rank == 1:
            return None
        call = self._backward(row, data) if row.backward else self._forward(row, data)
        return call and Contender(self.name, self.role, call, _torch_arrays)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        import torch

        # Its channels_last is a permuted view of the array with the channels last.
        return torch.from_numpy(to_channels_first(array, self.layout))

    def _forward(self, row: Row, data: Data) -> Callable[[], object] | None:
        import torch
        from torch.nn import functional

        # The names below the dispatching Python wrappers, which only cost time.
        x = self._tensor(data.x(self.layout))
        if row.operator == "max":
            if row.positions:
                function = getattr(functional, f"max_pool{row.rank}d_with_indices")
            else:
                function = getattr(torch, f"max_pool{row.rank}d")
        elif row.operator == "avg":
            function = getattr(functional, f"avg_pool{row.rank}d")
        elif row.operator == "global_avg":
            axes = tuple(range(2, 2 + row.rank))
            return functools.partial(torch.mean, x, axes, keepdim=True)
        else:
            return None
        return functools.partial(function, x, **row.arguments)

    def _backward(self, row: Row, data: Data) -> Callable[[], object] | None:
        import torch

        if row.rank == 1 or row.operator not in {"max", "avg"}:
            return None
        x, gy = self._tensor(data.x(self.layout)), self._tensor(data.gy(self.layout))
        kernel, stride, padding = (list(values) for values in zip(*row.windows, strict=True))
        aten = torch.ops.aten
        if row.operator == "avg":
            function = getattr(aten, f"avg_pool{row.rank}d_backward")
            return functools.partial(function, gy, x, kernel, stride, padding, False, True, None)
        _, indices = getattr(aten, f"max_pool{row.rank}d_with_indices")(x, kernel, stride, padding)
        function = getattr(aten, f"max_pool{row.rank}d_with_indices_backward")
        dilation = [1] * row.rank
        return functools.partial(function, gy, x, kernel, stride, padding, dilation, False, indices)


def _torch_arrays(result: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[np.ndarray, ...]:
    tensors = result if isinstance(result, tuple) else (result,)
    return tuple(tensor.numpy() for tensor in tensors)


# --- ONNX Runtime --------------------------------------------------------------------------------

ONNX_NODES = {"max": "MaxPool", "avg": "AveragePool", "global_avg": "GlobalAveragePool"}


class OnnxRuntime:
    """ONNX Runtime: a model of one node, its input and its outputs bound to memory beforehand."""

    role = measure.PEER
    key = "onnxruntime"
    name = "ONNX Runtime"

    def __init__(self) -> None:
        self.version, self.missing = _find("onnxruntime", "onnx")

    def using(self, threads: int) -> AbstractContextManager[None]:
        # The number of threads belongs to the session.
        return contextlib.nullcontext()

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        import onnxruntime

        if row.backward or row.operator not in ONNX_NODES:
            return None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(
            self._model(row), options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        value = onnxruntime.OrtValue.ortvalue_from_numpy
        bound = [value(data.x(CHANNELS_FIRST)), value(np.zeros(row.output_shape, row.dtype))]
        if row.positions:
            bound.append(value(np.zeros(row.output_shape, np.int64)))
        binding.bind_ortvalue_input("x", bound[0])
        for name, output in zip(("y", "positions"), bound[1:], strict=False):
            binding.bind_ortvalue_output(name, output)
        # The binding does not keep the memory of its values alive: `arrays` does.
        arrays = functools.partial(self._arrays, row, bound)
        call = functools.partial(session.run_with_iobinding, binding)
        return Contender(self.name, self.role, call, arrays)

    def _model(self, row: Row) -> bytes:
        from onnx import helper

        element = helper.np_dtype_to_tensor_dtype(np.dtype(row.dtype))
        positions = helper.np_dtype_to_tensor_dtype(np.dtype(np.int64))
        attributes: dict[str, object] = {}
        if row.arguments:
            kernel, stride, padding = (list(values) for values in zip(*row.windows, strict=True))
            attributes = {"kernel_shape": kernel, "strides": stride, "pads": padding * 2}
            if row.operator == "avg":
                attributes["count_include_pad"] = 1
        outputs = [helper.make_tensor_value_info("y", element, row.output_shape)]
        if row.positions:
            outputs.append(helper.make_tensor_value_info("positions", positions, row.output_shape))
        node = helper.make_node(
            ONNX_NODES[row.operator], ["x"], [output.name for output in outputs], **attributes)
        graph = helper.make_graph(
            [node], "row", [helper.make_tensor_value_info("x", element, row.shape)], outputs)
        # Versions that every supported ONNX Runtime reads.
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        return model.SerializeToString()

    @staticmethod
    def _arrays(row: Row, bound: Sequence[onnxruntime.OrtValue],
                result: None) -> tuple[np.ndarray, ...]:
        # Copies: what numpy() gives does not keep the memory alive that the value is bound to.
        values, *positions = (np.array(value.numpy()) for value in bound[1:])
        # ONNX counts positions through the whole tensor, not from the start of a plane.
        return values, *(each % math.prod(row.shape[2:]) for each in positions)


# --- copy ----------------------------------------------------------------------------------------

class Copy:
    """One memcpy of half the bytes that a row reads and writes, into warm memory."""

    role = measure.YARDSTICK
    key = name = "copy"
    version = np.__version__
    missing = ""

    #: Below, handing the GIL from thread to thread costs more than a second thread wins.
    LEAST_BYTES_PER_THREAD = 1 << 18

    def using(self, threads: int) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        count = max(row.bytes_moved // 2, 1)
        source = np.frombuffer(np.random.default_rng(0).bytes(count), np.uint8)
        target = np.ones(count, np.uint8)
        threads = min(threads, max(count // self.LEAST_BYTES_PER_THREAD, 1))
        edges = [count * i // threads for i in range(threads + 1)]
        pairs = [(target[a:b], source[a:b]) for a, b in itertools.pairwise(edges)]
        run = _ThreadedCopies(pairs) if threads > 1 else None
        call = functools.partial(np.copyto, target, source)
        return Contender(self.name, self.role, call, lambda _: (), run)


class _ThreadedCopies:
    """Copies slices, each in a thread of its own; a batch is handed over once, not each copy."""

    def __init__(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        self.pairs = pairs
        # The calling thread does the first slice; idle workers end with the pool.
        self.pool = ThreadPoolExecutor(len(pairs) - 1, thread_name_prefix="copy")

    def __call__(self, times: int) -> None:
        futures = [self.pool.submit(self._copy, times, *pair) for pair in self.pairs[1:]]
        self._copy(times, *self.pairs[0])
        for future in futures:
            future.result()

    @staticmethod
    def _copy(times: int, target: np.ndarray, source: np.ndarray) -> None:
        for _ in range(times):
            np.copyto(target, source)


# --- the table -----------------------------------------------------------------------------------

#: One maker for each peer, by the key that ``--peers`` takes. Made only if chosen: making one
#: imports its library.
PEERS: dict[str, Callable[[], Peer]] = {
    "torch": functools.partial(Torch, CHANNELS_FIRST),
    "torch-channels-last": functools.partial(Torch, CHANNELS_LAST),
    "onnxruntime": OnnxRuntime,
    "copy": Copy,
}
