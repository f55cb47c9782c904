"""The stub files say of each name what the installed modules say, and are installed with them."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import stubs

import cpool
from cpool import functional, nn

FOLDER = Path(cpool.__file__).resolve().parent
COMPILED = ["cpool.arrays", "cpool.bins", "cpool.calls", "cpool.kernels.cpu", "cpool.windows"]
MODULES = [*COMPILED, "cpool.functional", "cpool.nn"]

KINDS = inspect._ParameterKind
#: Parameters as (name, kind, default): the default's value, or inspect's mark that there is none.
Parameters = list[tuple[str, KINDS, Any]]


def stub_of(module: str) -> ast.Module:
    path = FOLDER.joinpath(*module.split(".")[1:]).with_suffix(".pyi")
    return ast.parse(path.read_text(encoding="utf-8"))


def definitions(body: list[ast.stmt]) -> dict[str, list[ast.FunctionDef]]:
    """All definitions of each name: one, or the overloads."""
    found: dict[str, list[ast.FunctionDef]] = {}
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            found.setdefault(statement.name, []).append(statement)
    return found


def classes(tree: ast.Module) -> dict[str, ast.ClassDef]:
    return {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}


def assigned(body: list[ast.stmt]) -> dict[str, ast.AnnAssign]:
    return {each.target.id: each for each in body if isinstance(each, ast.AnnAssign)}


def listed(tree: ast.Module) -> list[str]:
    """The __all__ of a stub."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and statement.targets[0].id == "__all__":
            return ast.literal_eval(statement.value)
    raise AssertionError("the stub has no __all__")


def in_stub(definition: ast.FunctionDef) -> Parameters:
    arguments = definition.args
    assert not arguments.posonlyargs
    assert arguments.vararg is None
    assert arguments.kwarg is None
    missing = [None] * (len(arguments.args) - len(arguments.defaults))
    pairs = [
        *((a, KINDS.POSITIONAL_OR_KEYWORD, d)
          for a, d in zip(arguments.args, [*missing, *arguments.defaults], strict=True)),
        *((a, KINDS.KEYWORD_ONLY, d)
          for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)),
    ]  # fmt: skip
    return [
        (a.arg, kind, inspect.Parameter.empty if d is None else ast.literal_eval(d))
        for a, kind, d in pairs
    ]


def in_module(function: Any) -> Parameters:
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters]


def is_property(definition: ast.FunctionDef) -> bool:
    return [ast.unparse(each) for each in definition.decorator_list] == ["property"]


def annotated(definition: ast.FunctionDef) -> bool:
    arguments = [*definition.args.args, *definition.args.kwonlyargs]
    return definition.returns is not None and all(
        argument.annotation is not None for argument in arguments if argument.arg != "self"
    )


def functions_of(module: ModuleType) -> dict[str, Any]:
    """The functions that a compiled module defines."""
    return {
        name: value
        for name, value in vars(module).items()
        if type(value).__name__ == "cython_function_or_method" and not name.startswith("_")
    }


def check_overload(definition: ast.FunctionDef, real: Parameters) -> None:
    """An overload may demand return_indices, by keyword or after all arguments before it."""
    given = in_stub(definition)
    name = "return_indices"
    assert [p[0] for p in given if p[0] != name] == [p[0] for p in real if p[0] != name]
    kinds = {parameter: kind for parameter, kind, _ in real}
    defaults = {parameter: default for parameter, _, default in real}
    for parameter, kind, default in given:
        assert kind is kinds[parameter] or (parameter == name and kind is KINDS.KEYWORD_ONLY)
        assert default is inspect.Parameter.empty or default == defaults[parameter]
    assert {p: d for p, _, d in given}[name] is inspect.Parameter.empty


# The tests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_installed(module):
    """Types are found where the package is: marked as typed, and a stub beside each module."""
    assert (FOLDER / "py.typed").is_file()
    stub_of(module)


