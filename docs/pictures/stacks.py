"""What an output reads through several layers, drawn from cpool.receptive_field."""

from __future__ import annotations

import matplotlib.pyplot as plt
from drawing import COLOURS, INK
from matplotlib.patches import Polygon, Rectangle

import cpool

LAYERS = [(3, 1, 1), (2, 2), (3, 1, 1), (2, 2)]
NAMES = ["input", "convolution 3", "pooling 2, stride 2", "convolution 3", "pooling 2, stride 2"]


def receptive_field() -> None:
    """One axis of 16 elements through four layers; the field of one output is shaded."""
    n = 16
    fields = cpool.receptive_field(LAYERS, input_size=n)
    lengths, jumps = [n], [1.0]
    centres = [0.0]
    for field in fields:
        lengths.append(field.output_size[0])
        jumps.append(field.stride[0])
        centres.append(field.center[0])
    _, axes = plt.subplots(figsize=(6.4, 3))
    axes.axis("off")
    chosen = 1
    lo, hi = fields[-1].region(chosen)[0]
    spans = [(lo, hi)]
    for i in range(1, len(LAYERS) + 1):
        spans.append(_span(fields, i, lengths[i], (lo, hi)))
    for level, (length, jump, centre) in enumerate(zip(lengths, jumps, centres, strict=True)):
        for o in range(length):
            at = centre + o * jump
            inside = spans[level][0] <= o < spans[level][1]
            axes.add_patch(Rectangle((at - 0.42, level * 1.3), 0.84, 0.7, linewidth=1,
                                     edgecolor=INK,
                                     facecolor=COLOURS[level] if inside else "white"))  # fmt: skip
        axes.text(-3.0, level * 1.3 + 0.35, NAMES[level], ha="right", va="center")
        size = 1 if level == 0 else fields[level - 1].size[0]
        axes.text(n + 0.4, level * 1.3 + 0.35, f"sees {size}", ha="left", va="center")
    top = centres[-1] + chosen * jumps[-1]
    level = (len(lengths) - 1) * 1.3
    axes.add_patch(Polygon([(lo - 0.5, 0.7), (hi - 0.5, 0.7), (top + 0.4, level),
                            (top - 0.4, level)], facecolor=COLOURS[0], alpha=0.18,
                           zorder=0))  # fmt: skip
    axes.set_xlim(-9, n + 4)
    axes.set_ylim(-0.3, level + 1)


def _span(fields, level: int, length: int, region: tuple[int, int]) -> tuple[int, int]:
    """The outputs of a layer that lie on the way from a region of the input."""
    last = len(fields)
    chosen = {1}
    for i in range(last, level, -1):
        kernel, stride, *padding = LAYERS[i - 1]
        before = padding[0] if padding else 0
        chosen = {o * stride - before + t for o in chosen for t in range(kernel)}
    inside = sorted(o for o in chosen if 0 <= o < length)
    return inside[0], inside[-1] + 1
