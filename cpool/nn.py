"""Layers: a function with its arguments given beforehand, and the pullback of the last call.

Every function of an operator of the registry is a layer too: `max_pool2d` is `MaxPool2d`,
`adaptive_max_pool2d` is `AdaptiveMaxPool2d`, `global_max_pool` is `GlobalMaxPool`; and so is max
unpooling, and every function of cpool.alternatives that has a pullback: `blur_pool2d` is
`BlurPool2d`. A layer takes the arguments of its function, in torch.nn's order. An array that
belongs to an input (`where`, `out`, indices, boxes, logits) is given to each call; a parameter
(`weight`, `bias`, `query`, `alpha`) is an argument of the layer. nn.pyi, which a test holds against
this module, spells all layers out.
"""

from __future__ import annotations

import ast
import inspect
import operator
import re
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from cpool import alternatives, arrays, functional
from cpool.draws import philox
from cpool.pooling import pool
from cpool.reductions import REGISTRY
from cpool.reductions.base import Pullback, Reduction, gradients_by, with_memory
from cpool.windows import Windows, adaptive, sliding, whole

Function = Callable[..., Any]

_SLIDING = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "padding_mode")
_AT_CALL = (  # what belongs to one input
    "x", "boxes", "logits", "weights", "indices", "samples", "_random_samples", "where", "out"
)  # fmt: skip
_PASSING = ("_pullbacks", "_grads", "_generator")  # of a layer: what a copy does not have
_MOST_AXES = 64  # that an array of NumPy can have: `axes` may name any of them


