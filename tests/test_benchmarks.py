"""The folder benchmarks/: its rows are sound, its arithmetic is right, it measures what it says."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

import cpool
from cpool import alternatives
from cpool.reductions import REGISTRY

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


NAMES = ("rows", "measure", "peers", "report")


def load() -> list[ModuleType]:
    """Load the modules as `python benchmarks` finds them, and leave no trace of their names."""
    before = {name: sys.modules.pop(name) for name in NAMES if name in sys.modules}
    sys.path.insert(0, str(FOLDER))
    try:
        loaded = [importlib.import_module(name) for name in NAMES]
        spec = importlib.util.spec_from_file_location("benchmarks_main", FOLDER / "__main__.py")
        loaded.append(importlib.util.module_from_spec(spec))
        spec.loader.exec_module(loaded[-1])
    finally:
        sys.path.remove(str(FOLDER))
        for name in [*sys.modules]:
            if name.partition(".")[0] in NAMES:
                del sys.modules[name]
        sys.modules.update(before)
    return loaded


rows, measure, peers, report, benchmarks_main = load()

ROWS = [row for row in rows.ROWS if not row.missing]


def contender(name: str, role: str = measure.PEER, run=None) -> measure.Contender:
    return measure.Contender(name, role, lambda: None, lambda result: (), run)


# --- rows ----------------------------------------------------------------------------------------

def test_names_are_unique():
    names = [row.name for row in rows.ROWS]
    assert len(set(names)) == len(names)


def test_rows_cannot_be_changed():
    row = rows.ROWS[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.dtype = "float64"
    with pytest.raises(TypeError):
        row.arguments["kernel_size"] = 5


def test_planar_rows_are_there_in_both_layouts():
    planar = [row for row in rows.ROWS if row.rank == 2 and "image" not in row.title]
    assert len(planar) > 100
    for row in planar:
        other = (rows.CHANNELS_FIRST if row.layout == rows.CHANNELS_LAST else rows.CHANNELS_LAST)
        assert dataclasses.replace(row, layout=other) in planar


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_output_shape_and_bytes(row):
    row = row.tiny()
    if row.is_sliding:
        # By counting the places of the window along each axis.
        sizes = [len(range(0, n + 2 * padding - kernel + 1, stride))
                 for n, (kernel, stride, padding) in zip(row.shape[2:], row.windows, strict=True)]
        assert row.output_shape == (*row.shape[:2], *sizes)
    data = rows.Data(row)
    x, gy = data.x(row.layout), data.gy(row.layout)
    assert x.dtype == row.dtype
    assert x.flags.c_contiguous
    assert row.bytes_moved >= x.nbytes + gy.nbytes


def test_every_operator_has_a_row():
    measured = {re.sub("^(adaptive|global)_|[123]d$", "", row.function_name) for row in rows.ROWS}
    names = [kind.function for kind in REGISTRY.values()]
    names += [name for name in alternatives.__all__ if name[0].islower()]
    assert {re.sub("^(adaptive|global)_|[123]d$", "", name) for name in names} <= measured


def test_a_group_stands_for_its_rows():
    assert set(rows.GROUPS) == {
        "folds", "forms", "means", "order", "random", "regions", "alternatives"}
    for group in rows.GROUPS:
        chosen = rows.select(rows.ROWS, group)
        assert {row for row in rows.ROWS if row.group == group} <= set(chosen)
    assert {row.group for row in rows.select(rows.ROWS, "regions")} == {"regions"}


def test_what_is_drawn_is_compared_by_its_means():
    row = next(row for row in rows.ROWS if row.is_drawn)
    once, = row.comparable(result_of(peers.Cpool(cpool), row))
    other = dataclasses.replace(row, arguments={**row.arguments, "rng": 1})
    again, = other.comparable(result_of(peers.Cpool(cpool), other))
    assert once.shape == (row.shape[1],)
    assert measure.disagreement((once,), (again,), 0.0, row.slack) == ""
    assert measure.disagreement((once,), (again + 0.2,), 0.0, row.slack)
    assert not np.array_equal(once, again)


@pytest.mark.parametrize("rank", [2, 3])
def test_labels_have_majorities_and_borders(rank):
    row = next(row for row in rows.ROWS if row.operator == "mode" and row.rank == rank)
    made = rows.labels(row)
    assert made.shape == row.shape
    assert made.dtype == row.dtype
    same = np.mean(made[..., 1:] == made[..., :-1])
    assert 0.6 < same < 0.95


def test_blocks_without_a_majority_are_not_compared_with_tinybrain():
    x = np.array([[1, 1, 1, 2, 1, 2, 3, 4], [1, 5, 1, 2, 3, 1, 5, 6]], np.uint8)[None, None]
    data = SimpleNamespace(x=lambda layout: x)
    decided = peers.images._decided(None, data)
    assert decided.tolist() == [[[[True, False, True, False]]]]


def test_adaptive_windows():
    # [0, 4), [3, 7), [6, 10), [10, 14), [13, 17), [16, 20)
    assert rows.largest_adaptive(20, 6) == 4
    assert rows.largest_adaptive(14, 7) == 2


def test_positions_for_unpooling_lie_in_their_windows():
    row = next(row for row in rows.ROWS if row.operator == "unpool").tiny()
    places = rows.random_positions(row)
    down, across = np.divmod(places, row.output_shape[3])
    np.testing.assert_array_equal(down // 2, np.broadcast_to(np.arange(8)[:, None], row.shape))
    np.testing.assert_array_equal(across // 2, np.broadcast_to(np.arange(8), row.shape))
    assert len(np.unique(places % 2)) == 2


def test_quick_rows_are_some_of_each_kind():
    quick = [row for row in rows.ROWS if row.quick]
    assert 30 < len(quick) < len(rows.ROWS) / 3
    for kind in ("backward", "positions", "keeps", "existing", "is_global", "is_adaptive"):
        assert any(getattr(row, kind) for row in quick), kind


def test_values_that_repeat():
    many = rows.random_values(rows.MOST_DRAWN + 2, "uint8")
    assert len(many) == rows.MOST_DRAWN + 2
    assert (many[-2:] == many[:2]).all()


def test_values_are_the_same_in_both_layouts():
    row = rows.ROWS[0].tiny()
    first, last = (rows.Data(row).x(layout) for layout in (rows.CHANNELS_FIRST, rows.CHANNELS_LAST))
    assert first.shape == row.shape
    np.testing.assert_array_equal(rows.to_channels_first(last, rows.CHANNELS_LAST), first)


@pytest.mark.parametrize(
    "pattern, expected",
    [
        (None, lambda row: True),
        ("backward", lambda row: row.backward),
        ("UINT8", lambda row: row.dtype == "uint8"),
        ("max 13*nhwc", lambda row: "max 13" in row.title and row.layout == rows.CHANNELS_LAST),
        ("no such row", lambda row: False),
    ],
)
def test_select(pattern, expected):
    assert rows.select(rows.ROWS, pattern) == tuple(filter(expected, rows.ROWS))


# --- cpool and its peers on tiny rows ------------------------------------------------------------

def result_of(peer, row):
    """Return the arrays of a peer for a row, None where it has no call for it."""
    with peer.using(1):
        made = peer.contender(row, rows.Data(row), threads=1)
        return made and made.arrays(made.call())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_cpool_does_each_row(row):
    row = row.tiny()
    fresh = result_of(peers.Cpool(cpool), row)
    expected = row.shape if row.backward else row.output_shape
    assert row.group in rows.GROUPS
    assert len(fresh) == (2 if row.positions else 1)
    assert all(array.shape == expected for array in fresh)
    assert fresh[0].dtype == row.result_dtype
    given = result_of(peers.Cpool(cpool, out=True), row)
    for one, other in zip(fresh, given, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("existing", ["", "where", "omit"])
def test_plain_cpool_is_the_call_without_the_option(existing):
    row = dataclasses.replace(rows.ROWS[0].tiny(), existing=existing)
    made = peers.PlainCpool(cpool).contender(row, rows.Data(row), 1)
    if not existing:
        assert made is None
        return
    plain = made.call()
    fewer, = result_of(peers.Cpool(cpool), row)
    assert made.arrays(plain) == ()
    assert plain.shape == fewer.shape
    assert not np.array_equal(plain, fewer)


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize("form", list(rows.FORMS))
def test_forms_are_not_ordinary_and_plain_cpool_is_given_what_is(form, layout):
    row = dataclasses.replace(rows.ROWS[0].tiny(), form=form, layout=layout)
    data = rows.Data(row)
    ordinary, x = data.x(layout), data.x_in_form(layout)
    np.testing.assert_array_equal(x, ordinary)
    assert ordinary.flags.carray
    assert ordinary.dtype.isnative
    assert not (x.flags.c_contiguous and x.flags.aligned and x.dtype.isnative)
    made = peers.PlainCpool(cpool).contender(row, data, 1)
    assert not row.has_peers
    np.testing.assert_array_equal(made.arrays(made.call())[0],
                                  result_of(peers.Cpool(cpool), row)[0])


# Not ours to mend: what the peers say about themselves.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("key", [key for key in peers.PEERS if key != "copy"])
def test_peers_agree_with_cpool(key):
    peer = peers.PEERS[key]()
    if peer.missing:
        pytest.skip(f"{peer.name}: {peer.missing}")
    texts = []
    # Of folds some; of each operator that peers compose, everything.
    chosen = (each for each in ROWS if each.quick or each.group != "folds")
    for row in (each.tiny() for each in chosen if each.taps < 1000 and not each.existing):
        # What a peer cannot do shows in as many ways as there are peers; never in float32.
        refusals = peers.LeftOutError if row.dtype == "float32" else Exception
        with contextlib.suppress(refusals), peer.using(1):
            made = peer.contender(row, rows.Data(row), threads=1)
            result = made and made.arrays(made.call())
            if result is not None:
                ours = row.comparable(result_of(peers.Cpool(cpool), row))
                text = measure.disagreement(row.comparable(result), ours, row.tolerance,
                                            row.slack + made.slack, made.region)
                texts.append(f"{row.name}: {text}" if text else "")
    assert set(texts) == {""}


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(__version__="1"))
    assert "onnx" in peers.PEERS["onnxruntime"]().missing


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_copy_moves_half_the_bytes(threads):
    row = rows.Row("max 2x2/2", "max", (1, 64, 128, 128), {"kernel_size": 2})
    made = peers.Copy().contender(row, rows.Data(row), threads)
    target, source = made.call.args
    assert target.nbytes == source.nbytes == row.bytes_moved // 2
    assert (made.run is not None) == (threads > 1)
    target[:] = 0
    made.repeat(2)
    np.testing.assert_array_equal(target, source)


# --- arithmetic ----------------------------------------------------------------------------------

class Clock:
    """A clock that stands still until a contender moves it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[str, int]] = []

    def __call__(self) -> float:
        return self.now

    def contender(self, name: str, seconds: float, role: str = measure.PEER) -> measure.Contender:
        def run(times: int) -> None:
            self.calls.append((name, times))
            self.now += times * seconds

        return contender(name, role, run)


