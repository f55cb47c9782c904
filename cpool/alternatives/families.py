"""One definition for NAME, NAME1d, NAME2d and NAME3d."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from cpool.arrays import Options
from cpool.reductions.base import Pullback
from cpool.windows import Windows

AXES = """\
    axes : int or tuple of int, optional
        The 1 to 3 axes to pool, in the order of the other arguments. None: the last ones, as many
        as those have entries; where they are ints, all axes of x if it has at most 3.
"""
_WORDS = {1: "the last axis", 2: "the last two axes", 3: "the last three axes"}


class Operator(Protocol):
    """What an operator is once its own arguments are known: `Reduction` is one."""

    def forward(self, x: Any, windows: Any, options: Options) -> Any: ...
    def vjp(self, x: Any, windows: Any, options: Options) -> tuple[Any, Pullback]: ...


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

    for each in (function, with_pullback):
        each.__name__ = each.__qualname__ = name
        each.__module__ = describe.__module__
        each.__signature__ = signature  # type: ignore[attr-defined]
        each.__doc__ = _text(describe.__doc__ or "", name, rank, example)
    function._vjp = with_pullback  # type: ignore[attr-defined]
    return function


def _text(text: str, name: str, rank: int, example: Callable[[int], str]) -> str:
    if not rank:
        return text
    head, _, _ = text.partition("    Examples\n")
    return head.replace(AXES, "").replace("any 1 to 3 axes", _WORDS[rank]) + "\n".join([
        "    Examples",
        "    --------",
        "    >>> import numpy as np",
        "    >>> import cpool",
        f"    >>> cpool.{name}(np.ones({(1, *[4] * rank)}), {example(rank)}).shape",
        f"    {(1, *[2] * rank)}",
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
