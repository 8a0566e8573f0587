"""The packages of the service; its own tests are run with a database, as docs/development.md says."""

import json

from tests.service.machine import ROOT

LOCK = ROOT / "service/package-lock.json"


def test_the_lock_file_names_hashes_and_no_place_to_load_from() -> None:
    packages = json.loads(LOCK.read_text())["packages"]
    del packages[""]
    assert "node_modules/mysql2" in packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not [name for name, package in packages.items() if "resolved" in package]
