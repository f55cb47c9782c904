r"""
Which other poolings exist, and why are they rare?
==================================================

Maximum and average are in nearly every network, and dozens of other poolings in nearly none. Are
the others worse, or slower, or is it habit?

**What is expected.** Between the mean and the maximum lies a continuum (Lp norms, power means,
log-sum-exp, SoftPool, mixtures), and whatever lies on it should do about as well as its ends. What
asks *all* elements of a window to be on, such as the minimum or the geometric mean, should be worse
behind a rectifier, where most elements are zero. What draws at random should act as a
regulariser, and learn more slowly. Operators that look at all elements of a window at once
should be several times slower than the maximum.
"""

# %%
# One task, every operator
# ------------------------
#
# The two stages of :doc:`plot_1_max_or_average`, 8 × 8 to 2 × 2 on the digits, once with each
# operator of cpool that halves a picture: all reductions of the registry over windows of 2 × 2, and
# the alternatives. All begin at equal scale, as there. ``power mean`` learns its exponent,
# ``log-sum-exp`` its rate, ``mixed`` its share, ``gated`` a small filter, and ``lip`` a 1 × 1
# convolution that gives every element its weight. The random ones draw while they learn and, where
# they have a rule for it, not while they are tested.
#
# Left out are those that do not halve a picture (global and pyramid pooling, attention, regions of
# interest), and fractional pooling, which with a ratio of exactly 2 has nothing left to draw. Two
# networks without pooling are there to compare with: ``every second`` drops three of
# four elements, ``strided convolution`` does not compute them (:doc:`plot_3_without_pooling`).
#
# Times are of a forward and a backward pass over a batch of 8 pictures of 32 × 32 pixels and 16
# channels, on one thread, divided by that of the maximum in the same round. They are of cpool's
# implementations: reductions are compiled, some alternatives are made of several compiled steps.

import matplotlib.pyplot as plt
import numpy as np
from experiments import report, tasks, timing
from experiments.networks import Pool
from experiments.poolings import poolings

accuracy = {name: tasks.accuracies(name) for name in poolings()}
accuracy["strided convolution"] = tasks.halved("strided")


def passes(pooling):
    """A call that goes forward and back."""
    layer = Pool(pooling, 16, tasks.generator(0))
    x = tasks.generator(1).random((8, 16, 32, 32), np.float32)
    gy = np.ones_like(layer(x))

    def call():
        layer(x, training=True)
        return layer.backward(gy)

    return call


times = timing.seconds({name: passes(each) for name, each in poolings().items()}, rounds=7)
times = timing.ratios(times, "max")
without = tasks.two_stages(poolings()["max"], 0).size
learned = {name: tasks.two_stages(each, 0).size - without for name, each in poolings().items()}
order = sorted(accuracy, key=lambda name: -report.mean(accuracy[name]))

fig, (left, right) = report.figure(
    "A row for each operator, the best on top. On the left the test accuracy with an "
    "error bar, on the right the time relative to the maximum, with quartiles.",
    columns=2,
    width=8.5,
    height=8,
)
report.dots(left, {name: accuracy[name] for name in order}, "test accuracy, %")
left.axvline(report.mean(accuracy["max"]), color="0.5", linestyle=":")
for place, name in zip(range(len(order))[::-1], order, strict=True):
    if name in times:
        low, centre, high = timing.middle(times[name])
        bars = [[centre - low], [high - centre]]
        right.errorbar(centre, place, xerr=bars, fmt="s", color=report.COLOURS[1], capsize=3)
right.axvline(1, color="0.5", linestyle=":")
right.set(xscale="log", xlabel="time / time of max, forward and back", yticks=[])
right.set_ylim(left.get_ylim())
right.grid(axis="x", alpha=0.3)
plt.show()

# %%
# The dotted lines are the maximum. The bars of times are quartiles of seven rounds.

report.Table(
    ("operator", "test accuracy, %", "minus max, points", "clear", "time / max", "learned numbers"),
    [
        (
            name,
            report.told(accuracy[name]),
            *report.against(accuracy[name], accuracy["max"]),
            timing.spread(times[name], 1) if name in times else "",
            learned.get(name, 0),
        )
        for name in order
    ],
)

# %%
# ``sum`` and ``haar`` are 4 and 2 times the average, ``lp`` is twice the root mean square, so
# that at equal scale they are the same networks; and of four elements the median and the trimmed
# mean are both the mean of the middle two. These were trained once. The mode of values that all
# differ is the least of them, since of equally frequent values the smallest is taken.
#
# Answer
# ------
#
# In numbers of this run:

others = [name for name in order if name != "max"]
clear = [name for name in others if report.is_clear(accuracy[name], accuracy["max"])]
worse = [name for name in clear if report.mean(accuracy[name] - accuracy["max"]) < 0]
better = [name for name in clear if name not in worse]
slower = [name for name in others if name in times and timing.middle(times[name])[1] > 2]

print(f"max: {report.told(accuracy['max'])} %; others: {len(others)}")
print(f"clearly better than max ({len(better)}): {', '.join(better) or 'none'}")
print(f"clearly worse ({len(worse)}): {', '.join(worse) or 'none'}")
print(f"no clear difference: {len(others) - len(clear)}")
print(f"more than twice the time of max: {len(slower)} of {len(times) - 1}")
print(f"best: {order[0]}, {report.compared(accuracy[order[0]], accuracy['max'])}")
print(f"last: {order[-1]}, {report.compared(accuracy[order[-1]], accuracy['max'])}")

# %%
# Read "no clear difference" as what it is: with this many seeds, on this task, none was seen. And
# among this many comparisons one or two are called clear by chance.
#
# Why are they rare, then?
#
# * **There is little to gain.** The convolutions before and after a pooling learn, and make good
#   for much of what it does. An operator that is better has to be so by more than retraining with
#   another seed changes.
# * **They cost time**, as the right panel shows: a maximum or a mean folds rows before columns, and
#   its gradient is a copy. Weighted means need exponentials or powers of every element, order
#   statistics need an order, and learned ones a second network. Libraries and chips have fast
#   kernels for two operators.
# * **They have an argument to choose**: an exponent, a rate, a share. The maximum has none.
# * **Some do not suit a rectifier**: a product or a harmonic mean is zero as soon as one element
#   is, and has no gradient there.
#
# They are at home where the question is another one: the generalised mean as the last, global
# pooling of image retrieval (Radenović, Tolias and Chum 2019), the median against outliers, the
# mode for maps of labels, log-sum-exp where a smooth maximum is wanted, regions of interest in
# detectors, blur and polyphase where shifts matter (:doc:`plot_4_shifts`).
#
# References
# ----------
#
# * Radenović, F., Tolias, G. and Chum, O. (2019). Fine-tuning CNN image retrieval with no human
#   annotation. IEEE Transactions on Pattern Analysis and Machine Intelligence 41, 1655-1668.
# * :doc:`/maths/index` and :doc:`/alternatives/index` define all operators,
#   with the papers that they are from.
