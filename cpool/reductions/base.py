"""What all reductions have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from cpool.arrays import Options
    from cpool.windows import Windows

Pullback = Callable[[Any], np.ndarray]


#: Name -> class of each operator; a class is entered by being defined.
REGISTRY: dict[str, type[Reduction]] = {}


@dataclass(frozen=True)
class Reduction:
    """One way to make a window into a value: an immutable record.

    The class attributes are what everything that loops over operators reads: the named functions
    and their texts, the layers, the tests, the benchmark and the tables of the documentation.
    """

    name: ClassVar[str]  # the string that `pool` takes
    function: ClassVar[str]  # stem of the named functions: max_pool -> max_pool2d, ...
    formula: ClassVar[str]  # value of a window w of n elements
    summary: ClassVar[str]  # one line: "Maximum of each window."
    result: ClassVar[str]  # what is returned, ties, NaN and dtype
    source: ClassVar[str]  # author, year
    empty: ClassVar[str] = "NaN where the result is floating, else a ValueError"
    padding: ClassVar[str] = "it does not exist"  # what constant padding is to this operator
    linear: ClassVar[bool] = False  # the adjoint identity holds
    selects: ClassVar[bool] = False  # the value is one of the elements: positions exist
    own: ClassVar[tuple[str, ...]] = ()  # arguments of the class that the functions take too
    own_text: ClassVar[str] = ""  # their numpydoc
    # Arguments of the sliding functions, in PyTorch's order, and those by keyword only.
    positional: ClassVar[str] = "kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False"
    keywords: ClassVar[str] = ""

    def __init_subclass__(cls, listed: bool = True) -> None:
        # A dataclass decorator may make the class anew; the last one made under a name counts.
        # Those that are not listed have functions and tests of their own.
        if listed and "name" in cls.__dict__:
            REGISTRY[cls.name] = cls

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window, in plain Python, for examples."""
        raise NotImplementedError

    # A method, or a property that gives a callable of the same arguments. Selections take one more,
    # return_indices, and with it give (values, indices).
    def forward(self, x: Any, windows: Windows, options: Options) -> Any:
        """The pooled array."""
        raise NotImplementedError

    def vjp(self, x: Any, windows: Windows, options: Options) -> tuple[Any, Pullback]:
        """The pooled array, and the function that takes its gradient to that of x."""
        raise NotImplementedError


class Gradients:
    """A pullback by more arguments than x: each name's own, and called as it is, that of x."""

    def __init__(self, **by: Pullback) -> None:
        self.by = by

    def __call__(self, gy: Any) -> Any:
        return self.by["x"](gy)


def gradients_by(pullback: Pullback) -> dict[str, Pullback]:
    """The pullback of each argument that a function can be differentiated by."""
    return pullback.by if isinstance(pullback, Gradients) else {"x": pullback}


def gradient_dtype(x: np.ndarray) -> np.dtype:
    """Gradients have x's type if that is floating, else float64."""
    if x.dtype.kind == "f" or x.dtype.name == "bfloat16":
        return x.dtype.newbyteorder("=")
    return np.dtype(np.float64)
