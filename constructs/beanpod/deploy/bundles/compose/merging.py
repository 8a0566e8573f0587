"""One compose file over another, both canonical: https://docs.docker.com/reference/compose-file/merge/."""

from collections.abc import Callable
from typing import Any

from beanpod.deploy.bundles.compose.reading import Override, Reset

Tree = dict[str, Any]
Path = tuple[str, ...]
Refuse = Callable[[Path, str], None]

# Of these the upper file's value counts as a whole, at the end of a place.
_REPLACED = (("command",), ("entrypoint",), ("healthcheck", "test"))


def merged(below: Tree, above: Tree, refuse: Refuse) -> Tree:
    """`above` over `below`. refuse: told the place where the two do not go together, and why."""
    return _mappings(below, above, (), refuse)


def merged_service(below: Tree, above: Tree, name: str, refuse: Refuse) -> Tree:
    """A service over the one that it extends."""
    return _mappings(below, above, ("services", name), refuse)


def _mappings(below: Tree, above: Tree, path: Path, refuse: Refuse) -> Tree:
    result = dict(below)
    for key, value in above.items():
        if isinstance(value, Reset):
            result.pop(key, None)
        elif isinstance(value, Override) or result.get(key) is None:
            result[key] = _settled(value, (*path, key))
        elif value is not None:
            result[key] = _values(result[key], value, (*path, key), refuse)
    return result


def _settled(value: Any, path: Path) -> Any:
    """A value with nothing below it: its own tags have done their work, and of equal entries the last one counts."""
    if isinstance(value, Override):
        return _settled(value.value, path)
    if isinstance(value, dict):
        return {key: _settled(item, (*path, key)) for key, item in value.items() if not isinstance(item, Reset)}
    return _last_of_each(value, path) if isinstance(value, list) else value


def _values(below: Any, above: Any, path: Path, refuse: Refuse) -> Any:
    inside = path[2:] if path[0] == "services" else ()
    if inside in _REPLACED or _is_limit(inside) or (inside == ("logging",) and _other_driver(below, above)):
        return _settled(above, path)
    if isinstance(below, dict) and isinstance(above, dict):
        return _mappings(below, above, path, refuse)
    if isinstance(below, list) and isinstance(above, list):
        return _last_of_each([*below, *above], path)
    if isinstance(below, dict | list) or isinstance(above, dict | list):
        refuse(path, "the two files write it in forms that cannot be merged: write !override before the upper one")
    return above


def _is_limit(inside: Path) -> bool:
    return len(inside) == 2 and inside[0] == "ulimits"


def _other_driver(below: Tree, above: Tree) -> bool:
    drivers = [logging.get("driver") for logging in (below, above)]
    return None not in drivers and drivers[0] != drivers[1]


def _last_of_each(items: list[Any], path: Path) -> list[Any]:
    inside = path[2:] if path[0] == "services" else ()
    key_of = _KEYS.get(inside[0]) if len(inside) == 1 else None
    if key_of is None:
        return items
    found: dict[Any, Any] = {}
    for item in items:
        found[key_of(item)] = item
    return list(found.values())


def _mount_key(default: str) -> Callable[[Any], str]:
    def key_of(item: Any) -> str:
        source, target = (item.get("source"), item.get("target")) if isinstance(item, dict) else (item, None)
        return str(target) if target else f"{default}/{source}"

    return key_of


def _path_key(item: Any) -> str:
    return str(item.get("path")) if isinstance(item, dict) else str(item)


def _device_key(item: Any) -> str:
    parts = str(item).split(":")
    return str(item.get("target")) if isinstance(item, dict) else parts[min(1, len(parts) - 1)]


_KEYS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        ("cap_add", "cap_drop", "dns", "dns_opt", "dns_search", "expose", "extra_hosts", "links", "profiles", "tmpfs"),
        str,
    ),
    **dict.fromkeys(("ports", "volumes"), lambda item: getattr(item, "key", item)),
    "configs": _mount_key(""),
    "devices": _device_key,
    "env_file": _path_key,
    "secrets": _mount_key("/run/secrets"),
}
