"""How well pooled binary features tell two classes apart (Boureau, Ponce and LeCun 2010).

A feature is on at each of P places with the same probability, independently: alpha_1 in one class,
alpha_2 in the other. The pool of the P places is their maximum or their mean.
"""

from __future__ import annotations

import numpy as np

import cpool

Numbers = float | np.ndarray


def moments(pooling: str, alpha: Numbers, places: Numbers) -> tuple[Numbers, Numbers]:
    """Mean and variance of the pooled feature."""
    if pooling == "average":
        return alpha + 0 * places, alpha * (1 - alpha) / places
    none = (1 - alpha) ** places  # that no place is on
    return 1 - none, (1 - none) * none


def separability(pooling: str, first: Numbers, second: Numbers, places: Numbers) -> Numbers:
    """The distance of the two classes' means, divided by the sum of their standard deviations."""
    (m1, v1), (m2, v2) = (moments(pooling, alpha, places) for alpha in (first, second))
    return abs(m1 - m2) / (np.sqrt(v1) + np.sqrt(v2))


def best_size(first: float, second: float) -> float:
    """The number of places at which the means of the two maxima are farthest apart."""
    a, b = np.log1p(-first), np.log1p(-second)
    return float(np.log(b / a) / (a - b))


def least_error(pooling: str, first: float, second: float, places: int) -> float:
    """How often the best decision on the pooled feature is wrong, both classes equally likely."""
    from scipy.stats import binom

    counts = np.arange(places + 1)
    p, q = (binom.pmf(counts, places, alpha) for alpha in (first, second))
    if pooling == "max":  # all that it tells is whether any place is on
        p, q = (np.array([each[0], each[1:].sum()]) for each in (p, q))
    return float(np.minimum(p, q).sum() / 2)


def simulated(pooling: str, first: float, second: float, places: int, draws: int,
              rng: np.random.Generator) -> float:  # fmt: skip
    """The separability of features that were drawn and pooled, `draws` places of each class."""
    function = cpool.max_pool1d if pooling == "max" else cpool.avg_pool1d
    pooled = [
        function((rng.random(draws) < alpha).astype(np.float32), places)
        for alpha in (first, second)
    ]
    distance = abs(pooled[0].mean(dtype=float) - pooled[1].mean(dtype=float))
    spread = sum(each.std(dtype=float) for each in pooled)
    return float(distance / spread) if spread else np.nan  # so large a pool is always on
