"""The same files give the same bytes on every machine."""

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from beanpod.deploy.bundles import Bundle, BundleFile
from beanpod.deploy.bundles.bundle import HASH_PLACEHOLDER, zipped
from tests.deploy.bundles.projects import compose_bundle, dockerfile_bundle, write

parts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=12
).filter(lambda part: part not in {".", ".."})
names = st.lists(parts, min_size=1, max_size=3).map("/".join)
contents = st.dictionaries(names, st.builds(BundleFile, st.binary(max_size=200), st.booleans()), min_size=1, max_size=6)


@given(files=contents)
def test_a_zip_contains_the_files_as_given(files: dict[str, BundleFile]) -> None:
    with zipfile.ZipFile(io.BytesIO(zipped(files))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(files)
        for entry in archive.infolist():
            assert archive.read(entry) == files[entry.filename].data
            assert entry.external_attr >> 16 == 0o100000 | files[entry.filename].mode
            assert (1980, 1, 1, 0, 0, 0) <= entry.date_time < (1998, 1, 1, 0, 0, 0)


def test_another_content_has_another_time() -> None:
    """Of time and size web servers make the ETag by which a browser keeps a page."""

    def times(*contents: bytes) -> list[tuple[int, ...]]:
        files = {f"{number}.html": BundleFile(content) for number, content in enumerate(contents)}
        with zipfile.ZipFile(io.BytesIO(zipped(files))) as archive:
            return [entry.date_time for entry in archive.infolist()]

    first, second = times(b"app.3f2a1b.js", b"app.99e0cd.js")
    assert first != second
    assert times(b"app.99e0cd.js", b"") == [second, *times(b"")]


def test_the_format_is_pinned() -> None:
    """A new Python that writes a zip otherwise would give every release a new label: it has to be seen."""
    files = {"b/é.sh": BundleFile(b"#!/bin/sh\n", executable=True), "a": BundleFile(b"")}
    assert (
        hashlib.sha256(zipped(files)).hexdigest() == "14f17e6b7394f5834d31a2015fc85df1cd9a0686c260ede923e7f7a3564aa81a"
    )


def test_the_hash_is_that_of_the_zip_without_it(tmp_path: Path) -> None:
    bundle = dockerfile_bundle(tmp_path)
    blank = {
        name: BundleFile(file.data.replace(bundle.hash.encode(), HASH_PLACEHOLDER.encode()), file.executable)
        for name, file in bundle.files.items()
    }
    assert hashlib.sha256(zipped(blank)).hexdigest().startswith(bundle.hash)
    assert HASH_PLACEHOLDER.encode() not in bundle.data


def test_the_placeholder_in_a_users_file_is_not_replaced() -> None:
    text = HASH_PLACEHOLDER.encode()
    files = {"theirs": BundleFile(text), "ours": BundleFile(text, has_placeholder=True)}
    bundle = Bundle.of(files, service="guestbook", application="a")
    assert (bundle.files["theirs"].data, bundle.files["ours"].data) == (text, bundle.hash.encode())


def test_another_service_with_the_same_content_has_another_hash(tmp_path: Path) -> None:
    text = '[service]\nname = "{}"\nimage = "ada/guestbook"\n'
    one, other = (dockerfile_bundle(tmp_path, text=text.format(name)) for name in ("guestbook", "visitors"))
    assert one.hash != other.hash


SCRIPT = """
import sys
from pathlib import Path
from tests.deploy.bundles.projects import compose_bundle, dockerfile_bundle
from tests.deploy.bundles.test_bundle import COMPOSE_FILE
root = Path(sys.argv[1])
print(dockerfile_bundle(root).hash, compose_bundle(root, COMPOSE_FILE).hash)
"""
COMPOSE_FILE = """
services:
  app:
    build: .
    ports: ["80:8080"]
    environment: [B=1, A=é, "LEVEL=${LEVEL:-low}"]
    networks: [b, a]
  web:
    image: nginx:stable
    volumes: ["./conf:/etc/nginx/conf.d:ro", "bb:/b", "aa:/c/a"]
networks: {b: , a: }
volumes: {bb: , aa: }
"""


def test_another_machine_makes_the_same_bytes(tmp_path: Path) -> None:
    """Another folder, umask, time zone, locale, hash seed, environment, and files of another order and time."""
    here, there = tmp_path / "here", tmp_path / "some where" / "else"
    hooks = {f".platform/hooks/predeploy/{name}.sh": f"#!/bin/sh\n# {name}\n" for name in "cabz"}
    files = hooks | {f"conf/{name}.conf": name for name in "bca"}
    write(here, files)
    umask = os.umask(0o077)
    try:
        write(there, dict(reversed(files.items())))
    finally:
        os.umask(umask)
    for name in hooks:
        (here / name).chmod(0o755)
        (there / name).chmod(0o700)
    for name in files:
        os.utime(there / name, (2_000_000_000, 2_000_000_000))
    hashes = dockerfile_bundle(here).hash, compose_bundle(here, COMPOSE_FILE).hash
    assert hashes_elsewhere(there) == hashes


def hashes_elsewhere(folder: Path) -> tuple[str, ...]:
    machine = {"TZ": "Pacific/Auckland", "PYTHONHASHSEED": "7", "LC_ALL": "C", "PATH": os.environ["PATH"]}
    machine["DOCKER_CONFIG"] = os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))
    secrets = dict.fromkeys(("LEVEL", "DOCKER_PASSWORD", "AWS_SECRET_ACCESS_KEY", "RDS_PASSWORD"), "planted")
    environment = {**machine, **secrets, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return tuple(done.stdout.split())
