"""Operators that share their kernels with others: one of each family is in all other tests too.

Values against the reference, gradients by finite differences, in x and in their parameters, bits on
threads and instruction sets, and what only they refuse.
"""

from __future__ import annotations

import decimal
import itertools
import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from operators import (
    BFLOAT,
    DTYPES,
    FAMILIES,
    FORMS,
    LAYOUTS,
    POSITIVE,
    RANKS,
    Case,
    assert_bits,
    cases,
    check_backward,
    check_forward,
    distinct,
    each_kind,
    forms,
    function_name,
    fuzz,
    instruction_set,
    is_floating,
    lay_out,
    make,
    own_arguments,
)

import cpool
from cpool import kernels, reference
from cpool.reductions import REGISTRY
from cpool.reductions.base import MeanOfLanes

SHAPES = {1: (2, 3, 17), 2: (2, 3, 9, 11), 3: (2, 5, 6, 7)}
OPTIONS = [
    {"stride": 2, "padding": 1},
    {"stride": 1, "padding": 2, "padding_mode": "mirror"},
    {"dilation": 2, "ceil_mode": True},
    {"channels_last": True, "padding": 1},
]


def values_for(kind, rng, shape, dtype, values="plain"):
    x = make(rng, shape, dtype, values)
    if kind.name not in POSITIVE or x.dtype.kind in "bu":
        return x
    return np.abs(x) if is_floating(x.dtype) else np.maximum(x, x.dtype.type(0))


def options_for(form, rank, index):
    if form == "sliding":
        return OPTIONS[index % len(OPTIONS)]
    return {"channels_last": True} if index % 2 else {}


@pytest.mark.parametrize("rank", RANKS)
@each_kind(FAMILIES)
def test_grid(kind, rank):
    """All forms, data types and own arguments."""
    rng = np.random.default_rng(rank)
    compared = 0
    for index, dtype in enumerate(DTYPES):
        for form in forms(kind):
            own = own_arguments(kind, form)
            x = values_for(kind, rng, SHAPES[rank], dtype, ("plain", "few")[index % 2])
            size = {"sliding": 3, "adaptive": 4, "global": None}[form]
            options = {**own[index % len(own)], **options_for(form, rank, index)}
            options |= {"axes": tuple(range(-rank, 0))} if form == "global" else {}
            if form == "global":
                options.pop("channels_last", None)
            case = Case(kind, form, 0 if form == "global" else rank, x, size, options)
            compared += check_forward(case)
    assert compared >= len(DTYPES)


@pytest.mark.parametrize("values", ["plain", "few", "special"])
@each_kind(FAMILIES)
def test_own_arguments(kind, values):
    """Each set of them, with what does not exist and without."""
    rng = np.random.default_rng(5)
    for own in own_arguments(kind, "sliding"):
        for extra in ({}, {"where": rng.random((2, 3, 9, 11)) < 0.6}, {"nan_policy": "omit"}):
            x = values_for(kind, rng, (2, 3, 9, 11), np.float32, values)
            case = Case(kind, "sliding", 2, x, 3, {**own, **extra, "stride": 2, "padding": 1})
            assert check_forward(case)


@each_kind(FAMILIES)
def test_windows_of_many_taps(kind):
    """They are looked at in parts."""
    rng = np.random.default_rng(6)
    for own in own_arguments(kind, "sliding"):
        for shape, size in (((2, 40, 50), (17, 19)), ((3, 700), 400)):
            x = values_for(kind, rng, shape, np.float64)
            rank = len(size) if isinstance(size, tuple) else 1
            assert check_forward(Case(kind, "sliding", rank, x, size, {**own, "stride": 3}))
        x = values_for(kind, rng, (2, 3, 30, 31), np.float32)
        options = {**own, "axes": (2, 3)} if own_arguments(kind, "global") != [{}] else {}
        assert check_forward(Case(kind, "global", 0, x, None, {"axes": (2, 3), **options}))


MEANS = [kind for kind in FAMILIES if issubclass(kind, MeanOfLanes)]


@pytest.mark.parametrize("special", [np.nan, np.inf, 0.0, 1.5])
@each_kind(MEANS)
def test_a_window_over_all(kind, special):
    """It is taken in parts if it is long, its plane is a lane if it is short; a sliding window of
    the same size is neither."""
    rng = np.random.default_rng(6)
    whole, sliding = (
        getattr(cpool, name) for name in (f"global_{kind.function}", f"{kind.function}2d")
    )
    for shape in ((5, 2, 20, 21), (3, 70, 6, 7), (2, 16, 16)):
        x = values_for(kind, rng, shape, np.float64)
        x[1, ..., 2, 3] = special
        extras = ({}, {"where": rng.random(shape) < 0.6}, {"nan_policy": "omit"})
        for own, extra in itertools.product(own_arguments(kind, "sliding"), extras):
            own = {**own, **extra}
            y, pullback = cpool.vjp(whole, x, axes=(-2, -1), **own)
            y2, pullback2 = cpool.vjp(sliding, x, kernel_size=shape[-2:], **own)
            np.testing.assert_allclose(y, y2, rtol=1e-12, atol=1e-12)
            gy = rng.normal(size=y.shape)
            np.testing.assert_allclose(pullback(gy), pullback2(gy), rtol=1e-11, atol=1e-12)


