"""What a pooling takes, what it sees, and what it does to translations.

`cost` counts operations and bytes, `receptive_field` follows an output back to the input, and
`shift_consistency` measures how far a function commutes with shifts. The first two look at shapes
only; the last one calls the function.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from math import prod
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cpool import arrays, counting, functional
from cpool.alternatives.common import checked_policy
from cpool.alternatives.pyramids import spatial_pyramid_pool
from cpool.arrays import Options
from cpool.draws import philox
from cpool.levels import Pyramid, pyramid
from cpool.pooling import as_reduction, check_given, pool
from cpool.reductions import REGISTRY
from cpool.reductions.base import Operations, Reduction, Work, floating_dtype
from cpool.windows import Sliding, Windows, adaptive, sliding, whole

__all__ = ["cost", "receptive_field", "shift_consistency"]

Function = Callable[..., Any]
Ints = tuple[int, ...]
Shift = SupportsIndex | Sequence[SupportsIndex]


# Tables -------------------------------------------------------------------------------------------


def _aligned(rows: list[list[str]]) -> str:
    """Columns: the first one to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _product(numbers: Iterable[Any]) -> str:
    return " x ".join(f"{number:g}" for number in numbers)


# Calls: what a named function pools, and how ------------------------------------------------------


def _named() -> dict[Function, tuple[type[Reduction], int]]:
    """Named function -> its reduction and rank (0: n-dimensional, -1: global)."""
    ranks = {"1d": 1, "2d": 2, "3d": 3, "": 0}
    found = {}
    for kind in REGISTRY.values():
        names = {
            f"{form}{kind.function}{suffix}": rank
            for form in ("", "adaptive_")
            for suffix, rank in ranks.items()
        }
        names[f"global_{kind.function}"] = -1
        for name, rank in names.items():
            if hasattr(functional, name):
                found[getattr(functional, name)] = kind, rank
    return found


_NAMED = _named()
_SLIDING = tuple(inspect.signature(sliding).parameters)


@dataclass(frozen=True)
class _Call:
    """A call of `pool`, or of a name for it, on an array of which only the shape is known."""

    reduction: Reduction
    windows: Windows
    axes: Ints  # pooled axes in the order of the array
    order: Ints  # which of the windows' arguments is that of each
    rank: int
    arguments: dict[str, Any]


