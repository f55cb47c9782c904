"""What is remembered from call to call changes no result, keeps no array, and mixes nothing up."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
import weakref

import numpy as np
import pytest
from operators import KINDS

import cpool
from cpool import reference
from cpool.calls import Recent

NAMES = [kind.function for kind in KINDS]


def laid_out():
    """Arrays of one shape that differ in type, order, strides, byte order and alignment."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 50, (2, 3, 6, 8)).astype("f4")
    yield x
    yield x.astype("f8")
    yield x.astype("i4")
    yield x.astype(">f4")
    yield np.asfortranarray(x)
    yield x[:, ::-1]
    yield x[..., ::-1]
    yield np.repeat(x, 2, axis=3)[..., ::2]
    yield np.broadcast_to(x[:1], x.shape)
    unaligned = np.zeros(x.nbytes + 1, np.uint8)[1:].view("f4").reshape(x.shape)
    unaligned[...] = x
    yield unaligned


OPTIONS = [
    {},
    {"stride": 1},
    {"padding": 1},
    {"padding": 1, "padding_mode": "wrap"},
    {"dilation": 2},
    {"ceil_mode": True, "stride": 3},
    {"channels_last": True},
    {"nan_policy": "omit"},
    {"dtype": "f8"},
    {"where": np.arange(8) % 3 > 0, "dtype": "f8"},
]


@pytest.mark.parametrize("name", NAMES)
def test_calls_that_differ_in_one_thing(name):
    """In an order in which each follows many others, and each is made more than once."""
    cases = list(itertools.product(laid_out(), OPTIONS))
    function, expected = getattr(cpool, name + "2d"), getattr(reference, name + "2d")
    order = np.random.default_rng(1).permutation(3 * len(cases)) % len(cases)
    known = {}
    for number in order:
        x, options = cases[number]
        y = function(x, 2, **options)
        if number not in known:
            known[number] = expected(x, 2, **options)
        assert y.dtype == known[number].dtype
        np.testing.assert_allclose(y, known[number], rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_results_in_arrays_of_any_strides(name):
    function = getattr(cpool, name + "2d")
    x = np.random.default_rng(0).random((3, 6, 8))
    y = function(x, 2)
    room = np.zeros((2, 3, 3, 8))
    for _ in range(3):
        for out in (room[0, ..., :4], room[1, ..., ::2], room[0, ..., 3::-1], np.empty_like(y)):
            assert function(x, 2, out=out) is out
            np.testing.assert_array_equal(out, y)
            np.testing.assert_array_equal(function(x, 2), y)
    frozen = np.empty_like(y)
    frozen.flags.writeable = False
    wrong = [frozen, np.empty((3, 3, 5)), np.empty(y.shape, "f4"), np.empty(y.shape, ">f8"),
             np.broadcast_to(0.0, y.shape), x[:, :3, :4], y.tolist()]  # fmt: skip
    for out in wrong:
        with pytest.raises((TypeError, ValueError), match=r"^out must"):
            function(x, 2, out=out)
    np.testing.assert_array_equal(function(x, 2), y)


def test_more_calls_than_places():
    arrays = [np.random.default_rng(n).random((2, n)) for n in range(2, 200)]
    for _ in range(2):
        for x in arrays:
            np.testing.assert_array_equal(
                cpool.max_pool1d(x, 2), reference.max_pool1d(x, 2), strict=True
            )


def test_equal_arguments_of_other_types():
    x = np.ones((4, 4))
    assert cpool.max_pool2d(x, 1).shape == (4, 4)
    for wrong in (1.0, True, "1", np.True_):
        with pytest.raises(TypeError, match="kernel_size must be"):
            cpool.max_pool2d(x, wrong)
    assert cpool.avg_pool2d(x, 1, count_include_pad=True).shape == (4, 4)
    with pytest.raises(TypeError, match="count_include_pad must be"):
        cpool.avg_pool2d(x, 1, count_include_pad=1)
    assert cpool.max_pool2d(x, 1, channels_last=False).shape == (4, 4)
    with pytest.raises(TypeError, match="channels_last must be"):
        cpool.max_pool2d(x, 1, channels_last=0)


def test_arguments_that_are_changed():
    x = np.arange(16.0).reshape(4, 4)
    kernel_size, where = [2, 2], np.ones((4, 4), bool)
    assert cpool.max_pool2d(x, kernel_size, where=where).tolist() == [[5, 7], [13, 15]]
    where[:2] = False
    assert np.isnan(cpool.max_pool2d(x, kernel_size, where=where)[0]).all()
    kernel_size[:] = [4, 2]
    assert cpool.max_pool2d(x, kernel_size).tolist() == [[13, 15]]
    inside = ([2, 0], [0, 0])
    assert cpool.max_pool2d(x, 4, padding=inside).shape == (1, 1)
    inside[0][:] = [2, 2]
    assert cpool.max_pool2d(x, 4, 1, padding=inside).shape == (5, 1)


def test_errors_are_raised_again():
    x = np.ones((2, 4, 4))
    for _ in range(3):
        with pytest.raises(ValueError, match="kernel_size 5"):
            cpool.max_pool2d(x, 5)
        with pytest.raises(ValueError, match="nan_policy is"):
            cpool.max_pool2d(x * np.nan, 2, nan_policy="raise")
        assert cpool.max_pool2d(x, 2, nan_policy="raise").tolist() == np.ones((2, 2, 2)).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_no_array_is_kept(name):
    x, where, out = np.ones((3, 4, 6)), np.ones((4, 6), bool), np.empty((3, 2, 3))
    count = [sys.getrefcount(array) for array in (x, where, out)]
    function = getattr(cpool, name + "2d")
    for _ in range(2):
        y = function(x, 2, out=out)
        function(x, 2, where=where)
        kept = weakref.ref(function(x, 2))
        getattr(cpool, "global_" + name)(x)
    del y
    gc.collect()
    assert kept() is None
    assert count == [sys.getrefcount(array) for array in (x, where, out)]


def test_the_same_call_in_several_threads():
    """Large enough for other threads to run meanwhile, and for many to have the plan in turn."""
    arrays = [np.random.default_rng(n).random((2, 64, 64)) for n in range(6)]
    expected = [reference.max_pool2d(x, 3, 2, 1) for x in arrays]
    wrong = []

    def work(x, y):
        for _ in range(300):
            if not np.array_equal(cpool.max_pool2d(x, 3, 2, 1), y):
                wrong.append(x)

    pairs = zip(arrays, expected, strict=True)
    threads = [threading.Thread(target=work, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_recent_remembers_constants_only():
    made = []

    def function(*arguments):
        made.append(arguments)
        return object()

    recent = Recent(function, 2).call
    assert recent(1, (2, "a")) is not recent(1, [2])
    pair = (2, (3, None))
    assert recent(1, pair) is recent(1, pair)
    changing = (2, [3])
    assert recent(1, changing) is not recent(1, changing)
    assert len(made) == 5
    many = [(number, str(number)) for number in range(1000)]
    first = [recent(*arguments) for arguments in many]
    assert len(set(map(id, first))) == 1000
    assert recent(*many[-1]) is first[-1]