EFFORT = measure.Effort(
    rounds=8, few=2, batch_seconds=1.0, warm_seconds=15.0, row_seconds=1000.0)


def test_times_are_of_one_call_and_batches_fill_the_time():
    clock = Clock()
    fast = clock.contender("cpool", 1 / 64, measure.SUBJECT)
    slow = clock.contender("peer", 3.0)
    timings = measure.time_rounds([fast, slow], EFFORT, clock=clock)
    assert timings == {"cpool": [1 / 64] * 8, "peer": [3.0] * 8}
    assert clock.calls.count(("cpool", 64)) == 8
    # Five calls fill the 15 seconds before the rounds.
    assert clock.calls.count(("peer", 1)) == 5 + 8


def test_rounds_are_interleaved_and_each_is_first_in_turn():
    clock = Clock()
    three = [clock.contender(name, 2.0) for name in "abc"]
    measure.time_rounds(three, EFFORT, clock=clock)
    order = "".join(name for name, _ in clock.calls[-8 * len(three):])
    assert order == "abc" "bca" "cab" "cba" "acb" "bac" "abc" "bca"


def test_settling_comes_before_each_timing():
    clock, settled = Clock(), []
    measure.time_rounds([clock.contender(name, 20.0) for name in "ab"], EFFORT, clock=clock,
                        settle=lambda: settled.append(len(clock.calls)))
    assert settled == list(range(len(clock.calls)))


