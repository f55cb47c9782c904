"""What a pooling takes, what it sees, what it does to translations: against counting and trying."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import re
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from operators import KINDS, each_kind, forms, function_name

import cpool
from cpool import analysis, nn, ordering
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


#: What functions get where they have no default, given x.
REQUIRED = {
    "reduction": lambda x: "median",
    "windows": lambda x: cpool.sliding((2, 2)),
    "kernel_size": lambda x: 2,
    "output_size": lambda x: 2,
    "norm_type": lambda x: 3,
    "q": lambda x: 0.25,
    "rank": lambda x: 1,
    "logits": lambda x: np.linspace(0, 1, x.shape[-1]),
    "indices": lambda x: np.zeros(x.shape, np.int32),
    "query": lambda x: np.ones(x.shape[1]),
    "boxes": lambda x: np.array([[1, 0, 0, 5, 3], [0, 1, 2, 4, 7]], np.float32),
}
READ_TOO = ("logits", "indices", "boxes")  # as they are given, and not learned


def is_pooling(name: str) -> bool:
    return re.search(r"pool|sppf|^conv\dd$|^roi_", name) is not None and callable(
        getattr(cpool, name)
    )


POOLINGS = [name for name in dir(cpool) if is_pooling(name) and name != "pooling"]


def a_call(name: str, dtype: str) -> tuple[np.ndarray, dict]:
    """An array of many axes, and arguments that the function takes."""
    function, match = getattr(cpool, name), re.search(r"(\d)d$", name)
    rank = int(match[1]) if match else 2
    x = np.random.default_rng(7).integers(1, 90, (2, 4, 8, 6, 4)[: rank + 2]).astype(dtype)
    given = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.name == "weight":
            kernel = (2, 3, 1)[:rank] if "conv" in name else (2,) * rank
            given["weight"] = np.ones((6, 2, *kernel) if "conv" in name else kernel)
        elif parameter.default is inspect.Parameter.empty:
            given[parameter.name] = REQUIRED[parameter.name](x)
        elif parameter.name == "axes" and not name.startswith("global"):
            given["axes"] = (2, 3)
        elif parameter.name in ("rng", "groups"):
            given[parameter.name] = {"rng": 0, "groups": 2}[parameter.name]
    if "fractional" in name:
        given["output_ratio"] = 0.5
    if "reduction" in inspect.signature(function).parameters:
        given.pop("rng", None)  # it is for reductions that draw
    return x, given


def test_all_poolings_are_found():
    assert len(POOLINGS) > 200
    assert {"sppf", "roi_align", "roi_pool", "conv3d", "max_unpool2d", "pool"} <= set(POOLINGS)


@pytest.mark.parametrize("name", POOLINGS)
def test_every_public_function_knows_its_cost(name):
    """Shape, type and bytes are those of a call."""
    function = getattr(cpool, name)
    for dtype in ("float32", "float16", "int16"):
        x, given = a_call(name, dtype)
        y = function(x, **given)
        cost = cpool.cost(function, x.shape, dtype=dtype, **given)
        assert (cost.function, cost.input_dtype) == (name, dtype)
        assert (cost.output_shape, cost.output_dtype) == (y.shape, y.dtype.name)
        others = sum(given[each].nbytes for each in READ_TOO if each in given)
        assert cost.bytes_read == x.nbytes + others + cost.parameters * x.itemsize
        assert cost.bytes_written == y.nbytes
        assert (cost.formula.total == 0) == (cost.kernels.total == 0) == ("unpool" in name)
        learned = {"weight", "query"} & set(given)
        assert cost.parameters == sum(given[each].size for each in learned) + ("gated" in name)


@pytest.mark.parametrize("name", POOLINGS)
def test_channels_last_costs_as_many_operations(name):
    function, (x, given) = getattr(cpool, name), a_call(name, "float32")
    if "channels_last" not in inspect.signature(function).parameters or "axes" in given:
        return
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    given |= {"channels_last": True}
    if "logits" in given:
        given["logits"] = 1.0
    if "indices" in given:
        given["indices"] = np.zeros(last.shape, int)
    cost = cpool.cost(function, last.shape, **given)
    assert cost.output_shape == function(last, **given).shape
    if "indices" in given:
        given["indices"] = np.zeros(x.shape, int)
    first = cpool.cost(function, x.shape, **given | {"channels_last": False})
    assert cost.formula == first.formula


def formula_of(function, shape, *args, **kwargs) -> dict[str, int]:
    """The operations that there are."""
    counts = dataclasses.asdict(cpool.cost(function, shape, *args, **kwargs).formula)
    return {kind: count for kind, count in counts.items() if count}


def kernels_of(function, shape, *args, **kwargs) -> dict[str, int]:
    counts = dataclasses.asdict(cpool.cost(function, shape, *args, **kwargs).kernels)
    return {kind: count for kind, count in counts.items() if count}


OF_FOUR = [  # a window of 2 x 2 elements, by hand
    ("lp", {"norm_type": 3}, {"additions": 3, "functions": 5}),
    ("lp", {"norm_type": 2}, {"additions": 3, "multiplications": 4, "functions": 1}),
    ("lp", {"norm_type": 1}, {"additions": 3}),
    ("lp", {"norm_type": math.inf}, {"comparisons": 3}),
    ("rms", {}, {"additions": 3, "multiplications": 4, "divisions": 1, "functions": 1}),
    ("power_mean", {}, {"comparisons": 4, "additions": 3, "divisions": 1, "functions": 5}),
    ("power_mean", {"p": 1}, {"comparisons": 4, "additions": 3, "divisions": 1}),
    ("power_mean", {"p": 0}, {"comparisons": 4, "multiplications": 3, "functions": 1}),
    ("power_mean", {"p": -1}, {"comparisons": 4, "additions": 3, "divisions": 6}),
    ("power_mean", {"p": -math.inf}, {"comparisons": 7}),
    ("geometric_mean", {}, {"multiplications": 3, "functions": 1}),
    ("harmonic_mean", {}, {"additions": 3, "divisions": 5}),
    ("log_sum_exp", {}, {"additions": 3, "multiplications": 4, "divisions": 2, "functions": 5}),
    ("log_sum_exp", {"r": 0}, {"additions": 3, "divisions": 1}),
    ("soft", {}, {"additions": 6, "multiplications": 8, "divisions": 1, "functions": 4}),
    ("soft", {"beta": 0}, {"additions": 3, "divisions": 1}),
    ("median", {}, {"comparisons": 5, "additions": 1, "divisions": 1}),
    ("rank", {"rank": 2}, {"comparisons": 5}),
    ("quantile", {"q": 0.25}, {"comparisons": 5, "additions": 1, "multiplications": 2}),
    ("quantile", {"q": 1 / 3}, {"comparisons": 5}),
    ("quantile", {"q": 0.25, "method": "lower"}, {"comparisons": 5}),
    ("trimmed_mean", {"cut": 0.25}, {"comparisons": 5, "additions": 1, "divisions": 1}),
    ("mode", {}, {"comparisons": 11, "additions": 3}),
    ("stochastic", {}, {"comparisons": 7, "additions": 6, "multiplications": 1}),
    ("stochastic", {"training": False},
     {"comparisons": 4, "additions": 6, "multiplications": 4, "divisions": 1}),
    ("avg", {"weights": np.ones((2, 2))}, {"additions": 6, "multiplications": 4, "divisions": 1}),
    ("mixed", {}, {"comparisons": 3, "additions": 4, "multiplications": 2, "divisions": 1}),
    ("gated", {"weight": np.ones((2, 2))},
     {"comparisons": 3, "additions": 10, "multiplications": 6, "divisions": 2, "functions": 1}),
    ("lip", {"logits": np.ones((2, 2))},
     {"additions": 6, "multiplications": 4, "divisions": 1, "functions": 4}),
]  # fmt: skip


@pytest.mark.parametrize("name, own, expected", OF_FOUR, ids=str)
def test_a_window_of_four(name, own, expected):
    function = getattr(cpool, f"{name}_pool2d")
    assert formula_of(function, (2, 2), kernel_size=2, **own) == expected


@pytest.mark.parametrize("taps, comparisons", [(1, 0), (2, 1), (3, 3), (5, 8), (9, 21), (25, 94)])
def test_sorting_takes_the_logarithms_rounded_up(taps, comparisons):
    assert comparisons == sum(math.ceil(math.log2(i)) for i in range(1, taps + 1))
    assert cpool.Rank(0).operations(taps) == Operations(comparisons=comparisons)


def test_kernels_lift_an_element_once_and_fold_sums():
    """36 windows of 9 of 64 elements: rows of sums, then sums of rows."""
    shape, steps = (8, 8), 6 * 8 * 2 + 6 * 6 * 2
    given = {"kernel_size": 3, "stride": 1}
    powers = kernels_of(cpool.lp_pool2d, shape, 5, **given)
    assert powers == {"additions": steps, "functions": 64 + 36}
    cubes = kernels_of(cpool.lp_pool2d, shape, 3, **given)
    assert cubes == {"additions": steps, "multiplications": 2 * 64, "functions": 36}
    far = kernels_of(cpool.lp_pool2d, shape, 100, **given)  # powers would overflow
    assert far == formula_of(cpool.lp_pool2d, shape, 100, **given)
    soft = {"additions": 2 * steps, "multiplications": 128, "divisions": 36, "functions": 64}
    assert kernels_of(cpool.soft_pool2d, shape, **given) == soft
    assert kernels_of(cpool.stochastic_pool2d, shape, training=False, **given) == {
        "comparisons": 64, "additions": 2 * steps, "multiplications": 64, "divisions": 36
    }  # fmt: skip
    logits = np.ones(shape)
    one_less = {"additions": 2 * steps, "multiplications": 64, "divisions": 36, "functions": 64}
    assert kernels_of(cpool.lip_pool2d, shape, logits, **given) == one_less


def test_kernels_take_exponentials_of_elements_where_these_are_fewer():
    given = {"kernel_size": 2, "stride": 1}
    narrow = kernels_of(cpool.log_sum_exp_pool1d, (9,), **given)
    assert narrow["functions"] == 9 + 8
    wide = kernels_of(cpool.log_sum_exp_pool1d, (9,), dtype="float64", **given)
    assert wide["functions"] == 8 * 3


def test_kernels_take_roots_of_short_products():
    short = kernels_of(cpool.geometric_mean_pool1d, (40,), 40)
    assert short == {"multiplications": 39, "functions": 1}
    long = kernels_of(cpool.geometric_mean_pool1d, (41,), 41)
    assert long == {"additions": 40, "divisions": 1, "functions": 42}


@pytest.mark.parametrize("kind", [cpool.Rank(1), cpool.Median(), cpool.Quantile(0.3)], ids=str)
@pytest.mark.parametrize("taps", [2, 3, 7, 16, 25])
def test_networks_are_those_that_sort(kind, taps):
    """The exchanges that lead to the wanted ranks give them."""
    exchanges = ordering.network(taps, kind.wanted(taps))
    rows = np.random.default_rng(taps).permutation(taps).tolist()
    ordered = sorted(rows)
    for i, j, what in zip(*[iter(exchanges)] * 3, strict=True):
        low, high = sorted((rows[i], rows[j]))
        rows[i], rows[j] = low if what & 1 else None, high if what & 2 else None
        assert None not in (low, high)
    assert all(rows[rank] == ordered[rank] for rank in kind.wanted(taps))
    cost = cpool.cost(cpool.pool, (taps,), kind, cpool.sliding((taps,)), dtype="int8")
    assert cost.kernels.comparisons == sum(what.bit_count() for what in exchanges[2::3])


def test_medians_of_sorted_columns():
    given = {"kernel_size": 3, "stride": 1}
    assert kernels_of(cpool.median_pool2d, (9, 9), **given) == {"comparisons": 49 * 18}
    assert kernels_of(cpool.median_pool2d, (9, 9), 5, stride=1) == {"comparisons": 25 * 106}
    lower = cpool.Quantile(0.5, "lower")
    same = kernels_of(cpool.pool, (9, 9), lower, cpool.sliding((3, 3), 1))
    assert same == {"comparisons": 49 * 18}
    apart = [kernels_of(cpool.median_pool2d, (9, 9), 3, dtype=d) for d in ("int8", "float32")]
    assert apart[0]["comparisons"] == 9 * 36
    assert apart[1]["comparisons"] > 9 * 36  # where a NaN is, is found too
    assert kernels_of(cpool.mode_pool2d, (2, 2), 2) == {"comparisons": 6 + 9, "additions": 12}


def test_mixtures_are_their_parts():
    shape = (3, 9, 9)
    top, mean = (cpool.cost(f, shape, 3, 2) for f in (cpool.max_pool2d, cpool.avg_pool2d))
    mixed = cpool.cost(cpool.mixed_pool2d, shape, 3, 2)
    blend = 48 * Operations(additions=1, multiplications=2)
    assert mixed.formula == top.formula + mean.formula + blend
    assert mixed.kernels == top.kernels + mean.kernels + blend
    levels = cpool.cost(cpool.pool, shape, cpool.Mixed(0.25), cpool.pyramid((1, 2)))
    assert levels.output_shape == (15,)
    each = [cpool.cost(cpool.adaptive_mixed_pool2d, shape, n).formula for n in (1, 2)]
    assert levels.formula == each[0] + each[1]
    learned = cpool.cost(cpool.mixed_pool2d, shape, 3, 2, alpha=np.full((3, 1, 1), 0.5))
    assert (learned.parameters, mixed.parameters) == (3, 0)
    assert learned.additions == mixed.additions + 3
    gated = cpool.cost(cpool.gated_pool2d, shape, 3, 2, weight=np.ones((3, 3)))
    gate = 48 * Operations(additions=11, multiplications=9, divisions=1, functions=1)
    assert gated.formula == mixed.formula + gate
    assert gated.parameters == 10


def test_blurs_are_separable():
    blur = cpool.cost(cpool.blur_pool2d, (8, 12), (3, 5), (2, 1))
    assert blur.formula == 48 * Operations(additions=14, multiplications=15)
    rows, columns = 4 * 12, 4 * 12
    assert blur.kernels == Operations(
        additions=2 * rows + 4 * columns, multiplications=3 * rows + 5 * columns
    )
    dense = cpool.cost(cpool.max_pool2d, (8, 12), 2, 1)
    of_maxima = cpool.cost(cpool.blur_pool2d, (7, 11))
    both = cpool.cost(cpool.max_blur_pool2d, (8, 12))
    assert both.formula == dense.formula + of_maxima.formula
    assert both.kernels == dense.kernels + of_maxima.kernels
    assert both.output_shape == of_maxima.output_shape


def test_details_are_a_blur_means_and_weighted_means():
    given = {"kernel_size": 2, "dtype": "float64"}
    blur = cpool.cost(cpool.blur_pool2d, (4, 6), 3, 1, dtype="float64")
    means = cpool.cost(cpool.avg_pool2d, (4, 6), **given)
    weighted = Operations(additions=12 + 6, multiplications=8, divisions=1, functions=4)
    cost = cpool.cost(cpool.detail_preserving_pool2d, (4, 6), **given)
    assert cost.formula == blur.formula + means.formula + 6 * weighted
    assert cost.kernels == blur.kernels + means.kernels + 6 * weighted
    other = cpool.cost(cpool.detail_preserving_pool2d, (4, 6), lam=2, symmetric=False, **given)
    assert other.formula == cost.formula + 24 * Operations(comparisons=1, functions=1)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_haar_sums_blocks(rank):
    function = getattr(cpool, f"haar_pool{rank}d")
    outputs, taps = 2**rank, 2**rank
    cost = cpool.cost(function, (4,) * rank)
    assert cost.formula == outputs * Operations(additions=taps - 1, divisions=1)
    factor = Operations(divisions=1) if rank == 2 else Operations(multiplications=1)
    assert cost.kernels == outputs * (Operations(additions=taps - 1) + factor)


def test_spectra_take_two_transforms():
    """2.5 N log2 N there and 2.5 M log2 M back; in fact lines of both axes."""
    cost = cpool.cost(cpool.spectral_pool2d, (3, 64, 32), (48, 16))
    there, back = 64 * 32 * 11, 48 * 16 * math.log2(48 * 16)
    assert cost.multiplications == 3 * there + round(3 * back)
    assert cost.formula.total == pytest.approx(3 * 2.5 * (there + back), abs=1)
    lines = 32 * (64 * 6 + 48 * math.log2(48)) + 48 * (32 * 5 + 16 * 4)
    assert cost.kernels.total == pytest.approx(3 * 2.5 * lines, abs=2)
    sums = cpool.cost(cpool.spectral_pool1d, (64,), 16)  # 4 apart: a row of weights
    assert sums.kernels == 16 * Operations(additions=63, multiplications=64)
    assert sums.formula.total == 2.5 * (64 * 6 + 16 * 4)
    assert cpool.cost(cpool.spectral_pool2d, (64, 32), None).formula.total == 0
    one = cpool.cost(cpool.spectral_pool2d, (64, 32), (16, None))
    assert one.formula.total == 32 * 2.5 * (64 * 6 + 16 * 4)


def test_attention_scores_and_weighs():
    cost = cpool.cost(cpool.attention_pool, (2, 4, 3, 5), np.ones(4))
    scores = 15 * Operations(additions=3, multiplications=4, divisions=1)
    softmax = Operations(additions=14, divisions=15, functions=15)
    sums = 4 * Operations(additions=14, multiplications=15)
    assert cost.formula == 2 * (scores + softmax + sums)
    largest = Operations(comparisons=14, additions=15)
    in_fact = 15 * Operations(additions=3, multiplications=4) + softmax + sums + largest
    assert cost.kernels == 2 * in_fact + Operations(divisions=4)
    assert cost.parameters == 4


def test_polyphase_norms_compare_components():
    cost = cpool.cost(cpool.polyphase_pool2d, (5, 3, 8, 6), 2)
    size = 3 * 4 * 3
    assert cost.formula == 5 * (
        4 * Operations(additions=size - 1, multiplications=size, functions=1)
        + Operations(comparisons=3)
    )
    assert cost.kernels == 5 * (
        4 * Operations(additions=size - 1, multiplications=size) + Operations(comparisons=3)
    )
    wide = cpool.cost(cpool.polyphase_pool2d, (5, 3, 8, 6), 2, dtype="float64")
    assert wide.kernels == cost.kernels + 5 * 144 * Operations(comparisons=2, divisions=1)
    largest = formula_of(cpool.polyphase_pool1d, (7,), norm_type=math.inf)
    assert largest == {"comparisons": 3 + 3 + 1}


def test_chained_maxima():
    one = cpool.cost(cpool.max_pool2d, (4, 9, 7), 5, 1, "same")
    cost = cpool.cost(cpool.sppf, (4, 9, 7), 5, 3)
    assert (cost.formula, cost.kernels) == (3 * one.formula, 3 * one.kernels)


@pytest.mark.parametrize("overlapping", [True, False])
def test_drawn_windows_cost_the_same_wherever_they_are(overlapping):
    """Overlapping ones have their size; of others, each element is in one."""
    x, size = np.ones((3, 11, 10)), (5, 4)
    kernel = 3 if overlapping else None
    given = {"kernel_size": kernel, "output_size": size, "overlapping": overlapping}
    steps = 3 * 20 * 8 if overlapping else 3 * (110 - 20)
    assert formula_of(cpool.fractional_max_pool2d, x.shape, **given) == {"comparisons": steps}
    samples = np.random.default_rng(0).random((3, 2))
    costs = [
        cpool.cost(cpool.fractional_max_pool2d, x.shape, **given, _random_samples=each)
        for each in (samples, samples**2)
    ]
    assert costs[0] == costs[1]
    assert costs[0].formula.comparisons == steps
    assert costs[0].bytes_read == 4 * x.size + samples.nbytes
    means = formula_of(cpool.fractional_avg_pool2d, x.shape, **given)
    assert means == {"additions": steps, "divisions": 60}
    windows = cpool.fractional(kernel, size, overlapping=overlapping)
    assert formula_of(cpool.pool, x.shape, "sum", windows) == {"additions": steps}
    for sample in samples:
        fixed = cpool.fractional(kernel, size, samples=tuple(sample), overlapping=overlapping)
        total = cpool.pool(x, "sum", fixed)
        assert total.sum() - total.size == steps


def test_s3_takes_maxima_everywhere():
    dense = cpool.cost(cpool.max_pool2d, (3, 9, 8), 3, 1, "same")
    cost = cpool.cost(cpool.s3_pool2d, (3, 9, 8), 3, grid_size=4, stride=2)
    assert (cost.formula, cost.output_shape) == (dense.formula, (3, 5, 4))
    mean = cpool.cost(cpool.avg_pool2d, (3, 9, 8), 2, ceil_mode=True)
    cost = cpool.cost(cpool.s3_pool2d, (3, 9, 8), 3, grid_size=4, stride=2, training=False)
    assert cost.formula == dense.formula + mean.formula
    assert cost.kernels == dense.kernels + mean.kernels


def test_regions_cost_what_their_boxes_have():
    boxes = [[0, 0, 0, 8, 4], [1, 2, 2, 3, 8]]  # bins of 4 x 2 and 1 x 3 elements
    shape = (2, 3, 20, 20)
    fixed = cpool.cost(cpool.roi_align, shape, boxes, 2, sampling_ratio=3)
    bins = 2 * 3 * 4
    assert fixed.formula == bins * Operations(
        additions=9 * 3 + 8, multiplications=9 * 4, divisions=1
    )
    adaptive = cpool.cost(cpool.roi_align, shape, boxes, 2)
    samples, each = 3 * 4 * (8 + 3), Operations(additions=3, multiplications=4)
    assert adaptive.formula == samples * each + Operations(additions=samples - bins, divisions=bins)
    largest = cpool.cost(cpool.roi_align, shape, boxes, 2, reduction="max")
    assert largest.formula == samples * each + Operations(comparisons=samples - bins)
    per_image = [np.array([[0.0, 0, 8, 4]], np.float32), np.array([[2.0, 2, 3, 8]], np.float32)]
    same = cpool.cost(cpool.roi_align, shape, per_image, 2)
    assert (same.formula, same.bytes_read) == (adaptive.formula, 4 * (2 * 3 * 400 + 8))


def test_bins_cost_what_elements_they_cover():
    """An element that alone is 1 makes those bins 1 that cover it."""
    boxes = np.array([[0, 1, 1, 6, 9], [0, -5, 6, 3, 40]])
    covered = np.zeros((2, 1, 3, 3), int)
    for i, j in np.ndindex(12, 10):
        x = np.zeros((1, 1, 12, 10), int)
        x[0, 0, i, j] = 1
        covered += cpool.roi_pool(x, boxes, 3)
    assert covered.min() == 0  # outside of the image
    cost = cpool.cost(cpool.roi_pool, (1, 1, 12, 10), boxes, 3)
    assert cost.comparisons == np.maximum(covered - 1, 0).sum()


def test_masks_and_positions_of_alternatives_are_moved_too():
    where = np.ones((8, 8), bool)
    for function in (cpool.mixed_pool2d, cpool.lip_pool2d, cpool.detail_preserving_pool2d):
        given = {"kernel_size": 2} | ({"logits": where} if function is cpool.lip_pool2d else {})
        plain, masked = (
            cpool.cost(function, (3, 8, 8), where=each, **given) for each in (None, where)
        )
        assert masked.bytes_read == plain.bytes_read + 64
    fractional = partial(cpool.cost, cpool.fractional_max_pool2d, (3, 8, 8), 2, 4)
    plain, positions = fractional(), fractional(return_indices=True)
    assert positions.bytes_written == plain.bytes_written + 8 * 48


def test_convolutions_have_weights():
    weight = np.ones((16, 3, 3, 3))
    cost = cpool.cost(cpool.conv2d, (2, 3, 8, 8), weight, np.ones(16), padding=1)
    assert cost.output_shape == (2, 16, 8, 8)
    assert cost.multiplications == 2 * 16 * 64 * 27
    assert cost.additions == 2 * 16 * 64 * 27  # 26 and the bias
    assert cost.parameters == 16 * 27 + 16
    assert cost.bytes_read == 4 * (2 * 3 * 64 + 448)
    last = cpool.cost(cpool.conv2d, (2, 8, 8, 3), weight, padding=1, channels_last=True)
    assert (last.output_shape, last.parameters) == ((2, 8, 8, 16), 432)
    depthwise = cpool.cost(cpool.conv1d, (4, 9), np.ones((4, 1, 3)), groups=4)
    assert depthwise.formula == 28 * Operations(additions=2, multiplications=3)


def test_a_function_may_tell_its_own_cost():
    def blur(x, size):
        raise AssertionError("counting calls nothing")

    work = Operations(multiplications=5)
    blur._cost = lambda x, size: Work((*x.shape[:-1], size), work, work, 7)
    cost = cpool.cost(blur, (3, 8), 4, dtype="float64")
    assert (cost.output_shape, cost.multiplications, cost.parameters) == ((3, 4), 5, 7)
    assert (cost.bytes_read, cost.bytes_written) == (8 * (24 + 7), 8 * 12)


@pytest.mark.parametrize("name", ["spectral_pool2d", "mixed_pool2d", "sppf", "polyphase_pool2d"])
def test_counting_needs_no_memory(name):
    """Of an array of 2**56 elements."""
    _, given = a_call(name, "float32")
    cost = cpool.cost(getattr(cpool, name), (2**20, 2**18, 2**8, 2**10), **given)
    assert cost.formula.total > 2**56


#: Errors of a call, and no others: by name, shape of x, arguments.
WRONG = [
    ("mixed_pool2d", (4, 4), {"kernel_size": 2, "alpha": 2}),
    ("mixed_pool2d", (4, 4), {"kernel_size": 2, "alpha": np.ones(3)}),
    ("mixed_pool2d", (4, 4), {}),
    ("mixed_pool2d", (4, 4), {"kernel_size": 5}),
    ("gated_pool2d", (4, 4), {"kernel_size": 2, "weight": np.ones(4)}),
    ("lip_pool2d", (4, 4), {"kernel_size": 2, "logits": np.ones(3)}),
    ("global_lip_pool", (1, 1, 4), {"logits": 1.0, "keepdims": 1}),
    ("detail_preserving_pool2d", (4, 4), {"kernel_size": 2, "eps": 0}),
    ("blur_pool2d", (4, 4), {"filter_size": 8}),
    ("blur_pool2d", (4, 4), {"filter_size": 2.0}),
    ("max_blur_pool2d", (4, 4), {"kernel_size": 5}),
    ("haar_pool2d", (4, 5), {}),
    ("spectral_pool2d", (4, 4), {"output_size": 5}),
    ("polyphase_pool2d", (4, 4), {"norm_type": 0}),
    ("polyphase_pool2d", (4, 4), {"stride": None}),
    ("attention_pool", (1, 2, 4), {"query": np.ones(3)}),
    ("sppf", (4, 4), {}),
    ("sppf", (1, 4, 4), {"repeats": 0}),
    ("spatial_pyramid_pool", (8, 8), {}),
    ("spatial_pyramid_pool", (1, 8, 8), {"levels": (0,)}),
    ("fractional_max_pool2d", (4, 4), {"kernel_size": 2}),
    ("fractional_max_pool2d", (4, 4),
     {"kernel_size": 2, "output_size": 2, "_random_samples": np.ones(3) / 2}),
    ("s3_pool2d", (4, 4), {"kernel_size": 2, "grid_size": 3, "stride": 2}),
    ("roi_align", (4, 4), {"boxes": [[0, 0, 0, 1, 1]], "output_size": 2}),
    ("roi_align", (1, 1, 4, 4), {"boxes": [[1, 0, 0, 1, 1]], "output_size": 2}),
    ("roi_align", (1, 1, 4, 4),
     {"boxes": [[0, 0, 0, 1, 1]], "output_size": 2, "sampling_ratio": -2}),
    ("roi_pool", (1, 1, 4, 4), {"boxes": [[0, 0, 0, 1]], "output_size": 2}),
    ("max_unpool2d", (4, 4), {"indices": np.zeros((4, 4)), "kernel_size": 2}),
    ("max_unpool2d", (4, 4), {"indices": np.zeros((4, 3), int), "kernel_size": 2}),
    ("conv2d", (4, 8, 8), {"weight": np.ones((16, 3, 3, 3))}),
    ("conv2d", (3, 8, 8), {"weight": np.ones((16, 3, 3))}),
    ("conv2d", (3, 8, 8), {"weight": np.ones((16, 3, 3, 3)), "groups": 0}),
    ("avg_pool2d", (4, 4), {"kernel_size": 2, "weights": np.ones(3)}),
    ("avg_pool2d", (4, 4), {"kernel_size": 2, "weights": -np.ones(4)}),
    ("avg_pool2d", (4, 4), {"kernel_size": 2, "weights": np.ones(4), "divisor_override": 2}),
    ("avg_pool2d", (4, 4), {"kernel_size": 2, "nan_policy": "skip"}),
    ("sppf", (1, 4, 4), {"nan_policy": "skip"}),
    ("spectral_pool2d", (4, 4), {"output_size": 2, "nan_policy": "omit"}),
    ("conv1d", (1, 4), {"weight": np.ones((1, 1, 2)), "nan_policy": "omit"}),
    ("max_pool2d", (4, 4), {"kernel_size": 2, "where": np.ones(3, bool)}),
    ("haar_pool2d", (4, 4), {"where": np.ones(4)}),
    ("pool", (4,), {"reduction": "max", "windows": cpool.sliding(2), "weights": np.ones(4)}),
    ("pool", (4,), {"reduction": "mean", "windows": cpool.sliding(2), "rng": 0}),
    ("pool", (4,),
     {"reduction": "mean", "windows": cpool.fractional(1, 2), "weights": np.ones(4)}),
]  # fmt: skip


@pytest.mark.parametrize("name, shape, given", WRONG, ids=str)
def test_errors_are_those_of_the_function(name, shape, given):
    function = getattr(cpool, name)
    with pytest.raises((TypeError, ValueError)) as of_call:
        function(np.ones(shape), **given)
    with pytest.raises(type(of_call.value)) as of_cost:
        cpool.cost(function, shape, **given)
    assert str(of_cost.value) == str(of_call.value)


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
        (TypeError, "windows must be made by", (cpool.pool, (8,), "max", 2)),
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


#: What layers are made with beyond a kernel_size, or an output_size, of 3.
MADE: dict[str, dict[str, Any]] = {
    "norm_type": 2.0, "q": 0.5, "rank": 4, "query": np.ones(2), "stride": 2, "padding": 1,
}  # fmt: skip


def made(name: str) -> nn.Layer:
    layer = getattr(nn, name)
    parameters = inspect.signature(layer).parameters
    given = {key: value for key, value in MADE.items() if key in parameters}
    given |= {key: 3 for key in ("kernel_size", "output_size") if key in parameters}
    rank = re.search(r"[123]", name)
    if "weight" in parameters:
        given["weight"] = np.ones((2, 2, 3, 3)[: 2 + int(rank[0])] if "Conv" in name else (3, 3))
    if "axes" in parameters and "Global" not in name:
        given["axes"] = (2, 3)
    return layer(**given)


PLANAR = [name for name in nn.__all__ if not re.search("1d$|3d$|^Layer$", name)]
WITHOUT = [name for name in PLANAR if re.match("MaxUn|Poly|Spe|Fract|S3|Roi|SpatialP", name)]


@pytest.mark.parametrize("name", WITHOUT)
def test_layers_without_a_field(name):
    with pytest.raises(TypeError, match=rf"got {name}\(.*\), (which|whose) "):
        cpool.receptive_field([made(name)], (18, 18))


@pytest.mark.parametrize("name", [name for name in PLANAR if name not in WITHOUT])
def test_fields_of_all_other_layers(name):
    """What gradients reach of inputs, taken together, are both ends of the field, and nothing is
    outside of it."""
    layer, n = made(name), 18
    field = cpool.receptive_field([layer], (n, n))[-1]
    rng = np.random.default_rng(0)
    reached = np.zeros((n, n), bool)
    for _ in range(60):
        x = rng.uniform(1, 2, (1, 2, n, n))
        called = {"logits": rng.normal(size=x.shape)} if "Lip" in name else {}
        y = layer(x, **called)
        gy = np.zeros(y.shape)
        o = tuple(length // 2 for length in y.shape[2:]) or ()
        gy[(0, slice(None), *o)] = 1
        reached |= (layer.backward(gy) != 0).any((0, 1))
    if len(o) == 2:
        assert field.output_size == y.shape[2:]
    region = field.region(*(o or (0, 0)))
    for axis, (start, stop) in enumerate(region):
        places = np.flatnonzero(reached.any(1 - axis))
        assert (places[0], places[-1]) == (max(start, 0), min(stop, n) - 1)


@pytest.mark.parametrize("filter_size", [2, 3, 4, 7])
def test_fields_of_filters(filter_size):
    layer = nn.BlurPool1d(filter_size, 2)
    field = cpool.receptive_field([layer], 40)[0]
    assert (field.size, field.first) == ((filter_size,), (-((filter_size - 1) // 2),))
    layer(np.ones((1, 40)))
    reached = np.flatnonzero(layer.backward(np.eye(20)[10][None]))
    assert ((reached[0], reached[-1] + 1),) == field.region(10)


def test_fields_of_chains():
    """Of layers that are several windows one after the other, also without the input's size."""
    assert cpool.receptive_field([nn.Sppf(5, 3)])[0].size == (13, 13)
    field = cpool.receptive_field([(3, 1, 1), nn.MaxBlurPool2d(3, 2, 3), (3, 1, 1)])[-1]
    assert (field.size, field.stride) == ((11, 11), (2, 2))
    field = cpool.receptive_field([nn.BlurPool(4, axes=(1, 2)), (3, 1)])[-1]
    assert (field.size, field.first) == ((8, 8), (-1, -1))


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
        (TypeError, "got MaxUnpool2d.*, which puts elements back", [nn.MaxUnpool2d(2)], None),
        (TypeError, "depends on all elements", [nn.PolyphasePool2d()], None),
        (TypeError, "reads all elements", [nn.SpectralPool2d(4)], (16, 16)),
        (TypeError, "whose windows are drawn", [nn.FractionalMaxPool2d(2, 4)], (16, 16)),
        (TypeError, "whose places are drawn", [nn.S3Pool2d(2, grid_size=4)], None),
        (TypeError, "the boxes of each call", [nn.RoiAlign(2)], (16, 16)),
        (TypeError, "cells differ in size", [nn.SpatialPyramidPool()], (16, 16)),
        (TypeError, "layers must be pooling", [SimpleNamespace(weight=np.ones(3))], None),
        (ValueError, "input_size must be at least 1, got -1", [nn.MaxPool1d(3)], -1),
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


def test_cost_refuses_seeds_that_are_none():
    for seed, error in (("a", TypeError), (1.5, TypeError), (-1, ValueError)):
        with pytest.raises(error, match="rng must"):
            cpool.cost(cpool.stochastic_pool2d, (1, 1, 8, 8), 2, rng=seed)
    assert cpool.cost(cpool.stochastic_pool2d, (1, 1, 8, 8), 2, rng=3).output_shape[-1] == 4


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
