"""Texts of the named functions: what their arguments share is written once."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cpool.reductions.base import Reduction

_X = """\
    x : array_like
        Input of any real type (bool, integers, float16, bfloat16, float32, float64), any strides
        and byte order; it is not modified. {axes}"""

_RANKED = {
    "1d": "The last axis is pooled.",
    "2d": "The last two axes are pooled.",
    "3d": "The last three axes are pooled.",
    "": "The axes that are pooled: see `axes`.",
}

_WINDOW = """\
    kernel_size : int or tuple of int
        Size of a window, in elements, along all pooled axes or along each.
    stride : int or tuple of int, optional
        Distance between windows; None is `kernel_size`.
    padding : int, tuple or {{"valid", "same", "same_lower"}}
        Elements added on both sides of each axis: an int, or for each axis an int or a
        ``(before, after)`` pair. "same" gives ``ceil(n / stride)`` windows, the odd element of
        padding at the end, "same_lower" at the beginning."""

_DILATION = """\
    dilation : int or tuple of int
        Distance between the elements of a window."""

_CEIL = """\
    ceil_mode : bool
        Keep a last window that is partly outside, unless it would start in the padding after
        the axis."""

_INDICES = """\
    return_indices : bool
        Return ``(values, indices)``, the indices int64 and flat over the pooled axes of x without
        its padding; -1 for a window without an existing element."""

AXES = """\
    axes : int or tuple of int, optional
        The 1 to 3 axes to pool, in the order of the other arguments. None: the last ones, as many
        as those have entries; where they are ints, all axes of x if it has at most 3."""

CHANNELS_LAST = """\
    channels_last : bool
        Pool the axes before the last one instead."""

_PADDING_MODE = """\
    padding_mode : {{"constant", "reflect", "mirror", "nearest", "wrap"}}
        What padding is. "constant": {constant}. The others repeat elements of x, with SciPy's
        names: "reflect" repeats the edge, "mirror" does not (NumPy's and PyTorch's reflect)."""

COMMON = """\
    nan_policy : {{"propagate", "omit", "raise"}}
        A NaN makes its windows NaN, does not exist, or is a ValueError.
    where : array_like of bool, optional
        Which elements exist; broadcasts to x. A window without any gives {empty}.
    dtype : dtype, optional
        Type of the result, and of sums on the way where it is wider; real numbers become integers
        rounded half to even and saturated.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x."""

_RETURNS = """\
    Returns
    -------
    ndarray
        {result}"""

RAISES = """\
    Raises
    ------
    TypeError
        If an argument has the wrong type, or x is masked, complex or not of numbers.
    ValueError
        If an argument is out of range, the windows do not fit, or one lies wholly in padding."""


def _last(kind: type[Reduction]) -> list[str]:
    """What an operator has behind the arguments that all share."""
    return [kind.own_text if kind.trailing else "", kind.given_text]


def _parameters(kind: type[Reduction], parts: list[str], suffix: str) -> str:
    text = "\n".join(part for part in parts if part)
    return text.format(axes=_RANKED[suffix], constant=kind.padding, empty=kind.empty)


_ORDERED = ", in order w₍₁₎ ≤ ... ≤ w₍ₙ₎"


def _assemble(
    kind: type[Reduction], first: str, parts: list[str], suffix: str, see: str, example: str
) -> str:
    source = textwrap.fill(kind.source, 88, subsequent_indent=" " * 7)
    ordered = _ORDERED if "₍" in kind.formula else ""
    return "\n".join([
        first,
        "",
        f"    ``{kind.formula}``",
        f"    of the n elements w of a window{ordered}.",
        "",
        "    Parameters",
        "    ----------",
        _parameters(kind, parts, suffix),
        "",
        _RETURNS.format(result=textwrap.fill(kind.result, 92, subsequent_indent=" " * 8)),
        "",
        RAISES,
        "",
        "    See Also",
        "    --------",
        f"    {see}",
        "",
        "    References",
        "    ----------",
        f"    .. [1] {source}",
        "",
        "    Examples",
        "    --------",
        example,
        "    ",
    ])  # fmt: skip


def _example(
    kind: type[Reduction], name: str, given: str, values: list[float], rank: int
) -> str:
    """A doctest on 0, 1, ..., 15 in as many axes as are pooled."""
    call = f"cpool.{name}(x, {kind.example}{given}{kind.example_options})"
    if not kind.exact:
        call, values = f"{call}.round(4)", [round(value, 4) for value in values]
    shape = {1: "(8,)", 2: "(4, 4)", 3: "(2, 2, 4)"}[rank]
    shown = ", ".join(f"{value}" for value in values)
    count = {1: "8.0", 2: "16.0", 3: "16.0"}[rank]
    return (
        "    >>> import numpy as np\n    >>> import cpool\n"
        f"    >>> x = np.arange({count}).reshape{shape}\n"
        f"    >>> {call}.ravel().tolist()\n    [{shown}]"
    )


def _windows_of_two(rank: int) -> list[list[float]]:
    """What windows of two along each axis read of the example's x."""
    if rank == 1:
        return [[2.0 * i, 2.0 * i + 1] for i in range(4)]
    if rank == 2:
        return [
            [r * 8.0 + c * 2.0 + o for o in (0, 1, 4, 5)] for r in range(2) for c in range(2)
        ]
    return [[c * 2.0 + o for o in (0, 1, 4, 5, 8, 9, 12, 13)] for c in range(2)]