def test_a_peer_far_behind_gets_few_rounds_where_time_is_short():
    clock = Clock()
    effort = dataclasses.replace(EFFORT, row_seconds=60.0)
    cpool_, best, far = (clock.contender("cpool", 1.0, measure.SUBJECT),
                         clock.contender("best", 4.0), clock.contender("far", 25.0))
    timings = measure.time_rounds([cpool_, best, far], effort, clock=clock)
    # (60 - 2 * 25) / (1 + 4) are two rounds: the least number is five.
    assert {name: len(each) for name, each in timings.items()} == {
        "cpool": 5, "best": 5, "far": 2}


def test_a_peer_whose_first_calls_are_slow_gets_its_rounds():
    clock = Clock()
    effort = dataclasses.replace(EFFORT, row_seconds=60.0)
    calls = 0

    def run(times: int) -> None:
        nonlocal calls
        calls += 1
        clock.now += times * (40.0 if calls == 1 else 3.0)

    ours, late = clock.contender("cpool", 1.0, measure.SUBJECT), contender("late", run=run)
    timings = measure.time_rounds([ours, clock.contender("best", 4.0), late], effort, clock=clock)
    assert {name: len(each) for name, each in timings.items()} == {
        "cpool": 5, "best": 5, "late": 5}


def test_few_rounds_decide_nothing():
    assert fake_result([2.0] * 4, [1.0] * 5).verdict == "level"


