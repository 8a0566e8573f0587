"""The files and commands of a page, tried: `beanpod check` and the AWS CLI print what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from beanpod_emulator import EmbeddedAws
from tests.cli.commands import in_process
from tests.docs.pages import ROOT, blocks, parts_not_printed

PAGES = ("docs", "docs/ko")
DOMAINS = ROOT / "docs/domains.md"


def check(folder: Path) -> str:
    """Return what `beanpod check` prints in a folder, on a terminal of 80 columns."""
    (folder / "Dockerfile").write_text('FROM scratch\nCOPY . /app\nCMD ["/app"]\n')
    done = in_process.run(folder, "check", "--output", "terminal", environ=os.environ | {"COLUMNS": "80"})
    return done.stdout + done.stderr


@pytest.mark.parametrize("pages", PAGES)
def test_a_compose_file(pages: str, tmp_path: Path) -> None:
    page = ROOT / pages / "compose.md"
    (tmp_path / "beanpod.toml").write_text(blocks(page, "toml")[0].text)
    development, production, _ = blocks(page, "yaml")
    refused, accepted = blocks(page, "text")
    (tmp_path / "compose.yaml").write_text(development.text)
    assert parts_not_printed(refused.text, check(tmp_path)) == []
    (tmp_path / "compose.prod.yaml").write_text(production.text)
    assert parts_not_printed(accepted.text, check(tmp_path)) == []


@pytest.mark.parametrize("pages", PAGES)
def test_the_volume_of_a_stage_with_several_instances(pages: str, tmp_path: Path) -> None:
    compose, production, _ = blocks(ROOT / pages / "compose.md", "yaml")
    manifest = blocks(ROOT / pages / "compose.md", "toml")[0].text
    (tmp_path / "beanpod.toml").write_text(manifest.replace('"small"', '"production"'))
    (tmp_path / "compose.yaml").write_text(compose.text)
    (tmp_path / "compose.prod.yaml").write_text(production.text)
    (shown,) = blocks(ROOT / pages / "data.md", "text")
    assert parts_not_printed(shown.text, check(tmp_path)) == []


def test_the_compose_file_of_the_tutorial(tmp_path: Path) -> None:
    page = ROOT / "docs/coming-from/tutorial.md"
    development, production = blocks(page, "yaml")
    (tmp_path / "beanpod.toml").write_text(blocks(page, "toml")[0].text)
    (tmp_path / "compose.yaml").write_text(development.text)
    assert "my-mysql" in check(tmp_path)
    (tmp_path / "compose.prod.yaml").write_text(production.text)
    assert "no problems" in check(tmp_path)


def test_a_domain_with_a_compose_file(tmp_path: Path) -> None:
    service = (
        '[service]\nname = "shop"\nimage = "ada/shop"\ncompose = "compose.yaml"\n[stages.prod]\npreset = "production"\n'
    )
    (tmp_path / "beanpod.toml").write_text(service + blocks(DOMAINS, "toml")[0].text)
    (tmp_path / "compose.yaml").write_text('services: { web: { build: ., ports: ["3000:3000"] } }\n')
    (shown,) = blocks(DOMAINS, "text")
    assert parts_not_printed(shown.text, check(tmp_path)) == []


def test_the_commands_that_print_what_a_domain_needs() -> None:
    zones, certificate = (block for block in blocks(DOMAINS, "sh") if "aws" in block.text)
    with EmbeddedAws.start(region="eu-central-1") as aws:
        boto3.client("route53", **aws.client_arguments).create_hosted_zone(Name="example.com", CallerReference="1")
        listed, requested = (
            subprocess.run(
                # Nobody makes the records that are waited for.
                ["bash", "-euc", re.sub(r"^aws acm wait .*\n", "", block.text, flags=re.MULTILINE)],
                env=os.environ | aws.environment,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for block in (zones, certificate)
        )
    assert re.fullmatch(r"example\.com\.\t/hostedzone/\w+\n", listed)
    *records, arn = requested.splitlines()
    assert {record.split("\t")[1] for record in records} == {"CNAME"}
    assert arn.startswith("arn:aws:acm:eu-central-1:")


def test_express_redirects_what_came_over_http(tmp_path: Path) -> None:
    program = tmp_path / "app.js"
    # Express's own objects, as far as the page uses them.
    program.write_text(
        "const layers = [];\nconst app = { set() {}, use: (layer) => layers.push(layer) };\n"
        + "".join(block.text for block in blocks(DOMAINS, "js"))
        + """\
for (const proto of ["http", "https", undefined]) {
  const done = [];
  const req = { get: () => proto, originalUrl: "/a?b=c" };
  const res = { redirect: (...to) => done.push(...to), set: (...header) => done.push(...header) };
  layers[0](req, res, () => done.push("next"));
  console.log(done.join(" "));
}
"""
    )
    printed = subprocess.run(
        [Path(sys.executable).with_name("node"), program], capture_output=True, text=True, check=True
    ).stdout
    passed = "Strict-Transport-Security max-age=31536000 next"
    assert printed.splitlines() == ["308 https://shop.example.com/a?b=c", passed, passed]