class Layer:
    """Base of all layers: arguments that stay as they are, and the pullback of the last call.

    Layers compare equal, and hash, by their arguments; arrays among these are copied, and cannot be
    written to. A pickle or a copy of a layer has its arguments and no pullback. One layer called
    from several threads at once pools correctly, but has only one last call: give each thread a
    copy.
    """

    _function: ClassVar[Function]
    _signature: ClassVar[inspect.Signature]  # of the arguments, without self
    _rank: ClassVar[int]  # 1 to 3, or 0 where the function's name has no number
    _kind: ClassVar[type[Reduction] | None]
    _at_call: ClassVar[frozenset[str]] = frozenset({"x", "where", "out"})
    _arguments: dict[str, Any]
    _pullbacks: dict[str, Pullback] | None = None  # by name of what to differentiate by
    _grads: dict[str, np.ndarray] | None = None

    def __call__(self, x: Any, *, where: Any = None, out: np.ndarray | None = None) -> Any:
        """Pool x as the layer's function does, and keep the pullback for `backward`.

        Parameters
        ----------
        x : array_like
            Input.
        where : array_like of bool, optional
            Which elements exist; broadcasts to x.
        out : ndarray, optional
            Array of the result's shape and dtype to put it into; it may not overlap x.

        Returns
        -------
        ndarray or tuple of ndarray
            The result, or ``(values, indices)`` of a layer with ``return_indices=True``.
        """
        return self._run(x, where=where, out=out)

    def backward(self, gy: Any, out: np.ndarray | None = None) -> np.ndarray:
        """Take a gradient back through the last call.

        Parameters
        ----------
        gy : array_like
            Gradient in the result (in the values, where indices are returned too), of its shape.
        out : ndarray, optional
            Array of the gradient's shape and dtype to put it into; it may not overlap gy.

        Returns
        -------
        ndarray
            Gradient in x.

        Raises
        ------
        RuntimeError
            Before the first call, and after one that failed.
        TypeError, ValueError
            If gy is not an array of numbers, or not of the result's shape; if the gradient cannot
            be put into `out`.
        """
        if self._pullbacks is None:
            name = type(self).__name__
            raise RuntimeError(
                f"{name}.backward needs a call before it, whose pullback it takes: "
                f"y = layer(x), then gx = layer.backward(gy)"
            )
        by, self._grads = self._pullbacks, None
        gx = by["x"](gy, out)
        self._grads = {name: np.asarray(of(gy)) for name, of in by.items() if name != "x"}
        return gx

    @property
    def grads(self) -> dict[str, np.ndarray]:
        """Gradients of the last `backward` in all but x that the function can be differentiated by,
        by name: in parameters of the layer, and in logits that a call was given. Empty before, and
        for most poolings, which have no parameters."""
        return dict(self._grads or {})

    def _accept(self, *args: Any, **kwargs: Any) -> None:
        """Check and keep the arguments: what each layer's __init__ does."""
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}") from None
        bound.apply_defaults()
        self._check(bound.arguments)
        self._arguments = {name: _settled(name, v) for name, v in bound.arguments.items()}

    def _check(self, arguments: dict[str, Any]) -> Windows:
        """Raise what can be raised without an array, rather than at the first call."""
        self._check_flags(arguments)
        windows = _windows(arguments)
        axes, channels_last = arguments.get("axes"), arguments["channels_last"]
        if self._rank or axes is not None:
            arrays.pooled_axes(_MOST_AXES, windows, axes, channels_last, self._rank)
        if self._kind is not None:
            if all(name in arguments for name in self._kind.own):
                self._kind(*(arguments[name] for name in self._kind.own))
            _check_options(arguments)
        return windows

    def _check_flags(self, arguments: dict[str, Any]) -> None:
        for name, parameter in self._signature.parameters.items():
            if isinstance(parameter.default, bool):
                arrays.flag(arguments[name], name)

    def _reads(self) -> list[Windows]:
        """The windows that lead from x to an output, one after the other: what
        `cpool.receptive_field` asks."""
        told = getattr(self._function, "_reads", None)
        if isinstance(told, str):
            raise TypeError(
                f"layers must have windows of one size that are evenly apart, got {self!r}, {told}"
            )
        windows = _windows(self._arguments)
        return [windows] if told is None else told(windows=windows, **self._arguments)

    def _run(self, *inputs: Any, **options: Any) -> Any:
        # Before the call: the gradient of an earlier one would be wrong if this one fails, and
        # what its pullback holds is not needed any more.
        self._pullbacks = self._grads = None
        with_pullback = self._function._vjp  # type: ignore[attr-defined]
        y, pullback = with_pullback(*inputs, **{**self._arguments, **options})
        by = gradients_by(pullback)
        self._pullbacks = {**by, "x": with_memory(by["x"], inputs[0])}
        return y

    def __repr__(self) -> str:
        defaults = self._signature.parameters
        shown = [
            f"{name}={_shown(value)}"
            for name, value in self._arguments.items()
            if _comparable(value) != _comparable(defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def _values(self) -> tuple[Any, ...]:
        return tuple(map(_comparable, self._arguments.values()))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _PASSING}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Arrays that were pickled can be written to.
        arguments = {name: _frozen(value) for name, value in state["_arguments"].items()}
        vars(self).update(state, _arguments=arguments)


class _Averaging(Layer):
    """Layers of means, which may be weighted: other weights at each call."""

    _at_call = Layer._at_call | {"weights"}

    def __call__(
        self, x: Any, *, weights: Any = None, where: Any = None, out: np.ndarray | None = None
    ) -> Any:
        """Pool x as the layer's function does, and keep the pullback for `backward`.

        Parameters
        ----------
        x : array_like
            Input.
        weights : array_like, optional
            Finite numbers that are not negative, for a weighted mean; broadcasts to x.
        where : array_like of bool, optional
            Which elements exist; broadcasts to x.
        out : ndarray, optional
            Array of the result's shape and dtype to put it into; it may not overlap x.

        Returns
        -------
        ndarray
            The result.
        """
        return self._run(x, weights=weights, where=where, out=out)


class _Random(Layer):
    """Layers that draw: their seed becomes a generator once, so that calls differ. A copy begins
    with the seed again."""

    _generator: np.random.Generator | None = None

    def _check(self, arguments: dict[str, Any]) -> Windows:
        if not isinstance(arguments["rng"], np.random.Generator):
            philox(arguments["rng"])
        return super()._check(arguments)

    def _run(self, *inputs: Any, **options: Any) -> Any:
        rng = self._arguments["rng"]
        if self._generator is None and rng is not None:
            self._generator = rng if isinstance(rng, np.random.Generator) else philox(rng)
        return super()._run(*inputs, rng=self._generator, **options)


class _Unpooling(Layer):
    """Layers that are called with the indices, and the output size where it is not the least."""

    _at_call = frozenset({"x", "indices", "output_size", "out"})

    def __call__(
        self, x: Any, indices: Any, output_size: Any = None, *, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Put values back to where max pooling found them.

        Parameters
        ----------
        x : array_like
            Values.
        indices : array_like of int
            Their positions, of x's shape, as a layer with ``return_indices=True`` gives them.
        output_size : int or tuple of int, optional
            Size of the result along the pooled axes, or its shape.
        out : ndarray, optional
            Array of the result's shape and dtype to put it into; it may not overlap x or indices.

        Returns
        -------
        ndarray
            The values at their positions, zeros everywhere else.
        """
        return self._run(x, indices, output_size=output_size, out=out)

    def _check(self, arguments: dict[str, Any]) -> Windows:
        windows = super()._check(arguments)
        if isinstance(windows.padding, str):
            raise ValueError(f"padding must be ints for unpooling, got {windows.padding!r}")
        return windows


class _Alternative(Layer):
    """Layers of cpool.alternatives: each has a call of its own."""

    _at_call = frozenset(_AT_CALL)

    def _check(self, arguments: dict[str, Any]) -> Windows:
        self._check_flags(arguments)
        _check_options(arguments)
        why = getattr(self._function, "_no_omission", "")
        alternatives.common.checked_policy(arguments.get("nan_policy", "propagate"), why)
        for name, parameter in self._signature.parameters.items():
            if "ArrayLike" in str(parameter.annotation) and arguments[name] is not None:
                arguments[name] = _copied(arguments[name], name)
        given = {name: value for name, value in arguments.items() if value is not None}
        windows = _windows(given)
        if self._rank:
            arrays.pooled_axes(_MOST_AXES, windows, None, arguments["channels_last"], self._rank)
        return windows


class _RandomAlternative(_Random, _Alternative):
    pass


def _check_options(arguments: dict[str, Any]) -> None:
    options = {name: arguments[name] for name in ("nan_policy", "dtype") if name in arguments}
    pool([1.0], "sum", whole(), **options)


def _windows(arguments: dict[str, Any]) -> Windows:
    if "kernel_size" in arguments:
        return sliding(**{name: arguments[name] for name in _SLIDING if name in arguments})
    if "output_size" in arguments:
        return adaptive(arguments["output_size"])
    return whole()


def _settled(name: str, value: Any) -> Any:
    """An argument that cannot change any more, of a type whose repr can be read back."""
    if isinstance(value, (tuple, list)):
        return tuple(_settled(name, entry) for entry in value)
    if isinstance(value, np.ndarray) and value.ndim:
        return _copied(value, name)
    if name == "dtype":
        # By name: a data type of NumPy's equals None if it is float64.
        return None if value is None else arrays.as_dtype(value).name
    if isinstance(value, (np.ndarray, np.generic)) and value.ndim == 0:
        return value.item()
    if hasattr(value, "__index__") and not isinstance(value, bool):
        return operator.index(value)
    return value


def _copied(value: Any, name: str) -> Any:
    """A parameter of a layer: an array of its own in native order; a number stays one."""
    array = arrays.as_input(value, name)
    if array.ndim == 0:
        return value
    return _frozen(array.astype(array.dtype.newbyteorder("="), order="C"))


def _frozen(value: Any) -> Any:
    """An array as a view that cannot be made writable; all else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    value.flags.writeable = False
    return value.view()


def _comparable(value: Any) -> Any:
    """What is equal, and has the same hash, for equal arguments."""
    if isinstance(value, np.ndarray):
        return np.ndarray, value.dtype.name, value.shape, value.tobytes()
    return value


def _shown(value: Any) -> str:
    """Arrays by shape and type only: they may be large."""
    if isinstance(value, np.ndarray):
        return f"<array of shape {value.shape}, {value.dtype.name}>"
    return repr(value)


# --- texts ----------------------------------------------------------------------------------------

_AXES = {0: "...", 1: "..., W", 2: "..., H, W", 3: "..., D, H, W"}
_LENGTHS = {
    "sliding": """\
    A pooled axis of n elements gets
    ``floor((n + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1``; with `ceil_mode`
    rounded up, but for a window that would start in the padding after the axis; with "same"
    padding ``ceil(n / stride)``.""",
    "adaptive": """\
    A pooled axis gets `output_size` elements.""",
    "global": """\
    A pooled axis gets one element, or none with ``keepdims=False``: it vanishes.""",
    "unpool": """\
    An axis of n elements gets ``(n - 1) * stride + kernel_size - 2 * padding``, or what
    `output_size` says.""",
}
_GIVEN = {
    "sliding": "kernel_size=2, stride=2",
    "adaptive": "output_size=4",
    "global": "",
    "unpool": "kernel_size=2, stride=2",
}


_OF_RNG = """\
        An int is the seed of a generator of the layer: calls differ, but those of another layer, or
        of a copy, are the same ones again. A Generator is advanced once by each call."""


def _form(function_name: str) -> str:
    prefix = function_name.partition("_")[0]
    if "unpool" in function_name:
        return "unpool"
    return prefix if prefix in ("adaptive", "global") else "sliding"


def _described(text: str) -> dict[str, str]:
    """The entries of a docstring's parameters, by their names (some have several)."""
    section = re.search(r"\n {4}Parameters\n {4}-+\n(.*?)\n\n", text, re.DOTALL)
    entries = re.split(r"\n(?= {4}\S)", section[1]) if section else []
    return {entry.strip().partition(" :")[0]: entry for entry in entries}


def _entries(text: str, names: list[str]) -> list[str]:
    """Those of some parameters, in their order; others that share an entry are left out of it."""
    found = {}
    for entry in _described(text).values():
        head, newline, body = entry.strip().partition("\n")
        listed, colon, kind = head.partition(" :")
        own = [name for name in listed.split(", ") if name in names]
        if own:
            body = _OF_RNG if own == ["rng"] else body
            found[names.index(own[0])] = f"    {', '.join(own)}{colon}{kind}{newline}{body}"
    return [found[place] for place in sorted(found)]


def _shapes(form: str, rank: int) -> str:
    if form == "global":
        return "Shapes: x ``(N, C, ...)``, y ``(N, C, 1, ...)``."
    if rank == 0:
        return "Shapes: x of any shape, y of as many axes."
    before = _AXES[rank]
    after = re.sub(r"([DHW])", r"\1_out", before)
    return f"Shapes: x ``({before})``, y ``({after})``, or with `channels_last` one more axis."


def _example(name: str, form: str, rank: int, leading: str) -> str:
    """A doctest of what calls and gradients have for shapes."""
    x = "(8, 8, 3)" if form != "global" and not rank else f"(1, 3{', 8' * (rank or 2)})"
    y = x.replace("8", "1" if form == "global" else "4")
    given = _GIVEN[form] + ("" if form == "global" or rank else ", axes=(0, 1)")
    given = f"{leading}{given}".removesuffix(", ")
    lines = ["import numpy as np", "from cpool import nn"]
    if form == "unpool":
        pooling = name.replace("Unpool", "Pool")
        lines += [
            f"pooling = nn.{pooling}({given}, return_indices=True)",
            f"y, indices = pooling(np.ones({x}))",
            f"layer = nn.{name}({given})",
            f"layer(y, indices).shape\n    {x}",
            f"layer.backward(np.ones({x})).shape\n    {y}",
        ]
    else:
        lines += [
            f"layer = nn.{name}({given})",
            f"y = layer(np.ones({x}))",
            f"y.shape\n    {y}",
            f"layer.backward(np.ones_like(y)).shape\n    {x}",
        ]
    return "\n".join(f"    >>> {line}" for line in lines)


def _inputs(base: type[Layer]) -> str:
    """What a call of a layer takes, as one writes it."""
    parameters = list(inspect.signature(base.__call__).parameters.values())[1:]
    shown = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    return str(inspect.Signature(shown))[1:-1]


def _required(kind: type[Reduction] | None) -> str:
    """What an example of a layer cannot do without."""
    if kind is None or not kind.required:
        return ""
    return kind.example or f"{kind.example_options.removeprefix(', ')}, "


def _text(
    function: Function, name: str, rank: int, names: list[str], leading: str, inputs: str
) -> str:
    """The docstring of a layer: its arguments as its function's docstring describes them."""
    form = _form(function.__name__)
    return "\n".join([
        function.__doc__.partition("\n")[0].replace(" [1]_", ""),
        "",
        "    Parameters",
        "    ----------",
        *_entries(function.__doc__, names),
        "",
        "    Raises",
        "    ------",
        "    TypeError, ValueError",
        "        If an argument has the wrong type, or is out of range.",
        "",
        "    See Also",
        "    --------",
        f"    cpool.{function.__name__} : The function that a call runs.",
        "",
        "    Notes",
        "    -----",
        f"    ``layer({inputs})`` gives what the function gives, and",
        "    ``layer.backward(gy)`` takes a gradient back through that call.",
        "",
        f"    {_shapes(form, rank)}",
        _LENGTHS[form],
        "",
        "    Examples",
        "    --------",
        _example(name, form, rank, leading),
        "    ",
    ])  # fmt: skip


class _AsLayer(ast.NodeTransformer):
    """`cpool.roi_pool(x, boxes, 2)` becomes `nn.RoiPool(2)(x, boxes)`."""

    def __init__(self, function: Function, name: str, at_call: frozenset[str]) -> None:
        self.of = f"cpool.{function.__name__}"
        self.names = list(inspect.signature(function).parameters)
        self.name, self.at_call = name, at_call

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.func) != self.of:
            return node
        placed = list(zip(self.names, node.args, strict=False))
        given = [value for name, value in placed if name not in self.at_call]
        called = [value for name, value in placed if name in self.at_call]
        options = [each for each in node.keywords if each.arg not in self.at_call]
        inputs = [each for each in node.keywords if each.arg in self.at_call]
        layer = ast.Call(ast.parse(f"nn.{self.name}", mode="eval").body, given, options)
        return ast.Call(layer, called, inputs)


def _examples_of(function: Function, name: str, at_call: frozenset[str]) -> str:
    """The examples of a function with the layer called in its place, where it is called."""
    section = function.__doc__.partition("    Examples\n    --------\n")[2].rstrip()
    blocks = re.split(r"^ {4}>>> ", section, flags=re.MULTILINE)[1:]
    as_layer, shown, uses = _AsLayer(function, name, at_call), [], False
    for block in blocks:
        code = re.match(r".*(\n {4}\.\.\. .*)*", block)[0]
        # What is drawn differs: a layer makes a generator of its seed.
        if "import cpool" in code or ("rng" in code and not code.endswith(".shape")):
            continue
        tree = ast.parse(re.sub(r"\n {4}\.\.\. ", "\n", code))
        before = ast.unparse(tree)
        after = ast.unparse(as_layer.visit(tree))
        code, result = after if after != before else code, block[len(code) :].rstrip()
        shown.append(f"    >>> {code}{result}")
        uses |= "cpool." in after
    first = ["    >>> import cpool"] if uses else []
    return "\n".join([*first, "    >>> from cpool import nn", *shown])


def _text_of_alternative(
    function: Function, name: str, names: list[str], call: inspect.Signature
) -> str:
    """The docstring of a layer whose function has no windows to say more of."""
    entries = _entries(function.__doc__, names)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in call.parameters.values()]
    inputs = str(inspect.Signature(bare[1:]))
    return "\n".join([
        function.__doc__.partition("\n")[0].replace(" [1]_", ""),
        "",
        *(["    Parameters", "    ----------", *entries, ""] if entries else []),
        "    Raises",
        "    ------",
        "    TypeError, ValueError",
        "        If an argument has the wrong type, or is out of range.",
        "",
        "    See Also",
        "    --------",
        f"    cpool.{function.__name__} : The function that a call runs.",
        "",
        "    Notes",
        "    -----",
        f"    ``layer{inputs}`` gives what the function gives, and",
        "    ``layer.backward(gy)`` takes a gradient back through that call. Then ``layer.grads``",
        "    has those in all other arguments that the function can be differentiated by.",
        "",
        "    Examples",
        "    --------",
        _examples_of(function, name, _Alternative._at_call),
        "    ",
    ])  # fmt: skip


