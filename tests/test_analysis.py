"""What a pooling takes, what it sees, what it does to translations: against counting and trying."""

from __future__ import annotations

import dataclasses
import functools
import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from operators import KINDS, each_kind, forms, function_name

import cpool
from cpool import analysis, nn
from cpool.reductions.base import Operations, Work

# Cost: operations ---------------------------------------------------------------------------------

GEOMETRIES = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 4},
    {"kernel_size": 2, "stride": 1, "dilation": 3},
    {"kernel_size": 4, "stride": 3, "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "padding": "same"},
    {"kernel_size": 3, "stride": 1, "padding": 1, "padding_mode": "mirror"},
]


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_by_the_formula_each_element_of_each_window_counts(rank, geometry):
    """Sums of ones know how many elements a window has."""
    shape = (2, 3, 9, 8, 10)[: rank + 2]
    taps = getattr(cpool, f"sum_pool{rank}d")(np.ones(shape), **geometry)
    steps, outputs = int(taps.sum()) - taps.size, taps.size
    expected = {
        "max": Operations(comparisons=steps),
        "min": Operations(comparisons=steps),
        "sum": Operations(additions=steps),
        "avg": Operations(additions=steps, divisions=outputs),
    }
    for name, operations in expected.items():
        cost = cpool.cost(getattr(cpool, f"{name}_pool{rank}d"), shape, **geometry)
        assert cost.formula == operations
        assert cost.output_shape == taps.shape
        assert cost.parameters == 0


@each_kind()
def test_every_operator_of_the_registry_says_what_it_takes(kind):
    assert kind().operations(9).total >= 8
    assert kind().operations(1).total <= kind().operations(9).total
    cost = cpool.cost(getattr(cpool, kind.function + "2d"), (3, 9, 9), 5, stride=2)
    assert cost.formula == 27 * kind().operations(25)
    assert 0 < cost.kernels.total <= cost.formula.total


@each_kind()
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "uint8", "int64"])
def test_shapes_and_bytes_are_those_of_the_arrays(kind, dtype):
    x = np.ones((2, 4, 9, 8), dtype)
    sizes = {"sliding": [(3, 2)], "adaptive": [5], "global": []}
    for form in forms(kind):
        for options in ({}, {"channels_last": True}):
            name = function_name(kind, form, 2)
            y = getattr(cpool, name)(x, *sizes[form], **options)
            cost = cpool.cost(getattr(cpool, name), x.shape, *sizes[form], dtype=dtype, **options)
            assert (cost.output_shape, cost.output_dtype) == (y.shape, y.dtype.name)
            assert (cost.bytes_read, cost.bytes_written) == (x.nbytes, y.nbytes)
            assert (cost.function, cost.input_dtype) == (name, dtype)


@pytest.mark.parametrize("axes, kernel_size", [((0, 2), (2, 3)), ((2, 0), (3, 2)), (-1, 3), (1, 2)])
def test_axes_in_any_order(axes, kernel_size):
    x = np.ones((6, 5, 9))
    y = cpool.sum_pool(x, kernel_size, axes=axes)
    cost = cpool.cost(cpool.sum_pool, x.shape, kernel_size, axes=axes, dtype=x.dtype)
    assert cost.output_shape == y.shape
    assert cost.additions == y.sum() - y.size
    windows = cpool.sliding(kernel_size)
    same = cpool.cost(cpool.pool, x.shape, "sum", windows, axes=axes, dtype="float64")
    assert dataclasses.replace(same, function="sum_pool") == cost


def test_windows_of_different_sizes():
    x = np.ones((3, 7, 5))
    y = cpool.pool(x, "sum", cpool.adaptive((3, 2)))
    assert cpool.cost(cpool.adaptive_max_pool2d, x.shape, (3, 2)).comparisons == y.sum() - y.size
    cost = cpool.cost(cpool.global_avg_pool, (2, 3, 7, 5), keepdims=False)
    assert cost.output_shape == (2, 3)
    assert cost.formula == Operations(additions=6 * 34, divisions=6)


