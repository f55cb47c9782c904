"""Alternatives to one window and one reduction: pyramids, random windows, mixtures, blurring,
spectra, attention, regions, convolution.

They are made of the compiled poolings wherever these have what they need, and of NumPy elsewhere.
"""

from __future__ import annotations

from cpool.alternatives import (
    attention,
    blurring,
    convolution,
    detail,
    fractional,
    lip,
    mixtures,
    polyphase,
    pyramids,
    regions,
    s3,
    transforms,
)
from cpool.alternatives.attention import *  # noqa: F403
from cpool.alternatives.blurring import *  # noqa: F403
from cpool.alternatives.convolution import *  # noqa: F403
from cpool.alternatives.detail import *  # noqa: F403
from cpool.alternatives.fractional import *  # noqa: F403
from cpool.alternatives.lip import *  # noqa: F403
from cpool.alternatives.mixtures import *  # noqa: F403
from cpool.alternatives.polyphase import *  # noqa: F403
from cpool.alternatives.pyramids import *  # noqa: F403
from cpool.alternatives.regions import *  # noqa: F403
from cpool.alternatives.s3 import *  # noqa: F403
from cpool.alternatives.transforms import *  # noqa: F403

__all__: list[str] = []
__all__ += pyramids.__all__
__all__ += fractional.__all__
__all__ += s3.__all__
__all__ += mixtures.__all__
__all__ += blurring.__all__
__all__ += polyphase.__all__
__all__ += transforms.__all__
__all__ += attention.__all__
__all__ += convolution.__all__
__all__ += regions.__all__
__all__ += detail.__all__
__all__ += lip.__all__
