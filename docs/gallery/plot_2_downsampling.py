"""
Making a picture smaller, well
==============================

To make a picture smaller, every output pixel must stand for an area. Taking every fourth pixel
throws the rest away, and stripes that are finer than the new pixels come out as coarse stripes
that were never there: aliasing. Here several ways are compared by eye and by a number.
"""

# %%
# A picture that shows it
# -----------------------
#
# Rings whose stripes become finer outwards, to two and a half pixels for a bright and a dark
# stripe together. With a fourth of the side, stripes need eight of the old pixels; all that is
# finer has to become even grey.

import numpy as np
from figures import pictures, show
from matplotlib import pyplot as plt
from sklearn.datasets import load_sample_image

import cpool

n, k = 400, 4
y, x = np.mgrid[-1 : 1 : n * 1j, -1 : 1 : n * 1j]
radius = np.hypot(x, y)
rings = 0.5 + 0.5 * np.cos(0.2 * np.pi * n * radius**2) * (radius < 1)
rings = rings.astype(np.float32)

figure = plt.figure(figsize=(n / 100, n / 100), layout="none")  # one pixel for each pixel
figure.set_label("Rings round the middle, finer and finer outward, in a grey square.")
show(figure.add_axes((0, 0, 1, 1)), rings)

# %%

small = {
    "every 4th pixel": rings[::k, ::k],
    "max_pool2d": cpool.max_pool2d(rings, k),
    "median_pool2d": cpool.median_pool2d(rings, k),
    "avg_pool2d": cpool.avg_pool2d(rings, k),
    "avg_pool2d, windows of 8": cpool.avg_pool2d(rings, 2 * k, k, padding=k // 2,
                                                 count_include_pad=False),
    "blur_pool2d, twice": cpool.blur_pool2d(cpool.blur_pool2d(rings, 5), 5),
    "spectral_pool2d": cpool.spectral_pool2d(rings, (n // k, n // k)),
}  # fmt: skip
figure = pictures(small, columns=4, size=2.2, vmin=0, vmax=1)

# %%
# Every 4th pixel invents whole families of rings, and the median keeps many of them. The maximum
# is bright everywhere. A mean over each window takes most of the false rings away; windows that
# overlap, or a blur before each halving, take nearly all of the rest. Spectral pooling cuts at
# the limit and keeps the contrast up to there, at the price of ringing.
#
# By a number
# -----------
#
# Where the rings are finer than the limit, nothing should be left but an even grey of one half.
# The root of the mean squared difference from it:

fine = cpool.min_pool2d(radius, k) > 0.46  # the limit is at 0.31 along axes, 0.44 along diagonals
fine &= cpool.max_pool2d(radius, k) < 0.95
error = {name: np.sqrt(np.mean((picture[fine] - 0.5) ** 2)) for name, picture in small.items()}
figure, ax = plt.subplots(figsize=(6, 2.6))
figure.set_label("A bar for each way: the difference where nothing should be left.")
bars = ax.barh(list(error), list(error.values()))
ax.bar_label(bars, fmt="%.3f", padding=3)
ax.set(xlabel="difference where nothing should be left", xlim=(0, 0.55))
ax.invert_yaxis()

# %%
# A photograph
# ------------
#
# The same on a roof with fine tiles. The channels are last in this array, and nothing has to be
# copied for that. A detail shows it best.

china = load_sample_image("china.jpg")[20:244, 60:508]
ways = {
    "every 4th pixel": china[::k, ::k],
    "max_pool2d": cpool.max_pool2d(china, k, channels_last=True),
    "avg_pool2d": cpool.avg_pool2d(china, k, channels_last=True, dtype=np.uint8),
    "blur_pool2d, twice": np.rint(
        cpool.blur_pool2d(cpool.blur_pool2d(china / 255, channels_last=True), channels_last=True)
        * 255
    ).astype(np.uint8),
}
figure, axes = plt.subplots(2, 2, figsize=(8, 4.4))
for ax, (title, picture) in zip(axes.flat, ways.items(), strict=True):
    show(ax, picture, title)

# %%
# ``dtype=np.uint8`` asks for bytes again: the mean is rounded exactly, half to even.
#
# To any size
# -----------
#
# ``adaptive_avg_pool2d`` takes a size, whole multiple or not. Its windows have whole pixels, and
# so neighbours share pixels where the size does not divide. ``roi_align`` with one box averages
# samples that are interpolated between the pixels instead.

size = (60, 100)
box = np.array([[0, 0, 0, china.shape[1], china.shape[0]]], np.float32)
planes = np.moveaxis(china, -1, 0)[np.newaxis] / np.float32(255)
to_size = {
    "adaptive_avg_pool2d": cpool.adaptive_avg_pool2d(
        china, size, channels_last=True, dtype=np.uint8
    ),
    "roi_align of the whole picture": np.moveaxis(
        cpool.roi_align(planes, box, size, sampling_ratio=4, aligned=True)[0], 0, -1
    ).clip(0, 1),
}
figure, axes = plt.subplots(1, 2, figsize=(8, 2.6))
for ax, (title, picture) in zip(axes, to_size.items(), strict=True):
    show(ax, picture, f"{title}, {size[0]} × {size[1]}")
