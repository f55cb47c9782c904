from typing import Any

import numpy as np
from numpy.typing import NDArray

class Boxes:
    def __init__(self, image: NDArray[np.int64], images: int) -> None: ...
    def sample(
        self,
        axis: int,
        start: NDArray[np.floating[Any]],
        size: NDArray[np.floating[Any]],
        n: int,
        count: int,
        ratio: int,
        merged: bool,
    ) -> None: ...
    def cover(self, axis: int, lo: NDArray[np.int64], hi: NDArray[np.int64], n: int) -> None: ...

# y; numbered: (y, numbers of samples).
def reduce(
    x: NDArray[Any], boxes: Boxes, channels_last: bool, maximum: bool, numbered: bool = False
) -> Any: ...
def transpose(
    gy: NDArray[Any],
    boxes: Boxes,
    shape: tuple[int, ...],
    channels_last: bool,
    chosen: NDArray[np.int32] | None = None,
) -> NDArray[Any]: ...