@pytest.mark.parametrize("channels_last", [False, True])
def test_a_pyramid_is_all_its_levels(channels_last):
    x = np.ones((2, 5, 13, 9) if not channels_last else (2, 13, 9, 5), np.float32)
    options = {"reduction": "sum", "channels_last": channels_last}
    y = cpool.spatial_pyramid_pool(x, (1, 2, 4), **options)
    cost = cpool.cost(cpool.spatial_pyramid_pool, x.shape, (1, 2, 4), **options)
    assert cost.output_shape == y.shape
    assert cost.additions == y.sum() - y.size
    assert (cost.bytes_read, cost.bytes_written) == (x.nbytes, y.nbytes)
    levels = [cpool.cost(cpool.pool, x.shape, "sum", cpool.adaptive((n, n)),
                         channels_last=channels_last) for n in (1, 2, 4)]  # fmt: skip
    assert cost.kernels.total == sum(level.kernels.total for level in levels)
    windows = cpool.pyramid((1, 2, 4))
    same = cpool.cost(cpool.pool, x.shape, "sum", windows, channels_last=channels_last)
    assert dataclasses.replace(same, function="spatial_pyramid_pool") == cost
    alone = cpool.cost(cpool.pool, (6, 6), "max", windows)
    assert alone.output_shape == cpool.pool(np.ones((6, 6)), "max", windows).shape


def test_positions_and_masks_are_moved_too():
    plain = cpool.cost(cpool.max_pool2d, (3, 8, 8), 2)
    cost = cpool.cost(cpool.max_pool2d, (3, 8, 8), 2, return_indices=True)
    assert cost.bytes_written == plain.bytes_written + 8 * 48
    cost = cpool.cost(cpool.max_pool2d, (3, 8, 8), 2, where=np.ones((8, 8), bool))
    assert cost.bytes_read == plain.bytes_read + 64


def test_an_empty_batch_costs_nothing():
    cost = cpool.cost(cpool.avg_pool2d, (0, 8, 8), 2)
    assert (cost.formula.total, cost.kernels.total, cost.bytes_read) == (0, 0, 0)
    assert (cost.intensity, cost.output_shape) == (0, (0, 4, 4))
    assert "avg_pool2d: (0, 8, 8)" in str(cost)


def test_arithmetic_intensity():
    cost = cpool.cost(cpool.avg_pool2d, (8, 8), 2)
    assert cost.bytes_read + cost.bytes_written == 4 * (64 + 16)
    assert cost.intensity == 16 * 4 / 320  # three additions and a division
    assert cost.kernel_intensity == cost.kernels.total / 320


# Cost: the kernels --------------------------------------------------------------------------------


class Counted:
    """An operation that knows how often it was done."""

    def __init__(self, operation):
        self.operation, self.count = operation, 0

    def __call__(self, a, b):
        self.count += 1
        return self.operation(a, b)


def folded(x: np.ndarray, windows: list[list[int]], axis: int, pick: Counted) -> np.ndarray:
    """One axis reduced, window by window and one pair of elements after the other."""
    moved = np.moveaxis(x, axis, -1)
    y = np.empty((*moved.shape[:-1], len(windows)))
    for place in np.ndindex(*moved.shape[:-1]):
        for o, window in enumerate(windows):
            y[(*place, o)] = functools.reduce(pick, (moved[place][i] for i in window))
    return np.moveaxis(y, -1, axis)


