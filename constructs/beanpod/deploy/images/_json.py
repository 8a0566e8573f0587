"""JSON from outside, which may be anything."""

import json
from typing import Any


def read_object(text: str | bytes) -> dict[str, Any]:
    """The object; {} for what is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
