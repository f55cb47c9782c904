"""What is measured: a table of immutable rows, and the data for each of them.

A row is one call of one operator. It knows nothing of cpool or of its peers: how each of them
is asked for a row stands in :mod:`peers`. A new row is a new line in one of the tables at the end.

Shapes are those of well-known networks (the planes of 112 to 7 of residual networks, the 20x20 of
detectors), of photographs, scans and recordings.
"""

from __future__ import annotations

import contextlib
import fnmatch
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

import numpy as np

with contextlib.suppress(ImportError):
    # Gives NumPy the name "bfloat16"; rows of that type are told to be left out without it.
    import ml_dtypes  # noqa: F401

CHANNELS_FIRST = "channels_first"
CHANNELS_LAST = "channels_last"

# How a layout is written in a row's name, by the number of pooled axes.
LAYOUT_WORDS = {
    CHANNELS_FIRST: {1: "NCW", 2: "NCHW", 3: "NCDHW"},
    CHANNELS_LAST: {1: "NWC", 2: "NHWC", 3: "NDHWC"},
}


# Distance from 1 to the next number, of types that numpy.finfo may not know.
EPSILON = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}

#: Operators of positive numbers.
POSITIVE = frozenset({"power_mean", "geometric_mean", "harmonic_mean"})


@dataclass(frozen=True)
class Row:
    """One call to measure.

    Parameters
    ----------
    title : str
        Operator and window, for example ``"max 3x3/2 p1"``.
    operator : str
        ``"max"``, ``"min"``, ``"sum"`` or ``"avg"``, alone or after ``"adaptive_"`` or
        ``"global_"``; or ``"unpool"``.
    shape : tuple of int
        Batch, channels, then the pooled axes of the input, whatever the layout.
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
    keeps : bool
        The forward pass of training: what the backward pass needs is kept.
    result : str
        Type of the result where it is not the operator's own.
    existing : str
        ``"where"``: a mask says which elements exist; ``"omit"``: NaNs do not. Such a row has no
        peers: it is compared with the same call on elements that all exist.
    quick : bool
        Belongs to the subset that ``--quick`` measures.
    """

    title: str
    operator: str
    shape: tuple[int, ...]
    arguments: Mapping[str, object] = field(default_factory=dict, hash=False)
    dtype: str = "float32"
    layout: str = CHANNELS_FIRST
    positions: bool = False
    backward: bool = False
    keeps: bool = False
    result: str = ""
    existing: str = ""
    quick: bool = False

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
    def reduction(self) -> str:
        """What a window becomes: ``"max"``, ``"min"``, ``"sum"``, ``"avg"``; or ``"unpool"``."""
        return self.operator.removeprefix("adaptive_").removeprefix("global_")

    @property
    def is_global(self) -> bool:
        """Whether one window covers each plane."""
        return self.operator.startswith("global_")

    @property
    def is_adaptive(self) -> bool:
        """Whether the output size says where the windows are."""
        return self.operator.startswith("adaptive_")

    @property
    def is_sliding(self) -> bool:
        """Whether windows of one size slide over the planes and are reduced."""
        return self.operator in {"max", "min", "sum", "avg"}

    @property
    def function_name(self) -> str:
        """cpool's name for the operator."""
        if self.operator == "unpool":
            return f"max_unpool{self.rank}d"
        return f"{self.operator}_pool" + ("" if self.is_global else f"{self.rank}d")

    @property
    def windows(self) -> tuple[tuple[int, int, int], ...]:
        """(kernel size, stride, padding) of each pooled axis; of adaptive windows the largest."""
        spatial = self.shape[2:]
        if self.is_global:
            return tuple((n, n, 0) for n in spatial)
        if self.is_adaptive:
            sizes = _per_axis(self.arguments["output_size"], self.rank)
            return tuple((largest_adaptive(n, out), n // out, 0)
                         for n, out in zip(spatial, sizes, strict=True))
        kernel = self.arguments["kernel_size"]
        stride = self.arguments.get("stride", kernel)
        padding = self.arguments.get("padding", 0)
        return tuple(zip(*(_per_axis(value, self.rank) for value in (kernel, stride, padding)),
                         strict=True))

    @property
    def kernel(self) -> tuple[int, ...]:
        """Window size of each pooled axis."""
        return tuple(kernel for kernel, _, _ in self.windows)

    @property
    def stride(self) -> tuple[int, ...]:
        """Distance of the windows along each pooled axis."""
        return tuple(stride for _, stride, _ in self.windows)

    @property
    def padding(self) -> tuple[int, ...]:
        """Padding at both ends of each pooled axis."""
        return tuple(padding for _, _, padding in self.windows)

    @property
    def taps(self) -> int:
        """Elements of a window."""
        return math.prod(self.kernel)

    @property
    def visits(self) -> int:
        """Window elements of all windows: the work of an implementation that reads each."""
        return self.taps * math.prod(self.output_shape)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the result, channels first."""
        spatial = self.shape[2:]
        if self.is_adaptive:
            sizes = _per_axis(self.arguments["output_size"], self.rank)
        elif self.operator == "unpool":
            sizes = tuple((n - 1) * stride + kernel - 2 * padding
                          for n, (kernel, stride, padding) in zip(spatial, self.windows,
                                                                  strict=True))
        else:
            sizes = tuple((n + 2 * padding - kernel) // stride + 1
                          for n, (kernel, stride, padding) in zip(spatial, self.windows,
                                                                  strict=True))
        return self.shape[:2] + sizes

    @property
    def result_dtype(self) -> str:
        """Type of the result."""
        return self.result or self.dtype

    @property
    def bytes_moved(self) -> int:
        """Bytes that any implementation has to read and write."""
        inputs, outputs = math.prod(self.shape), math.prod(self.output_shape)
        moved = np.dtype(self.dtype).itemsize * (inputs + outputs)
        if self.existing == "where":
            moved += inputs
        if self.operator == "unpool":
            moved += 8 * inputs
        elif self.positions:
            moved += 8 * outputs
        elif (self.backward or self.keeps) and self.reduction == "max":
            # The position inside the window: a byte for up to 256 elements.
            moved += outputs * (1 if self.taps <= 256 else 2)
        return moved

    @property
    def tolerance(self) -> float:
        """Allowed difference between two results, as a share of the largest magnitude.

        Sums of many terms differ with their order, by about the square root of their number.
        """
        selects = self.reduction in {"max", "min", "unpool"} and not self.backward
        if selects or self.dtype not in EPSILON:
            return 0.0
        return max(16.0, 4.0 * math.sqrt(self.taps)) * EPSILON[self.dtype]

    @property
    def slack(self) -> float:
        """Allowed difference beside the tolerance: libraries round a mean to integers in 3 ways."""
        return float(self.reduction == "avg" and self.dtype not in EPSILON)

    @property
    def missing(self) -> str:
        """Why the row cannot be measured here, empty where it can."""
        try:
            np.dtype(self.dtype)
        except TypeError:
            return "needs the package ml_dtypes"
        return ""

    def tiny(self) -> Row:
        """Return the same row on little data, for tests."""
        if self.is_global or self.is_adaptive:
            return replace(self, shape=(1, 3, *self.shape[2:]))
        # Windows side by side cover the planes, as in most rows: some peers do nothing else.
        spatial = (4 * kernel if kernel == stride else 2 * kernel + 3
                   for kernel, stride, _ in self.windows)
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
            "keeps": self.keeps,
            "result": self.result_dtype,
            "existing": self.existing,
            "quick": self.quick,
            "bytes_moved": self.bytes_moved,
        }


def largest_adaptive(length: int, windows: int) -> int:
    """Return the size of the largest of so many adaptive windows over an axis."""
    return max(-(-(i + 1) * length // windows) - i * length // windows for i in range(windows))


class Data:
    """The arrays of one row, in the layout that is asked for; copies are made once."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self._arrays: dict[tuple[str, str], np.ndarray] = {}

    def x(self, layout: str) -> np.ndarray:
        """The input."""
        return self._get("x", layout, self._input)

    def gy(self, layout: str) -> np.ndarray:
        """The gradient in the output."""
        return self._get("gy", layout, lambda: self._values(self.row.output_shape))

    def where(self, layout: str) -> np.ndarray:
        """Which elements exist: nine of ten."""
        return self._get("where", layout, lambda: _tenths(self.row.shape) > 0)

    def positions(self, layout: str) -> np.ndarray:
        """For unpooling: a random place in each window, counted through the plane."""
        return self._get("positions", layout, lambda: random_positions(self.row))

    def _input(self) -> np.ndarray:
        values = self._values(self.row.shape)
        if self.row.reduction in POSITIVE:
            values = np.abs(values) + np.asarray(0.125, values.dtype)
        if self.row.existing == "omit":
            values = np.where(_tenths(self.row.shape) > 0, values, np.nan).astype(values.dtype)
        return values

    def _values(self, shape: tuple[int, ...]) -> np.ndarray:
        return random_values(math.prod(shape), self.row.dtype).reshape(shape)

    def _get(self, name: str, layout: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        key = name, layout
        if key not in self._arrays:
            self._arrays[key] = to_layout(make(), layout)
        return self._arrays[key]


def _tenths(shape: tuple[int, ...]) -> np.ndarray:
    """Return integers from 0 to 9 without order."""
    return random_values(math.prod(shape), "uint8").reshape(shape) % 10


def random_positions(row: Row) -> np.ndarray:
    """Return a place in each window for each value of a row that unpools."""
    plane, places = row.output_shape[2:], np.zeros(row.shape, np.int64)
    for axis, (kernel, stride, padding) in enumerate(row.windows):
        starts = np.arange(row.shape[2 + axis]) * stride - padding
        drawn = np.random.default_rng(axis).integers(0, kernel, row.shape)
        along = starts.reshape(-1, *(1,) * (row.rank - 1 - axis)) + drawn
        places = places * plane[axis] + np.clip(along, 0, plane[axis] - 1)
    return places


def to_layout(channels_first: np.ndarray, layout: str) -> np.ndarray:
    """Return a copy in the layout, C-contiguous and writeable."""
    if layout == CHANNELS_LAST:
        channels_first = np.moveaxis(channels_first, 1, -1)
    return np.array(channels_first, order="C")


def to_channels_first(array: np.ndarray, layout: str) -> np.ndarray:
    """Return a view with the channels after the batch."""
    return np.moveaxis(array, -1, 1) if layout == CHANNELS_LAST else array


#: So many different values, and then the same again: drawing them takes longer than pooling.
MOST_DRAWN = 1 << 22


def random_values(count: int, dtype: str) -> np.ndarray:
    """Return reproducible values: standard normal, or all integers of the type alike."""
    drawn = _drawn_values(dtype)
    return drawn[:count] if count <= len(drawn) else np.resize(drawn, count)


@cache
def _drawn_values(dtype: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        bounds = np.iinfo(kind)
        values = rng.integers(bounds.min, bounds.max, MOST_DRAWN, dtype=kind, endpoint=True)
    else:
        drawn = np.float64 if kind == np.float64 else np.float32
        values = rng.standard_normal(MOST_DRAWN, dtype=drawn).astype(kind, copy=False)
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

LARGE, STEM, STAGE = (32, 64, 112, 112), (8, 64, 112, 112), (8, 192, 28, 28)
DEEP, LATE, LAST = (8, 256, 20, 20), (8, 192, 14, 14), (8, 512, 7, 7)
FILTERED, TINY = (1, 8, 512, 512), (1, 16, 8, 8)
VOLUME, SCAN = (2, 32, 32, 64, 64), (1, 1, 128, 128, 128)
SERIES, AUDIO = (1, 64, 65536), (32, 64, 16384)
LONG_WINDOWS = (3, 5, 9, 13, 31, 101)


def _window(operator: str, kernel: int, stride: int, padding: int, shape: tuple[int, ...],
            note: str = "", **options: object) -> Row:
    sides = "x".join([str(kernel)] * (len(shape) - 2))
    title = f"{operator} {sides}/{stride}" + (f" p{padding}" if padding else "")
    if options.get("positions"):
        title += " with positions"
    if options.get("keeps"):
        title += " of vjp"
    if options.get("existing"):
        title += f" {options['existing']}"
    arguments = {"kernel_size": kernel, "stride": stride, "padding": padding}
    return Row(title + note, operator, shape, arguments, **options)


def _adaptive(operator: str, size: int, shape: tuple[int, ...], **options: object) -> Row:
    title = f"adaptive {operator} to {size}x{size}"
    return Row(title, f"adaptive_{operator}", shape, {"output_size": size}, **options)


def _global(operator: str, shape: tuple[int, ...], note: str = "", **options: object) -> Row:
    return Row(f"global {operator}{note}", f"global_{operator}", shape, **options)


def _planar() -> Iterator[Row]:
    """Yield the rows that are measured in both layouts."""
    yield from _common()
    yield from _small_planes()
    yield from _long_windows()
    yield from _types()
    yield from _with_positions()
    yield from _whole_planes()
    yield from _latency()
    yield from _gradients()
    yield from _existing()
    yield from _families()


def _common() -> Iterator[Row]:
    yield _window("max", 2, 2, 0, LARGE, quick=True)
    yield _window("max", 3, 2, 1, LARGE)
    yield _window("avg", 2, 2, 0, LARGE)
    yield _window("max", 3, 2, 1, STEM, quick=True)
    yield _window("min", 2, 2, 0, STEM)
    yield _window("min", 3, 2, 1, STEM)
    yield _window("sum", 2, 2, 0, STEM)
    yield _window("sum", 3, 1, 1, STAGE)
    yield _window("max", 5, 1, 2, DEEP, quick=True)
    yield _window("max", 13, 1, 6, DEEP)


def _small_planes() -> Iterator[Row]:
    for shape in (STAGE, DEEP, LATE, LAST):
        for operator in ("max", "avg"):
            yield _window(operator, 3, 1, 1, shape, quick=shape == STAGE)
            yield _window(operator, 3, 2, 1, shape, quick=shape == LAST and operator == "max")
            yield _window(operator, 2, 2, 0, shape, quick=shape == STAGE and operator == "avg")


def _long_windows() -> Iterator[Row]:
    for kernel in LONG_WINDOWS:
        for operator in ("max", "avg"):
            yield _window(operator, kernel, 1, kernel // 2, FILTERED, quick=kernel == 31)


def _types() -> Iterator[Row]:
    for dtype in ("float16", "bfloat16", "float64", "int8", "uint8"):
        # Means of integers in their own type: that is what the peers give.
        result = dtype if dtype in {"int8", "uint8"} else ""
        for operator in ("max", "avg"):
            given = result if operator == "avg" else ""
            quick = dtype in {"float16", "uint8"} and operator == "max"
            yield _window(operator, 2, 2, 0, STEM, dtype=dtype, result=given, quick=quick)
            yield _window(operator, 3, 2, 1, STEM, dtype=dtype, result=given)


def _with_positions() -> Iterator[Row]:
    for kernel, padding in ((2, 0), (3, 1)):
        yield _window("max", kernel, 2, padding, STEM, positions=True, quick=kernel == 2)
        yield _window("max", kernel, 2, padding, STEM, keeps=True, quick=kernel == 3)
        yield _window("max", kernel, 2, padding, STAGE, keeps=True)
    for shape in ((32, 64, 56, 56), LATE):
        yield Row("unpool 2x2/2", "unpool", shape, {"kernel_size": 2}, quick=shape == LATE)


def _whole_planes() -> Iterator[Row]:
    for operator in ("avg", "max"):
        yield _adaptive(operator, 7, (8, 512, 14, 14), quick=operator == "avg")
        yield _adaptive(operator, 6, (8, 256, 20, 20))
        yield _global(operator, (32, 2048, 7, 7), quick=operator == "avg")
        yield _global(operator, STEM)


def _latency() -> Iterator[Row]:
    yield Row("max 2x2/2, one call", "max", TINY, {"kernel_size": 2}, quick=True)
    yield Row("avg 2x2/2, one call", "avg", TINY, {"kernel_size": 2})
    yield _global("avg", TINY, ", one call")


def _gradients() -> Iterator[Row]:
    for shape in (LARGE, STAGE):
        yield _window("max", 2, 2, 0, shape, backward=True, quick=shape == STAGE)
        yield _window("max", 3, 2, 1, shape, backward=True, quick=shape == STAGE)
        yield _window("avg", 2, 2, 0, shape, backward=True)
        yield _window("avg", 3, 1, 1, shape, backward=True, quick=shape == STAGE)
    yield _adaptive("avg", 6, (8, 256, 20, 20), backward=True)
    yield _adaptive("max", 6, (8, 256, 20, 20), backward=True)
    yield _global("avg", (32, 2048, 7, 7), backward=True)
    yield Row("unpool 2x2/2", "unpool", LATE, {"kernel_size": 2}, backward=True)


def _existing() -> Iterator[Row]:
    for existing in ("where", "omit"):
        yield _window("max", 2, 2, 0, STEM, existing=existing, quick=True)
        yield _window("avg", 2, 2, 0, STEM, existing=existing)
        yield _window("max", 3, 2, 1, STEM, existing=existing)


def _families() -> Iterator[Row]:
    """Yield the rows of operators that are no folds; peers compose them of what they have."""
    for operator in ("rms", "power_mean", "geometric_mean", "harmonic_mean", "log_sum_exp", "soft"):
        yield _window(operator, 2, 2, 0, STEM, quick=operator == "soft")
        yield _window(operator, 3, 2, 1, STAGE)
    for kernel, padding, shape in ((2, 0, STEM), (3, 1, STAGE)):
        row = _window("lp", kernel, 2, padding, shape)
        yield replace(row, arguments={"norm_type": 2, **row.arguments})
    yield _global("power_mean", (32, 2048, 7, 7))


def _other_ranks() -> Iterator[Row]:
    yield _window("max", 3, 2, 1, AUDIO)
    for operator in ("max", "avg"):
        for kernel in LONG_WINDOWS:
            yield _window(operator, kernel, 1, 0, SERIES, quick=kernel == 101)
        yield _window(operator, 101, 1, 0, SERIES, dtype="float64")
    for layout in (CHANNELS_FIRST, CHANNELS_LAST):
        yield _window("max", 2, 2, 0, VOLUME, layout=layout, quick=layout == CHANNELS_FIRST)
        yield _window("max", 3, 2, 1, VOLUME, layout=layout)
        yield _window("avg", 2, 2, 0, VOLUME, layout=layout)
    yield _window("max", 2, 2, 0, VOLUME, backward=True)
    yield _window("avg", 2, 2, 0, VOLUME, backward=True)
    yield _window("max", 3, 1, 1, SCAN)
    yield _window("avg", 3, 1, 1, SCAN)
    yield _window("avg", 2, 2, 0, SCAN, dtype="uint8", result="uint8", quick=True)
    yield _window("max", 2, 2, 0, SCAN, dtype="uint8")


def _images() -> Iterator[Row]:
    """Yield the rows of image files: interleaved channels."""
    for dtype in ("uint8", "uint16", "float32"):
        for channels in (1, 3, 4):
            yield _window("avg", 2, 2, 0, (1, channels, 4096, 4096), " image", dtype=dtype,
                          layout=CHANNELS_LAST, result="" if dtype == "float32" else dtype,
                          quick=(dtype, channels) == ("uint8", 3))
    yield _window("max", 2, 2, 0, (1, 1, 4096, 4096), " image", layout=CHANNELS_LAST)
    filtered = (1, 1, 1024, 1024)
    for kernel in (3, 31):
        for operator, dtype in (("max", "float32"), ("max", "uint8"), ("min", "uint8"),
                                ("avg", "float32")):
            yield _window(operator, kernel, 1, kernel // 2, filtered, " image", dtype=dtype,
                          layout=CHANNELS_LAST, quick=kernel == 31 and dtype == "float32")


ROWS: tuple[Row, ...] = (
    *(replace(row, layout=layout) for row in _planar()
      for layout in (CHANNELS_FIRST, CHANNELS_LAST)),
    *_other_ranks(),
    *_images(),
)
