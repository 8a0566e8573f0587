"""Options by their key that override those of the constructs' arguments."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from beanpod._option_checks import setting_problems
from beanpod._option_keys import ENVIRONMENT, LAUNCH, OPTIONS, VPC, key_problems
from beanpod._settings import EnvironmentSettings
from beanpod._tokens import known

_NEEDED = {(LAUNCH, "IamInstanceProfile"), (VPC, "VPCId"), (VPC, "Subnets"), (ENVIRONMENT, "EnvironmentType")}


def override_problems(
    namespace: str, name: str, value: str | None, settings: EnvironmentSettings, taken: Iterable[tuple[str, str]]
) -> Iterator[str]:
    """Check an option given by its key like the argument that it replaces; None removes it."""
    option = f"option {namespace} {name}"
    if known(namespace) and (problems := list(map(str, key_problems(namespace, name, taken)))):
        yield from problems
    elif value is None and (namespace, name) in _NEEDED:
        yield f"{option} must not be removed: no environment launches without it"
    else:
        yield from (f"{option}: {problem}" for problem in _problems(namespace, name, value, settings))


def overridden(namespace: str, name: str, value: str | None, settings: EnvironmentSettings) -> EnvironmentSettings:
    """Return the settings with the option in them. ValueError for a text that is not of the option's type."""
    if value is None or not known(value) or (namespace, name) not in OPTIONS:
        return settings
    field, parse = OPTIONS[namespace, name]
    outer, _, inner = field.partition(".")
    parsed = parse(value)
    if not inner:
        return replace(settings, **{outer: parsed})
    part = getattr(settings, outer)
    return settings if part is None else replace(settings, **{outer: replace(part, **{inner: parsed})})


def _problems(namespace: str, name: str, value: str | None, settings: EnvironmentSettings) -> Iterable[str]:
    try:
        return list(setting_problems(overridden(namespace, name, value, settings)))
    except ValueError:
        return [f'must be a number, got "{value}"']