@each_kind([kind for kind in MEANS if kind.learned])
def test_gradients_in_parameters_of_windows_over_all(kind):
    x = np.random.default_rng(6).uniform(0.5, 3, (3, 2, 20, 21))
    whole, sliding = (
        getattr(cpool, name) for name in (f"global_{kind.function}", f"{kind.function}2d")
    )
    for value in (2.5, 1.0, 0.0, -1.5):
        own = {"wrt": ("x", kind.learned), kind.learned: value}
        y, pullback = cpool.vjp(whole, x, axes=(-2, -1), **own)
        _, pullback2 = cpool.vjp(sliding, x, kernel_size=(20, 21), **own)
        gy = np.arange(1.0, 7).reshape(y.shape)
        for one, other in zip(pullback(gy), pullback2(gy), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9)


@each_kind(FAMILIES)
def test_random_cases(kind):
    compared = 0

    @fuzz(40)
    @hypothesis.given(cases(kind))
    def run(case):
        nonlocal compared
        compared += check_forward(case)

    run()
    assert compared > 5


@each_kind(FAMILIES)
def test_layouts(kind):
    rng = np.random.default_rng(7)
    own = own_arguments(kind, "sliding")[0]
    for layout in LAYOUTS:
        for channels_last in (False, True):
            x = lay_out(values_for(kind, rng, (2, 5, 8, 9), np.float32), layout)
            options = {**own, "channels_last": channels_last, "stride": 2, "padding": 1}
            assert check_forward(Case(kind, "sliding", 2, x, 3, options, "strided"))


def gradient_case(kind, rng, form, rank, own, extra):
    shape = {1: (2, 9), 2: (2, 5, 6), 3: (3, 4, 3)}[rank]
    x = distinct(rng, shape) / 4
    if kind.name in POSITIVE or own.get("norm_type") == np.inf:
        x = x - x.min() + 1  # of distinct sizes too
    if own.get("ignore") is not None:
        x = x + 0.125  # nothing is near what is ignored
    options = {**own, **extra}
    if form != "sliding":
        options = {**own, **{k: v for k, v in extra.items() if k in ("where", "nan_policy")}}
    if form == "global":
        options["axes"] = tuple(range(-rank, 0))
    size = {"sliding": 2 if rank == 3 else 3, "adaptive": 2, "global": None}[form]
    return Case(kind, form, 0 if form == "global" else rank, x, size, options)


@pytest.mark.parametrize("rank", RANKS)
@each_kind(FAMILIES)
def test_gradients(kind, rank):
    rng = np.random.default_rng(8)
    extras = [
        {"stride": 2, "padding": 1},
        {"stride": 1, "padding": 1, "padding_mode": "reflect"},
        {"where": rng.random({1: (2, 9), 2: (2, 5, 6), 3: (3, 4, 3)}[rank]) < 0.7, "stride": 1},
    ]
    for form in forms(kind):
        for own in own_arguments(kind, form):
            for extra in extras[: 1 if form == "global" else None]:
                assert check_backward(gradient_case(kind, rng, form, rank, own, extra))


@each_kind([kind for kind in REGISTRY.values() if getattr(kind, "learned", "")])
def test_gradients_in_parameters(kind):
    rng = np.random.default_rng(9)
    x = rng.uniform(0.5, 3, (2, 3, 8, 9))
    function, name = getattr(cpool, f"{kind.function}2d"), kind.learned
    for value in (2.5, 1.0, 0.0, -1.5):
        for options in ({"stride": 2, "padding": 1}, {"where": rng.random(x.shape) < 0.6}):
            y, pullback = cpool.vjp(function, x, 3, wrt=("x", name), **{name: value}, **options)
            gy = np.where(np.isnan(y), 0, rng.normal(size=y.shape))
            step = 1e-3
            near, far = (
                [np.nan_to_num(function(x, 3, **{name: value + sign * s}, **options))
                 for sign in (1, -1)]
                for s in (step, 2 * step)
            )  # fmt: skip
            slope = (8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * step)
            gx, learned = pullback(gy)
            np.testing.assert_allclose(learned, (slope * gy).sum(), rtol=1e-6, atol=1e-8)
            _, alone = cpool.vjp(function, x, 3, **{name: value}, **options)
            assert_bits(gx, alone(gy), "with another and alone")


@each_kind(FAMILIES)
def test_bits(kind):
    """The same for any number of threads and any instruction set, forward and backward."""
    rng = np.random.default_rng(10)
    x = values_for(kind, rng, (4, 16, 40, 41), np.float32)
    function = getattr(cpool, f"{kind.function}2d")
    case = Case(kind, "sliding", 2, x, 3, {**own_arguments(kind, "sliding")[-1], "stride": 2})
    assert case.function is function
    results = []
    for name in kernels.built():
        for threads in (1, 2, 5):
            with instruction_set(name), cpool.num_threads(threads):
                y, pullback = case.vjp()
                results.append((y, pullback(np.ones_like(y))))
    for y, gx in results[1:]:
        assert_bits(y, results[0][0], "values")
        assert_bits(gx, results[0][1], "gradients")


