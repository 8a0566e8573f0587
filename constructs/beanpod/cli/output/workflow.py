"""GitHub's workflow commands: how they are written, and how other text is kept from being one.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands; how the runner reads them was
taken from its source, ActionCommand.cs: `::name key=value,...::data` at the beginning of a line, and the older
`##[name key=value;...]data` anywhere in one.
"""

import re
import secrets
from collections.abc import Callable, Mapping

# Longer messages are cut off by GitHub, with their end, which says what to do.
_LONGEST_MESSAGE = 4000


def command(name: str, data: str = "", properties: Mapping[str, str] | None = None) -> str:
    """One workflow command; what cannot stand in it is escaped."""
    written = ",".join(f"{key}={_escape_property(value)}" for key, value in (properties or {}).items())
    return f"::{name} {written}::{_escape_data(data)}" if written else f"::{name}::{_escape_data(data)}"


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")


def file_entry(name: str, value: str) -> str:
    """An entry of GITHUB_OUTPUT, whose delimiter no value can hold, because it is made up now."""
    delimiter = f"end_{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def shortened(text: str) -> str:
    """`text`, cut to what an annotation shows."""
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"


class CommandStream:
    """Writes workflow commands, and text in which GitHub obeys none.

    Text is only ever written while commands are stopped, by a token that is made up here: no line that Docker or
    the environment prints, and none of ours, can start a command. `write` gets presentable lines.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._token: str | None = None

    def text(self, line: str) -> None:
        """A line to read."""
        if self._token is None:
            self._token = secrets.token_hex(16)
            self._write(command("stop-commands", self._token))
        self._write(line)

    def command(self, name: str, data: str = "", **properties: str) -> None:
        """A line that GitHub obeys."""
        self.resume()
        self._write(command(name, data, properties))

    def resume(self) -> None:
        """Let GitHub obey commands again: those of the steps after this one."""
        if self._token is not None:
            self._write(f"::{self._token}::")
            self._token = None


def harmless(document: str) -> str:
    """JSON that says the same and holds no workflow command: `##[` can only stand inside a string."""
    return re.sub(r"##(?=\[)", r"#\\u0023", document)
