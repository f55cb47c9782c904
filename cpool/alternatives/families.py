"""One definition for NAME, NAME1d, NAME2d and NAME3d, and for adaptive_NAME and global_NAME."""

from __future__ import annotations

import inspect
import operator
import re
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from cpool import arrays, counting, docstrings
from cpool.arrays import Options
from cpool.pooling import WHOLE, pool_whole
from cpool.reductions.base import Pullback, Work
from cpool.windows import Windows, adaptive

AXES = docstrings.AXES + "\n"
_WORDS = {1: "the last axis", 2: "the last two axes", 3: "the last three axes"}


class Operator(Protocol):
    """What an operator is once its own arguments are known: `Reduction` is one."""

    def forward(self, x: Any, windows: Any, options: Options) -> Any: ...
    def vjp(self, x: Any, windows: Any, options: Options) -> tuple[Any, Pullback]: ...
    def work(self, x: np.ndarray, windows: Any, options: Options) -> Work: ...


Describe = Callable[..., tuple[Operator, Windows, Options]]


def family(
    describe: Describe, example: Callable[[int], str], ranks: tuple[int, ...] = (0, 1, 2, 3)
) -> list[Callable[..., Any]]:
    """The public functions of an operator, each with its pullback, for 0 (any) to 3 axes.

    describe has the name, the signature and the text of the n-dimensional function; its result is
    what is called. example: the arguments behind x of a call, given the number of axes, that
    halves axes of length 4.
    """
    return [_function(describe, rank, example) for rank in ranks]


def _function(describe: Describe, rank: int, example: Callable[[int], str]) -> Callable[..., Any]:
    name = describe.__name__ + (f"{rank}d" if rank else "")
    signature = inspect.signature(describe)
    parameters = [p for p in signature.parameters.values() if not (rank and p.name == "axes")]
    signature = signature.replace(parameters=parameters, return_annotation="Any")

    def described(args: Any, kwargs: Any) -> tuple[Any, Operator, Windows, Options]:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        record, windows, options = describe(*given.args, **given.kwargs)
        return given.arguments["x"], record, windows, options.replace(rank=rank)

    def function(*args: Any, **kwargs: Any) -> Any:
        x, record, windows, options = described(args, kwargs)
        return record.forward(x, windows, options)

    def with_pullback(*args: Any, **kwargs: Any) -> tuple[Any, Pullback]:
        x, record, windows, options = described(args, kwargs)
        return record.vjp(x, windows, options)

    def cost(*args: Any, **kwargs: Any) -> Work:
        x, record, windows, options = described(args, kwargs)
        return record.work(x, windows, options)

    for each in (function, with_pullback, cost):
        each.__name__ = each.__qualname__ = name
        each.__module__ = describe.__module__
        each.__signature__ = signature  # type: ignore[attr-defined]
        each.__doc__ = _text(describe.__doc__ or "", name, rank, example)
    function._vjp = with_pullback  # type: ignore[attr-defined]
    function._cost = cost  # type: ignore[attr-defined]
    return function


def _text(text: str, name: str, rank: int, example: Callable[[int], str]) -> str:
    if not rank:
        return text
    head, _, _ = text.partition("    Examples\n")
    head = head.replace(AXES, "").replace("any 1 to 3 axes", _WORDS[rank])
    return head + _example(name, example(rank), (1, *[4] * rank), (1, *[2] * rank))


# --- adaptive and global forms --------------------------------------------------------------------

_WINDOW = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "padding_mode")


def adaptive_family(describe: Describe, example: Callable[[int], str]) -> list[Callable[..., Any]]:
    """adaptive_NAME and its like of an operator, from the description of its sliding functions."""
    parameters = inspect.signature(describe).parameters
    size = parameters["kernel_size"].replace(name="output_size", annotation="_Sizes")
    kept = [size if p.name == "kernel_size" else p
            for p in parameters.values() if p.name == "kernel_size" or p.name not in _WINDOW]

    def adaptively(*args: Any, **kwargs: Any) -> tuple[Operator, Windows, Options]:
        given = dict(inspect.signature(adaptively).bind(*args, **kwargs).arguments)
        windows = adaptive(given.pop("output_size"))
        record, _, options = describe(kernel_size=1, **given)
        return record, windows, options

    name = f"adaptive_{describe.__name__}"
    axes = [docstrings.AXES, docstrings.CHANNELS_LAST]
    text = _text_of_form(
        describe, [docstrings.OUTPUT_SIZE], axes, "windows over", "a given number of windows over"
    )
    text += _example(name, f"{example(2)}, axes=(1, 2)", (1, 4, 4), (1, 2, 2))
    return family(_named(adaptively, describe, name, kept, text), example)


