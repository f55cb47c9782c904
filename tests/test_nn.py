"""Layers: torch.nn's names and arguments, the functions' results, nothing kept but a pullback."""

from __future__ import annotations

import copy
import doctest
import inspect
import pickle
import re
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import cpool
from cpool import alternatives, functional, nn
from cpool.draws import philox
from cpool.reductions import REGISTRY
from cpool.reductions.base import gradients_by

ALTERNATIVES = [name for name in nn.__all__ if issubclass(getattr(nn, name), nn._Alternative)]
LAYERS = [name for name in nn.__all__ if name not in ("Layer", *ALTERNATIVES)]
POOLING = [name for name in LAYERS if "Unpool" not in name]
UNPOOLING = [name for name in LAYERS if "Unpool" in name]


def rank_of(name: str) -> int:
    match = re.search(r"([123])d$", name)
    return int(match[1]) if match else 0


def function_of(name: str) -> Any:
    """max_pool2d of MaxPool2d."""
    return getattr(cpool, re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def plain(name: str) -> dict[str, Any]:
    """The arguments that a layer must be given."""
    required = {"kernel_size": 2, "output_size": 2, "norm_type": 2.0, "q": 0.5, "rank": 0}
    parameters = inspect.signature(getattr(nn, name)).parameters.values()
    given = {p.name: required[p.name] for p in parameters if p.default is p.empty}
    return {**given, "rng": 3} if "rng" in parameters_of(name) else given


def some(name: str) -> dict[str, Any]:
    """Arguments as far from the defaults as a layer's own array allows."""
    wanted = {
        "kernel_size": 3,
        "stride": 2,
        "padding": 1,
        "output_size": 3,
        "ceil_mode": True,
        "count_include_pad": False,
        "divisor_override": 5,
        "channels_last": True,
        "padding_mode": "reflect",
        "nan_policy": "omit",
        "dtype": "float64",
        "keepdims": False,
        "norm_type": 3.0, "q": 0.25, "rank": -1,
        "p": 2.0,
        "eps": 1e-3,
        "r": 0.5,
        "beta": 0.5,
        "rng": 4,
    }
    return {key: value for key, value in wanted.items() if key in parameters_of(name)}


def drawn(given: dict[str, Any]) -> dict[str, Any]:
    """What the function is given in place of a layer's seed."""
    return {**given, "rng": philox(given["rng"])} if given.get("rng") is not None else given


def parameters_of(name: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(getattr(nn, name)).parameters)


@pytest.fixture
def x() -> np.ndarray:
    """Enough axes for every layer: two and three more, and few elements."""
    return np.random.default_rng(0).normal(size=(2, 6, 5, 7, 3)).astype(np.float32)


def input_of(name: str, x: np.ndarray) -> np.ndarray:
    """An n-dimensional layer that is told no axes pools all of three."""
    return x[0, 0] if rank_of(name) == 0 and "Global" not in name else x


# Names and arguments ------------------------------------------------------------------------------


def test_lines_of_the_documentation():
    assert repr(nn.MaxPool2d(kernel_size=2, stride=2)) == "MaxPool2d(kernel_size=2, stride=2)"
    assert repr(nn.AvgPool2d(kernel_size=2, stride=2)) == "AvgPool2d(kernel_size=2, stride=2)"
    layer = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
    assert repr(layer) == "MaxPool2d(kernel_size=3, stride=2, padding=1)"
    assert layer(np.ones((1, 1, 8, 8))).shape == (1, 1, 4, 4)


@pytest.mark.parametrize("kind", REGISTRY.values(), ids=lambda kind: kind.name)
def test_every_function_of_an_operator_has_a_layer(kind):
    forms = rf"(adaptive_|global_)?{kind.function}([123]d)?"
    names = [name for name in functional.__all__ if re.fullmatch(forms, name)]
    assert f"{kind.function}2d" in names
    for name in names:
        layer = nn._class_name(name)
        assert layer in nn.__all__
        assert function_of(layer) is getattr(functional, name)


def test_names_of_layers():
    assert nn._class_name("log_sum_exp_pool2d") == "LogSumExpPool2d"
    assert nn._class_name("adaptive_avg_pool1d") == "AdaptiveAvgPool1d"
    assert len(set(nn.__all__)) == len(nn.__all__)
    for name in nn.__all__:
        layer = getattr(nn, name)
        assert issubclass(layer, nn.Layer)
        assert (layer.__name__, layer.__qualname__, layer.__module__) == (name, name, "cpool.nn")


@pytest.mark.parametrize("name", LAYERS)
def test_arguments_are_those_of_the_function(name):
    real = inspect.signature(function_of(name)).parameters
    given_to_calls = inspect.signature(getattr(nn, name).__call__).parameters
    ours = parameters_of(name)
    assert set(ours) == set(real) - (set(given_to_calls) - {"self"})
    for key, parameter in ours.items():
        assert (parameter.kind, parameter.default) == (real[key].kind, real[key].default)
    moved = [key for key in real if key in ours]
    if "ceil_mode" in ours and "return_indices" in ours:
        moved.remove("return_indices")
        moved.insert(moved.index("ceil_mode"), "return_indices")
    assert list(ours) == moved


def test_order_of_arguments():
    layer = nn.MaxPool2d(3, 2, 1, 1, True, False)
    assert layer.return_indices is True
    assert layer.ceil_mode is False
    assert nn.AvgPool2d(3, 2, 1, True, False, 7).divisor_override == 7
    assert nn.AdaptiveMaxPool2d(3, True).return_indices is True
    assert nn.MaxUnpool2d(3, 2, 1).padding == 1


TORCH = [name for name in LAYERS if re.match(r"(Adaptive)?(Max|Avg)(Unp|P)ool\dd", name)]


@pytest.mark.parametrize("name", TORCH)
def test_names_and_order_of_torch(name):
    torch = pytest.importorskip("torch")
    theirs = list(inspect.signature(getattr(torch.nn, name)).parameters.values())
    ours = list(parameters_of(name).values())[: len(theirs)]
    assert [p.name for p in ours] == [p.name for p in theirs]
    assert all(p.kind is p.POSITIONAL_OR_KEYWORD for p in ours)
    assert [p.default for p in ours] == [p.default for p in theirs]


def test_torch_has_no_pooling_layer_of_these_operators_that_is_missing():
    torch = pytest.importorskip("torch")
    names = r"(Adaptive)?(Max|Avg)(Unp|P)ool\dd"
    theirs = [name for name in dir(torch.nn) if re.fullmatch(names, name)]
    assert len(theirs) == 15
    assert set(theirs) <= set(nn.__all__)
    assert set(theirs) == set(TORCH)


@pytest.mark.parametrize("name", TORCH)
def test_results_and_gradients_of_torch(name, x):
    torch = pytest.importorskip("torch")
    x = x[..., 0] if rank_of(name) < 3 else x
    x = x[0] if rank_of(name) == 1 else x
    x = np.repeat(x, 2, axis=-1)
    arguments = {"kernel_size": 3, "stride": 2, "padding": 1, "output_size": 3}
    arguments = {k: v for k, v in arguments.items() if k in parameters_of(name)}
    theirs, ours = getattr(torch.nn, name)(**arguments), getattr(nn, name)(**arguments)
    tensor = torch.tensor(x, requires_grad=True)
    if name in UNPOOLING:
        pooling = getattr(nn, name.replace("Unpool", "Pool"))(**arguments, return_indices=True)
        size = x.shape
        x, indices = pooling(x)
        tensor = torch.tensor(x, requires_grad=True)
        expected = theirs(tensor, torch.tensor(indices), output_size=size)
        y = ours(x, indices, output_size=size)
    else:
        expected, y = theirs(tensor), ours(x)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-6, atol=1e-7)
    gy = np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
    if name in UNPOOLING:
        # Overlapping windows find a maximum twice: which of them gets the gradient is each
        # library's own affair.
        gy[y == 0] = 0
        np.testing.assert_array_equal(ours.backward(np.zeros_like(y)), np.zeros_like(x))
        return
    expected.backward(torch.tensor(gy))
    np.testing.assert_allclose(ours.backward(gy), tensor.grad.numpy(), rtol=1e-5, atol=1e-6)


