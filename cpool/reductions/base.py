"""What all reductions have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass
from math import prod
from operator import add
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from cpool import arrays, lanes

if TYPE_CHECKING:
    from cpool.arrays import Options
    from cpool.windows import Windows

#: Takes gy, and one that `puts` its gradient into given memory also `out`.
Pullback = Callable[..., np.ndarray]


#: Name -> class of each operator; a class is entered by being defined.
REGISTRY: dict[str, type[Reduction]] = {}


@dataclass(frozen=True)
class Operations:
    """Numbers of operations on elements, by kind. They add up, and are multiplied by numbers.

    ``functions`` are those that a processor has no single fast instruction for: roots, powers,
    exponentials, logarithms.
    """

    comparisons: int = 0
    additions: int = 0
    multiplications: int = 0
    divisions: int = 0
    functions: int = 0

    @property
    def total(self) -> int:
        """All of them, each counted as one."""
        return sum(astuple(self))

    def __add__(self, other: Operations) -> Operations:
        return Operations(*map(add, astuple(self), astuple(other)))

    def __mul__(self, times: int) -> Operations:
        return Operations(*(count * times for count in astuple(self)))

    __rmul__ = __mul__


NOTHING = Operations()


@dataclass(frozen=True)
class Work:
    """What one call takes: what a function that is no `pool` tells `cpool.cost`.

    Such a function has an attribute ``_cost(x, *args, **kwargs)``, of its own arguments, which
    returns this. x has the shape and the type of the input, but memory for one element only: the
    function may ask it for both, and hand it to what checks arguments, but not look at elements.
    """

    output_shape: tuple[int, ...]
    formula: Operations  # as the definition says
    kernels: Operations  # as it is done
    parameters: int = 0  # elements of weights, read beside x
    read: int = 0  # bytes of all other arrays that are read
    written: int = 0  # bytes of results beside the first one
    dtype: np.dtype[Any] | None = None  # of the result; None: x's if floating, else float64


class Fold(NamedTuple):
    """A reduction that folds: what is done to each element, to two of them, and to what came of
    a window."""

    each: Operations
    pair: Operations
    last: Operations


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
    # Own arguments of all forms: before the windows' ones, or behind all others.
    required: ClassVar[bool] = False  # some of them have no default
    leading: ClassVar[str] = ""  # "norm_type, "
    trailing: ClassVar[str] = ""  # ", p=3.0, eps=1e-06"
    example: ClassVar[str] = ""  # the leading ones in an example: "2, "
    example_options: ClassVar[str] = ""  # and what is behind the others: ", training=False"
    # An argument of each call that only this operator has, by keyword, None by default: the last
    # one of forward and vjp. A record holds no arrays and no generators.
    given: ClassVar[str] = ""  # "weights"
    given_text: ClassVar[str] = ""  # its numpydoc
    exact: ClassVar[bool] = False  # examples show all digits of their results
    # What it takes, for `cpool.cost`. A fold does something to each element, combines two, and does
    # something to the folded value; only a fold has a `pair`. What is none overrides `operations`.
    # Where one of them depends on an argument it may be a property. What is made of the results of
    # other reductions of the same windows names them as `parts`, and says with `last` how.
    each: ClassVar[Operations] = NOTHING
    pair: ClassVar[Operations | None] = None
    last: ClassVar[Operations] = NOTHING
    parts: ClassVar[tuple[Reduction, ...]] = ()

    def __init_subclass__(cls, listed: bool = True) -> None:
        # A dataclass decorator may make the class anew; the last one made under a name counts.
        # Those that are not listed have functions and tests of their own.
        if listed and "name" in cls.__dict__:
            REGISTRY[cls.name] = cls

    @staticmethod
    def definition(window: list[float]) -> float:
        """The value of a window, in plain Python, for examples."""
        raise NotImplementedError

    def operations(self, taps: int) -> Operations:
        """What the formula takes for one window of so many elements."""
        if self.parts:
            return sum((part.operations(taps) for part in self.parts), self.last)
        if self.pair is None:
            raise NotImplementedError(f"{type(self).__name__} does not say what it takes")
        return taps * self.each + max(taps - 1, 0) * self.pair + self.last

    def folded(self, taps: int, dtype: np.dtype[Any], reads: float) -> Fold | None:
        """How the kernels fold windows of at most so many elements, each of which so many windows
        read on average; None where they look at one window at a time."""
        return None if self.pair is None else Fold(self.each, self.pair, self.last)

    def by_window(self, sizes: tuple[int, ...], dtype: np.dtype[Any], dense: bool) -> Operations:
        """What the kernels take for one window of these sizes where they do not fold. dense: there
        is one at each element, of neighbours."""
        return self.operations(prod(sizes))

    # A method, or a property that gives a callable of the same arguments. Selections take one more,
    # return_indices, and with it give (values, indices); what is `given` is one more too.
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


def puts(pullback: Pullback) -> Pullback:
    """Mark a pullback by x that takes `out` and has its kernels write the gradient there. Others
    are called without, and what they give is copied."""
    pullback.puts = True  # type: ignore[attr-defined]
    return pullback


def with_memory(by_x: Pullback, x: Any) -> Pullback:
    """The pullback by x as users get it: it takes `out`, which is checked here for all."""
    x = arrays.as_input(x)
    shape, dtype = x.shape, x.dtype

    def into(gy: Any, out: np.ndarray | None = None) -> np.ndarray:
        if out is None:
            return by_x(gy)
        gy = arrays.as_input(gy, "gy")
        arrays.checked_out(out, shape, floating_dtype(dtype), (gy,), "gradient")
        if getattr(by_x, "puts", False):
            return by_x(gy, out)
        np.copyto(out, by_x(gy))
        return out

    return into


@dataclass(frozen=True)
class MeanOfLanes(Reduction):
    """A mean that is no sum: what is asked of `cpool.lanes`."""

    kind: ClassVar[str]
    learned: ClassVar[str] = ""  # the argument beside x to differentiate by

    def asked(self) -> dict[str, Any]:
        """Arguments of `lanes.values` and its like: kind, p, low, mean."""
        return {"kind": self.kind}

    def forward(self, x: Any, windows: Windows, options: Options) -> Any:
        return lanes.values(
            x=x, windows=windows, options=options, zero_if_empty=self.empty == "0", **self.asked()
        )

    def vjp(self, x: Any, windows: Windows, options: Options) -> tuple[Any, Pullback]:
        x = arrays.as_input(x)
        y = self.forward(x, windows, options)
        kept, asked, dtype = x.copy(), self.asked(), gradient_dtype(x)
        where = None if options.where is None else np.array(options.where)
        call = {"x": kept, "windows": windows, "options": options.replace(where=where, out=None)}

        @puts
        def by_x(gy: Any, out: np.ndarray | None = None) -> np.ndarray:
            return lanes.slopes(gy=gy, dtype=dtype, out=out, **call, **asked)

        if not self.learned:
            return y, by_x
        by_parameter = {self.learned: lambda gy: lanes.learning(gy=gy, **call, **asked)}
        return y, Gradients(x=by_x, **by_parameter)


def checked_number(value: Any, name: str, allowed: str, fits: Callable[[float], bool]) -> float:
    """A real number that is allowed, as a float."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise TypeError(f"{name} must be a number {allowed}, got {value!r}")
    if not fits(float(value)):
        raise ValueError(f"{name} must be a number {allowed}, got {value!r}")
    return float(value)


