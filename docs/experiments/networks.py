"""Small convolutional networks in NumPy, with cpool's own forward and backward passes.

A layer is called with its input and keeps the pullback of that call; `backward` takes the gradient
of its output, puts those of its parameters into `gradients`, and returns that of its input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import cpool

Array = np.ndarray


class Layer:
    """Base of all layers: parameters by name, and their gradients after `backward`."""

    def __init__(self) -> None:
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}

    def __call__(self, x: Array, training: bool = False) -> Array:
        raise NotImplementedError

    def backward(self, gy: Array) -> Array:
        raise NotImplementedError

    def back(self, gradients: Any, names: Sequence[str]) -> Array:
        """Take apart what a pullback gave: the gradient in x, then those of parameters."""
        gx, *others = gradients
        self.gradients.update(zip(names, others, strict=True))
        return gx


class Convolution(Layer):
    """A convolution whose padding keeps the size, before its stride; zeros, or round and round."""

    def __init__(
        self, inputs: int, outputs: int, rng: np.random.Generator, *, kernel: int = 3,
        stride: int = 1, groups: int = 1, circular: bool = False, first: bool = False,
        dtype: str = "float32",
    ) -> None:  # fmt: skip
        super().__init__()
        self.first = first  # nobody needs the gradient in the network's input
        self.stride, self.groups, self.circular = stride, groups, circular
        self.padding = kernel // 2
        shape = (outputs, inputs // groups, kernel, kernel)
        weight = rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))  # He et al. (2015)
        self.parameters = {"weight": weight.astype(dtype), "bias": np.zeros(outputs, dtype)}

    def __call__(self, x: Array, training: bool = False) -> Array:
        padding = 0 if self.circular else self.padding
        if self.circular:
            x = wrapped(x, self.padding)
        arguments = {"stride": self.stride, "padding": padding, "groups": self.groups}
        if not training:
            return cpool.conv2d(x, **self.parameters, **arguments)
        wrt = ("weight", "bias") if self.first else ("x", "weight", "bias")
        y, self.pullback = cpool.vjp(cpool.conv2d, x, **self.parameters, **arguments, wrt=wrt)
        return y

    def backward(self, gy: Array) -> Array:
        gradients = self.pullback(gy)
        if self.first:
            return self.back((gy, *gradients), ("weight", "bias"))
        gx = self.back(gradients, ("weight", "bias"))
        return unwrapped(gx, self.padding) if self.circular else gx


def wrapped(x: Array, width: int) -> Array:
    """The last two axes continued periodically."""
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + [(width, width)] * 2, mode="wrap")


def unwrapped(g: Array, width: int) -> Array:
    """The transpose of `wrapped`: the gradient of a copy goes to what it is a copy of."""
    for axis in (-1, -2):
        g = np.moveaxis(g, axis, 0)
        inner = g[width:-width].copy()
        inner[-width:] += g[:width]
        inner[:width] += g[-width:]
        g = np.moveaxis(inner, 0, axis)
    return g


class Rectifier(Layer):
    """max(x, 0)."""

    def __call__(self, x: Array, training: bool = False) -> Array:
        self.positive = x > 0
        return x * self.positive

    def backward(self, gy: Array) -> Array:
        return gy * self.positive


class Dense(Layer):
    """A linear map of everything that an example has."""

    def __init__(
        self, inputs: int, outputs: int, rng: np.random.Generator, *, dtype: str = "float32"
    ) -> None:
        super().__init__()
        weight = rng.normal(size=(inputs, outputs)) / np.sqrt(inputs)
        self.parameters = {"weight": weight.astype(dtype), "bias": np.zeros(outputs, dtype)}

    def __call__(self, x: Array, training: bool = False) -> Array:
        self.shape, self.x = x.shape, x.reshape(len(x), -1)
        return self.x @ self.parameters["weight"] + self.parameters["bias"]

    def backward(self, gy: Array) -> Array:
        self.gradients = {"weight": self.x.T @ gy, "bias": gy.sum(axis=0)}
        return (gy @ self.parameters["weight"].T).reshape(self.shape)


@dataclass(frozen=True)
class Pooling:
    """What a network pools with: a function of cpool, its arguments, and what of them is learned.

    What is learned is kept within `limits`. `halves` is for functions that are given a size and not
    a stride, `random` for those that are given a generator, and `logits` for those that weigh by a
    1 x 1 convolution of their input.
    """

    name: str
    function: Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    learned: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    halves: bool = False
    random: bool = False
    logits: bool = False


class Pool(Layer):
    """A layer that pools as a `Pooling` says.

    With `equal_scale`, what it gives is divided by a constant: the root of its mean square in the
    first batch. So networks begin with values of one size, whatever they pool with.
    """

    def __init__(
        self, pooling: Pooling, channels: int, rng: np.random.Generator, *,
        equal_scale: bool = False, dtype: str = "float32",
    ) -> None:  # fmt: skip
        super().__init__()
        self.pooling, self.rng = pooling, rng
        self.scale: float | None = None if equal_scale else 1.0
        self.parameters = {k: np.array(v, dtype) for k, v in pooling.learned.items()}
        # Zeros: every element of a window weighs the same at first.
        self.scores = Convolution(channels, channels, rng, kernel=1, dtype=dtype)
        if pooling.logits:
            self.scores.parameters["weight"] *= 0
            self.parameters = self.scores.parameters

    def arguments(self, x: Array, training: bool) -> dict[str, Any]:
        given = dict(self.pooling.arguments)
        if self.pooling.halves:
            given["output_size"] = tuple(n // 2 for n in x.shape[-2:])
        if self.pooling.random:
            given["rng"] = self.rng
        if "training" in given:
            given["training"] = training
        if self.pooling.logits:
            given["logits"] = self.scores(x, training)
        else:
            for name, (low, high) in self.pooling.limits.items():
                np.clip(self.parameters[name], low, high, out=self.parameters[name])
            given |= {k: float(v) if v.ndim == 0 else v for k, v in self.parameters.items()}
        return given

    def __call__(self, x: Array, training: bool = False) -> Array:
        given = self.arguments(x, training)
        if not training:
            return self.scaled(self.pooling.function(x, **given))
        learned = ("logits",) if self.pooling.logits else tuple(self.pooling.learned)
        y, self.pullback = cpool.vjp(self.pooling.function, x, **given, wrt=("x", *learned))
        return self.scaled(y)

    def scaled(self, y: Array) -> Array:
        if self.scale is None:
            self.scale = 1 / max(float(np.sqrt(np.mean(y**2))), 1e-6)
        return y if self.scale == 1 else y * self.scale

    def backward(self, gy: Array) -> Array:
        gy = gy if self.scale == 1 else gy * self.scale
        if not self.pooling.logits:
            return self.back(self.pullback(gy), tuple(self.pooling.learned))
        gx, glogits = self.pullback(gy)
        gx = gx + self.scores.backward(glogits)
        self.gradients = self.scores.gradients
        return gx


class Mean(Layer):
    """The mean of each channel over all places."""

    def __call__(self, x: Array, training: bool = False) -> Array:
        if not training:
            return cpool.global_avg_pool(x)
        y, self.pullback = cpool.vjp(cpool.global_avg_pool, x)
        return y

    def backward(self, gy: Array) -> Array:
        return self.pullback(gy)


class Network:
    """Layers one after the other."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)

    def __call__(self, x: Array, training: bool = False) -> Array:
        for layer in self.layers:
            x = layer(x, training)
        return x

    def backward(self, gy: Array) -> Array:
        for layer in reversed(self.layers):
            gy = layer.backward(gy)
        return gy

    def named(self) -> Iterator[tuple[Layer, str]]:
        """Every parameter, as its layer and its name."""
        return ((layer, name) for layer in self.layers for name in layer.parameters)

    @property
    def size(self) -> int:
        """How many numbers are learned."""
        return sum(layer.parameters[name].size for layer, name in self.named())

    def labels(self, x: Array) -> Array:
        """What each example is taken for."""
        with threadpool_limits(1), cpool.num_threads(1):
            parts = [self(x[i : i + 100]).argmax(axis=1) for i in range(0, len(x), 100)]
        return np.concatenate(parts)


