"""Read a Dockerfile as Docker does, as far as it has to be known before a build.

https://docs.docker.com/reference/dockerfile/ and BuildKit's frontend/dockerfile/parser: directives, comments, line
continuations, here-documents, stages, arguments, exposed ports, and what only BuildKit can build.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from beanpod.deploy.errors import BuildError

_NAMES = (
    "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME "
    "WORKDIR"
)
INSTRUCTIONS = frozenset(_NAMES.split())
# BuildKit sets them, the classic builder does not.
PLATFORM_ARGUMENTS = frozenset(f"{of}{part}" for of in ("TARGET", "BUILD") for part in ("PLATFORM", "OS", "ARCH"))
_WITH_HEREDOC = frozenset({"ADD", "COPY", "RUN"})
_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*")
_DIRECTIVES = frozenset({"syntax", "escape", "check"})
_FLAG = re.compile(r"--([A-Za-z][A-Za-z-]*)(?:=(\S*))?(?:\s+|$)")
_HEREDOC = re.compile(r"\d*<<(-?)([^<]+)")
_BRACED = re.compile(r"\$\{(\w+)(?:(:?[-+])([^{}]*))?\}|\$(\w+)")
_DOCKERS_SYNTAX = re.compile(r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@].*)?")
_MOUNTED = re.compile(r"(?:^|,)from=([^,]+)")
# The classic builder knows `COPY --chown` and `--from`, and no flag of RUN.
_BUILDKIT_FLAGS = {
    "ADD": frozenset({"checksum", "chmod", "exclude", "keep-git-dir", "link", "unpack"}),
    "COPY": frozenset({"chmod", "exclude", "link", "parents"}),
    "RUN": frozenset({"device", "mount", "network", "security"}),
}
_GIT = re.compile(r"git@\S+|\w+://\S+\.git(?:#\S*)?")
_VARIABLE = re.compile(r"\$\{?(\w+)")
_WORD = re.compile(r"(?:\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.|[^\s\"'\\])+")


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        line: Where it begins, counted from 1.
        keyword: In capitals, such as COPY.
        flags: Such as {"from": "build"}.
        value: The text after the flags.
        heredoc: Whether a here-document follows.
    """

    line: int
    keyword: str
    flags: Mapping[str, str]
    value: str
    heredoc: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the value, in shell or in JSON form, without their quotes."""
        if self.value.startswith("["):
            try:
                return tuple(str(word) for word in json.loads(self.value))
            except ValueError:
                pass
        return tuple(_unquoted(word) for word in _WORD.findall(self.value))


@dataclass(frozen=True)
class BuildStage:
    """A stage: FROM and the instructions after it.

    Attributes:
        line: Of FROM.
        base: An image or another stage, with its variables filled in; "" where one is unknown.
        name: The name after AS, or "".
        instructions: Without FROM.
    """

    line: int
    base: str
    name: str
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile.

    Attributes:
        instructions: In their order.
        syntax: The frontend of its directive `# syntax=`; "" without.
    """

    instructions: tuple[Instruction, ...]
    syntax: str = ""

    @classmethod
    def parse(cls, text: str) -> "Dockerfile":
        """Parse a text; nothing is checked."""
        lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
        directives = _directives(lines)
        return cls(tuple(_instructions(lines, directives.get("escape", "\\"))), directives.get("syntax", ""))

    @property
    def is_foreign(self) -> bool:
        """Whether its frontend is another one than Docker's, so that the syntax is unknown."""
        return bool(self.syntax) and not _DOCKERS_SYNTAX.fullmatch(self.syntax)

    @cached_property
    def global_arguments(self) -> tuple[Instruction, ...]:
        """The ARG lines before the first FROM."""
        first = next((i for i, one in enumerate(self.instructions) if one.keyword == "FROM"), len(self.instructions))
        return tuple(one for one in self.instructions[:first] if one.keyword == "ARG")

    def stages(self, arguments: Mapping[str, str]) -> tuple[BuildStage, ...]:
        """The stages in their order, for these build arguments."""
        known = self._global_scope(arguments)
        starts = [i for i, one in enumerate(self.instructions) if one.keyword == "FROM"]
        return tuple(
            _stage(self.instructions[start], self.instructions[start + 1 : end], known)
            for start, end in pairwise([*starts, len(self.instructions)])
        )

    def _global_scope(self, arguments: Mapping[str, str]) -> dict[str, str]:
        scope = _Scope({}, arguments)
        scope.arguments.update({name: arguments[name] for name in PLATFORM_ARGUMENTS & arguments.keys()})
        for one in self.global_arguments:
            scope.read(one)
        return scope.arguments

    def built(self, arguments: Mapping[str, str], target: str | None) -> int | None:
        """The index of the target stage, by default the last one; None where it does not exist."""
        stages = self.stages(arguments)
        if target is None:
            return len(stages) - 1 if stages else None
        names = [stage.name.lower() for stage in stages]
        if target.lower() in names:
            return len(names) - 1 - names[::-1].index(target.lower())
        return int(target) if re.fullmatch(r"[0-9]{1,4}", target) and int(target) < len(stages) else None

    def needed(self, arguments: Mapping[str, str], target: str | None) -> tuple[BuildStage, ...]:
        """The stages that BuildKit builds: the target, its base stages, and those from which they copy."""
        stages, number = self.stages(arguments), self.built(arguments, target)
        found: set[int] = set()
        pending = [] if number is None else [number]
        while pending:
            index = pending.pop()
            if index not in found:
                found.add(index)
                pending += [*_ancestry(stages, index)[:-1], *_copied_from(stages, index)]
        return tuple(stages[index] for index in sorted(found))

    def exposed(self, arguments: Mapping[str, str], target: str | None) -> tuple[int, ...] | None:
        """The TCP ports that the target stage exposes, in their order.

        None where they are unknown: without EXPOSE the base image may expose one, or a port is a variable of the base
        image.
        """
        stages, number = self.stages(arguments), self.built(arguments, target)
        if number is None:
            return None
        ports: dict[int, None] = {}
        scope = _Scope(self._global_scope(arguments), arguments)
        exposes = False
        for index in _ancestry(stages, number):
            scope.arguments.clear()
            for one in stages[index].instructions:
                if one.keyword in ("ARG", "ENV"):
                    scope.read(one)
                if one.keyword == "EXPOSE":
                    exposes = True
                    found = _ports(one, scope.visible)
                    if found is None:
                        return None
                    ports.update(dict.fromkeys(found))
        return tuple(ports) if exposes else None

    def needs_buildkit(self, arguments: Mapping[str, str], target: str | None) -> str | None:
        """The first instruction that Docker's classic builder cannot build, with its line; None without one."""
        return next((f"line {line}, {what}" for line, what in self._only_buildkit(arguments, target)), None)

    def _only_buildkit(self, arguments: Mapping[str, str], target: str | None) -> Iterator[tuple[int, str]]:
        if self.is_foreign:
            yield 1, f"syntax {self.syntax}"
            return
        # The classic builder ends with the target stage, but reads here-documents anywhere.
        stages, number = self.stages(arguments), self.built(arguments, target)
        end = next((stage.line for stage in stages[1 if number is None else number + 1 :]), None)
        declared = {word.partition("=")[0] for one in self.global_arguments for word in one.words}
        for one in self.instructions:
            if one.heredoc:
                yield one.line, f"a here-document of {one.keyword}"
            elif end is not None and one.line >= end:
                continue
            elif flag := next((name for name in one.flags if name in _BUILDKIT_FLAGS.get(one.keyword, ())), None):
                yield one.line, f"{one.keyword} --{flag}"
            elif one.keyword == "FROM" and (automatic := _platform_arguments_of(one) - declared):
                yield one.line, f"FROM with {min(automatic)}"
            elif one.keyword == "ADD" and any(_GIT.fullmatch(word) for word in one.words[:-1]):
                yield one.line, "ADD of a Git repository"