def test_a_slow_contender_is_not_called_again_before_the_rounds():
    clock = Clock()
    measure.time_rounds([clock.contender("slow", 20.0)], EFFORT, first_guess={"slow": 20.0},
                        clock=clock)
    assert clock.calls == [("slow", 1)] * 8


def test_a_calibrated_batch_starts_with_a_call_that_does_not_count():
    clock = Clock()
    cold = True

    def run(times: int) -> None:
        # The first call after the others costs ten seconds more.
        nonlocal cold
        clock.now += 0.25 * times + 10 * cold
        cold = False

    def others() -> None:
        nonlocal cold
        cold = True

    one = contender("one", measure.SUBJECT, run)
    timings = measure.time_rounds([one], EFFORT, clock=clock, settle=others)
    assert timings["one"] == [0.25] * 8


def test_calls_before_the_rounds_are_bounded():
    clock = Clock()
    measure.time_rounds([clock.contender("one", 1.0)], EFFORT, clock=clock)
    assert len(clock.calls) == measure.WARM_CALLS + 8


def fake_result(peer, cpool_, **others) -> report.Result:
    timings = {"cpool": cpool_, "peer": peer, **others}
    roles = dict.fromkeys(timings, measure.PEER) | {"cpool": measure.SUBJECT}
    return report.Result(rows.ROWS[0], 1, timings, roles)


@pytest.mark.parametrize(
    "peer, ours, expected",
    [
        ([2.0] * 5, [1.0] * 5, "ahead"),
        ([1.0] * 5, [2.0] * 5, "behind"),
        ([1.0] * 5, [1.0] * 5, "level"),
        # Ratios 0.9, 1.1, 1.2, 1.3, 1.4: the lower quartile is 1.1.
        ([0.9, 1.1, 1.2, 1.3, 1.4], [1.0] * 5, "ahead"),
        # Ratios 0.8, 0.9, 1.2, 1.3, 1.4: the median is above 1, the lower quartile is not.
        ([0.8, 0.9, 1.2, 1.3, 1.4], [1.0] * 5, "level"),
        # The same below.
        ([1.2, 1.1, 0.9, 0.8, 0.7], [1.0] * 5, "level"),
        ([1.2, 0.9, 0.9, 0.8, 0.7], [1.0] * 5, "behind"),
        # A machine that gets ten times slower on the way changes nothing within a round.
        ([2.0, 4.0, 8.0, 16.0, 20.0], [1.0, 2.0, 4.0, 8.0, 10.0], "ahead"),
    ],
)
def test_verdict(peer, ours, expected):
    assert fake_result(peer, ours).verdict == expected


def test_quartiles():
    spread = measure.Spread.of([5.0, 1.0, 4.0, 2.0, 3.0])
    assert (spread.lower, spread.median, spread.upper) == (2.0, 3.0, 4.0)
    assert measure.Spread.of([1.5]) == measure.Spread(1.5, 1.5, 1.5)


def test_ratios_use_the_rounds_of_both():
    assert measure.ratios([2.0, 3.0], [1.0, 2.0, 4.0]) == [2.0, 1.5]


