"""Norms, power means and exponentially weighted means: each window's value in terms of NumPy.

Elements are taken as long doubles, where the machine has them: neither a power nor an exponential
of what a float64 holds is too large for them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from cpool.reference import pooling

Array = pooling.Array


def _lp(values: Array, axis: int, p: float) -> Array:
    """In units of the greatest size, of which no power overflows."""
    sizes = np.abs(values)
    most = sizes.max(axis)
    if p == np.inf:
        return most
    shares = sizes / np.expand_dims(most, axis)
    norm = most * np.sum(shares**p, axis) ** (1 / values.dtype.type(p))
    return np.where((most == 0) | np.isinf(most), most, norm)


def _rms(values: Array, axis: int) -> Array:
    return np.sqrt(np.mean(values**2, axis))


def _power_mean(values: Array, axis: int, p: float = 3.0, eps: float = 1e-6) -> Array:
    values = np.where(values < eps, values.dtype.type(eps), values)
    if np.isinf(p):
        return values.max(axis) if p > 0 else values.min(axis)
    if p == 0:
        return _geometric_mean(values, axis)
    return np.exp(_log_sum_exp(np.log(values), axis, p))


def _geometric_mean(values: Array, axis: int) -> Array:
    return np.exp(np.mean(np.log(values), axis))


def _harmonic_mean(values: Array, axis: int) -> Array:
    mean = values.shape[axis] / np.sum(1 / values, axis)
    return np.where((values == 0).any(axis) & ~np.isnan(values).any(axis), 0, mean)


def _exponents(values: Array, axis: int, r: float) -> tuple[Array, Array]:
    """The value whose multiple by r is the greatest, and how far those of all are from it."""
    most = (values.max if r > 0 else values.min)(axis, keepdims=True)
    return most.squeeze(axis), np.where(values == most, 0, r * (values - most))


def _log_sum_exp(values: Array, axis: int, r: float = 1.0) -> Array:
    if r == 0:
        return np.mean(values, axis)
    most, exponents = _exponents(values, axis, r)
    # Of small exponents the mean is near 1: its distance from 1 is what has all digits.
    shift = np.mean(np.expm1(exponents), axis)
    near, far = np.log1p(shift), np.log(np.mean(np.exp(exponents), axis))
    return most + np.where(shift > -0.5, near, far) / values.dtype.type(r)


def _soft(values: Array, axis: int, beta: float = 1.0) -> Array:
    if beta == 0:
        return np.mean(values, axis)
    weights = np.exp(_exponents(values, axis, beta)[1])
    total = np.sum(np.where(weights == 0, 0, weights * values), axis)
    return total / np.sum(weights, axis)


def _mean(elements: Any, dtype: Any, *, function: Callable[..., Array], empty: float, **own: Any):
    """An operator (see `pooling`) of a function of long doubles."""
    natural = elements.x.dtype if elements.x.dtype.kind not in "iub" else np.dtype(float)
    wide = pooling._Elements(elements.x.astype(np.longdouble), elements.exists, elements.fold)
    function = functools.partial(function, **own)
    values, present, _, _ = pooling._generic(wide, dtype, function=function)
    values = np.where(present, values, empty).astype(float)
    return values, present | (empty == 0), natural, None


def _named(stem: str, function: Callable[..., Array], empty: float = np.nan) -> dict[str, Any]:
    """The sliding, adaptive and global functions of an operator, for all ranks."""
    operate = functools.partial(_mean, function=function, empty=empty)
    own = list(inspect.signature(function).parameters)[2:]

    def sliding(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, *, axes=None,
                **options):
        return pooling._slide(x, operate, kernel_size, stride, padding, dilation, ceil_mode,
                              axes=axes, **options)

    def adaptive(x, output_size, *, axes=None, **options):
        return pooling._adapt(x, operate, output_size, axes=axes, **options)

    def whole(x, *, axes=None, channels_last=False, **options):
        return pooling._whole(x, operate, axes=axes, channels_last=channels_last, **options)

    names = {}
    for form, prefix in ((sliding, ""), (adaptive, "adaptive_"), (whole, "global_")):
        form.__name__ = form.__qualname__ = f"{prefix}{stem}"
        form.__doc__ = f"`{stem}` ({', '.join(own) or 'no arguments of its own'}), see `max_pool`."
        names[form.__name__] = form
        ranked = pooling._ranked(form) if form is not whole else []
        names |= {each.__name__: each for each in ranked}
    return names


def _of_norm(form: Callable[..., Array]) -> Callable[..., Array]:
    """With PyTorch's order of arguments."""
    if "kernel_size" in inspect.signature(form).parameters:

        def norm(x, norm_type, kernel_size, stride=None, ceil_mode=False, *, axes=None, **options):
            options = {**options, "ceil_mode": ceil_mode, "axes": axes, "p": norm_type}
            return form(x, kernel_size, stride, **options)

    elif "output_size" in inspect.signature(form).parameters:

        def norm(x, norm_type, output_size, *, axes=None, **options):
            return form(x, output_size, axes=axes, p=norm_type, **options)

    else:

        def norm(x, norm_type, *, axes=None, channels_last=False, **options):
            return form(x, axes=axes, channels_last=channels_last, p=norm_type, **options)

    norm.__name__ = norm.__qualname__ = form.__name__
    norm.__doc__ = form.__doc__
    return norm


def _named_norms() -> dict[str, Any]:
    norms = {name: form for name, form in _named("lp_pool", _lp, 0.0).items() if name[-1] != "d"}
    names = {name: _of_norm(form) for name, form in norms.items()}
    for form in [form for name, form in names.items() if not name.startswith("global")]:
        names |= {each.__name__: each for each in pooling._ranked(form)}
    return names


_NAMES = {
    **_named_norms(),
    **_named("rms_pool", _rms),
    **_named("power_mean_pool", _power_mean),
    **_named("geometric_mean_pool", _geometric_mean),
    **_named("harmonic_mean_pool", _harmonic_mean),
    **_named("log_sum_exp_pool", _log_sum_exp),
    **_named("soft_pool", _soft),
}

globals().update(_NAMES)
__all__ = list(_NAMES)