def read_dockerfile(path: Path) -> Dockerfile:
    """Read a Dockerfile. BuildError where it cannot be read, or is not text."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BuildError(f"{path}: cannot be read: {error.strerror}: grant this user read permission") from None
    if b"\0" in data:
        raise BuildError(f"{path}: not a text file in UTF-8: save it as UTF-8")
    return Dockerfile.parse(data.decode("utf-8", "replace"))


def platform_arguments(platform: str) -> dict[str, str]:
    """TARGETPLATFORM, BUILDARCH and so on, for an image that is built on its own platform."""
    system, _, architecture = platform.partition("/")
    parts = {"PLATFORM": platform, "OS": system, "ARCH": architecture}
    return {f"{of}{part}": value for of in ("TARGET", "BUILD") for part, value in parts.items()}


def _platform_arguments_of(one: Instruction) -> set[str]:
    return set(_VARIABLE.findall(f"{one.flags.get('platform', '')} {one.value}")) & PLATFORM_ARGUMENTS


def _unquoted(word: str) -> str:
    """A word without its quotes and backslashes, as a shell reads it."""
    return re.sub(r"\"((?:\\.|[^\"\\])*)\"|'([^']*)'|\\(.)", lambda match: match[1] or match[2] or match[3] or "", word)


def _expanded(text: str, variables: Mapping[str, str]) -> str | None:
    """Fill in `$NAME` and `${NAME:-default}`; None where one has no value."""
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        name, operator, word = match[1] or match[4], match[2] or "", match[3] or ""
        given = variables.get(name)
        has = given is not None and (given != "" or not operator.startswith(":"))
        if operator.endswith("+"):
            return word if has else ""
        if operator.endswith("-") and not has:
            return _expanded(word, variables) or ""
        missing = missing or not has
        return given or ""

    filled = _BRACED.sub(value, text)
    return None if missing else filled


def _directives(lines: list[str]) -> dict[str, str]:
    """The parser directives: comments `# name=value` before anything else."""
    found: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if not match or match[1].lower() not in _DIRECTIVES or match[1].lower() in found:
            break
        found[match[1].lower()] = match[2]
    return found


def _instructions(lines: list[str], escape: str) -> Iterator[Instruction]:
    continued = re.compile(rf"(?:^|[^{re.escape(escape)}]){re.escape(escape)}[ \t]*$")
    number = 0
    while number < len(lines):
        begin, text = number + 1, ""
        while number < len(lines):
            line, number = lines[number], number + 1
            if _is_comment(line) or (text and not line.strip()):
                continue
            match = continued.search(line)
            text += line[: line.rindex(escape)] if match else line
            if not match:
                break
        if text.strip():
            begin = _first(lines, begin)
            one = _instruction(begin, text.strip())
            for end, tabs in _heredocs(one):
                number = _after(lines, number, end, tabs)
            yield one


def _first(lines: list[str], begin: int) -> int:
    while _is_comment(lines[begin - 1]) or not lines[begin - 1].strip():
        begin += 1
    return begin


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _instruction(line: int, text: str) -> Instruction:
    keyword, _, rest = text.replace("\t", " ").partition(" ")
    flags: dict[str, str] = {}
    rest = rest.strip()
    while match := _FLAG.match(rest):
        flags[match[1].lower()] = match[2] or ""
        rest = rest[match.end() :]
    one = Instruction(line, keyword.upper(), flags, rest)
    return Instruction(line, one.keyword, flags, rest, heredoc=any(_heredocs(one)))


def _heredocs(one: Instruction) -> Iterator[tuple[str, bool]]:
    """The delimiters of an instruction's here-documents, and whether tabs may precede them."""
    if one.keyword in _WITH_HEREDOC and not one.value.startswith("["):
        for word in _WORD.findall(one.value):
            if match := _HEREDOC.fullmatch(word):
                yield _unquoted(match[2]), bool(match[1])


