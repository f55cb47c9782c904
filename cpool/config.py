"""What this installation is: versions, instruction sets, threads."""

from __future__ import annotations

import os
import platform
from typing import Any

import numpy as np

import cpool
import cpool.kernels
from cpool import driver, threads
from cpool.kernels import cpu


def show_config(mode: str = "stdout") -> dict[str, Any] | None:
    """Print, or return, how cpool was built and how it runs here.

    Parameters
    ----------
    mode : {"stdout", "dict"}
        Print lines, or return a dict.

    Returns
    -------
    dict or None
        With mode "dict": version, path, instruction_set (in use), instruction_sets (that this
        processor can run), compiler, openmp, threads, numpy, python, machine.

    Raises
    ------
    TypeError, ValueError
        If mode is neither.

    Examples
    --------
    >>> import cpool
    >>> config = cpool.show_config(mode="dict")
    >>> config["instruction_set"] in config["instruction_sets"]
    True
    """
    if mode not in ("stdout", "dict"):
        error = ValueError if isinstance(mode, str) else TypeError
        raise error(f'mode must be "stdout" or "dict", got {mode!r}')
    config = {
        "version": cpool.__version__,
        "path": os.path.dirname(os.path.abspath(cpool.__file__)),
        "instruction_set": driver.ISA,
        "instruction_sets": cpool.kernels.built(),
        "compiler": cpu.COMPILER,
        "openmp": driver.OPENMP,
        "threads": threads.get_num_threads(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    if mode == "dict":
        return config
    for name, value in config.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        print(f"{name.replace('_', ' '):<18}{shown}")
    return None
