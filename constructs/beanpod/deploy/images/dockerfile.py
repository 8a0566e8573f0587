"""Read from a Dockerfile what has to be known before a build: stages, ports, copied files, and what needs BuildKit.

https://docs.docker.com/reference/dockerfile/ and BuildKit's frontend/dockerfile/parser. Docker itself reports what is
wrong in a Dockerfile.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beanpod.deploy.errors import BuildError

# BuildKit sets them, the classic builder does not.
_PLATFORM_ARGUMENTS = frozenset(f"{of}{part}" for of in ("TARGET", "BUILD") for part in ("PLATFORM", "OS", "ARCH"))
_WITH_HEREDOC = frozenset({"ADD", "COPY", "RUN"})
_FLAGS_OF_THE_CLASSIC_BUILDER = frozenset({"chown", "from"})
_DIRECTIVE = re.compile(r"#\s*(syntax|escape|check)\s*=\s*(.+?)\s*", re.IGNORECASE)
_FLAG = re.compile(r"--([A-Za-z][A-Za-z-]*)(?:=(\S*))?(?:\s+|$)")
_HEREDOC = re.compile(r"\d*<<(-?)([^<]+)")
_WORD = re.compile(r"(?:\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.|[^\s\"'\\])+")
_QUOTED = re.compile(r"\"((?:\\.|[^\"\\])*)\"|'([^']*)'|\\(.)")
_VARIABLE = re.compile(r"\$\{(\w+)(?:(:?[-+])([^{}]*))?\}|\$(\w+)")
_DOCKERS_SYNTAX = re.compile(r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@].*)?")
_MOUNTED = re.compile(r"(?:^|,)from=([^,]+)")
_OF_A_SYSTEM = re.compile(
    r"(?:(?:docker\.io/)?(?:library/)?|public\.ecr\.aws/docker/library/)"
    r"(?:alpine|amazonlinux|busybox|debian|fedora|scratch|ubuntu)(?:[:@].*)?"
)
# Docker accepts `3000:3000` too, and ignores the port of the host.
_PORT = re.compile(r"(?:[0-9.:-]*:)?([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/(\w+))?")


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        line: Where it begins, counted from 1.
        keyword: In capitals, such as COPY.
        flags: Such as {"from": "build"}.
        value: The text after the flags.
    """

    line: int
    keyword: str
    flags: Mapping[str, str]
    value: str

    @classmethod
    def parse(cls, line: int, text: str) -> "Instruction":
        """Parse an instruction whose lines are joined."""
        keyword, _, rest = text.replace("\t", " ").partition(" ")
        flags, rest = dict[str, str](), rest.strip()
        while match := _FLAG.match(rest):
            flags[match[1].lower()] = match[2] or ""
            rest = rest[match.end() :]
        return cls(line, keyword.upper(), flags, rest)

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the value, in shell or in JSON form, without their quotes."""
        if self.value.startswith("["):
            try:
                return tuple(str(word) for word in json.loads(self.value))
            except ValueError:
                pass
        return tuple(_unquoted(word) for word in _WORD.findall(self.value))

    @property
    def heredocs(self) -> tuple[tuple[str, bool], ...]:
        """The delimiters of its here-documents, each with whether tabs may precede it."""
        if self.keyword not in _WITH_HEREDOC or self.value.startswith("["):
            return ()
        found = filter(None, map(_HEREDOC.fullmatch, _WORD.findall(self.value)))
        return tuple((_unquoted(match[2]), bool(match[1])) for match in found)

    def assignments(self) -> Iterator[tuple[str, str | None]]:
        """Yield the variables of ENV or ARG; None for an ARG without a default."""
        if self.keyword == "ENV" and self.words and "=" not in self.words[0]:
            name, _, value = self.value.partition(" ")
            yield name, _unquoted(value.strip())
            return
        for word in self.words:
            name, sign, value = word.partition("=")
            yield name, value if sign else None


@dataclass
class BuildStage:
    """A stage.

    Attributes:
        name: In lower case, "" without one.
        base: The stage of this file that it is based on; None for an image.
        image: The image that it, or its base, begins with, in lower case; "" where its name is not known.
        instructions: FROM and those after it.
        exposed: Its TCP ports, those of its base included; None without EXPOSE, as the base image may expose one.
        unknown: Whether one of its ports is a variable without a known value.
    """

    name: str
    base: "BuildStage | None"
    image: str
    instructions: list[Instruction]
    exposed: dict[int, None] | None = None
    unknown: bool = False
    _environment: dict[str, str] = field(default_factory=dict)
    _arguments: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begin(cls, one: Instruction, before: Iterable["BuildStage"], variables: Mapping[str, str]) -> "BuildStage":
        """Begin a stage, which inherits environment and ports of the one that it is based on."""
        words = (*one.words, "", "", "")
        name = words[2].lower() if words[1].lower() == "as" else ""
        based_on = (_expanded(words[0], variables) or "").lower()
        base = {stage.name: stage for stage in before if stage.name}.get(based_on)
        if base is None:
            return cls(name, None, based_on, [one])
        return cls(
            name, base, base.image, [one], base.exposed and {**base.exposed}, base.unknown, {**base._environment}
        )

    def add(self, one: Instruction, outer: Mapping[str, str], given: Mapping[str, str]) -> None:
        """Add an instruction. outer: of the ARG lines before the first FROM. given: the build arguments."""
        self.instructions.append(one)
        visible = {**self._arguments, **self._environment}
        if one.keyword in ("ARG", "ENV"):
            _assign(one, self._arguments if one.keyword == "ARG" else self._environment, visible, outer, given)
        elif one.keyword == "EXPOSE":
            ports = [_ports(_expanded(word, visible)) for word in one.words]
            self.unknown = self.unknown or None in ports
            self.exposed = {**(self.exposed or {}), **{port: None for some in ports for port in some or ()}}

    def inherited(self) -> list[Instruction]:
        """Return its instructions, and before them those of the stages that it is based on."""
        return [*(self.base.inherited() if self.base else ()), *self.instructions]

    def starts_nothing(self) -> bool:
        """Whether neither CMD nor ENTRYPOINT names a program, and its image is an operating system's, or empty."""
        if any(one.keyword in ("CMD", "ENTRYPOINT") for one in self.instructions):
            return False
        return self.base.starts_nothing() if self.base else _OF_A_SYSTEM.fullmatch(self.image) is not None

    def sources(self, before: list["BuildStage"]) -> Iterator["BuildStage"]:
        """Yield the stages that it is based on, copies from or mounts."""
        if self.base:
            yield self.base
        names = {str(number): stage for number, stage in enumerate(before)}
        names |= {stage.name: stage for stage in before if stage.name}
        for one in self.instructions:
            for name in (one.flags.get("from", ""), *_MOUNTED.findall(one.flags.get("mount", ""))):
                if name.lower() in names:
                    yield names[name.lower()]


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile.

    Attributes:
        arguments: The ARG lines before the first FROM.
        stages: In their order.
        syntax: The frontend of its directive `# syntax=`; "" without.
    """

    arguments: tuple[Instruction, ...]
    stages: list[BuildStage]
    syntax: str = ""

    @classmethod
    def parse(cls, text: str, given: Mapping[str, str] | None = None) -> "Dockerfile":
        """Parse a text; nothing is checked. given: the build arguments."""
        given = given or {}
        lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
        directives = _directives(lines)
        outer = {name: given[name] for name in _PLATFORM_ARGUMENTS & given.keys()}
        arguments, stages = list[Instruction](), list[BuildStage]()
        for one in _instructions(lines, directives.get("escape", "\\")):
            if one.keyword == "FROM":
                stages.append(BuildStage.begin(one, stages, outer))
            elif stages:
                stages[-1].add(one, outer, given)
            elif one.keyword == "ARG":
                arguments.append(one)
                _assign(one, outer, {**outer}, {}, given)
        return cls(tuple(arguments), stages, directives.get("syntax", ""))

    @property
    def is_foreign(self) -> bool:
        """Whether its frontend is another one than Docker's, so that the syntax is unknown."""
        return bool(self.syntax) and not _DOCKERS_SYNTAX.fullmatch(self.syntax)

    def built(self, target: str | None) -> list[BuildStage]:
        """Return the stages up to the target, by default the last one; none where it does not exist."""
        names = {str(number): number for number in range(len(self.stages))}
        names |= {stage.name: number for number, stage in enumerate(self.stages) if stage.name}
        return self.stages if target is None else self.stages[: names.get(target.lower(), -1) + 1]

    def needed(self, target: str | None) -> list[BuildStage]:
        """Return the stages that BuildKit builds: the target, its base stages, and those from which they copy."""
        stages = self.built(target)
        needed = stages[-1:]
        for number in reversed(range(len(stages))):
            if any(stages[number] is one for one in needed):
                needed += stages[number].sources(stages[:number])
        return [stage for stage in stages if any(stage is one for one in needed)]

    def exposed(self, target: str | None) -> tuple[int, ...] | None:
        """Return the TCP ports that the target stage exposes, in their order; None where they are unknown."""
        stage = next(reversed(self.built(target)), None)
        return None if stage is None or stage.exposed is None or stage.unknown else tuple(stage.exposed)

    def needs_buildkit(self, target: str | None) -> str | None:
        """Name the first instruction that Docker's classic builder cannot build, with its line; None without one."""
        if self.is_foreign:
            return f"line 1, syntax {self.syntax}"
        declared = {name for one in self.arguments for name, _ in one.assignments()}
        for one in (one for stage in self.built(target) for one in stage.instructions):
            text = f"{one.flags.get('platform', '')} {one.value}"
            named = {match[1] or match[4] for match in _VARIABLE.finditer(text)}
            if one.heredocs:
                return f"line {one.line}, a here-document of {one.keyword}"
            if one.keyword in _WITH_HEREDOC and (flags := one.flags.keys() - _FLAGS_OF_THE_CLASSIC_BUILDER):
                return f"line {one.line}, {one.keyword} --{min(flags)}"
            if one.keyword == "FROM" and (automatic := named & _PLATFORM_ARGUMENTS - declared):
                return f"line {one.line}, FROM with {min(automatic)}"
        return None

    def declares(self, name: str) -> bool:
        """Whether an ARG declares a variable."""
        lines = [*self.arguments, *(one for stage in self.stages for one in stage.instructions if one.keyword == "ARG")]
        return any(name == declared and value is None for one in lines for declared, value in one.assignments())