@pytest.mark.parametrize(
    "shape, windows",
    [
        ((6, 8), cpool.sliding((2, 2))),
        ((7, 9), cpool.sliding((3, 3), stride=2)),
        ((7, 9), cpool.sliding((3, 2), stride=1)),
        ((6, 9), cpool.adaptive((4, 2))),
        ((5, 6, 40), cpool.sliding((2, 3, 5), stride=(1, 1, 9))),
        ((3, 4), cpool.whole()),
    ],
    ids=str,
)
def test_kernels_take_one_axis_after_the_other(shape, windows):
    x = np.random.default_rng(0).normal(size=shape)
    pick, y = Counted(max), x
    for axis, of_axis in enumerate(windows.table(shape)):
        y = folded(y, of_axis, axis, pick)
    np.testing.assert_array_equal(y, cpool.pool(x, "max", windows))
    cost = cpool.cost(cpool.pool, shape, "max", windows, dtype="int16")
    assert cost.kernels == Operations(comparisons=pick.count)


def test_kernels_take_planes_and_rows_together_where_they_lie():
    """3x3x3: nine rows to one, then along it."""
    cost = cpool.cost(cpool.max_pool3d, (10, 10, 12), 3, stride=1)
    assert cost.kernels.comparisons == 8 * 8 * 12 * 8 + 8 * 8 * 10 * 2


def test_kernels_with_positions_begin_along_the_row():
    cost = cpool.cost(cpool.max_pool2d, (6, 8), 2, return_indices=True)
    assert cost.kernels.comparisons == 6 * 4 + 3 * 4