# --- names ----------------------------------------------------------------------------------------


def _class_name(function_name: str) -> str:
    """adaptive_max_pool2d is AdaptiveMaxPool2d."""
    return "".join(word[0].upper() + word[1:] for word in function_name.split("_"))


def _arguments_of(function: Function, at_call: frozenset[str]) -> inspect.Signature:
    """What a layer is made with; return_indices stands before ceil_mode, as in torch.nn."""
    parameters = inspect.signature(function).parameters
    kept = [parameter for name, parameter in parameters.items() if name not in at_call]
    names = [parameter.name for parameter in kept]
    if "return_indices" in names and "ceil_mode" in names:
        moved = kept.pop(names.index("return_indices"))
        kept.insert(names.index("ceil_mode"), moved)
    return inspect.Signature(kept)


def _initializer(signature: inspect.Signature) -> Function:
    def initialize(self: Layer, *args: Any, **kwargs: Any) -> None:
        self._accept(*args, **kwargs)

    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    initialize.__signature__ = signature.replace(parameters=[me, *signature.parameters.values()])
    initialize.__name__ = "__init__"
    return initialize


def _argument(name: str) -> property:
    return property(lambda self: self._arguments[name], doc=f"The argument `{name}`.")


def _publish(base: type[Layer], kind: type[Reduction] | None, stem: str) -> None:
    """A layer for each function of an operator: sliding, adaptive and global, of any rank."""
    for function_name in functional.__all__:
        match = re.fullmatch(rf"(?:adaptive_|global_)?{stem}(?:([123])d)?", function_name)
        if not match:
            continue
        function = getattr(functional, function_name)
        name, rank = _class_name(function_name), int(match[1] or 0)
        signature = _arguments_of(function, base._at_call)
        names = list(signature.parameters)
        members = {
            "__doc__": _text(
                function, name, rank, names, _required(kind), _inputs(base)
            ),
            "__module__": __name__,
            "__init__": _initializer(signature),
            "_function": staticmethod(function),
            "_signature": signature,
            "_rank": rank,
            "_kind": kind,
            **{argument: _argument(argument) for argument in names},
        }
        globals()[name] = type(name, (base,), members)
        __all__.append(name)


