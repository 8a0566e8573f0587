"""A Dockerfile as Docker reads it, as far as a release has to know it before anything is built.

https://docs.docker.com/reference/dockerfile/ and BuildKit's frontend/dockerfile/parser: directives, comments, line
continuations, here-documents, stages, arguments and the ports that a stage exposes.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

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
_WORD = re.compile(r"(?:\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.|[^\s\"'\\])+")


@dataclass(frozen=True)
class Instruction:
    """One instruction. line: where it begins, counted from 1. keyword: in capitals. value: what follows the flags."""

    line: int
    keyword: str
    flags: Mapping[str, str]
    value: str
    heredoc: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The value's words, without quotes; those of the JSON form where it has that."""
        if self.value.startswith("["):
            try:
                return tuple(str(word) for word in json.loads(self.value))
            except ValueError:
                pass
        return tuple(unquoted(word) for word in _WORD.findall(self.value))


@dataclass(frozen=True)
class BuildStage:
    """FROM and what follows it. base: an image or another stage, with the global arguments filled in; "" if unknown."""

    line: int
    base: str
    name: str
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True)
class Dockerfile:
    """The instructions of a file. syntax: the frontend that its first line names; "" for Docker's own."""

    instructions: tuple[Instruction, ...]
    syntax: str = ""

    @classmethod
    def parse(cls, text: str) -> "Dockerfile":
        """The Dockerfile of this text; nothing is checked."""
        lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
        directives = _directives(lines)
        return cls(tuple(_instructions(lines, directives.get("escape", "\\"))), directives.get("syntax", ""))

    @property
    def is_foreign(self) -> bool:
        """Whether it is written in another language than Docker's, which its syntax line brings."""
        return bool(self.syntax) and not _DOCKERS_SYNTAX.fullmatch(self.syntax)

    @cached_property
    def global_arguments(self) -> tuple[Instruction, ...]:
        """The ARG lines before the first FROM."""
        first = next((i for i, one in enumerate(self.instructions) if one.keyword == "FROM"), len(self.instructions))
        return tuple(one for one in self.instructions[:first] if one.keyword == "ARG")

    def stages(self, arguments: Mapping[str, str]) -> tuple[BuildStage, ...]:
        """The stages in their order. arguments: those of the build."""
        known = self._outer(arguments)
        starts = [i for i, one in enumerate(self.instructions) if one.keyword == "FROM"]
        return tuple(
            _stage(self.instructions[start], self.instructions[start + 1 : end], known)
            for start, end in pairwise([*starts, len(self.instructions)])
        )

    def _outer(self, arguments: Mapping[str, str]) -> dict[str, str]:
        scope = _Scope({}, arguments)
        scope.arguments.update({name: arguments[name] for name in PLATFORM_ARGUMENTS & arguments.keys()})
        for one in self.global_arguments:
            scope.read(one)
        return scope.arguments

    def built(self, arguments: Mapping[str, str], target: str | None) -> int | None:
        """The number of the stage that is built, the last one by default; None where there is no such stage."""
        stages = self.stages(arguments)
        if target is None:
            return len(stages) - 1 if stages else None
        names = [stage.name.lower() for stage in stages]
        if target.lower() in names:
            return len(names) - 1 - names[::-1].index(target.lower())
        return int(target) if re.fullmatch(r"[0-9]{1,4}", target) and int(target) < len(stages) else None

    def needed(self, arguments: Mapping[str, str], target: str | None) -> tuple[BuildStage, ...]:
        """The stages that are built: the last one or the target, those it is made from, and those it copies from."""
        stages, number = self.stages(arguments), self.built(arguments, target)
        found: set[int] = set()
        waiting = [] if number is None else [number]
        while waiting:
            place = waiting.pop()
            if place not in found:
                found.add(place)
                waiting += [*_ancestry(stages, place)[:-1], *_copied_from(stages, place)]
        return tuple(stages[place] for place in sorted(found))

    def exposed(self, arguments: Mapping[str, str], target: str | None) -> tuple[int, ...] | None:
        """The TCP ports that the built stage exposes, in their order.

        None where they cannot be known: nothing in this file exposes one, so that the base image may, or a variable
        of the base image is in them.
        """
        stages, number = self.stages(arguments), self.built(arguments, target)
        if number is None:
            return None
        ports: dict[int, None] = {}
        scope = _Scope(self._outer(arguments), arguments)
        told = False
        for place in _ancestry(stages, number):
            scope.arguments.clear()
            for one in stages[place].instructions:
                if one.keyword in ("ARG", "ENV"):
                    scope.read(one)
                if one.keyword == "EXPOSE":
                    told = True
                    found = _ports(one, scope.visible)
                    if found is None:
                        return None
                    ports.update(dict.fromkeys(found))
        return tuple(ports) if told else None


