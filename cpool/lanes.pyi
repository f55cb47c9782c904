from typing import Any

from numpy.typing import ArrayLike, DTypeLike, NDArray

from cpool.arrays import Options
from cpool.windows import Windows

KINDS: dict[str, int]

def values(
    kind: str,
    x: ArrayLike,
    windows: Windows,
    options: Options,
    p: float = 1.0,
    low: float | None = None,
    mean: bool = False,
    zero_if_empty: bool = False,
    logits: NDArray[Any] | None = None,
    detail: tuple[NDArray[Any], float, float, bool] | None = None,
) -> NDArray[Any]: ...
def expected(x: ArrayLike, windows: Windows, options: Options) -> NDArray[Any] | None: ...
def quotient(
    x: NDArray[Any],
    logits: NDArray[Any] | None,
    windows: Windows,
    options: Options,
    p: float = 1.0,
) -> NDArray[Any] | None: ...
def squares(x: NDArray[Any], shape: tuple[int, ...], step: int) -> NDArray[Any]: ...
def draw(
    x: ArrayLike, windows: Windows, options: Options, places: NDArray[Any]
) -> NDArray[Any]: ...
def gated(z: NDArray[Any], top: NDArray[Any], mean: NDArray[Any]) -> NDArray[Any]: ...
def slopes(
    kind: str,
    x: NDArray[Any],
    windows: Windows,
    options: Options,
    gy: ArrayLike,
    dtype: DTypeLike,
    p: float = 1.0,
    low: float | None = None,
    mean: bool = False,
    logits: NDArray[Any] | None = None,
    by_logits: bool = False,
    detail: tuple[NDArray[Any], float, float, bool] | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def changes(
    kind: str,
    x: NDArray[Any],
    windows: Windows,
    options: Options,
    p: float = 1.0,
    low: float | None = None,
    mean: bool = False,
    detail: tuple[NDArray[Any], float, float, bool] | None = None,
    parameter: str = "p",
) -> NDArray[Any]: ...
def learning(gy: ArrayLike, **call: Any) -> float: ...
