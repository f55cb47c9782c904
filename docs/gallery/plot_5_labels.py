"""
Label maps, by majority
=======================

The pixels of a label map are names, not amounts: between *coin 3* and *coin 5* there is no coin
4. A mean of them is nonsense, an interpolated label is a wrong one. When such a map is made
smaller, each window has to elect one of its labels.
"""

# %%
# A map of coins
# --------------
#
# Twenty-four coins on an uneven ground. What is surely dark and what is surely bright grows over
# the slopes of the picture until both meet (a watershed); connected pixels then get a number.

import numpy as np
from figures import COLOURS, pictures, show
from matplotlib import pyplot as plt
from matplotlib.colors import ListedColormap
from scipy import ndimage
from skimage import data, filters, segmentation

import cpool

coins = data.coins()
sure = np.where(coins > 150, 2, np.where(coins < 30, 1, 0))
coin = ndimage.binary_fill_holes(segmentation.watershed(filters.sobel(coins), sure) == 2)
labels = ndimage.label(coin)[0].astype(np.int32)
labels[np.bincount(labels.ravel())[labels] < 300] = 0  # specks

look = {"cmap": ListedColormap(["#202020", *COLOURS[:6]]), "vmin": 0, "vmax": 6}


def paint(label):
    """The number of a colour for each label, and the first colour for the ground."""
    return np.where(label == 0, 0, 1 + label % 6)


figure, axes = plt.subplots(1, 2, figsize=(8, 3.4))
show(axes[0], coins, "the picture")
show(axes[1], paint(labels), f"{np.unique(labels).size - 1} labels and the ground", **look)

# %%
# Four ways to make it smaller
# ----------------------------

k = 8
ways = {
    "mean, rounded": cpool.avg_pool2d(labels, k, dtype=np.int32, ceil_mode=True),
    "every 8th pixel": labels[::k, ::k],
    "maximum": cpool.max_pool2d(labels, k, ceil_mode=True),
    "majority": cpool.mode_pool2d(labels, k, ceil_mode=True),
}
figure = pictures({name: paint(label) for name, label in ways.items()}, columns=2, size=4, **look)

# %%
# The mean puts rings of other coins' numbers round each coin. The maximum lets each coin grow,
# and where two meet the greater number wins. Every 8th pixel is a fair sample, so its areas are
# good, but the outlines are ragged and what is thinner may be missed. The majority is what the
# most pixels agree with. In numbers: how many pixels have the label of their window, how far the
# areas are wrong on the average, and how many windows got a label that none of their pixels has.

area = np.bincount(labels.ravel())[1:]
for name, label in ways.items():
    counts = k**2 * np.bincount(label.ravel(), minlength=area.size + 1)[1:]
    error = np.abs(counts - area)[area > 0].mean() / area[area > 0].mean()
    large = label.repeat(k, 0).repeat(k, 1)[: labels.shape[0], : labels.shape[1]]
    invented = ~cpool.max_pool2d(large == labels, k, ceil_mode=True)
    print(
        f"{name:15s} {(large == labels).mean():.1%} of the pixels agree, "
        f"areas wrong by {error:.0%}, labels from nowhere in {invented.sum()} windows"
    )

# %%
# Small things against a large ground
# -----------------------------------
#
# A majority is hard on what is thin or small: the ground wins wherever it has more pixels than
# each label. With ``ignore=0`` the ground has no vote; it stays only where there is nothing else.

k = 24
figure = pictures(
    {
        "majority": paint(cpool.mode_pool2d(labels, k, ceil_mode=True)),
        "majority, ignore=0": paint(cpool.mode_pool2d(labels, k, ceil_mode=True, ignore=0)),
    },
    columns=2,
    size=4,
    **look,
)

# %%
# Equal numbers of votes go to the smallest label, or, with ``ties="first"``, to the one that
# stands first in the window. A pyramid of majorities of majorities is quick, but it is not the
# majority of the pixels: a label that wins three windows narrowly beats one that fills the
# fourth.

direct = cpool.mode_pool2d(labels, 8, ceil_mode=True)
steps = labels
for _ in range(3):
    steps = cpool.mode_pool2d(steps, 2, ceil_mode=True)
height, width = (min(a, b) for a, b in zip(direct.shape, steps.shape, strict=True))
differ = (direct[:height, :width] != steps[:height, :width]).mean()
print(f"8 × 8 at once, and 2 × 2 three times, differ in {differ:.1%} of the pixels")
