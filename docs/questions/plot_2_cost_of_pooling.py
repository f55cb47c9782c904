r"""
How to compute the cost of a pooling layer?
===========================================

A pooling layer has no parameters. What does it cost: operations, bytes, time? And which of them
says how long it takes?

**What is expected.** By its formula a window of :math:`k \times k` elements costs about
:math:`k^2` operations, so a large window should be slow. But a maximum of maxima is a maximum, so
that far fewer operations do; and few operations are done on each byte, so that the time should
follow the *bytes* and hardly depend on :math:`k` or on whether it is a maximum or a mean. An
operator that must look at all elements of a window at once, as SoftPool does, whose weights depend
on them, should follow its operations instead.
"""

# %%
# The formulas
# ------------
#
# Let an input have :math:`c` channels (times the batch) of :math:`n_1 \times n_2` elements of
# :math:`b` bytes. A layer with :math:`k \times k` windows, stride :math:`s` and padding :math:`p`
# has
#
# .. math::
#
#    m_i = \left\lfloor \frac{n_i + 2 p - k}{s} \right\rfloor + 1
#
# outputs along each axis, and
#
# .. math::
#
#    \text{operations} &= c \, m_1 m_2 \, (k^2 - 1)
#        && \text{comparisons for a maximum, additions for a mean,} \\
#    \text{divisions} &= c \, m_1 m_2 && \text{for a mean,} \\
#    \text{bytes} &= b \, c \, (n_1 n_2 + m_1 m_2)
#        && \text{read once and written once,} \\
#    \text{parameters} &= 0 .
#
# A convolution from :math:`c` to :math:`c'` channels with the same windows takes
# :math:`c' c \, m_1 m_2 k^2` multiplications and has :math:`c' (c k^2 + 1)` parameters.
# :func:`cpool.cost` counts all of this, for any operator and any windows, with what padding takes
# away. :doc:`/maths/cost` derives it.

import matplotlib.pyplot as plt
import numpy as np
from experiments import report, tasks, timing

import cpool

print(cpool.cost(cpool.max_pool2d, (1, 64, 112, 112), kernel_size=3, stride=2, padding=1))

# %%
# ``formula`` counts what the definition says, ``kernels`` what cpool does: rows before columns.
#
# A whole network
# ---------------
#
# Pooling has its place between convolutions. Here are the layers of a network in the style of VGG
# (Simonyan and Zisserman 2015): two convolutions of 3 × 3, then a maximum of 2 × 2.

shape = (1, 64, 112, 112)
weight = np.empty((64, 64, 3, 3))
layers = {
    "convolution 3 × 3": cpool.cost(cpool.conv2d, shape, weight, padding=1),
    "max 2 × 2, stride 2": cpool.cost(cpool.max_pool2d, shape, 2),
    "average 2 × 2, stride 2": cpool.cost(cpool.avg_pool2d, shape, 2),
    "max 3 × 3, stride 2": cpool.cost(cpool.max_pool2d, shape, 3, 2, 1),
    "convolution 3 × 3, stride 2": cpool.cost(cpool.conv2d, shape, weight, stride=2, padding=1),
}

report.Table(
    ("layer", "operations", "bytes", "operations per byte", "parameters"),
    [
        (
            name,
            f"{cost.formula.total:,}",
            f"{cost.bytes_read + cost.bytes_written:,}",
            f"{cost.intensity:.2f}",
            f"{cost.parameters:,}",
        )
        for name, cost in layers.items()
    ],
)

# %%
# Counted in operations, the poolings are nothing beside the convolutions. Counted in bytes, they
# are of the same order. The last but one column is the *arithmetic intensity* (Williams, Waterman
# and Patterson 2009): processors do several operations in the time in which memory brings one
# byte, so a layer with less than that waits for memory.
#
# Time against bytes
# ------------------
#
# If bytes decide, twice the pixels take twice the time, and a pooling takes about as long as a copy
# that moves as many bytes. The figure shows the time of a call divided by that of copying an array
# of the same size, which reads and writes every element. The dots are medians, the bars quartiles
# of ten rounds, on one thread.

SIDES = (32, 64, 128) if tasks.QUICK else (32, 64, 128, 256)
OPERATORS = {
    "max 2 × 2, stride 2": (cpool.max_pool2d, (2,)),
    "average 2 × 2, stride 2": (cpool.avg_pool2d, (2,)),
    "max 3 × 3, stride 2": (cpool.max_pool2d, (3, 2, 1)),
    "soft 3 × 3, stride 2": (cpool.soft_pool2d, (3, 2, 1)),
    "median 3 × 3, stride 2": (cpool.median_pool2d, (3, 2, 1)),
}


def timed(side):
    x = np.random.default_rng(0).normal(size=(32, side, side)).astype(np.float32)
    copied = np.empty_like(x)
    calls = {"copy": lambda: np.copyto(copied, x)}
    for name, (function, windows) in OPERATORS.items():
        y = function(x, *windows)
        calls[name] = lambda f=function, w=windows, y=y: f(x, *w, out=y)
    return timing.seconds(calls)


