"""How many threads a call uses, that the number changes nothing, and what a fork leaves."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from operators import KINDS

import cpool
from cpool import threads

OPENMP = cpool.show_config(mode="dict")["openmp"]

needs_openmp = pytest.mark.skipif(not OPENMP, reason="built without OpenMP")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="no /proc here")


@pytest.fixture(autouse=True)
def default_number_of_threads():
    yield
    cpool.set_num_threads(None)


def run(*code, timeout=60, **environment):
    """What a fresh interpreter prints, as JSON. An environment variable of None is not set."""
    variables = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": None, **environment}
    done = subprocess.run(
        # -P: the folder in which the tests run is not searched for cpool.
        [sys.executable, "-P", "-c", "".join(map(textwrap.dedent, code))],
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


# --- the number -----------------------------------------------------------------------------------


@needs_openmp
def test_set_and_get():
    default = cpool.get_num_threads()
    assert default >= 1
    for n in (1, 2, 7, np.int64(3), np.array(4)):
        assert cpool.set_num_threads(n) is None
        assert cpool.get_num_threads() == n
    cpool.set_num_threads(None)
    assert cpool.get_num_threads() == default


@needs_openmp
def test_context_managers_nest():
    cpool.set_num_threads(5)
    with cpool.num_threads(2):
        assert cpool.get_num_threads() == 2
        with cpool.num_threads(3):
            assert cpool.get_num_threads() == 3
        assert cpool.get_num_threads() == 2
        # That of the process waits until the inner ones are left.
        cpool.set_num_threads(4)
        assert cpool.get_num_threads() == 2
    assert cpool.get_num_threads() == 4


@needs_openmp
def test_context_manager_restores_after_an_exception():
    cpool.set_num_threads(5)
    for error in (ValueError, KeyboardInterrupt, GeneratorExit):
        with pytest.raises(error), cpool.num_threads(2), cpool.num_threads(3):
            raise error
        assert cpool.get_num_threads() == 5
    with pytest.raises(ValueError, match=r"^kernel_size must"), cpool.num_threads(2):
        cpool.max_pool1d([1.0], 0)
    assert cpool.get_num_threads() == 5


@needs_openmp
def test_refused_numbers_change_nothing():
    cpool.set_num_threads(5)
    with pytest.raises(ValueError, match=r"^n must be from 1 to 1024, got 0$"):
        cpool.set_num_threads(0)
    with pytest.raises(ValueError, match=r"^n must be from 1 to 1024, got 0$"):
        cpool.num_threads(0).__enter__()
    assert cpool.get_num_threads() == 5


@needs_openmp
def test_context_manager_is_of_one_thread():
    cpool.set_num_threads(5)
    seen, inside, looked = [], threading.Event(), threading.Event()

    def other():
        with cpool.num_threads(2):
            seen.append(cpool.get_num_threads())
            inside.set()
            looked.wait(10)
        seen.append(cpool.get_num_threads())

    worker = threading.Thread(target=other)
    worker.start()
    assert inside.wait(10)
    assert cpool.get_num_threads() == 5
    with cpool.num_threads(3):
        looked.set()
        worker.join(10)
        assert cpool.get_num_threads() == 3
    assert seen == [2, 5]
    # Whereas that of the process holds for all.
    with ThreadPoolExecutor(1) as pool:
        cpool.set_num_threads(4)
        assert pool.submit(cpool.get_num_threads).result(10) == 4


@needs_openmp
@pytest.mark.parametrize(
    "value, expected",
    [
        ("3", 3),
        (" 6 ", 6),
        ("5,2,1", 5),
        ("", None),
        ("0", None),
        ("-2", None),
        ("many", None),
        ("1.5", None),
    ],
)
def test_omp_num_threads(value, expected):
    code = """
        import cpool
        print(cpool.get_num_threads())
    """
    found = run(code, OMP_NUM_THREADS=value)
    assert found == (run(code) if expected is None else expected)


@needs_openmp
def test_omp_num_threads_is_only_the_default():
    code = """
        import cpool, json
        found = []
        cpool.set_num_threads(2)
        found.append(cpool.get_num_threads())
        with cpool.num_threads(4):
            found.append(cpool.get_num_threads())
        cpool.set_num_threads(None)
        found.append(cpool.get_num_threads())
        print(json.dumps(found))
    """
    assert run(code, OMP_NUM_THREADS="3") == [2, 4, 3]


@needs_openmp
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity masks here")
def test_affinity_mask():
    code = """
        import os
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        import cpool
        print(cpool.get_num_threads())
    """
    assert run(code) == 1
    assert run(code, OMP_NUM_THREADS="3") == 3


@pytest.mark.parametrize(
    "files, expected",
    [
        ({}, math.inf),
        ({"cpu.max": "max 100000\n"}, math.inf),
        ({"cpu.max": "250000 100000\n"}, 2.5),
        ({"cpu.max": "50000 100000\n"}, 0.5),
        ({"cpu.max": "100000 0\n"}, math.inf),
        ({"cpu.max": ""}, math.inf),
        ({"cpu.max": "nonsense\n"}, math.inf),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        ({"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "150000\n"}, math.inf),
        ({"cpu/cpu.cfs_quota_us": "\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        (
            # Both: version 2 is the one in force.
            {"cpu.max": "300000 100000\n", "cpu/cpu.cfs_quota_us": "1\n"},
            3.0,
        ),
    ],
)
def test_quota_of_the_container(files, expected, tmp_path, monkeypatch):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(threads, "_CGROUP", tmp_path)
    assert threads._quota() == expected


@needs_openmp
@pytest.mark.parametrize(
    "quota, expected", [("max", 8), ("50000", 1), ("250000", 3), ("9900000", 8)]
)
def test_quota_limits_the_default(quota, expected, tmp_path, monkeypatch):
    """Rounded up, at least 1 and at most the processors of the mask."""
    (tmp_path / "cpu.max").write_text(f"{quota} 100000\n")
    monkeypatch.setattr(threads, "_CGROUP", tmp_path)
    monkeypatch.setattr(threads, "_default", None)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert cpool.get_num_threads() == expected


@pytest.mark.skipif(OPENMP, reason="built with OpenMP")
def test_one_without_openmp():
    assert cpool.get_num_threads() == 1
    cpool.set_num_threads(4)
    assert cpool.get_num_threads() == 1
    with cpool.num_threads(2):
        assert cpool.get_num_threads() == 1


def test_one_where_there_are_no_others(monkeypatch):
    """As in a build without OpenMP, which says so when it is imported."""
    monkeypatch.setattr(threads, "_single", False)
    cpool.set_num_threads(4)
    threads.use_one()
    with cpool.num_threads(2):
        assert cpool.get_num_threads() == 1
    assert cpool.show_config(mode="dict")["threads"] == 1


# --- the result does not depend on it -------------------------------------------------------------

# Beyond what is worth a second thread; planes of many kinds, also fewer than there are threads.
CASES = [
    ((3, 5, 97, 131), "2d", {"kernel_size": 3, "stride": 2, "padding": 1}),
    ((1, 301, 307), "2d", {"kernel_size": 2}),
    (
        (301, 307),
        "2d",
        {"kernel_size": (5, 3), "stride": 1, "padding": "same", "padding_mode": "wrap"},
    ),
    ((2, 33, 35, 67), "2d", {"kernel_size": 3, "stride": 1, "channels_last": True}),
    ((100003,), "1d", {"kernel_size": 7, "stride": 3}),
    ((100003,), "1d", {"kernel_size": 65, "stride": 1, "padding": 32}),
    ((5, 3, 8193), "1d", {"kernel_size": 4, "ceil_mode": True}),
    ((2, 19, 41, 83), "3d", {"kernel_size": 2, "stride": 1, "dilation": 2}),
]


def example(shape, dtype, seed=0):
    """Values of many magnitudes, so that another order of additions gives other bits."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return (rng.standard_normal(shape) * 2.0 ** rng.integers(-8, 8, shape)).astype(dtype)
    return rng.integers(0, 100, shape).astype(dtype)


