"""The reference pages of the documentation site, made of the parser, the schema and the constructs themselves."""

import os
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout, suppress
from io import StringIO
from typing import Any

import beanpod
from beanpod.cli.parser import COMMANDS, parse
from tools.schema import schema


def command() -> str:
    """The page of the command: the help of each subcommand, as the terminal prints it."""
    parts = [
        "# The command",
        "This page is the output of `--help`.",
        f"```text\n{command_help()}```",
    ]
    for name, (text, example) in COMMANDS.items():
        parts += [f"## beanpod {name}", f"{text}.", f"```sh\n{example}\n```"]
        if name != "cdk":
            parts.append(f"```text\n{command_help(name)}```")
    return "\n\n".join(parts) + "\n"


def manifest() -> str:
    """The page of the manifest: every key with its type, default and meaning."""
    document = schema()
    parts = [
        "# The manifest",
        "All keys of `beanpod.toml`. Editors complete and check the file by `beanpod.schema.json`, which has the same.",
        "A stage can override every key: `[stages.prod.database]`.",
        "## Top level",
        *_table(document["properties"], document, _scalars(document)),
    ]
    for heading, definition in _sections(document):
        parts += [f"## {heading}", definition["description"]]
        parts += _table(definition["properties"], document, list(definition["properties"]))
    return "\n\n".join(parts) + "\n"


def constructs() -> str:
    """The page of the constructs: the docstring of each public name."""
    parts = [
        "# The constructs",
        "The public interface of the library: `from beanpod import DockerEnvironment`.",
        *(f"::: beanpod.{name}" for name in beanpod.__all__),
    ]
    return "\n\n".join(parts) + "\n"


def command_help(*command: str) -> str:
    """What `beanpod COMMAND --help` prints on a terminal of 80 columns."""
    printed = StringIO()
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "80"
    try:
        with redirect_stdout(printed), suppress(SystemExit):
            parse([*command, "--help"])
    finally:
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns
    return printed.getvalue()


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
    for choice in (*property_.get("anyOf", ()), *property_.get("oneOf", ())):
        yield from _tables(path, choice, document)
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


def _table(properties: Mapping[str, Any], document: Mapping[str, Any], names: list[str]) -> list[str]:
    rows = []
    for name in names:
        property_ = properties[name]
        if property_.get("deprecated"):
            continue
        meaning = property_.get("description") or _definition(property_, document)["description"]
        rows.append(f"| `{name}` | {_kind(property_, document)} | {_escaped(meaning)} |")
    return ["| key | value | meaning |\n| --- | --- | --- |\n" + "\n".join(rows)] if rows else []


def _kind(property_: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """The type of a value in words, with its bounds."""
    if "$ref" in property_:
        definition = _definition(property_, document)
        return "table" if "properties" in definition else _kind(definition, document)
    if "enum" in property_:
        return " or ".join(f"`{_toml(value)}`" for value in property_["enum"])
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
