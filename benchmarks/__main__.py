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
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

EXIT_DIFFERENT, EXIT_USAGE = 1, 2

if __package__:
    sys.exit("run it as `python benchmarks`: with -m Python looks for cpool in the working "
             "directory, not among the installed packages")

import measure  # noqa: E402
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
        description="Time the installed cpool beside its peers and a plain copy.",
        epilog="peers: " + ", ".join(peers.PEERS))
    parser.add_argument("--rows", metavar="PATTERN",
                        help="only rows whose name contains PATTERN; * and ? stand for any text")
    parser.add_argument("--peers", metavar="LIST", type=_peer_keys, default=list(peers.PEERS),
                        help="peers to compare with, separated by commas (default: all)")
    parser.add_argument("--quick", action="store_true",
                        help="few rounds, some minutes: a first look, not figures to quote")
    parser.add_argument("--threads", metavar="N", type=_positive, nargs="+",
                        help="numbers of threads (default: 1 and all)")
    parser.add_argument("--json", metavar="FILE", type=_new_file, help="write all timings there")
    parser.add_argument("--plot", metavar="FILE", type=_new_file,
                        help="draw a picture there (needs matplotlib)")
    parser.add_argument("--list", action="store_true", help="print the names of the rows and stop")
    options = parser.parse_args(arguments)
    options.selected = rows.select(rows.ROWS, options.rows)
    if not options.selected:
        parser.error(f"no row contains {options.rows!r}; --list prints their names")
    if options.plot and importlib.util.find_spec("matplotlib") is None:
        parser.error("--plot needs the package matplotlib")
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
    contenders, guesses = [], {}
    left_out, differing = {}, {}
    expected = arrays = result = None
    with contextlib.ExitStack() as stack:
        for peer in competitors:
            stack.enter_context(peer.using(threads))
        for peer in competitors:
            try:
                contender = peer.contender(row, data, threads)
                if contender is None:
                    left_out[peer.name] = "has no call for it"
                    continue
                start = time.perf_counter()
                result = contender.call()
                guesses[peer.name] = time.perf_counter() - start
            except Exception as error:
                # What a peer cannot do shows in as many ways as there are peers; cpool has to do
                # every row, and the rows after this one are worth their time all the same.
                kind = differing if peer.role == measure.SUBJECT else left_out
                kind[peer.name] = _first_line(error)
                continue
            arrays = contender.arrays(result)
            if expected is None:
                # cpool comes first.
                expected = arrays
            elif arrays:
                difference = measure.disagreement(arrays, expected, row.tolerance)
                if difference:
                    differing[peer.name] = difference
                    continue
            contenders.append(contender)
        # They may be as large as everything else together.
        del expected, arrays, result
        with measure.OtherWork() as others:
            timings = measure.time_rounds(
                contenders, effort, first_guess=guesses,
                settle=measure.wait_until_quiet if threads > 1 else lambda: None)
    roles = {contender.name: contender.role for contender in contenders}
    return report.Result(row, threads, timings, roles, left_out, differing, others.processors)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."


# --- all of it -----------------------------------------------------------------------------------

def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit code."""
    options = parse(arguments)
    if options.list:
        print("\n".join(row.name for row in options.selected))
        return 0
    cpool = installed_cpool()
    chosen = [peers.PEERS[key]() for key in options.peers]
    present = [peer for peer in chosen if not peer.missing]
    competitors = [peers.Cpool(cpool), peers.Cpool(cpool, out=True), *present]
    counts = list(dict.fromkeys(options.threads or (1, cpool.get_num_threads())))
    versions = {"numpy" if peer.key == "copy" else peer.name: peer.version
                for peer in competitors if peer.key != "cpool out="}
    about = report.environment(cpool.__file__, cpool.show_config(mode="dict"), versions,
                               {peer.name: peer.missing for peer in chosen if peer.missing})
    about["quick"] = options.quick
    report.print_environment(about)
    results = run(options.selected, competitors, counts,
                  measure.QUICK if options.quick else measure.FULL)
    for threads in counts:
        report.print_table(results, threads)
    if options.json:
        report.write_json(options.json, about, results)
    if options.plot:
        report.write_plot(options.plot, about, results)
    return EXIT_DIFFERENT if any(result.differing for result in results) else 0


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