def slide(x: list[float], taps: int, pick: Counted, sums: bool) -> float:
    """The first window of so many taps, as kernels/rows.pxi makes it: all windows in lockstep."""
    length, kept = 1, []
    windows = {(i, 1): value for i, value in enumerate(x)}

    while (8 if sums else 4) * length < taps:
        for i in range(len(x) - 4 * length + 1):
            parts = [windows[i + j * length, length] for j in range(4)]
            combine = pick if i == 0 else pick.operation
            windows[i, 4 * length] = functools.reduce(combine, parts)
        length *= 4
    if sums:
        start = 0
        while start < taps:
            if start + length > taps:
                length //= 4
                continue
            kept.append(windows[start, length])
            start += length
    else:
        starts = [min(i * length, taps - length) for i in range(-(-taps // length))]
        kept = [windows[start, length] for start in starts]
    return functools.reduce(pick, kept)


@pytest.mark.parametrize("taps", [*range(7, 35), 63, 64, 65, 100, 255, 256, 257])
def test_long_windows_are_made_of_shorter_ones(taps):
    x = np.random.default_rng(taps).integers(0, 1000, taps).tolist()
    pick, add = Counted(max), Counted(lambda a, b: a + b)
    assert slide(x, taps, pick, False) == max(x)
    assert slide(x, taps, add, True) == sum(x)
    shape = (2 * taps,)
    for function, counted in (cpool.max_pool1d, pick), (cpool.sum_pool1d, add):
        cost = cpool.cost(function, shape, taps, stride=1)
        assert cost.kernels.total == (taps + 1) * counted.count
        cost = cpool.cost(function, (2 * taps + 1,), taps, stride=2)
        if taps > 32:
            assert cost.kernels.total == ((taps + 1) // 2 * 2 + 1) * counted.count
    assert pick.count <= 3 * math.log(taps, 4) + 3
    assert add.count <= 6 * math.log(taps, 4) + 3


def test_long_windows_cost_hardly_more_than_short_ones():
    """Rows: three operations each, whatever the window; along the row the logarithm."""
    each = [
        cpool.cost(cpool.max_pool2d, (4096, 4096), k, stride=1).kernels.total / (4097 - k) ** 2
        for k in (16, 64, 256)
    ]
    assert each[0] < 10
    assert each[2] < each[0] + 8
    rows = [cpool.cost(cpool.max_pool, (500, 8), (k, 1), stride=1) for k in (9, 100, 400)]
    assert [cost.kernels.total for cost in rows] == [
        3 * math.prod(cost.output_shape) for cost in rows
    ]


def test_wide_strides_along_the_row():
    """Windows at every place, of which some are kept; of eight channels only those."""
    assert cpool.cost(cpool.max_pool1d, (9,), 3).kernels.comparisons == 7 * 2
    channels = cpool.cost(cpool.max_pool1d, (9, 8), 3, channels_last=True)
    assert channels.kernels.comparisons == 8 * 3 * 2


def test_each_element_is_worked_on_once():
    """A norm takes a power of each element: not of each tap, in the kernels."""

    class Norm(type(cpool.Sum())):
        each = Operations(functions=1)
        last = Operations(functions=1)

    cost = cpool.cost(cpool.pool, (8, 8), Norm(), cpool.sliding((3, 3), 1))
    assert cost.formula.functions == 36 * 9 + 36
    assert cost.kernels.functions == 64 + 36


# Cost: other functions ----------------------------------------------------------------------------


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, *, channels_last=False):
    raise AssertionError("counting calls nothing")


conv2d.__module__ = "cpool.alternatives.convolution"


@pytest.mark.parametrize("function", [conv2d, getattr(cpool, "conv2d", conv2d)])
def test_convolutions_have_weights(function):
    cost = cpool.cost(function, (2, 3, 8, 8), np.ones((16, 3, 3, 3)), np.ones(16), padding=1)
    assert cost.output_shape == (2, 16, 8, 8)
    assert cost.multiplications == 2 * 16 * 64 * 27
    assert cost.additions == 2 * 16 * 64 * 27  # 26 and the bias
    assert cost.parameters == 16 * 27 + 16
    assert cost.bytes_read == 4 * (2 * 3 * 64 + 448)
    last = cpool.cost(function, (2, 8, 8, 3), np.ones((16, 3, 3, 3)), padding=1, channels_last=True)
    assert (last.output_shape, last.parameters) == ((2, 8, 8, 16), 432)
    with pytest.raises(ValueError, match="weight must be for 4 channels"):
        cpool.cost(function, (4, 8, 8), np.ones((16, 3, 3, 3)))
    with pytest.raises(ValueError, match="weight must have 4 axes"):
        cpool.cost(function, (3, 8, 8), np.ones((16, 3, 3)))


def test_a_function_may_tell_its_own_cost():
    def blur(x, size):
        raise AssertionError("counting calls nothing")

    work = Operations(multiplications=5)
    blur._cost = lambda shape, size: Work((*shape[:-1], size), work, work, 7)
    cost = cpool.cost(blur, (3, 8), 4, dtype="float64")
    assert (cost.output_shape, cost.multiplications, cost.parameters) == ((3, 4), 5, 7)
    assert (cost.bytes_read, cost.bytes_written) == (8 * (24 + 7), 8 * 12)


def test_cost_prints_as_a_table():
    cost = cpool.cost(cpool.avg_pool2d, (1, 3, 224, 224), 2)
    lines = str(cost).splitlines()
    assert lines[0] == "avg_pool2d: (1, 3, 224, 224) float32 -> (1, 3, 112, 112) float32"
    assert [line.split()[0] for line in lines[2:]] == [
        "additions", "divisions", "total", "operations", "bytes", "bytes", "parameters"
    ]  # fmt: skip
    assert "112,896" in lines[2]
    with pytest.raises(dataclasses.FrozenInstanceError):
        cost.parameters = 1


@pytest.mark.parametrize(
    "error, message, call",
    [
        (TypeError, "input_shape must be a sequence of ints, got 8", (cpool.max_pool1d, 8, 2)),
        (TypeError, "input_shape must be a sequence of ints", (cpool.max_pool1d, (8.0,), 2)),
        (ValueError, "input_shape must not have negative", (cpool.max_pool1d, (-8, 8), 2)),
        (ValueError, "input_shape must be at least 1, got 0", (cpool.max_pool1d, (8, 0), 2)),
        (ValueError, "kernel_size must be at least 1", (cpool.max_pool1d, (8,), 0)),
        (TypeError, r"max_pool1d\(\) missing a required", (cpool.max_pool1d, (8,))),
        (TypeError, "function must be a function of cpool", ("max", (8,), 2)),
        (TypeError, "the cost of sorted is not known", (sorted, (8,))),
        (TypeError, "the cost of max_unpool1d is not known", (cpool.max_unpool1d, (8,), [1], 2)),
        (TypeError, "windows must be made by", (cpool.pool, (8,), "max", 2)),
        (ValueError, "input_shape must have channels", (cpool.spatial_pyramid_pool, (8, 8))),
        (ValueError, "levels must be at least 1", (cpool.spatial_pyramid_pool, (1, 8, 8), (0,))),
        (ValueError, "reduction must be one of", (cpool.pool, (8,), "most", cpool.whole())),
    ],
)
def test_errors_of_cost(error, message, call):
    with pytest.raises(error, match=message):
        cpool.cost(*call)


def test_errors_of_options():
    with pytest.raises(TypeError, match=r"dtype must be that of x: .* got 'complex64'"):
        cpool.cost(cpool.max_pool1d, (8,), 2, dtype="complex64")
    with pytest.raises(TypeError, match=r"dtype must be that of x: .* got None"):
        cpool.cost(cpool.max_pool1d, (8,), 2, dtype=None)
    with pytest.raises(TypeError, match="channels_last must be a bool"):
        cpool.cost(cpool.max_pool1d, (8, 8), 2, channels_last=2)
    with pytest.raises(ValueError, match="axes= must say"):
        cpool.cost(cpool.max_pool, (8,) * 4, 2)
    with pytest.raises(TypeError, match="count_include_pad"):
        cpool.cost(cpool.avg_pool1d, (8,), 2, count_include_pad=3)


def test_an_operator_that_does_not_say_what_it_takes():
    class Silent(type(cpool.Max())):
        pair = None

    with pytest.raises(TypeError, match="the cost of 'max' is not known"):
        cpool.cost(cpool.pool, (8,), Silent(), cpool.sliding(2))


# Receptive fields ---------------------------------------------------------------------------------

STACKS = {
    "one": [nn.AvgPool1d(3)],
    "three": [nn.AvgPool1d(3, 2, 1), nn.AvgPool1d(2, 1), nn.AvgPool1d(3, 2, 1)],
    "uneven": [nn.AvgPool1d(3, 1, ((2, 0),)), nn.AvgPool1d(2, 2, ((0, 1),))],
    "dilated": [nn.AvgPool1d(2, 1, dilation=4), nn.AvgPool1d(2, 3, dilation=2)],
    "same": [nn.AvgPool1d(3, 1, "same"), nn.AvgPool1d(4, 1, "same_lower"), nn.AvgPool1d(2)],
    "same, strided": [nn.AvgPool1d(5, 3, "same"), nn.AvgPool1d(3, 2, "same_lower")],
    "adaptive": [nn.AvgPool1d(3, 1, 1), nn.AdaptiveAvgPool1d(5)],
    "global": [nn.AvgPool1d(3, 2), nn.GlobalAvgPool(axes=-1)],
}


@pytest.mark.parametrize("name", STACKS)
def test_fields_are_what_gradients_reach(name):
    """The gradient of an output is not 0 at both ends of its field, as far as these are in x."""
    layers, n = STACKS[name], 40
    field = cpool.receptive_field(layers, n)[-1]
    x = np.ones(n)
    ys = [x]
    for layer in layers:
        ys.append(layer(ys[-1]))
    assert field.output_size == ys[-1].shape
    for o in range(ys[-1].size):
        gx = np.eye(ys[-1].size)[o]
        for layer in reversed(layers):
            gx = layer.backward(gx)
        ((start, stop),) = field.region(o)
        reached = np.flatnonzero(gx)
        assert reached[0] == max(start, 0) or (start < 0 and reached[0] < 3)
        assert reached[-1] == min(stop, n) - 1 or (stop > n and reached[-1] > n - 4)


def test_fields_of_a_residual_network():
    """The first layers of ResNet, as (kernel, stride, padding), and their known numbers."""
    stem = [(7, 2, 3), (3, 2, 1)]
    block = [(3, 1, 1), (3, 1, 1)]
    fields = cpool.receptive_field([*stem, *block, *block], 224)
    assert [field.size for field in fields] == [(7,), (11,), (19,), (27,), (35,), (43,)]
    assert [field.stride for field in fields] == [(2,), *[(4,)] * 5]
    assert [field.center for field in fields] == [(0,)] * 6
    assert [field.output_size for field in fields] == [(112,), *[(56,)] * 5]


def test_each_axis_has_its_own():
    layers = [cpool.sliding((3, 1), (2, 1)), nn.MaxPool2d((1, 5), 1), ((2, 2), (2, 2), ((1, 0), 0))]
    field = cpool.receptive_field(layers)[-1]
    assert (field.size, field.stride, field.first) == ((5, 6), (4, 2), (-2, 0))
    assert field.center == (0, 2.5)
    assert field.region(1, 2) == ((2, 7), (4, 10))
    assert field.output_size is None


def test_any_object_that_looks_like_a_layer():
    conv = SimpleNamespace(kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), dilation=(2, 2))
    weighted = SimpleNamespace(weight=np.ones((8, 3, 3, 3)), stride=2, padding=1, dilation=2)
    for layer in (conv, weighted):
        field = cpool.receptive_field([layer, nn.MinPool2d(2)])[-1]
        assert (field.size, field.stride, field.first) == ((7, 7), (4, 4), (-1, -1))


def test_layers_of_torch():
    torch = pytest.importorskip("torch")
    layers = [
        torch.nn.Conv2d(3, 4, 7, 2, 3),
        torch.nn.MaxPool2d(3, 2, 1),
        torch.nn.Conv2d(4, 4, 3, padding="same", dilation=2),
        torch.nn.AdaptiveAvgPool2d(1),
    ]
    fields = cpool.receptive_field(layers, 64)
    assert [field.size for field in fields[:3]] == [(7, 7), (11, 11), (27, 27)]
    y = torch.nn.Sequential(*layers)(torch.zeros(1, 3, 64, 64))
    assert fields[-1].output_size == tuple(y.shape[2:])


def test_no_layers_see_themselves():
    assert cpool.receptive_field([]) == ()


def test_fields_print_as_a_table():
    text = str(cpool.receptive_field([nn.MaxPool2d(3, 2, 1), nn.GlobalAvgPool()], (8, 6)))
    header, first, last = text.splitlines()
    assert header.split() == ["layer", "size", "stride", "first", "center", "outputs"]
    assert "3 x 3" in first
    assert "4 x 3" in first
    assert "9 x 7" in last
    assert last.endswith("1 x 1")


@pytest.mark.parametrize(
    "error, message, layers, size",
    [
        (TypeError, "layers must be a sequence of layers, got 3", 3, None),
        (TypeError, "layers must be pooling layers, windows", [np.tanh], None),
        (TypeError, "layers must pool or convolve", [nn.MaxUnpool2d(2)], None),
        (TypeError, "size and stride that they name, got Sppf", [nn.Sppf()], None),
        (TypeError, "size and stride that they name", [nn.MaxBlurPool2d()], None),
        (TypeError, "size and stride that they name", [nn.DetailPreservingPool2d(3)], None),
        (TypeError, "size and stride that they name", [nn.SpectralPool2d(4)], (16, 16)),
        (TypeError, "size and stride that they name", [nn.FractionalMaxPool2d(2, 4)], (16, 16)),
        (TypeError, "size and stride that they name", [nn.S3Pool2d(2, grid_size=4)], None),
        (TypeError, "size and stride that they name", [nn.RoiAlign(2)], (16, 16)),
        (ValueError, r"layers must be \(kernel_size, stride", [(1, 1, 0, 1, 1)], None),
        (ValueError, "the same number of axes", [nn.MaxPool1d(2), nn.MaxPool2d(2)], None),
        (ValueError, "the same number of axes", [nn.MaxPool1d(2)], (8, 8)),
        (ValueError, "input_size must be given for Adap", [nn.AdaptiveMaxPool1d(2)], None),
        (ValueError, "input_size must be given for Glob", [nn.GlobalMaxPool()], None),
        (ValueError, "input_size must be given for Max", [nn.MaxPool1d(3, 2, "same")], None),
        (ValueError, "divides 8 elements among 3", [nn.AdaptiveMaxPool1d(3)], 8),
        (TypeError, "input_size must be an int", [nn.MaxPool1d(3)], 8.0),
        (ValueError, "kernel_size", [nn.MaxPool1d(3)], 2),
    ],
)
def test_errors_of_receptive_field(error, message, layers, size):
    with pytest.raises(error, match=message):
        cpool.receptive_field(layers, size)


def test_an_output_has_an_index_for_each_axis():
    with pytest.raises(ValueError, match="output must have 2 indices"):
        cpool.receptive_field([nn.MaxPool2d(3)])[0].region(1)


# Shifts -------------------------------------------------------------------------------------------


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(2, 3, 24, 24))


@each_kind()
@pytest.mark.parametrize("stride", [2, 3, 4])
def test_exact_for_multiples_of_the_stride_only(kind, stride, x):
    function = getattr(cpool, kind.function + "2d")
    given = {"kernel_size": stride + 1, "stride": stride, "padding": ((1, stride - 1),) * 2}
    found = cpool.shift_consistency(
        function, x, range(-stride, 2 * stride + 1), **given, padding_mode="wrap"
    )
    for each in found:
        if each.shift[0] % stride == 0:
            assert each.moved == tuple(step // stride for step in each.shift)
            assert (each.max_difference, each.relative_error, each.equal) == (0, 0, 1)
        else:
            assert each.relative_error > 0.01
            assert each.equal < 1


@each_kind()
def test_dense_pooling_commutes_with_all_shifts(kind, x):
    function = getattr(cpool, kind.function + "2d")
    given = {"kernel_size": 3, "stride": 1, "padding": 1, "padding_mode": "wrap"}
    shifts = [1, -7, (5, 2), 24]
    for each, moved in zip(
        cpool.shift_consistency(function, x, shifts, **given),
        [(1, 1), (-7, -7), (5, 2), (24, 24)],
        strict=True,
    ):
        assert (each.shift, each.moved, each.max_difference) == (moved, moved, 0)


def test_numbers_are_those_of_the_differences(x):
    (found,) = cpool.shift_consistency(cpool.max_pool2d, x, [(5, 2)], 3, stride=3)
    y = cpool.max_pool2d(x, 3)
    shifted = cpool.max_pool2d(np.roll(x, (5, 2), (2, 3)), 3)
    fits = {
        moved: np.linalg.norm(shifted - np.roll(y, moved, (2, 3)))
        for moved in [(1, 0), (1, 1), (2, 0), (2, 1)]
    }
    best = min(fits, key=fits.get)
    assert found.moved == best
    difference = shifted - np.roll(y, best, (2, 3))
    assert found.max_difference == np.abs(difference).max()
    assert found.relative_error == pytest.approx(fits[best] / np.linalg.norm(y))
    assert found.equal == (difference == 0).mean()


def test_a_blur_before_the_stride_helps(x):
    """Zhang 2019: a dense maximum, then a mean with the stride."""

    def blurred(x):
        dense = cpool.max_pool2d(x, 2, 1, ((0, 1), (0, 1)), padding_mode="wrap")
        return cpool.avg_pool2d(dense, 4, 2, ((1, 1), (1, 1)), padding_mode="wrap")

    plain = cpool.shift_consistency(cpool.max_pool2d, x, 1, 2)
    helped = cpool.shift_consistency(blurred, x, [(1, 1)])
    assert helped[0].relative_error < plain[0].relative_error / 2


def test_constant_padding_counts_as_it_is(x):
    (found,) = cpool.shift_consistency(cpool.avg_pool2d, x, 2, 3, stride=2, padding=1)
    assert found.equal < 1
    inside = slice(1, None)
    y, shifted = (cpool.avg_pool2d(np.roll(x, t, (2, 3)), 3, 2, 1) for t in (0, 2))
    moved = np.roll(y, (1, 1), (2, 3))[..., inside, inside][..., inside, inside]
    np.testing.assert_allclose(shifted[..., 2:, 2:], moved)


def test_axes_of_a_shift_are_those_of_the_windows(x):
    given = {"kernel_size": (2, 4), "stride": (2, 4), "axes": (3, 0)}
    x = np.tile(x, (2, 1, 1, 1))
    (found,) = cpool.shift_consistency(cpool.max_pool, x, [(2, 4)], **given)
    assert (found.moved, found.equal) == ((1, 1), 1)
    (last,) = cpool.shift_consistency(
        cpool.max_pool1d, x[..., :6, :], [2], 2, channels_last=True
    )
    assert (last.moved, last.equal) == ((1,), 1)


def test_functions_of_every_kind(x):
    expected = cpool.shift_consistency(cpool.max_pool2d, x, [1, 2], 2)
    layer, pooling = nn.MaxPool2d(2), partial(cpool.max_pool2d, kernel_size=2)
    windows = cpool.sliding((2, 2))
    assert cpool.shift_consistency(layer, x, [1, 2]) == expected
    assert cpool.shift_consistency(pooling, x, [1, 2]) == expected
    assert cpool.shift_consistency(cpool.pool, x, [1, 2], "max", windows) == expected
    own = cpool.shift_consistency(lambda x: layer(x), x, [(1, 1), (2, 2)])
    assert own == expected
    with_positions = partial(pooling, return_indices=True)
    assert cpool.shift_consistency(with_positions, x, np.arange(1, 3)) == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, np.float16])