def read_dockerfile(path: Path, given: Mapping[str, str] | None = None) -> Dockerfile:
    """Read a Dockerfile. BuildError where it cannot be read, or is not text. given: the build arguments."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BuildError(f"{path}: cannot be read: {error.strerror}: grant this user read permission") from None
    if b"\0" in data:
        raise BuildError(f"{path}: not a text file in UTF-8: save it as UTF-8")
    return Dockerfile.parse(data.decode("utf-8", "replace"), given)


def platform_arguments(platform: str) -> dict[str, str]:
    """Return TARGETPLATFORM, BUILDARCH and so on, for an image that is built on its own platform."""
    system, _, architecture = platform.partition("/")
    parts = {"PLATFORM": platform, "OS": system, "ARCH": architecture}
    return {f"{of}{part}": value for of in ("TARGET", "BUILD") for part, value in parts.items()}


def _directives(lines: list[str]) -> dict[str, str]:
    """Return the parser directives: comments `# name=value` before anything else."""
    found: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if not match or match[1].lower() in found:
            break
        found[match[1].lower()] = match[2]
    return found


def _instructions(lines: list[str], escape: str) -> Iterator[Instruction]:
    continued = re.compile(rf"(?<!{re.escape(escape)}){re.escape(escape)}[ \t]*$")
    numbered = iter(enumerate(lines, start=1))
    begin, text = 0, ""
    for number, line in numbered:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        begin, match = begin or number, continued.search(line)
        text += line[: match.start()] if match else line
        if not match:
            one = Instruction.parse(begin, text.strip())
            yield one
            for end, tabs in one.heredocs:
                # Skip its text.
                next((body for _, body in numbered if (body.lstrip("\t") if tabs else body) == end), None)
            begin, text = 0, ""
    if text.strip():
        yield Instruction.parse(begin, text.strip())


def _assign(
    one: Instruction,
    variables: dict[str, str],
    visible: Mapping[str, str],
    outer: Mapping[str, str],
    given: Mapping[str, str],
) -> None:
    """Set the variables of ENV or ARG; one without a known value is unset."""
    for name, text in one.assignments():
        value = outer.get(name) if text is None else _expanded(text, visible)
        value = given.get(name, value) if one.keyword == "ARG" else value
        variables.pop(name, None)
        if value is not None:
            variables[name] = value


def _unquoted(word: str) -> str:
    """Return a word without its quotes and backslashes, as a shell reads it."""
    return _QUOTED.sub(lambda match: match[1] or match[2] or match[3] or "", word)


def _expanded(text: str, variables: Mapping[str, str]) -> str | None:
    """Fill in `$NAME` and `${NAME:-default}`; None where one has no value."""
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        given, operator, word = variables.get(match[1] or match[4]), match[2] or "", match[3] or ""
        has = given is not None and (given != "" or not operator.startswith(":"))
        if operator.endswith("+"):
            return word if has else ""
        if operator.endswith("-") and not has:
            return _expanded(word, variables) or ""
        missing = missing or not has
        return given or ""

    filled = _VARIABLE.sub(value, text)
    return None if missing else filled


def _ports(text: str | None) -> list[int] | None:
    """Return the TCP ports of a word of EXPOSE; None where one is unknown."""
    matches = [_PORT.fullmatch(part) for part in text.split()] if text is not None else [None]
    if None in matches:
        return None
    tcp = (match for match in matches if match and (match[3] or "tcp").lower() == "tcp")
    return [port for match in tcp for port in range(int(match[1]), int(match[2] or match[1]) + 1)]
