"""
The pyramid of a large picture
==============================

Viewers of large pictures, slides under a microscope or maps, keep the picture in halves: the full
size, half of it, a quarter, and so on. Each level is the mean of 2 × 2 pixels of the level
before. All levels together take a third of the memory of the picture itself, and with ``out=``
nothing else is needed.
"""

# %%
# A mosaic
# --------
#
# A large picture that comes with a package: the deep field of the Hubble telescope, laid out in
# tiles with every second one mirrored.

import os
import tracemalloc

import numpy as np
from figures import show
from matplotlib import pyplot as plt
from skimage import data

import cpool

quick = os.environ.get("CPOOL_DOCS_QUICK", "0") not in {"", "0"}
tiles = 2 if quick else 8

tile = data.hubble_deep_field()[:832, :960]
pair = np.concatenate([tile, tile[:, ::-1]], axis=1)
mosaic = np.tile(np.concatenate([pair, pair[::-1]]), (tiles // 2, tiles // 2, 1))
print(f"{mosaic.shape[0]} × {mosaic.shape[1]} pixels, {mosaic.nbytes / 1e6:.0f} MB")

# %%
# One block of memory for all levels
# ----------------------------------
#
# The levels are views of one array that is made beforehand; it might as well be a
# ``numpy.memmap`` of a file. ``out=`` says where a result goes. ``dtype=np.uint8`` asks for
# bytes: the mean of four bytes is rounded half to even, exactly, so that no level gets brighter
# than the one before.

levels = 6
shapes = [(mosaic.shape[0] >> i, mosaic.shape[1] >> i, 3) for i in range(1, levels)]
ends = np.cumsum([np.prod(shape) for shape in shapes])
memory = np.empty(ends[-1], np.uint8)
parts = np.split(memory, ends[:-1])
pyramid = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def build(picture, pyramid):
    for level in pyramid:
        cpool.avg_pool2d(picture, 2, channels_last=True, dtype=np.uint8, out=level)
        picture = level


tracemalloc.start()
build(mosaic, pyramid)
peak = tracemalloc.get_traced_memory()[1]
tracemalloc.stop()
print(f"levels: {memory.nbytes / mosaic.nbytes:.3f} of the mosaic")
print(f"arrays allocated besides, at most: {peak / 1e3:.0f} kB")
print("mean of each level:", *(f"{level.mean():.2f}" for level in [mosaic, *pyramid]))

# %%
# A third is 1/4 + 1/16 + 1/64 + …
#
# Looking at it
# -------------
#
# Every level shows the same part of the sky, with the pixels it has.

figure, axes = plt.subplots(2, 3, figsize=(8, 5.2))
for i, (ax, level) in enumerate(zip(axes.flat, [mosaic, *pyramid], strict=True)):
    height, width = (832 >> i) // 2, (960 >> i) // 2
    part = level[height // 2 : height // 2 + height, width // 2 : width // 2 + width]
    show(ax, part, f"level {i}: {width} × {height} pixels")

# %%
# Levels of maxima
# ----------------
#
# Where single bright points matter, as stars do here, a pyramid of means loses them: after three
# levels a point has a sixty-fourth of its height. A pyramid of maxima keeps every one of them,
# and one of minima next to it tells between which bounds each block lies. Viewers of waveforms do
# the same along one axis.

brightness = np.ascontiguousarray(tile.max(axis=2))[:416, :480]
shown = {
    "mean of 8 × 8": cpool.avg_pool2d(brightness, 8),
    "maximum": cpool.max_pool2d(brightness, 8),
    "minimum": cpool.min_pool2d(brightness, 8),
}
figure, axes = plt.subplots(1, 3, figsize=(8, 2.6))
for ax, (title, picture) in zip(axes, shown.items(), strict=True):
    show(ax, picture, title, vmin=0, vmax=255)
