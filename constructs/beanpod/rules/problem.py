"""A setting that breaks a rule."""

from typing import NamedTuple


class Problem(NamedTuple):
    """A setting that breaks a rule. `str()` is the line that a construct shows; the manifest names its own key.

    Attributes:
        setting: Name of the construct's argument, such as `max_size` or `scaling.measure`.
        value: The value that came; None if there is none.
        must: The rule, as what follows the setting's name: "must be 1 to 100 percent".
        remedy: What to write instead. Default: the rule says it.
    """

    setting: str
    value: object
    must: str
    remedy: str = ""

    def __str__(self) -> str:
        value = f'"{self.value}"' if isinstance(self.value, str) else _plain(self.value)
        got = "" if self.value is None else f", got {value}"
        return f"{self.setting} {self.must}{got}" + (f": {self.remedy}" if self.remedy else "")


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
