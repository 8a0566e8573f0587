"""Words: what a line may hold, and how long something took."""

import re

from beanpod.deploy.report import Status

# Colours and cursor moves (CSI), titles and links (OSC and its kin, up to their terminator), single-character escapes.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]P^_X]|[\x90\x9d\x9e\x9f\x98])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_SPACES = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
# The C0 and C1 controls, and what turns the direction of text round: a line must not show as another than it is.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def clean(text: str) -> str:
    """`text` as one line without control characters: what others wrote must not command a terminal or a log."""
    return _CONTROLS.sub("", _SPACES.sub(" ", _ESCAPES.sub("", text))).rstrip()


def duration(seconds: float) -> str:
    """How long, for a person: "0.4 s", "35 s", "3 min 03 s", "1 h 02 min"."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def described(status: Status) -> str:
    """The environment's state as a sentence: "Updating, health Info, 1 of 2 instances updated"."""
    parts = [status.state]
    if status.health:
        parts.append(f"health {status.health}")
    if status.on_version is not None and status.instances is not None:
        noun = "instance" if status.instances == 1 else "instances"
        parts.append(f"{status.on_version} of {status.instances} {noun} updated")
    return clean(", ".join(parts))