def everything(kind, suffix, x, arguments):
    """Forward, positions and backward, as bytes."""
    function = getattr(cpool, kind.function + suffix)
    if kind.selects:
        arguments = arguments | {"return_indices": True}
    y, pullback = cpool.vjp(function, x, **arguments)
    values, *indices = y if kind.selects else (y,)
    gx = pullback(example(values.shape, "f4", 1))
    alone = (
        function(x, **arguments | {"return_indices": False})
        if kind.selects
        else function(x, **arguments)
    )
    return [array.tobytes() for array in (values, *indices, gx, alone)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("shape, suffix, arguments", CASES)
@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i2"])
def test_same_bits_for_any_number_of_threads(kind, shape, suffix, arguments, dtype):
    x = example(shape, dtype)
    with cpool.num_threads(1):
        expected = everything(kind, suffix, x, arguments)
    for n in (2, 3, 8):
        with cpool.num_threads(n):
            assert everything(kind, suffix, x, arguments) == expected, n


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_same_bits_for_any_number_of_threads_in_other_forms(kind):
    x = example((4, 3, 90, 110), "f4")
    where = example(x.shape, "i4") > 20

    def run_all():
        found = []
        for form, args, options in (
            ("adaptive_{}2d", (7,), {}),
            ("adaptive_{}2d", ((40, 3),), {"where": where, "dtype": "f8"}),
            ("global_{}", (), {}),
            ("global_{}", (), {"axes": (0, 3), "keepdims": False}),
            ("{}2d", (3,), {"where": where, "nan_policy": "omit"}),
        ):
            function = getattr(cpool, form.format(kind.function))
            y, pullback = cpool.vjp(function, x, *args, **options)
            found += [y.tobytes(), pullback(y).tobytes(), function(x, *args, **options).tobytes()]
        return found

    with cpool.num_threads(1):
        expected = run_all()
    for n in (2, 3, 8):
        with cpool.num_threads(n):
            assert run_all() == expected, n


def test_unpooling_is_the_same_for_any_number_of_threads():
    y, indices = cpool.max_pool2d(example((6, 130, 150), "f4"), 3, 2, return_indices=True)
    found = []
    for n in (1, 2, 3, 8):
        with cpool.num_threads(n):
            z, pullback = cpool.vjp(cpool.max_unpool2d, y, indices, 3, 2, 0, (130, 150))
            found.append((z.tobytes(), pullback(z).tobytes()))
    assert found.count(found[0]) == 4


def test_errors_are_found_by_any_thread():
    x = example((8, 200, 200), "f4")
    for place in ((0, 0, 0), (3, 77, 5), (7, 199, 199)):
        bad = x.copy()
        bad[place] = np.nan
        for n in (1, 2, 8):
            with cpool.num_threads(n), pytest.raises(ValueError, match="NaN in a window"):
                cpool.max_pool2d(bad, 2, nan_policy="raise")
            with cpool.num_threads(n), pytest.raises(ValueError, match="must be floating"):
                cpool.avg_pool2d(bad, 2, dtype="i4")
    assert cpool.max_pool2d(x, 2, nan_policy="raise").shape == (8, 100, 100)


# --- several Python threads -----------------------------------------------------------------------


def test_calls_from_several_python_threads():
    """At once, each with arguments and a number of threads of its own."""
    jobs = []
    for seed in range(32):
        shape, suffix, arguments = CASES[seed % len(CASES)]
        x = example(shape, ("f4", "f8", "i2")[seed % 3], seed)
        jobs.append((KINDS[seed % len(KINDS)], suffix, x, arguments, 1 + seed % 4))

    def work(job):
        kind, suffix, x, arguments, n = job
        with cpool.num_threads(n):
            return everything(kind, suffix, x, arguments)

    expected = [work(job) for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, jobs, timeout=60)) == expected


