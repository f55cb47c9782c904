r"""
Why does max usually beat average?
==================================

Most networks that pool inside take the maximum of small windows. Why not the mean, which uses every
element?

**What is expected.** A network's features are detectors: large where something is found, near zero
elsewhere. The maximum keeps "it is there"; the mean dilutes it with the places where it is not. So
the maximum should win where features are *rare*, and with windows of a *middle* size: in a window
that is too large, some place always fires by chance (Boureau, Ponce and LeCun 2010). For features
that are often on, the mean should win.

The page looks at this twice: in a model that can be computed exactly, and in networks.
"""

# %%
# The exact model
# ---------------
#
# A feature is on (1) at each of :math:`P` places with probability :math:`\alpha_1` in one class and
# :math:`\alpha_2` in the other, independently. Pooled over the places it has
#
# .. math::
#
#    \text{average:} \quad & \mu = \alpha, & \quad \sigma^2 &= \alpha (1 - \alpha) / P, \\
#    \text{max:} \quad & \mu = 1 - (1 - \alpha)^P, &
#    \quad \sigma^2 &= \bigl( 1 - (1 - \alpha)^P \bigr) (1 - \alpha)^P .
#
# The pooled feature tells the classes apart if its means are far from one another, compared with
# its spread. So let the *separability* be
# :math:`|\mu_1 - \mu_2| \,/\, (\sigma_1 + \sigma_2)`. For the average it grows as
# :math:`\sqrt P`. The two means of the maximum are the same at :math:`P = 0` and at
# :math:`P = \infty`, and farthest apart at
#
# .. math::
#
#    P^* = \frac{\log \bigl( \log(1 - \alpha_2) / \log(1 - \alpha_1) \bigr)}
#               {\log(1 - \alpha_1) - \log(1 - \alpha_2)} .
#
# The lines are these formulas, the dots are features that were drawn at random and pooled with
# :func:`cpool.max_pool1d` and :func:`cpool.avg_pool1d`.

import matplotlib.pyplot as plt
import numpy as np
from experiments import report, separability, tasks

CASES = {"often on": (0.4, 0.2), "rare": (0.1, 0.001)}
DRAWS = 2**17 if tasks.QUICK else 2**19
sizes = 2 ** np.arange(9)
fine = np.geomspace(1, 256, 200)

drawn = {
    (pooling, case): [
        [
            separability.simulated(pooling, *alphas, int(places), DRAWS, tasks.generator(seed))
            for seed in tasks.SEEDS
        ]
        for places in sizes
    ]
    for case, alphas in CASES.items()
    for pooling in ("max", "average")
}

fig, axes = report.figure(
    "Separability against the number of places in a pool, for features that are often on "
    "and for rare ones. In each panel a line for the maximum and one for the average, "
    "with dots of what was drawn.",
    columns=2,
    width=8,
)
for ax, (case, alphas) in zip(axes, CASES.items(), strict=True):
    for pooling, colour in zip(("max", "average"), report.COLOURS, strict=False):
        ax.plot(fine, separability.separability(pooling, *alphas, fine), color=colour)
        values = drawn[pooling, case]
        report.lines(ax, sizes, {pooling: values}, color=colour, linestyle="none", marker="o")
    ax.axvline(separability.best_size(*alphas), color="0.5", linestyle=":")
    ax.set(xscale="log", yscale="log", xlabel="places in a pool", ylabel="separability")
    ax.set_ylim(0.05, 20)
    ax.set_title(rf"{case}: $\alpha_1 = {alphas[0]}$, $\alpha_2 = {alphas[1]}$")
    ax.legend()
plt.show()

# %%
# The dotted line is :math:`P^*`. The maximum has its peak at a middle size in both cases, near that
# line. Where features are often on, it is never ahead. Where they are rare it is ahead up to quite
# large pools, until the mean catches up.
#
# Do formula and drawing agree? The table compares them at some sizes, and adds what the
# separability does not tell: how often the best possible decision on the pooled feature is wrong.


def row(case, pooling, places):
    alphas = CASES[case]
    formula = separability.separability(pooling, *alphas, float(places))
    values = drawn[pooling, case][int(np.log2(places))]
    wrong = separability.least_error(pooling, *alphas, places)
    drawn_text = report.told(values, 3)
    return case, pooling, places, f"{formula:.3f}", drawn_text, f"{100 * wrong:.2f} %"


report.Table(
    ("features", "pooling", "places", "formula", "drawn", "least error"),
    [
        row(case, pooling, places)
        for case, places in (("often on", 4), ("rare", 8), ("rare", 32))
        for pooling in ("max", "average")
    ],
)

# %%
# The last column is a warning. If places are independent, the sum of a binary feature tells all
# that there is to know, and the maximum can be computed from it. So the best decision on the mean
# is never worse than that on the maximum, even where its separability is smaller. What the maximum
# has is a *simpler* job for what follows: it is a yes or no, with a threshold that does not depend
# on the size of the pool.

