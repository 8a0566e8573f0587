"""Compose files that were always read rightly, and the words of the refusals among them."""

from pathlib import Path
from typing import Any

import pytest

from tests.deploy.bundles.cases import bundle_of, copied, problems_of, services_of
from tests.deploy.bundles.projects import IMAGE, composed


def change(project: Path, old: str, new: str, name: str = "compose.yaml") -> None:
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new))


# The manifest of each case, and what its service `web` has.
RIGHT: dict[str, tuple[str, dict[str, Any]]] = {
    "context-above": ("beanpod.toml", {"image": IMAGE, "ports": ["80:8080"]}),
    "crlf": (
        "beanpod.toml",
        {"command": 'sh -c "httpd -f -p 8080 -h /www"\n', "environment": {"TEXT": "one\ntwo\n"}},
    ),
    "database-only-dumps": ("beanpod.toml", {"image": IMAGE, "ports": ["80:8080"]}),
    "manifest-below": ("infra/beanpod.toml", {"image": IMAGE, "ports": ["80:8080"]}),
    "octal-mode": ("beanpod.toml", {"configs": [{"source": "page", "target": "/www/page.html", "mode": 0o440}]}),
    "reserved-variables": (
        "beanpod.toml",
        {
            "environment": {
                "RDS_HOSTNAME": "localhost",
                "NOW": "x",
                "TEXT": "costs 5$$",
                "TWO": "a$$b",
                "THREE": "",
                "FOUR": "",
            }
        },
    ),
    "two-build-files-one-service": ("beanpod.toml", {"environment": {"A": "1", "B": "2"}}),
    "udp-and-range": (
        "beanpod.toml",
        {"ports": ["80:8080", "81:8081", "80:80/udp", "[::]:443:443", "127.0.0.1::9000"]},
    ),
    "umlauts": ("beanpod.toml", {"environment": {"GRUß": "Grüße, мир 🌱", "LINE": "a\tb\u0001c"}}),
}


@pytest.mark.parametrize(("case", "expected"), RIGHT.items(), ids=RIGHT)
def test_a_file_is_deployed_as_before(tmp_path: Path, case: str, expected: tuple[str, dict[str, Any]]) -> None:
    manifest, keys = expected
    web = services_of(copied(case, tmp_path), manifest)["web"]
    assert {key: web[key] for key in keys} == keys


def test_a_service_only_for_the_database_is_not_built(tmp_path: Path) -> None:
    assert list(services_of(copied("database-only-dumps", tmp_path))) == ["web"]


def test_a_file_with_umlauts_in_its_name_is_added(tmp_path: Path) -> None:
    bundle = bundle_of(copied("umlauts", tmp_path))
    assert "Übersicht und mehr.conf" in bundle.files
    mounts = composed(bundle)["services"]["proxy"]["volumes"]
    assert "./Übersicht und mehr.conf:/etc/nginx/conf.d/ü.conf:ro" in mounts


def test_a_migration_and_a_volume_of_static_files_are_kept(tmp_path: Path) -> None:
    project = copied("migration-and-static-volume", tmp_path)
    services = services_of(project)
    assert list(services) == ["app", "migrate", "nginx"]
    assert services["nginx"]["ports"] == ["80:80"]
    assert services["app"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert "depends_on" not in services["migrate"]
    assert composed(bundle_of(project))["volumes"] == {"static": None}


def test_a_misspelt_variable_is_refused_until_it_is_right(tmp_path: Path) -> None:
    project = copied("typo-in-environment", tmp_path)
    (problem,) = problems_of(project)
    assert "environment.RATE_ID-1: RATE_ID-1 is not set on Elastic Beanstalk: give it a value" in problem
    change(project, "RATE_ID-$", "RATE_ID=$")
    assert services_of(project)["web"]["environment"] == {"RATE_ID": "1", "GOOD": "1"}


def test_a_service_that_publishes_nothing_is_refused_until_it_does(tmp_path: Path) -> None:
    project = copied("web-behind-a-port-of-its-own", tmp_path)
    (problem,) = problems_of(project)
    assert 'write ports: ["80:8080"] for the one that receives requests' in problem
    change(project, 'expose: ["8080"]', 'ports: ["80:8080"]')
    assert services_of(project)["web"]["ports"] == ["80:8080"]


def test_a_folder_above_the_manifest_is_refused_until_it_is_below(tmp_path: Path) -> None:
    project = copied("compose-file-above-the-manifest", tmp_path)
    (problem,) = problems_of(project, "infra/beanpod.toml")
    assert "./src is outside the project: move it next to or below the manifest" in problem
    (project / "src").rename(project / "infra" / "src")
    change(project, "./src", "./infra/src")
    assert services_of(project, "infra/beanpod.toml")["web"]["image"] == IMAGE