def test_types(dtype):
    x = np.arange(16).astype(dtype)
    before = x.copy()
    found = cpool.shift_consistency(cpool.max_pool1d, x, [0, 1, 2], 2)
    assert [each.max_difference > 0 for each in found] == [False, dtype is not bool, False]
    np.testing.assert_array_equal(x, before)


def test_nan_and_infinity_that_stay_where_they_belong():
    x = np.array([np.nan, 1, np.inf, 2, 3, 4, -np.inf, -np.inf])
    exact, other = cpool.shift_consistency(cpool.max_pool1d, x, [2, 1], 2)
    assert (exact.max_difference, exact.relative_error, exact.equal) == (0, 0, 1)
    assert other.equal < 1
    assert other.relative_error == np.inf


def test_shifts_print_as_a_table(x):
    text = str(cpool.shift_consistency(cpool.max_pool2d, x, [0, (1, 2)], 2))
    header, first, second = text.splitlines()
    assert header.split() == ["shift", "moved", "max", "difference", "relative", "error", "equal"]
    assert first.split()[:4] == ["0,", "0", "0,", "0"]
    assert first.endswith("100.0 %")
    assert second.startswith("1, 2")


@pytest.mark.parametrize(
    "error, message, function, shifts",
    [
        (TypeError, "function must be callable", 3, 1),
        (TypeError, "shifts must be ints", partial(cpool.max_pool2d, kernel_size=2), 1.5),
        (TypeError, "shifts must be ints", partial(cpool.max_pool2d, kernel_size=2), [(1, 2.0)]),
        (ValueError, "shifts must have 2 entries", nn.MaxPool2d(2), [(1, 2, 3)]),
        (ValueError, "it cannot be told which axes", lambda x: x, 1),
        (ValueError, "function must give as many axes", lambda x: x.sum(), [(1, 1)]),
        (ValueError, "x must have at least 5 axes", lambda x: x, [(1,) * 5]),
    ],
)
def test_errors_of_shift_consistency(error, message, function, shifts, x):
    with pytest.raises(error, match=message):
        cpool.shift_consistency(function, x, shifts)


def test_all_is_exported():
    assert set(analysis.__all__) <= set(cpool.__all__)
    assert len(KINDS) >= 4