# %%
# The same network with each pooling
# ----------------------------------
#
# Two stages of convolution, rectifier and 2 × 2 pooling, then a linear classifier: 1898 parameters.
# Only the pooling differs. ``every second`` is no pooling: it keeps one of four elements.
#
# A fair comparison needs one more thing. A mean of few large values and many zeros is small, an Lp
# norm is large, and the size of the values decides how fast what follows learns. So each pooling
# layer divides by a constant, the root mean square of its output in the first batch: all networks
# begin *at equal scale*. What it is like without that comes afterwards.

NAMES = ("max", "average", "lp (p = 2)", "soft", "mixed", "every second")
results = {name: tasks.accuracies(name) for name in NAMES}

fig, ax = report.figure(
    "Test accuracy of the network with each pooling: the mean with an error bar, and a "
    "grey dot for each seed."
)
report.dots(ax, results, "test accuracy, %")
plt.show()

# %%
# Each grey dot is a seed, the bars are standard errors of the mean.

report.Table(
    ("pooling", "test accuracy, %", "max minus it, points", "clear"),
    [
        (name, report.told(values), *report.against(results["max"], values))
        for name, values in results.items()
    ],
)

# %%
# Scale, and time to learn
# ~~~~~~~~~~~~~~~~~~~~~~~~
#
# Is the average worse, or only slower? The same at the scale that each pooling has by itself, and
# after three times as many steps.

short, long = tasks.STEPS, tasks.LONG
ways = {
    f"own scale, {short} steps": {"equal_scale": False, "steps": short},
    f"equal scale, {short} steps": {"steps": short},
    f"equal scale, {long} steps": {"steps": long},
}
gaps = {
    way: [tasks.accuracies(name, **given) for name in ("max", "average")]
    for way, given in ways.items()
}

report.Table(
    ("trained", "max, %", "average, %", "difference, points", "clear"),
    [
        (way, report.told(top), report.told(average), *report.against(top, average))
        for way, (top, average) in gaps.items()
    ],
)

# %%
# Larger pools
# ~~~~~~~~~~~~
#
# The model says that the size of the pool decides. So here is one stage: 24 filters of 5 × 5, a
# rectifier, one pooling from 8 × 8 to fewer cells, and a classifier. A larger window leaves it
# fewer numbers, whatever the pooling, so both lines should fall to the right. The question is
# which falls less.

WINDOWS = (1, 2, 4, 8)
by_size = {
    name: [tasks.one_pooling(name, 8 // window) for window in WINDOWS]
    for name in ("max", "average")
}

fig, ax = report.figure(
    "Test accuracy against the size of the window: a line with error bars for the "
    "maximum, one for the average."
)
report.lines(ax, WINDOWS, by_size)
ax.set(xscale="log", xlabel="window, pixels along each axis", ylabel="test accuracy, %")
ax.set_xticks(WINDOWS, [f"{w} × {w}" for w in WINDOWS])
ax.minorticks_off()
ax.legend()
plt.show()

# %%
# Answer
# ------
#
# In numbers of this run:

best = max(results, key=lambda name: report.mean(results[name]))
print(f"Best of these poolings: {best}, {report.told(results[best])} % of the test pictures.")
print("max - average:")
for way, (top, average) in gaps.items():
    print(f"  2 x 2 windows, {way}: {report.compared(top, average)}")
for window, top, average in zip(WINDOWS[1:], *(by_size[name][1:] for name in by_size), strict=True):
    print(f"  one stage, {window} x {window} windows: {report.compared(top, average)}")

# %%
# The folklore gives one reason; there are several, and they can be told apart.
#
# * **Rarity.** The exact model shows an advantage of the maximum for rare features, its peak at a
#   middle size, and none for features that are often on.
# * **Scale.** What lies between the first two rows of the table above has nothing to do with what a
#   mean forgets: dividing by a constant changes it.
# * **Time.** What lies between the last two rows is a matter of how long the networks learned.
#   Papers that compare poolings in other circumstances find other gaps.
# * **The size of the window.** What is left in the last row is what the operator itself is worth
#   with 2 × 2 windows on this task; the last figure shows what it is worth with others.
#
# "Usually" is right, "always" is not: it depends on how often features fire, on the size of the
# window, and on how long and at which scale the network is trained.
#
# References
# ----------
#
# * Boureau, Y.-L., Ponce, J. and LeCun, Y. (2010). A theoretical analysis of feature pooling in
#   visual recognition. ICML 2010, 111-118.
# * Alpaydin, E. and Kaynak, C. (1998). Optical recognition of handwritten digits. UCI Machine
#   Learning Repository. The data set, as scikit-learn has it.
