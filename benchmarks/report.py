"""What is told: a table for the terminal, JSON, and a plot."""

from __future__ import annotations

import csv
import datetime
import json
import os
import platform
import statistics
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import measure
from measure import AHEAD, BEHIND, LEVEL, PEER, PLAIN, SUBJECT, YARDSTICK, Spread
from rows import Row

#: What a row is called where a peer's result is not cpool's: its times prove nothing.
DIFFERS = "DIFFERS"
#: What a row is called that no peer does.
NO_PEER = "no peer"
#: Rows that are behind head the table, after results that need a look.
ORDER = (DIFFERS, BEHIND, LEVEL, AHEAD, None)
#: From so many processors used by others on, a row is not to be trusted.
DISTURBED = 0.15
COLOURS = {PEER: "#9a9a9a", SUBJECT: "#0b6e99", YARDSTICK: "#e0b040"}


@dataclass(frozen=True)
class Result:
    """A row with so many threads: the timings, and what follows from them.

    Parameters
    ----------
    row : Row
    threads : int
    timings : mapping of str to list of float
        Seconds for one call, by contender and round.
    roles : mapping of str to str
        What each contender is.
    left_out : mapping of str to str
        Why a peer has no timings.
    differing : mapping of str to str
        How a peer's result differs from cpool's, or how cpool fails; what is named here is not
        timed.
    other_work : float, optional
        How many processors other processes used meanwhile.
    """

    row: Row
    threads: int
    timings: Mapping[str, Sequence[float]]
    roles: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)
    differing: Mapping[str, str] = field(default_factory=dict)
    other_work: float | None = None

    def _named(self, role: str) -> list[str]:
        return [name for name, each in self.roles.items() if each == role]

    @property
    def best_peer(self) -> str | None:
        """The peer with the least median."""
        return measure.fastest(self.timings, self._named(PEER))

    @property
    def compared(self) -> str | None:
        """What stands beside cpool: the best peer, else cpool without the row's option."""
        return self.best_peer or measure.fastest(self.timings, self._named(PLAIN))

    @property
    def yardstick(self) -> str | None:
        """The plain copy, where it was measured."""
        return measure.fastest(self.timings, self._named(YARDSTICK))

    @property
    def disturbed(self) -> bool:
        """Whether other processes used the processors meanwhile."""
        return (self.other_work or 0.0) > DISTURBED

    def median(self, name: str | None) -> float | None:
        """Return the median seconds of a contender, None where there are none."""
        seconds = self.timings.get(name, ())
        return statistics.median(seconds) if seconds else None

    def ratio(self, subject: str = "cpool") -> Spread | None:
        """Return the spread of (best peer / cpool) over the rounds."""
        return self.ratio_to(self.best_peer, subject)

    def ratio_to(self, peer: str | None, subject: str = "cpool") -> Spread | None:
        """Return the spread of (a peer / cpool) over the rounds that both took part in."""
        each = measure.ratios(self.timings.get(peer, ()), self.timings.get(subject, ()))
        return Spread.of(each) if each else None

    @property
    def verdict(self) -> str | None:
        """``"ahead"``, ``"level"`` or ``"behind"``; None where no peer does the row.

        The call with a fresh result decides: it is the one that most people write. A row where
        the results differ is neither, and a few rounds decide nothing.
        """
        if self.differing:
            return DIFFERS
        ratio = self.ratio()
        if ratio and len(self.timings[self.best_peer]) < measure.LEAST_ROUNDS:
            return LEVEL
        return ratio and ratio.verdict

    def as_dict(self) -> dict[str, object]:
        """Return everything, ready for JSON."""
        return {
            "row": self.row.as_dict(),
            "threads": self.threads,
            "seconds": {name: list(values) for name, values in self.timings.items()},
            "median": {name: self.median(name) for name in self.timings},
            "left_out": dict(self.left_out),
            "differing": dict(self.differing),
            "other_work": self.other_work,
            "best_peer": self.best_peer,
            "compared": self.compared,
            "ratio": {subject: _spread_dict(self.ratio(subject))
                      for subject in self._named(SUBJECT)},
            "ratio_to_peer": {peer: _spread_dict(self.ratio_to(peer))
                              for peer in self._named(PEER)},
            "verdict": self.verdict,
        }


def _spread_dict(spread: Spread | None) -> dict[str, object] | None:
    return spread and {**asdict(spread), "verdict": spread.verdict}


def sorted_results(results: Sequence[Result]) -> list[Result]:
    """Return the rows that are behind first, otherwise in the order they were measured."""
    return sorted(results, key=lambda result: ORDER.index(result.verdict))


def geometric_means(results: Sequence[Result], subject: str = "cpool") -> dict[int, float | None]:
    """Return the geometric mean of the median ratios (best peer / cpool), by threads."""
    counts = sorted({result.threads for result in results})
    return {threads: measure.geometric_mean(_medians(results, threads, subject))
            for threads in counts}


