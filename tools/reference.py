"""The reference pages of the documentation site, made of the parser, the schema and the constructs themselves."""

import os
import re
from argparse import PARSER, Action, ArgumentParser
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout, suppress
from io import StringIO
from typing import Any
from unittest.mock import patch

import beanpod
from beanpod.cli.parser import COMMANDS, make_parser, parse
from tools.examples import MANIFESTS
from tools.schema import schema

# Keys that neither the preset nor the schema requires.
_REQUIRED = {"service.name", "service.image", "domain.name", "database.engine"}
_QUOTED = re.compile(r'(?:\b[A-Z_]+ = )?\[?"[^"]*"(?:, "[^"]*")*\]?|\{\{|\}\}|\{[^{}]+\}')
_DEFAULT = re.compile(r" ?Default: (.*?)\.(?= [A-Z]|$)")


def command() -> str:
    """The page of the command: each subcommand with its options, of the parser itself."""
    parser = make_parser()
    common = [action for action in _actions(parser) if action.option_strings]
    commands: Any = next(action for action in _actions(parser) if action.nargs == PARSER)
    parts = [
        "# The command",
        "Made of the command's own parser. This is `beanpod --help`:",
        f"```text\n{command_help()}```",
        "## Options of all commands",
        _options(common),
    ]
    for name, (text, example) in COMMANDS.items():
        known = {flag for action in common for flag in action.option_strings}
        own = [action for action in _actions(commands.choices[name]) if not known.intersection(action.option_strings)]
        parts += [f"## beanpod {name}", f"{text}.", f"```sh\n{example}\n```"]
        if name == "cdk":
            parts.append("All options are the CDK CLI's: `beanpod cdk --help`.")
        elif own:
            parts.append(_options(own))
    return "\n\n".join(parts) + "\n"


def manifest() -> str:
    """The page of the manifest: every key with its type, limits, default and meaning, and an example of each table."""
    document = schema()
    parts = [
        "# The manifest",
        "All keys of `beanpod.toml`. Editors complete and check the file by `beanpod.schema.json`, which has the same.",
        "A stage can override every key: `[stages.prod.database]`.",
        "## Top level",
        *_table("", document, document, _scalars(document)),
        *_examples("Top level"),
    ]
    for heading, definition in _sections(document):
        parts += [f"## {heading}", definition["description"]]
        parts += _table(heading, definition, document, definition["properties"])
        parts += _examples(heading)
    return "\n\n".join(parts) + "\n"


def constructs() -> str:
    """The page of the constructs: the docstring of each public name."""
    names = vars(beanpod)["__all__"]
    parts = [
        "# The constructs",
        "The public interface of the library: `from beanpod import DockerEnvironment`.",
        "| name | what it is |\n| --- | --- |\n" + "\n".join(map(_summary, names)),
        *(f"::: beanpod.{name}" for name in names),
    ]
    return "\n\n".join(parts) + "\n"


def command_help(*command: str) -> str:
    """What `beanpod COMMAND --help` prints on a terminal of 80 columns."""
    printed = StringIO()
    with patch.dict(os.environ, COLUMNS="80"), redirect_stdout(printed), suppress(SystemExit):
        parse([*command, "--help"])
    return printed.getvalue()


def _summary(name: str) -> str:
    """A row for a public name, with the first line of its docstring."""
    first = (getattr(beanpod, name).__doc__ or "").strip().partition("\n")[0]
    return f"| [`{name}`](#beanpod.{name}) | {_escaped(first)} |"


def _actions(parser: ArgumentParser) -> list[Action]:
    return parser._actions


def _options(actions: Iterable[Action]) -> str:
    """A table of options and arguments."""
    rows = (
        f"| `{' '.join(filter(None, [', '.join(action.option_strings), str(action.metavar or '')]))}` "
        f"| {_escaped(action.help or '')} |"
        for action in actions
    )
    return "| option | meaning |\n| --- | --- |\n" + "\n".join(rows)


