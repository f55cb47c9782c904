"""The task, the networks that are trained for it, and what of it is remembered between pages.

The task is to tell handwritten digits apart: the 1797 pictures of 8 x 8 pixels that come with
scikit-learn (Alpaydin and Kaynak 1998). A seed stands for a split into training and test pictures,
for the first weights and for the order of the pictures, so that variants are compared on the same
seeds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, cpu_count, delayed
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import cpool
from experiments.networks import (
    Convolution,
    Dense,
    Layer,
    Mean,
    Network,
    Pool,
    Pooling,
    Rectifier,
    train,
)
from experiments.poolings import SAME, poolings

#: A short form for trying the pages out: fewer seeds, shorter training, smaller arrays.
QUICK = os.environ.get("CPOOL_DOCS_QUICK", "") not in ("", "0")
SEEDS = range(2 if QUICK else 10)
STEPS = 50 if QUICK else 200
LONG = 3 * STEPS
TEST_PICTURES = 597


class Digits(NamedTuple):
    """Training and test pictures (N, 1, H, W) from 0 to 1, and their labels."""

    x: np.ndarray
    labels: np.ndarray
    x_test: np.ndarray
    labels_test: np.ndarray


@cache
def digits(seed: int, size: int = 8) -> Digits:
    """The pictures, each class in equal shares on both sides; black around them if size > 8."""
    pictures, labels = load_digits(return_X_y=True)
    x = pictures.reshape(-1, 1, 8, 8).astype(np.float32) / 16
    around = (size - 8) // 2
    x = np.pad(x, ((0, 0), (0, 0), (around, around), (around, around)))
    split = train_test_split(x, labels, test_size=TEST_PICTURES, random_state=seed, stratify=labels)
    return Digits(split[0], split[2], split[1], split[3])


def generator(seed: int) -> np.random.Generator:
    """The random numbers of a seed; Philox, as cpool draws with it."""
    return np.random.Generator(np.random.Philox(seed))


def two_stages(pooling: Pooling, seed: int, *, equal_scale: bool = True) -> Network:
    """Convolution, rectifier and pooling, twice, and a linear classifier: 8 x 8 to 2 x 2."""
    rng = generator(seed)
    layers: list[Layer] = []
    for inputs, outputs in ((1, 8), (8, 16)):
        layers += [Convolution(inputs, outputs, rng, first=inputs == 1), Rectifier()]
        layers += [Pool(pooling, outputs, generator(seed), equal_scale=equal_scale)]
    return Network([*layers, Dense(16 * 2 * 2, 10, rng)])


#: Networks that halve the picture twice, each in its own way: channels, convolutions in a stage,
#: and whether a pooling or the last convolution of the stage halves it.
HALVING = {
    "max pooling": (8, 16, 1, True),
    "strided": (8, 16, 1, False),
    "max pooling, one more convolution": (8, 16, 2, True),
    "all convolutional": (8, 16, 2, False),
    "all convolutional, narrow": (5, 9, 2, False),
}


def halving(name: str, seed: int) -> Network:
    """One of `HALVING`: 8 x 8 to 2 x 2 in two stages, then a linear classifier."""
    *channels, convolutions, pooled = HALVING[name]
    rng, inputs = generator(seed), 1
    layers: list[Layer] = []
    for outputs in channels:
        for i in range(convolutions):
            stride = 2 if i == convolutions - 1 and not pooled else 1
            first = not layers
            layers += [Convolution(inputs, outputs, rng, stride=stride, first=first), Rectifier()]
            inputs = outputs
        if pooled:
            layers.append(Pool(poolings()["max"], outputs, generator(seed), equal_scale=True))
    return Network([*layers, Dense(inputs * 2 * 2, 10, rng)])


def one_stage(pooling: Pooling, cells: int, seed: int) -> Network:
    """Convolution, rectifier, one pooling to so many cells along each axis, and a classifier."""
    rng = generator(seed)
    first = Convolution(1, 24, rng, kernel=5, first=True)
    pool = Pool(pooling, 24, generator(seed), equal_scale=True)
    return Network([first, Rectifier(), pool, Dense(24 * cells**2, 10, rng)])


#: How networks that are shifted halve the picture. cpool.max_blur_pool2d is the two steps of "max,
#: then blur" in one; here they are two, so that the maximum goes round as well.
HALVED_BY = {
    "stride": (),
    "max": (Pooling("max", cpool.max_pool2d, {"kernel_size": 2}),),
    "average": (Pooling("average", cpool.avg_pool2d, {"kernel_size": 2}),),
    "max, then blur": (
        Pooling(
            "dense max", cpool.max_pool2d,
            {"kernel_size": 2, "stride": 1, "padding": ((0, 1), (0, 1)), "padding_mode": "wrap"},
        ),
        Pooling("blur", cpool.blur_pool2d, {"padding_mode": "wrap"}),
    ),
    "polyphase": (Pooling("polyphase", cpool.polyphase_pool2d),),
}  # fmt: skip


def three_stages(by: str, seed: int, *, flat: bool = False) -> Network:
    """16 x 16 to 4 x 4, and the mean of each channel, or all places with `flat`; circular."""
    rng, halving_by = generator(seed), HALVED_BY[by]
    stride = 1 if halving_by else 2
    layers: list[Layer] = []
    for inputs, outputs in ((1, 8), (8, 16), (16, 32)):
        stride = stride if outputs < 32 else 1
        first = inputs == 1
        layers.append(Convolution(inputs, outputs, rng, stride=stride, circular=True, first=first))
        layers.append(Rectifier())
        if outputs < 32:
            for each in halving_by:
                layers.append(Pool(each, outputs, generator(seed), equal_scale=True))
    end = [Dense(32 * 4 * 4, 10, rng)] if flat else [Mean(), Dense(32, 10, rng)]
    return Network([*layers, *end])


def rolled(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every picture shifted by up to 4 pixels along each axis, at random."""
    steps = rng.integers(-4, 5, (len(x), 2))
    return np.stack([np.roll(each, step, (1, 2)) for each, step in zip(x, steps, strict=True)])