def test_one_layer_of_arguments_for_several_threads():
    """The same input, windows and pullback, read by all."""
    x, windows = example((3, 300, 301), "f4"), cpool.sliding(3, 1, 1)
    y, pullback = cpool.vjp(cpool.pool, x, "max", windows)
    expected = pullback(y).tobytes()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: pullback(y).tobytes(), range(24), timeout=60))
        pooled = list(pool.map(lambda _: cpool.pool(x, "max", windows), range(24), timeout=60))
    assert found == [expected] * 24
    assert all(np.array_equal(each, y) for each in pooled)


def test_other_python_threads_run_meanwhile():
    """The global interpreter lock is released while the kernels work."""
    ticks, stop = [0], threading.Event()

    def tick():
        while not stop.is_set():
            ticks[0] += 1
            time.sleep(0)

    x = example((1, 900, 900), "f8")
    worker = threading.Thread(target=tick, daemon=True)
    worker.start()
    try:
        longest = 0
        for _ in range(5):
            before = ticks[0]
            with cpool.num_threads(1):
                cpool.max_pool2d(x, 40, 1, return_indices=True)
            longest = max(longest, ticks[0] - before)
    finally:
        stop.set()
        worker.join(10)
    # Were it held, the other thread would get no turn between the two readings, or one or two.
    assert longest > 20


