"""One form for each setting that compose takes in several, so that two files can be merged and a file be changed."""

from collections.abc import Callable
from typing import Any

from beanpod.deploy.bundles.compose import ports, volumes
from beanpod.deploy.bundles.compose.faults import Faulty, faults
from beanpod.deploy.bundles.compose.reading import Override, Reset

Tree = dict[str, Any]

_STARTED = {"condition": "service_started"}


def canonical(tree: Tree) -> Tree:
    """The tree of a file with every service in one form.

    Ports and volumes become `Port` and `Volume`, or `Faulty` where they are none.
    """
    changed = dict(tree)
    for section in ("networks", "volumes", "secrets", "configs"):
        changed[section] = _each(tree.get(section), lambda item: _converted(item, {"labels": _mapping_of("")}))
    changed["services"] = _each(tree.get("services"), _service)
    return {key: value for key, value in changed.items() if value is not None}


def _each(section: Any, convert: Callable[[Any], Any]) -> Any:
    return _within(section, lambda named: {name: convert(item) for name, item in named.items()})


def _within(value: Any, convert: Callable[[Any], Any]) -> Any:
    """Converts what is inside of `!override`; `!reset` and nothing stay as they are."""
    if isinstance(value, Override):
        return Override(_within(value.value, convert))
    return value if value is None or isinstance(value, Reset) else convert(value)


def _service(service: Any) -> Any:
    present = _within(service, lambda keys: {key: value for key, value in keys.items() if value is not None})
    return _converted(present, _FORMS)


def _converted(value: Any, forms: dict[str, Callable[[Any], Any]]) -> Any:
    def convert(mapping: Tree) -> Tree:
        return {key: _within(item, forms[key]) if key in forms else item for key, item in mapping.items()}

    return _within(value, convert)


def _parsed(parse: Callable[[Any], tuple[Any, ...]]) -> Callable[[list[Any]], list[Any]]:
    def convert(entries: list[Any]) -> list[Any]:
        return [item for entry in entries for item in _entry(entry, parse)]

    return convert


def _entry(entry: Any, parse: Callable[[Any], tuple[Any, ...]]) -> tuple[Any, ...]:
    for _, problem in faults(entry):
        return (Faulty(str(entry), problem),)
    try:
        return parse(entry)
    except ValueError as error:
        return (Faulty(str(entry), str(error)),)


def _mapping_of(missing: Any) -> Callable[[Any], Any]:
    """From `NAME=value` in a list to a mapping; `missing` stands for a name alone."""

    def convert(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return dict(_pair(item, missing) for item in value)

    return convert


def _pair(item: Any, missing: Any) -> tuple[str, Any]:
    name, sign, text = str(item).partition("=")
    # In a list names are interpolated, as keys of a mapping they are not.
    name = name.replace("$$", "$")
    if isinstance(item, Faulty):
        return name, Faulty(text, item.problem)
    return name, text if sign else missing


def _names_of(default: Any) -> Callable[[Any], Any]:
    return lambda value: {str(name): default for name in value} if isinstance(value, list) else value


def _list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _hosts(value: Any) -> Any:
    """A host may have several addresses, so a list it is."""
    if not isinstance(value, dict):
        return value
    return [
        Faulty(f"{host}={address}", address.problem) if isinstance(address, Faulty) else f"{host}={address}"
        for host, addresses in value.items()
        for address in _list(addresses)
    ]


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
    "ports": _parsed(ports.parsed),
    "sysctls": _mapping_of(""),
    "tmpfs": _list,
    "volumes": _parsed(lambda entry: (volumes.parsed(entry),)),
}
