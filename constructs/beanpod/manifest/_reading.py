"""From a file to checked stages: all wrong values of a stage at once, and if there are none, all rules it breaks."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pydantic import ValidationError

from beanpod.manifest._across_stages import problems_across, shared_account
from beanpod.manifest._checks import Case, Finding, rule_problems
from beanpod.manifest._layers import Tables, as_written, completed, look_up, overridden, renamed
from beanpod.manifest._messages import KeyPath, ManifestError, dotted, printable, show, syntax_problem
from beanpod.manifest._models import StageConfig
from beanpod.manifest._problems import field_problems
from beanpod.manifest.secret_like import looks_secret

ONLY_STAGE = "dev"


@dataclass(frozen=True)
class Manifest:
    """A manifest whose every stage is valid.

    Attributes:
        path: The file; `service.dockerfile` and `service.compose` are relative to its folder.
        configurations: The resolved stages by name, in file order.
    """

    path: Path
    configurations: Mapping[str, StageConfig]

    @classmethod
    def read(cls, path: str | Path, *, build_files: bool = False) -> Manifest:
        """Read and check a manifest, all stages of it: a mistake in prod is found while dev is deployed.

        Args:
            path: The file.
            build_files: Whether the Dockerfile or the compose file must exist. Default: no, so that the stacks can be
                deployed from another repository than the app's.

        Raises:
            ManifestError: With every problem found.
        """
        path = Path(path)
        try:
            return cls(path, _stages(path, _tables(path), path.parent if build_files else None))
        except RecursionError:
            raise ManifestError(path, ["tables are nested too deeply: write them as in the example"]) from None

    @property
    def stages(self) -> tuple[str, ...]:
        """Return the names of the stages, in file order; ("dev",) if the file has none."""
        return tuple(self.configurations)

    def stage(self, name: str | None = None) -> StageConfig:
        """Return the configuration of one stage.

        Args:
            name: The stage. Default: the first one in the file.

        Raises:
            ManifestError: There is no such stage; the message names those there are, the nearest first.
        """
        chosen = self.stages[0] if name is None else name
        if chosen not in self.configurations:
            known = ", ".join(get_close_matches(chosen, self.stages, n=len(self.stages), cutoff=0))
            raise ManifestError(self.path, [f"stage {chosen!r}: no such stage; choose one of: {known}"])
        return self.configurations[chosen]

    def sharing(self, name: str) -> str | None:
        """Return a warning if stage `name` shares its account and region with other stages, else None.

        The manifest is valid all the same.
        """
        return shared_account(self.stage(name), self.configurations.values())


def _tables(path: Path) -> Tables:
    text = _text(path)
    if not text.strip():
        raise ManifestError(path, ["the file is empty: begin with [service], name and image"])
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(path, [syntax_problem(str(error))]) from None
    except ValueError:
        # Python's int() takes no more; 4,300 is its default.
        raise ManifestError(path, ["a number of more than 4,300 digits: write a smaller one"]) from None


def _text(path: Path) -> str:
    try:
        if path.is_fifo():
            raise ManifestError(path, ["a pipe: name a file"])
        content = path.read_bytes()
    except FileNotFoundError:
        raise ManifestError(path, ["no such file: write one with `beanpod init`, or name another"]) from None
    except IsADirectoryError:
        raise ManifestError(path, ["a directory: name the file in it, e.g. beanpod.toml"]) from None
    except (OSError, ValueError) as error:
        raise ManifestError(path, [f"cannot be read: {getattr(error, 'strerror', None) or error}"]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ManifestError(path, [f"not UTF-8 (at line {line}): save the file as UTF-8"]) from None


class _Layers(NamedTuple):
    """The tables that a stage's values come from: the file's, and the stage's own in it."""

    base: Tables
    stage: str
    own: Tables

    def located(self, key: KeyPath) -> KeyPath:
        """Return a key as the file writes it: below the stage if the stage says it."""
        if key == ("name",):
            return ("stages", self.stage)
        own = as_written(key, self.own)
        parent = key[:-1]
        only_own = parent and look_up(self.own, parent) is not None and look_up(self.base, parent) is None
        if look_up(self.own, own) is not None or only_own:
            return ("stages", self.stage, *own)
        return as_written(key, self.base)


