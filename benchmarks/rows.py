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
from typing import Any

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

#: Operators whose results are elements of x: nothing is rounded.
SELECTIONS = frozenset({"max", "min", "unpool", "rank", "mode", "fractional_max", "roi_pool",
                        "spatial_pyramid", "sppf", "polyphase"})

#: What cpool calls an operator, where that is not its name, "_pool" and the number of axes.
FUNCTIONS = {"unpool": "max_unpool{}d", "conv": "conv{}d", "depthwise_conv": "conv{}d",
             "roi_align": "roi_align", "roi_pool": "roi_pool", "sppf": "sppf",
             "spatial_pyramid": "spatial_pyramid_pool", "attention": "attention_pool"}

#: Boxes of a row that pools regions.
BOXES = 128


@dataclass(frozen=True)
class Row:
    """One call to measure.

    Parameters
    ----------
    title : str
        Operator and window, for example ``"max 3x3/2 p1"``.
    operator : str
        ``"max"``, ``"min"``, ``"sum"`` or ``"avg"``, alone or after ``"adaptive_"`` or
        ``"global_"``; or another one, by cpool's name without ``_pool``.
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
    form : str
        How the input lies in memory, one of `FORMS`, where it is no ordinary array. Such a row has
        no peers either: it is compared with the same call on an ordinary one.
    group : str
        What ``--rows`` finds it by, beside its name.
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
    form: str = ""
    group: str = "folds"
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
        """The operator without what says where its windows are: ``"max"``, ``"min"``, ..."""
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
        if self.operator in FUNCTIONS:
            return FUNCTIONS[self.operator].format(self.rank)
        return f"{self.operator}_pool" + ("" if self.is_global else f"{self.rank}d")

    @property
    def call_arguments(self) -> dict[str, object]:
        """The operator's arguments, without the size of a convolution: its weight says it."""
        return {name: value for name, value in self.arguments.items()
                if not (name == "kernel_size" and self.operator.endswith("conv"))}

    @property
    def is_drawn(self) -> bool:
        """Whether the result is random: one can only compare what is expected of it."""
        return (self.operator in {"stochastic", "s3"}
                and bool(self.arguments.get("training", True)))

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
        arguments = self.arguments
        kernel = arguments.get("kernel_size",
                               arguments.get("filter_size", arguments.get("stride", 1)))
        stride = arguments.get("stride", kernel)
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
        if self.operator in OUTPUT_SHAPES:
            return OUTPUT_SHAPES[self.operator](self)
        spatial = self.shape[2:]
        if "output_size" in self.arguments:
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
        if self.operator == "lip":
            moved += np.dtype(self.dtype).itemsize * inputs
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
        selects = self.reduction in SELECTIONS or (self.reduction == "median" and self.taps % 2)
        if (selects and not self.backward) or self.dtype not in EPSILON:
            return 0.0
        return max(16.0, 4.0 * math.sqrt(self.taps)) * EPSILON[self.dtype]

    @property
    def slack(self) -> float:
        """Allowed difference beside the tolerance.

        Libraries round a mean to integers in three ways; and the means of what was drawn differ,
        see :meth:`comparable`, here by up to eight standard errors of independent values.
        """
        if self.is_drawn:
            shape = self.output_shape
            return 8 / math.sqrt(math.prod(shape) / shape[1])
        return float(self.reduction == "avg" and self.dtype not in EPSILON)

    def comparable(self, arrays: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """Return what is to be equal in two results: all, or of drawn ones each channel's mean."""
        if not self.is_drawn:
            return arrays
        return tuple(np.moveaxis(array, 1, 0).reshape(array.shape[1], -1).mean(1, np.float64)
                     for array in arrays)

    @property
    def has_peers(self) -> bool:
        """Whether others are measured beside it; else it is cpool with ordinary input."""
        return not (self.existing or self.form)

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
        channels = min(3, self.shape[1])
        if self.is_global or "output_size" in self.arguments:
            return replace(self, shape=(1, channels, *self.shape[2:]))
        # Windows side by side cover the planes, as in most rows: some peers do nothing else.
        spatial = (4 * kernel if kernel == stride else 2 * kernel + 3
                   for kernel, stride, _ in self.windows)
        return replace(self, shape=(1, channels, *spatial))

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
            "form": self.form,
            "group": self.group,
            "quick": self.quick,
            "bytes_moved": self.bytes_moved,
        }


