"""The service's own tests, with the packages of its lock file; docs/development.md runs them with a database."""

import json
import re
from pathlib import Path

from tests.service.machine import ROOT, copy_service, run

LOCK = ROOT / "service/package-lock.json"


def test_the_services_own_tests_pass(tmp_path: Path) -> None:
    service = copy_service(tmp_path)
    run("npm", "ci", "--silent", "--no-audit", "--no-fund", cwd=service)
    printed = run("npm", "test", cwd=service)
    assert re.search(r"^. pass [1-9]", printed, re.MULTILINE), printed
    assert re.search(r"^. fail 0$", printed, re.MULTILINE), printed


def test_the_lock_file_names_hashes_and_no_place_to_load_from() -> None:
    packages = json.loads(LOCK.read_text())["packages"]
    del packages[""]
    assert "node_modules/mysql2" in packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not [name for name, package in packages.items() if "resolved" in package]
