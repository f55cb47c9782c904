from collections.abc import Callable
from typing import Any

class Recent:
    def __init__(self, function: Callable[..., Any], count: int) -> None: ...
    def call(
        self, a: Any, b: Any = None, c: Any = None, d: Any = None, e: Any = None, f: Any = None
    ) -> Any: ...
