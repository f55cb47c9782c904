"""The experiments of the documentation: gradients are right, formulas exact, training learns."""

from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import cpool

pytest.importorskip("sklearn", reason="the experiments' data come with scikit-learn")

DOCS = Path(__file__).resolve().parent.parent / "docs"


def load(name: str) -> ModuleType:
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module(f"experiments.{name}")
    finally:
        sys.path.remove(str(DOCS))


networks, tasks, separability, report = map(load, ("networks", "tasks", "separability", "report"))
POOLINGS = load("poolings").poolings()
SMOOTH_OR_SELECTING = [
    "max", "average", "power mean", "log-sum-exp", "soft", "median", "mixed", "gated", "lip",
    "detail preserving", "max, then blur", "polyphase", "spectral",
]  # fmt: skip


# --- networks -------------------------------------------------------------------------------------


def small(pooling: str, *, circular: bool) -> networks.Network:
    """Every kind of layer, in float64."""
    rng = np.random.default_rng(0)
    network = networks.Network([
        networks.Convolution(1, 2, rng, circular=circular, dtype="float64"),
        networks.Rectifier(),
        networks.Pool(POOLINGS[pooling], 2, rng, dtype="float64"),
        networks.Convolution(2, 4, rng, stride=1, groups=2, dtype="float64"),
        networks.Mean() if circular else networks.Rectifier(),
        networks.Dense(4 if circular else 4 * 3 * 3, 3, rng, dtype="float64"),
    ])  # fmt: skip
    for layer, name in network.named():
        if name == "bias":  # not 0, where windows of zeros would be at the rectifier's kink
            layer.parameters[name] += rng.normal(size=layer.parameters[name].shape) / 4
    return network


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("pooling", SMOOTH_OR_SELECTING)
def test_gradients_are_those_of_finite_differences(pooling, circular):
    rng = np.random.default_rng(1)
    network = small(pooling, circular=circular)
    x, labels = rng.normal(size=(4, 1, 6, 6)), np.array([0, 1, 2, 1])

    def loss() -> float:
        return networks.cross_entropy(network(x, training=True), labels)[0]

    loss()
    network.layers[2].scale = 1.5  # not only 1
    gradient = networks.cross_entropy(network(x, training=True), labels)[1]
    gx = network.backward(gradient)
    found = [layer.gradients[name] for layer, name in network.named()]
    arrays = [layer.parameters[name] for layer, name in network.named()]
    assert len(arrays) >= 6
    for array, given in zip([*arrays, x], [*found, gx], strict=True):
        place = tuple(int(rng.integers(n)) for n in array.shape)
        kept, step = array[place].copy(), 1e-6
        array[place] = kept + step
        above = loss()
        array[place] = kept - step
        below = loss()
        array[place] = kept
        np.testing.assert_allclose(
            np.asarray(given)[place], (above - below) / (2 * step), rtol=1e-4, atol=1e-7
        )


def test_unwrapping_is_the_transpose_of_wrapping():
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(2, 3, 5, 4)), rng.normal(size=(2, 3, 9, 8))
    left, right = np.vdot(networks.wrapped(x, 2), g), np.vdot(x, networks.unwrapped(g, 2))
    assert left == pytest.approx(right)


@pytest.mark.parametrize("name, other", load("poolings").SAME.items())
def test_poolings_that_are_trained_once_are_the_same_network(name, other):
    data = tasks.digits(0)
    a, b = (tasks.two_stages(POOLINGS[each], 0) for each in (name, other))
    for network in (a, b):
        networks.train(network, data.x, data.labels, tasks.generator(0), steps=3)
    np.testing.assert_allclose(a(data.x_test[:20]), b(data.x_test[:20]), rtol=1e-3, atol=1e-4)


def test_training_learns():
    accuracy = tasks.trained(tasks.two_stages(POOLINGS["max"], 0), 0, steps=100)
    assert 90 <= accuracy <= 100


def test_training_is_the_same_again():
    first, second = (
        tasks.trained(tasks.two_stages(POOLINGS["stochastic"], 3), 3, steps=10) for _ in range(2)
    )
    assert first == second


def test_a_circular_network_does_not_see_polyphase_shifts():
    x = tasks.digits(0, 16).x_test[:8].astype(np.float64)
    network = tasks.three_stages("polyphase", 0)
    network(x, training=True)
    expected = network(x)
    for shift in ((1, 0), (2, 3), (-1, 2)):
        moved = network(np.roll(x, shift, (2, 3)))
        np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-6)
    assert np.abs(tasks.three_stages("stride", 0)(np.roll(x, 1, 3))
                  - tasks.three_stages("stride", 0)(x)).max() > 1e-3  # fmt: skip


# --- separability ---------------------------------------------------------------------------------


def enumerated(pooling: str, alpha: float, places: int) -> tuple[np.ndarray, np.ndarray]:
    """The pooled values of all patterns of zeros and ones, and the patterns' probabilities."""
    patterns = np.array(list(itertools.product((0.0, 1.0), repeat=places)))
    pool = cpool.max_pool1d if pooling == "max" else cpool.avg_pool1d
    ones = patterns.sum(axis=1)
    return pool(patterns, places)[:, 0], alpha**ones * (1 - alpha) ** (places - ones)


@pytest.mark.parametrize("places", [1, 2, 5, 8])
@pytest.mark.parametrize("alpha", [0.4, 0.01])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_moments_are_those_of_all_patterns(pooling, alpha, places):
    values, p = enumerated(pooling, alpha, places)
    mean = np.sum(p * values)
    variance = np.sum(p * (values - mean) ** 2)
    np.testing.assert_allclose(separability.moments(pooling, alpha, places), (mean, variance))


@pytest.mark.parametrize("places", [1, 3, 7])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_the_least_error_is_that_of_all_patterns(pooling, places):
    (values, p), (_, q) = (enumerated(pooling, alpha, places) for alpha in (0.3, 0.1))
    chances = [(p[values == v].sum(), q[values == v].sum()) for v in np.unique(values)]
    expected = sum(min(pair) for pair in chances) / 2
    assert separability.least_error(pooling, 0.3, 0.1, places) == pytest.approx(expected)


@pytest.mark.parametrize("alphas", [(0.4, 0.2), (0.1, 0.001), (0.01, 0.3)])
def test_means_of_maxima_are_farthest_apart_at_the_best_size(alphas):
    def distance(places: float) -> float:
        return abs(np.subtract(*(separability.moments("max", a, places)[0] for a in alphas)))

    best = separability.best_size(*alphas)
    assert distance(best) > distance(0.99 * best)
    assert distance(best) > distance(1.01 * best)


# --- reports --------------------------------------------------------------------------------------


def test_comparisons_go_seed_by_seed():
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert report.is_clear(np.add(a, [0.5, 0.6, 0.4, 0.5]), a)
    assert not report.is_clear(np.add(a, [0.5, -0.6, 0.4, -0.5]), a)
    assert not report.is_clear(a, a)
    assert report.compared(np.add(a, [0.5, 0.7, 0.3, 0.5]), a) == (
        "+0.50 ± 0.08 points, positive in 4 of 4 seeds, clear"
    )


def test_tables_escape_what_they_hold():
    table = report.Table(("a", "b"), [("1 < 2", 3)])
    assert ">1 &lt; 2</td>" in table._repr_html_()
    assert str(table) == "a      b\n1 < 2  3"