def _bound(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    try:
        bound = inspect.signature(function).bind(None, *args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{function.__name__}() {error}") from None
    bound.apply_defaults()
    return dict(bound.arguments)


def _windows_of(arguments: dict[str, Any]) -> Windows:
    if "windows" in arguments:
        if not isinstance(arguments["windows"], Windows):
            given = arguments["windows"]
            raise TypeError(
                f"windows must be made by sliding, adaptive, fractional, whole or pyramid, got "
                f"{given!r}"
            )
        return arguments["windows"]
    if "levels" in arguments:
        return pyramid(arguments["levels"])
    if "kernel_size" in arguments:
        return sliding(**{name: arguments[name] for name in _SLIDING if name in arguments})
    return adaptive(arguments["output_size"]) if "output_size" in arguments else whole()


def _understood(
    function: Function, ndim: int, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> _Call | None:
    """None for a function that is not made of a reduction and windows."""
    general = function in (pool, spatial_pyramid_pool)
    if not general and function not in _NAMED:
        return None
    arguments = _bound(function, args, kwargs)
    windows = _windows_of(arguments)
    if general:
        reduction, rank = as_reduction(arguments["reduction"]), 0
    else:
        kind, rank = _NAMED[function]
        taken = [name for name in kind.own if name in arguments]
        reduction = kind(*(arguments[name] for name in taken))
    channels_last = arrays.flag(arguments["channels_last"], "channels_last")
    one = windows.grids[0] if isinstance(windows, Pyramid) else windows
    axes, order = arrays.pooled_axes(ndim, one, arguments.get("axes"), channels_last, rank)
    return _Call(reduction, windows, axes, order, rank, arguments)


# Cost ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """What one call takes; `print` shows it as a table.

    Attributes
    ----------
    function : str
        Name of the function.
    input_shape, output_shape : tuple of int
    input_dtype, output_dtype : str
    formula, kernels : Operations
        Operations as the formula of the operator says, and as the kernels do them. Each has the
        numbers ``comparisons``, ``additions``, ``multiplications``, ``divisions``, ``functions``
        (roots, powers, exponentials, logarithms) and their ``total``.
    bytes_read, bytes_written : int
        The arrays, once each: what no implementation can avoid.
    parameters : int
        Numbers that would be learned: 0 for pooling. Weights and biases, the query of attention,
        the shares of mixtures where they are an array.
    """

    function: str
    input_shape: Ints
    output_shape: Ints
    input_dtype: str
    output_dtype: str
    formula: Operations
    kernels: Operations
    bytes_read: int
    bytes_written: int
    parameters: int = 0

    @property
    def comparisons(self) -> int:
        """Comparisons, as the formula says."""
        return self.formula.comparisons

    @property
    def additions(self) -> int:
        """Additions, as the formula says."""
        return self.formula.additions

    @property
    def multiplications(self) -> int:
        """Multiplications, as the formula says."""
        return self.formula.multiplications

    @property
    def divisions(self) -> int:
        """Divisions, as the formula says."""
        return self.formula.divisions

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: operations per byte, as the formula says."""
        return self.formula.total / max(self.bytes_read + self.bytes_written, 1)

    @property
    def kernel_intensity(self) -> float:
        """Operations per byte, as the kernels do it."""
        return self.kernels.total / max(self.bytes_read + self.bytes_written, 1)

    def __str__(self) -> str:
        outputs = max(prod(self.output_shape), 1)
        names = [field.name for field in fields(Operations)]
        kinds = [n for n in names if getattr(self.formula, n) or getattr(self.kernels, n)]
        rows = [["", "formula", "each output", "kernels", "each output"]]
        for name in [*kinds, "total"] if len(kinds) != 1 else kinds:
            row = [name]
            for operations in (self.formula, self.kernels):
                count = getattr(operations, name)
                row += [f"{count:,}", f"{count / outputs:.2f}"]
            rows.append(row)
        intensities = f"{self.intensity:.3f}", "", f"{self.kernel_intensity:.3f}", ""
        rows.append(["operations per byte", *intensities])
        for name in ("bytes_read", "bytes_written", "parameters"):
            rows.append([name.replace("_", " "), f"{getattr(self, name):,}", "", "", ""])
        of = f"{self.input_shape} {self.input_dtype} -> {self.output_shape} {self.output_dtype}"
        return f"{self.function}: {of}\n{_aligned(rows)}"


def cost(
    function: Function,
    input_shape: Sequence[SupportsIndex],
    *args: Any,
    dtype: DTypeLike = "float32",
    **kwargs: Any,
) -> Cost:
    """Count what a call of a function takes, without an array.

    Parameters
    ----------
    function : callable
        `pool`, or any other function of cpool that pools or undoes it: sliding, adaptive and
        global ones; `max_unpool` and its like; mixed, gated, detail-preserving, S3, fractional,
        spectral, Haar, blur, max-blur, polyphase, attention and local importance pooling,
        `spatial_pyramid_pool`, `sppf`, `roi_align`, `roi_pool`; and convolutions.
    input_shape : sequence of int
        Shape of x.
    *args, **kwargs
        The function's other arguments, as it takes them after x. Of arrays only the shape and the
        type matter, but for boxes, which say how much of x is read.
    dtype : dtype
        Type of x (not of the result).

    Returns
    -------
    Cost
        An immutable record of output shape, operations, bytes, parameters and arithmetic
        intensity (Williams et al., 2009); it prints as a table.

    Raises
    ------
    TypeError
        If an argument has the wrong type, as the function itself says it, or the function's cost
        is not known.
    ValueError
        If an argument is out of range, or the windows do not fit.

    Notes
    -----
    As the formula says, a maximum over n existing elements is n - 1 comparisons, a sum n - 1
    additions, and a mean one division more. As the kernels do it, windows are folded one axis after
    the other, and long ones that are one step apart in fewer steps still: :doc:`/maths/cost` says
    that, and what is counted for each operator. The count is of large arrays of moderate numbers
    that are read where they lie, without a mask; what is done twice at the borders of tiles is left
    out, and so is the drawing of random numbers.

    Bytes are those of x, of what is learned (in x's type), of other arrays as they are given
    (logits, indices, boxes, samples, `where`), and of the result, with ``return_indices`` of the
    indices too. What lies between the parts of an operator need not be written, and is not counted:
    a pyramid is counted as if all its levels came from one reading of x.

    References
    ----------
    Williams, S., Waterman, A. and Patterson, D. (2009). Roofline: an insightful visual performance
    model for multicore architectures. Communications of the ACM 52 (4), 65-76.

    Examples
    --------
    >>> import cpool
    >>> cost = cpool.cost(cpool.max_pool2d, (1, 64, 112, 112), 3, stride=2)
    >>> cost.output_shape, cost.comparisons, cost.parameters
    ((1, 64, 55, 55), 1548800, 0)
    >>> print(cost)
    max_pool2d: (1, 64, 112, 112) float32 -> (1, 64, 55, 55) float32
                           formula  each output    kernels  each output
    comparisons          1,548,800         8.00  1,175,680         6.07
    operations per byte      0.389                   0.295
    bytes read           3,211,264
    bytes written          774,400
    parameters                   0
    """
    shape = _shape(input_shape)
    if not callable(function):
        raise TypeError(f"function must be a function of cpool, got {function!r}")
    kind = _input_dtype(dtype)
    if not isinstance(kwargs.get("rng"), np.random.Generator):
        philox(kwargs.get("rng"))  # it is none, or a seed
    x = counting.stand_in(shape, kind)
    work = _work(function, x, args, kwargs)
    result = floating_dtype(kind) if work.dtype is None else work.dtype
    return Cost(
        function.__name__,
        shape,
        work.output_shape,
        kind.name,
        result.name,
        work.formula,
        work.kernels,
        (prod(shape) + work.parameters) * kind.itemsize + work.read,
        prod(work.output_shape) * result.itemsize + work.written,
        work.parameters,
    )


def _work(
    function: Function, x: np.ndarray, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Work:
    """What a function says that is no pooling, or made of several; else that of a pooling."""
    # Of what all functions have by keyword, no count depends on the first.
    checked_policy(kwargs.get("nan_policy", "propagate"), getattr(function, "_no_omission", ""))
    arrays.as_mask(kwargs.get("where"), x)
    told = getattr(function, "_cost", None)
    if told is not None:
        return told(x, *args, **kwargs)
    call = _understood(function, x.ndim, args, kwargs)
    if call is None:
        name = getattr(function, "__name__", repr(function))
        raise TypeError(f"function must be a function of cpool: the cost of {name} is not known")
    return _pooling_work(call, x)


def _pooling_work(call: _Call, x: np.ndarray) -> Work:
    given = call.arguments
    last, where = given["channels_last"], given.get("where")
    if "windows" in given:
        beside = {name: given[name] for name in ("rng", "weights")}
        check_given(call.reduction, call.windows, beside)
    options = Options(given.get("axes"), last, call.rank, where=where)
    indices = arrays.flag(given.get("return_indices", False), "return_indices")
    work = counting.of_pooling(
        x, call.reduction, call.windows, options, weights=given.get("weights"),
        return_indices=indices,
    )  # fmt: skip
    if arrays.flag(given.get("keepdims", True), "keepdims"):
        return work
    return counting.of_whole(x, work, options)


def _shape(input_shape: Any) -> Ints:
    try:
        shape = tuple(operator.index(length) for length in input_shape)
    except TypeError:
        raise TypeError(f"input_shape must be a sequence of ints, got {input_shape!r}") from None
    if any(length < 0 for length in shape):
        raise ValueError(f"input_shape must not have negative lengths, got {input_shape!r}")
    return shape


def _input_dtype(dtype: Any) -> np.dtype:
    try:
        return arrays.as_input(np.empty(0, np.dtype("V" if dtype is None else dtype))).dtype
    except TypeError:
        raise TypeError(
            f"dtype must be that of x: bool, an integer, float16, bfloat16 (with ml_dtypes), "
            f"float32 or float64, got {dtype!r}"
        ) from None


def _per_axis(value: Any, rank: int) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value] * rank


# Receptive field ----------------------------------------------------------------------------------


class ReceptiveField(NamedTuple):
    """What an output reads after a layer, in places of the stack's input; one number per axis.

    Attributes
    ----------
    layer : str
        The layer.
    size : tuple of int
        How many places an output reads, those in between and in the padding included.
    stride : tuple of int
        Distance between the fields of neighbouring outputs.
    first : tuple of int
        First place of the first output's field: negative in the padding.
    output_size : tuple of int or None
        Number of outputs, where the input's size is known.
    """

    layer: str
    size: Ints
    stride: Ints
    first: Ints
    output_size: Ints | None = None

    @property
    def center(self) -> tuple[float, ...]:
        """The middle of the first output's field."""
        return tuple(u + (r - 1) / 2 for u, r in zip(self.first, self.size, strict=True))

    def region(self, *output: int) -> tuple[tuple[int, int], ...]:
        """Start and stop of the field of an output, one index for each axis; not clipped."""
        if len(output) != len(self.size):
            raise ValueError(f"output must have {len(self.size)} indices, got {output}")
        starts = [u + o * j for u, o, j in zip(self.first, output, self.stride, strict=True)]
        return tuple((u, u + r) for u, r in zip(starts, self.size, strict=True))


class ReceptiveFields(tuple[ReceptiveField, ...]):
    """The receptive field after each layer; prints as a table."""

    __slots__ = ()

    def __str__(self) -> str:
        rows = [["layer", "size", "stride", "first", "center", "outputs"]]
        for field in self:
            outputs = "" if field.output_size is None else _product(field.output_size)
            numbers = (field.size, field.stride, field.first, field.center)
            name = field.layer if len(field.layer) <= 48 else field.layer[:45] + "..."
            rows.append([name, *map(_product, numbers), outputs])
        return _aligned(rows)


def receptive_field(
    layers: Iterable[Any], input_size: SupportsIndex | Sequence[SupportsIndex] | None = None
) -> ReceptiveFields:
    """Follow an output of a stack of layers back to the places of the input that it reads.

    Parameters
    ----------
    layers : iterable
        Layers from input to output. Each is a pooling layer of `cpool.nn`, windows (as `sliding`
        makes them), a tuple ``(kernel_size, stride, padding, dilation)`` as `sliding` takes them
        (what is left out is as there), or any object with these attributes, such as a convolution
        of PyTorch; one that has ``weight`` alone is a convolution with a kernel of
        ``weight.shape[2:]``.
    input_size : int or sequence of int, optional
        Lengths of the input's pooled axes. Adaptive and global layers need it, and padding "same"
        where the stride is not 1; with it the number of outputs is told too.

    Returns
    -------
    ReceptiveFields
        A tuple of one record for each layer, ``fields[-1]`` that of the whole stack: ``size``,
        ``stride``, ``first`` and ``center`` of the first output's field, ``output_size``, and
        ``region(i, j)`` for the field of any output.

    Raises
    ------
    TypeError
        If a layer is none of these, or has no windows of one size that are evenly apart:
        unpooling, regions, fractional, S3, polyphase, spectral and spatial pyramid pooling.
    ValueError
        If layers differ in their number of axes, or `input_size` is missing; for adaptive windows
        that differ in size, and so have no one receptive field.

    Notes
    -----
    A layer with kernel k, stride s, padding p before the axis and dilation d makes of the field's
    size r, stride j and first place u (Araujo et al., 2019)

    r + d (k - 1) j,   j s,   u - p j.

    These are bounds: what a maximum depends on is less. Padding that repeats elements reads
    elements inside again.

    References
    ----------
    Araujo, A., Norris, W. and Sim, J. (2019). Computing receptive fields of convolutional neural
    networks. Distill, doi:10.23915/distill.00021.

    Examples
    --------
    >>> import cpool
    >>> from cpool import nn
    >>> fields = cpool.receptive_field([(7, 2, 3), nn.MaxPool2d(3, 2, 1), (3, 1, 1), (3, 1, 1)])
    >>> print(fields)
    layer                                             size  stride      first  center  outputs
    (7, 2, 3)                                        7 x 7   2 x 2    -3 x -3   0 x 0
    MaxPool2d(kernel_size=3, stride=2, padding=1)  11 x 11   4 x 4    -5 x -5   0 x 0
    (3, 1, 1)                                      19 x 19   4 x 4    -9 x -9   0 x 0
    (3, 1, 1)                                      27 x 27   4 x 4  -13 x -13   0 x 0
    >>> fields[-1].region(0, 1)
    ((-13, 14), (-9, 18))
    """
    if isinstance(layers, (str, bytes)) or not isinstance(layers, Iterable):
        raise TypeError(f"layers must be a sequence of layers, got {layers!r}")
    known = [(_layer_name(layer), *_layer_windows(layer)) for layer in layers]
    rank = _common_rank(known, input_size)
    lengths = None if input_size is None else _lengths(input_size, rank)
    axes = [(1, 1, 0)] * rank  # size, stride and first place: a place of the input sees itself
    found = []
    for name, read, _ in known:
        for windows in read:
            steps = _geometry(name, windows, rank, lengths)
            axes = [
                (r + d * (k - 1) * j, j * s, u - p * j)
                for (r, j, u), (k, s, p, d) in zip(axes, steps, strict=True)
            ]
            if lengths is not None:
                lengths = tuple(windows.output_shape(lengths))
        found.append(ReceptiveField(name, *zip(*axes, strict=True), lengths))
    return ReceptiveFields(found)


def _layer_name(layer: Any) -> str:
    return repr(layer) if isinstance(layer, (tuple, list, Windows)) else str(layer)


def _layer_windows(layer: Any) -> tuple[list[Windows], int | None]:
    """Windows that lead through a layer, one after the other, and how many axes it pools where it
    says so."""
    if isinstance(layer, Windows):
        return [layer], layer.ndim
    if isinstance(layer, (tuple, list)):
        if not 1 <= len(layer) <= 4:
            raise ValueError(
                "layers must be (kernel_size, stride, padding, dilation) where they are tuples, "
                f"got {layer!r}"
            )
        return [windows := sliding(*layer)], windows.ndim
    match = re.search(r"([123])d$", type(layer).__name__)
    rank = int(match[1]) if match else None
    told = getattr(type(layer), "_reads", None)  # those of cpool.nn, which is imported when used
    if told is not None:
        read = told(layer)
        return read, rank or max(windows.ndim or 0 for windows in read) or None
    windows = _windows_of_foreign(layer)
    return [windows], rank or windows.ndim


# Layers of PyTorch whose outputs read other places than such windows.
_OTHER_PLACES = re.compile("Unpool|Fractional|Transpose")


def _windows_of_foreign(layer: Any) -> Windows:
    """Those that an object has the attributes of."""
    if _OTHER_PLACES.search(type(layer).__name__):
        raise TypeError(f"layers must have windows that are evenly apart, got {layer!r}")
    kernel = getattr(layer, "kernel_size", None)
    if kernel is None and getattr(layer, "weight", None) is not None:
        kernel = tuple(np.shape(layer.weight)[2:]) or None
    if kernel is not None:
        given = {
            name: getattr(layer, name)
            for name in ("stride", "padding", "dilation", "ceil_mode")
            if getattr(layer, name, None) is not None
        }
        return sliding(kernel, **given)
    if getattr(layer, "output_size", None) is not None:
        return adaptive(layer.output_size)
    raise TypeError(
        "layers must be pooling layers, windows, tuples (kernel_size, stride, padding, "
        f"dilation) or convolutions, got {layer!r}"
    )


def _common_rank(known: list[tuple[str, list[Windows], int | None]], input_size: Any) -> int:
    ranks = {name: rank for name, _, rank in known if rank is not None}
    if isinstance(input_size, (tuple, list)):
        ranks["input_size"] = len(input_size)
    if len(set(ranks.values())) > 1:
        said = ", ".join(f"{name} has {rank}" for name, rank in ranks.items())
        raise ValueError(f"layers must all pool the same number of axes: {said}")
    return next(iter(ranks.values()), 1)


def _lengths(input_size: Any, rank: int) -> Ints:
    try:
        lengths = tuple(operator.index(n) for n in _per_axis(input_size, rank))
    except TypeError:
        raise TypeError(
            f"input_size must be an int or a tuple of ints, got {input_size!r}"
        ) from None
    if min(lengths) < 1:
        raise ValueError(f"input_size must be at least 1, got {input_size!r}")
    return lengths


def _geometry(
    name: str, windows: Windows, rank: int, lengths: Ints | None
) -> list[tuple[int, int, int, int]]:
    """Kernel, stride, padding before and dilation along each axis."""
    if not isinstance(windows, Sliding):
        return [(k, k, 0, 1) for k in _equal_windows(name, windows, lengths)]
    given = (windows.kernel_size, windows.stride, windows.dilation)
    sizes = list(zip(*(_per_axis(value, rank) for value in given), strict=True))
    if isinstance(windows.padding, str) and windows.padding != "valid":
        before = [
            _same_padding(name, windows, i, k, s, d, lengths) for i, (k, s, d) in enumerate(sizes)
        ]
    elif isinstance(windows.padding, str):
        before = [0] * rank
    else:
        before = [p[0] if isinstance(p, tuple) else p for p in _per_axis(windows.padding, rank)]
    return [(k, s, p, d) for (k, s, d), p in zip(sizes, before, strict=True)]


def _equal_windows(name: str, windows: Windows, lengths: Ints | None) -> list[int]:
    if lengths is None:
        raise ValueError(f"input_size must be given for {name}, whose windows depend on it")
    sizes = [set(each) for each in windows.sizes(lengths, False)]
    counts = windows.output_shape(lengths)
    for n, m, each in zip(lengths, counts, sizes, strict=True):
        if len(each) > 1 or n % m:
            raise ValueError(
                f"layers must have windows of one size, but {name} divides {n} elements among {m} "
                "windows: their receptive fields differ"
            )
    return [each.pop() for each in sizes]


def _same_padding(
    name: str, windows: Sliding, axis: int, k: int, s: int, d: int, lengths: Ints | None
) -> int:
    """What stands before the axis."""
    if s > 1 and lengths is None:
        raise ValueError(f"input_size must be given for {name}, whose padding depends on it")
    span = d * (k - 1) + 1
    n = lengths[axis] if lengths is not None else span
    total = max((-(-n // s) - 1) * s + span - n, 0)
    return total // 2 if windows.padding == "same" else total - total // 2


# Shift consistency --------------------------------------------------------------------------------


class Consistency(NamedTuple):
    """How a function's output moved when its input was shifted.

    Attributes
    ----------
    shift : tuple of int
        How far the input was shifted along each pooled axis.
    moved : tuple of int
        The shift of the output that fits best.
    max_difference : float
        Largest difference between the output of the shifted input and the output shifted so.
    relative_error : float
        Euclidean norm of all differences, divided by that of the output.
    equal : float
        Share of the outputs that are equal, exactly.
    """

    shift: Ints
    moved: Ints
    max_difference: float
    relative_error: float
    equal: float


class Consistencies(tuple[Consistency, ...]):
    """One record for each shift; prints as a table."""

    __slots__ = ()

    def __str__(self) -> str:
        rows = [["shift", "moved", "max difference", "relative error", "equal"]]
        for each in self:
            numbers = f"{each.max_difference:.4g}", f"{each.relative_error:.4f}"
            moved = (", ".join(map(str, values)) for values in (each.shift, each.moved))
            rows.append([*moved, *numbers, f"{100 * each.equal:.1f} %"])
        return _aligned(rows)


def shift_consistency(
    function: Function, x: ArrayLike, shifts: Shift | Iterable[Shift], *args: Any, **kwargs: Any
) -> Consistencies:
    """Measure how far a function commutes with translation.

    For each shift t, the function of x shifted by t is compared with the function of x, shifted by
    what fits best. Pooling with stride s can move its output by whole elements only, which are
    s elements of the input: it is exact for multiples of s, and something is lost in between
    (Zhang, 2019; Azulay and Weiss, 2019).

    Parameters
    ----------
    function : callable
        A pooling function, or any function of an array whose result has as many axes.
    x : array_like
        Its input. It is not modified.
    shifts : int, or iterable of int or tuple of int
        Shifts in elements: an int for all pooled axes, a tuple for each of them.
    *args, **kwargs
        The function's other arguments.

    Returns
    -------
    Consistencies
        A tuple of one record for each shift: ``shift``, ``moved``, ``max_difference``,
        ``relative_error`` and ``equal``; it prints as a table.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If a shift has not one entry for each pooled axis, if it cannot be told which axes are
        pooled, or if the function drops axes.

    Notes
    -----
    Shifts are circular (as numpy.roll), and no output is left out. So the comparison is exact for
    windows that go round evenly: whose stride divides the axis, without padding and with a kernel
    of the stride, or with ``padding_mode="wrap"``. With other windows the borders count as errors,
    which is what they are to a network.

    The axes are the pooled ones of cpool's functions; of others those that a number at the end of
    the name stands for ("2d": the last two), or the last ones, as many as the shifts have entries.
    The output can move by t m / n elements, for an axis of n elements that becomes m; the next
    integers on both sides are tried, along each axis.

    References
    ----------
    Azulay, A. and Weiss, Y. (2019). Why do deep convolutional networks generalize so poorly to
    small image transformations? Journal of Machine Learning Research 20 (184), 1-25.

    Zhang, R. (2019). Making convolutional networks shift-invariant again. ICML 2019, 7324-7334.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.array([0.0, 0, 1, 1, 0, 0, 1, 1])
    >>> print(cpool.shift_consistency(cpool.max_pool1d, x, [0, 1, 2], 2))
    shift  moved  max difference  relative error    equal
    0          0               0          0.0000  100.0 %
    1          0               1          1.0000   50.0 %
    2          1               0          0.0000  100.0 %
    """
    x = arrays.as_input(x)
    listed = _listed(shifts)
    axes = _shifted_axes(function, x.ndim, listed, args, kwargs)
    expected = _values(function(x, *args, **kwargs))
    if expected.ndim != x.ndim:
        raise ValueError(
            f"function must give as many axes as x has, {x.ndim}, to be compared; got shape "
            f"{expected.shape}"
        )
    found = []
    for shift in listed:
        steps = _per_axis(shift, len(axes))
        if len(steps) != len(axes):
            raise ValueError(f"shifts must have {len(axes)} entries each, got {shift!r}")
        y = _values(function(np.roll(x, steps, axes), *args, **kwargs))
        ratios = [expected.shape[axis] / x.shape[axis] for axis in axes]
        moves = list(_moves(steps, ratios))
        compared = [
            _compared(tuple(steps), moved, y, np.roll(expected, moved, axes)) for moved in moves
        ]
        found.append(min(compared, key=lambda each: each.relative_error))
    return Consistencies(found)


def _listed(shifts: Any) -> list[Any]:
    """A list of ints and tuples of ints."""

    def one(shift: Any) -> Any:
        if isinstance(shift, (tuple, list)):
            return tuple(operator.index(step) for step in shift)
        return operator.index(shift)

    try:
        return [one(shift) for shift in (shifts if isinstance(shifts, Iterable) else [shifts])]
    except TypeError:
        raise TypeError(
            f"shifts must be ints, or tuples of one int for each pooled axis, got {shifts!r}"
        ) from None


def _shifted_axes(
    function: Any, ndim: int, shifts: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Ints:
    if not callable(function):
        raise TypeError(f"function must be callable, got {function!r}")
    while isinstance(function, functools.partial):
        args, kwargs = (*function.args, *args), {**function.keywords, **kwargs}
        function = function.func
    call = _understood(function, ndim, args, kwargs)
    if call is not None:  # in the order of the windows' arguments, as the shifts
        return tuple(call.axes[call.order.index(i)] for i in range(len(call.axes)))
    match = re.search(r"([123])d$", getattr(function, "__name__", type(function).__name__))
    counts = {len(shift) for shift in shifts if isinstance(shift, tuple)}
    if match:
        rank = int(match[1])
    elif len(counts) == 1:
        rank = counts.pop()
    else:
        raise ValueError(
            "shifts must be tuples of one int for each axis, as it cannot be told which axes "
            f"{function!r} pools"
        )
    end = ndim - bool(kwargs.get("channels_last", getattr(function, "channels_last", False)))
    if rank > end:
        raise ValueError(f"x must have at least {rank} axes to be shifted, got {end}")
    return tuple(range(end - rank, end))


def _values(y: Any) -> np.ndarray:
    """Without the positions."""
    return np.asarray(y[0] if isinstance(y, tuple) else y)


def _moves(steps: list[int], ratios: list[float]) -> Iterator[Ints]:
    exact = [step * ratio for step, ratio in zip(steps, ratios, strict=True)]
    return itertools.product(*(sorted({int(np.floor(e)), int(np.ceil(e))}) for e in exact))


def _compared(shift: Ints, moved: Ints, y: np.ndarray, expected: np.ndarray) -> Consistency:
    # NaNs and infinities that are where they should be are no difference.
    same = (y == expected) | ((y != y) & (expected != expected))
    a, b = y.astype(np.float64), expected.astype(np.float64)
    difference = np.abs(np.subtract(a, b, out=np.zeros_like(a), where=~same))
    norm, error = np.linalg.norm(b[np.isfinite(b)]), np.linalg.norm(difference)
    relative = np.inf if not np.isfinite(error) or (error and not norm) else error / (norm or 1)
    largest, equal = difference.max(initial=0.0), same.mean() if same.size else 1.0
    return Consistency(shift, moved, float(largest), float(relative), float(equal))