def _medians(results: Sequence[Result], threads: int, subject: str) -> list[float]:
    """Return the median ratios (best peer / cpool) of the rows that have one."""
    spreads = (result.ratio(subject) for result in results
               if result.threads == threads and not result.differing)
    return [spread.median for spread in spreads if spread]


# --- what it ran with ----------------------------------------------------------------------------

def environment(cpool_path: str, config: Mapping[str, object], versions: Mapping[str, str],
                missing: Mapping[str, str]) -> dict[str, object]:
    """Return what the figures depend on."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpool": {**config, "path": cpool_path},
        "processor": processor_name(),
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": dict(versions),
        "missing": dict(missing),
    }


def processor_name() -> str:
    """Return the name of the processor, as Linux knows it or as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def print_environment(about: Mapping[str, object]) -> None:
    """Print what the figures depend on."""
    cpool = dict(about["cpool"])
    print(f"measured: {cpool.pop('path')}")
    for key, value in _flat(cpool):
        print(f"  {key}: {value}")
    print(f"on: {about['processor']}, {about['processors']} processors, {about['system']}")
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    print(f"with: Python {about['python']}, {versions}")
    for name, why in about["missing"].items():
        print(f"without: {name}, {why}")


def _flat(config: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    pairs = []
    for key, value in config.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{prefix}{key} ")
        elif isinstance(value, list | tuple | set | frozenset):
            pairs.append((f"{prefix}{key}", " ".join(map(str, value))))
        else:
            pairs.append((f"{prefix}{key}", value))
    return pairs


# --- table ---------------------------------------------------------------------------------------

HEADINGS = ("", "row", "cpool", "out=", "copy", "cpool/copy", "best peer", "", "peer/cpool",
            "quartiles", "peer/out=")
LEFT_ALIGNED = {0, 1, 6}


def print_table(results: Sequence[Result], threads: int) -> None:
    """Print the rows with so many threads, those that are behind first, and the mean at the end.

    Times are microseconds, medians over the rounds.
    """
    ours = [result for result in results if result.threads == threads]
    lines = [HEADINGS, *(_cells(result) for result in sorted_results(ours))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\n{threads_text(threads)}, microseconds")
    for line in lines:
        cells = (cell.ljust(width) if i in LEFT_ALIGNED else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(line, widths, strict=True)))
        print("  ".join(cells).rstrip())
    _print_summary(ours)


def _cells(result: Result) -> tuple[str, ...]:
    beside = result.compared
    ratio, out_ratio = result.ratio_to(beside), result.ratio_to(beside, "cpool out=")
    cpool, copy = result.median("cpool"), result.median(result.yardstick)
    return (
        (result.verdict or NO_PEER) + ("*" if result.disturbed else ""),
        result.row.name,
        _microseconds(cpool),
        _microseconds(result.median("cpool out=")),
        _microseconds(copy),
        f"{cpool / copy:.2f}" if cpool and copy else "-",
        beside or "-",
        _microseconds(result.median(beside)),
        f"{ratio.median:.2f}" if ratio else "-",
        f"{ratio.lower:.2f} to {ratio.upper:.2f}" if ratio else "-",
        f"{out_ratio.median:.2f}" if out_ratio else "-",
    )


def _print_summary(results: Sequence[Result]) -> None:
    counts = {verdict: sum(result.verdict == verdict for result in results)
              for verdict in (AHEAD, LEVEL, BEHIND, DIFFERS)}
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()
                    if count or verdict != DIFFERS))
    for subject in ("cpool", "cpool out="):
        for threads, mean in geometric_means(results, subject).items():
            if mean is not None:
                count = len(_medians(results, threads, subject))
                print(f"geometric mean of best peer / {subject}: {mean:.2f} over {_rows(count)}")
    for peer in _names(results, PEER):
        _print_peer(peer, results)
    for result in results:
        for name, why in result.differing.items():
            print(f"DIFFERS: {name}, {result.row.name}: {why}")
    disturbed = [result.other_work for result in results if result.disturbed]
    if disturbed:
        print(f"* DISTURBED: other processes used up to {max(disturbed):.1f} processors in "
              f"{len(disturbed)} of {len(results)} rows: measure again on a quiet machine")
    for why, counts in _left_out(results).items():
        names = ", ".join(f"{name} on {_rows(count)}" for name, count in counts.items())
        print(f"left out: {names}: {why}")
    without = sum(bool(result.row.existing) for result in results)
    if without:
        print(f"{_rows(without)} with where or omit stand beside cpool without, not beside peers")
    _print_forms([result for result in results if result.row.form])


def _print_forms(results: Sequence[Result]) -> None:
    """Print how much longer it takes if the input is no ordinary array, at worst."""
    pairs = [(result.ratio_to(result.compared), result.row.name) for result in results
             if not result.differing and result.ratio_to(result.compared)]
    if pairs:
        least, row = min(pairs, key=lambda pair: pair[0].median)
        print(f"{_rows(len(pairs))} with arrays of another form stand beside cpool with ordinary "
              f"ones; at worst these take {1 / least.median:.1f} times as long ({row})")