@pytest.mark.parametrize("name", stubs.STUBS)
def test_written_from_the_signatures(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text == stubs.STUBS[name](), f"{name} is not up to date: run python tests/stubs.py"


@pytest.mark.parametrize("module", MODULES)
def test_everything_is_annotated(module):
    tree = stub_of(module)
    bodies = [tree.body, *(each.body for each in classes(tree).values())]
    for body in bodies:
        for overloads in definitions(body).values():
            assert all(annotated(definition) for definition in overloads)


def test_names_of_functions():
    tree = stub_of("cpool.functional")
    assert listed(tree) == functional.__all__
    assert list(definitions(tree.body)) == functional.__all__
    assert not classes(tree)


@pytest.mark.parametrize("name", functional.__all__)
def test_function(name):
    first, *others = definitions(stub_of("cpool.functional").body)[name]
    real = in_module(getattr(functional, name))
    assert in_stub(first) == real
    for definition in others:
        check_overload(definition, real)
    assert bool(others) == any(parameter == "return_indices" for parameter, _, _ in real)


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_module(name):
    module, tree = importlib.import_module(name), stub_of(name)
    written, real = definitions(tree.body), functions_of(module)
    assert sorted(written) == sorted(real)
    for function, overloads in written.items():
        assert [in_stub(each) for each in overloads] == [in_module(real[function])]
    constants = [each for each in assigned(tree.body) if not each.startswith("_")]
    assert [each for each in constants if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", list(classes(stub_of("cpool.windows"))))
def test_windows(name):
    stub = classes(stub_of("cpool.windows"))[name]
    real = getattr(cpool.windows, name)
    written = definitions(stub.body)
    public = {each for each in vars(real) if not each.startswith("_")}
    assert {each for each in written if not each.startswith("_")} == public
    assert all(hasattr(real, each) for each in written)
    bases = [each.__name__ for each in real.__bases__ if each is not object]
    assert [base.id for base in stub.bases] == bases
    for method, (definition,) in written.items():
        if not method.startswith("_"):
            attribute = getattr(real, method)
            assert is_property(definition) is inspect.isdatadescriptor(attribute)
            assert is_property(definition) or in_stub(definition) == in_module(attribute)


def test_names_of_layers():
    tree = stub_of("cpool.nn")
    assert listed(tree) == nn.__all__
    public = [name for name in classes(tree) if not name.startswith("_")]
    assert sorted(public) == sorted(nn.__all__)
    assert not definitions(tree.body)


def with_bases(tree: ast.Module, name: str) -> list[ast.ClassDef]:
    """A class of a stub and what it inherits, the nearest first."""
    found = [classes(tree)[name]]
    while found[-1].bases:
        found.append(classes(tree)[found[-1].bases[0].id])
    return found


@pytest.mark.parametrize("name", nn.__all__)
def test_layer(name):
    lineage = with_bases(stub_of("cpool.nn"), name)
    layer = getattr(nn, name)
    written: dict[str, list[ast.FunctionDef]] = {}
    for each in reversed(lineage):
        assert not assigned(each.body)
        written.update(definitions(each.body))
    (call,) = written["__call__"]
    assert in_stub(call) == in_module(layer.__call__)
    (backward,) = written["backward"]
    assert in_stub(backward) == in_module(layer.backward)
    public = {each for each in dir(layer) if not each.startswith("_")}
    assert {each for each in written if not each.startswith("_")} == public
    properties = {each for each, (only,) in written.items() if is_property(only)}
    assert properties == {each for each in public if isinstance(getattr(layer, each), property)}
    if layer is not nn.Layer:
        (initialize,) = written["__init__"]
        assert in_stub(initialize)[0][0] == "self"
        assert in_stub(initialize)[1:] == in_module(layer)
        assert properties == {*inspect.signature(layer).parameters, "grads"}


def test_overloads_say_what_is_returned():
    x = np.ones((2, 2))
    for overload in definitions(stub_of("cpool.functional").body)["max_pool2d"]:
        asked = next(a for a in (*overload.args.args, *overload.args.kwonlyargs)
                     if a.arg == "return_indices")  # fmt: skip
        wanted = {"Literal[False]": [False], "Literal[True]": [True], "bool": [False, True]}
        flags = wanted[ast.unparse(asked.annotation)]
        given = {type(cpool.max_pool2d(x, 2, return_indices=flag)).__name__ for flag in flags}
        said = {part.strip().partition("[")[0] for part in ast.unparse(overload.returns).split("|")}
        assert {each.replace("NDArray", "ndarray") for each in said} == given


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("prefix", ["", "adaptive_"])
def test_axes_are_for_functions_without_a_number(prefix, rank):
    """What the signature does not show is not accepted either, forward or with a pullback."""
    x = np.ones((4,) * 4)
    function = getattr(cpool, f"{prefix}max_pool{rank}d")
    expected = rf"{prefix}max_pool{rank}d\(\) got an unexpected keyword argument 'axes'"
    for axes in (None, 0, (0,) * rank):
        with pytest.raises(TypeError, match=expected):
            function(x, 2, axes=axes)
        with pytest.raises(TypeError, match=expected):
            cpool.vjp(function, x, 2, axes=axes)
    any_axes = getattr(cpool, f"{prefix}max_pool")
    np.testing.assert_array_equal(any_axes(x, 2, axes=tuple(range(4 - rank, 4))), function(x, 2))


def test_axes_of_unpooling_with_a_number():
    with pytest.raises(TypeError, match="unexpected keyword argument 'axes'"):
        cpool.max_unpool2d(np.ones((2, 2)), np.zeros((2, 2), int), 2, axes=(0, 1))
