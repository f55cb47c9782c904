"""How it is measured: interleaved rounds in one process, and what may be concluded from them.

On a shared machine the speed of everything drifts within seconds, and it drifts by more than the
differences of interest. So contenders are not measured one after the other: in each round every
contender runs once, or in a batch long enough for the clock, and two contenders are compared by
the ratios *within* rounds. Contenders and clock are handed in, so that tests can pass false ones.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import math
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

AHEAD, LEVEL, BEHIND = "ahead", "level", "behind"

#: What a contender is in the comparison: what is measured, a rival, a measure for both, or what is
#: measured without the option that a row is about.
SUBJECT, PEER, YARDSTICK, PLAIN = "subject", "peer", "yardstick", "plain"

#: A peer this many times slower than the fastest one may be given fewer rounds than the others.
FAR_BEHIND = 3.0

#: Quartiles of fewer ratios than this say little.
LEAST_ROUNDS = 5

#: Calls before the first round, where the time allows. Allocators take up to ten calls before they
#: keep a freed result of some megabytes for the next one; until then page faults cost more than
#: the pooling, and the times of a row would depend on the rows before it.
WARM_CALLS = 12


@dataclass(frozen=True)
class Contender:
    """Something to time.

    Parameters
    ----------
    name : str
    role : str
        ``"subject"``, ``"peer"``, ``"yardstick"`` or ``"plain"``.
    call : callable
        Does the work once and returns the library's own result.
    arrays : callable
        Turns that result into NumPy arrays, channels first, to compare; an empty tuple where
        there is nothing to compare.
    run : callable, optional
        Does the work so many times; by default a loop over ``call``.
    region : tuple of slice, or array of bool
        The part of the result that is to agree: a library may treat borders in its own way.
    slack : float
        How much the result may differ besides: what a library is known to lose.
    """

    name: str
    role: str
    call: Callable[[], object]
    arrays: Callable[[object], tuple[np.ndarray, ...]]
    run: Callable[[int], None] | None = None
    region: tuple[slice, ...] | np.ndarray = ()
    slack: float = 0.0

    def repeat(self, times: int) -> None:
        """Do the work ``times`` times."""
        if self.run is not None:
            self.run(times)
            return
        call = self.call
        for _ in itertools.repeat(None, times):
            call()


@dataclass(frozen=True)
class Effort:
    """How much time is spent.

    Parameters
    ----------
    rounds : int
        Rounds for each row, where the time allows.
    few : int
        Rounds of a peer that is far behind the fastest peer, where the time is short.
    batch_seconds : float
        A batch is at least this long.
    warm_seconds : float
        Time for the calls of a contender before the first round.
    row_seconds : float
        Time for all rounds of a row.
    visits : float
        A row whose windows have more elements together is too much for a peer that may read each.
    """

    rounds: int
    few: int
    batch_seconds: float
    warm_seconds: float
    row_seconds: float
    visits: float = math.inf


FULL = Effort(rounds=15, few=2, batch_seconds=0.005, warm_seconds=0.25, row_seconds=1.5,
              visits=2.5e9)
QUICK = Effort(rounds=7, few=1, batch_seconds=0.002, warm_seconds=0.1, row_seconds=0.6,
               visits=5e8)


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, lower, upper)

    @property
    def verdict(self) -> str:
        """What per-round ratios of (peer / cpool) say.

        Ahead only if the whole interquartile range is above 1, behind only if it is below.
        """
        if self.lower > 1:
            return AHEAD
        return BEHIND if self.upper < 1 else LEVEL


# --- rounds --------------------------------------------------------------------------------------

def time_rounds(
    contenders: Sequence[Contender],
    effort: Effort,
    *,
    first_guess: Mapping[str, float] | None = None,
    settle: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Time the contenders in interleaved rounds.

    Parameters
    ----------
    contenders : sequence of Contender
    effort : Effort
    first_guess : mapping of str to float, optional
        Seconds of an earlier call of each contender, which counts as one of the calls before the
        rounds.
    settle : callable
        Waits until what the contender before has left running is quiet.
    clock : callable
        Seconds.

    Returns
    -------
    dict of str to list of float
        Seconds for one call in each of the rounds that a contender took part in, the first ones.
    """
    guesses = first_guess or {}
    seconds = {}
    for contender in contenders:
        settle()
        guess = guesses.get(contender.name, 0.0)
        seconds[contender.name] = _warm_up(contender, effort, guess, clock)
    batches = {name: max(1, math.ceil(effort.batch_seconds / each))
               for name, each in seconds.items()}
    rounds = _share_rounds(contenders, seconds, batches, effort)
    timings: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    with _no_garbage_collection():
        for number in range(max(rounds.values(), default=0)):
            if number == effort.few:
                rounds = _readmit(contenders, timings, rounds)
            for contender in rotated(contenders, number):
                if number < rounds[contender.name]:
                    settle()
                    batch = batches[contender.name]
                    timings[contender.name].append(_time_batch(contender, batch, clock))
    return timings


def rotated(contenders: Sequence[Contender], number: int) -> list[Contender]:
    """Return the order in a round: each contender is first in turn, then again backwards."""
    turn, first = divmod(number, len(contenders))
    order = [*contenders[first:], *contenders[:first]]
    # Backwards too, so that nobody always follows the same other one.
    return order[::-1] if turn % 2 else order


def _warm_up(contender: Contender, effort: Effort, guess: float,
             clock: Callable[[], float]) -> float:
    """Call it some times, and return the seconds of one call, near enough to choose a batch."""
    spent = seconds = guess
    for _ in range(WARM_CALLS):
        if spent >= effort.warm_seconds:
            break
        seconds = _time_calls(contender, 1, clock)
        spent += seconds
    times = 1
    while times * seconds < effort.batch_seconds / 4 and times < 1 << 20:
        times *= 2
        seconds = max(_time_calls(contender, times, clock) / times, 1e-9)
    return seconds


