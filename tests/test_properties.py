"""What makes a pooling layer a pooling layer, whatever operator it has.

1. It has no parameters: its output depends on its input and on how it was made, on nothing that
   could be learned.
2. Channels are independent: a channel of the output is what that channel of the input gives alone.
3. It makes the spatial axes smaller, as the formula says, and nothing else: m = floor((n + 2p -
   d (k - 1) - 1) / s) + 1.
"""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from operators import each_kind, own_arguments

import cpool
from cpool import nn


def layer_of(kind, rank, *args, **kwargs):
    """The layer of an operator: MaxPool2d of max_pool."""
    name = "".join(word.capitalize() for word in kind.function.split("_"))
    return getattr(nn, f"{name}{rank}d")(*args, **own_arguments(kind, "sliding")[0], **kwargs)


def an_image(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.1, 1, size=shape)


# 1. No parameters ---------------------------------------------------------------------------------


@each_kind()
def test_nothing_can_be_learned(kind):
    layer = layer_of(kind, 2, kernel_size=3, stride=2, padding=1)
    x = an_image(2, 3, 8, 8)
    y = layer(x)
    layer.backward(np.ones_like(y))
    assert layer.grads == {}
    cost = cpool.cost(getattr(cpool, f"{kind.function}2d"), x.shape, 3, stride=2, padding=1)
    assert cost.parameters == 0


@each_kind()
def test_a_layer_stays_what_it_is(kind):
    """Neither a call nor a gradient changes it: the next call gives the same."""
    layer = layer_of(kind, 2, kernel_size=2)
    as_made = pickle.dumps(layer)
    x = an_image(2, 3, 8, 8)
    first = layer(x)
    for _ in range(3):
        layer.backward(np.ones_like(layer(an_image(2, 3, 8, 8) + 1)))
    assert pickle.dumps(layer) == as_made
    np.testing.assert_array_equal(layer(x), first)


@each_kind()
def test_layers_made_alike_do_the_same(kind):
    """There is no initial state that could differ."""
    x = an_image(2, 3, 8, 8)
    layers = [layer_of(kind, 2, kernel_size=3, stride=1) for _ in range(2)]
    assert layers[0] == layers[1]
    np.testing.assert_array_equal(layers[0](x), layers[1](x))


# 2. Independent channels --------------------------------------------------------------------------


@each_kind()
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_each_channel_is_pooled_by_itself(kind, rank):
    x = an_image(2, 5, *(6,) * rank)
    layer = layer_of(kind, rank, kernel_size=3, stride=2, padding=1)
    y = layer(x)
    for image in range(2):
        for channel in range(5):
            np.testing.assert_array_equal(y[image, channel], layer(x[image, channel]))


@each_kind()
def test_another_channel_changes_nothing(kind):
    x = an_image(2, 5, 8, 8)
    layer = layer_of(kind, 2, kernel_size=2)
    before = layer(x)
    x[:, 3] += 100
    after = layer(x)
    others = [0, 1, 2, 4]
    np.testing.assert_array_equal(after[:, others], before[:, others])
    assert (after[:, 3] != before[:, 3]).all()


@each_kind()
def test_no_gradient_crosses_channels(kind):
    x = an_image(2, 5, 8, 8)
    layer = layer_of(kind, 2, kernel_size=2)
    gy = np.zeros_like(layer(x))
    gy[1, 3] = 1
    gx = layer.backward(gy)
    assert gx[1, 3].any()
    gx[1, 3] = 0
    assert not gx.any()


@each_kind()
def test_the_order_of_channels_does_not_matter(kind):
    x, order = an_image(2, 5, 8, 8), [3, 0, 4, 1, 2]
    layer = layer_of(kind, 2, kernel_size=3, stride=2)
    np.testing.assert_array_equal(layer(x[:, order]), layer(x)[:, order])


# 3. Smaller spatial axes --------------------------------------------------------------------------

#: Kernel, stride, padding, dilation.
GEOMETRIES = [(2, 2, 0, 1), (3, 2, 1, 1), (3, 1, 1, 1), (2, 3, 0, 1), (3, 2, 2, 2), (5, 4, 2, 1)]


def length(n: int, k: int, s: int, p: int, d: int) -> int:
    return (n + 2 * p - d * (k - 1) - 1) // s + 1


@each_kind()
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_spatial_axes_get_as_short_as_the_formula_says(kind, rank, geometry):
    kernel, stride, padding, dilation = geometry
    spatial = (12, 9, 10)[:rank]
    layer = layer_of(
        kind, rank, kernel_size=kernel, stride=stride, padding=padding, dilation=dilation
    )
    y = layer(an_image(2, 3, *spatial))
    assert y.shape == (2, 3, *(length(n, *geometry) for n in spatial))


@each_kind()
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_windows_side_by_side_divide_the_size(kind, factor):
    """The usual layer: of factor² pixels one is left."""
    x = an_image(1, 3, 24, 12)
    y = layer_of(kind, 2, kernel_size=factor)(x)
    assert y.shape == (1, 3, 24 // factor, 12 // factor)
    assert y.size * factor**2 == x.size


@each_kind()
def test_batch_and_channels_stay_as_they_are(kind):
    for batch, channels in [(1, 1), (4, 1), (1, 7), (0, 3)]:
        y = layer_of(kind, 2, kernel_size=2)(an_image(batch, channels, 6, 6))
        assert y.shape == (batch, channels, 3, 3)


@each_kind()
def test_the_size_is_known_beforehand(kind):
    x = an_image(2, 3, 13, 10)
    y = layer_of(kind, 2, kernel_size=3, stride=2, padding=1)(x)
    windows = cpool.sliding((3, 3), stride=2, padding=1)
    assert windows.output_shape((13, 10)) == y.shape[2:]
    assert cpool.cost(cpool.pool, x.shape, kind(), windows).output_shape == y.shape
