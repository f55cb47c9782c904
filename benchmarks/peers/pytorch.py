"""PyTorch in both of its memory formats, and oneDNN through PyTorch's tensors for it."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import measure
import numpy as np
from measure import Contender
from rows import CHANNELS_FIRST, CHANNELS_LAST, Data, Row, to_channels_first

from peers import composed
from peers.base import LeftOutError, find

if TYPE_CHECKING:
    import torch

    Call = Callable[[], object]


class Torch:
    """PyTorch in one of its memory formats, without the bookkeeping of autograd."""

    role = measure.PEER
    naive = True

    def __init__(self, layout: str) -> None:
        self.layout = layout
        last = layout == CHANNELS_LAST
        self.key = "torch-channels-last" if last else "torch"
        self.name = "PyTorch channels_last" if last else "PyTorch NCHW"
        self.version, self.missing = find("torch")

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
        arrays = functools.partial(_arrays, values_alone=not row.positions)
        return call and Contender(self.name, self.role, call, arrays)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        # Its channels_last is a permuted view of the array with the channels last.
        return _as_tensor(to_channels_first(array, self.layout))

    def _forward(self, row: Row, data: Data) -> Call | None:
        import torch

        x = self._tensor(data.x(self.layout))
        if row.operator == "unpool":
            places = self._tensor(data.positions(self.layout))
            function = getattr(torch._C._nn, f"max_unpool{row.rank}d")
            return functools.partial(function, x, places, row.output_shape[2:])
        if row.operator in composed.CALLS:
            return composed.CALLS[row.operator](torch, row, x, **self._given(data))
        if row.operator in {"roi_align", "roi_pool"}:
            return None
        if row.reduction in COMPOSED:
            return functools.partial(COMPOSED[row.reduction], x, _mean_of(row))
        if row.is_global:
            function = {"avg": torch.mean, "max": torch.amax}[row.reduction]
            return functools.partial(function, x, tuple(range(2, 2 + row.rank)), keepdim=True)
        if row.is_adaptive:
            function = getattr(torch._C._nn, f"{row.operator}_pool{row.rank}d")
            return functools.partial(function, x, _adaptive_sizes(row))
        return self._sliding(row, x)

    def _given(self, data: Data) -> dict[str, torch.Tensor]:
        """What the operator is given beside x."""
        return {name: self._tensor(each) if name == "logits" else _as_tensor(each)
                for name, each in data.given(self.layout).items() if isinstance(each, np.ndarray)}

    def _sliding(self, row: Row, x: torch.Tensor) -> Call | None:
        import torch
        from torch.nn import functional

        # The names below the dispatching Python wrappers, which only cost time.
        if row.reduction in {"max", "min"}:
            if row.positions or row.keeps:
                # What autograd calls, too: the positions are what it keeps.
                function = getattr(functional, f"max_pool{row.rank}d_with_indices")
            else:
                function = getattr(torch, f"max_pool{row.rank}d")
            if row.reduction == "min":
                # It has no minimum; what reverses the order of the type is what one writes.
                turned = torch.neg if x.is_floating_point() else torch.bitwise_not
                return lambda: turned(function(turned(x), **row.arguments))
            return functools.partial(function, x, **row.arguments)
        function = getattr(functional, f"avg_pool{row.rank}d")
        options = {"divisor_override": 1} if row.reduction == "sum" else {}
        return functools.partial(function, x, **row.arguments, **options)

    def _backward(self, row: Row, data: Data) -> Call | None:
        """Return the call that autograd makes; what it was kept beforehand is given."""
        import torch

        if row.rank == 1:
            return None
        gy = self._tensor(data.gy(self.layout))
        if row.operator == "unpool":
            places = self._tensor(data.positions(self.layout)).flatten(2)
            return lambda: gy.flatten(2).gather(-1, places).view(row.shape)
        if row.operator == "global_avg":
            return lambda: gy.expand(row.shape) / row.taps
        x, aten, name = self._tensor(data.x(self.layout)), torch.ops.aten, f"pool{row.rank}d"
        if row.operator == "adaptive_avg":
            function = getattr(aten, f"_adaptive_avg_{name}_backward")
            return functools.partial(function, gy, x)
        if row.operator == "adaptive_max":
            _, places = getattr(torch._C._nn, f"adaptive_max_{name}")(x, _adaptive_sizes(row))
            function = getattr(aten, f"adaptive_max_{name}_backward")
            return functools.partial(function, gy, x, places)
        sizes = list(row.kernel), list(row.stride), list(row.padding)
        if row.operator == "avg":
            function = getattr(aten, f"avg_{name}_backward")
            return functools.partial(function, gy, x, *sizes, False, True, None)
        if row.operator in COMPOSED:
            function = functools.partial(COMPOSED[row.operator], mean=_mean_of(row))
            return _autograd(function, x, gy)
        if row.operator != "max":
            return None
        _, places = getattr(aten, f"max_{name}_with_indices")(x, *sizes)
        function = getattr(aten, f"max_{name}_with_indices_backward")
        return functools.partial(function, gy, x, *sizes, [1] * row.rank, False, places)


#: What one writes where PyTorch has no pooling: of x, and a function that gives means of windows.
COMPOSED: dict[str, Callable[[torch.Tensor, Callable], torch.Tensor]] = {
    "lp": lambda x, mean: mean(x * x, divisor_override=1).sqrt(),
    "rms": lambda x, mean: mean(x * x).sqrt(),
    "power_mean": lambda x, mean: mean(x.clamp(min=1e-6).pow(3)).pow(1 / 3),
    "geometric_mean": lambda x, mean: mean(x.log()).exp(),
    "harmonic_mean": lambda x, mean: 1 / mean(1 / x),
    "log_sum_exp": lambda x, mean: mean(x.exp()).log(),
    "soft": lambda x, mean: mean(x * x.exp()) / mean(x.exp()),
}


class TorchWindows(Torch):
    """Exponentials of what each window has, with PyTorch's operators: right for any elements."""

    def __init__(self) -> None:
        super().__init__(CHANNELS_FIRST)
        self.key, self.name = "torch-windows", "PyTorch windows"

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        return super().contender(row, data, threads) if row.operator in composed.SAFE else None

    def _forward(self, row: Row, data: Data) -> Call:
        import torch

        x = self._tensor(data.x(self.layout))
        function = composed.SAFE[row.operator](torch, row)
        return functools.partial(function, x, **self._given(data))

    def _backward(self, row: Row, data: Data) -> Call:
        import torch

        x, gy = (self._tensor(array(self.layout)) for array in (data.x, data.gy))
        return _autograd(composed.SAFE[row.operator](torch, row), x, gy)


