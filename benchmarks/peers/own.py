"""cpool itself, and what it is measured against beside its peers: itself and a plain copy."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from types import ModuleType

import measure
import numpy as np
from measure import Contender
from rows import CHANNELS_LAST, Data, Row, to_channels_first

# --- cpool ---------------------------------------------------------------------------------------

class Cpool:
    """cpool itself, with a fresh result at each call or with ``out=``."""

    role = measure.SUBJECT
    missing = ""
    naive = False

    def __init__(self, module: ModuleType, *, out: bool = False) -> None:
        self.module = module
        self.out = out
        self.key = self.name = "cpool out=" if out else "cpool"
        self.version = module.__version__

    def using(self, threads: int) -> AbstractContextManager[None]:
        return self.module.num_threads(threads)

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        function = getattr(self.module, row.function_name)
        options = self._options(row, data)
        given = (self._input(row, data),)
        if row.operator == "unpool":
            given += (data.positions(row.layout),)
        if row.backward:
            _, function = self.module.vjp(function, *given, **options)
            given, options = (data.gy(row.layout),), {}
        if self.out:
            result = function(*given, **options)
            # With positions `out` takes the values.
            options["out"] = np.zeros_like(result[0] if isinstance(result, tuple) else result)
        call = functools.partial(function, *given, **options)
        arrays = functools.partial(_arrays_of, row=row)
        if row.keeps and not row.backward:
            call = functools.partial(self.module.vjp, function, *given, **options)
        return Contender(self.name, self.role, call, arrays)

    def _input(self, row: Row, data: Data) -> np.ndarray:
        return data.x_in_form(row.layout)

    def _options(self, row: Row, data: Data) -> dict[str, object]:
        options = {**row.call_arguments, **data.given(row.layout)}
        if row.layout == CHANNELS_LAST:
            options["channels_last"] = True
        if row.positions:
            options["return_indices"] = True
        if row.result:
            options["dtype"] = row.result
        if row.existing == "where":
            options["where"] = data.where(row.layout)
        elif row.existing == "omit":
            options["nan_policy"] = "omit"
        return options


class PlainCpool(Cpool):
    """The same call without ``where`` or ``nan_policy``, or on an ordinary array: the yardstick of
    rows with these.
    """

    role = measure.PLAIN

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module)
        self.key = self.name = "cpool plain"

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        if row.has_peers:
            return None
        made = super().contender(row, data, threads)
        if row.form:
            return made
        # Another result, by intention.
        return Contender(made.name, made.role, made.call, lambda _: ())

    def _input(self, row: Row, data: Data) -> np.ndarray:
        return data.x(row.layout)

    def _options(self, row: Row, data: Data) -> dict[str, object]:
        options = super()._options(row, data)
        options.pop("where", None)
        options.pop("nan_policy", None)
        return options


def _arrays_of(result: object, row: Row) -> tuple[np.ndarray, ...]:
    arrays = result if isinstance(result, tuple) else (result,)
    if row.keeps:
        arrays = arrays[:1]
    return tuple(to_channels_first(array, row.layout) for array in arrays)


# --- copy ----------------------------------------------------------------------------------------

class Copy:
    """One memcpy of half the bytes that a row reads and writes, into warm memory."""

    role = measure.YARDSTICK
    key = name = "copy"
    version = np.__version__
    missing = ""
    naive = False

    #: Below, handing the GIL from thread to thread costs more than a second thread wins.
    LEAST_BYTES_PER_THREAD = 1 << 18

    def using(self, threads: int) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        count = max(row.bytes_moved // 2, 1)
        source = np.frombuffer(np.random.default_rng(0).bytes(count), np.uint8)
        target = np.ones(count, np.uint8)
        threads = min(threads, max(count // self.LEAST_BYTES_PER_THREAD, 1))
        edges = [count * i // threads for i in range(threads + 1)]
        pairs = [(target[a:b], source[a:b]) for a, b in itertools.pairwise(edges)]
        run = _ThreadedCopies(pairs) if threads > 1 else None
        call = functools.partial(np.copyto, target, source)
        return Contender(self.name, self.role, call, lambda _: (), run)


class _ThreadedCopies:
    """Copies slices, each in a thread of its own; a batch is handed over once, not each copy."""

    def __init__(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        self.pairs = pairs
        # The calling thread does the first slice; idle workers end with the pool.
        self.pool = ThreadPoolExecutor(len(pairs) - 1, thread_name_prefix="copy")

    def __call__(self, times: int) -> None:
        futures = [self.pool.submit(self._copy, times, *pair) for pair in self.pairs[1:]]
        self._copy(times, *self.pairs[0])
        for future in futures:
            future.result()

    @staticmethod
    def _copy(times: int, target: np.ndarray, source: np.ndarray) -> None:
        for _ in range(times):
            np.copyto(target, source)