def largest_adaptive(length: int, windows: int) -> int:
    """Return the size of the largest of so many adaptive windows over an axis."""
    return max(-(-(i + 1) * length // windows) - i * length // windows for i in range(windows))


def _divided(row: Row) -> tuple[int, ...]:
    """One of so many elements, and one for the rest: what subsampling leaves."""
    step = row.arguments.get("stride", row.arguments.get("grid_size", 2))
    lost = row.arguments["kernel_size"] - 1 if row.operator == "max_blur" else 0
    return (*row.shape[:2], *(-(-(n - lost) // step) for n in row.shape[2:]))


#: Shapes of results, channels first, of operators whose windows do not say them.
OUTPUT_SHAPES: dict[str, Callable[[Row], tuple[int, ...]]] = {
    **dict.fromkeys(("s3", "blur", "max_blur", "haar", "polyphase"), _divided),
    **dict.fromkeys(("roi_align", "roi_pool"), lambda row: (
        BOXES, row.shape[1], *_per_axis(row.arguments["output_size"], row.rank))),
    "spatial_pyramid": lambda row: (
        row.shape[0], row.shape[1] * sum(level ** row.rank for level in row.arguments["levels"])),
    "sppf": lambda row: (
        row.shape[0], row.shape[1] * (1 + row.arguments["repeats"]), *row.shape[2:]),
    "attention": lambda row: row.shape[:2],
}


class Data:
    """The arrays of one row, in the layout that is asked for; copies are made once."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self._arrays: dict[tuple[str, str], Any] = {}

    def x(self, layout: str) -> np.ndarray:
        """The input."""
        return self._get("x", layout, self._input)

    def x_in_form(self, layout: str) -> np.ndarray:
        """The input as it lies in memory."""
        if not self.row.form:
            return self.x(layout)
        key = "x_in_form", layout
        if key not in self._arrays:
            self._arrays[key] = FORMS[self.row.form](self.x(layout))
        return self._arrays[key]

    def gy(self, layout: str) -> np.ndarray:
        """The gradient in the output."""
        return self._get("gy", layout, lambda: self._values(self.row.output_shape))

    def where(self, layout: str) -> np.ndarray:
        """Which elements exist: nine of ten."""
        return self._get("where", layout, lambda: _tenths(self.row.shape) > 0)

    def positions(self, layout: str) -> np.ndarray:
        """For unpooling: a random place in each window, counted through the plane."""
        return self._get("positions", layout, lambda: random_positions(self.row))

    def given(self, layout: str) -> dict[str, object]:
        """What the operator is given beside x, by the names of cpool's arguments."""
        makers = GIVEN.get(self.row.operator, {})
        return {name: self._get(name, layout if name == "logits" else CHANNELS_FIRST,
                                lambda make=make: make(self.row))
                for name, make in makers.items()}

    def _input(self) -> np.ndarray:
        if self.row.reduction == "mode":
            return labels(self.row)
        values = self._values(self.row.shape)
        if self.row.reduction in POSITIVE:
            values = np.abs(values) + np.asarray(0.125, values.dtype)
        if self.row.existing == "omit":
            values = np.where(_tenths(self.row.shape) > 0, values, np.nan).astype(values.dtype)
        return values

    def _values(self, shape: tuple[int, ...]) -> np.ndarray:
        return random_values(math.prod(shape), self.row.dtype).reshape(shape)

    def _get(self, name: str, layout: str, make: Callable[[], Any]) -> Any:
        key = name, layout
        if key not in self._arrays:
            made = make()
            self._arrays[key] = made if isinstance(made, int) else to_layout(made, layout)
        return self._arrays[key]


def _with_gaps(x: np.ndarray) -> np.ndarray:
    return np.repeat(x, 2, axis=-1)[..., ::2]


def _reversed(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x[..., ::-1])[..., ::-1]


def _unaligned(x: np.ndarray) -> np.ndarray:
    return np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1).reshape(x.shape)


def _swapped(x: np.ndarray) -> np.ndarray:
    return x.astype(x.dtype.newbyteorder())


#: How an array may lie in memory, other than C-contiguous, aligned, in the machine's byte order.
FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "byte order": _swapped, "gaps": _with_gaps, "reversed": _reversed,
    "unaligned": _unaligned, "Fortran": np.asfortranarray,
}


def _tenths(shape: tuple[int, ...]) -> np.ndarray:
    """Return integers from 0 to 9 without order."""
    return random_values(math.prod(shape), "uint8").reshape(shape) % 10


def labels(row: Row) -> np.ndarray:
    """Return cells of 16 elements across, with borders inside windows and speckles inside cells.

    Random labels would have no majority, and cells alone nothing but one.
    """
    cells = tuple((n + 5) // 16 + 1 for n in row.shape[2:])
    shape = row.shape[:2] + cells
    # Half of the type: libraries without unsigned integers take them for the same labels.
    values = random_values(math.prod(shape), row.dtype).reshape(shape) >> 1
    for axis, n in enumerate(row.shape[2:], 2):
        values = values.take((np.arange(n) + 5) // 16, axis)
    speckles = random_values(math.prod(row.shape), "uint8").reshape(row.shape) < 16
    return np.where(speckles, values.dtype.type(7), values)


def boxes(row: Row) -> np.ndarray:
    """Return boxes of all sizes over the images of which x is the reduction."""
    scale = float(row.arguments["spatial_scale"])
    rng = np.random.default_rng(1)
    size = np.array(row.shape[:1:-1]) / scale
    ends = np.sort(rng.uniform(0, size, (2, BOXES, 2)), axis=0)
    numbers = rng.integers(0, row.shape[0], BOXES)
    return np.column_stack([numbers, ends[0], ends[1]]).astype(np.float32)


def samples(row: Row) -> np.ndarray:
    """Return a number from 0 to 1 for each plane and pooled axis."""
    return np.random.default_rng(2).random((*row.shape[:2], row.rank), np.float32)


def _scaled(row: Row, *shape: int, scale: float) -> np.ndarray:
    values = random_values(math.prod(shape), row.dtype).reshape(shape)
    return values * values.dtype.type(scale)


#: What operators are given beside x, by the names of cpool's arguments.
GIVEN: dict[str, dict[str, Callable[[Row], object]]] = {
    "lip": {"logits": lambda row: _scaled(row, *row.shape, scale=0.5)[:, :, ::-1]},
    "gated": {"weight": lambda row: _scaled(row, *row.kernel, scale=1 / row.taps)},
    "conv": {"weight": lambda row: _scaled(row, row.shape[1], row.shape[1], *row.kernel,
                                           scale=1 / row.taps)},
    "depthwise_conv": {"weight": lambda row: _scaled(row, row.shape[1], 1, *row.kernel,
                                                     scale=1 / row.taps),
                       "groups": lambda row: row.shape[1]},
    "attention": {"query": lambda row: _scaled(row, row.shape[1], scale=1.0)},
    "roi_align": {"boxes": boxes},
    "roi_pool": {"boxes": boxes},
    "fractional_max": {"_random_samples": samples},
    "fractional_avg": {"_random_samples": samples},
}


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
    """Return the rows whose name contains the pattern; ``*`` and ``?`` stand for any text.

    The name of a group stands for all of its rows.
    """
    if pattern is None:
        return tuple(rows)
    text = pattern.lower()
    return tuple(row for row in rows
                 if row.group == text or fnmatch.fnmatchcase(row.name.lower(), f"*{text}*"))


# --- the table -----------------------------------------------------------------------------------

LARGE, STEM, STAGE = (32, 64, 112, 112), (8, 64, 112, 112), (8, 192, 28, 28)
DEEP, LATE, LAST = (8, 256, 20, 20), (8, 192, 14, 14), (8, 512, 7, 7)
FILTERED, FILTER, TINY = (1, 8, 512, 512), (1, 1, 1024, 1024), (1, 16, 8, 8)
MAPS = (2, 256, 50, 50)
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
    for option in ("existing", "form"):
        if options.get(option):
            title += f" {options[option]}"
    own = options.pop("own", {})
    arguments = {"kernel_size": kernel, "stride": stride, "padding": padding, **own}
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
    yield from _in_group("forms", _forms())
    yield from _in_group("means", _families())
    yield from _in_group("order", _order())
    yield from _in_group("random", _random())
    yield from _in_group("regions", _regions())
    yield from _in_group("alternatives", _alternatives())


def _in_group(group: str, rows: Iterable[Row]) -> Iterator[Row]:
    return (replace(row, group=group) for row in rows)


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
    yield _window("max", 3, 2, 0, STAGE, backward=True)
    yield _global("max", STEM, backward=True)
    yield _adaptive("avg", 6, (8, 256, 20, 20), backward=True)
    yield _adaptive("max", 6, (8, 256, 20, 20), backward=True)
    yield _global("avg", (32, 2048, 7, 7), backward=True)
    yield Row("unpool 2x2/2", "unpool", LATE, {"kernel_size": 2}, backward=True)


def _existing() -> Iterator[Row]:
    for existing in ("where", "omit"):
        yield _window("max", 2, 2, 0, STEM, existing=existing, quick=True)
        yield _window("avg", 2, 2, 0, STEM, existing=existing)
        yield _window("max", 3, 2, 1, STEM, existing=existing)
        yield _window("avg", 3, 2, 1, STAGE, existing=existing)


def _forms() -> Iterator[Row]:
    for form in FORMS:
        yield _window("max", 2, 2, 0, STAGE, form=form)
        yield _window("max", 3, 2, 1, STAGE, form=form)
        yield _window("avg", 3, 1, 1, STAGE, form=form)
        yield _window("avg", 2, 2, 0, STEM, form=form)


def _families() -> Iterator[Row]:
    """Yield the rows of operators that are no folds; peers compose them of what they have."""
    for operator in ("rms", "power_mean", "geometric_mean", "harmonic_mean", "log_sum_exp", "soft"):
        yield _window(operator, 2, 2, 0, STEM, quick=operator == "soft")
        yield _window(operator, 3, 2, 1, STAGE)
    for kernel, padding, shape in ((2, 0, STEM), (3, 1, STAGE)):
        row = _window("lp", kernel, 2, padding, shape)
        yield replace(row, arguments={"norm_type": 2, **row.arguments})
    yield _global("power_mean", (32, 2048, 7, 7))
    for operator in ("rms", "log_sum_exp", "soft"):
        yield _window(operator, 2, 2, 0, STEM, backward=True)
        yield _window(operator, 3, 2, 1, STAGE, backward=True, quick=operator == "soft")


def _order() -> Iterator[Row]:
    """Yield the rows of order statistics in networks; those of images stand in `_filters`."""
    yield _window("median", 2, 2, 0, STEM)
    yield _window("median", 3, 2, 0, STAGE, quick=True)
    yield _window("quantile", 3, 2, 0, STAGE, " of 0.25", own={"q": 0.25})
    yield _window("rank", 3, 2, 0, STAGE, " of 2", own={"rank": 2})
    yield _window("trimmed_mean", 3, 2, 0, STAGE, " of 0.2", own={"cut": 0.2})


def _random() -> Iterator[Row]:
    for shape in (STEM, STAGE):
        yield _window("stochastic", 2, 2, 0, shape, own={"rng": 0}, quick=shape == STAGE)
    yield _window("stochastic", 2, 2, 0, STEM, ", expected", own={"training": False})
    grid = {"kernel_size": 3, "grid_size": 2}
    yield Row("s3 3x3, grid 2x2", "s3", STAGE, {**grid, "rng": 0})
    yield Row("s3 3x3, grid 2x2, expected", "s3", STAGE, {**grid, "training": False})
    halved = {"kernel_size": 2, "output_size": 19}
    for operator in ("max", "avg"):
        yield Row(f"fractional {operator} 2x2 to 19x19", f"fractional_{operator}", STAGE, halved,
                  quick=operator == "max")
    yield Row("fractional max 2x2 to 19x19 with positions", "fractional_max", STAGE,
              {**halved, "return_indices": True}, positions=True)


def _regions() -> Iterator[Row]:
    size = {"output_size": 7, "spatial_scale": 1 / 16}
    yield Row(f"roi pool of {BOXES} to 7x7", "roi_pool", MAPS, size)
    for ratio, note in ((2, "2x2 samples"), (0, "samples by size")):
        for aligned in (False, True):
            yield Row(f"roi align of {BOXES} to 7x7, {note}" + ", aligned" * aligned, "roi_align",
                      MAPS, {**size, "sampling_ratio": ratio, "aligned": aligned},
                      quick=ratio == 2 and aligned)


def _alternatives() -> Iterator[Row]:
    for size in (3, 5):
        yield Row(f"blur {size}x{size}/2", "blur", STEM, {"filter_size": size, "stride": 2},
                  quick=size == 3)
    yield Row("max blur 2x2, 3x3/2", "max_blur", STEM,
              {"kernel_size": 2, "stride": 2, "filter_size": 3})
    yield Row("spatial pyramid 1 2 4", "spatial_pyramid", LATE, {"levels": (1, 2, 4)})
    yield Row("sppf 5x5, 3 times", "sppf", DEEP, {"kernel_size": 5, "repeats": 3})
    yield Row("haar 2x2/2", "haar", STEM, {})
    yield Row("spectral to 14x14", "spectral", STAGE, {"output_size": 14})
    yield Row("polyphase 2x2/2", "polyphase", STAGE, {"stride": 2})
    yield Row("attention", "attention", LAST, {})
    yield from _weighted()
    yield _window("conv", 3, 1, 1, (8, 64, 56, 56), quick=True)
    yield _window("conv", 3, 2, 1, (8, 64, 56, 56))
    yield _window("depthwise_conv", 3, 2, 1, STAGE)


def _weighted() -> Iterator[Row]:
    for operator in ("lip", "mixed", "gated"):
        yield _window(operator, 2, 2, 0, STEM, quick=operator == "lip")
        yield _window(operator, 3, 2, 1, STAGE)
    yield _window("detail_preserving", 2, 2, 0, STAGE)


def _labels() -> Iterator[Row]:
    """Yield the rows of label images and volumes: the most frequent label of each window."""
    first = {"ties": "first"}
    yield _window("mode", 2, 2, 0, (1, 1, 2048, 2048), " image", dtype="uint32", own=first,
                  layout=CHANNELS_LAST)
    yield _window("mode", 4, 4, 0, (1, 1, 2048, 2048), " image", dtype="uint32",
                  layout=CHANNELS_LAST)
    for dtype in ("uint8", "uint32", "uint64"):
        yield _window("mode", 2, 2, 0, SCAN, dtype=dtype, own=first, quick=dtype == "uint32")
    yield _window("mode", 3, 3, 0, SCAN, dtype="uint32")


def _filters() -> Iterator[Row]:
    """Yield the rows of order statistics around each pixel, whose borders are repeated."""
    near = {"padding_mode": "nearest"}
    sizes = [(3, "float32"), (3, "uint8"), (5, "float32"), (5, "uint8"), (15, "uint8")]
    for kernel, dtype in sizes:
        yield _window("median", kernel, 1, kernel // 2, FILTER, " image", dtype=dtype, own=near,
                      result="uint8" if dtype == "uint8" else "", layout=CHANNELS_LAST,
                      quick=kernel == 3)
    yield _window("rank", 5, 1, 2, FILTER, " of 6 image", dtype="uint8", layout=CHANNELS_LAST,
                  own={**near, "rank": 6})


def _pyramids() -> Iterator[Row]:
    """Yield the rows of the next smaller image of a pyramid."""
    for channels in (1, 3):
        yield Row("blur 5x5/2 image", "blur", (1, channels, 2048, 2048),
                  {"filter_size": 5, "stride": 2}, layout=CHANNELS_LAST)


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
    for kernel in (3, 31):
        for operator, dtype in (("max", "float32"), ("max", "uint8"), ("min", "uint8"),
                                ("avg", "float32")):
            yield _window(operator, kernel, 1, kernel // 2, FILTER, " image", dtype=dtype,
                          layout=CHANNELS_LAST, quick=kernel == 31 and dtype == "float32")


ROWS: tuple[Row, ...] = (
    *(replace(row, layout=layout) for row in _planar()
      for layout in (CHANNELS_FIRST, CHANNELS_LAST)),
    *_other_ranks(),
    *_images(),
    *_in_group("order", _filters()),
    *_in_group("order", _labels()),
    *_in_group("alternatives", _pyramids()),
)

#: What ``--rows`` takes besides.
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(row.group for row in ROWS))