#: Shifts by d pixels: right, down, and along both diagonals.
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
SHIFTS = range(5)


class Shifted(NamedTuple):
    """In per cent, for each of `SHIFTS` and each seed."""

    accuracy: np.ndarray
    agreement: np.ndarray  # labels that are those of the pictures before the shift


@cache
def shifted(by: str, *, flat: bool = False, augmented: bool = False) -> Shifted:
    """Trained on digits in the middle of 16 x 16 pixels, and tested on digits that are not."""
    return Shifted(*np.moveaxis(each_seed(_shifted, by, flat, augmented), 0, -1))


def _shifted(seed: int, by: str, flat: bool, augmented: bool) -> list[list[float]]:
    network, data = three_stages(by, seed, flat=flat), digits(seed, 16)
    changed = {"changed": rolled} if augmented else {}
    train(network, data.x, data.labels, generator(seed), steps=3 * STEPS // 2, rate=0.01, **changed)
    x, labels = data.x_test[:300], data.labels_test[:300]
    before = network.labels(x)
    after = [
        [network.labels(np.roll(x, (d * i, d * j), (2, 3))) for i, j in DIRECTIONS] if d
        else [before]
        for d in SHIFTS
    ]  # fmt: skip
    return [
        [100 * float(np.mean([each == right for each in found])) for found in after]
        for right in (labels, before)
    ]


def trained(network: Network, seed: int, *, size: int = 8, pictures: int | None = None,
            steps: int = STEPS) -> float:  # fmt: skip
    """Train a network on the digits, and return its accuracy on the test pictures in per cent."""
    data = digits(seed, size)
    train(network, data.x[:pictures], data.labels[:pictures], generator(seed), steps=steps)
    return accuracy(network, data)


def accuracy(network: Network, data: Digits) -> float:
    """Of the test pictures, in per cent."""
    return 100 * float(np.mean(network.labels(data.x_test) == data.labels_test))


@cache
def accuracies(name: str, *, equal_scale: bool = True, steps: int = STEPS) -> np.ndarray:
    """Of the network of two stages with a pooling, for each seed: several pages ask for some."""
    if equal_scale and name in SAME:
        return accuracies(SAME[name], steps=steps)
    return each_seed(_accuracy, name, equal_scale, steps)


def _accuracy(seed: int, name: str, equal_scale: bool, steps: int) -> float:
    network = two_stages(poolings()[name], seed, equal_scale=equal_scale)
    return trained(network, seed, steps=steps)


@cache
def one_pooling(name: str, cells: int) -> np.ndarray:
    """Accuracies of the network of one stage; with 8 cells nothing is pooled, by any name."""
    if cells == 8 and name != "max":
        return one_pooling("max", cells)
    return each_seed(_one_pooling, name, cells)


def _one_pooling(seed: int, name: str, cells: int) -> float:
    functions = {"max": cpool.adaptive_max_pool2d, "average": cpool.adaptive_avg_pool2d}
    pooling = Pooling(name, functions[name], {"output_size": cells})
    return trained(one_stage(pooling, cells, seed), seed)


@cache
def halved(name: str, pictures: int | None = None) -> np.ndarray:
    """Accuracies of a network of `HALVING`, trained on all training pictures or on some."""
    return each_seed(_halved, name, pictures)


def _halved(seed: int, name: str, pictures: int | None) -> float:
    return trained(halving(name, seed), seed, pictures=pictures)


def each_seed(function: Callable[..., Any], *arguments: Any) -> np.ndarray:
    """What a function of a seed gives for each, one process for each processor.

    A network and its training take one thread, whose results do not depend on what else runs.
    """
    workers = Parallel(n_jobs=min(len(SEEDS), cpu_count()))
    return np.array(workers(delayed(function)(seed, *arguments) for seed in SEEDS))
