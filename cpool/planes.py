"""Windows that differ from plane to plane: those of `fractional`, whose places are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from cpool import arrays
from cpool.draws import Rng, philox
from cpool.reductions.base import Pullback, Reduction
from cpool.windows import Fractional, fractional


def is_drawn(windows: Any) -> bool:
    """Whether the windows are drawn by the call that pools."""
    return isinstance(windows, Fractional) and windows.samples is None


def _placed(
    x: np.ndarray, windows: Fractional, options: arrays.Options, samples: Any, rng: Rng
) -> Fractional:
    """The windows of each plane of x: of each index of the axes that are not pooled, in row-major
    order."""
    lead, rank = _lead(x, windows, options)
    if samples is None:
        samples = philox(rng).random((*lead, rank))
    samples = _checked(np.asarray(samples), lead, rank)
    if len(samples) > 1 and (samples != samples[0]).any():
        return windows.of_planes(samples)
    return fractional(
        windows.kernel_size, windows.output_size, windows.output_ratio,
        samples=samples[0] if len(samples) else np.zeros(rank), overlapping=windows.overlapping,
    )  # fmt: skip


def _lead(
    x: np.ndarray, windows: Fractional, options: arrays.Options
) -> tuple[tuple[int, ...], int]:
    """The lengths of the axes that number the planes, and how many others there are."""
    axes, _ = arrays.pooled_axes(x.ndim, windows, options.axes, options.channels_last, options.rank)
    return tuple(n for axis, n in enumerate(x.shape) if axis not in axes), len(axes)


def check_samples(
    x: np.ndarray, windows: Fractional, options: arrays.Options, samples: Any
) -> None:
    """Raise for samples of another shape than planes take."""
    _checked(np.asarray(samples), *_lead(x, windows, options))


def _checked(samples: np.ndarray, lead: tuple[int, ...], rank: int) -> np.ndarray:
    """A row for each plane: a number for each entry of the windows' arguments."""
    shape = (*lead, rank)
    # PyTorch has samples of shape (1, C, 2) for one sample of shape (C, H, W).
    if len(lead) == 1 and samples.shape == (1, *shape):
        samples = samples[0]
    if samples.shape != shape:
        raise ValueError(
            f"samples must have the shape {shape}, one number for each pooled axis of each "
            f"plane, got {samples.shape}"
        )
    return samples.reshape(-1, rank)


def forward(
    x: Any, reduction: Reduction, windows: Fractional, options: arrays.Options, *own: Any,
    samples: Any = None, rng: Rng = None,
) -> Any:  # fmt: skip
    """A reduction over windows that are drawn for each plane, or given by samples for each.

    own: what its method takes beside windows and options.
    """
    x = arrays.as_input(x)
    return reduction.forward(x, _placed(x, windows, options, samples, rng), options, *own)


def vjp(
    x: Any, reduction: Reduction, windows: Fractional, options: arrays.Options, *own: Any,
    samples: Any = None, rng: Rng = None,
) -> tuple[Any, Pullback]:  # fmt: skip
    x = arrays.as_input(x)
    return reduction.vjp(x, _placed(x, windows, options, samples, rng), options, *own)
