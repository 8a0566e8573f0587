"""GitHub's expressions, as far as this repository's workflows use them.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Contexts = Mapping[str, Any]
Functions = Mapping[str, Callable[..., Any]]

_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(\d+(?:\.\d+)?)|([A-Za-z_][\w-]*)|(==|!=|&&|\|\||[!().,]))")
_LITERALS = {"true": True, "false": False, "null": None}
_STATUS = ("success", "failure", "cancelled", "always")


def interpolated(text: str, contexts: Contexts) -> str:
    """A text with every `${{ expression }}` replaced by its value."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: written(evaluate(found[1], contexts)), text, flags=re.DOTALL)


def condition(text: str, contexts: Contexts, *, success: bool, cancelled: bool = False) -> bool:
    """Whether a job or step runs. success: of all before it, which it needs unless it asks about them itself."""
    text = text.strip().removeprefix("${{").removesuffix("}}")
    functions = {
        "success": lambda: success and not cancelled,
        "failure": lambda: not success and not cancelled,
        "cancelled": lambda: cancelled,
        "always": lambda: True,
    }
    asks = re.search(rf"\b(?:{'|'.join(_STATUS)})\s*\(", text)
    return (bool(asks) or (success and not cancelled)) and truth(evaluate(text or "true", contexts, functions))


def evaluate(text: str, contexts: Contexts, functions: Functions | None = None) -> Any:
    """The value of an expression. Raises ValueError for what it does not understand."""
    parser = _Parser(_tokens(text), contexts, functions or {})
    value = parser.either()
    if parser.tokens:
        raise ValueError(f"{text!r} goes on after its end: {parser.tokens[0]!r}")
    return value


def truth(value: Any) -> bool:
    """Whether a value counts as true."""
    return bool(value) and not (isinstance(value, float) and math.isnan(value))


def written(value: Any) -> str:
    """A value as text."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def equal(one: Any, other: Any) -> bool:
    """Texts regardless of case; values of two kinds as numbers."""
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return bool(one == other) if type(one) is type(other) else _number(one) == _number(other)


def _number(value: Any) -> float:
    try:
        return float(value or 0)
    except ValueError:
        return math.nan


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None:
            raise ValueError(f"{text!r} has something unknown at {text[position:]!r}")
        tokens.append(found[0].strip())
        position = found.end()
    return tokens


class _Parser:
    """Recursive descent; `and` and `or` give one of their operands, as in Python."""

    def __init__(self, tokens: list[str], contexts: Contexts, functions: Functions) -> None:
        self.tokens = tokens
        self._contexts = contexts
        self._functions = functions

    def either(self) -> Any:
        value = self._both()
        while self._takes("||"):
            other = self._both()
            value = value if truth(value) else other
        return value

    def _both(self) -> Any:
        value = self._compared()
        while self._takes("&&"):
            other = self._compared()
            value = other if truth(value) else value
        return value

    def _compared(self) -> Any:
        value = self._single()
        for sign, holds in (("==", equal), ("!=", lambda one, other: not equal(one, other))):
            if self._takes(sign):
                return holds(value, self._single())
        return value

    def _single(self) -> Any:
        if self._takes("!"):
            return operator.not_(truth(self._single()))
        if self._takes("("):
            value = self.either()
            self._must(")")
            return value
        return self._named(self._next())

    def _named(self, token: str) -> Any:
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token[0].isdigit():
            return float(token)
        if token in _LITERALS:
            return _LITERALS[token]
        return self._called(token) if self._takes("(") else self._looked_up(token)

    def _called(self, name: str) -> Any:
        self._must(")")
        if name not in self._functions:
            raise ValueError(f"no function {name}() here")
        return self._functions[name]()

    def _looked_up(self, name: str) -> Any:
        if name not in self._contexts:
            raise ValueError(f"no context {name} here: there are {', '.join(self._contexts)}")
        value = self._contexts[name]
        while self._takes("."):
            key = self._next()
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def _takes(self, token: str) -> bool:
        if self.tokens[:1] != [token]:
            return False
        self.tokens.pop(0)
        return True

    def _must(self, token: str) -> None:
        if not self._takes(token):
            raise ValueError(f"{token!r} is missing before {self.tokens[:1]}")

    def _next(self) -> str:
        if not self.tokens:
            raise ValueError("the expression ends too early")
        return self.tokens.pop(0)