def _sections(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every table of the manifest under its heading, in the order of the schema."""
    for name, property_ in document["properties"].items():
        if name != "stages":
            yield from _tables(name, property_, document)


def _tables(path: str, property_: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The tables that are the value of a key, and those in them."""
    if "$ref" in property_:
        definition = _definition(property_, document)
        if "properties" in definition:
            yield f"[{path}]", {**definition, "description": property_.get("description", definition["description"])}
            for name, value in definition["properties"].items():
                yield from _tables(f"{path}.{name}", value, document)
        return
    choices = [*property_.get("anyOf", ()), *property_.get("oneOf", ())]
    for choice in choices:
        for heading, table in _tables(path, choice, document):
            kind = f" with {next(iter(table['properties']))}" if len(choices) > 1 and "$ref" in choice else ""
            yield f"{heading}{kind}", table
    if "items" in property_:
        for heading, table in _tables(path, property_["items"], document):
            yield f"[{heading}]", table
    if isinstance(property_.get("additionalProperties"), dict):
        yield from _tables(f"{path}.NAME", property_["additionalProperties"], document)


def _definition(property_: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    definition: Mapping[str, Any] = document["$defs"].get(property_.get("$ref", "").rpartition("/")[2], {})
    return definition


def _scalars(document: Mapping[str, Any]) -> list[str]:
    return [name for name, value in document["properties"].items() if "properties" not in _definition(value, document)]


def _table(heading: str, table: Mapping[str, Any], document: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    rows = []
    path = heading.partition(" ")[0].strip("[]")
    for name in names:
        property_ = table["properties"][name]
        if property_.get("deprecated"):
            continue
        words = property_.get("description") or _definition(property_, document)["description"]
        # "Storage in GiB. Default: 20." has the default in a column of its own.
        default = _DEFAULT.search(words)
        if default:
            words = f"{words[: default.start()]}{words[default.end() :]}".strip()
        key = f"{path}.{name}".strip(".")
        required = name in table.get("required", ()) or key in _REQUIRED
        given = _default(default[1]) if default else "required" if required else "none"
        rows.append(f'| <a id="{key}"></a>`{name}` | {_kind(property_, document)} | {given} | {_prose(words)} |')
    return ["| key | value | default | meaning |\n| --- | --- | --- | --- |\n" + "\n".join(rows)] if rows else []


def _prose(words: str) -> str:
    """A text in Markdown: what is quoted, or in braces, is code."""
    parts = words.split("`")
    parts[::2] = [re.sub(_QUOTED, r"`\g<0>`", part) for part in parts[::2]]
    return _escaped("".join(part if place % 2 == 0 else f"`{part}`" for place, part in enumerate(parts)))


def _default(words: str) -> str:
    """A default in Markdown: `"small"`, or `1`; production: `2`."""
    parts = [part.partition(": ") for part in words.split("; ")]
    return "; ".join(f"{name}: {_value(value)}" if mark else _value(name) for name, mark, value in parts)


def _value(text: str) -> str:
    return f"`{text}`" if re.fullmatch(r"\d+|true|false", text) else _prose(text)


def _examples(heading: str) -> list[str]:
    return [f"```toml\n{text}```" for text in MANIFESTS[heading]]


def _kind(property_: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """The type of a value in words, with its bounds."""
    if "$ref" in property_:
        definition = _definition(property_, document)
        return "table" if "properties" in definition else _kind(definition, document)
    if "enum" in property_:
        *some, last = (f"`{_toml(value)}`" for value in property_["enum"])
        return f"{', '.join(some)} or {last}" if some else last
    if "const" in property_:
        return f"`{_toml(property_['const'])}`"
    if choices := property_.get("anyOf") or property_.get("oneOf"):
        outer = {key: value for key, value in property_.items() if key == "type"}
        return " or ".join(dict.fromkeys(_kind({**outer, **choice}, document) for choice in choices))
    match property_.get("type"):
        case "array":
            return f"list of {_kind(property_['items'], document)}" if "items" in property_ else "list"
        case "object":
            inner = property_.get("additionalProperties")
            return f"each name a {_kind(inner, document)}" if isinstance(inner, dict) else "table"
        case "integer" | "number" as kind:
            return {"integer": "integer", "number": "number"}[kind] + _bounds(property_)
        case "boolean":
            return "`true` or `false`"
        case kind:
            return str(kind)


def _bounds(property_: Mapping[str, Any]) -> str:
    low, high = property_.get("minimum"), property_.get("maximum")
    if low is not None and high is not None:
        return f", {low} to {high}"
    return f", at least {low}" if low is not None else f", at most {high}" if high is not None else ""


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