def existing(x: np.ndarray, where: Any, nan_policy: str) -> np.ndarray | None:
    """Which elements exist, as an array of x's shape; None for all."""
    # A copy: the caller may change `where` before the pullback reads it.
    mask = None if where is None else np.broadcast_to(np.array(where, dtype=bool), x.shape)
    if nan_policy == "omit" and gradient_dtype(x) == x.dtype.newbyteorder("="):
        real = ~np.isnan(x)
        mask = real if mask is None else mask & real
    return mask


def summed_to(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The transpose of broadcasting: sums over what an array of this shape was repeated along."""
    array = array.sum(axis=tuple(range(array.ndim - len(shape))))
    repeated = [i for i, n in enumerate(shape) if n == 1 and array.shape[i] != 1]
    return array.sum(axis=tuple(repeated), keepdims=True)


def refuse_overlap(out: Any, *inputs: np.ndarray) -> None:
    """What the kernels say of `out`, for inputs that they get copies of."""
    for x in inputs if isinstance(out, np.ndarray) else ():
        if arrays.overlap(out, x):
            raise ValueError(
                "out must not overlap the input, got an array that shares its memory"
            )


def gradient_dtype(x: np.ndarray) -> np.dtype:
    """Gradients have x's type if that is floating, else float64."""
    return floating_dtype(x.dtype)


def floating_dtype(dtype: np.dtype) -> np.dtype:
    """In native byte order, and float64 for what is not floating."""
    if dtype.kind == "f" or dtype.name == "bfloat16":
        return dtype.newbyteorder("=")
    return np.dtype(np.float64)
