"""What is measured: a table of immutable rows, and the data for each of them.

A row is one call of one operator. It knows nothing of cpool or of its peers: how each of them
is asked for a row stands in :mod:`peers`. A new row is a new line in one of the tables at the end.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

import numpy as np

CHANNELS_FIRST = "channels_first"
CHANNELS_LAST = "channels_last"

# How a layout is written in a row's name, by the number of pooled axes.
LAYOUT_WORDS = {
    CHANNELS_FIRST: {1: "NCW", 2: "NCHW", 3: "NCDHW"},
    CHANNELS_LAST: {1: "NWC", 2: "NHWC", 3: "NDHWC"},
}


@dataclass(frozen=True)
class Row:
    """One call to measure.

    Parameters
    ----------
    title : str
        Operator and window, for example ``"max 3x3/2 p1"``.
    operator : str
        What stands before ``_pool`` in cpool's name: ``"max"``, ``"avg"``, ``"global_avg"``.
    shape : tuple of int
        Batch, channels, then the pooled axes, whatever the layout.
    arguments : mapping
        The operator's arguments as cpool and PyTorch name them.
    dtype : str
    layout : str
        ``"channels_first"`` or ``"channels_last"``: where cpool is given the channels. A peer
        with a layout of its own is given the data in that layout.
    positions : bool
        Values and positions are asked for.
    backward : bool
        The gradient alone is measured, the forward pass was done before.
    """

    title: str
    operator: str
    shape: tuple[int, ...]
    arguments: Mapping[str, object] = field(default_factory=dict, hash=False)
    dtype: str = "float32"
    layout: str = CHANNELS_FIRST
    positions: bool = False
    backward: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "arguments", MappingProxyType(dict(self.arguments)))

    @property
    def name(self) -> str:
        """The whole row in one line; ``--rows`` matches it."""
        direction = "backward " if self.backward else ""
        shape = "x".join(map(str, self.shape))
        layout = LAYOUT_WORDS[self.layout][self.rank]
        return f"{direction}{self.title}, {shape} {self.dtype} {layout}"

    @property
    def rank(self) -> int:
        """Number of pooled axes."""
        return len(self.shape) - 2

    @property
    def function_name(self) -> str:
        """cpool's name for the operator."""
        rank = "" if self.operator.startswith("global_") else f"{self.rank}d"
        return f"{self.operator}_pool{rank}"

    @property
    def windows(self) -> tuple[tuple[int, int, int], ...]:
        """(kernel size, stride, padding) of each pooled axis."""
        spatial = self.shape[2:]
        if self.operator.startswith("global_"):
            return tuple((n, n, 0) for n in spatial)
        kernel = self.arguments["kernel_size"]
        stride = self.arguments.get("stride", kernel)
        padding = self.arguments.get("padding", 0)
        return tuple(zip(*(_per_axis(value, self.rank) for value in (kernel, stride, padding)),
                         strict=True))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the result, channels first."""
        sizes = ((n + 2 * padding - kernel) // stride + 1
                 for n, (kernel, stride, padding) in zip(self.shape[2:], self.windows, strict=True))
        return self.shape[:2] + tuple(sizes)

    @property
    def bytes_moved(self) -> int:
        """Bytes that any implementation has to read and write."""
        item = np.dtype(self.dtype).itemsize
        inputs, outputs = math.prod(self.shape), math.prod(self.output_shape)
        moved = item * (inputs + outputs)
        if self.positions:
            return moved + 8 * outputs
        if self.backward and self.operator == "max":
            # The position inside the window: a byte for up to 256 elements.
            taps = math.prod(kernel for kernel, _, _ in self.windows)
            return moved + outputs * (1 if taps <= 256 else 2)
        return moved

    @property
    def tolerance(self) -> float:
        """Allowed difference between two results, as a share of the largest magnitude."""
        selects = self.operator == "max" and not self.backward
        if selects or np.dtype(self.dtype).kind != "f":
            return 0.0
        return 16 * float(np.finfo(self.dtype).eps)

    def tiny(self) -> Row:
        """Return the same row on little data, for tests."""
        if self.operator.startswith("global_"):
            return replace(self, shape=(1, 3, *self.shape[2:]))
        spatial = (2 * kernel + 3 for kernel, _, _ in self.windows)
        return replace(self, shape=(1, 3, *spatial))

    def as_dict(self) -> dict[str, object]:
        """Return what the row says, ready for JSON."""
        return {
            "name": self.name,
            "operator": self.operator,
            "shape": list(self.shape),
            "arguments": dict(self.arguments),
            "dtype": self.dtype,
            "layout": self.layout,
            "positions": self.positions,
            "backward": self.backward,
            "bytes_moved": self.bytes_moved,
        }


class Data:
    """The arrays of one row, in the layout that is asked for; copies are made once."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self._arrays: dict[tuple[str, str], np.ndarray] = {}

    def x(self, layout: str) -> np.ndarray:
        """The input."""
        return self._get("x", self.row.shape, layout)

    def gy(self, layout: str) -> np.ndarray:
        """The gradient in the output."""
        return self._get("gy", self.row.output_shape, layout)

    def _get(self, name: str, shape: tuple[int, ...], layout: str) -> np.ndarray:
        key = name, layout
        if key not in self._arrays:
            values = random_values(math.prod(shape), self.row.dtype).reshape(shape)
            self._arrays[key] = to_layout(values, layout)
        return self._arrays[key]


