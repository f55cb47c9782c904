"""What the text of each operator has: a formula, shapes, errors, a source, an example that runs."""

from __future__ import annotations

import doctest
import inspect
import re

import numpy as np
import pytest

import cpool
from cpool.reductions import REGISTRY

#: The names of an operator have a pullback; `pool` is none, but what they are made of.
NAMES = [name for name in cpool.__all__ if hasattr(getattr(cpool, name), "_vjp") and name != "pool"]
SECTIONS = ("Parameters", "Returns", "Raises", "See Also", "References", "Examples")
FORMULA = re.compile(r"``[^`]*( = |Σ|sum\(|max\()[^`]*``")


def sections_of(text: str) -> dict[str, str]:
    parts = re.split(r"^    ([A-Z]\w+(?: \w+)*)\n    -+\n", text, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_text_has(name):
    function = getattr(cpool, name)
    sections = sections_of(function.__doc__)
    # Some lack the section between these: there is nothing to compare them with.
    assert {*SECTIONS} - {*sections} <= {"See Also"}
    described = sections["Parameters"]
    for parameter in inspect.signature(function).parameters:
        assert re.search(rf"^    (\w+, )*{parameter}\b", described, re.MULTILINE), parameter
    assert "dtype" in sections["Returns"]
    assert {"TypeError", "ValueError"} <= {*re.findall(r"^    (\w+)$", sections["Raises"], re.M)}
    assert re.search(r"\b(19|20)\d\d\b", sections["References"])  # a year
    assert f"cpool.{name.rstrip('123d')}" in sections["Examples"]


@pytest.mark.parametrize("name", NAMES)
def test_there_is_a_formula(name):
    text = getattr(cpool, name).__doc__
    kind = {kind.function: kind for kind in REGISTRY.values()}.get(
        re.sub(r"^(adaptive|global)_|[123]d$", "", name)
    )
    if kind is None:
        assert FORMULA.search(text)
    else:
        assert f"\n\n    ``{kind.formula}``\n" in text


@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    test = doctest.DocTestParser().get_doctest(getattr(cpool, name).__doc__, {}, name, None, 0)
    assert test.examples
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


# What they promise of gradients where there is none -----------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", ["geometric_mean_pool1d", "harmonic_mean_pool1d"])
def test_means_with_a_zero_have_no_gradient(name, dtype):
    """In none of their elements: not even where one element is the whole window."""
    function = getattr(cpool, name)
    assert "is taken as 0 in all elements of the window" in " ".join(function.__doc__.split())
    for window in ([0, 2], [0, 0], [3, 0, 5], [0], [-0.0], [0, 2] * 40):
        x = np.array([*window, *[2] * len(window)], dtype)
        y, pullback = cpool.vjp(function, x, len(window))
        np.testing.assert_allclose(y, [0, 2], rtol=1e-2)
        gx = pullback(np.ones_like(y))
        assert not gx[: len(window)].any()
        np.testing.assert_allclose(gx[len(window) :], 1 / len(window), rtol=1e-2)


@pytest.mark.parametrize("p", [0.25, 0.5, 1, 1.5, 2, 3, np.inf])
def test_norms_have_no_gradient_in_zeros(p):
    assert "in an element that is 0 is taken as 0" in " ".join(cpool.lp_pool1d.__doc__.split())
    x = [0.0, 0.0, 0.0, 3.0]
    y, pullback = cpool.vjp(cpool.lp_pool1d, x, p, 2)
    np.testing.assert_allclose(y, [0, 3], rtol=1e-15)
    np.testing.assert_allclose(pullback([1.0, 1.0]), [0, 0, 0, 1], rtol=1e-15)
    _, pullback = cpool.vjp(cpool.lp_pool1d, [0.0, -3.0], p, 1)
    np.testing.assert_allclose(pullback([1.0, 1.0]), [0, -1], rtol=1e-15)
