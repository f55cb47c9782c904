"""
Masks and missing pixels
========================

Real pictures have holes: clouds over a landscape, dead pixels, the border that a warped picture
leaves. What is missing is often marked by a number, and an average that takes that number for a
brightness spreads the holes instead of closing them. ``where=`` says which pixels exist,
``weights=`` how much each is worth.
"""

# %%
# A picture with clouds
# ---------------------
#
# The clouds are made here: noise that is smoothed by pooling and cut at a threshold. What lies
# under them is set to −1, as files of such pictures do.

import numpy as np
from figures import pictures, show
from matplotlib import pyplot as plt
from sklearn.datasets import load_sample_image

import cpool

k = 8
photograph = load_sample_image("flower.jpg")[:424, :640].mean(axis=2) / 255
noise = np.random.default_rng(3).normal(size=photograph.shape)
for _ in range(3):
    noise = cpool.avg_pool2d(noise, 41, stride=1, padding="same", padding_mode="wrap")
thickness = np.clip(0.5 + noise / noise.std() / 2, 0, 1)
clear = thickness < 0.75
nodata = np.where(clear, photograph, -1)

figure, axes = plt.subplots(1, 2, figsize=(8, 3))
show(axes[0], photograph, "the photograph")
show(axes[1], nodata, f"{1 - clear.mean():.0%} of it under clouds, −1 there", vmin=-1, vmax=1)

# %%
# With and without a mask
# -----------------------
#
# A window without any pixel gives NaN, drawn orange here. All others are the mean of what exists.

maps = plt.get_cmap("gray").with_extremes(bad="#E69F00")
look = {"cmap": maps, "vmin": 0, "vmax": 1}
truth = cpool.avg_pool2d(photograph, k)
masked = cpool.avg_pool2d(nodata, k, where=clear)
figure = pictures(
    {
        "the truth": truth,
        "−1 taken for a brightness": cpool.avg_pool2d(nodata, k),
        "where=clear": masked,
        "median_pool2d, where=clear": cpool.median_pool2d(nodata, k, where=clear),
    },
    columns=2,
    size=4,
    **look,
)

# %%
# Where NaN marks what is missing, ``nan_policy="omit"`` does the same with no mask.

with_nan = np.where(clear, photograph, np.nan)
np.testing.assert_array_equal(cpool.avg_pool2d(with_nan, k, nan_policy="omit"), masked)

# %%
# Closing the holes
# -----------------
#
# Larger windows reach over the holes. From the finest on, each level fills what the finer ones
# left open: the push and pull of a pyramid, in a loop of four lines.

filled, left = masked.copy(), [np.isnan(masked).mean()]
for size in (3, 9, 27, 81):
    around = cpool.avg_pool2d(masked, size, stride=1, padding="same", nan_policy="omit")
    filled = np.where(np.isnan(filled), around, filled)
    left.append(np.isnan(filled).mean())
print("left open:", *(f"{share:.1%}" for share in left))
figure = pictures({"with holes": masked, "closed": filled}, columns=2, size=4, **look)

# %%
# Weights
# -------
#
# A mask is yes or no. Here each pixel of the camera is noisy in its own measure, known from
# pictures of an even wall: some are good, some nearly useless. The best mean of values with
# different variances weighs each by one over its variance, and ``weights=`` takes just that.

rng = np.random.default_rng(4)
deviation = 0.02 * 100 ** rng.random(photograph.shape)  # from 0.02 to 2
noisy = photograph + deviation * rng.normal(size=photograph.shape)
answers = {
    "plain mean": cpool.avg_pool2d(noisy, k),
    "where the noise is under 0.2": cpool.avg_pool2d(noisy, k, where=deviation < 0.2),
    "weighted by 1 / variance": cpool.avg_pool2d(noisy, k, weights=1 / deviation**2),
}
for name, answer in answers.items():
    print(f"{name:30s} error {np.sqrt(np.mean((answer - truth) ** 2)):.3f}")
figure = pictures({"every 8th pixel": noisy[::k, ::k]} | answers, columns=2, size=4, **look)
