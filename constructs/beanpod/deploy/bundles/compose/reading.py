"""A compose file as a tree of dictionaries, lists and scalars, read as compose reads it.

PyYAML knows YAML 1.1, compose 1.2: there `22:22` is no number and `yes` no truth. Compose also refuses a key that
stands twice, and has two tags of its own: https://docs.docker.com/reference/compose-file/merge/#reset-value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_CORE = "tag:yaml.org,2002:"
_MOST_NODES = 20_000
_DEEPEST = 60


class Plain(str):
    """A scalar without quotes that may be a number in some notation: it is written as it was read."""

    __slots__ = ()


@dataclass(frozen=True)
class Reset:
    """`!reset`: the key goes, whatever the file below says."""


@dataclass(frozen=True)
class Override:
    """`!override`: the value replaces the one of the file below instead of being merged with it."""

    value: Any


class UnreadableError(Exception):
    """A compose file that is none: one line that says where and why."""


class _Loader(yaml.SafeLoader):
    """Only what YAML 1.2 and compose agree on is no text."""


_Loader.yaml_implicit_resolvers = {}


def _resolve(kind: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(_CORE + kind, re.compile(rf"(?:{pattern})\Z"), [*first] or [""])


_resolve("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_resolve("int", "[-+]?(?:0|[1-9][0-9]{0,17})", "-+0123456789")
_resolve("null", "~|null|Null|NULL", "~nN")
_resolve("null", "", "")
_resolve("merge", "<<", "<")


def read_documents(path: Path) -> Iterator[Any]:
    """The documents of the file, each a tree. Raises UnreadableError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        for node in yaml.compose_all(text, _Loader):
            yield _Tree().of(node)
    except UnicodeDecodeError:
        raise UnreadableError("not UTF-8: save the file as UTF-8") from None
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        raise UnreadableError(f"{_line(where)}not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise UnreadableError(f"not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise UnreadableError("nested too deeply: write it flatter") from None


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}: " if mark else ""


class _Tree:
    """From YAML's nodes to Python's values; anchors are copied, so that each place can change for itself."""

    def __init__(self) -> None:
        self._nodes = 0
        self._open: list[yaml.Node] = []

    def of(self, node: yaml.Node) -> Any:
        self._enter(node)
        match node.tag:
            case "!reset":
                value: Any = Reset()
            case "!override":
                value = Override(self._value(node, _untagged(node)))
            case _:
                value = self._value(node, node.tag)
        self._open.pop()
        return value

    def _enter(self, node: yaml.Node) -> None:
        self._nodes += 1
        if any(node is parent for parent in self._open):
            raise UnreadableError(f"{_line(node.start_mark)}an anchor that contains itself: write it out")
        if self._nodes > _MOST_NODES or len(self._open) > _DEEPEST:
            raise UnreadableError(f"{_line(node.start_mark)}too large or too deep a file for compose: shorten it")
        self._open.append(node)

    def _value(self, node: yaml.Node, tag: str) -> Any:
        if isinstance(node, yaml.MappingNode) and tag == f"{_CORE}map":
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode) and tag == f"{_CORE}seq":
            return [self._item(item) for item in node.value]
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node, tag)
        raise _unknown_tag(node)

    def _item(self, node: yaml.Node) -> Any:
        value = self.of(node)
        if isinstance(value, Reset | Override):
            raise UnreadableError(f"{_line(node.start_mark)}{node.tag} in a list: write it before the whole list")
        return value

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_CORE}merge":
                merged = self._below(value_node) | merged
                continue
            key = _key(key_node)
            if key in own:
                raise UnreadableError(f"{_line(key_node.start_mark)}{key}: stands there twice: write it once")
            own[key] = self.of(value_node)
        return {**{key: value for key, value in merged.items() if key not in own}, **own}

    def _below(self, node: yaml.Node) -> dict[str, Any]:
        """What `<<` brings: a mapping, or several of which the first one that has a key wins."""
        value = self.of(node)
        layers = value if isinstance(value, list) else [value]
        if not all(isinstance(layer, dict) for layer in layers):
            raise UnreadableError(f"{_line(node.start_mark)}<<: takes a mapping or a list of mappings")
        merged: dict[str, Any] = {}
        for layer in layers:
            merged = {**layer, **merged}
        return merged


def _untagged(node: yaml.Node) -> str:
    """The tag that the node would have without one of compose's own."""
    if isinstance(node, yaml.MappingNode):
        return f"{_CORE}map"
    if isinstance(node, yaml.SequenceNode):
        return f"{_CORE}seq"
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    return str(_Loader("").resolve(yaml.ScalarNode, node.value, (plain, not plain)))  # type: ignore[no-untyped-call]


def _key(node: yaml.Node) -> str:
    value = _scalar(node, node.tag) if isinstance(node, yaml.ScalarNode) else None
    if not isinstance(value, str):
        shown = node.value if isinstance(node, yaml.ScalarNode) else "a list or a mapping"
        raise UnreadableError(f"{_line(node.start_mark)}key {shown}: a key is text: put it in quotes")
    return value


def _scalar(node: yaml.ScalarNode, tag: str) -> Any:
    text = str(node.value)
    match tag.removeprefix(_CORE):
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int" if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
            return int(text)
        case "str" | "float" | "int" | "timestamp":
            return Plain(text) if node.style is None and text[:1] in set("-+.0123456789") else text
    raise _unknown_tag(node)


def _unknown_tag(node: yaml.Node) -> UnreadableError:
    return UnreadableError(f"{_line(node.start_mark)}tag {node.tag}: compose knows only !reset and !override")
