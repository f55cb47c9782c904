"""Time cpool beside its peers: ``python benchmarks``, or ``--quick`` for a first look.

The installed cpool is measured, and the first line of the report says where it lies. Run this
folder, not ``-m benchmarks``: with ``-m`` Python looks for cpool in the working directory first,
and finds sources there.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

EXIT_DIFFERENT, EXIT_USAGE = 1, 2

#: Name of the files that are written.
FILES = "cpool-benchmarks"

if __package__:
    sys.exit("run it as `python benchmarks`: with -m Python looks for cpool in the working "
             "directory, not among the installed packages")

import measure  # noqa: E402
import numpy as np  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
import rows  # noqa: E402


def installed_cpool() -> ModuleType:
    """Import cpool; exit with one line where it is missing, or sources that were not built."""
    try:
        found = importlib.util.find_spec("cpool")
    except ImportError:
        found = None
    if found is None:
        _refuse("cpool is not installed here: pip install '.[bench]'")
    place = found.origin or ", ".join(found.submodule_search_locations or ())
    try:
        module = importlib.import_module("cpool")
    except ImportError as error:
        _refuse(f"cpool at {place} cannot be imported, is it a source tree that was not built? "
                f"Install it (pip install '.[bench]') and take the tree off PYTHONPATH.\n{error}")
    if module.__file__ is None or not hasattr(module, "show_config"):
        _refuse(f"cpool at {place} is a folder, not the installed package: "
                "pip install '.[bench]'")
    return module


def _refuse(message: str) -> None:
    print(f"benchmarks: {message}", file=sys.stderr)
    sys.exit(EXIT_USAGE)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python benchmarks",
        description="Time the installed cpool beside its peers and a plain copy; print a table, "
                    "write all timings and a plot.",
        epilog="peers: " + ", ".join(peers.PEERS) + "; those that are not installed are left out")
    parser.add_argument("--rows", metavar="PATTERN",
                        help="only rows whose name contains PATTERN; * and ? stand for any text; "
                             "or a group: " + ", ".join(rows.GROUPS))
    parser.add_argument("--peers", metavar="LIST", type=_peer_keys, default=list(peers.PEERS),
                        help="peers to compare with, separated by commas (default: all)")
    parser.add_argument("--quick", action="store_true",
                        help="few rounds of some rows (of all that --rows names), some minutes: "
                             "a first look, not figures to quote")
    parser.add_argument("--threads", metavar="N", type=_positive, nargs="+",
                        help="numbers of threads (default: 1 and all)")
    parser.add_argument("--json", metavar="FILE", type=_new_file, default=Path(f"{FILES}.json"),
                        help="write all timings there (default: %(default)s)")
    parser.add_argument("--csv", metavar="FILE", type=_new_file,
                        help="write the table there, with a column for the number of threads")
    parser.add_argument("--plot", metavar="FILE", type=_new_file, default=Path(f"{FILES}.png"),
                        help="draw a picture there, with matplotlib (default: %(default)s)")
    parser.add_argument("--list", action="store_true",
                        help="print the names of the rows and stop; + stands before those that "
                             "--quick measures")
    options = parser.parse_args(arguments)
    options.selected = rows.select(rows.ROWS, options.rows)
    if not options.selected:
        parser.error(f"no row contains {options.rows!r}; --list prints their names")
    if options.quick and options.rows is None:
        options.selected = tuple(row for row in options.selected if row.quick)
    return options


def _peer_keys(text: str) -> list[str]:
    keys = [key.strip() for key in text.split(",") if key.strip()]
    unknown = [key for key in keys if key not in peers.PEERS]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"unknown peer {unknown[0]!r}, there are {', '.join(peers.PEERS)}")
    return list(dict.fromkeys(keys))


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def _new_file(text: str) -> Path:
    # Known now, not after the last row.
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"no folder {path.parent}")
    return path


# --- one row -------------------------------------------------------------------------------------

def run_row(row: rows.Row, data: rows.Data, competitors: Sequence[peers.Peer], threads: int,
            effort: measure.Effort) -> report.Result:
    """Check each contender's result against cpool's, then time those that agree."""
    if row.missing:
        return report.Result(row, threads, {}, {}, {"everybody": row.missing})
    with contextlib.ExitStack() as stack:
        for peer in competitors:
            stack.enter_context(peer.using(threads))
        entered = Entered(row, effort)
        for peer in competitors:
            entered.add(peer, data, threads)
        # It may be as large as everything else together.
        entered.expected = None
        with measure.OtherWork() as others:
            timings = measure.time_rounds(
                entered.contenders, effort, first_guess=entered.guesses,
                settle=measure.wait_until_quiet if threads > 1 else lambda: None)
    roles = {contender.name: contender.role for contender in entered.contenders}
    return report.Result(row, threads, timings, roles, entered.left_out, entered.differing,
                         others.processors)


class Entered:
    """Who takes part in a row, and why the others do not."""

    def __init__(self, row: rows.Row, effort: measure.Effort) -> None:
        self.row, self.effort = row, effort
        self.contenders: list[measure.Contender] = []
        self.guesses: dict[str, float] = {}
        self.left_out: dict[str, str] = {}
        self.differing: dict[str, str] = {}
        self.expected: tuple[np.ndarray, ...] | None = None

    def add(self, peer: peers.Peer, data: rows.Data, threads: int) -> None:
        """Let a peer take part if it does the row, in time and with the right result."""
        # Their number is told once, under the table.
        if peer.role == measure.PEER and not self.row.has_peers:
            return
        if peer.naive and self.row.visits > self.effort.visits:
            self.left_out[peer.name] = (
                f"may read all window elements, more than {self.effort.visits:.1g}")
            return
        try:
            self._try(peer, data, threads)
        except peers.LeftOutError as reason:
            self.left_out[peer.name] = str(reason)
        except Exception as error:
            # What a peer cannot do shows in as many ways as there are peers; cpool has to do
            # every row, and the rows after this one are worth their time all the same.
            kind = self.differing if peer.role == measure.SUBJECT else self.left_out
            kind[peer.name] = _first_line(error)

    def _try(self, peer: peers.Peer, data: rows.Data, threads: int) -> None:
        contender = peer.contender(self.row, data, threads)
        if contender is None:
            if peer.role == measure.PEER:
                self.left_out[peer.name] = "has no call for it"
            return
        start = time.perf_counter()
        result = contender.call()
        self.guesses[peer.name] = time.perf_counter() - start
        arrays = self.row.comparable(contender.arrays(result))
        if self.expected is None:
            # cpool comes first.
            self.expected = arrays
        elif arrays:
            difference = measure.disagreement(
                arrays, self.expected, self.row.tolerance, self.row.slack + contender.slack,
                contender.region)
            if difference:
                self.differing[peer.name] = difference
                return
        self.contenders.append(contender)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."


# --- all of it -----------------------------------------------------------------------------------

def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit code."""
    options = parse(arguments)
    if options.list:
        print("\n".join(f"{'+' if row.quick else ' '} {row.name}" for row in options.selected))
        return 0
    cpool = installed_cpool()
    chosen = [peers.PEERS[key]() for key in options.peers]
    present = [peer for peer in chosen if not peer.missing]
    competitors = [peers.Cpool(cpool), peers.Cpool(cpool, out=True), peers.PlainCpool(cpool),
                   *present]
    counts = list(dict.fromkeys(options.threads or (1, cpool.get_num_threads())))
    versions = {peer.name: peer.version for peer in present if peer.key != "copy"}
    about = report.environment(cpool.__file__, cpool.show_config(mode="dict"), versions,
                               {peer.name: peer.missing for peer in chosen if peer.missing})
    about["quick"] = options.quick
    report.print_environment(about)
    results = run(options.selected, competitors, counts,
                  measure.QUICK if options.quick else measure.FULL)
    for threads in counts:
        report.print_table(results, threads)
    write_files(options, about, results)
    return EXIT_DIFFERENT if any(result.differing for result in results) else 0


