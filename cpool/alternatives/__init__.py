"""Alternatives to pooling by one window and one reduction: pyramids, blurring, spectra, attention.

They are made of the compiled poolings wherever these have what they need, and of NumPy elsewhere.
"""

from __future__ import annotations

from cpool.alternatives import attention, blurring, lip, pyramids, transforms
from cpool.alternatives.attention import *  # noqa: F403
from cpool.alternatives.blurring import *  # noqa: F403
from cpool.alternatives.lip import *  # noqa: F403
from cpool.alternatives.pyramids import *  # noqa: F403
from cpool.alternatives.transforms import *  # noqa: F403

__all__: list[str] = []
__all__ += pyramids.__all__
__all__ += blurring.__all__
__all__ += transforms.__all__
__all__ += attention.__all__
__all__ += lip.__all__