def _time_calls(contender: Contender, times: int, clock: Callable[[], float]) -> float:
    start = clock()
    contender.repeat(times)
    return clock() - start


def _share_rounds(contenders: Sequence[Contender], seconds: Mapping[str, float],
                  batches: Mapping[str, int], effort: Effort) -> dict[str, int]:
    """Return the number of rounds of each contender that fit into the time of a row."""
    cost = {name: each * batches[name] for name, each in seconds.items()}
    if sum(cost.values()) * effort.rounds <= effort.row_seconds:
        return dict.fromkeys(cost, effort.rounds)
    peers = [contender.name for contender in contenders if contender.role == PEER]
    limit = FAR_BEHIND * min((seconds[name] for name in peers), default=math.inf)
    far = {name for name in peers if seconds[name] > limit}
    left = effort.row_seconds - effort.few * sum(cost[name] for name in far)
    rounds = int(left / sum(cost[name] for name in cost.keys() - far))
    rounds = min(effort.rounds, max(rounds, LEAST_ROUNDS))
    return {name: min(effort.few, rounds) if name in far else rounds for name in cost}


def _readmit(contenders: Sequence[Contender], timings: Mapping[str, Sequence[float]],
             rounds: Mapping[str, int]) -> dict[str, int]:
    """Give all rounds to peers that are not far behind after all: their first calls were slow."""
    medians = {contender.name: statistics.median(timings[contender.name])
               for contender in contenders if contender.role == PEER and timings[contender.name]}
    limit = FAR_BEHIND * min(medians.values(), default=math.inf)
    most = max(rounds.values())
    return {name: most if medians.get(name, math.inf) <= limit else each
            for name, each in rounds.items()}


def _time_batch(contender: Contender, batch: int, clock: Callable[[], float]) -> float:
    if batch > 1:
        # Threads wake up and caches fill in a call that does not count.
        contender.repeat(1)
    return _time_calls(contender, batch, clock) / batch


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def wait_until_quiet(limit: float = 0.1) -> None:
    """Sleep until this process uses no processor, at most ``limit`` seconds.

    The worker threads of OpenMP and of ONNX Runtime go on spinning for some milliseconds after a
    call. Whoever is timed next would share the processors with them.
    """
    end = time.perf_counter() + limit
    while time.perf_counter() < end:
        wall, used = time.perf_counter(), time.process_time()
        time.sleep(0.001)
        if time.process_time() - used < 0.25 * (time.perf_counter() - wall):
            return


class OtherWork:
    """How many processors others used while a row was measured, None where nobody tells.

    Spinning threads that share a processor with another process lose whole time slices: ratios
    from such a row say more about the other process. Used as a context manager.
    """

    def __init__(self) -> None:
        self.processors: float | None = None

    def __enter__(self) -> OtherWork:
        self._busy, self._own, self._wall = self._now()
        return self

    def __exit__(self, *error: object) -> None:
        busy, own, wall = self._now()
        elapsed = wall - self._wall
        # /proc/stat counts in hundredths of a second.
        if self._busy is not None and busy is not None and elapsed > 0.2:
            used = (busy - self._busy) - (own - self._own)
            self.processors = max(0.0, used / elapsed)

    @staticmethod
    def _now() -> tuple[float | None, float, float]:
        try:
            with open("/proc/stat", encoding="ascii") as file:
                user, nice, system, _, _, irq, softirq, steal, *_ = map(
                    int, file.readline().split()[1:])
            busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError):
            busy = None
        return busy, time.process_time(), time.perf_counter()


# --- conclusions ---------------------------------------------------------------------------------

def ratios(numerator: Sequence[float], denominator: Sequence[float]) -> list[float]:
    """Return numerator / denominator round by round, for the rounds that both took part in."""
    return [n / d for n, d in zip(numerator, denominator, strict=False)]


def fastest(timings: Mapping[str, Sequence[float]], names: Iterable[str]) -> str | None:
    """Return the name with the least median, None where there is none."""
    return min((name for name in names if timings.get(name)),
               key=lambda name: statistics.median(timings[name]), default=None)


def geometric_mean(values: Sequence[float]) -> float | None:
    """Return the geometric mean, None of nothing."""
    return math.exp(statistics.fmean(map(math.log, values))) if values else None


def disagreement(result: Sequence[np.ndarray], expected: Sequence[np.ndarray],
                 tolerance: float, slack: float = 0.0,
                 region: tuple[slice, ...] | np.ndarray = ()) -> str:
    """Say how a result differs from the one expected; an empty text where it does not.

    Allowed are a share ``tolerance`` of the largest magnitude, and ``slack`` besides.
    """
    if len(result) != len(expected):
        return f"{len(result)} arrays instead of {len(expected)}"
    for got, want in zip(result, expected, strict=True):
        if got.shape != want.shape:
            return f"shape {got.shape} instead of {want.shape}"
        got, want = got[region], want[region]
        if np.array_equal(got, want, equal_nan=True):
            continue
        if not slack and (want.dtype.kind in "iub" or tolerance == 0):
            return f"{np.count_nonzero(got != want)} of {want.size} elements differ"
        difference = float(np.max(np.abs(got.astype(np.float64) - want.astype(np.float64))))
        allowed = slack + tolerance * float(np.max(np.abs(want.astype(np.float64))))
        # Written so that a NaN is a difference.
        if not difference <= allowed:
            return f"differs by {difference:.3g}, {allowed:.3g} allowed"
    return ""
