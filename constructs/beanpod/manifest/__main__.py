"""Check a manifest (`python -m beanpod.manifest [PATH]`), or write its schema (`--write-schema`)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from beanpod.manifest import Manifest, ManifestError

SCHEMA = Path(__file__).parents[3] / "beanpod.schema.json"


def main(arguments: list[str] | None = None) -> int:
    """0 if the manifest is valid or the schema is written, 2 if there are problems."""
    parser = argparse.ArgumentParser(prog="python -m beanpod.manifest", description="Check a manifest.")
    parser.add_argument("path", nargs="?", default="beanpod.toml", help="default: beanpod.toml")
    parser.add_argument("--write-schema", action="store_true", help=f"write {SCHEMA.name} instead")
    options = parser.parse_args(arguments)
    return _write_schema() if options.write_schema else _check(options.path)


def _write_schema() -> int:
    from beanpod.manifest._schema import text

    SCHEMA.write_text(text(), encoding="utf-8")
    return 0


def _check(path: str) -> int:
    try:
        manifest = Manifest.read(path, build_files=True)
    except ManifestError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print(f"{path}: {', '.join(manifest.stages)}: no problems")  # noqa: T201
    warning = next(filter(None, map(manifest.sharing, manifest.stages)), None)
    if warning:
        print(f"{path}: warning: {warning}", file=sys.stderr)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
