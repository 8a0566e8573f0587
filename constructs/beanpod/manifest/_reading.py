"""From a file to checked stages."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import NamedTuple

from beanpod.manifest._errors import ManifestError
from beanpod.manifest._examine import examine
from beanpod.manifest._findings import Finding
from beanpod.manifest._layers import completed, look_up, overridden
from beanpod.manifest._presets import Tables
from beanpod.manifest._sections import StageConfig
from beanpod.manifest._syntax import no_toml
from beanpod.manifest._wording import Path, dotted, printable, show
from beanpod.manifest.secret_like import looks_secret

ONLY_STAGE = "dev"


def read_stages(path: FilePath, *, build_files: bool = False) -> Mapping[str, StageConfig]:
    """The stages of the manifest at `path`, checked. Raises ManifestError.

    build_files: whether the Dockerfile or the compose file has to be there, too.
    """
    try:
        return _stages(path, _tables(path), path.parent if build_files else None)
    except RecursionError:
        raise ManifestError(path, ["tables are nested too deeply: write them as in the example"]) from None


def _tables(path: FilePath) -> Tables:
    text = _text(path)
    if not text.strip():
        raise ManifestError(path, ["the file is empty: begin with [service], name and image"])
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(path, [no_toml(str(error))]) from None
    except ValueError:
        # Python's int() takes no more; 4,300 is its default.
        raise ManifestError(path, ["a number of more than 4,300 digits: write a smaller one"]) from None


def _text(path: FilePath) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ManifestError(path, ["no such file: write one, or name another"]) from None
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
    """Where a stage's values come from: the file, and the stage's own table in it."""

    base: Tables
    stage: str
    own: Tables

    def located(self, key: Path) -> Path:
        """`key` as the file writes it: below the stage if the stage says it."""
        if key == ("name",):
            return ("stages", self.stage)
        if look_up(self.own, key) is not None or self._only_own_parent(key):
            return ("stages", self.stage, *key)
        return key

    def _only_own_parent(self, key: Path) -> bool:
        parent = key[:-1]
        return bool(parent) and look_up(self.base, key) is None and self._own_only(parent)

    def _own_only(self, path: Path) -> bool:
        return look_up(self.own, path) is not None and look_up(self.base, path) is None


class _Report:
    """Problems in the order of discovery, each once, with the stages that have it."""

    def __init__(self) -> None:
        self.lines: dict[str, set[str]] = {}
        self._shared: set[str] = set()

    def add(self, stages: Iterable[str], line: str, *, shared: bool = False) -> None:
        self.lines.setdefault(line, set()).update(stages)
        if shared:
            self._shared.add(line)

    def problems(self, stages: int) -> Iterator[str]:
        """The lines; one about a key that all stages share says so if only some have the problem."""
        for line, having in self.lines.items():
            some = line in self._shared and len(having) < stages
            yield printable(f"{line} (stage {', '.join(sorted(having))})" if some else line)


def _stages(path: FilePath, tables: Tables, folder: FilePath | None) -> Mapping[str, StageConfig]:
    base = {key: value for key, value in tables.items() if key != "stages"}
    declared = tables.get("stages", {})
    report = _Report()
    for line in (*_misshapen(declared), *_named_again(base, _shaped(declared))):
        report.add((), line)
    checked: dict[str, StageConfig] = {}
    for name, own in _shaped(declared).items():
        stage = _check(folder, _Layers(_nameless(base), name, _nameless(own)), report)
        if stage:
            checked[name] = stage
    for line in _between_stages(checked.values()):
        report.add((), line)
    if report.lines:
        raise ManifestError(path, report.problems(len(_shaped(declared))))
    return MappingProxyType(checked)


def _misshapen(declared: object) -> Iterator[str]:
    words = f"write a table, e.g. [stages.{ONLY_STAGE}]"
    if not isinstance(declared, dict):
        yield f"stages = {show(declared)}: {words}"
        return
    for name, own in declared.items():
        if not isinstance(own, dict):
            yield f"{dotted(('stages', name))} = {show(own)}: {words}"


def _named_again(base: Tables, stages: Mapping[str, Tables]) -> Iterator[str]:
    """`name` is a key of the resolved stage, but not of the file."""
    tables: dict[Path, Tables] = {(): base} | {("stages", name): own for name, own in stages.items()}
    for path, table in tables.items():
        if "name" in table:
            shown = f"{dotted((*path, 'name'))} = {show(table['name'])}"
            yield f"{shown}: unknown key: the name of a stage is that of its table"


def _nameless(table: Tables) -> Tables:
    return {key: value for key, value in table.items() if key != "name"}


def _shaped(declared: object) -> dict[str, Tables]:
    """The stages' tables; a file without stages has one, which changes nothing."""
    stages = declared if isinstance(declared, dict) else {}
    return {name: own if isinstance(own, dict) else {} for name, own in stages.items()} or {ONLY_STAGE: {}}


def _check(folder: FilePath | None, layers: _Layers, report: _Report) -> StageConfig | None:
    written = overridden(layers.base, layers.own)
    tables = {**completed(written), "name": layers.stage}
    stage, findings = examine(tables, written, folder, layers.own)
    for finding in findings:
        located = layers.located(finding.key)
        report.add((layers.stage,), _line(located, tables, finding), shared=located == finding.key)
    return stage


def _line(located: Path, tables: Tables, finding: Finding) -> str:
    value = look_up(tables, finding.key)
    if value is None or isinstance(value, dict):
        return f"{dotted(located)}: {finding.text}"
    return f"{dotted(located)} = {'...' if _may_be_secret(finding.key, value) else show(value)}: {finding.text}"


def _may_be_secret(key: Path, value: object) -> bool:
    """What does not belong in a log: a secret that is no reference, and what looks like a secret elsewhere."""
    if key[0] == "secrets":
        return not isinstance(value, int) and not (isinstance(value, str) and value.startswith(("arn:", "/")))
    text = value if isinstance(value, str) else show(value)
    return (
        looks_secret(str(key[-1]) if key[0] == "variables" or key[:2] == ("service", "args") else "", text) is not None
    )


def _between_stages(stages: Iterable[StageConfig]) -> Iterator[str]:
    """An AWS account holds one OIDC provider for GitHub; a second one fails after minutes."""
    makers: dict[str | None, str] = {}
    for stage in stages:
        if stage.delivery.github is None or stage.delivery.github.provider_arn:
            continue
        first = makers.setdefault(stage.account, stage.name)
        if first != stage.name:
            key = dotted(("stages", stage.name, "delivery", "github", "provider_arn"))
            yield (
                f"{key}: missing: stage {first} makes the one provider that an account holds: "
                "write its ARN here, or another account"
            )