def _stages(path: Path, tables: Tables, folder: Path | None) -> Mapping[str, StageConfig]:
    base = {key: value for key, value in tables.items() if key != "stages"}
    declared = _declared(tables.get("stages", {}))
    lines: dict[str, list[str]] = {line: [] for line in _shape_problems(tables.get("stages", {}), base, declared)}
    shared: set[str] = set()
    checked: dict[str, StageConfig] = {}
    for name, own in declared.items():
        layers = _Layers(_nameless(base), name, _nameless(own))
        stage, found = _check(layers, folder)
        for located, line in found:
            lines.setdefault(line, []).append(name)
            if located[0] != "stages":
                shared.add(line)
        if stage and not found:
            checked[name] = stage
    lines |= {line: [] for line in problems_across(checked.values())}
    if lines:
        raise ManifestError(path, _of_stages(lines, shared, len(declared)))
    return MappingProxyType(checked)


def _of_stages(lines: Mapping[str, list[str]], shared: set[str], stages: int) -> Iterator[str]:
    """Add the stages to a line about a key that all share, if only some have the problem."""
    for line, having in lines.items():
        some = line in shared and len(having) < stages
        yield printable(f"{line} (stage {', '.join(sorted(having))})" if some else line)


def _shape_problems(stages: object, base: Tables, declared: Mapping[str, Tables]) -> Iterator[str]:
    remedy = f"write a table, e.g. [stages.{ONLY_STAGE}]"
    if not isinstance(stages, dict):
        yield f"stages = {show(stages)}: {remedy}"
    for name, own in stages.items() if isinstance(stages, dict) else ():
        if not isinstance(own, dict):
            yield f"{dotted(('stages', name))} = {show(own)}: {remedy}"
    tables: dict[KeyPath, Tables] = {(): base} | {("stages", name): own for name, own in declared.items()}
    for path, table in tables.items():
        if "name" in table:
            shown = f"{dotted((*path, 'name'))} = {show(table['name'])}"
            yield f"{shown}: unknown key: the name of a stage is that of its table"


def _declared(stages: object) -> dict[str, Tables]:
    """Return the stages' tables; a file without stages has one, which changes nothing."""
    tables = stages if isinstance(stages, dict) else {}
    return {name: own if isinstance(own, dict) else {} for name, own in tables.items()} or {ONLY_STAGE: {}}


def _nameless(table: Tables) -> Tables:
    """Return a table without `name`, which is a key of the resolved stage, but not of the file."""
    return {key: value for key, value in table.items() if key != "name"}


def _check(layers: _Layers, folder: Path | None) -> tuple[StageConfig | None, list[tuple[KeyPath, str]]]:
    """Return the stage if all its values are right, and each problem with its key as the file writes it."""
    own = renamed(layers.own)
    written = overridden(renamed(layers.base), own)
    tables = {**completed(written), "name": layers.stage}
    stage: StageConfig | None = None
    findings: Iterable[Finding]
    try:
        stage = StageConfig.model_validate(tables)
    except ValidationError as error:
        findings = field_problems(error)
    else:
        findings = rule_problems(Case(stage, written, own, folder))
    located = [(layers.located(key), key, text) for key, text in findings]
    return stage, [(place, _line(place, key, text, tables, written)) for place, key, text in located]


def _line(place: KeyPath, key: KeyPath, text: str, tables: Tables, written: Tables) -> str:
    """Return one problem: the key as the file writes it, the value that came, and what to write."""
    value = look_up(tables, key)
    if value is None or isinstance(value, dict):
        return f"{dotted(place)}: {text}"
    default = "" if key == ("name",) or look_up(written, key) is not None else " (default)"
    return f"{dotted(place)} = {'...' if _may_be_secret(key, value) else show(value)}{default}: {text}"


def _may_be_secret(key: KeyPath, value: object) -> bool:
    """Return whether a value must not be in a log: a secret that is no reference, or one that looks like a secret."""
    if key[0] == "secrets":
        return not isinstance(value, int) and not (isinstance(value, str) and value.startswith(("arn:", "/")))
    # Also of an unknown key, such as database.password.
    return looks_secret(str(key[-1]), value if isinstance(value, str) else show(value)) is not None
