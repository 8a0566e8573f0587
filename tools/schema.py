"""Write beanpod.schema.json, for editors that follow a manifest's `#:schema` line: `python -m tools.schema`.

https://taplo.tamasfe.dev/configuration/directives.html#the-schema-directive
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from beanpod.manifest._layers import PLAINTEXT, PRESETS, RENAMED
from beanpod.manifest._messages import show
from beanpod.manifest._models import StageConfig

SCHEMA = Path(__file__).parents[1] / "beanpod.schema.json"

# Tables of which file, stage and preset may each have a part.
_LAYERED = (
    "ServiceConfig",
    "NetworkConfig",
    "EnvironmentConfig",
    "ManagedUpdates",
    "DatabaseConfig",
    "Domain",
)


_VARIABLE = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "additionalProperties": False,
            "required": [PLAINTEXT],
            "properties": {
                PLAINTEXT: {"type": "string", "description": "A value that looks like a secret and is not one."}
            },
        },
    ]
}


def schema() -> dict[str, Any]:
    """Return the schema. A key that the preset or another table may give is not required."""
    generated = StageConfig.model_json_schema()
    definitions = {name: _tidy(section) for name, section in generated.pop("$defs").items()}
    stage = _tidy(generated)
    del stage["properties"]["name"], stage["required"]
    for name in _LAYERED:
        del definitions[name]["required"]
    _add_words_that_switch_off(definitions)
    _add_preset_defaults(definitions)
    _add_earlier_names(definitions)
    stage["properties"]["variables"]["additionalProperties"] = _VARIABLE
    stages = {
        "type": "object",
        "description": "Stages by name; each overrides any other key. Default: one stage, dev.",
        "additionalProperties": {"$ref": "#/$defs/Stage"},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "beanpod.toml",
        "description": "The manifest of a service that Beanpod deploys.",
        "type": "object",
        "additionalProperties": False,
        "properties": {**stage["properties"], "stages": stages},
        "$defs": {**definitions, "Stage": {**stage, "title": "Stage", "description": "One stage's overrides."}},
    }


def text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(section: dict[str, Any]) -> dict[str, Any]:
    """Remove the titles, which repeat the key, and null, which TOML does not have."""
    properties = {key: _tidy_property(value) for key, value in section["properties"].items()}
    return {**section, "properties": properties}


def _tidy_property(value: dict[str, Any]) -> dict[str, Any]:
    tidy = {key: item for key, item in value.items() if key != "title" and not _is_empty_default(key, item)}
    if "description" in tidy:
        tidy["description"] = " ".join(tidy["description"].split())
    choices = [choice for choice in tidy.pop("anyOf", []) if choice != {"type": "null"}]
    return {**choices[0], **tidy} if choices else tidy


def _is_empty_default(key: str, item: object) -> bool:
    """Return whether a default is absent or a table of defaults: its description says it better."""
    return key == "default" and (item is None or isinstance(item, dict))


def _add_words_that_switch_off(definitions: dict[str, Any]) -> None:
    for section, key in (("DatabaseConfig", "engine"), ("ManagedUpdates", "level")):
        definitions[section]["properties"][key]["enum"].append("none")
    room = definitions["DatabaseConfig"]["properties"]["max_allocated_storage"]
    bounds = {key: room.pop(key) for key in ("minimum", "maximum")}
    room["anyOf"] = [{"const": 0}, bounds]


def _add_preset_defaults(definitions: dict[str, Any]) -> None:
    names = {"network": "NetworkConfig", "environment": "EnvironmentConfig", "database": "DatabaseConfig"}
    for section, definition in names.items():
        for key, small in PRESETS["small"][section].items():
            production = PRESETS["production"][section][key]
            described = definitions[definition]["properties"][key]
            described["description"] += f" Default: {_written(small)}; production: {_written(production)}."


def _add_earlier_names(definitions: dict[str, Any]) -> None:
    titles = {
        "service": "ServiceConfig",
        "environment": "EnvironmentConfig",
        "scaling": "Scaling",
        "database": "DatabaseConfig",
    }
    for (*_, section, earlier), name in RENAMED.items():
        properties = definitions[titles[section]]["properties"]
        description = f"Earlier name of {name}. Default: as for {name}."
        properties[earlier] = {**properties[name], "description": description, "deprecated": True}


def _written(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_written(item)}" for key, item in value.items())
    return show(value)


if __name__ == "__main__":
    SCHEMA.write_text(text(), encoding="utf-8")
