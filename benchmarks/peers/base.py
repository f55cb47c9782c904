"""What the rest of the benchmark knows of a peer, and what peers share."""

from __future__ import annotations

import importlib
import importlib.metadata
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from measure import Contender
from rows import Data, Row


class LeftOutError(Exception):
    """Why a peer has no part in a row that it might be thought to do."""


class Peer(Protocol):
    """A library that is measured.

    Attributes
    ----------
    key, name, version : str
        What ``--peers`` and the report call it.
    role : str
        What it is in the comparison, see :mod:`measure`.
    missing : str
        Why it cannot run here, empty where it can.
    naive : bool
        It may read each element of each window: rows with too many of them are left out.
    """

    key: str
    name: str
    role: str
    version: str
    missing: str
    naive: bool

    def using(self, threads: int) -> AbstractContextManager[None]:
        """Enter a context in which the library uses so many threads."""

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        """Return what there is to time for a row, None where it has no call for it.

        Raises
        ------
        LeftOutError
            Where more is to be said than that.
        """


def find(*names: str) -> tuple[str, str]:
    """Return the version of the first package, and which of them is missing."""
    modules = []
    for name in names:
        try:
            modules.append(importlib.import_module(name))
        except ImportError as error:
            # A package that is there but does not load gives its reason.
            return "", f"needs the package {name} ({error})"
    try:
        return importlib.metadata.version(names[0]), ""
    except importlib.metadata.PackageNotFoundError:
        # Another name than the module's.
        return str(modules[0].__version__), ""


def lowest(dtype: str) -> float | int:
    """Return the least value of a type: what padding is worth to a maximum."""
    kind = np.dtype(dtype)
    return int(np.iinfo(kind).min) if kind.kind in "iu" else -np.inf


def highest(dtype: str) -> float | int:
    """Return the greatest value of a type: what padding is worth to a minimum."""
    kind = np.dtype(dtype)
    return int(np.iinfo(kind).max) if kind.kind in "iu" else np.inf
