"""Write beanpod.schema.json, by which editors complete a manifest: `python -m tools.schema`."""

from pathlib import Path

from beanpod.manifest._schema import text

SCHEMA = Path(__file__).parents[1] / "beanpod.schema.json"

if __name__ == "__main__":
    SCHEMA.write_text(text(), encoding="utf-8")