def to_layout(channels_first: np.ndarray, layout: str) -> np.ndarray:
    """Return a copy in the layout, C-contiguous and writeable."""
    if layout == CHANNELS_LAST:
        channels_first = np.moveaxis(channels_first, 1, -1)
    return np.array(channels_first, order="C")


def to_channels_first(array: np.ndarray, layout: str) -> np.ndarray:
    """Return a view with the channels after the batch."""
    return np.moveaxis(array, -1, 1) if layout == CHANNELS_LAST else array


def random_values(count: int, dtype: str) -> np.ndarray:
    """Return reproducible values: standard normal, or all integers of the type alike."""
    # Drawing a hundred million bytes takes longer than pooling them: draw once, cut for each row.
    largest = 1 << (count - 1).bit_length()
    return _pool_of_values(max(largest, 1 << 16), dtype)[:count]


@cache
def _pool_of_values(count: int, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        bounds = np.iinfo(kind)
        values = rng.integers(bounds.min, bounds.max, count, dtype=kind, endpoint=True)
    else:
        drawn = np.float64 if kind == np.float64 else np.float32
        values = rng.standard_normal(count, dtype=drawn).astype(kind, copy=False)
    values.setflags(write=False)
    return values


def _per_axis(value: object, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def select(rows: Iterable[Row], pattern: str | None) -> tuple[Row, ...]:
    """Return the rows whose name contains the pattern; ``*`` and ``?`` stand for any text."""
    if pattern is None:
        return tuple(rows)
    return tuple(row for row in rows
                 if fnmatch.fnmatchcase(row.name.lower(), f"*{pattern.lower()}*"))


# --- the table -----------------------------------------------------------------------------------

def _window(operator: str, kernel: int, stride: int, padding: int, shape: tuple[int, ...],
            **options: object) -> Row:
    sides = "x".join([str(kernel)] * (len(shape) - 2))
    title = f"{operator} {sides}/{stride}" + (f" p{padding}" if padding else "")
    if options.get("positions"):
        title += " with positions"
    arguments = {"kernel_size": kernel, "stride": stride, "padding": padding}
    return Row(title, operator, shape, arguments, **options)


def _planar() -> Iterator[Row]:
    """Yield the rows that are measured in both layouts."""
    large, stem, stage = (32, 64, 112, 112), (8, 64, 112, 112), (8, 192, 28, 28)
    deep, filtered = (8, 256, 20, 20), (1, 8, 512, 512)
    yield _window("max", 2, 2, 0, large)
    yield _window("max", 3, 2, 1, stem)
    yield _window("max", 3, 1, 1, stage)
    yield _window("max", 5, 1, 2, deep)
    yield _window("max", 13, 1, 6, deep)
    yield _window("max", 31, 1, 15, filtered)
    yield _window("avg", 2, 2, 0, large)
    yield _window("avg", 3, 1, 1, stage)
    yield _window("avg", 31, 1, 15, filtered)
    yield Row("global avg 7x7", "global_avg", (32, 2048, 7, 7))
    yield Row("max 2x2/2, one call", "max", (1, 16, 8, 8), {"kernel_size": 2})
    yield _window("max", 2, 2, 0, large, backward=True)
    yield _window("avg", 2, 2, 0, large, backward=True)
    for dtype in ("uint8", "float16", "float64"):
        yield _window("max", 2, 2, 0, stem, dtype=dtype)
    yield _window("max", 2, 2, 0, stem, positions=True)
    yield _window("max", 3, 2, 1, stem, positions=True)


def _other_ranks() -> Iterator[Row]:
    volume = (2, 32, 32, 64, 64)
    yield _window("max", 2, 2, 0, volume)
    yield _window("max", 3, 2, 1, volume)
    yield _window("max", 3, 2, 1, (32, 64, 16384))


ROWS: tuple[Row, ...] = (
    *(replace(row, layout=layout) for row in _planar()
      for layout in (CHANNELS_FIRST, CHANNELS_LAST)),
    *_other_ranks(),
)
