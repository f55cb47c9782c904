"""What one writes with PyTorch's operators for poolings that PyTorch does not have.

Each function is given the module torch, the row, x, and what the row's operator is given beside
it, all as tensors, and returns the call that is timed. What does not depend on x is made before.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rows import Row

from peers.base import LeftOutError

if TYPE_CHECKING:
    from torch import Tensor

    Call = Callable[[], object]


# --- order statistics ----------------------------------------------------------------------------

def _windows(torch: Any, row: Row, x: Tensor, padded_with: float | None = None) -> Tensor:
    """The elements of each window along one last axis."""
    if any(row.padding):
        pads = [each for padding in row.padding[::-1] for each in (padding, padding)]
        if padded_with is not None:
            x = torch.nn.functional.pad(x, pads, value=padded_with)
        elif row.arguments.get("padding_mode") == "nearest":
            x = torch.nn.functional.pad(x, pads, mode="replicate")
        else:
            raise LeftOutError("padding would be among the elements that are sorted")
    for axis, (kernel, stride, _) in enumerate(row.windows, 2):
        x = x.unfold(axis, kernel, stride)
    return x.flatten(-row.rank)


def _median(torch: Any, row: Row, x: Tensor) -> Call:
    if row.taps % 2:
        return lambda: _windows(torch, row, x).median(-1).values
    middle = row.taps // 2

    def call() -> Tensor:
        # Its median is the lower one of the two in the middle.
        ordered = _windows(torch, row, x).sort(-1).values
        return (ordered[..., middle - 1] + ordered[..., middle]) / 2

    return call


def _quantile(torch: Any, row: Row, x: Tensor) -> Call:
    return lambda: torch.quantile(_windows(torch, row, x), row.arguments["q"], -1)


def _rank(torch: Any, row: Row, x: Tensor) -> Call:
    return lambda: _windows(torch, row, x).kthvalue(row.arguments["rank"] + 1, -1).values


def _trimmed_mean(torch: Any, row: Row, x: Tensor) -> Call:
    cut = int(row.arguments["cut"] * row.taps)
    kept = slice(cut, row.taps - cut)
    return lambda: _windows(torch, row, x).sort(-1).values[..., kept].mean(-1)


def _mode(torch: Any, row: Row, x: Tensor) -> Call:
    if row.arguments.get("ties") == "first":
        raise LeftOutError("takes the least of the most frequent")
    # It has no mode of unsigned integers; for labels below the half of the type it is the same.
    signed = {4: torch.int32, 8: torch.int64}.get(x.element_size(), x.dtype)
    if int(x.view(signed).min()) < 0:
        raise LeftOutError("takes large labels for negative ones, which are the least")
    return lambda: _windows(torch, row, x.view(signed)).mode(-1).values.view(x.dtype)


# --- exponentials, of elements of any size --------------------------------------------------------

def _log_sum_exp(torch: Any, row: Row) -> Callable[..., Tensor]:
    counts = _windows(torch, row, torch.ones(row.shape), 0.0).sum(-1).log()
    return lambda x: _windows(torch, row, x, -math.inf).logsumexp(-1) - counts


def _soft(torch: Any, row: Row) -> Callable[..., Tensor]:
    def function(x: Tensor, logits: Tensor | None = None) -> Tensor:
        logits = x if logits is None else logits
        weights = _windows(torch, row, logits, -math.inf).softmax(-1)
        return (weights * _windows(torch, row, x, 0.0)).sum(-1)

    return function


#: Functions of x, and of what the operator is given beside it. What is written with PyTorch's means
#: of windows, here and in peers/pytorch.py, overflows where elements are above 88.
SAFE: dict[str, Callable[..., Callable[..., Tensor]]] = {
    "log_sum_exp": _log_sum_exp, "soft": _soft, "lip": _soft,
}  # fmt: skip


# --- random --------------------------------------------------------------------------------------

def _means(torch: Any, row: Row) -> Callable[..., Tensor]:
    """Means of windows, of what exists."""
    function = getattr(torch.nn.functional, f"avg_pool{row.rank}d")
    return lambda x: function(x, row.kernel, row.stride, row.padding, count_include_pad=False)


def _maxima(torch: Any, row: Row) -> Callable[..., Tensor]:
    function = getattr(torch, f"max_pool{row.rank}d")
    return lambda x: function(x, row.kernel, row.stride, row.padding)


def _stochastic(torch: Any, row: Row, x: Tensor) -> Call:
    if not row.arguments.get("training", True):
        return _expected_stochastic(torch, row, x)
    torch.manual_seed(0)

    def call() -> Tensor:
        elements = _windows(torch, row, x)
        sums = elements.relu().cumsum(-1)
        total = sums[..., -1:]
        drawn = torch.rand_like(total)
        # The first place whose sum is greater; where nothing is positive, any.
        place = (sums <= drawn * total).sum(-1, keepdim=True).clamp_(max=row.taps - 1)
        place = torch.where(total > 0, place, (drawn * row.taps).long())
        return elements.gather(-1, place).squeeze(-1)

    return call


def _expected_stochastic(torch: Any, row: Row, x: Tensor) -> Call:
    mean = _means(torch, row)

    def call() -> Tensor:
        share = x.relu()
        total = mean(share)
        return torch.where(total > 0, mean(share * x) / total, mean(x))

    return call


def _s3(torch: Any, row: Row, x: Tensor) -> Call:
    grid, kernel = row.arguments["grid_size"], row.kernel[0]
    maxima = getattr(torch, f"max_pool{row.rank}d")
    if not row.arguments.get("training", True):
        mean = getattr(torch.nn.functional, f"avg_pool{row.rank}d")
        return lambda: mean(maxima(x, kernel, 1, kernel // 2), grid)
    torch.manual_seed(0)

    def call() -> Tensor:
        y = maxima(x, kernel, 1, kernel // 2)
        for axis in range(2, 2 + row.rank):
            starts = torch.arange(0, y.shape[axis], grid)
            y = y.index_select(axis, starts + torch.randint(grid, starts.shape))
        return y

    return call


def _fractional_max(torch: Any, row: Row, x: Tensor, _random_samples: Tensor) -> Call:
    function = getattr(torch.nn.functional, f"fractional_max_pool{row.rank}d")
    return lambda: function(x, **row.arguments, _random_samples=_random_samples)


def _fractional_avg(torch: Any, row: Row, x: Tensor, _random_samples: Tensor) -> Call:
    taps = torch.arange(row.kernel[0])

    def places(samples: Tensor, length: int, count: int) -> Tensor:
        """Elements of all windows along an axis, for each plane: windows one after the other."""
        alpha = (length - len(taps)) / (count - 1)
        samples = samples[..., None]
        starts = ((torch.arange(count) + samples) * alpha).long() - (samples * alpha).long()
        starts[..., -1] = length - len(taps)
        return (starts[..., None] + taps).flatten(2)

    def call() -> Tensor:
        (high, wide), (rows, columns) = x.shape[2:], row.output_shape[2:]
        # The samples are of the width and the height, in this order.
        down = places(_random_samples[..., 1], high, rows)
        across = places(_random_samples[..., 0], wide, columns)
        y = x.gather(2, down[..., None].expand(-1, -1, -1, wide)).unflatten(2, (rows, -1)).mean(3)
        y = y.gather(3, across[..., None, :].expand(-1, -1, rows, -1))
        return y.unflatten(3, (columns, -1)).mean(4)

    return call


# --- alternatives --------------------------------------------------------------------------------

def _blurred(torch: Any, x: Tensor, size: int, stride: int) -> Callable[[Tensor], Tensor]:
    """A binomial filter for each channel, with mirrored borders."""
    taps = torch.tensor([math.comb(size - 1, i) / 2 ** (size - 1) for i in range(size)])
    weight = (taps[:, None] * taps).to(x.dtype).expand(x.shape[1], 1, size, size).contiguous()
    pads = [(size - 1) // 2, size // 2] * 2
    functional = torch.nn.functional
    return lambda each: functional.conv2d(
        functional.pad(each, pads, mode="reflect"), weight, stride=stride, groups=x.shape[1])


def _blur(torch: Any, row: Row, x: Tensor) -> Call:
    blur = _blurred(torch, x, row.arguments["filter_size"], row.arguments["stride"])
    return lambda: blur(x)


def _max_blur(torch: Any, row: Row, x: Tensor) -> Call:
    blur = _blurred(torch, x, row.arguments["filter_size"], row.arguments["stride"])
    return lambda: blur(torch.max_pool2d(x, row.kernel, 1))


def _spatial_pyramid(torch: Any, row: Row, x: Tensor) -> Call:
    pool = torch.nn.functional.adaptive_max_pool2d
    return lambda: torch.cat([pool(x, level).flatten(1) for level in row.arguments["levels"]], 1)


def _sppf(torch: Any, row: Row, x: Tensor) -> Call:
    kernel = row.kernel[0]

    def call() -> Tensor:
        parts = [x]
        for _ in range(row.arguments["repeats"]):
            parts.append(torch.max_pool2d(parts[-1], kernel, 1, kernel // 2))
        return torch.cat(parts, 1)

    return call


def _haar(torch: Any, row: Row, x: Tensor) -> Call:
    # A block of 2 x 2 of an orthonormal basis: its sum, divided by 2.
    return lambda: torch.nn.functional.avg_pool2d(x, 2, divisor_override=2)


def _spectral(torch: Any, row: Row, x: Tensor) -> Call:
    def call() -> Tensor:
        y = x
        for axis, size in enumerate(row.output_shape[2:], 2):
            spectrum = torch.fft.rfft(y, dim=axis, norm="forward")
            y = torch.fft.irfft(spectrum, size, dim=axis, norm="forward")
        return y

    return call


def _polyphase(torch: Any, row: Row, x: Tensor) -> Call:
    step = row.arguments["stride"]
    phases = [(i, j) for i in range(step) for j in range(step)]

    def call() -> Tensor:
        sums = [x[:, :, i::step, j::step].square().sum((1, 2, 3)) for i, j in phases]
        chosen = [phases[k] for k in torch.stack(sums).argmax(0).tolist()]
        return torch.stack([x[n, :, i::step, j::step] for n, (i, j) in enumerate(chosen)])

    return call


def _attention(torch: Any, row: Row, x: Tensor, query: Tensor) -> Call:
    def call() -> Tensor:
        positions = x.flatten(2)
        scores = (query / math.sqrt(len(query))) @ positions
        return (positions @ scores.softmax(-1)[..., None]).squeeze(-1)

    return call


def _lip(torch: Any, row: Row, x: Tensor, logits: Tensor) -> Call:
    mean = _means(torch, row)

    def call() -> Tensor:
        weights = logits.exp()
        return mean(x * weights) / mean(weights)

    return call


def _mixed(torch: Any, row: Row, x: Tensor) -> Call:
    mean, maximum, alpha = _means(torch, row), _maxima(torch, row), 0.5
    return lambda: alpha * maximum(x) + (1 - alpha) * mean(x)


def _gated(torch: Any, row: Row, x: Tensor, weight: Tensor) -> Call:
    mean, maximum = _means(torch, row), _maxima(torch, row)
    gates = weight.expand(x.shape[1], 1, *row.kernel).contiguous()

    def call() -> Tensor:
        gate = torch.conv2d(x, gates, None, row.stride, row.padding, 1, x.shape[1]).sigmoid()
        return gate * maximum(x) + (1 - gate) * mean(x)

    return call


def _detail_preserving(torch: Any, row: Row, x: Tensor) -> Call:
    mean, blur = _means(torch, row), _blurred(torch, x, 3, 1)

    def call() -> Tensor:
        surroundings = torch.nn.functional.interpolate(mean(blur(x)), scale_factor=row.kernel)
        weights = ((x - surroundings).square() + 1e-6).sqrt()
        return mean(weights * x) / mean(weights)

    return call


def _conv(torch: Any, row: Row, x: Tensor, weight: Tensor) -> Call:
    groups = x.shape[1] // weight.shape[1]
    if not x.is_contiguous():
        weight = weight.contiguous(memory_format=torch.channels_last)
    return lambda: torch.conv2d(x, weight, None, row.stride, row.padding, 1, groups)


CALLS: dict[str, Callable[..., Call]] = {
    "median": _median, "quantile": _quantile, "rank": _rank, "trimmed_mean": _trimmed_mean,
    "mode": _mode, "stochastic": _stochastic, "s3": _s3, "fractional_max": _fractional_max,
    "fractional_avg": _fractional_avg, "blur": _blur, "max_blur": _max_blur,
    "spatial_pyramid": _spatial_pyramid, "sppf": _sppf, "haar": _haar, "spectral": _spectral,
    "polyphase": _polyphase, "attention": _attention, "lip": _lip, "mixed": _mixed,
    "gated": _gated, "detail_preserving": _detail_preserving, "conv": _conv,
    "depthwise_conv": _conv,
}
