r"""
When can pooling be left out?
=============================

A convolution with a stride makes pictures smaller too, and learns how. So why pool at all?
Springenberg et al. (2015) took the poolings out of convolutional networks, in two ways that are
easily confused:

* **strided**: the pooling goes, and the convolution before it gets its stride. Parameters and
  number of layers stay the same, and there is less to compute;
* **all convolutional**: the pooling is replaced by one more convolution with a stride. The network
  keeps its number of steps, but has more parameters, and more nonlinear layers.

**What is expected.** The strided network should lose a little: it has the same weights and computes
a quarter of the features. The all convolutional network should do as well as the pooled one, or
better. But it has more parameters and is deeper, so that the comparison has to be made with a
pooled network that has these too. And a pooling is knowledge that need not be learned: it should
matter more where there are few examples.
"""

# %%
# The paper's numbers
# -------------------
#
# Error on CIFAR-10 without augmentation, from table 3 of Springenberg et al. (2015), for their
# base models A, B and C:
#
# .. list-table::
#    :header-rows: 1
#
#    * - model
#      - A
#      - B
#      - C
#    * - pooled (base)
#      - 12.47 %
#      - 10.20 %
#      - 9.74 %
#    * - strided
#      - 13.46 %
#      - 10.98 %
#      - 10.19 %
#    * - pooled, one more convolution ("ConvPool-CNN")
#      - 10.21 %
#      - 9.33 %
#      - 9.31 %
#    * - all convolutional
#      - 10.30 %
#      - 9.10 %
#      - 9.08 %
#
# The second row loses to the first in all columns. The fourth beats the first, but so does the
# third, which pools: most of what is won is won by the added layer.

# %%
# The same in small
# -----------------
#
# Two stages on the digits, 8 × 8 to 2 × 2, and a linear classifier. The four networks of the paper,
# and a fifth: all convolutional, but so narrow that it has no more parameters than the pooled one.

import matplotlib.pyplot as plt
import numpy as np
from experiments import report, tasks
from experiments.networks import Convolution

import cpool

results = {name: tasks.halved(name) for name in tasks.HALVING}


def multiplications(network):
    """Of all convolutions, for one picture."""
    x, total = np.zeros((1, 1, 8, 8), np.float32), 0
    for layer in network.layers:
        if isinstance(layer, Convolution):
            weight, given = layer.parameters["weight"], (layer.stride, layer.padding)
            total += cpool.cost(cpool.conv2d, x.shape, weight, None, *given).multiplications
        x = layer(x)
    return total


def depth(network):
    """How many layers are learned."""
    return sum(bool(layer.parameters) for layer in network.layers)


built = {name: tasks.halving(name, 0) for name in tasks.HALVING}

report.Table(
    ("network", "learned layers", "parameters", "multiplications", "test accuracy, %"),
    [
        (name, depth(network), f"{network.size:,}", f"{multiplications(network):,}",
         report.told(results[name]))
        for name, network in built.items()
    ],
)  # fmt: skip

# %%
fig, ax = report.figure(
    "Test accuracy of each network: the mean with an error bar, and a grey dot for each seed.",
    width=8,
)
report.dots(ax, results, "test accuracy, %")
plt.show()

# %%
# Two comparisons are fair, each in its own sense. *At equal parameters and equal depth*, pooling
# against a stride; *at equal parameters*, the pooled network against the narrow one that is deeper.
# The comparison that is usually made, pooled against all convolutional, is neither.

PAIRS = {
    "equal parameters, equal depth": ("strided", "max pooling"),
    "the same, one convolution more": ("all convolutional", "max pooling, one more convolution"),
    "equal parameters, deeper": ("all convolutional, narrow", "max pooling"),
    "neither": ("all convolutional", "max pooling"),
}

report.Table(
    ("at", "without pooling", "with", "difference, points", "clear"),
    [(at, a, b, *report.against(results[a], results[b])) for at, (a, b) in PAIRS.items()],
)

# %%
# Fewer examples
# --------------
#
# The same networks, the same number of steps, but only some of the 1200 training pictures.

AMOUNTS = (100, 300, 1200)
FOUR = tuple(tasks.HALVING)[:4]
by_amount = {
    name: [tasks.halved(name, amount) for amount in AMOUNTS[:-1]] + [results[name]] for name in FOUR
}

fig, ax = report.figure(
    "Test accuracy against the number of training pictures: a line with error bars for "
    "each of four networks.",
)
report.lines(ax, AMOUNTS, by_amount)
ax.set(xscale="log", xlabel="training pictures", ylabel="test accuracy, %")
ax.set_xticks(AMOUNTS, AMOUNTS)
ax.minorticks_off()
ax.legend()
plt.show()

# %%
# Answer
# ------
#
# In numbers of this run, without pooling minus with:

for at, (a, b) in PAIRS.items():
    print(f"{a} - {b} ({at}):\n  {report.compared(results[a], results[b])}")
for amount, strided, pooled in zip(AMOUNTS, by_amount["strided"], by_amount["max pooling"],
                                   strict=True):  # fmt: skip
    print(f"strided - max pooling, {amount} pictures:\n  {report.compared(strided, pooled)}")

# %%
# A pooling can be left out where what takes its place is paid for:
#
# * **Just giving the convolution its stride** is the cheap way: the multiplications above show how
#   cheap. Whether it costs accuracy is the first line; in the paper it did, by 0.45 to 0.99 points.
# * **One more convolution with a stride** is no free replacement: it has parameters,
#   multiplications and a nonlinearity of its own. It has to be compared with a pooled network
#   that was given the same, and then little is left of the difference in the paper. The second
#   line says what was left here.
# * **Where examples are few**, look at the left end of the last figure before leaving it out.
# * **Where pooling cannot be left out** are inputs of any size that need one result (global or
#   pyramid pooling), and inputs with elements that do not exist (``where``, NaN), which a
#   convolution takes for zeros.
#
# References
# ----------
#
# * Springenberg, J. T., Dosovitskiy, A., Brox, T. and Riedmiller, M. (2015). Striving for
#   simplicity: the all convolutional net. ICLR 2015 workshop, arXiv:1412.6806.