def global_form(describe: Describe, example: str) -> Callable[..., Any]:
    """global_NAME of an operator. example: the arguments behind x."""
    kept = []
    for p in inspect.signature(describe).parameters.values():
        kept += [p] if p.name not in _WINDOW else []
        if p.name == "channels_last":
            kept.append(p.replace(name="keepdims", default=True))
    name = f"global_{describe.__name__}"
    text = _text_of_form(describe, [], [docstrings.GLOBAL_AXES],
                         "window: windows over any 1 to 3 axes", "plane: one window over it")
    text += _example(name, example, (1, 1, 4, 4), (1, 1, 1, 1))
    signature = inspect.Signature(kept, return_annotation="Any")

    def described(args: Any, kwargs: Any) -> tuple[Any, Operator, Options, bool]:
        try:
            given = dict(signature.bind(*args, **kwargs).arguments)
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        x, keepdims = given["x"], given.pop("keepdims", True)
        record, _, options = describe(kernel_size=1, **given)
        return x, record, options.replace(rank=-1), keepdims

    def run(method: str, args: Any, kwargs: Any) -> Any:
        x, record, options, keepdims = described(args, kwargs)
        return pool_whole(getattr(record, method), x, options, keepdims)

    def function(*args: Any, **kwargs: Any) -> Any:
        return run("forward", args, kwargs)

    def with_pullback(*args: Any, **kwargs: Any) -> tuple[Any, Pullback]:
        return run("vjp", args, kwargs)

    def cost(*args: Any, **kwargs: Any) -> Work:
        x, record, options, keepdims = described(args, kwargs)
        work = record.work(x, WHOLE, options)
        return work if arrays.flag(keepdims, "keepdims") else counting.of_whole(x, work, options)

    for each in (function, with_pullback, cost):
        _named(each, describe, name, kept, text)
    function._vjp = with_pullback  # type: ignore[attr-defined]
    function._cost = cost  # type: ignore[attr-defined]
    return function


def _named(
    function: Callable[..., Any], describe: Describe, name: str, parameters: Any, text: str
) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__module__, function.__doc__ = describe.__module__, text
    signature = inspect.Signature(parameters, return_annotation="Any")
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _text_of_form(
    describe: Describe, sizes: list[str], axes: list[str], words: str, instead: str
) -> str:
    """A docstring up to its examples: what the sliding functions say, but for their windows."""
    head, _, rest = (describe.__doc__ or "").partition("    Parameters\n")
    summary, _, formula = head.strip().partition("\n\n")
    rest = f"    Parameters\n{rest}"
    sections = dict(re.findall(r"    (\w+)\n    -+\n(.*?)\n\n", rest, re.DOTALL))
    names = list(inspect.signature(describe).parameters)
    leading = names[: names.index("kernel_size")]
    said = _entries(sections["Parameters"])
    empty = "NaN where\n        the result is floating, else a ValueError"
    common = _entries(docstrings.COMMON.format(empty=empty))
    others = {*leading, *common, *_WINDOW, "axes", "channels_last"}
    return "\n".join([
        summary.replace(words, instead),
        *(["", f"    {formula.strip()}"] if formula else []),
        "",
        "    Parameters",
        "    ----------",
        *(said[name] for name in leading),
        *sizes,
        *(said[name] for name in names if name in said and name not in others),
        *axes,
        *(said.get(name, entry) for name, entry in common.items()),
        "",
        "    Returns",
        "    -------",
        sections["Returns"],
        "",
        docstrings.RAISES,
        "",
        "    See Also",
        "    --------",
        f"    {describe.__name__} : Windows at equal distances; there is more in its text.",
        "",
        "    References",
        "    ----------",
        sections["References"],
        "",
        "",
    ])  # fmt: skip


def _entries(section: str) -> dict[str, str]:
    """The entries of a docstring's parameters, by their names (some have several)."""
    each = re.split(r"\n(?= {4}\S)", section.rstrip())
    return {entry.strip().partition(" :")[0].partition("\n")[0]: entry for entry in each}


def _example(name: str, arguments: str, shape: tuple[int, ...], result: tuple[int, ...]) -> str:
    given = ", ".join([f"np.ones({shape})", *([arguments] if arguments else [])])
    return "\n".join([
        "    Examples",
        "    --------",
        "    >>> import numpy as np",
        "    >>> import cpool",
        f"    >>> cpool.{name}({given}).shape",
        f"    {result}",
        "    ",
    ])  # fmt: skip


def entries(value: Any, name: str, count: int) -> tuple[int, ...]:
    """An int, or one for each of `count` axes, as a tuple of them."""
    values = value if isinstance(value, (tuple, list)) else [value] * count
    if len(values) != count:
        raise ValueError(f"{name} must have an entry for each of {count} axes, got {value!r}")
    try:
        if any(isinstance(each, (bool, np.bool_)) for each in values):
            raise TypeError
        numbers = tuple(operator.index(each) for each in values)
    except TypeError:
        raise TypeError(f"{name} must be an int or one int for each axis, got {value!r}") from None
    if min(numbers) < 1:
        raise ValueError(f"{name} must be at least 1, got {value!r}")
    return numbers