times = {side: timed(side) for side in SIDES}


def quartiles(ax, x, values, name, number):
    low, centre, high = np.transpose([timing.middle(each) for each in values])
    ax.errorbar(
        x, centre, yerr=(centre - low, high - centre), label=name, capsize=3, markersize=5,
        color=report.COLOURS[number], marker=report.MARKERS[number],
    )  # fmt: skip


fig, ax = report.figure(
    "Time of a call divided by that of a copy, against the pixels along each axis: a "
    "line with quartiles for each of five poolings.",
    width=8.5,
)
for number, name in enumerate(OPERATORS):
    to_copy = [timing.ratios(times[side], "copy")[name] for side in SIDES]
    quartiles(ax, SIDES, to_copy, name, number)
ax.axhline(1, color="0.5", linestyle=":")
ax.set(xscale="log", yscale="log", xlabel="pixels along each axis, 32 channels")
ax.set_ylabel("time / time of a copy")
ax.set_xticks(SIDES, SIDES)
ax.minorticks_off()
fig.legend(loc="outside right upper")
plt.show()

# %%
# A line that stays level means a time in proportion to the bytes; small arrays are in a cache,
# which is faster, so that what a call costs by itself and its arithmetic show there.
#
# Time against the size of the window
# -----------------------------------
#
# Now the bytes stay the same and the windows grow: stride 1, "same" padding. By the formula, the
# operations grow with :math:`k^2`.

KERNELS = (3, 5, 9) if tasks.QUICK else (3, 5, 9, 17, 33)
side = 256
x = np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)
GROWING = {"max": cpool.max_pool2d, "average": cpool.avg_pool2d, "soft": cpool.soft_pool2d}


def windows_of(function):
    y = np.empty_like(x)
    return {k: lambda k=k: function(x, k, 1, "same", out=y) for k in KERNELS}


growth = {
    name: timing.ratios(timing.seconds(windows_of(function), rounds=5), 3)
    for name, function in GROWING.items()
}


def operations(function, count):
    found = [getattr(cpool.cost(function, x.shape, k, 1, "same"), count).total for k in KERNELS]
    return np.array(found) / found[0]


fig, ax = report.figure(
    "Against k, relative to 3 × 3: the operations of a maximum by the formula and as the "
    "kernels do it, and the times of maximum, average and SoftPool.",
)
ax.plot(KERNELS, operations(cpool.max_pool2d, "formula"), "--", color="0.5", label="max: formula")
ax.plot(KERNELS, operations(cpool.max_pool2d, "kernels"), ":", color="0.5", label="max: kernels")
for number, (name, found) in enumerate(growth.items()):
    quartiles(ax, KERNELS, [found[k] for k in KERNELS], f"{name}: time", number)
ax.set(xscale="log", yscale="log", xlabel="k", ylabel="relative to 3 × 3")
ax.set_xticks(KERNELS, KERNELS)
ax.minorticks_off()
ax.legend()
plt.show()

# %%
# Answer
# ------
#
# In numbers of this run:

largest, widest = SIDES[-1], KERNELS[-1]
to_copy = timing.ratios(times[largest], "copy")
print(f"{largest} x {largest} pixels, time relative to a copy (median, quartiles):")
for name in OPERATORS:
    print(f"  {name}: {timing.spread(to_copy[name])}")
factor = operations(cpool.max_pool2d, "formula")[-1]
kernels = operations(cpool.max_pool2d, "kernels")[-1]
print(f"From 3 x 3 to {widest} x {widest} windows at stride 1:")
print(f"  operations of a maximum: {factor:.0f} times by the formula, {kernels:.1f} by the kernels")
for name, found in growth.items():
    print(f"  time of {name}: {timing.spread(found[widest], 1)} times")

# %%
# * **Count bytes first**: :math:`b \, c \, (n_1 n_2 + m_1 m_2)`. For maxima, sums and means with
#   usual windows that is the cost, and no implementation can go below it. A pooling that is joined
#   to the layer before it, so that its input is never written, saves more than any faster pooling.
# * **Then count operations as they are done**, not as the formula says. Operators that are
#   associative (maximum, minimum, sum and what is made of them) fold rows before columns, and need
#   a number of operations that hardly grows with the window.
# * **For the others the formula is the least that is done**: order statistics and weighted means
#   look at all elements of each window, unless an algorithm is found that shares work between
#   windows. Their time grows as the dashed line, or faster where windows outgrow a special case.
# * **In a network** the operations of a pooling are small beside those of a convolution, and it has
#   no parameters; but it halves each axis, and thereby quarters the cost of all that follows.
#   That is the number that counts.
#
# Times depend on the machine, so this page gives ratios only. :doc:`/performance` says how to
# measure on yours.
#
# References
# ----------
#
# * Simonyan, K. and Zisserman, A. (2015). Very deep convolutional networks for large-scale image
#   recognition. ICLR 2015.
# * Williams, S., Waterman, A. and Patterson, D. (2009). Roofline: an insightful visual performance
#   model for multicore architectures. Communications of the ACM 52 (4), 65-76.
