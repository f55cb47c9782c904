"""Random numbers: what `rng=` means, for every operator that draws."""

from __future__ import annotations

import operator

import numpy as np

Rng = int | np.random.Generator | None


def philox(rng: Rng) -> np.random.Generator:
    """A generator for one call, whose numbers are counted: the same for any number of threads.

    An int is a seed: the same numbers at each call. A Generator is advanced once, by the two words
    that seed this one. None: other numbers at each call.
    """
    if isinstance(rng, np.random.Generator):
        key = rng.integers(0, 2**64, size=2, dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=key))
    if rng is None:
        return np.random.Generator(np.random.Philox())
    try:
        seed = None if isinstance(rng, (bool, np.bool_)) else operator.index(rng)
    except TypeError:
        seed = None
    if seed is None:
        raise TypeError(f"rng must be None, an int or a numpy.random.Generator, got {rng!r}")
    if seed < 0:
        raise ValueError(f"rng must not be negative, got {seed}")
    return np.random.Generator(np.random.Philox(seed))
