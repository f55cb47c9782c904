"""The slow, obvious definition of every operator, in NumPy and scipy.ndimage.

Read it to know exactly what an operator means; compare the compiled library with it: the names and
arguments are the same. It is neither fast nor sparing of memory, it has no gradients, its errors
are brief, and it shares nothing with the rest of the package, not even the geometry, so that one
mistake cannot hide in both.

It has one idea: **a window is a list of element numbers.** The elements of `x` are numbered; −1 is
an element of constant padding, −2 a place beyond the padding. To pad is to pad the array of
numbers. Sliding windows are `scipy.ndimage.vectorized_filter` over it, of which every stride-th
result is kept; adaptive windows are slices of it. An operator turns the numbers in a window into
one value. Floating values are added up in float64, integers exactly. (`maximum_filter` and
`uniform_filter` of scipy.ndimage would be shorter, but they compute in double, sum as they run, and
leave NaN undefined.)
"""

from __future__ import annotations

from cpool.reference import (
    convolution,
    fractional,
    means,
    mixtures,
    order,
    pooling,
    regions,
    transforms,
    weighted,
)
from cpool.reference.convolution import *  # noqa: F403
from cpool.reference.fractional import *  # noqa: F403
from cpool.reference.means import *  # noqa: F403
from cpool.reference.mixtures import *  # noqa: F403
from cpool.reference.order import *  # noqa: F403
from cpool.reference.pooling import *  # noqa: F403
from cpool.reference.regions import *  # noqa: F403
from cpool.reference.transforms import *  # noqa: F403
from cpool.reference.weighted import *  # noqa: F403

__all__: list[str] = []
__all__ += pooling.__all__
__all__ += means.__all__
__all__ += order.__all__
__all__ += convolution.__all__
__all__ += fractional.__all__
__all__ += mixtures.__all__
__all__ += regions.__all__
__all__ += transforms.__all__
__all__ += weighted.__all__
