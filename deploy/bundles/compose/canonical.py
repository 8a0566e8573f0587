"""One form for each setting that compose takes in several, so that two files can be merged and a file be changed."""

from collections.abc import Callable
from typing import Any

from deploy.bundles.compose import ports, volumes
from deploy.bundles.compose.findings import Findings, at
from deploy.bundles.compose.reading import Override, Reset

Tree = dict[str, Any]

_STARTED = {"condition": "service_started"}


def canonical(tree: Tree, findings: Findings) -> Tree:
    """The tree of a file with every service in one form; ports and volumes become `Port` and `Volume`."""
    changed = dict(tree)
    for section in ("networks", "volumes", "secrets", "configs"):
        changed[section] = _each(tree.get(section), lambda _, item: _converted(item, {"labels": _mapping_of("")}))
    changed["services"] = _each(tree.get("services"), lambda name, service: _service(name, service, findings))
    return {key: value for key, value in changed.items() if value is not None}


def _each(section: Any, convert: Callable[[str, Any], Any]) -> Any:
    return _within(section, lambda named: {name: convert(name, item) for name, item in named.items()})


def _within(value: Any, convert: Callable[[Any], Any]) -> Any:
    """Converts what is inside of `!override`; `!reset` and nothing stay as they are."""
    if isinstance(value, Override):
        return Override(_within(value.value, convert))
    return value if value is None or isinstance(value, Reset) else convert(value)


def _service(name: str, service: Any, findings: Findings) -> Any:
    own = {
        "ports": lambda entries: _parsed(entries, lambda entry: ports.parsed(entry), at(name, "ports"), findings),
        "volumes": lambda entries: _parsed(
            entries, lambda entry: (volumes.parsed(entry),), at(name, "volumes"), findings
        ),
    }
    present = _within(service, lambda keys: {key: value for key, value in keys.items() if value is not None})
    return _converted(present, _FORMS | own)


def _converted(value: Any, forms: dict[str, Callable[[Any], Any]]) -> Any:
    def convert(mapping: Tree) -> Tree:
        return {key: _within(item, forms[key]) if key in forms else item for key, item in mapping.items()}

    return _within(value, convert)


def _parsed(entries: list[Any], parse: Callable[[Any], tuple[Any, ...]], where: str, findings: Findings) -> list[Any]:
    found: list[Any] = []
    for entry in entries:
        try:
            found += parse(entry)
        except ValueError as error:
            findings.problem(where, str(error))
    return found


def _mapping_of(missing: Any) -> Callable[[Any], Any]:
    """From `NAME=value` in a list to a mapping; `missing` stands for a name alone."""

    def convert(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        split = (str(item).partition("=") for item in value)
        # In a list names are interpolated, as keys of a mapping they are not.
        return {name.replace("$$", "$"): text if sign else missing for name, sign, text in split}

    return convert


def _names_of(default: Any) -> Callable[[Any], Any]:
    return lambda value: {str(name): default for name in value} if isinstance(value, list) else value


def _list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _hosts(value: Any) -> Any:
    """A host may have several addresses, so a list it is."""
    if not isinstance(value, dict):
        return value
    return [f"{host}={address}" for host, addresses in value.items() for address in _list(addresses)]


def _build(value: Any) -> Any:
    mapping = value if isinstance(value, dict) else {"context": value}
    forms = {"args": _mapping_of(None), "labels": _mapping_of(""), "additional_contexts": _mapping_of("")}
    return _converted(mapping, forms)


def _gpus(value: Any) -> Any:
    return value if isinstance(value, list) else [{"count": value}]


def _extends(value: Any) -> Any:
    return value if isinstance(value, dict) else {"service": value}


_FORMS: dict[str, Callable[[Any], Any]] = {
    "annotations": _mapping_of(""),
    "build": _build,
    "depends_on": _names_of(_STARTED),
    "deploy": lambda value: _converted(value, {"labels": _mapping_of("")}),
    "dns": _list,
    "dns_search": _list,
    "env_file": _list,
    "environment": _mapping_of(None),
    "extends": _extends,
    "extra_hosts": _hosts,
    "gpus": _gpus,
    "label_file": _list,
    "labels": _mapping_of(""),
    "models": _names_of(None),
    "networks": _names_of(None),
    "sysctls": _mapping_of(""),
    "tmpfs": _list,
}