@pytest.mark.skipif(BFLOAT is None, reason="ml_dtypes is not installed")
@each_kind(FAMILIES)
def test_gradients_of_narrow_floats(kind):
    """They are added up in single precision."""
    rng = np.random.default_rng(11)
    x = np.abs(rng.normal(size=(2, 7, 8))) + 0.5
    for dtype in (np.float16, BFLOAT):
        own = own_arguments(kind, "sliding")[0]
        case = Case(kind, "sliding", 2, x.astype(dtype), 3, {**own, "stride": 1})
        y, pullback = case.vjp()
        gx = pullback(np.ones(y.shape))
        assert gx.dtype == dtype
        wide = Case(kind, "sliding", 2, x.astype(dtype).astype(np.float64), 3, case.options)
        y, pullback = wide.vjp()
        np.testing.assert_allclose(
            gx.astype(float), pullback(np.ones(y.shape)), rtol=0.02, atol=1e-3
        )


def test_every_family_is_tested():
    assert {kind.name for kind in FAMILIES} >= {"lp", "rms", "log_sum_exp", "soft_mean"}
    for kind in FAMILIES:
        for form in FORMS:
            name = function_name(kind, form, 0)
            assert hasattr(reference, name) == hasattr(cpool, name)


# What is particular to them -----------------------------------------------------------------------


def test_norms_do_not_overflow():
    """Neither do they underflow, whatever the power."""
    x = np.array([1e30, 2e30, 0, 3e-30, 4e-30, 0], np.float32)
    y = cpool.lp_pool1d(x, 3, 3)
    np.testing.assert_allclose(y, [9 ** (1 / 3) * 1e30, 91 ** (1 / 3) * 1e-30], rtol=1e-6)
    np.testing.assert_allclose(cpool.rms_pool1d(np.full(4, 1e300), 2), 1e300, rtol=1e-12)
    assert cpool.power_mean_pool1d([2.0, 3.0], 2, p=1e4)[0] == pytest.approx(3, rel=1e-3)


@pytest.mark.parametrize("p", [0.7, 1.5, 2.5, 3.3, 5, 7.7])
def test_norms_of_numbers_of_any_size(p):
    """In float64 as exact as those near 1: a root takes its power from 1 / p, not from a double."""
    rng = np.random.default_rng(4)
    for exponent in (-290, -100, -30, 0, 30, 100, 290):
        for n in (1, 9):
            window = rng.uniform(0.5, 2, n) * 10.0**exponent
            with decimal.localcontext(prec=60):
                power = decimal.Decimal(p)
                total = sum((power * decimal.Decimal(v).ln()).exp() for v in window.tolist())
                norm = float((total.ln() / power).exp())
                mean = float(((total / n).ln() / power).exp())
            eps = np.finfo(float).eps
            np.testing.assert_allclose(cpool.lp_pool1d(window, p, n), norm, rtol=6 * eps)
            y = cpool.power_mean_pool1d(window, n, p=p, eps=1e-305)
            np.testing.assert_allclose(y, mean, rtol=6 * eps)


def test_norm_of_nothing():
    """0, and no gradient: not the NaN of PyTorch."""
    y, pullback = cpool.vjp(cpool.lp_pool1d, np.zeros(4), 2, 2)
    assert y.tolist() == [0, 0]
    assert pullback([1.0, 1.0]).tolist() == [0] * 4
    assert cpool.lp_pool1d([1.0, 2.0], 2, 2, where=[False, False]).tolist() == [0]


