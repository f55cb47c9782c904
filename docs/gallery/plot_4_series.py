"""
A series of measurements
========================

A sensor writes a value every ten seconds for a week. Some values are missing, some are nonsense.
What is asked for: one value for each quarter of an hour, and a band that says how much it varied.
This is pooling along one axis, with long windows.
"""

# %%
# The series
# ----------
#
# Made here, so that the truth is known: a temperature with a daily course, slow weather and
# noise. Spikes come from the cable, gaps from the radio, and one afternoon the station was off.

import numpy as np
from figures import COLOURS
from matplotlib import pyplot as plt

import cpool

rng = np.random.default_rng(7)
per_hour, hours = 360, 7 * 24
n = per_hour * hours
hour = np.arange(n) / per_hour
truth = 12 + 5 * np.sin(2 * np.pi * (hour - 9) / 24) + 2 * np.sin(2 * np.pi * hour / 100)
series = truth + rng.normal(0, 0.4, n)
spikes = rng.random(n) < 0.01
series[spikes] += rng.choice([-25, 30], spikes.sum())
series[rng.random(n) < 0.2] = np.nan
series[(hour > 85.1) & (hour < 93.4)] = np.nan
print(f"{n} values, {np.isnan(series).mean():.0%} of them missing")

# %%
# A value for each quarter of an hour
# -----------------------------------
#
# ``nan_policy="omit"`` leaves missing values out: each window has the values that exist, and a
# window without any gives NaN, so the gap stays a gap. Windows do not overlap here: 90 values
# each.

quarter = per_hour // 4
time = cpool.avg_pool1d(hour, quarter)
mean = cpool.avg_pool1d(series, quarter, nan_policy="omit")
median = cpool.median_pool1d(series, quarter, nan_policy="omit")
trimmed = cpool.trimmed_mean_pool1d(series, quarter, cut=0.1, nan_policy="omit")

figure, ax = plt.subplots(figsize=(8, 3))
ax.plot(hour[::7], series[::7], ",", color="0.6")
ax.plot(time, mean, label="mean", color=COLOURS[1], linewidth=1)
ax.plot(time, median, label="median", color=COLOURS[0])
ax.set(xlabel="hour", ylabel="°C", xlim=(0, hours), ylim=(-5, 30))
ax.set_title("Quarters of an hour; single values grey, spikes beyond the picture cut off")
ax.legend(loc="lower right", ncols=2)

# %%
# The spikes pull the mean about; the median does not see them, and neither does a mean without
# the tenth at each end, which uses more of the good values. How far each is from the truth:

expected = cpool.avg_pool1d(truth, quarter)
for name, values in {"mean": mean, "trimmed mean": trimmed, "median": median}.items():
    print(f"{name:13s} {np.sqrt(np.nanmean((values - expected) ** 2)):.3f} °C")

# %%
# A band of quantiles
# -------------------
#
# Windows of three hours, one every quarter of an hour: 1080 values in each, overlapping. Padding
# does not exist for quantiles, so the ends have shorter windows and no invented values. ``where``
# leaves out what a rule calls nonsense; its elements are treated like missing ones.

windows = {"kernel_size": 12 * quarter, "stride": quarter, "padding": 11 * quarter // 2}
plausible = np.abs(series - np.repeat(median, quarter)) < 10
options = windows | {"where": plausible, "nan_policy": "omit"}
low, middle, high = (cpool.quantile_pool1d(series, q=q, **options) for q in (0.05, 0.5, 0.95))
centre = cpool.avg_pool1d(hour, **windows, count_include_pad=False)

figure, ax = plt.subplots(figsize=(8, 3))
ax.fill_between(centre, low, high, color=COLOURS[5], alpha=0.5, linewidth=0, label="5 % to 95 %")
ax.plot(centre, middle, color=COLOURS[0], label="median of three hours")
ax.plot(hour[::quarter], truth[::quarter], "--", color="black", linewidth=0.8, label="truth")
ax.set(xlabel="hour", ylabel="°C", xlim=(0, hours))
ax.set_title("Rolling quantiles, without what is missing or not plausible")
ax.legend(loc="lower right", ncols=3)

# %%
# How many values does each result stand on? A sum of ones over what exists counts them. Results
# on too few can then be told apart.

exists = plausible & ~np.isnan(series)
count = cpool.sum_pool1d(exists, **windows, dtype=np.int64)
share = count / cpool.sum_pool1d(np.ones(n), **windows)

figure, ax = plt.subplots(figsize=(8, 1.8))
ax.fill_between(centre, share, step="mid", color=COLOURS[2], linewidth=0)
ax.set(xlabel="hour", ylabel="share", xlim=(0, hours), ylim=(0, 1))
ax.set_title("Share of each window's values that exist")
