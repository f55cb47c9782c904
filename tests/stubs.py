"""functional.pyi and nn.pyi, written from the signatures of the installed cpool.

`python tests/stubs.py` writes both beside their modules in the source tree. Run it when an
operator or an argument was added; the name of a new argument must get a type in TYPES.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cpool import functional, nn

Parameter = inspect.Parameter

ARRAY = "NDArray[Any]"
TYPES = {
    "x": "ArrayLike",
    "indices": "ArrayLike",
    "kernel_size": "_Ints",
    "stride": "_Ints | None",
    "padding": "_Padding",
    "dilation": "_Ints",
    "output_size": "_Sizes",
    "ceil_mode": "bool",
    "return_indices": "bool",
    "count_include_pad": "bool",
    "divisor_override": "SupportsIndex | None",
    "norm_type": "float",
    "p": "float",
    "eps": "float",
    "weights": "ArrayLike | None",
    "training": "bool",
    "rng": "int | np.random.Generator | None",
    "r": "float",
    "beta": "float",
    "q": "float",
    "method": "_Method",
    "rank": "SupportsIndex",
    "cut": "float",
    "ties": 'Literal["smallest", "first"]',
    "ignore": "float | None",
    "axes": "_Ints | None",
    "channels_last": "bool",
    "keepdims": "bool",
    "padding_mode": "_PaddingMode",
    "nan_policy": "_NanPolicy",
    "where": "ArrayLike | None",
    "dtype": "DTypeLike | None",
    "out": f"{ARRAY} | None",
}
#: Unpooling takes no "same" padding, and a size only where it is not the default.
UNPOOLING_TYPES = {**TYPES, "padding": "_Pads", "output_size": "_Ints | None"}

#: What the arguments of a layer are when they are read from it.
ATTRIBUTES = {
    "_Ints": "int | tuple[int, ...]",
    "_Ints | None": "int | tuple[int, ...] | None",
    "_Pads": "int | tuple[int | tuple[int, int], ...]",
    "_Padding": "int | str | tuple[int | tuple[int, int], ...]",
    "_Sizes": "int | tuple[int | None, ...] | None",
    "SupportsIndex | None": "int | None",
    "SupportsIndex": "int",
    "DTypeLike | None": "str | None",
    "_Numbers | None": f"float | tuple[float, ...] | {ARRAY} | None",
    "ArrayLike": f"float | {ARRAY}",
    "ArrayLike | None": f"{ARRAY} | None",
    "Sequence[int]": "tuple[int, ...]",
    "int | Sequence[int] | None": "int | tuple[int, ...] | None",
}

BOTH = f"tuple[{ARRAY}, NDArray[np.int64]]"  # values and indices

HEAD = """\
# Written by tests/stubs.py.
{sequence}from typing import Any, {typing}

{numpy}from numpy.typing import ArrayLike, DTypeLike, NDArray

{ours}

_NanPolicy: TypeAlias = Literal["propagate", "omit", "raise"]
_Method: TypeAlias = Literal[
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf",
    "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher",
    "midpoint", "nearest",
]

__all__ = [
{names}
]
"""

LAYER = f"""
class Layer:
    def __call__(
        self, x: ArrayLike, *, where: ArrayLike | None = None, out: {ARRAY} | None = None
    ) -> Any: ...
    def backward(self, gy: ArrayLike, out: {ARRAY} | None = None) -> {ARRAY}: ...
    @property
    def grads(self) -> dict[str, {ARRAY}]: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...
