"""
Every operator on a photograph
==============================

One photograph, windows of 6 × 6 pixels, and each operator that cpool has. A picture says in a
glance what a formula says exactly: what of a window is kept, and which of its pixels the gradient
goes to.
"""

# %%
# The photograph
# --------------
#
# A cat in grey, with values between 0 and 1: whiskers one pixel wide, dark eyes, and fur that is
# nearly noise.

import matplotlib.pyplot as plt
import numpy as np
from figures import pictures, show
from skimage import color, data

import cpool
from cpool.reductions import REGISTRY

cat = color.rgb2gray(data.chelsea())[:300, 90:390].astype(np.float32)
k = 6

figure, ax = plt.subplots(figsize=(4, 4))
show(ax, cat, f"{cat.shape[0]} × {cat.shape[1]} pixels, one window of {k} × {k} in orange")
ax.add_patch(plt.Rectangle((59.5, 95.5), k, k, fill=False, edgecolor="#D55E00", linewidth=2))

# %%
# One reduction over each window
# ------------------------------
#
# ``pool`` takes any reduction. The table of cpool's own is looped over, so that nothing is left
# out; what some of them cannot do without is given here.

given = {"lp": {"p": 4}, "quantile": {"q": 0.25}, "rank": {"rank": 5}, "power_mean": {"p": 3},
         "log_sum_exp": {"r": 10}, "soft_mean": {"beta": 10}}  # fmt: skip
reductions = {name: kind(**given.get(name, {})) for name, kind in REGISTRY.items()}
windows = cpool.sliding((k, k))
levels = np.round(16 * cat) / 16  # for the mode, which needs values that are there twice
options = {"stochastic": {"rng": 0}}
titles = {
    name: " ".join([name, *(f"{key}={value}" for key, value in given.get(name, {}).items())])
    for name in reductions
}
pooled = {}
for name, reduction in reductions.items():
    x = levels if name == "mode" else cat
    pooled[titles[name]] = cpool.pool(x, reduction, windows, **options.get(name, {}))
figure = pictures(pooled, columns=4, size=2)
figure.suptitle("Each square is one window; each picture has its own grey scale")

# %%
# Maximum and minimum tell the brightest and the darkest pixel, and so their pictures look lighter
# and darker than the photograph. The means lie between. The geometric and the harmonic mean stay
# close to the small values, the root of the mean square and the powers close to the large ones.
# The median and the trimmed mean take no notice of single bright hairs. The mode is made for
# labels, and sees the photograph in 17 levels of grey. The stochastic operator draws a pixel,
# brighter ones more often, and so it has the noise of the fur.
#
# Their gradients
# ---------------
#
# Take a loss whose gradient is one in each output. The pullback says what reaches each pixel.
# Black is nothing. Here are 18 × 18 pixels where a whisker is, nine windows.

whisker = cat[216:234, 42:60]
gradients = {}
for name, reduction in reductions.items():
    y, pullback = cpool.vjp(cpool.pool, whisker, reduction, windows, **options.get(name, {}))
    gradients[titles[name]] = np.abs(pullback(np.ones_like(y)))
figure = pictures({"the pixels": whisker} | gradients, columns=5, size=1.7, vmin=0)
figure.suptitle("Size of the gradient in each pixel")
for ax in figure.axes[: len(gradients) + 1]:
    for border in (k - 0.5, 2 * k - 0.5):
        ax.axhline(border, color="#56B4E9", linewidth=0.8)
        ax.axvline(border, color="#56B4E9", linewidth=0.8)

# %%
# Max, min, rank, mode and the stochastic operator choose one pixel of each window, and only that
# pixel learns anything. The median of 36 pixels and the quantile choose two. Mean and sum give to
# all of them alike. The others grade: the harmonic mean favours the dark, soft pooling the
# bright.
#
# Other ways to make a picture smaller
# ------------------------------------
#
# These are not one reduction over one kind of windows. Here they make the sides a quarter as
# long.

k = 4
small = (cat.shape[0] // k,) * 2
filters = np.full((1, 1, k, k), 1 / k**2, np.float32)
others = {
    "s3_pool": cpool.s3_pool2d(cat, k, grid_size=k, rng=0),
    "mixed_pool": cpool.mixed_pool2d(cat, k, alpha=0.5),
    "lip_pool": cpool.lip_pool2d(cat, 10 * cat, k),
    "detail_preserving_pool": cpool.detail_preserving_pool2d(cat, k),
    "blur_pool": cpool.blur_pool2d(cat, filter_size=7, stride=k),
    "max_blur_pool": cpool.max_blur_pool2d(cat, k, k, filter_size=7),
    "polyphase_pool": cpool.polyphase_pool2d(cat, k),
    "spectral_pool": cpool.spectral_pool2d(cat, small),
    "haar_pool": cpool.haar_pool2d(cpool.haar_pool2d(cat)),
    "fractional_max_pool": cpool.fractional_max_pool2d(cat, k, small, rng=0),
    "conv (mean)": cpool.conv2d(cat[np.newaxis], filters, stride=k)[0],
    "roi_align of the face": cpool.roi_align(
        cat[np.newaxis, np.newaxis], np.array([[0, 30, 50, 250, 250]], np.float32), small
    )[0, 0],
}
figure = pictures(others, columns=4, size=2.2)

# %%
# Spectral pooling keeps the low frequencies exactly and shows ringing at sharp edges. The Haar
# low-pass halves both axes, so here it runs twice. The polyphase operator takes one pixel of each
# window, the same one in all, namely those that together have the largest norm: no blur, but all
# of the aliasing.