def cross_entropy(scores: Array, labels: Array) -> tuple[float, Array]:
    """The mean of -log softmax(scores)[label], and its gradient in the scores."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = np.mean(np.log(sums[:, 0]) - shifted[rows, labels])
    gradient = exponentials / sums
    gradient[rows, labels] -= 1
    return float(loss), gradient / len(labels)


class Adam:
    """The optimiser of Kingma and Ba (2015)."""

    def __init__(self, network: Network) -> None:
        self.network, self.steps = network, 0
        self.moments = [[0.0, 0.0] for _ in network.named()]

    def step(self, rate: float) -> None:
        """Change all parameters, by their gradients and those before."""
        self.steps += 1
        corrections = 1 - 0.9**self.steps, 1 - 0.999**self.steps
        for (layer, name), moments in zip(self.network.named(), self.moments, strict=True):
            gradient = np.asarray(layer.gradients[name], layer.parameters[name].dtype)
            moments[0] = 0.9 * moments[0] + 0.1 * gradient
            moments[1] = 0.999 * moments[1] + 0.001 * gradient**2
            first, second = (m / c for m, c in zip(moments, corrections, strict=True))
            layer.parameters[name] -= rate * first / (np.sqrt(second) + 1e-8)


def train(
    network: Network, x: Array, labels: Array, rng: np.random.Generator, *,
    steps: int = 200, batch: int = 50, rate: float = 0.02,
    changed: Callable[[Array, np.random.Generator], Array] = lambda x, rng: x,
) -> list[float]:  # fmt: skip
    """Train in place, with a learning rate that falls to 0 as a cosine; the loss at each step.

    `changed` makes of the pictures of a batch what is learned from (augmentation).
    """
    optimiser, losses = Adam(network), []
    batch = min(batch, len(x))
    order = np.empty(0, int)
    # Arrays are small: a second thread would wait longer than it works.
    with threadpool_limits(1), cpool.num_threads(1):
        for step in range(steps):
            if len(order) < batch:
                order = rng.permutation(len(x))
            chosen, order = order[:batch], order[batch:]
            scores = network(changed(x[chosen], rng), training=True)
            loss, gradient = cross_entropy(scores, labels[chosen])
            network.backward(gradient)
            optimiser.step(rate * 0.5 * (1 + np.cos(np.pi * step / steps)))
            losses.append(loss)
    return losses