def test_best_peer_is_the_fastest_and_never_the_copy_or_cpool():
    timings = {"cpool": [1.0] * 5, "a": [4.0] * 5, "b": [3.0] * 5, "copy": [0.5] * 5, "c": []}
    roles = {"cpool": measure.SUBJECT, "a": measure.PEER, "b": measure.PEER,
             "copy": measure.YARDSTICK, "c": measure.PEER}
    result = report.Result(rows.ROWS[0], 1, timings, roles)
    assert result.best_peer == result.compared == "b"
    assert result.yardstick == "copy"
    assert result.ratio().median == 3.0


def test_a_row_without_peers_stands_beside_plain_cpool(capsys):
    row = next(row for row in rows.ROWS if row.existing)
    timings = {"cpool": [2.0] * 5, "cpool plain": [1.0] * 5}
    roles = {"cpool": measure.SUBJECT, "cpool plain": measure.PLAIN}
    result = report.Result(row, 1, timings, roles)
    assert result.compared == "cpool plain"
    assert result.verdict is None
    assert report.geometric_means([result])[1] is None
    report.print_table([result], 1)
    text = capsys.readouterr().out
    assert "0.50" in text
    assert "1 row with where or omit" in text


def test_the_worst_form_is_told(capsys):
    chosen = [row for row in rows.ROWS if row.form][:2]
    roles = {"cpool": measure.SUBJECT, "cpool plain": measure.PLAIN}
    results = [report.Result(row, 1, {"cpool": [slow] * 5, "cpool plain": [1.0] * 5}, roles)
               for row, slow in zip(chosen, (2.0, 3.5), strict=True)]
    report.print_table(results, 1)
    text = capsys.readouterr().out
    assert f"at worst these take 3.5 times as long ({chosen[1].name})" in text


def test_geometric_mean():
    results = [fake_result([2.0] * 5, [1.0] * 5), fake_result([8.0] * 5, [1.0] * 5)]
    assert report.geometric_means(results)[1] == pytest.approx(4.0)
    assert measure.geometric_mean([]) is None


def test_rows_that_are_behind_head_the_table(capsys):
    ahead, level, behind = (fake_result([value] * 5, [1.0] * 5) for value in (2.0, 1.0, 0.5))
    alone = report.Result(rows.ROWS[0], 1, {"cpool": [1.0]}, {"cpool": measure.SUBJECT})
    assert report.sorted_results([alone, ahead, level, behind]) == [behind, level, ahead, alone]
    report.print_table([alone, ahead, level, behind], 1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[3:7]] == ["behind", "level", "ahead", "no"]
    assert "1 ahead, 1 level, 1 behind" in lines
    assert "geometric mean of best peer / cpool: 1.00 over 3 rows" in lines


def test_the_table_as_a_file(tmp_path):
    behind, ahead = fake_result([1e-6] * 5, [2e-6] * 5), fake_result([3e-6] * 5, [1e-6] * 5)
    report.write_csv(tmp_path / "x.csv", [ahead, dataclasses.replace(ahead, threads=2), behind])
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [(line["threads"], line["verdict"]) for line in lines] == [
        ("1", "behind"), ("1", "ahead"), ("2", "ahead")]
    assert [line["peer/cpool"] for line in lines] == ["0.50", "3.00", "3.00"]
    assert lines[0]["row"] == rows.ROWS[0].name
    assert (lines[0]["cpool"], lines[0]["its time"]) == ("2.00", "1.00")
    assert lines[0]["copy"] == ""


def test_a_busy_machine_and_what_was_left_out_are_told(capsys):
    result = dataclasses.replace(fake_result([2.0] * 5, [1.0] * 5), other_work=0.8,
                                 left_out={"third": "no call"})
    report.print_table([result], 1)
    text = capsys.readouterr().out
    assert "\nahead*  " in text
    assert "DISTURBED: other processes used up to 0.8 processors in 1 of 1 rows" in text
    assert "left out: third on 1 row: no call" in text