def test_norm_takes_sizes():
    assert cpool.lp_pool1d([-1.0, 2.0, -3.0, -4.0], 1, 2).tolist() == [3, 7]
    assert cpool.lp_pool1d([-1.0, 2.0, -3.0, -4.0], np.inf, 2).tolist() == [2, 4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_limits_of_log_sum_exp(dtype):
    """From the mean to the maximum, and nothing overflows."""
    x = np.random.default_rng(0).normal(size=(4, 64)).astype(dtype)
    exactly = {"rtol": 30 * np.finfo(dtype).eps, "atol": 30 * np.finfo(dtype).eps}
    mean, most = cpool.avg_pool1d(x, 4), cpool.max_pool1d(x, 4)
    np.testing.assert_allclose(cpool.log_sum_exp_pool1d(x, 4, r=0), mean, **exactly)
    np.testing.assert_allclose(cpool.log_sum_exp_pool1d(x, 4, r=1e-18), mean, **exactly)
    np.testing.assert_allclose(cpool.log_sum_exp_pool1d(x, 4, r=-1e-18), mean, **exactly)
    for r in (1e3, 1e6):
        # log(n) / r below the maximum at most
        y = cpool.log_sum_exp_pool1d(x, 4, r=r)
        assert np.all((y <= most) & (y >= most - 1.4 / r))
    y = cpool.log_sum_exp_pool1d(np.array([1e4, 1e4, -1e4, -1e4], dtype), 2)
    np.testing.assert_allclose(y, [1e4, -1e4], rtol=1e-6)
    np.testing.assert_allclose(
        cpool.log_sum_exp_pool1d(x * dtype(1e-20), 4), mean * dtype(1e-20), rtol=1e-4
    )


@pytest.mark.parametrize("r", [1e-20, 1e-290, 1e-308, 5e-324])
def test_log_sum_exp_of_the_smallest_factors(r):
    """Also of elements of which the differences, times r, would be subnormal or nothing, and of
    some that are so large that they are not."""
    for x in ([1.0, 2, 6], [1e-25, 3e-25], [1e-200, 3e-200], [-np.inf, 1, 2], [1e308, 0, 4e307]):
        for sign in (1, -1):
            y, pullback = cpool.vjp(cpool.log_sum_exp_pool1d, x, len(x), r=sign * r, wrt=("x", "r"))
            finite = max(np.abs(x)) * r < 1e-12
            # Where r is next to nothing it is the mean, and its slope half of the variance.
            if finite:
                np.testing.assert_allclose(y, np.mean(x), rtol=1e-15)
                np.testing.assert_allclose(pullback([1.0])[0], 1 / len(x), rtol=1e-11)
            elif np.isfinite(x).all():
                z = sign * r * np.array(x)
                expected = np.log(np.mean(np.exp(z - z.max()))) + z.max()
                np.testing.assert_allclose(sign * r * y, expected, rtol=1e-14)
            if finite and 1e-30 < max(x) < 1e30:
                np.testing.assert_allclose(pullback([1.0])[1], np.var(x) / 2, rtol=1e-11)
    x = np.array([1e-25, 3e-25], np.float32)
    np.testing.assert_allclose(cpool.log_sum_exp_pool1d(x, 2, r=1e-20), x.mean(), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("r", [0.5, 3, -2])
def test_infinities_in_log_sum_exp(r, dtype):
    """The infinities that the result comes from share the gradient; those that change nothing get
    none."""
    inf = np.copysign(np.inf, r)
    for x, y, gx in [
        ([inf, 1, -2, 0], inf, [1, 0, 0, 0]),
        ([inf, 1, inf, -inf], inf, [0.5, 0, 0.5, 0]),
        ([-inf] * 4, -inf, [0.25] * 4),
        ([-inf, 2, -inf, 2], 2 - np.log(2) / r, [0, 0.5, 0, 0.5]),
    ]:
        got, pullback = cpool.vjp(cpool.log_sum_exp_pool1d, np.array(x, dtype), 4, r=r)
        np.testing.assert_allclose(got, [y], rtol=1e-6)
        np.testing.assert_allclose(pullback([1.0]), gx, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("most, rest", [(200, 0), (12, 0), (10, 1e-9), (0.5, 1e-12)])
def test_log_sum_exp_of_a_large_window(most, rest, dtype):
    """Whose mean of exponentials is near 0, also with elements that are next to nothing."""
    x = np.full((300, 300), rest, dtype)
    x[7, 9] = most
    y = cpool.global_log_sum_exp_pool(x[None, None]).ravel()[0]
    wide = x.astype(np.longdouble)
    exact = most + np.log(np.mean(np.exp(wide - most)))
    eps = np.finfo(dtype).eps
    assert abs(y - exact) <= 100 * eps * most if dtype == np.float64 else 2 * eps * most


def test_elements_that_eps_replaces_have_no_gradient():
    for p in (0, 0.3, 2, 3.3, -1, np.inf, -np.inf):
        for dtype in (np.float32, np.float64):
            x = np.array([[-5, 1e-7, -0.5, 0], [-1, 2, 1e-9, 3]], dtype)
            gx = cpool.vjp(cpool.power_mean_pool1d, x, 4, p=p)[1](np.ones((2, 1), dtype))
            assert not gx[x < 1e-6].any()
            assert p == -np.inf or gx[1, 3] > 0


@pytest.mark.parametrize("r", [0.01, 1e-5, 3e-6, 1e-9])
def test_slope_of_log_sum_exp_in_small_factors(r):
    """Log-sum-exp of 0 and 1 is 1 / 2 + log(cosh(r / 2)) / r: 1 / 2 + r / 8 - r**3 / 192 + ..."""
    _, pullback = cpool.vjp(cpool.log_sum_exp_pool1d, [0.0, 1.0], 2, r=r, wrt="r")
    assert pullback([1.0]) == pytest.approx(1 / 8 - r**2 / 64 + r**4 / 576, rel=1e-13)


def exact_power_mean(window, p):
    """And its slope in p, in decimal arithmetic: sums of powers less 1 keep digits enough."""
    with decimal.localcontext(prec=700 if abs(p) < 1e-100 else 90):
        p = decimal.Decimal(p)
        logs = [decimal.Decimal(float(v)).ln() for v in window]
        y = ((sum((p * v).exp() for v in logs) / len(logs)).ln() / p).exp()
        weights = [(p * (v - y.ln())).exp() for v in logs]
        slope = sum(w * (v - y.ln()) for w, v in zip(weights, logs, strict=True)) / len(logs)
        return float(y), float(y * slope / p)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [1e-200, 1e-16, 1e-8, 1e-4, 0.01, 0.1, 0.3, 0.499])
@pytest.mark.parametrize("sign", [1, -1])
def test_power_means_near_the_geometric_mean(p, sign, dtype):
    """Nothing is lost there, neither of the mean nor of its slope in p."""
    rng = np.random.default_rng(3)
    for window in ([2, 8, 3, 0.5], [1, 1 + 2**-20, 1], [1e30, 1e-5, 7], rng.uniform(0.1, 9, 150)):
        window = np.array(window, dtype)
        y, pullback = cpool.vjp(
            cpool.power_mean_pool1d, window, len(window), p=sign * p, wrt=("x", "p")
        )
        exact, slope = exact_power_mean(window, sign * p)
        eps = np.finfo(dtype).eps
        # Errors of logarithms and of their sum, in units of float32 or of float64.
        errors = 1 if dtype == np.float32 else 16 + np.ptp(np.log(window))
        np.testing.assert_allclose(y, exact, rtol=eps * errors)
        gx, gp = pullback([1.0])
        np.testing.assert_allclose(gp, slope, rtol=1e-9)
        weights = (np.float64(window) / exact) ** (sign * p - 1) / len(window)
        rtol, atol = (8 + 2 * errors) * eps, np.finfo(dtype).tiny
        np.testing.assert_allclose(gx, weights, rtol=rtol, atol=atol)


def test_hidden_elements_do_not_change_soft_pool():
    """Not by a bit, whatever their size."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3, 40, 40)).astype(np.float32)
    where = rng.random(x.shape) < 0.7
    expected = cpool.soft_pool2d(x, 3, 2, where=where)
    for hidden in (0, 1e30, -1e30, np.inf, np.nan, 1e-40):
        for each in (np.where(where, x, np.float32(hidden)), np.where(where.T, x.T, hidden).T):
            y = cpool.soft_pool2d(each.astype(np.float32), 3, 2, where=where)
            assert_bits(y, expected)


def test_limits_of_soft_pool():
    x = np.random.default_rng(0).normal(size=(4, 64))
    np.testing.assert_allclose(cpool.soft_pool1d(x, 4, beta=0), cpool.avg_pool1d(x, 4), rtol=1e-12)
    np.testing.assert_allclose(
        cpool.soft_pool1d(x, 4, beta=1e5), cpool.max_pool1d(x, 4), rtol=1e-12
    )


def test_power_means_in_order():
    """Of growing powers, from the least element to the greatest."""
    x = np.random.default_rng(0).uniform(0.1, 5, (3, 40))
    powers = [-np.inf, -3, -1, -0.5, 0, 0.5, 1, 1.7, 2, 3, np.inf]
    means = [cpool.power_mean_pool1d(x, 4, p=p) for p in powers]
    np.testing.assert_array_equal(means[0], cpool.min_pool1d(x, 4))
    np.testing.assert_array_equal(means[-1], cpool.max_pool1d(x, 4))
    np.testing.assert_allclose(means[2], cpool.harmonic_mean_pool1d(x, 4), rtol=1e-14)
    np.testing.assert_allclose(means[4], cpool.geometric_mean_pool1d(x, 4), rtol=1e-14)
    np.testing.assert_allclose(means[6], cpool.avg_pool1d(x, 4), rtol=1e-14)
    np.testing.assert_allclose(means[8], cpool.rms_pool1d(x, 4), rtol=1e-14)
    for lower, higher in itertools.pairwise(means):
        assert np.all(lower < higher)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda x: cpool.lp_pool1d(x, 0, 2), ValueError, "norm_type must be a number greater"),
        (lambda x: cpool.lp_pool1d(x, "2", 2), TypeError, "norm_type must be a number"),
        (lambda x: cpool.lp_pool1d(x, np.nan, 2), ValueError, "norm_type"),
        (lambda x: cpool.power_mean_pool1d(x, 2, p=np.nan), ValueError, "p must be a number"),
        (lambda x: cpool.power_mean_pool1d(x, 2, eps=0), ValueError, "eps must be a number"),
        (lambda x: cpool.power_mean_pool1d(x, 2, eps=None), TypeError, "eps must be a number"),
        (lambda x: cpool.log_sum_exp_pool1d(x, 2, r=np.inf), ValueError, "r must be a number"),
        (lambda x: cpool.soft_pool1d(x, 2, beta=True), TypeError, "beta must be a number"),
        (lambda x: cpool.pool(x, "lp", cpool.sliding(2)), ValueError, r"Lp\(\.\.\.\)"),
        (lambda x: cpool.vjp(cpool.lp_pool1d, x, 2, 2, wrt="p"), ValueError, "wrt must be 'x'"),
    ],
)  # fmt: skip
def test_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(np.ones(6))


@hypothesis.settings(derandomize=True, deadline=None, max_examples=60)
@hypothesis.given(st.floats(-30, 30), st.floats(0.01, 100))
def test_means_of_equal_elements(p, value):
    x = np.full(5, value)
    assert cpool.power_mean_pool1d(x, 5, p=p, eps=1e-9)[0] == pytest.approx(value, rel=1e-12)
    assert cpool.log_sum_exp_pool1d(x, 5, r=p)[0] == pytest.approx(value, rel=1e-12)
    assert cpool.soft_pool1d(x, 5, beta=p)[0] == pytest.approx(value, rel=1e-12)


LIFTED = {
    "lp_pool": {"norm_type": 3},
    "rms_pool": {},
    "power_mean_pool": {"p": 2.5},
    "geometric_mean_pool": {},
    "harmonic_mean_pool": {},
    "log_sum_exp_pool": {"r": 0.7},
    "soft_pool": {"beta": 1.3},
}
OF_WINDOWS = [
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": (5, 4), "stride": 1, "padding": 2, "padding_mode": "mirror"},
    {"kernel_size": 2},
]


def lifted_and_not(stem, x, **given):
    """The result by way of sums of lifted elements, and the reference in float64, which looks at
    windows one by one."""
    given = {**LIFTED[stem.replace("adaptive_", "").replace("global_", "")], **given}
    with np.errstate(all="ignore"):
        expected = getattr(reference, stem)(x.astype(np.float64), **given)
    return getattr(cpool, stem)(x, **given), expected


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("stem", LIFTED)
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("windows", OF_WINDOWS, ids=["overlapping", "mirrored", "apart"])
def test_lifted_elements_give_the_same_means(stem, dtype, channels_last, windows):
    rng = np.random.default_rng(5)
    x = np.abs(rng.standard_normal((3, 17, 19, 5))).astype(dtype)
    axes = (1, 2) if channels_last else (2, 3)
    for array in (x, x[:, ::-1, 1::2], np.asfortranarray(x)):
        got, expected = lifted_and_not(stem, array, axes=axes, **windows)
        np.testing.assert_allclose(got, expected, rtol=32 * np.finfo(dtype).eps)


@pytest.mark.parametrize("stem", LIFTED)
def test_lifted_elements_of_irregular_windows(stem):
    rng = np.random.default_rng(5)
    x = np.abs(rng.standard_normal((2, 3, 300, 7))).astype(np.float32)
    for form, given in (("adaptive", {"output_size": (5, 3), "axes": (2, 3)}), ("global", {})):
        got, expected = lifted_and_not(f"{form}_{stem}", x, **given)
        np.testing.assert_allclose(got, expected, rtol=2e-6)


@pytest.mark.parametrize("extreme", [1e30, 1e-30, np.inf, np.nan, 0.0])
@pytest.mark.parametrize("stem", LIFTED)
def test_one_extreme_element(stem, extreme):
    """It changes its own windows alone, and those overflow no more than they must."""
    rng = np.random.default_rng(5)
    x = np.abs(rng.standard_normal((4, 20, 20))).astype(np.float32) + np.float32(0.1)
    given = {"axes": (1, 2), "kernel_size": 3, "stride": 2}
    plain, _ = lifted_and_not(stem, x, **given)
    x[2, 8, 8] = extreme
    got, expected = lifted_and_not(stem, x, **given)
    np.testing.assert_allclose(got, expected, rtol=2e-6)
    assert np.isfinite(got).all() or not 0 < extreme < np.inf
    there = np.ones(got.shape, bool)
    there[2, 3:5, 3:5] = False
    np.testing.assert_allclose(got[there], plain[there], rtol=2e-6)


@pytest.mark.parametrize("stem", LIFTED)
def test_lifted_elements_on_threads_and_instruction_sets(stem):
    rng = np.random.default_rng(5)
    x = np.abs(rng.standard_normal((16, 24, 28, 28))).astype(np.float32)
    function = getattr(cpool, stem)
    results = []
    for isa in kernels.built():
        with instruction_set(isa):
            for count in (1, 2, 3):
                with cpool.num_threads(count):
                    results.append(
                        function(x, axes=(2, 3), kernel_size=3, stride=2, **LIFTED[stem])
                    )
    for other in results[1:]:
        assert_bits(other, results[0])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8"])
@pytest.mark.parametrize("stem", LIFTED)
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("windows", OF_WINDOWS, ids=["overlapping", "mirrored", "apart"])
def test_slopes_of_lifted_elements(stem, windows, channels_last, dtype):
    """A part of an array at a time, also some channels: the same as window by window, which is what
    a mask asks for. A single element that is too small for sums of lifted ones changes it no more
    than it must."""
    rng = np.random.default_rng(5)
    x = 9 * rng.random((2, 48, 60, 70)) + 1
    x = x.astype(dtype)
    axes = (1, 2) if channels_last else (2, 3)
    call = {"axes": axes, **windows, **LIFTED[stem]}
    function, whole = getattr(cpool, stem), np.ones(x.shape, bool)
    for number in (x[0, 0, 0, 0], 0 if dtype == "uint8" else np.finfo(dtype).tiny ** 0.5):
        x[1, 7, 5, 5] = number
        y, pullback = cpool.vjp(function, x, **call)
        gy = rng.standard_normal(y.shape).astype(y.dtype)
        _, one_by_one = cpool.vjp(function, x, where=whole, **call)
        got, expected = pullback(gy), one_by_one(gy)
        eps = np.finfo(got.dtype).eps
        atol = 256 * eps * np.abs(expected).max()
        np.testing.assert_allclose(got, expected, rtol=256 * eps, atol=atol)
        assert_bits(pullback(gy, out=np.full_like(got, 7)), got)


@pytest.mark.parametrize("stem", LIFTED)
@pytest.mark.parametrize("shape, axes, kernel, ceil_mode", [
    ((401, 253), (0, 1), 2, True), ((2, 203, 102, 5), (1, 2), (3, 4), False),
])  # fmt: skip
def test_planes_that_windows_tile(stem, shape, axes, kernel, ceil_mode):
    """Larger than a part: cut between windows, whatever is left over at the ends."""
    rng = np.random.default_rng(8)
    x = 9 * rng.random(shape) + 1
    call = {"axes": axes, "kernel_size": kernel, "ceil_mode": ceil_mode, **LIFTED[stem]}
    function, whole = getattr(cpool, stem), np.ones(shape, bool)
    y, pullback = cpool.vjp(function, x, **call)
    eps = np.finfo(np.float64).eps
    np.testing.assert_allclose(y, getattr(reference, stem)(x, **call), rtol=16 * eps)
    gy = rng.standard_normal(y.shape)
    _, one_by_one = cpool.vjp(function, x, where=whole, **call)
    expected = one_by_one(gy)
    atol = 256 * eps * np.abs(expected).max()
    np.testing.assert_allclose(pullback(gy), expected, rtol=256 * eps, atol=atol)


def test_integers_and_masks_are_lifted_too():
    """Against the reference, with what is hidden too large for sums of lifted elements."""
    rng = np.random.default_rng(6)
    for stem, own in LIFTED.items():
        for dtype in ("uint8", "int16", "int64", "float32", "float64"):
            x = rng.integers(1, 100, (2, 17, 23)).astype(dtype)
            where = rng.random(x.shape) < 0.7
            where[0, :4, :4] = False
            x[~where] = np.iinfo(dtype).max if x.dtype.kind in "iu" else np.finfo(dtype).max
            for options in ({"where": where}, {}):
                if not options:
                    x[~where] = 5 if x.dtype.kind in "iu" else np.nan
                    options = {"nan_policy": "omit"}
                call = {"axes": (1, 2), "kernel_size": 3, "padding": 1, **options, **own}
                y = getattr(cpool, stem)(x, **call)
                expected = getattr(reference, stem)(x, **call)
                assert y.dtype == expected.dtype
                np.testing.assert_allclose(y, expected, rtol=32 * np.finfo(y.dtype).eps)


def test_lifted_elements_leave_out_as_it_should_be():
    """`out` is written by the first attempt, which an extreme element undoes."""
    rng = np.random.default_rng(5)
    x = np.abs(rng.standard_normal((4, 12, 12))).astype(np.float32)
    x[3, 0, 0] = 1e30
    out = np.full((4, 6, 6), 7, np.float32)
    y = cpool.lp_pool(x, 3, 2, axes=(1, 2), out=out)
    assert y is out
    np.testing.assert_allclose(y, cpool.reference.lp_pool(x, 3, 2, axes=(1, 2)), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("hidden", [1.0, -np.inf, 3e4, np.nan])
@pytest.mark.parametrize("stem, options", [("soft", {}), ("stochastic", {"training": False})])
def test_quotients_leave_out_what_is_masked(stem, options, hidden, dtype):
    """Whatever it is, and where a whole window is; in the type of x, and in `out`."""
    rng = np.random.default_rng(6)
    x = rng.standard_normal((3, 4, 12, 12)).astype(dtype)
    where = rng.random(x.shape) > 0.3
    where[0, 0, :3, :3] = where[1, :, 6:9, 0:3] = False
    x[~where] = hidden
    call = {"axes": (2, 3), "where": where, **options}
    expected = getattr(cpool.reference, f"{stem}_pool")(x, 3, **call)
    out = np.zeros_like(expected)
    assert getattr(cpool, f"{stem}_pool")(x, 3, out=out, **call) is out
    assert np.isnan(out[0, 0, 0, 0])
    eps = np.finfo(dtype).eps  # of elements of about 1
    np.testing.assert_allclose(out, expected, rtol=4 * eps, atol=8 * eps)
    if np.isnan(hidden):
        del call["where"]
        np.testing.assert_array_equal(
            getattr(cpool, f"{stem}_pool")(x, 3, nan_policy="omit", **call), out
        )


def exact_root(window):
    """The geometric mean of numbers above 0, with digits to spare."""
    with decimal.localcontext(prec=60, Emax=10**6, Emin=-(10**6)):
        product = math.prod(map(decimal.Decimal, map(float, window)))
        return (product.ln() / len(window)).exp()


def ulps(y, exact):
    """The error of y in units of its type in the last place."""
    with decimal.localcontext(prec=60, Emax=10**6, Emin=-(10**6)):
        return float(abs(decimal.Decimal(float(y)) - exact) / decimal.Decimal(float(np.spacing(y))))


@pytest.mark.parametrize("dtype, bound", [("float32", 1), ("float64", 2.5)])
@pytest.mark.parametrize("taps", [1, 2, 3, 4, 8, 9, 16, 25, 40])
def test_geometric_means_are_roots_of_products(taps, dtype, bound):
    """Of elements between the bounds beyond which a product could leave the range of float64."""
    rng = np.random.default_rng(taps)
    for spread in (1, min(120, 990 // taps)):
        x = np.exp2(rng.uniform(-spread, spread, (60, taps))).astype(dtype)
        x[0], x[1] = 2.0**-spread, 2.0**spread
        y = cpool.geometric_mean_pool1d(x, taps)
        assert max(ulps(a, exact_root(w)) for a, w in zip(y[:, 0], x, strict=True)) <= bound


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("taps", [2, 9, 40, 41])
def test_geometric_means_of_what_no_product_can_hold(taps, dtype):
    """Extreme numbers, subnormal ones among them, and negative ones, of which two have a product
    above 0."""
    info = np.finfo(dtype)
    for value in (info.max, info.tiny, info.tiny / 8, info.smallest_subnormal, 1e30, 1e-30):
        x = np.full((3, taps), value, dtype)
        y = cpool.geometric_mean_pool1d(x, taps)
        np.testing.assert_allclose(y, x[:, :1], rtol=1e-12 if dtype == "float64" else info.eps)
    x = np.ones((6, taps), dtype)
    x[0, :2], x[1, 0], x[2, 0], x[3, 0] = -2, -2, 0, np.inf
    x[4, :2], x[5, 0] = (0, np.inf), np.nan
    expected = np.array([np.nan, np.nan, 0, np.inf, np.nan, np.nan])
    np.testing.assert_array_equal(cpool.geometric_mean_pool1d(x, taps)[:, 0], expected)
    np.testing.assert_array_equal(cpool.geometric_mean_pool1d(x[2:3], taps)[:, 0], [0])


def test_geometric_means_of_partial_windows():
    """Each is the root of as many elements as it has."""
    x = np.array([2.0, 8.0, 4.0, 0.5, 32.0], np.float32)
    for padding, expected in (
        (1, [4.0, 64 ** (1 / 3), 16 ** (1 / 3), 64 ** (1 / 3), 4.0]),
        (2, [2.0, 4.0, 64 ** (1 / 3), 16 ** (1 / 3), 64 ** (1 / 3), 4.0, 32.0]),
    ):
        y = cpool.geometric_mean_pool1d(x, 3, 1, padding)
        np.testing.assert_allclose(y, expected, rtol=1.2e-7)
    for kernel in (7, 12):  # windows one apart that are made longer and longer
        x = np.random.default_rng(0).uniform(0.5, 2, (2, 40, 50)).astype(np.float32)
        y = cpool.geometric_mean_pool2d(x, (3, kernel), 1)
        expected = np.exp(cpool.avg_pool2d(np.log(x.astype(float)), (3, kernel), 1))
        np.testing.assert_allclose(y, expected, rtol=1.2e-7)


@pytest.mark.parametrize("r", [1.0, -0.7, 1 / 3, 1e3, 1e-3])
@pytest.mark.parametrize("scale", [1e-12, 1e-7, 1e-4, 1e-2, 1, 10, 100, 1000])
@pytest.mark.parametrize("windows", [(3, 2, 1), (2, 2, 0)])
def test_log_sum_exp_in_float32(r, scale, windows):
    """Its errors are those of the elements, also where exponentials are near 1, or where all are
    so small that a mean of them would lose its digits; nothing overflows."""
    rng = np.random.default_rng(3)
    x = (rng.normal(size=(4, 33, 41)) / abs(r) * scale).astype(np.float32)
    y = cpool.log_sum_exp_pool2d(x, *windows, r=r)
    assert y.dtype == np.float32
    exact = cpool.log_sum_exp_pool2d(x.astype(float), *windows, r=r)
    most = cpool.lp_pool2d(x.astype(float), np.inf, windows[0], windows[1], padding=windows[2])
    assert np.all(np.abs(y - exact) <= 4 * np.finfo(np.float32).eps * most)


@pytest.mark.parametrize("r", [1e-300, 1e-40, -1e-40, 1e40, 1e300])
def test_log_sum_exp_with_a_factor_that_is_no_float32(r):
    x = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0], np.float32)
    mean, most = [0.0, 0.5, 1.0], [0.0, 1.0, 1.0]
    y = cpool.log_sum_exp_pool1d(x, 2, r=r)
    np.testing.assert_allclose(y, most if r > 1 else mean, rtol=1e-6)


def test_log_sum_exp_of_float32_in_float64():
    """A wider result has all its digits."""
    x = np.random.default_rng(0).normal(size=(4, 33, 41)).astype(np.float32)
    for windows in ((3, 2, 1), (2, 2, 0)):
        y = cpool.log_sum_exp_pool2d(x, *windows, dtype=np.float64)
        exact = cpool.log_sum_exp_pool2d(x.astype(float), *windows)
        np.testing.assert_allclose(y, exact, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("policy", ["propagate", "omit"])
@pytest.mark.parametrize(
    "x, beta, expected",
    [
        (np.float32([np.inf, 1]), 1e-50, np.inf),
        (np.zeros(2, np.float32), 1e39, 0),
        (np.full(2, 1.1e21, np.float32), 4.2e-20, 1.1e21),
        (np.full(2, 1e150), 3e-148, 1e150),
        (np.full(2, -1e-24, np.float32), 4e25, -1e-24),
    ],
)
def test_soft_means_of_extreme_numbers(x, beta, expected, policy):
    y = cpool.soft_pool(x, 2, axes=0, beta=beta, nan_policy=policy)
    np.testing.assert_allclose(y, [expected], rtol=1e-6)


def test_expected_draws_refuse_what_they_cannot_give():
    mask = np.ones(8, bool)
    with pytest.raises(ValueError, match="out must not overlap"):
        cpool.stochastic_pool(
            np.ones(8, np.float16), 2, axes=0, training=False, where=mask,
            out=mask.view(np.float16),
        )  # fmt: skip
    where = np.array([False, False, True, True])
    with pytest.raises(ValueError, match="where leaves a window without an element"):
        cpool.stochastic_pool(np.arange(1, 5), 2, axes=0, training=False, dtype=int, where=where)


def test_sums_of_single_elements_in_wide_padding_backwards():
    """Each row of the gradient is one element, that of the padded windows many."""
    rows = np.arange(8, dtype=np.float32)[:, None]
    y, pull = cpool.vjp(
        cpool.sum_pool, np.ones_like(rows), 3, 1, 100, axes=1, padding_mode="nearest"
    )
    np.testing.assert_array_equal(pull(np.repeat(rows, y.shape[1], 1)), 597 * rows)
    y, pull = cpool.vjp(cpool.sum_pool, np.ones_like(rows), 100, 100, ((70, 29),), axes=1)
    np.testing.assert_array_equal(pull(rows), rows)