"""


# --- definitions ----------------------------------------------------------------------------------


def definition(name: str, parameters: Iterable[Parameter], types: dict[str, str], result: str,
               indent: str = "") -> str:  # fmt: skip
    """`def name(...) -> result: ...`, filled to the length of a line."""
    entries = []
    for parameter in parameters:
        if parameter.kind is Parameter.KEYWORD_ONLY and "*" not in entries:
            entries.append("*")
        entries.append(_entry(parameter, types))
    line = f"{indent}def {name}({', '.join(entries)}) -> {result}: ..."
    if len(line) <= 100:
        return line
    # Spaces inside an entry do not break.
    text = " ".join(entry.replace(" ", "\0") + "," for entry in entries)
    body = textwrap.fill(
        text, 100, initial_indent=f"{indent}    ", subsequent_indent=f"{indent}    ",
        break_long_words=False, break_on_hyphens=False,
    ).replace("\0", " ")  # fmt: skip
    return f"{indent}def {name}(\n{body}\n{indent}) -> {result}: ..."


def _entry(parameter: Parameter, types: dict[str, str]) -> str:
    if parameter.name == "self":
        return "self"
    if parameter.annotation is not Parameter.empty:
        written = parameter.annotation  # one that an overload gave it
    elif parameter.name in types:
        written = types[parameter.name]
    else:
        raise KeyError(f"tests/stubs.py must say of what type the argument {parameter.name} is")
    if parameter.default is Parameter.empty:
        return f"{parameter.name}: {written}"
    default = repr(parameter.default).replace("'", '"')
    return f"{parameter.name}: {written} = {default}"


def overloads(parameters: list[Parameter]) -> list[tuple[list[Parameter], str]]:
    """What a call gives, by return_indices: left out or False, True as a keyword, True in its
    place after all before it, and a bool of which nothing is known."""
    names = [parameter.name for parameter in parameters]
    if "return_indices" not in names:
        return [(parameters, ARRAY)]
    place = names.index("return_indices")
    flag = parameters[place]
    before, after = parameters[:place], parameters[place + 1 :]
    required = flag.replace(kind=Parameter.KEYWORD_ONLY, default=Parameter.empty)
    first_keyword = next(i for i, p in enumerate(parameters) if p.kind is Parameter.KEYWORD_ONLY)

    def changed(annotation: str, **changes: Any) -> list[Parameter]:
        return [*before, flag.replace(annotation=annotation, **changes), *after]

    def by_keyword(annotation: str) -> list[Parameter]:
        others = [p for p in parameters if p is not flag]
        place = first_keyword - (0 if flag.kind is Parameter.KEYWORD_ONLY else 1)
        return [*others[:place], required.replace(annotation=annotation), *others[place:]]

    result = [
        (changed("Literal[False]"), ARRAY),
        (by_keyword("Literal[True]"), BOTH),
    ]
    if flag.kind is not Parameter.KEYWORD_ONLY:
        asked = [p.replace(default=Parameter.empty) for p in before]
        true = flag.replace(annotation="Literal[True]", default=Parameter.empty)
        result.append(([*asked, true, *after], BOTH))
    result.append((by_keyword("bool"), f"{ARRAY} | {BOTH}"))
    return result


def function_stub(name: str) -> str:
    parameters = list(inspect.signature(getattr(functional, name)).parameters.values())
    types = UNPOOLING_TYPES if any(p.name == "indices" for p in parameters) else TYPES
    forms = overloads(parameters)
    mark = "@overload\n" if len(forms) > 1 else ""
    return "\n".join(mark + definition(name, form, types, result) for form, result in forms)


# --- layers ---------------------------------------------------------------------------------------


def layer_stubs() -> str:
    """Layers with the same arguments have one base, which is in the stub only."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for name in nn.__all__:
        layer = getattr(nn, name)
        if layer is not nn.Layer:
            key = (*_parameters(layer), None, *_parameters(layer.__call__))
            groups.setdefault(key, []).append(name)
    texts = []
    for names in groups.values():
        texts.append(_arguments_stub(f"_As{names[0]}", getattr(nn, names[0])))
        texts += [f"class {name}(_As{names[0]}): ..." for name in names]
    return "\n".join(texts)


def _parameters(function: Any) -> list[Parameter]:
    """With the annotations of alternatives, as a stub writes them; all others are in TYPES."""
    written = {"np.ndarray | None": f"{ARRAY} | None"}
    parameters = inspect.signature(function).parameters.values()
    return [p.replace(annotation=written.get(p.annotation, p.annotation)) for p in parameters]


def _arguments_stub(name: str, layer: type[nn.Layer]) -> str:
    called, parameters = _parameters(layer.__call__), _parameters(layer)
    names = {p.name for p in called}
    if not issubclass(layer, nn._Alternative):
        called = [p.replace(annotation=Parameter.empty) for p in called]
    unpooling = issubclass(layer, nn._Unpooling)
    types = UNPOOLING_TYPES if unpooling else TYPES
    me = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
    lines = [f"class {name}(Layer):"]
    for p in parameters:
        written = types[p.name] if p.annotation is Parameter.empty else p.annotation
        written = ATTRIBUTES.get(written, written)
        lines.append(f"    @property\n    def {p.name}(self) -> {written}: ...")
    lines.append(definition("__init__", [me, *parameters], types, "None", "    "))
    indices = any(p.name == "return_indices" for p in parameters)
    if not indices or names != {"self", "x", "where", "out"}:
        text = definition("__call__", called, types, "Any" if indices else ARRAY, "    ")
        # The base promises where and out, and asks for nothing but x.
        asked = [p for p in called[2:] if p.default is Parameter.empty]
        if asked or not {"where", "out"} <= names:
            text = text.replace("(", "(  # type: ignore[override]", 1) if "\n" in text else (
                text + "  # type: ignore[override]"
            )
        lines.append(text)
    return "\n".join(["", *lines, ""])


# --- files ----------------------------------------------------------------------------------------


def _names(names: Iterable[str]) -> str:
    return "\n".join(f'    "{name}",' for name in names)


def functional_stub() -> str:
    head = HEAD.format(
        sequence="",
        typing="Literal, SupportsIndex, TypeAlias, overload",
        ours="from cpool.windows import _Ints, _Padding, _PaddingMode, _Pads, _Sizes",
        numpy="import numpy as np\n",
        names=_names(functional.__all__),
    )
    return head + "\n" + "\n".join(function_stub(name) for name in functional.__all__) + "\n"


def nn_stub() -> str:
    head = HEAD.format(
        sequence="from collections.abc import Sequence\n",
        typing="Literal, SupportsIndex, TypeAlias",
        numpy="import numpy as np\n",
        ours="from cpool.draws import Rng\nfrom cpool.reductions.base import Reduction\n"
        "from cpool.windows import _Ints, _Numbers, _Padding, _PaddingMode, _Pads, _Sizes",
        names=_names(nn.__all__),
    )
    return head + LAYER + layer_stubs() + "\n"


STUBS: dict[str, Callable[[], str]] = {"functional.pyi": functional_stub, "nn.pyi": nn_stub}


def main() -> None:
    folder = Path(__file__).resolve().parent.parent / "cpool"
    for name, text in STUBS.items():
        (folder / name).write_text(text(), encoding="utf-8")
        print(folder / name)


if __name__ == "__main__":
    main()