def _autograd(function: Callable, x: torch.Tensor, gy: torch.Tensor) -> Call:
    """Return the backward pass that autograd records."""
    import torch

    with torch.inference_mode(False), torch.enable_grad():
        x, gy = x.clone().requires_grad_(), gy.clone()
        y = function(x)

    def call() -> torch.Tensor:
        with torch.inference_mode(False):
            (gx,) = torch.autograd.grad(y, x, gy, retain_graph=True)
        return gx

    return call


def _mean_of(row: Row) -> Callable[..., torch.Tensor]:
    from torch.nn import functional

    return functools.partial(
        getattr(functional, f"avg_pool{row.rank}d"), kernel_size=row.kernel, stride=row.stride,
        padding=row.padding, count_include_pad=False)


def _adaptive_sizes(row: Row) -> tuple[int, ...]:
    return row.output_shape[2:]


def _as_tensor(array: np.ndarray) -> torch.Tensor:
    """Return a tensor that shares the array's memory."""
    import torch

    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _as_array(tensor: torch.Tensor) -> np.ndarray:
    import torch

    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.uint16).numpy().view("bfloat16")
    return tensor.numpy()


def _arrays(result: torch.Tensor | tuple[torch.Tensor, ...], *,
            values_alone: bool) -> tuple[np.ndarray, ...]:
    tensors = result if isinstance(result, tuple) else (result,)
    return tuple(map(_as_array, tensors[:1] if values_alone else tensors))


# --- oneDNN --------------------------------------------------------------------------------------

class OneDnn(Torch):
    """oneDNN through PyTorch, in the blocked layout that its convolutions leave behind."""

    def __init__(self) -> None:
        super().__init__(CHANNELS_FIRST)
        self.key, self.name = "onednn", "oneDNN"
        if not self.missing:
            self.version, self.missing = _onednn_version()

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        import torch

        if row.reduction not in {"max", "avg"} or row.operator == "global_max" or row.rank == 1:
            return None
        if row.dtype != "float32":
            raise LeftOutError("PyTorch opens it for float32 on any processor")
        if row.positions:
            raise LeftOutError("its positions cannot be read")
        # What autograd is to see may not come from inference mode.
        with torch.inference_mode(False), torch.no_grad():
            x = _blocked(data.x(self.layout))
            if row.backward:
                call = self._gradient(row, x, _blocked(data.gy(self.layout)))
            else:
                call = self._training(row, x) if row.keeps else self._call(row, x)
        return Contender(self.name, self.role, call,
                         lambda result: (result.detach().to_dense().numpy(),))

    def _call(self, row: Row, x: torch.Tensor) -> Call:
        import torch

        if row.is_adaptive or row.is_global:
            if row.reduction == "max":
                raise LeftOutError("PyTorch does not open it for adaptive maxima")
            function = getattr(torch._C._nn, f"adaptive_avg_pool{row.rank}d")
            return functools.partial(function, x, _adaptive_sizes(row))
        sizes = row.kernel, row.stride, row.padding
        names = torch if row.reduction == "max" else torch._C._nn
        return functools.partial(getattr(names, f"{row.reduction}_pool{row.rank}d"), x, *sizes)

    def _training(self, row: Row, x: torch.Tensor) -> Call:
        """Return the call whose result can be differentiated: PyTorch opens no other way."""
        import torch

        forward = self._call(row, x.requires_grad_(True))

        def call() -> object:
            with torch.inference_mode(False), torch.enable_grad():
                return forward()

        return call

    def _gradient(self, row: Row, x: torch.Tensor, gy: torch.Tensor) -> Call:
        import torch

        y = self._training(row, x)()

        def call() -> object:
            with torch.inference_mode(False):
                gx, = torch.autograd.grad(y, x, gy, retain_graph=True)
            return gx

        return call


def _blocked(array: np.ndarray) -> torch.Tensor:
    """Return the values in the layout oneDNN chooses.

    ``to_mkldnn()`` alone keeps the channels first, in which oneDNN's pooling is many times
    slower. A convolution's result is laid out as oneDNN likes it: by one weight of 1 for each
    channel, which changes no value.
    """
    import torch

    x = torch.from_numpy(array)
    rank, channels = x.dim() - 2, x.shape[1]
    ones = torch.ones(channels, 1, *(1,) * rank).to_mkldnn()
    return torch.ops.aten.mkldnn_convolution(
        x.to_mkldnn(), ones, None, [0] * rank, [1] * rank, [1] * rank, channels)


def _onednn_version() -> tuple[str, str]:
    import torch

    if not torch.backends.mkldnn.is_available():
        return "", "this PyTorch was built without it"
    built = re.search(r"(?:MKL-DNN|oneDNN) v([\d.]+)", torch.__config__.show())
    return built.group(1) if built else f"of PyTorch {torch.__version__}", ""