def test_a_row_with_other_results_is_never_ahead(capsys):
    good = fake_result([2.0] * 5, [1.0] * 5)
    wrong = dataclasses.replace(fake_result([8.0] * 5, [1.0] * 5), differing={"other": "shape"})
    assert report.sorted_results([good, wrong]) == [wrong, good]
    assert report.geometric_means([good, wrong])[1] == pytest.approx(2.0)
    report.print_table([good, wrong], 1)
    text = capsys.readouterr().out
    assert "1 ahead, 0 level, 0 behind, 1 DIFFERS" in text
    assert "DIFFERS: other" in text


@pytest.mark.parametrize(
    "result, tolerance, expected",
    [
        ([1.0, 2.0], 0.0, ""),
        ([1.0, 2.5], 0.0, "1 of 2 elements"),
        ([1.0, 2.001], 0.01, ""),
        ([1.0, 2.5], 0.01, "differs by 0.5"),
        ([np.nan, 2.0], 0.01, "differs by nan"),
        ([1.0, 2.0, 3.0], 0.01, "shape (3,)"),
    ],
)
def test_disagreement(result, tolerance, expected):
    text = measure.disagreement((np.array(result),), (np.array([1.0, 2.0]),), tolerance)
    assert text.startswith(expected)
    assert bool(text) == bool(expected)


def test_disagreement_with_slack_and_in_a_region():
    one, other = np.array([1, 2, 9], np.uint8), np.array([2, 1, 1], np.uint8)
    assert measure.disagreement((one,), (other,), 0.0, 1.0) == "differs by 8, 1 allowed"
    assert measure.disagreement((one,), (other,), 0.0, 1.0, (slice(0, 2),)) == ""
    nothing = np.array([np.nan, 1.0])
    assert measure.disagreement((nothing,), (nothing.copy(),), 0.0) == ""


def test_disagreement_in_positions_and_in_number():
    one, other = np.array([1, 2]), np.array([1, 3])
    assert measure.disagreement((one,), (other,), 1.0)
    assert measure.disagreement((one,), (one, other), 1.0) == "1 arrays instead of 2"


# --- one row -------------------------------------------------------------------------------------

class FakePeer:
    """A peer that answers with given arrays, or raises what it is given."""

    version, missing = "1", ""
    allowed: ClassVar[dict[str, object]] = {}

    def __init__(self, name: str, role: str, answer: object, naive: bool = False) -> None:
        self.key = self.name = name
        self.role, self.naive = role, naive
        self.answer = answer
        self.threads: list[int] = []

    @contextlib.contextmanager
    def using(self, threads: int) -> Iterator[None]:
        self.threads.append(threads)
        yield

    def contender(self, row: object, data: object, threads: int) -> measure.Contender | None:
        if self.answer is None:
            return None
        return measure.Contender(self.name, self.role, self._call, lambda result: (result,),
                                 **self.allowed)

    def _call(self) -> np.ndarray:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def run_fakes(*competitors: FakePeer) -> report.Result:
    effort = measure.Effort(
        rounds=5, few=1, batch_seconds=1e-5, warm_seconds=0.0, row_seconds=1.0, visits=10)
    row = rows.ROWS[0].tiny()
    return benchmarks_main.run_row(row, rows.Data(row), competitors, 3, effort)


def test_only_peers_with_equal_results_are_timed():
    ours = FakePeer("cpool", measure.SUBJECT, np.array([1.0, 2.0]))
    competitors = [
        ours,
        FakePeer("equal", measure.PEER, np.array([1.0, 2.0])),
        FakePeer("other", measure.PEER, np.array([1.0, 3.0])),
        FakePeer("unable", measure.PEER, RuntimeError("not for this type\nand more")),
        FakePeer("without", measure.PEER, None),
        FakePeer("unwilling", measure.PEER, peers.LeftOutError("has its reasons")),
        FakePeer("slow", measure.PEER, np.array([1.0, 2.0]), naive=True),
    ]
    result = run_fakes(*competitors)
    assert {name: len(each) for name, each in result.timings.items()} == {"cpool": 5, "equal": 5}
    assert result.differing == {"other": "1 of 2 elements differ"}
    assert result.left_out == {"unable": "RuntimeError: not for this type",
                               "without": "has no call for it",
                               "unwilling": "has its reasons",
                               "slow": "may read all window elements, more than 1e+01"}
    assert result.verdict == report.DIFFERS
    assert ours.threads == [3]


