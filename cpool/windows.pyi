from collections.abc import Sequence
from typing import Any, Literal, SupportsFloat, SupportsIndex, TypeAlias

from numpy.typing import NDArray

# Arguments that several modules take.
_Ints: TypeAlias = SupportsIndex | tuple[SupportsIndex, ...] | list[int]
_Pad: TypeAlias = SupportsIndex | tuple[SupportsIndex, SupportsIndex]
_Pads: TypeAlias = SupportsIndex | tuple[_Pad, ...] | list[int] | list[tuple[int, int]]
_Padding: TypeAlias = _Pads | Literal["valid", "same", "same_lower"]
_PaddingMode: TypeAlias = Literal["constant", "reflect", "mirror", "nearest", "wrap"]
_Size: TypeAlias = SupportsIndex | None
_Number: TypeAlias = SupportsFloat
_Numbers: TypeAlias = _Number | tuple[_Number, ...] | list[float] | NDArray[Any]
_Sizes: TypeAlias = _Size | tuple[_Size, ...] | list[int] | list[int | None]

PADDING_MODES: tuple[str, ...]

class Windows:
    @property
    def ndim(self) -> int | None: ...
    def output_shape(self, input_shape: Sequence[SupportsIndex]) -> tuple[int, ...]: ...
    def table(
        self, input_shape: Sequence[SupportsIndex], absent: int | None = None
    ) -> list[list[list[int]]]: ...
    def sizes(
        self, input_shape: Sequence[SupportsIndex], count_include_pad: bool = True
    ) -> list[list[int]]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

class Sliding(Windows):
    @property
    def kernel_size(self) -> int | tuple[int, ...]: ...
    @property
    def stride(self) -> int | tuple[int, ...]: ...
    @property
    def dilation(self) -> int | tuple[int, ...]: ...
    @property
    def padding(self) -> int | tuple[int, ...] | tuple[tuple[int, int], ...] | str: ...
    @property
    def ceil_mode(self) -> bool: ...
    @property
    def padding_mode(self) -> str: ...

class Adaptive(Windows):
    @property
    def output_size(self) -> int | tuple[int | None, ...] | None: ...

class Fractional(Windows):
    @property
    def kernel_size(self) -> int | tuple[int, ...] | None: ...
    @property
    def output_size(self) -> int | tuple[int, ...] | None: ...
    @property
    def output_ratio(self) -> float | tuple[float, ...] | None: ...
    @property
    def samples(self) -> Any: ...
    @property
    def overlapping(self) -> bool: ...
    def of_planes(self, samples: Any) -> Fractional: ...

class Whole(Windows): ...

def sliding(
    kernel_size: _Ints,
    stride: _Ints | None = None,
    padding: _Padding = 0,
    dilation: _Ints = 1,
    ceil_mode: bool = False,
    padding_mode: _PaddingMode = "constant",
) -> Sliding: ...
def adaptive(output_size: _Sizes) -> Adaptive: ...
def fractional(
    kernel_size: _Ints | None,
    output_size: _Ints | None = None,
    output_ratio: _Numbers | None = None,
    *,
    samples: _Numbers | None = None,
    overlapping: bool = True,
) -> Fractional: ...
def whole() -> Whole: ...
