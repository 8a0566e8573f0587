"""What GitHub's runner makes of a step's output: its parser, after its source.

actions/runner: src/Runner.Common/ActionCommand.cs, src/Runner.Worker/ActionCommandManager.cs, FileCommandManager.cs.
"""

import re
from dataclasses import dataclass, field

_KNOWN = {
    *("group", "endgroup", "error", "warning", "notice", "debug", "echo", "stop-commands"),
    *("add-mask", "add-path", "set-env", "set-output", "save-state", "add-matcher", "remove-matcher"),
}


@dataclass
class ActionsRunner:
    """commands: (name, properties, data) that were obeyed. text: the lines that were only shown."""

    commands: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    stopped_by: str | None = None

    def read(self, output: str) -> "ActionsRunner":
        # .NET ends a line at each of these.
        for line in re.split(r"\r\n|\r|\n", output.removesuffix("\n")):
            self._read_line(line)
        return self

    def named(self, name: str) -> list[str]:
        """The data of the commands of that name."""
        return [data for command, _, data in self.commands if command == name]

    def _read_line(self, line: str) -> None:
        parsed = self._second_form(line) or self._first_form(line)
        if parsed is None or (self.stopped_by and parsed[0].lower() != self.stopped_by.lower()):
            self.text.append(line)
        elif self.stopped_by:
            self.stopped_by = None
        elif parsed[0].lower() == "stop-commands":
            self.stopped_by = parsed[2]
        else:
            self.commands.append(parsed)

    def _known(self, name: str) -> bool:
        return name.lower() in _KNOWN or bool(self.stopped_by and name.lower() == self.stopped_by.lower())

    def _second_form(self, line: str) -> tuple[str, dict[str, str], str] | None:
        line = line.lstrip()
        end = line.find("::", 2)
        if not line.startswith("::") or end < 0:
            return None
        name, _, rest = line[2:end].partition(" ")
        if not self._known(name):
            return None
        pairs = (pair.split("=", 1) for pair in rest.strip().split(",") if "=" in pair)
        properties = {key: _unescape(value, ":,") for key, value in pairs}
        return name, properties, _unescape(line[end + 2 :], "")

    def _first_form(self, line: str) -> tuple[str, dict[str, str], str] | None:
        start = line.find("##[")
        end = line.find("]", start)
        if start < 0 or end < 0:
            return None
        name = line[start + 3 : end].partition(" ")[0]
        return (name, {}, line[end + 1 :]) if self._known(name) else None


def _unescape(text: str, more: str) -> str:
    for character in ("\r", "\n", *more, "%"):
        text = text.replace(f"%{ord(character):02X}", character)
    return text


def read_file_command(text: str) -> dict[str, str]:
    """GITHUB_OUTPUT as the runner reads it: `NAME=VALUE`, or lines between `NAME<<END` and `END`."""
    values: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in filter(None, lines):
        name, several, end = line.partition("<<")
        if "=" in name or not several:
            name, _, values[name] = line.partition("=")
            continue
        value: list[str] = []
        while (part := next(lines, None)) != end:
            assert part is not None, f"no end of {name}"
            value.append(part)
        values[name] = "\n".join(value)
    return values