def unquoted(word: str) -> str:
    """A word as a shell reads it: without its quotes and backslashes."""
    return re.sub(r"\"((?:\\.|[^\"\\])*)\"|'([^']*)'|\\(.)", lambda match: match[1] or match[2] or match[3] or "", word)


def expanded(text: str, variables: Mapping[str, str]) -> str | None:
    """The text with `$NAME` and `${NAME:-default}` filled in; None where one has no value."""
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        name, operator, word = match[1] or match[4], match[2] or "", match[3] or ""
        given = variables.get(name)
        has = given is not None and (given != "" or not operator.startswith(":"))
        if operator.endswith("+"):
            return word if has else ""
        if operator.endswith("-") and not has:
            return expanded(word, variables) or ""
        missing = missing or not has
        return given or ""

    filled = _BRACED.sub(value, text)
    return None if missing else filled


def _directives(lines: list[str]) -> dict[str, str]:
    """Comments of the form `# name=value` at the top, until anything else comes."""
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
    """The words that end the here-documents of an instruction, and whether tabs may stand before them."""
    if one.keyword in _WITH_HEREDOC and not one.value.startswith("["):
        for word in _WORD.findall(one.value):
            if match := _HEREDOC.fullmatch(word):
                yield unquoted(match[2]), bool(match[1])


def _after(lines: list[str], number: int, end: str, tabs: bool) -> int:
    for place in range(number, len(lines)):
        if (lines[place].lstrip("\t") if tabs else lines[place]) == end:
            return place + 1
    return len(lines)


def _stage(start: Instruction, rest: tuple[Instruction, ...], known: Mapping[str, str]) -> BuildStage:
    words = start.words
    name = words[2] if len(words) == 3 and words[1].lower() == "as" else ""
    return BuildStage(start.line, (expanded(words[0], known) or "") if words else "", name, rest)


def _ancestry(stages: tuple[BuildStage, ...], number: int) -> list[int]:
    """The numbers of a stage and of the stages of this file that it is made from, the oldest first."""
    base = _before(stages, number).get(stages[number].base.lower())
    return [*([] if base is None else _ancestry(stages, base)), number]


def _before(stages: tuple[BuildStage, ...], number: int) -> dict[str, int]:
    """The stages that a stage can refer to, by their names in small letters."""
    return {stage.name.lower(): place for place, stage in enumerate(stages[:number]) if stage.name}


def _copied_from(stages: tuple[BuildStage, ...], number: int) -> Iterator[int]:
    """The stages from which a stage copies or mounts something."""
    names = _before(stages, number)
    for one in stages[number].instructions:
        for name in (one.flags.get("from", "").lower(), *_MOUNTED.findall(one.flags.get("mount", "").lower())):
            if name in names:
                yield names[name]
            elif name.isascii() and name.isdecimal() and int(name) < number:
                yield int(name)


@dataclass
class _Scope:
    """The variables of a stage while its lines are read.

    environment: of ENV, which a stage made from this one sees too, and which wins over arguments: of ARG. outer: of
    the ARG lines before the first FROM, which a stage has to name to see. given: the build's own.
    """

    outer: Mapping[str, str]
    given: Mapping[str, str]
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def visible(self) -> dict[str, str]:
        return {**self.arguments, **self.environment}

    def read(self, one: Instruction) -> None:
        """An ENV or ARG line; what has no known value is none."""
        for name, text in _assignments(one):
            value = None if text is None else expanded(text, self.visible)
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
        yield name, unquoted(value.strip())
        return
    for word in words:
        name, sign, value = word.partition("=")
        yield name, value if sign else None


def _ports(one: Instruction, variables: Mapping[str, str]) -> list[int] | None:
    """The TCP ports of an EXPOSE line; None where one is not known."""
    found: list[int] = []
    for word in one.words:
        text = expanded(word, variables)
        for part in () if text is None else text.split():
            # Docker takes `3000:3000` too, and passes over the port of the host.
            match = re.fullmatch(r"(?:[0-9.:-]*:)?([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/(\w+))?", part)
            if not match:
                return None
            if (match[3] or "tcp").lower() == "tcp":
                found += range(int(match[1]), int(match[2] or match[1]) + 1)
        if text is None:
            return None
    return found