@pytest.mark.parametrize("allowed", [{"slack": 0.5}, {"region": (slice(0, 1),)}])
def test_a_peer_may_say_where_and_how_it_differs(allowed, monkeypatch):
    monkeypatch.setattr(FakePeer, "allowed", allowed)
    result = run_fakes(FakePeer("cpool", measure.SUBJECT, np.array([1.0, 2.0])),
                       FakePeer("peer", measure.PEER, np.array([1.0, 2.5])))
    assert result.differing == {}
    assert set(result.timings) == {"cpool", "peer"}


def test_a_row_that_cannot_be_made_here_is_told(capsys):
    row = dataclasses.replace(rows.ROWS[0], dtype="no such type")
    ours = FakePeer("cpool", measure.SUBJECT, np.array([1.0]))
    result = benchmarks_main.run_row(row, rows.Data(row), [ours], 1, measure.QUICK)
    report.print_table([result], 1)
    assert "left out: everybody on 1 row: needs the package" in capsys.readouterr().out


def test_a_failure_of_cpool_is_never_passed_over(capsys):
    result = run_fakes(FakePeer("cpool", measure.SUBJECT, TypeError("no such option")),
                       FakePeer("peer", measure.PEER, np.array([1.0])))
    assert result.differing == {"cpool": "TypeError: no such option"}
    assert result.verdict == report.DIFFERS
    report.print_table([result], 3)
    assert "DIFFERS: cpool, " in capsys.readouterr().out


# --- the command ---------------------------------------------------------------------------------

@pytest.fixture
def elsewhere(tmp_path) -> Iterator[Path]:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def run_benchmarks(folder: Path, *arguments: str, **environment: str):
    # Outside the source tree, so that only an installed cpool, or PYTHONPATH, is found.
    return subprocess.run(
        [sys.executable, str(FOLDER), *arguments], cwd=folder, capture_output=True, text=True,
        env={**os.environ, **environment}, timeout=300, check=False)


def test_it_measures_this_cpool_and_writes_its_files(elsewhere):
    pytest.importorskip("matplotlib", reason="the plot needs matplotlib")
    done = run_benchmarks(elsewhere, "--quick", "--rows", "max*one call", "--peers", "copy",
                          "--threads", "1", "--json", "times.json", "--plot", "times.png")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"measured: {cpool.__file__}\n")
    assert "1/2" in done.stderr
    document = json.loads((elsewhere / "times.json").read_text())
    assert [each["row"]["shape"] for each in document["results"]] == [[1, 16, 8, 8]] * 2
    for each in document["results"]:
        assert set(each["seconds"]) == {"cpool", "cpool out=", "copy"}
        assert all(len(values) >= 5 and min(values) > 0 for values in each["seconds"].values())
        assert each["verdict"] is None
    assert (elsewhere / "times.png").read_bytes().startswith(b"\x89PNG")


def test_list_marks_the_quick_rows(elsewhere):
    done = run_benchmarks(elsewhere, "--list")
    lines = done.stdout.splitlines()
    assert [line[2:] for line in lines] == [row.name for row in rows.ROWS]
    assert [line[0] == "+" for line in lines] == [row.quick for row in rows.ROWS]


def test_a_source_tree_that_was_not_built_is_refused(elsewhere):
    package = elsewhere / "cpool"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('the compiled modules are missing')\n")
    done = run_benchmarks(elsewhere, PYTHONPATH=str(elsewhere))
    assert done.returncode == 2
    assert str(package) in done.stderr
    assert "the compiled modules are missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mere_folder_is_refused(elsewhere):
    (elsewhere / "cpool").mkdir()
    (elsewhere / "cpool" / "__init__.py").write_text("")
    done = run_benchmarks(elsewhere, PYTHONPATH=str(elsewhere))
    assert done.returncode == 2
    assert "not the installed package" in done.stderr


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--rows", "no such row"], "no row contains 'no such row'"),
        (["--peers", "torch,nobody"], "unknown peer 'nobody'"),
        (["--threads", "0"], "must be at least 1, got 0"),
        (["--json", "no/such/folder/x.json"], "no folder"),
    ],
)
def test_bad_arguments(elsewhere, arguments, message):
    done = run_benchmarks(elsewhere, *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_run_as_a_module_is_refused():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "--list"], cwd=FOLDER.parent,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "python benchmarks" in done.stderr
