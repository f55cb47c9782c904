r"""
How does translation invariance come about?
===========================================

"Pooling makes networks invariant to translation": how exactly, and to what extent?

Two words first. An operator is *equivariant* if its result moves along with its input, and
*invariant* if its result does not change at all. Convolutions and windows at every pixel are
equivariant. A label should be invariant.

**What is expected.** A pooling with stride :math:`s` is equivariant to shifts by multiples of
:math:`s` and to no others: in between, its windows hold other elements. How much that changes
depends on the operator: most where elements are simply dropped, less for a maximum, less again for
an average and for a blur (Zhang 2019), nothing for a polyphase choice (Chaman and Dokmanić 2021).
A network's labels should follow the same order, and the invariance itself should come from the mean
over all places at the network's end, not from the small windows.
"""

# %%
# A single peak
# -------------
#
# The usual picture is a peak that moves within its window. For one peak on an empty background that
# can be counted: with windows of :math:`s` elements and stride :math:`s`, a shift by :math:`d`
# leaves the result as it is if the peak stays in its window, which is so for :math:`s - d` of its
# :math:`s` places. So a share of :math:`1 - d / s` of all peaks is not noticed to have moved. Here
# every place is tried:

import matplotlib.pyplot as plt
import numpy as np
from experiments import report, tasks
from sklearn.datasets import load_sample_images

import cpool

peaks = np.eye(64)


def unmoved(function, size, shift):
    before, after = (function(each, size) for each in (peaks, np.roll(peaks, shift, 1)))
    return np.mean(np.all(before == after, axis=1))


report.Table(
    ("windows and stride", "shift", "1 - d / s", "max", "average"),
    [
        (size, shift, f"{1 - shift / size:.3f}", f"{unmoved(cpool.max_pool1d, size, shift):.3f}",
         f"{unmoved(cpool.avg_pool1d, size, shift):.3f}")
        for size in (2, 4, 8)
        for shift in (1, 2, 3)
        if shift < size
    ],
)  # fmt: skip

# %%
# The maximum is *not* more invariant than the mean here: the two columns are the same. And a small
# window helps little: with 2 × 2 windows, half of all shifts by one pixel along an axis change the
# result.
#
# Photographs
# -----------
#
# On ten pieces of 128 × 128 pixels of the two photographs that come with scikit-learn, all reduced
# to 32 × 32: how far is the result for the shifted piece from the shifted result, if the shift that
# fits best is taken? Shifts are circular, so that no border disturbs.
# :func:`cpool.shift_consistency` measures that.


def pieces(count):
    grey = [image.mean(axis=2) / 255 for image in load_sample_images().images]
    rng = tasks.generator(0)
    for i in range(count):
        image = grey[i % len(grey)]
        top, left = (rng.integers(0, n - 128) for n in image.shape)
        yield image[top : top + 128, left : left + 128]


def max_then_blur2d(x):
    dense = cpool.max_pool2d(x, 4, 1, ((1, 2), (1, 2)), padding_mode="wrap")
    return cpool.blur_pool2d(dense, 7, 4, padding_mode="wrap")


DOWN = {
    "every fourth": lambda x: x[::4, ::4],
    "max": lambda x: cpool.max_pool2d(x, 4),
    "average": lambda x: cpool.avg_pool2d(x, 4),
    "max, then blur": max_then_blur2d,
    "blur": lambda x: cpool.blur_pool2d(x, 7, 4, padding_mode="wrap"),
    "polyphase": lambda x: cpool.polyphase_pool2d(x, 4),
}
shifts = [(0, d) for d in range(9)]


def errors(function):
    """For each shift, the relative errors of all pieces, in per cent."""
    found = [cpool.shift_consistency(function, x, shifts) for x in pieces(len(tasks.SEEDS))]
    return 100 * np.array([[each.relative_error for each in one] for one in found]).T


photographs = {name: errors(function) for name, function in DOWN.items()}

fig, ax = report.figure(
    "Relative error against the shift in pixels: a line with error bars for each way to "
    "make a photograph smaller."
)
report.lines(ax, range(9), photographs)
ax.set(xlabel="shift, pixels", ylabel="relative error, %")
ax.legend(fontsize="small")
plt.show()