def _print_peer(peer: str, results: Sequence[Result]) -> None:
    """Print how cpool does against one peer in all the rows that the peer does."""
    pairs = [(result.ratio_to(peer), result.row.name) for result in results
             if not result.differing and result.ratio_to(peer)]
    if not pairs:
        return
    least, row = min(pairs, key=lambda pair: pair[0].median)
    ahead = sum(spread.verdict == AHEAD for spread, _ in pairs)
    mean = measure.geometric_mean([spread.median for spread, _ in pairs])
    print(f"{peer} / cpool: geometric mean {mean:.2f}, ahead in {ahead} of {len(pairs)} rows, "
          f"least {least.median:.2f} ({row})")


def _names(results: Sequence[Result], role: str) -> list[str]:
    return list(dict.fromkeys(name for result in results for name, each in result.roles.items()
                              if each == role))


def _left_out(results: Sequence[Result]) -> dict[str, dict[str, int]]:
    """Return the number of rows for each reason and peer."""
    counts: dict[str, dict[str, int]] = {}
    for result in results:
        for name, why in result.left_out.items():
            names = counts.setdefault(why, {})
            names[name] = names.get(name, 0) + 1
    return counts


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _microseconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    value = 1e6 * seconds
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def threads_text(threads: int) -> str:
    """Return the number with its noun."""
    return "1 thread" if threads == 1 else f"{threads} threads"


# --- files ---------------------------------------------------------------------------------------

def write_json(path: Path, about: Mapping[str, object], results: Sequence[Result]) -> None:
    """Write everything that was measured."""
    subjects = _names(results, SUBJECT)
    document = {
        "environment": about,
        "geometric_mean": {subject: geometric_means(results, subject) for subject in subjects},
        "results": [result.as_dict() for result in results],
    }
    path.write_text(json.dumps(document, indent=1, default=str, allow_nan=False) + "\n",
                    encoding="utf-8")


def write_csv(path: Path, results: Sequence[Result]) -> None:
    """Write the table, times in microseconds, the rows that are behind first."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("threads", "verdict", *HEADINGS[1:7], "its time", *HEADINGS[8:]))
        for result in sorted(sorted_results(results), key=lambda result: result.threads):
            cells = ("" if cell == "-" else cell for cell in _cells(result))
            writer.writerow((result.threads, *cells))


def write_plot(path: Path, about: Mapping[str, object], results: Sequence[Result]) -> None:
    """Draw a bar for best peer, cpool and copy for each row, a panel for each thread count."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    counts = sorted({result.threads for result in results})
    rows = max(sum(result.threads == count for result in results) for count in counts)
    figure, panels = pyplot.subplots(
        1, len(counts), squeeze=False, figsize=(2 + 8 * len(counts), 2 + 0.3 * rows),
        layout="constrained")
    for panel, count in zip(panels[0], counts, strict=True):
        _draw_panel(panel, [result for result in results if result.threads == count])
        panel.set_title(threads_text(count), loc="left")
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    figure.suptitle(textwrap.fill(f"{about['processor']}: {versions}", 90 * len(counts)),
                    fontsize=9)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _draw_panel(panel: object, results: Sequence[Result]) -> None:
    results = sorted_results(results)
    bars = (
        (PEER, "best peer", [result.median(result.compared) for result in results]),
        (SUBJECT, "cpool", [result.median("cpool") for result in results]),
        (YARDSTICK, "copy", [result.median(result.yardstick) for result in results]),
    )
    height = 0.27
    for i, (role, label, seconds) in enumerate(bars):
        places = [place + (i - 1) * height for place in range(len(results))]
        values = [float("nan") if each is None else 1e6 * each for each in seconds]
        panel.barh(places, values, height, color=COLOURS[role], label=label)
    for place, result in enumerate(results):
        ratio = result.ratio_to(result.compared)
        text = f"{ratio.median:.2g}x {result.compared}" if ratio else ""
        medians = filter(None, (result.median(result.compared), result.median("cpool")))
        panel.annotate(DIFFERS if result.differing else text,
                       (1e6 * max(medians, default=1e-6), place),
                       xytext=(4, 0), textcoords="offset points", va="center", fontsize=7,
                       color="#b03030" if result.verdict in (BEHIND, DIFFERS) else "#404040")
    panel.set_yticks(range(len(results)), [result.row.name for result in results], fontsize=7)
    panel.set_ylim(len(results) - 0.5, -0.5)
    panel.set_xscale("log")
    # Room for the words at the right of the longest bar.
    left, right = panel.get_xlim()
    panel.set_xlim(left, right * 60)
    panel.set_xlabel("microseconds, less is better")
    panel.grid(axis="x", which="major", linewidth=0.4)
    panel.set_axisbelow(True)
    panel.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, fontsize=8, frameon=False)


def progress(text: str) -> None:
    """Tell how far it is, where it is out of the way of the table."""
    print(text, file=sys.stderr, flush=True)
