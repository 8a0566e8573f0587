"""What a project's folder holds: files, what git knows of it, and the variables that the app's source reads."""

import os
import re
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

# Folders of other people's code, of results, and of tests.
SKIPPED = frozenset(
    (
        *("node_modules", "vendor", "venv", "dist", "build", "target", "cdk.out"),
        *("tests", "test", "__tests__", "spec", "e2e", "mocks", "__mocks__"),
    )
)
_TEST = re.compile(r".*(?:_test|[._]spec|\.test)\.\w+|test_.*\.py|conftest\.py")
_SOURCE = re.compile(
    r".*\.(?:py|[mc]?js|ts|php|rb|go|java|kt|cs|rs|exs?|properties)|application[\w-]*\.ya?ml|database\.yml"
)
_FILES, _BYTES = 5_000, 200_000
# os.environ["A"], os.getenv("A"), env("A"), env.str("A"), config("A"), configService.get<string>("A"), process.env.A,
# ENV.fetch("A"), also in Rails' database.yml, os.Getenv("A"), System.get_env("A"), System.fetch_env!("A"),
# env::var("A"), Environment.GetEnvironmentVariable("A"), and ${A:b} of Spring's properties and application.yml.
_READ = re.compile(
    r"""(?:environ(?:\.get)?\s*[\[(]|[gG]et_?env\(|fetch_env!?\(|env::var\(|GetEnvironmentVariable\(|\b(?:env|config(?:Service)?)(?:\.\w+)?(?:<\w+>)?\("""
    r"""|\bENV(?:\.fetch)?[\[(]|process\.env[.\[]|\$\{)"""
    r"""\s*["']?([A-Z][A-Z0-9_]+)"""
)


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints of a folder; "" where it fails or is not installed.

    Bytes that are not UTF-8, as file names may have, are what `os.fsdecode` makes of them.
    """
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    except (FileNotFoundError, PermissionError):
        return ""
    return os.fsdecode(done.stdout) if done.returncode == 0 else ""


def variables_read(folder: Path) -> list[str]:
    """Return the names of the variables that the source in a folder reads, in the order of their files."""
    names: dict[str, None] = {}
    for path in source_files(folder):
        names |= dict.fromkeys(_READ.findall(path.read_text(encoding="utf-8", errors="replace")))
    return list(names)


def source_files(folder: Path) -> Iterator[Path]:
    """Yield the files of source code in a folder and those below it.

    No more than 5,000 of up to 200 kB that may be read; none in a folder that begins with a dot or has others' code.
    """
    return islice(_source_files(folder), _FILES)


def _source_files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        skipped = SKIPPED | {"deps"} if "mix.exs" in files else SKIPPED
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in skipped)
        # A virtual environment may have any name.
        folders[:] = [name for name in folders if not os.path.isfile(os.path.join(place, name, "pyvenv.cfg"))]
        names = sorted(name for name in files if _SOURCE.fullmatch(name) and not _TEST.fullmatch(name))
        for path in (Path(place, name) for name in names):
            if os.access(path, os.R_OK) and path.is_file() and path.stat().st_size <= _BYTES:
                yield path