def _after(lines: list[str], number: int, end: str, tabs: bool) -> int:
    for index in range(number, len(lines)):
        if (lines[index].lstrip("\t") if tabs else lines[index]) == end:
            return index + 1
    return len(lines)


def _stage(start: Instruction, rest: tuple[Instruction, ...], known: Mapping[str, str]) -> BuildStage:
    words = start.words
    name = words[2] if len(words) == 3 and words[1].lower() == "as" else ""
    return BuildStage(start.line, (_expanded(words[0], known) or "") if words else "", name, rest)


def _ancestry(stages: tuple[BuildStage, ...], number: int) -> list[int]:
    """The indices of a stage and its base stages in this file, the first base first."""
    base = _before(stages, number).get(stages[number].base.lower())
    return [*([] if base is None else _ancestry(stages, base)), number]


def _before(stages: tuple[BuildStage, ...], number: int) -> dict[str, int]:
    """The indices of the stages before a stage, by their names in lower case."""
    return {stage.name.lower(): index for index, stage in enumerate(stages[:number]) if stage.name}


def _copied_from(stages: tuple[BuildStage, ...], number: int) -> Iterator[int]:
    """The indices of the stages from which a stage copies or mounts something."""
    names = _before(stages, number)
    for one in stages[number].instructions:
        for name in (one.flags.get("from", "").lower(), *_MOUNTED.findall(one.flags.get("mount", "").lower())):
            if name in names:
                yield names[name]
            elif name.isascii() and name.isdecimal() and int(name) < number:
                yield int(name)


@dataclass
class _Scope:
    """The variables of a stage while its instructions are read.

    Attributes:
        outer: Of ARG before the first FROM; visible after an ARG of the same name.
        given: The build arguments.
        environment: Of ENV; inherited by stages that are based on this one, and stronger than arguments.
        arguments: Of ARG.
    """

    outer: Mapping[str, str]
    given: Mapping[str, str]
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def visible(self) -> dict[str, str]:
        return {**self.arguments, **self.environment}

    def read(self, one: Instruction) -> None:
        """Set the variables of ENV or ARG; one without a known value is unset."""
        for name, text in _assignments(one):
            value = None if text is None else _expanded(text, self.visible)
            if one.keyword == "ARG":
                value = self.given.get(name, value if text is not None else self.outer.get(name))
            variables = self.arguments if one.keyword == "ARG" else self.environment
            variables.pop(name, None)
            if value is not None:
                variables[name] = value


def _assignments(one: Instruction) -> Iterator[tuple[str, str | None]]:
    words = one.words
    if one.keyword == "ENV" and words and "=" not in words[0]:
        name, _, value = one.value.partition(" ")
        yield name, _unquoted(value.strip())
        return
    for word in words:
        name, sign, value = word.partition("=")
        yield name, value if sign else None


def _ports(one: Instruction, variables: Mapping[str, str]) -> list[int] | None:
    """The TCP ports of an EXPOSE instruction; None where one is unknown."""
    found: list[int] = []
    for word in one.words:
        text = _expanded(word, variables)
        for part in () if text is None else text.split():
            # Docker accepts `3000:3000` too, and ignores the port of the host.
            match = re.fullmatch(r"(?:[0-9.:-]*:)?([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/(\w+))?", part)
            if not match:
                return None
            if (match[3] or "tcp").lower() == "tcp":
                found += range(int(match[1]), int(match[2] or match[1]) + 1)
        if text is None:
            return None
    return found
