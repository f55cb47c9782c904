"""Who is measured: cpool, its peers, and a plain copy.

Each of them is a small class in one of the modules of this folder, see :class:`peers.base.Peer`:
cpool itself and the yardsticks in ``own``, the libraries of networks in ``pytorch`` and
``networks``, those of images, volumes and series in ``images``.

A peer has a layout of its own and is given its data in it beforehand, so that no conversion is
timed; results are brought back to channels first to be compared. Where a library lets its result
be put into memory that is there already, it is. A new peer is a new class, and a line in
``PEERS``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from rows import CHANNELS_FIRST, CHANNELS_LAST

from peers.base import LeftOutError, Peer
from peers.images import Bottleneck, NumPySlices, OpenCv, ScikitImage, SciPy, TinyBrain
from peers.networks import Jax, OnnxRuntime, OpenVino, TensorFlow
from peers.own import Copy, Cpool, PlainCpool
from peers.pytorch import OneDnn, Torch, TorchWindows

#: One maker for each peer, by the key that ``--peers`` takes. Made only if chosen: making one
#: imports its library.
PEERS: dict[str, Callable[[], Peer]] = {
    "torch": functools.partial(Torch, CHANNELS_FIRST),
    "torch-channels-last": functools.partial(Torch, CHANNELS_LAST),
    "torch-windows": TorchWindows,
    "onednn": OneDnn,
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVino,
    "tensorflow": TensorFlow,
    "jax": Jax,
    "opencv": OpenCv,
    "skimage": ScikitImage,
    "scipy": SciPy,
    "tinybrain": TinyBrain,
    "bottleneck": Bottleneck,
    "numpy": NumPySlices,
    "copy": Copy,
}

__all__ = ["PEERS", "Copy", "Cpool", "LeftOutError", "OnnxRuntime", "Peer", "PlainCpool"]
