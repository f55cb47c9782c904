"""The names people know: each is a reduction and windows, handed to what `pool` runs.

Every operator of the registry exists sliding (`max_pool2d`), adaptive (`adaptive_max_pool2d`) and
global (`global_max_pool`), for 1, 2 and 3 axes and, without a number in its name, for any 1 to 3.
A definition below is written once for its form; how it is run (forward, or with a pullback) is a
parameter. functional.pyi, which a test holds against this module, spells all signatures out.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from cpool import arrays, unpooling
from cpool.docstrings import adaptive_text, global_text, sliding_text, unpool_text
from cpool.pooling import drop_axes, run_forward, run_vjp
from cpool.reductions import REGISTRY, Mean
from cpool.reductions.base import Reduction
from cpool.windows import adaptive, sliding, whole

Function = Callable[..., Any]

# --- forms ----------------------------------------------------------------------------------------
# `run` comes first, then what is pooled and how; `rank` is 0 for the n-dimensional form, which
# alone has `axes`.


def _sliding_sum(run: Function, reduction: Reduction, rank: int) -> Function:
    def pool(
        x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, *,
        axes=None, channels_last=False, padding_mode="constant", nan_policy="propagate",
        where=None, dtype=None, out=None,
    ):  # fmt: skip
        windows = sliding(kernel_size, stride, padding, dilation, ceil_mode, padding_mode)
        return run(
            x, reduction, windows, axes=axes, channels_last=channels_last, rank=rank,
            nan_policy=nan_policy, where=where, dtype=dtype, out=out,
        )  # fmt: skip

    return pool


def _sliding_extremum(run: Function, reduction: Reduction, rank: int) -> Function:
    def pool(
        x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
        return_indices=False, *, axes=None, channels_last=False, padding_mode="constant",
        nan_policy="propagate", where=None, dtype=None, out=None,
    ):  # fmt: skip
        windows = sliding(kernel_size, stride, padding, dilation, ceil_mode, padding_mode)
        return run(
            x, reduction, windows, return_indices=return_indices, axes=axes,
            channels_last=channels_last, rank=rank, nan_policy=nan_policy, where=where,
            dtype=dtype, out=out,
        )  # fmt: skip

    return pool


def _sliding_mean(run: Function, reduction: Reduction, rank: int) -> Function:
    def pool(
        x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
        divisor_override=None, *, dilation=1, axes=None, channels_last=False,
        padding_mode="constant", nan_policy="propagate", where=None, dtype=None, out=None,
    ):  # fmt: skip
        windows = sliding(kernel_size, stride, padding, dilation, ceil_mode, padding_mode)
        mean = reduction
        if count_include_pad is not True or divisor_override is not None:
            mean = Mean(count_include_pad, divisor_override)
        return run(
            x, mean, windows, axes=axes, channels_last=channels_last, rank=rank,
            nan_policy=nan_policy, where=where, dtype=dtype, out=out,
        )  # fmt: skip

    return pool


def _adaptive(run: Function, reduction: Reduction, rank: int) -> Function:
    def pool(
        x, output_size, *, axes=None, channels_last=False, nan_policy="propagate", where=None,
        dtype=None, out=None,
    ):  # fmt: skip
        return run(
            x, reduction, adaptive(output_size), axes=axes, channels_last=channels_last, rank=rank,
            nan_policy=nan_policy, where=where, dtype=dtype, out=out,
        )  # fmt: skip

    return pool


def _adaptive_extremum(run: Function, reduction: Reduction, rank: int) -> Function:
    def pool(
        x, output_size, return_indices=False, *, axes=None, channels_last=False,
        nan_policy="propagate", where=None, dtype=None, out=None,
    ):  # fmt: skip
        return run(
            x, reduction, adaptive(output_size), return_indices=return_indices, axes=axes,
            channels_last=channels_last, rank=rank, nan_policy=nan_policy, where=where,
            dtype=dtype, out=out,
        )  # fmt: skip

    return pool


def _global(run: Function, reduction: Reduction, rank: int) -> Function:
    def pool(
        x, *, axes=None, channels_last=False, keepdims=True, nan_policy="propagate", where=None,
        dtype=None, out=None,
    ):  # fmt: skip
        x = arrays.as_input(x)
        keepdims = arrays.flag(keepdims, "keepdims")
        pooled = arrays.global_axes(x.ndim, axes, channels_last)
        full = out if keepdims else arrays.with_axes(out, pooled)
        result = run(
            x, reduction, whole(), axes=pooled, nan_policy=nan_policy, where=where, dtype=dtype,
            out=full,
        )  # fmt: skip
        return result if keepdims else drop_axes(result, pooled, out)

    return pool


def _global_extremum(run: Function, reduction: Reduction, rank: int) -> Function:
    def pool(
        x, *, return_indices=False, axes=None, channels_last=False, keepdims=True,
        nan_policy="propagate", where=None, dtype=None, out=None,
    ):  # fmt: skip
        def run_selecting(*args, **options):
            return run(*args, return_indices=return_indices, **options)

        return _global(run_selecting, reduction, rank)(
            x, axes=axes, channels_last=channels_last, keepdims=keepdims, nan_policy=nan_policy,
            where=where, dtype=dtype, out=out,
        )  # fmt: skip

    return pool


def _unpool(run: Function, reduction: None, rank: int) -> Function:
    def pool(
        x, indices, kernel_size, stride=None, padding=0, output_size=None, *, axes=None,
        channels_last=False,
    ):  # fmt: skip
        windows = sliding(kernel_size, stride, padding)
        return run(x, indices, windows, output_size, rank, axes, channels_last)

    return pool


# --- names ----------------------------------------------------------------------------------------


#: What `axes` is called inside functions whose name says which axes are pooled.
_HIDDEN = ".pooled axes"


def _without_axes(function: Function) -> None:
    """Make `axes=` an error there, as any unknown argument is.

    The parameter keeps its place and its default, under a name that cannot be written in a call.
    So the forms above are written once, the check is Python's own, and a call pays nothing for it.
    """
    signature = inspect.signature(function)
    kept = [p for name, p in signature.parameters.items() if name != "axes"]
    code = function.__code__
    names = tuple(_HIDDEN if name == "axes" else name for name in code.co_varnames)
    function.__code__ = code.replace(co_varnames=names)
    function.__kwdefaults__[_HIDDEN] = function.__kwdefaults__.pop("axes")
    function.__signature__ = signature.replace(parameters=kept)


def _named(form: Function, reduction: Any, rank: int, runs: tuple[Function, Function]) -> Function:
    """The function of a form, with the one that makes its pullback at hand for `vjp`."""
    function, with_pullback = (form(run, reduction, rank) for run in runs)
    if rank:
        _without_axes(function)
        _without_axes(with_pullback)
    function._vjp = with_pullback
    return function


def _publish(function: Function, name: str, text: str) -> None:
    # The twin too: Python's messages about arguments begin with this name.
    for each in (function, function._vjp):
        each.__name__ = each.__qualname__ = name
        each.__module__ = __name__
    function.__doc__ = text
    globals()[name] = function
    __all__.append(name)


_POOLING = (run_forward, run_vjp)
_UNPOOLING = (unpooling.run_forward, unpooling.run_vjp)
_FORMS = {"mean": _sliding_mean}
_RANKS = {"1d": 1, "2d": 2, "3d": 3, "": 0}

__all__: list[str] = []

for _kind in REGISTRY.values():
    _stem = _kind.function
    _slide = _FORMS.get(_kind.name, _sliding_extremum if _kind.selects else _sliding_sum)
    _adapt = _adaptive_extremum if _kind.selects else _adaptive
    for _suffix, _rank in _RANKS.items():
        _publish(
            _named(_slide, _kind(), _rank, _POOLING), _stem + _suffix, sliding_text(_kind, _suffix)
        )
    for _suffix, _rank in _RANKS.items():
        _publish(
            _named(_adapt, _kind(), _rank, _POOLING),
            f"adaptive_{_stem}{_suffix}",
            adaptive_text(_kind, _suffix),
        )
    _whole = _global_extremum if _kind.selects else _global
    _publish(_named(_whole, _kind(), 0, _POOLING), f"global_{_stem}", global_text(_kind))

for _suffix, _rank in _RANKS.items():
    _publish(
        _named(_unpool, None, _rank, _UNPOOLING), f"max_unpool{_suffix}", unpool_text(_suffix)
    )
