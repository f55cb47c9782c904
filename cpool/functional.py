"""The names people know: each is a reduction and windows.

Every operator of the registry exists sliding (`max_pool2d`), adaptive (`adaptive_max_pool2d`) and
global (`global_max_pool`), for 1, 2 and 3 axes and, without a number in its name, for any 1 to 3.
Their texts differ in a few words only, so they are written once, as templates below, and made into
functions when this module is imported, as `dataclasses` makes methods. functional.pyi, which a test
holds against this module, spells all signatures out.
"""

from __future__ import annotations

import functools
import linecache
from collections.abc import Callable
from typing import Any

from cpool import unpooling
from cpool.arrays import Options
from cpool.calls import Recent
from cpool.docstrings import adaptive_text, global_text, sliding_text, unpool_text
from cpool.pooling import WHOLE, pool_whole
from cpool.reductions import REGISTRY
from cpool.reductions.base import Reduction
from cpool.windows import adaptive, sliding

# {run} is the reduction's method (forward, or vjp); {always} too, of arguments that all forms take,
# {leading} and {trailing}, which ends with what each call is given; {selected} passes that or
# return_indices on, {axes} is there in the n-dimensional form alone, rank -1 stands for all axes
# but the first two. Arguments are passed on by position: a dictionary of them would cost a small
# call a third of its time.
_SLIDING = """\
def {name}(x, {positional}, *, {keywords}{axes}channels_last=False,
           padding_mode="constant", nan_policy="propagate", where=None, dtype=None,
           out=None{trailing}):
    windows = sliding(kernel_size, stride, padding, dilation, ceil_mode, padding_mode)
    options = Options({given}, channels_last, {rank}, nan_policy, where, dtype, out)
    return {run}(x, windows, options{selected})
"""

_ADAPTIVE = """\
def {name}(x, {leading}output_size, {indices}*, {axes}channels_last=False,
           nan_policy="propagate", where=None, dtype=None, out=None{trailing}):
    options = Options({given}, channels_last, {rank}, nan_policy, where, dtype, out)
    return {always}(x, adaptive(output_size), options{selected})
"""

_GLOBAL = """\
def {name}(x, {leading}*, {indices}axes=None, channels_last=False, keepdims=True,
           nan_policy="propagate", where=None, dtype=None, out=None{trailing}):
    options = Options(axes, channels_last, -1, nan_policy, where, dtype, out)
    if keepdims is True:
        return {always}(x, whole, options{selected})
    return pool_whole({always}, x, options, keepdims{selected})
"""

_UNPOOL = """\
def {name}(x, indices, kernel_size, stride=None, padding=0, output_size=None, *,
           {axes}channels_last=False, out=None):
    windows = sliding(kernel_size, stride, padding, 1, False, "constant")
    return run(x, indices, windows, output_size, {rank}, {given}, channels_last, out)
"""

_RANKS = {"1d": 1, "2d": 2, "3d": 3, "": 0}

# Windows that were made of the same arguments a moment ago, of any function, are made once.
_sliding, _adaptive = Recent(sliding, 6).call, Recent(adaptive, 1).call

__all__: list[str] = []


def _words(kind: type[Reduction] | None, rank: int) -> dict[str, Any]:
    """What the templates leave open."""
    selects = kind is not None and kind.selects
    given = "" if kind is None else kind.given
    return {
        "rank": rank,
        "axes": "" if rank else "axes=None, ",
        "given": "None" if rank else "axes",
        "indices": "return_indices=False, " if selects else "",
        "selected": ", return_indices" if selects else f", {given}" if given else "",
        "leading": "" if kind is None else kind.leading,
        "trailing": "" if kind is None else kind.trailing + (f", {given}=None" if given else ""),
    }


def _compiled(text: str, name: str, names: dict[str, Any]) -> Callable[..., Any]:
    file = f"<cpool {name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names["__name__"] = __name__
    exec(compile(text, file, "exec"), names)
    return names[name]


def _publish(
    template: str, kind: type[Reduction] | None, name: str, doc: str, **words: Any
) -> None:
    """A named function, and beside it those that `vjp`, and for unpooling `cost`, call for it."""
    made = []
    for method in ("forward", "vjp") if kind is not None else ("forward", "vjp", "work"):
        run = _called(kind, method)
        always = run if kind is not None and (kind.leading or kind.trailing) else "run"
        text = template.format(name=name, run=run, always=always, **words)
        names = {"run": _of_no_arguments(kind, method), "make": _made(kind), "sliding": _sliding,
                 "adaptive": _adaptive, "Options": Options, "whole": WHOLE,
                 "pool_whole": pool_whole}  # fmt: skip
        made.append(_compiled(text, name, names))
    function, function._vjp, *others = made
    if others:
        (function._cost,) = others
        function._reads = "which puts elements back"
    function.__doc__ = doc
    globals()[name] = function
    __all__.append(name)


def _of_no_arguments(kind: type[Reduction] | None, method: str) -> Callable[..., Any] | None:
    if kind is not None and kind.required:
        return None
    return getattr(unpooling if kind is None else kind(), method)


@functools.cache
def _made(kind: type[Reduction] | None) -> Callable[..., Any] | None:
    """Reductions with arguments are checked when they are made, and made once."""
    return Recent(kind, len(kind.own)).call if kind is not None and kind.own else None


def _called(kind: type[Reduction] | None, method: str) -> str:
    return "run" if kind is None or not kind.own else f"make({', '.join(kind.own)}).{method}"


for _kind in REGISTRY.values():
    for _suffix, _rank in _RANKS.items():
        _publish(
            _SLIDING,
            _kind,
            _kind.function + _suffix,
            sliding_text(_kind, _suffix),
            positional=_kind.positional,
            keywords=_kind.keywords,
            **_words(_kind, _rank),
        )
    for _suffix, _rank in _RANKS.items():
        _publish(
            _ADAPTIVE,
            _kind,
            f"adaptive_{_kind.function}{_suffix}",
            adaptive_text(_kind, _suffix),
            **_words(_kind, _rank),
        )
    _publish(
        _GLOBAL, _kind, f"global_{_kind.function}", global_text(_kind), **_words(_kind, 0)
    )

for _suffix, _rank in _RANKS.items():
    _publish(_UNPOOL, None, f"max_unpool{_suffix}", unpool_text(_suffix), **_words(None, _rank))