def _caller(function: Function) -> Function:
    """The __call__ of a layer: what of the function's arguments belongs to an input."""
    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    signature = inspect.Signature([me, *(p for p in parameters if p.name in _AT_CALL)])

    def call(self: _Alternative, *args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(self, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}") from None
        options = dict(bound.arguments)
        del options["self"]
        return self._run(options.pop("x"), **options)

    call.__signature__ = signature  # type: ignore[attr-defined]
    call.__name__ = "__call__"
    call.__doc__ = f"Call `cpool.{function.__name__}`, and keep the pullback for `backward`."
    return call


def _publish_alternative(function: Function) -> None:
    name = _class_name(function.__name__)
    rank = re.search(r"([123])d$", name)
    base = _RandomAlternative if "rng" in inspect.signature(function).parameters else _Alternative
    signature, call = _arguments_of(function, base._at_call), _caller(function)
    names = list(signature.parameters)
    members = {
        "__doc__": _text_of_alternative(function, name, names, inspect.signature(call)),
        "__module__": __name__,
        "__init__": _initializer(signature),
        "__call__": call,
        "_function": staticmethod(function),
        "_signature": signature,
        "_rank": int(rank[1]) if rank else 0,
        "_kind": None,
        **{argument: _argument(argument) for argument in names},
    }
    globals()[name] = type(name, (base,), members)
    __all__.append(name)


__all__ = ["Layer"]

_BASES = {"weights": _Averaging, "rng": _Random}

for _kind in REGISTRY.values():
    _publish(_BASES.get(_kind.given, Layer), _kind, _kind.function)
_publish(_Unpooling, None, "max_unpool")

for _name in alternatives.__all__:
    if hasattr(getattr(alternatives, _name), "_vjp"):
        _publish_alternative(getattr(alternatives, _name))
