"""A photograph pooled forward and backward, with every result checked and timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from timeit import timeit
from typing import Any, NamedTuple

import click
import numpy as np
from matplotlib.cbook import get_sample_data

import cpool
from cpool import reference
from cpool.cli import files

#: Windows side by side, so large that the pooling can be seen.
TILES = {"kernel_size": 8, "stride": 8}
#: Windows that overlap, as networks have them: their gradients add up.
OVERLAPPING = {"kernel_size": 3, "stride": 2, "padding": 1}

_LARGEST, _SMALLEST, _REPEATS = 1024, 16, 11
_ROUNDING = float(np.finfo(np.float32).eps) / 2


class Row(NamedTuple):
    """One operation: what it gave, milliseconds (its own, a copy's), what its check found."""

    what: str
    shape: tuple[int, ...]
    times: tuple[float, float]
    passed: bool
    finding: str

    def __str__(self) -> str:
        own, copy = self.times
        times = f"{own:>9.3f}{copy:>9.3f}{own / copy:>8.1f}"
        verdict = "ok" if self.passed else "FAILED"
        return f"{self.what:<18}{self.shape!s:<16}{times}  {verdict}: {self.finding}"


@dataclass(frozen=True)
class Demo:
    """All that was done with one photograph."""

    origin: str
    x: np.ndarray
    max_tiles: np.ndarray
    positions: np.ndarray
    avg_tiles: np.ndarray
    max_gradient: np.ndarray
    avg_gradient: np.ndarray
    rows: list[Row]

    @property
    def passed(self) -> bool:
        return all(row.passed for row in self.rows)

    def report(self) -> str:
        """The facts and the table of operations, as text in columns."""
        table = "\n".join(map(str, self.rows))
        good = sum(row.passed for row in self.rows)
        return f"""\
cpool             {cpool.__version__}
photograph        {self.origin}
input             {self.x.shape} {self.x.dtype}, channels last
instruction set   {cpool.show_config(mode="dict")["instruction_set"]}
threads           {cpool.get_num_threads()}

{"":18}{"result":<16}{"ms":>9}{"copy":>9}{"ratio":>8}  check
{table}

ms: median of {_REPEATS}; copy: the same for one copy of half the bytes read and written together
{good} of {len(self.rows)} checks passed"""


def run(path: Path | None) -> Demo:
    """Pool the image at `path`, or matplotlib's photograph."""
    origin, x = load(path)
    max_tiles, max_row = _forward("max_pool2d", TILES, x)
    positions, positions_row = _positions(x)
    avg_tiles, avg_row = _forward("avg_pool2d", TILES, x)
    rows = [max_row, positions_row, avg_row]
    gradients = []
    for operator in ("max_pool2d", "avg_pool2d"):
        rows.append(_forward(operator, OVERLAPPING, x)[1])
        gradient, row = _backward(operator, x)
        gradients.append(gradient)
        rows.append(row)
    return Demo(origin, x, max_tiles, positions, avg_tiles, *gradients, rows)


def load(path: Path | None) -> tuple[str, np.ndarray]:
    """The photograph, or matplotlib's: what it is, and float32 from 0 to 1, (height, width,
    channels), without transparency."""
    path = path or Path(get_sample_data("grace_hopper.jpg", asfileobj=False))
    if not files.is_image(path):
        raise click.ClickException(f"{path} is no image; arrays are for cpool pool")
    (pixels,) = files.read(path).values()
    height, width = pixels.shape[:2]
    origin = f"{path.name}, {width} x {height} pixels, {pixels.dtype}"
    x = pixels.reshape(height, width, -1).astype(np.float32)
    x = x[..., : 3 if x.shape[2] > 2 else 1]
    # 16 bits are rarely used in full
    low, high = (0, 255) if pixels.dtype == np.uint8 else (x.min(), x.max())
    if not np.isfinite(high - low):
        raise click.ClickException(f"{path} has pixels that are NaN, infinite or huge")
    x = (x - low) / (high - low or 1)
    factor = -(-max(height, width) // _LARGEST)
    if min(height, width) < _SMALLEST * factor:
        raise click.ClickException(
            f"{path} is too small or too narrow: {width} x {height} pixels, both must be at "
            f"least {_SMALLEST * factor}"
        )
    if factor > 1:
        x = cpool.avg_pool2d(x, factor, channels_last=True)
        origin += f", made {factor} times smaller by avg_pool2d"
    return origin, x


def _forward(operator: str, geometry: dict[str, int], x: np.ndarray) -> tuple[np.ndarray, Row]:
    call = partial(getattr(cpool, operator), x, **geometry, channels_last=True)
    y = call()
    expected = getattr(reference, operator)(x, **geometry, channels_last=True)
    kernel, stride = geometry["kernel_size"], geometry["stride"]
    # a maximum is exact; a mean of n numbers from 0 to 1 is off by n roundings at most
    bound = 0 if operator.startswith("max") else kernel**2 * _ROUNDING
    gap = float(np.abs(y - expected).max()) if y.shape == expected.shape else np.inf
    finding = f"differs from SciPy's by {gap:.0e}" if gap else "equals SciPy's"
    times = _milliseconds(call, x.nbytes + y.nbytes)
    what = f"{operator} {kernel}x{kernel}/{stride}"
    return y, Row(what, y.shape, times, gap <= bound, finding)


def _positions(x: np.ndarray) -> tuple[np.ndarray, Row]:
    call = partial(cpool.max_pool2d, x, **TILES, return_indices=True, channels_last=True)
    y, positions = call()
    pixels, flat = (array.reshape(-1, x.shape[2]) for array in (x, positions))
    there = np.take_along_axis(pixels, flat, axis=0).reshape(y.shape)
    right = int((there == y).sum())
    finding = f"{right} of {y.size} maxima are where it says"
    times = _milliseconds(call, x.nbytes + y.nbytes + positions.nbytes)
    return positions, Row("  with positions", y.shape, times, right == y.size, finding)


def _backward(operator: str, x: np.ndarray) -> tuple[np.ndarray, Row]:
    """The gradient of half the sum of the squares of the output, whose own gradient is itself."""
    y, pullback = cpool.vjp(getattr(cpool, operator), x, **OVERLAPPING, channels_last=True)
    gx = pullback(y)
    times = _milliseconds(partial(pullback, y), y.nbytes + gx.nbytes)
    # both are linear, the maximum as long as its choices stand: <A x, y> = <x, A' y>
    flat_x, flat_y, flat_gx = (array.ravel().astype(np.float64) for array in (x, y, gx))
    pairs = {"<Ax,y> = <x,A'y>": (flat_y @ flat_y, flat_x @ flat_gx)}
    if operator.startswith("max"):  # each window passes on all that it is given
        pairs["sums"] = flat_y.sum(), flat_gx.sum()
    gaps = {name: abs(a - b) / (a or 1) for name, (a, b) in pairs.items()}
    finding = ", ".join(f"{name} within {gap:.0e}" for name, gap in gaps.items())
    bound = 2 * OVERLAPPING["kernel_size"] ** 2 * _ROUNDING
    passed = all(gap <= bound for gap in gaps.values())
    return gx, Row("  backward", gx.shape, times, passed, finding)


def _milliseconds(call: Callable[[], Any], nbytes: int) -> tuple[float, float]:
    """Of a call, and of one copy that moves as many bytes: medians, measured in turns."""
    source = np.ones(nbytes // 2, np.uint8)
    copy = partial(np.copyto, np.zeros_like(source), source)
    rounds = [(timeit(call, number=1), timeit(copy, number=1)) for _ in range(_REPEATS)]
    own, copied = zip(*rounds, strict=True)
    return 1e3 * median(own), 1e3 * median(copied)