# --- operating system threads ---------------------------------------------------------------------


@needs_openmp
@needs_proc
def test_tiny_calls_start_no_thread():
    code = """
        import json, os
        import numpy as np
        import cpool

        def tasks():
            return len(os.listdir("/proc/self/task"))

        cpool.set_num_threads(3)
        found = [tasks()]
        for shape in ((1, 16, 8, 8), (4, 4), (64, 100), (1, 3, 100, 100)):
            x = np.ones(shape, np.float32)
            y, pullback = cpool.vjp(cpool.max_pool2d, x, 2)
            pullback(y)
            cpool.avg_pool2d(x, 2)
            cpool.global_sum_pool(x, axes=(-2, -1))
            found.append(tasks())
        big = np.ones((8, 256, 256), np.float32)
        with cpool.num_threads(1):
            cpool.max_pool2d(big, 2)
        found.append(tasks())
        cpool.max_pool2d(big, 2)
        found.append(tasks())
        print(json.dumps(found))
    """
    *before, after = run(code)
    assert before == [1] * 6
    assert after == 3


# --- fork -----------------------------------------------------------------------------------------

# In an interpreter of its own, so that nothing but cpool has threads, with an end to waiting.
# `same` is called in children; what they find is their exit code.
PARENT = """
    import json, os, signal, threading
    import numpy as np
    import cpool

    x = np.random.default_rng(0).standard_normal((8, 300, 301)).astype(np.float32)

    def compute():
        y, pullback = cpool.vjp(cpool.max_pool2d, x, 3, 2, 1)
        mean, pullback_of_mean = cpool.vjp(cpool.avg_pool2d, x, 3, 2, 1)
        return b"".join(a.tobytes() for a in (y, pullback(y), mean, pullback_of_mean(mean)))

    def same():
        try:
            return compute() == expected
        except BaseException:
            return False

    def forked(function):
        "Exit code of a child that calls the function; negative if it never ended by itself."
        child = os.fork()
        if child == 0:
            signal.alarm(15)
            os._exit(0 if function() else 1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    with cpool.num_threads(1):
        expected = compute()
    cpool.set_num_threads(4)
    found = [same()]
"""


@needs_openmp
@needs_fork
def test_forked_child_after_a_parallel_call():
    code = """
        def child():
            right = same() and cpool.get_num_threads() == 1
            cpool.set_num_threads(3)
            with cpool.num_threads(2):
                right = right and same() and cpool.get_num_threads() == 1
            return right and forked(same) == 0

        found += [forked(child), forked(child)]
        # The parent goes on as before.
        found += [same(), cpool.get_num_threads()]
        print(json.dumps(found))
    """
    assert run(PARENT, code) == [True, 0, 0, True, 4]


@needs_fork
def test_fork_while_other_threads_call():
    code = """
        stop = threading.Event()
        wrong = []

        def work():
            while not stop.is_set():
                if not same():
                    wrong.append(1)

        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        codes = [forked(same) for _ in range(5)]
        stop.set()
        for worker in workers:
            worker.join()
        print(json.dumps([codes, wrong]))
    """
    assert run(PARENT, code) == [[0] * 5, []]


@needs_fork
def test_multiprocessing_with_fork():
    code = """
        import multiprocessing

        def task(i):
            return same(), cpool.get_num_threads()

        with multiprocessing.get_context("fork").Pool(2) as pool:
            found += pool.map_async(task, range(4)).get(timeout=30)
        print(json.dumps(found))
    """
    assert run(PARENT, code) == [True] + [[True, 1]] * 4


def test_configuration_says_how_many():
    cpool.set_num_threads(3)
    assert cpool.show_config(mode="dict")["threads"] == (3 if OPENMP else 1)