def sliding_text(kind: type[Reduction], suffix: str) -> str:
    """Of max_pool2d and its like."""
    name, rank = kind.function + suffix, int(suffix[0]) if suffix else 2
    parts = [_X]
    parts += [kind.own_text, _WINDOW] if kind.leading else [_WINDOW]
    parts += ["" if kind.leading or kind.trailing else kind.own_text, _CEIL, _DILATION]
    if kind.selects:
        parts.append(_INDICES)
    parts += [] if suffix else [AXES]
    parts += [CHANNELS_LAST, _PADDING_MODE, COMMON, *_last(kind)]
    size = "2" if suffix else "(2, 2)"
    values = [kind.definition(w) for w in _windows_of_two(rank)]
    first = kind.summary[:-1] + f": {_WINDOW_WORDS[suffix]} at equal distances [1]_."
    return _assemble(
        kind, first, parts, suffix, f"adaptive_{name}, pool",
        _example(kind, name, size, values, rank),
    )  # fmt: skip


_WINDOW_WORDS = {
    "1d": "windows along the last axis",
    "2d": "windows over the last two axes",
    "3d": "windows over the last three axes",
    "": "windows over any 1 to 3 axes",
}

OUTPUT_SIZE = """\
    output_size : int or None, or tuple of them
        Number of windows along all pooled axes or along each; None keeps an axis as it is."""

GLOBAL_AXES = """\
    axes : int or tuple of int, optional
        The axes to pool. None: all but the first two, or with `channels_last` all but the first
        and the last.
    channels_last : bool
        See `axes`, with which it cannot be given.
    keepdims : bool
        Keep the pooled axes, with length 1."""


def adaptive_text(kind: type[Reduction], suffix: str) -> str:
    """Of adaptive_max_pool2d and its like."""
    name, rank = f"adaptive_{kind.function}{suffix}", int(suffix[0]) if suffix else 2
    parts = [_X, kind.own_text if kind.leading else "", OUTPUT_SIZE]
    if kind.selects:
        parts.append(_INDICES)
    parts += [] if suffix else [AXES]
    parts += [CHANNELS_LAST, COMMON, *_last(kind)]
    size = {1: "4", 2: "(2, 2)", 3: "(1, 1, 2)"}[rank]
    values = [kind.definition(w) for w in _windows_of_two(rank)]
    words = _WINDOW_WORDS[suffix].replace("windows", "a given number of windows", 1)
    first = kind.summary[:-1] + f": {words} [1]_."
    return _assemble(
        kind, first, parts, suffix, "adaptive",
        _example(kind, name, size, values, rank),
    )  # fmt: skip


def global_text(kind: type[Reduction]) -> str:
    """Of global_max_pool and its like."""
    name = f"global_{kind.function}"
    parts = [_X.replace(" {axes}", ""), kind.own_text if kind.leading else ""]
    if kind.selects:
        parts.append(_INDICES)
    parts += [GLOBAL_AXES, COMMON, *_last(kind)]
    first = kind.summary.replace("each window.", "each plane: one window over it [1]_.")
    value = kind.definition([float(i) for i in range(16)])
    example = _example(kind, name, "axes=(0, 1)", [value], 2)
    return _assemble(kind, first, parts, "", "pool, whole", example)


def unpool_text(suffix: str) -> str:
    """Of max_unpool2d and its like."""
    axes = "" if suffix else AXES + "\n"
    return f"""Values back to where max pooling found them; zeros everywhere else [1]_.

    ``y[indices[i]] = x[i]`` of all windows i, in positions that are flat over the pooled axes.

    Parameters
    ----------
    x : array_like
        Values of any real type. {_RANKED[suffix]}
    indices : array_like of int
        Positions, of x's shape, as ``return_indices=True`` gives them: flat over the pooled axes
        of the result. -1 is left out. Where one repeats, the last in row-major order stays.
    kernel_size, stride, padding : int or tuple of int
        Those of the max pooling.
    output_size : int or tuple of int, optional
        Size of the result along the pooled axes, or its shape: less than a stride from
        ``(n - 1) * stride + kernel_size - 2 * padding``, which is the default.
{axes}    channels_last : bool
        Pooled axes are those before the last one.
    out : ndarray, optional
        Array of the result's shape and dtype to put it into; it may not overlap x or indices.

    Returns
    -------
    ndarray
        Of x's dtype.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an index is outside the result, or an argument out of range.

    See Also
    --------
    max_pool{suffix}

    References
    ----------
    .. [1] Zeiler, M. D., Taylor, G. W. and Fergus, R. (2011). Adaptive deconvolutional networks
       for mid and high level feature learning. ICCV 2011, 2018-2025.

    Examples
    --------
    >>> import numpy as np
    >>> import cpool
    >>> x = np.array([[1.0, 4.0, 3.0, 2.0]])
    >>> y, indices = cpool.max_pool1d(x, 2, return_indices=True)
    >>> cpool.max_unpool1d(y, indices, 2).tolist()
    [[0.0, 4.0, 3.0, 0.0]]
    """