def write_files(options: argparse.Namespace, about: Mapping[str, object],
                results: Sequence[report.Result]) -> None:
    """Write all timings, and the plot where it can be drawn."""
    report.write_json(options.json, about, results)
    print(f"written: {options.json}")
    if options.csv:
        report.write_csv(options.csv, results)
        print(f"written: {options.csv}")
    if importlib.util.find_spec("matplotlib") is None:
        print("no plot: it needs the package matplotlib")
        return
    report.write_plot(options.plot, about, results)
    print(f"written: {options.plot}")


def run(selected: Sequence[rows.Row], competitors: Sequence[peers.Peer], counts: Sequence[int],
        effort: measure.Effort) -> list[report.Result]:
    """Measure the rows with each number of threads."""
    results = []
    start = time.perf_counter()
    for number, row in enumerate(selected, 1):
        data = rows.Data(row)
        for threads in counts:
            result = run_row(row, data, competitors, threads, effort)
            results.append(result)
            ratio = result.ratio()
            outcome = result.verdict or "no peer"
            if ratio:
                outcome += f", {ratio.median:.2f}"
            report.progress(f"{time.perf_counter() - start:4.0f} s  {number}/{len(selected)}  "
                            f"{row.name}, {report.threads_text(threads)}: {outcome}")
    return results


if __name__ == "__main__":
    sys.exit(main())