# %%
# All lines are at zero for shifts by 0, 4 and 8, the multiples of the stride: that much is exact
# for any operator. In between, the stride loses it. The polyphase choice is at zero everywhere:
# it keeps *which* fourth elements, not *the first* fourth ones.
#
# Networks
# --------
#
# Digits of 8 × 8 pixels stand in the middle of 16 × 16. Networks are trained on these only, and
# tested on digits that were shifted by up to 4 pixels. Three stages of convolution and rectifier;
# the first two halve the picture, in one of five ways; at the end stands the mean over all places,
# and a linear classifier. Convolutions go round, so that but for the halving everything is exactly
# equivariant, and the mean exactly invariant.
#
# Two more, with max pooling: in ``max, flat`` the classifier sees all places instead of the mean;
# ``max, shifted`` is trained on digits that are shifted at random.

networks = {by: tasks.shifted(by) for by in tasks.HALVED_BY}
networks["max, flat"] = tasks.shifted("max", flat=True)
networks["max, shifted"] = tasks.shifted("max", augmented=True)

fig, axes = report.figure(
    "Accuracy, and agreement of the labels, against the shift in pixels: a line with "
    "error bars for each network.",
    columns=2,
    width=8.5,
    height=4.4,
)
for ax, kind in zip(axes, ("accuracy", "agreement"), strict=True):
    report.lines(ax, tasks.SHIFTS, {name: getattr(each, kind) for name, each in networks.items()})
    ax.set(xlabel="shift, pixels", ylabel=f"{kind}, %", xticks=tasks.SHIFTS)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
plt.show()

# %%
# *Agreement* is the share of digits that are given the label that they had before the shift, right
# or wrong. Two halvings are a stride of 4 in all, hence the return at a shift of 4.

INSIDE = (1, 2, 3)


def inside(values):
    """The mean over the shifts that are no multiples of the stride, for each seed."""
    return np.mean([values[d] for d in INSIDE], axis=0)


report.Table(
    ("network", "accuracy, not shifted", "accuracy, shifted 1 to 3", "agreement, 1 to 3",
     "agreement, 4"),
    [
        (name, report.told(each.accuracy[0], 1), report.told(inside(each.accuracy), 1),
         report.told(inside(each.agreement), 1), report.told(each.agreement[4], 1))
        for name, each in networks.items()
    ],
)  # fmt: skip

# %%
# Answer
# ------
#
# In numbers of this run:

agreement = {name: inside(each.agreement) for name, each in networks.items()}
halfway = {name: each[2] for name, each in photographs.items()}
print("Photographs, relative error at half the stride, from least to most:")
for name in sorted(halfway, key=lambda name: report.mean(halfway[name])):
    print(f"  {name}: {report.told(halfway[name], 1)} %")
print("Networks, agreement under shifts of 1 to 3 pixels, from most to least:")
for name in sorted(agreement, key=lambda name: -report.mean(agreement[name])):
    print(f"  {name}: {report.told(agreement[name], 1)} %")
for a, b in (("average", "max"), ("max, then blur", "max"), ("max, shifted", "max")):
    print(f"{a} - {b}: {report.compared(agreement[a], agreement[b])}")

# %%
# Invariance is made of two things, and a small window is neither of them.
#
# * **Equivariance up to the last layer.** It is exact for shifts by multiples of the product of all
#   strides, and is lost in between, by aliasing. A blur before the stride loses less of it, a
#   polyphase choice nothing, to the last label. What that costs on digits that are not shifted is
#   in the first column of the table.
# * **One reduction over all places.** The mean (or maximum) of a map does not know where things
#   are. The network without it, ``max, flat``, shows what the same max poolings are worth on their
#   own: at a shift of 4 the others have all come back, and it has not.
# * **Training on shifted pictures** is another way. It teaches the network the shifts that it was
#   shown, instead of building them in (Azulay and Weiss 2019).
# * The order of the operators depends on the picture: compare both lists. What is not
#   bandlimited after the convolutions (a rectifier makes edges) cannot be kept by a blur of three
#   taps either.
#
# :doc:`/maths/invariances` has more on :func:`cpool.shift_consistency`, and
# :doc:`/alternatives/index` on the operators.
#
# References
# ----------
#
# * Azulay, A. and Weiss, Y. (2019). Why do deep convolutional networks generalize so poorly to
#   small image transformations? Journal of Machine Learning Research 20 (184), 1-25.
# * Chaman, A. and Dokmanić, I. (2021). Truly shift-invariant convolutional neural networks. CVPR
#   2021, 3773-3783.
# * Zhang, R. (2019). Making convolutional networks shift-invariant again. ICML 2019, 7324-7334.
