"""The poolings that networks are built with: every operator of cpool that halves a picture."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache

import numpy as np

import cpool
from cpool.reductions import REGISTRY
from experiments.networks import Pooling

#: What an operator of the registry is given besides its windows, and what it learns.
_GIVEN = {
    "lp": {"norm_type": 2.0},
    "quantile": {"q": 0.75},
    "rank": {"rank": -2},
    "trimmed_mean": {"cut": 0.25},
    "stochastic": {"training": True},
}
_LEARNED = {"power_mean": {"p": 3.0}, "log_sum_exp": {"r": 1.0}}
#: Names that say more than that of the registry.
_CALLED = {
    "mean": "average",
    "lp": "lp (p = 2)",
    "quantile": "quantile (0.75)",
    "rank": "second largest",
    "trimmed_mean": "trimmed mean",
    "soft_mean": "soft",
    "power_mean": "power mean",
    "log_sum_exp": "log-sum-exp",
    "geometric_mean": "geometric mean",
    "harmonic_mean": "harmonic mean",
    "rms": "root mean square",
}


def _registered() -> Iterator[Pooling]:
    for name, kind in REGISTRY.items():
        function = getattr(cpool, f"{kind.function}2d")
        yield Pooling(
            _CALLED.get(name, name),
            function,
            {"kernel_size": 2, **_GIVEN.get(name, {})},
            _LEARNED.get(name, {}),
            random="rng" in inspect.signature(function).parameters,
        )


def _alternatives() -> Iterator[Pooling]:
    two = {"kernel_size": 2}
    yield Pooling("mixed", cpool.mixed_pool2d, two, {"alpha": 0.5}, {"alpha": (0, 1)})
    yield Pooling("gated", cpool.gated_pool2d, two, {"weight": np.zeros((2, 2)), "bias": 0.0})
    yield Pooling("lip", cpool.lip_pool2d, two, logits=True)
    yield Pooling("detail preserving", cpool.detail_preserving_pool2d, two)
    yield Pooling("s3", cpool.s3_pool2d, two | {"training": True}, random=True)
    yield Pooling("blur", cpool.blur_pool2d)
    yield Pooling("max, then blur", cpool.max_blur_pool2d)
    yield Pooling("polyphase", cpool.polyphase_pool2d)
    yield Pooling("spectral", cpool.spectral_pool2d, halves=True)
    yield Pooling("haar", cpool.haar_pool2d)
    # No pooling: the first element of each window.
    yield Pooling("every second", cpool.avg_pool2d, {"kernel_size": 1, "stride": 2})


#: What is a multiple of another operator, or the same with windows of 2 x 2: at equal scale, the
#: same network.
SAME = {
    "sum": "average",
    "haar": "average",
    "root mean square": "lp (p = 2)",
    "trimmed mean": "median",
}


@cache
def poolings() -> dict[str, Pooling]:
    """All of them by name, in the registry's order, then the alternatives."""
    return {pooling.name: pooling for pooling in (*_registered(), *_alternatives())}
