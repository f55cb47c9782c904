from typing import Any

from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool.arrays import Options
from cpool.windows import Windows

CENTRAL: frozenset[str]
DISCRETE: frozenset[str]
KINDS: dict[str, int]
METHODS: tuple[str, ...]

class Order:
    def __init__(
        self,
        kind: str,
        p: float = 0.5,
        method: str = "linear",
        rank: int = 0,
        first_wins: bool = False,
        ignored: Any = None,
    ) -> None: ...
    @property
    def selecting(self) -> bool: ...

def network(taps: int, wanted: tuple[int, ...]) -> bytes: ...
def merge_exchange(taps: int) -> list[tuple[int, int]]: ...
def values(order: Order, x: ArrayLike, windows: Windows, options: Options) -> NDArray[Any]: ...
def slopes(
    order: Order,
    x: NDArray[Any],
    windows: Windows,
    options: Options,
    gy: ArrayLike,
    dtype: DTypeLike,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
