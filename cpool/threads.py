"""How many threads a call uses.

Calls with little work run on the calling thread alone. Otherwise the number is, in this order:
that of an enclosing `num_threads`, that of `set_num_threads`, or the default: OMP_NUM_THREADS if it
is set, else the processors that this process may use (its affinity mask and its container's
CPU quota).
"""

from __future__ import annotations

import contextlib
import math
import operator
import os
import threading
from collections.abc import Iterator
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_local = threading.local()
_process: int | None = None
_default: int | None = None
_single = False


def _quota() -> float:
    """Processors that the container's quota allows (control groups, version 2 or 1)."""
    try:
        quota, period = (_CGROUP / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (_CGROUP / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (_CGROUP / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return math.inf
    try:
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    except (ValueError, ZeroDivisionError):
        return math.inf


def _processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, min(count, math.ceil(_quota())) if math.isfinite(_quota()) else count)


def _default_count() -> int:
    global _default
    if _default is None:
        # OMP_NUM_THREADS may be a list, one number for each level of nesting.
        first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
        _default = int(first) if first.isdecimal() and int(first) > 0 else _processors()
    return _default


def _checked(n: object) -> int:
    try:
        count = None if isinstance(n, bool) else operator.index(n)  # type: ignore[arg-type]
    except TypeError:
        count = None
    if count is None:
        raise TypeError(f"n must be an int, got {n!r}")
    if not 1 <= count <= 1024:
        raise ValueError(f"n must be from 1 to 1024, got {count}")
    return count


def current() -> int:
    """Threads for a call that is worth more than one."""
    if _single:
        return 1
    return getattr(_local, "count", None) or _process or _default_count()


def get_num_threads() -> int:
    """Number of threads that a large call from this thread uses.

    Returns
    -------
    int
        1 in a forked child, as OpenMP's threads do not survive a fork, and where cpool was built
        without OpenMP.

    Examples
    --------
    >>> import cpool
    >>> cpool.get_num_threads() >= 1
    True
    """
    return current()


def set_num_threads(n: int | None) -> None:
    """Set the number of threads of this process.

    Parameters
    ----------
    n : int or None
        1 to 1024; None is the default: OMP_NUM_THREADS if set, else the processors that this
        process may use.

    Raises
    ------
    TypeError, ValueError
        If n is not such a number.

    Examples
    --------
    >>> import cpool
    >>> cpool.set_num_threads(2)
    >>> cpool.get_num_threads()
    2
    >>> cpool.set_num_threads(None)
    """
    global _process
    _process = None if n is None else _checked(n)


@contextlib.contextmanager
def num_threads(n: int) -> Iterator[None]:
    """Use n threads inside a ``with`` block, in calls from this thread.

    Parameters
    ----------
    n : int
        1 to 1024.

    Raises
    ------
    TypeError, ValueError
        If n is not such a number.

    Examples
    --------
    >>> import cpool
    >>> with cpool.num_threads(1):
    ...     cpool.get_num_threads()
    1
    """
    count = _checked(n)
    before = getattr(_local, "count", None)
    _local.count = count
    try:
        yield
    finally:
        _local.count = before


def use_one() -> None:
    """Use one thread from now on, whatever else is set: there are no others."""
    global _single
    _single = True


if hasattr(os, "register_at_fork"):
    # libgomp waits forever in a child for threads that only the parent has.
    os.register_at_fork(after_in_child=use_one)
