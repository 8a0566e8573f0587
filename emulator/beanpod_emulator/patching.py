"""How methods of moto are patched."""

from collections.abc import Callable
from functools import wraps
from typing import Any


def patches(owner: Any) -> Callable[[Callable[..., Any]], None]:
    """Replace the method of a class that has the decorated function's name; the function gets the original first."""

    def replace(function: Callable[..., Any]) -> None:
        original = getattr(owner, function.__name__)

        @wraps(original)
        def replacement(*arguments: Any, **named: Any) -> Any:
            return function(original, *arguments, **named)

        setattr(owner, function.__name__, replacement)

    return replace