# Calls --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [plain, some], ids=["plain", "options"])
@pytest.mark.parametrize("name", POOLING)
def test_a_layer_is_its_function(name, arguments, x):
    given, x = arguments(name), input_of(name, x)
    layer, given = getattr(nn, name)(**given), drawn(given)
    where = x > -1
    for options in ({}, {"where": where}):
        expected, pullback = cpool.vjp(function_of(name), x, **given, **options)
        y = layer(x, **options)
        np.testing.assert_array_equal(y, expected, strict=True)
        gy = np.random.default_rng(1).normal(size=y.shape).astype(y.dtype)
        for _ in range(2):
            np.testing.assert_array_equal(layer.backward(gy), pullback(gy), strict=True)
        gx = np.empty_like(x)
        assert layer.backward(gy, out=gx) is gx
        np.testing.assert_array_equal(gx, pullback(gy), strict=True)


@pytest.mark.parametrize("name", POOLING)
def test_out(name, x):
    given, x = plain(name), input_of(name, x)
    layer = getattr(nn, name)(**given)
    expected = layer(x)
    out = np.empty_like(expected)
    layer = copy.copy(layer)  # which draws the same again
    assert layer(x, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert layer.backward(np.ones_like(out)).shape == x.shape


@pytest.mark.parametrize("name", [n for n in POOLING if "return_indices" in parameters_of(n)])
def test_indices(name, x):
    given, x = plain(name), input_of(name, x)
    layer = getattr(nn, name)(**given, return_indices=True)
    values, indices = layer(x)
    expected = function_of(name)(x, **drawn(given), return_indices=True)
    np.testing.assert_array_equal(values, expected[0])
    np.testing.assert_array_equal(indices, expected[1])
    gx = layer.backward(np.ones_like(values))
    assert gx.sum() == values.size


@pytest.mark.parametrize("name", UNPOOLING)
def test_unpooling(name, x):
    x = x[0, :, :4, :6, :2] if rank_of(name) else x[0, 0, :4, :6, :2]
    pooling = getattr(nn, name.replace("Unpool", "Pool"))(2, return_indices=True)
    layer = getattr(nn, name)(2)
    y, indices = pooling(x)
    for size in (None, x.shape):
        back = layer(y, indices, size) if size else layer(y, indices)
        expected, pullback = cpool.vjp(function_of(name), y, indices, 2, output_size=size)
        np.testing.assert_array_equal(back, expected, strict=True)
        gy = np.arange(float(back.size), dtype=np.float32).reshape(back.shape)
        np.testing.assert_array_equal(layer.backward(gy), pullback(gy), strict=True)
        out, gx = np.empty_like(back), np.empty_like(y)
        assert layer(y, indices, size, out=out) is out
        np.testing.assert_array_equal(out, back)
        assert layer.backward(gy, out=gx) is gx
        np.testing.assert_array_equal(gx, pullback(gy))
    np.testing.assert_array_equal(layer(y, indices, output_size=x.shape), back)
    np.testing.assert_array_equal(pooling(back)[0], y.clip(min=0))


@pytest.mark.parametrize("name", LAYERS)
def test_backward_before_a_call(name):
    layer = getattr(nn, name)(**plain(name))
    with pytest.raises(RuntimeError, match=rf"{name}\.backward needs a call.*y = layer\(x\)"):
        layer.backward(np.ones((1, 1)))


def test_backward_after_a_call_that_failed():
    layer = nn.MaxPool2d(2)
    layer(np.ones((4, 4)))
    with pytest.raises(ValueError, match="at least 2 axes"):
        layer(np.ones(4))
    with pytest.raises(RuntimeError, match="needs a call"):
        layer.backward(np.ones((2, 2)))


def test_backward_checks_the_gradient():
    layer = nn.AvgPool2d(2)
    layer(np.ones((4, 4)))
    with pytest.raises(ValueError, match=r"gy must have the result's shape \(2, 2\), got \(4, 4\)"):
        layer.backward(np.ones((4, 4)))
    np.testing.assert_array_equal(layer.backward(np.ones((2, 2))), np.full((4, 4), 0.25))


@pytest.mark.parametrize("name", LAYERS)
def test_no_gradients_before_backward(name):
    layer = getattr(nn, name)(**plain(name))
    assert layer.grads == {}
    layer.grads["weight"] = 1
    assert layer.grads == {}


def test_a_layer_keeps_neither_its_input_nor_its_result(x):
    layer = nn.MaxPool2d(2)
    given = x.copy()
    y = layer(given)
    references = [weakref.ref(given), weakref.ref(y)]
    del given, y
    assert [reference() for reference in references] == [None, None]
    assert layer.backward(np.ones((2, 6, 5, 3, 1))).shape == x.shape


def test_layers_in_several_threads(x):
    layers = [copy.copy(nn.MaxPool2d(3, 1, 1)) for _ in range(8)]
    inputs = [x + i for i in range(8)]

    def both(layer: nn.Layer, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y = layer(given)
        return y, layer.backward(y)

    with ThreadPoolExecutor(8) as workers:
        results = list(workers.map(both, layers, inputs))
    for given, (y, gx) in zip(inputs, results, strict=True):
        expected, pullback = cpool.vjp(cpool.max_pool2d, given, 3, 1, 1)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(gx, pullback(expected))


# Arguments are checked at once --------------------------------------------------------------------

BAD = [
    ("MaxPool2d(0)", ValueError, "kernel_size must be at least 1, got 0"),
    ("MaxPool2d(2.0)", TypeError, "kernel_size must be an int"),
    ("MaxPool2d(True)", TypeError, "kernel_size must be an int"),
    ("MaxPool2d((2, 2, 2))", ValueError, "kernel_size has 3 entries, but 2 axes are pooled"),
    ("AvgPool3d(2, (1, 1))", ValueError, "stride has 2 entries, but 3 axes are pooled"),
    ("MaxPool1d(3, padding=(2, 1))", ValueError, r"is written \(\(before, after\),\)"),
    ("MinPool2d(2, 0)", ValueError, "stride must be at least 1, got 0"),
    ("SumPool2d(2, padding=-1)", ValueError, "padding must be at least 0, got -1"),
    ("SumPool2d(2, padding='full')", ValueError, "padding must be ints, .*got 'full'"),
    ("SumPool2d(2, dilation=0)", ValueError, "dilation must be at least 1, got 0"),
    ("MaxPool2d(2, ceil_mode=1)", TypeError, "ceil_mode must be a bool, got 1"),
    ("MaxPool2d(2, return_indices=1)", TypeError, "return_indices must be a bool, got 1"),
    ("MaxPool2d(2, channels_last=1)", TypeError, "channels_last must be a bool, got 1"),
    ("MaxPool2d(2, padding_mode='zeros')", ValueError, "padding_mode must be one of"),
    ("MaxPool2d(2, nan_policy='drop')", ValueError, "nan_policy must be .*got 'drop'"),
    ("MaxPool2d(2, dtype='complex64')", TypeError, "dtype must be of a real type"),
    ("MaxPool2d(2, dtype='half a float')", TypeError, "dtype must be a data type"),
    ("MaxPool2d(2, axes=(0, 1))", TypeError, "MaxPool2d: .*argument 'axes'"),
    ("MaxPool2d(2, where=None)", TypeError, "MaxPool2d: .*argument 'where'"),
    ("MaxPool2d()", TypeError, "MaxPool2d: missing a required argument: 'kernel_size'"),
    ("AvgPool2d(2, divisor_override=0)", ValueError, "divisor_override must not be 0"),
    ("AvgPool2d(2, count_include_pad=1)", TypeError, "count_include_pad must be a bool, got 1"),
    ("AdaptiveMaxPool2d(0)", ValueError, "output_size must be at least 1, got 0"),
    ("AdaptiveAvgPool2d((1, 1, 1))", ValueError, "output_size has 3 entries, but 2 axes"),
    ("AdaptiveAvgPool((2, 2), axes=1)", ValueError, "output_size has 2 entries, but 1 axis"),
    ("MaxPool(2, axes=(0, 0))", ValueError, "axes must not name an axis twice"),
    ("MaxPool(2, axes=1.0)", TypeError, "axes must be an int or a tuple of ints"),
    ("GlobalAvgPool(axes=(0, 1, 2, 3))", ValueError, "axes must name 1 to 3 axes"),
    ("GlobalAvgPool(axes=1, channels_last=True)", ValueError, "cannot both be given"),
    ("GlobalAvgPool(keepdims=1)", TypeError, "keepdims must be a bool, got 1"),
    ("MaxUnpool2d(0)", ValueError, "kernel_size must be at least 1, got 0"),
    ("MaxUnpool2d(2, padding='same')", ValueError, "padding must be ints for unpooling"),
]


@pytest.mark.parametrize("line, error, message", BAD, ids=[line for line, *_ in BAD])
def test_bad_arguments(line, error, message):
    with pytest.raises(error, match=message):
        eval(line, vars(nn))


def test_good_arguments_that_fit_some_inputs_only():
    """A layer knows no lengths: only a call can say that windows do not fit."""
    with pytest.raises(ValueError, match="kernel_size"):
        nn.MaxPool2d(2**40)(np.ones((4, 4)))
    assert nn.AvgPool1d(1000, padding=999)(np.ones(2)).shape == (2,)
    assert nn.MaxPool(2, axes=(-1, 40)).axes == (-1, 40)


# Values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [plain, some], ids=["plain", "options"])
@pytest.mark.parametrize("name", LAYERS)
def test_repr_compare_hash_pickle_copy(name, arguments, x):
    given = arguments(name)
    if name in UNPOOLING:
        given = {key: value for key, value in given.items() if key != "padding_mode"}
    layer = getattr(nn, name)(**given)
    if name in POOLING:
        layer(input_of(name, x))
    twins = [
        getattr(nn, name)(**given),
        eval(repr(layer), vars(nn)),
        *(pickle.loads(pickle.dumps(layer, protocol)) for protocol in range(6)),
        copy.copy(layer),
        copy.deepcopy(layer),
    ]
    for twin in twins:
        assert type(twin) is type(layer)
        assert twin == layer
        assert hash(twin) == hash(layer)
        assert repr(twin) == repr(layer)
        with pytest.raises(RuntimeError):
            twin.backward(np.ones(1))
        if name in POOLING:
            fresh = getattr(nn, name)(**given)
            np.testing.assert_array_equal(twin(input_of(name, x)), fresh(input_of(name, x)))


def test_layers_that_differ():
    layers = [
        nn.MaxPool2d(2), nn.MaxPool2d(3), nn.MaxPool2d(2, 1), nn.MaxPool2d(2, dtype="float64"),
        nn.MaxPool2d((2, 2)), nn.MaxPool1d(2), nn.MinPool2d(2), nn.MaxPool(2), nn.MaxUnpool2d(2),
        nn.AvgPool2d(2), nn.AvgPool2d(2, count_include_pad=False),
    ]  # fmt: skip
    for i, first in enumerate(layers):
        for j, second in enumerate(layers):
            assert (first == second) is (i == j)
    assert len(set(layers)) == len(layers)
    assert nn.MaxPool2d(2) != "MaxPool2d(kernel_size=2)"


def test_the_pullback_is_no_part_of_the_value(x):
    layer = nn.MaxPool2d(2)
    small = pickle.dumps(layer)
    layer(x)
    assert layer == nn.MaxPool2d(2)
    assert pickle.dumps(layer) == small


def test_repr_leaves_out_defaults():
    assert repr(nn.MaxPool2d(2, None, 0, 1, False, False)) == "MaxPool2d(kernel_size=2)"
    assert repr(nn.GlobalAvgPool()) == "GlobalAvgPool()"
    layer = nn.AvgPool2d((3, 2), padding=((1, 0), 1), dtype=np.float32, padding_mode="wrap")
    assert repr(layer) == (
        "AvgPool2d(kernel_size=(3, 2), padding=((1, 0), 1), padding_mode='wrap', dtype='float32')"
    )


def test_arguments_are_kept_as_they_were():
    size = [3, np.int64(2)]
    layer = nn.MaxPool2d(size, np.int32(1), ceil_mode=np.True_)
    size[0] = 100
    assert repr(layer) == "MaxPool2d(kernel_size=(3, 2), stride=1, ceil_mode=True)"
    assert layer == nn.MaxPool2d((3, 2), 1, ceil_mode=True)
    for entry in (*layer.kernel_size, layer.stride, nn.MaxPool2d(np.array(4)).kernel_size):
        assert type(entry) is int
    with pytest.raises(AttributeError):
        layer.kernel_size = 5
    assert nn.MaxPool2d(2, dtype=None) != nn.MaxPool2d(2, dtype=float)
    assert nn.MaxPool2d(2, dtype=float) == nn.MaxPool2d(2, dtype=">f8")


def test_subclass(x):
    class Halving(nn.MaxPool2d):
        def __init__(self) -> None:
            super().__init__(2)
            self.name = "half"

    layer = copy.deepcopy(Halving())
    assert layer == Halving()
    assert layer.name == "half"
    assert repr(layer) == "Halving(kernel_size=2)"
    np.testing.assert_array_equal(layer(x), cpool.max_pool2d(x, 2))


# Texts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYERS)
def test_docstring(name):
    text = inspect.getdoc(getattr(nn, name))
    for section in ("Parameters", "Raises", "See Also", "Notes", "Examples"):
        assert re.search(rf"^{section}\n-{{{len(section)}}}$", text, re.MULTILINE)
    described = re.search(r"^Parameters\n-+\n(.*?)\n\n", text, re.DOTALL | re.MULTILINE)[1]
    names = re.findall(r"^(\w[\w, ]*) : ", described, re.MULTILINE)
    assert ", ".join(names).split(", ") == list(parameters_of(name))
    assert f"nn.{name}(" in text


def test_examples():
    result = doctest.testmod(nn)
    assert result.attempted >= 6 * len(LAYERS) + 3 * len(ALTERNATIVES)
    assert result.failed == 0


# Alternatives -------------------------------------------------------------------------------------

#: Arguments of a layer, and what a call is given behind x, by the name without its rank.
GIVEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "SpatialPyramidPool": ({"levels": [1, 2], "reduction": "mean"}, {"where": True}),
    "Sppf": ({"kernel_size": 3, "repeats": 2}, {}),
    "FractionalMaxPool": ({"kernel_size": 2, "output_size": 2, "rng": 1}, {}),
    "FractionalAvgPool": ({"kernel_size": 2, "output_ratio": 0.5, "rng": 1}, {}),
    "S3Pool": ({"kernel_size": 2, "rng": 1}, {"where": True}),
    "MixedPool": ({"kernel_size": 2, "alpha": np.array([0.25])}, {}),
    "AdaptiveMixedPool": ({"output_size": 2, "alpha": 0.25}, {"where": True}),
    "GlobalMixedPool": ({"keepdims": False}, {}),
    "GatedPool": ({"kernel_size": 2, "weight": np.ones, "bias": 0.5}, {}),
    "BlurPool": ({"filter_size": 2, "nan_policy": "omit"}, {"where": True}),
    "MaxBlurPool": ({"kernel_size": 3}, {}),
    "PolyphasePool": ({"norm_type": 1}, {}),
    "SpectralPool": ({"output_size": 3}, {}),
    "HaarPool": ({}, {}),
    "AttentionPool": ({"query": [1.0, -2.0, 0.5]}, {}),
    "Conv": ({"weight": np.ones, "bias": [1.0, 2.0], "padding": 1}, {}),
    "RoiAlign": ({"output_size": 2, "aligned": True}, {"boxes": [[0, 0, 0, 3, 2]]}),
    "RoiPool": ({"output_size": (1, 2)}, {"boxes": [[1, 0, 0, 3, 2]]}),
    "LipPool": ({"kernel_size": 2}, {"logits": np.arange(4.0)}),
    "AdaptiveLipPool": ({"output_size": 3}, {"logits": np.arange(4.0)}),
    "GlobalLipPool": ({}, {"logits": np.arange(4.0)}),
    "DetailPreservingPool": ({"kernel_size": 2, "alpha": 0.5}, {}),
    "AdaptiveDetailPreservingPool": ({"output_size": 2}, {}),
    "GlobalDetailPreservingPool": ({"lam": 2.0}, {}),
}
LEARNED = {
    "MixedPool": {"alpha"},
    "GatedPool": {"weight", "bias"},
    "AttentionPool": {"query"},
    "Conv": {"weight", "bias"},
    "LipPool": {"logits"},
    "DetailPreservingPool": {"alpha", "lam"},
}


def stem_of(name: str) -> str:
    return re.sub(r"[123]d$", "", name)


def operator_of(name: str) -> str:
    return stem_of(name).removeprefix("Adaptive").removeprefix("Global")


def alternative(name: str) -> tuple[dict[str, Any], np.ndarray, dict[str, Any]]:
    """Arguments of the layer, x, and what a call is given behind it."""
    given, called = GIVEN[stem_of(name)]
    rank = rank_of(name) or 2
    taps = (2, 3) if name.startswith("Conv") else ()
    made = {key: v((*taps, *[2] * rank)) if v is np.ones else v for key, v in given.items()}
    x = np.random.default_rng(0).normal(size=(2, 3, *[4] * rank))
    if rank_of(name) == 0 and "axes" in parameters_of(name):
        made["axes"] = (2, 3)
    return made, x, called


def test_every_alternative_with_a_pullback_has_a_layer():
    functions = [n for n in alternatives.__all__ if hasattr(getattr(cpool, n), "_vjp")]
    assert [nn._class_name(name) for name in functions] == ALTERNATIVES
    assert {stem_of(name) for name in ALTERNATIVES} == set(GIVEN)
    assert all(function_of(nn._class_name(name)) is getattr(cpool, name) for name in functions)
    assert "Mixed" not in nn.__all__  # a reduction


@pytest.mark.parametrize("name", ALTERNATIVES)
def test_arguments_of_alternatives(name):
    """Each argument of the function is one of the layer or one of its calls, in the same order."""
    real = inspect.signature(function_of(name)).parameters
    called = list(inspect.signature(getattr(nn, name).__call__).parameters)[1:]
    ours = parameters_of(name)
    assert called[0] == "x"
    assert set(ours) | set(called) == set(real)
    assert not set(ours) & set(called)
    assert list(ours) == [key for key in real if key in ours]
    assert called == [key for key in real if key in called]
    for key, parameter in ours.items():
        assert (parameter.kind, parameter.default) == (real[key].kind, real[key].default)


@pytest.mark.parametrize("name", ALTERNATIVES)
def test_an_alternative_layer_is_its_function(name):
    given, x, called = alternative(name)
    layer = getattr(nn, name)(**given)
    expected, pullback = function_of(name)._vjp(x, **drawn(given), **called)
    with pytest.raises(RuntimeError, match="needs a call"):
        layer.backward(expected)
    y = layer(x, **called)
    np.testing.assert_array_equal(y, expected, strict=True)
    assert layer.grads == {}
    gy = np.random.default_rng(1).normal(size=y.shape)
    np.testing.assert_array_equal(layer.backward(gy), pullback(gy), strict=True)
    gx = np.empty(np.shape(x), layer.backward(gy).dtype)
    assert layer.backward(gy, gx) is gx
    np.testing.assert_array_equal(gx, pullback(gy))
    by = gradients_by(pullback)
    assert set(layer.grads) == set(by) - {"x"} == LEARNED.get(operator_of(name), set())
    for key, gradient in layer.grads.items():
        assert isinstance(gradient, np.ndarray)
        np.testing.assert_array_equal(gradient, by[key](gy))
        assert gradient.shape == np.shape({**given, **called}.get(key, 0.0))
    with pytest.raises(ValueError, match="gy must have the result's shape"):
        layer.backward(gy[..., None])
    assert layer.grads == {}  # not those of an earlier one
    layer.backward(gy)
    layer(x, **called)
    assert layer.grads == {}


@pytest.mark.parametrize("name", ALTERNATIVES)
def test_values_of_alternatives(name):
    given, x, called = alternative(name)
    layer, other = getattr(nn, name)(**given), getattr(nn, name)(**given)
    y = layer(x, **called)
    layer.backward(y)
    pickles = [pickle.loads(pickle.dumps(layer, protocol)) for protocol in (0, 2, 5)]
    for twin in (other, copy.copy(layer), copy.deepcopy(layer), *pickles):
        assert twin == layer
        assert hash(twin) == hash(layer)
        assert repr(twin) == repr(layer)
        assert twin.grads == {}
        with pytest.raises(RuntimeError):
            twin.backward(y)
        np.testing.assert_array_equal(twin(x, **called), y)
        for key in parameters_of(name):
            value = getattr(twin, key)
            if isinstance(value, np.ndarray):
                with pytest.raises(ValueError, match="WRITEABLE"):
                    value.flags.writeable = True
    if not any(isinstance(value, np.ndarray) for value in layer._arguments.values()):
        assert eval(repr(layer), vars(nn)) == layer
    others = {"axes": None} if "axes" in given else {}
    changed = getattr(nn, name)(**{**given, **others, "channels_last": True})
    assert changed != layer


def test_arrays_of_a_layer_are_its_own():
    weight = np.ones((2, 3, 1, 1), ">f4")
    layer, x = nn.Conv2d(weight, [1, 2]), np.ones((1, 3, 2, 2), np.float32)
    before, text = hash(layer), repr(layer)
    y = layer(x)
    weight[:] = 5
    np.testing.assert_array_equal(layer(x), y)
    assert (hash(layer), repr(layer)) == (before, text)
    assert text == (
        "Conv2d(weight=<array of shape (2, 3, 1, 1), float32>, bias=<array of shape (2,), int64>)"
    )
    assert layer == nn.Conv2d(np.ones((2, 3, 1, 1), np.float32), np.array([1, 2]))
    assert layer != nn.Conv2d(weight, [1, 2])
    assert layer != nn.Conv2d(np.ones((2, 3, 1, 1)), [1, 2])  # another type, other results
    assert layer != nn.Conv2d(np.ones((2, 3, 1, 1), np.float32))
    assert nn.Conv2d(weight[:, ::-1]) == nn.Conv2d(weight[:, ::-1].copy())
    assert nn.MixedPool2d(2, alpha=0.5) == nn.MixedPool2d(2)
    assert repr(nn.MixedPool2d(2, alpha=0.25)) == "MixedPool2d(kernel_size=2, alpha=0.25)"


def test_seeds():
    x = np.random.default_rng(0).normal(size=(1, 1, 16, 16))
    for make in (
        lambda rng: nn.S3Pool2d(2, rng=rng),
        lambda rng: nn.FractionalMaxPool2d(2, output_size=5, rng=rng),
        lambda rng: nn.StochasticPool2d(2, rng=rng),
    ):
        layer = make(1)
        first, second = layer(x), layer(x)
        assert not np.array_equal(first, second)
        fresh = make(1)
        np.testing.assert_array_equal(fresh(x), first)
        np.testing.assert_array_equal(fresh(x), second)
        np.testing.assert_array_equal(copy.copy(layer)(x), first)
        generator = philox(1)
        np.testing.assert_array_equal(make(generator)(x), first)
        np.testing.assert_array_equal(make(generator)(x), second)  # one that layers share
        layer = make(None)
        # Two calls may draw the same: there are few windows of fractional pooling.
        assert len({layer(x).tobytes() for _ in range(40)}) > 1
        with pytest.raises(TypeError, match="rng must be None, an int or"):
            make("1")
        with pytest.raises(ValueError, match="rng must not be negative"):
            make(-1)


def test_samples_of_fractional_pooling_are_given_to_a_call():
    x, samples = np.random.default_rng(0).normal(size=(1, 1, 9, 9)), np.full((1, 1, 2), 0.5)
    y = nn.FractionalMaxPool2d(2, output_size=4)(x, samples)
    np.testing.assert_array_equal(
        y, cpool.fractional_max_pool2d(x, 2, output_size=4, _random_samples=samples)
    )


@pytest.mark.parametrize(
    "layer, key", [(nn.PowerMeanPool2d(2), "p"), (nn.LogSumExpPool2d(2), "r"),
                   (nn.SoftPool2d(2), "beta"), (nn.GlobalSoftPool(keepdims=False), "beta")],
)  # fmt: skip
def test_gradients_in_parameters_of_operators(layer, key):
    x = np.random.default_rng(0).uniform(1, 2, (1, 1, 4, 4))
    y = layer(x)
    gy = np.random.default_rng(1).normal(size=y.shape)
    _, pullback = cpool.vjp(layer._function, x, **layer._arguments, wrt=("x", key))
    gx, by_parameter = pullback(gy)
    np.testing.assert_array_equal(layer.backward(gy), gx)
    assert set(layer.grads) == {key}
    assert isinstance(layer.grads[key], np.ndarray)
    assert layer.grads[key] == by_parameter != 0


def test_weights_of_means():
    x, weights = np.arange(16.0).reshape(4, 4), np.arange(4.0)
    for layer in (nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(2), nn.GlobalAvgPool(axes=(0, 1))):
        expected, pullback = layer._function._vjp(x, **layer._arguments, weights=weights)
        y = layer(x, weights=weights)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(layer.backward(y), pullback(y))


BAD_ALTERNATIVES = [
    ("Conv2d()", TypeError, "Conv2d: missing a required argument: 'weight'"),
    ("Conv2d(1j)", TypeError, "weight"),
    ("Conv2d([[[[1.0]]]], ['a'])", TypeError, "bias"),
    ("BlurPool2d(channels_last=1)", TypeError, "channels_last must be a bool, got 1"),
    ("MaxBlurPool2d(0)", ValueError, "kernel_size must be at least 1, got 0"),
    ("MixedPool2d((2, 2, 2))", ValueError, "kernel_size has 3 entries, but 2 axes are pooled"),
    ("S3Pool2d(2, dtype='complex64')", TypeError, "dtype must be of a real type"),
    ("S3Pool2d(2, nan_policy='drop')", ValueError, "nan_policy must be .*got 'drop'"),
    ("S3Pool2d(2, where=None)", TypeError, "S3Pool2d: .*argument 'where'"),
    ("LipPool2d(2)(np.ones((2, 2)))", TypeError, "LipPool2d: .*argument: 'logits'"),
    ("RoiAlign(1)(np.ones((2, 2)), [], where=1)", TypeError, "RoiAlign: .*argument 'where'"),
]


@pytest.mark.parametrize("line, error, message", BAD_ALTERNATIVES)
def test_bad_arguments_of_alternatives(line, error, message):
    with pytest.raises(error, match=message):
        eval(line, vars(nn))


@pytest.mark.parametrize("name", ALTERNATIVES)
def test_docstring_of_alternatives(name):
    text = inspect.getdoc(getattr(nn, name))
    for section in ("Parameters", "Raises", "See Also", "Notes", "Examples"):
        assert re.search(rf"^{section}\n-{{{len(section)}}}$", text, re.MULTILINE)
    described = re.search(r"^Parameters\n-+\n(.*?)\n\n", text, re.DOTALL | re.MULTILINE)[1]
    names = re.findall(r"^(\w[\w, ]*?)(?: : .*)?$", described, re.MULTILINE)
    assert ", ".join(names).split(", ") == list(parameters_of(name))
    assert re.search(rf"nn\.{name}\(.*\)\(", text)
    assert "gives the same result at each call" not in text
