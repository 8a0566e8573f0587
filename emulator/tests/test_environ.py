"""AWS profiles and proxies of the user's shell have no effect on the emulator."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from beanpod_emulator.environ import clean_aws_environ

ROOT = Path(__file__).parents[2]
DEAD = "http://127.0.0.1:9"


def test_removes_aws_settings_only() -> None:
    kept = clean_aws_environ({"AWS_PROFILE": "work", "AWS_CA_BUNDLE": "x", "PATH": "/bin", "HTTPS_PROXY": DEAD})
    assert not [name for name in kept if name.startswith("AWS_")]
    assert (kept["PATH"], kept["HTTPS_PROXY"]) == ("/bin", DEAD)


@pytest.mark.parametrize(
    ("spared", "expected"),
    [
        ({}, "localhost,127.0.0.1"),
        ({"NO_PROXY": ""}, "localhost,127.0.0.1"),
        ({"NO_PROXY": "intranet, localhost"}, "intranet,localhost,127.0.0.1"),
        ({"no_proxy": "lower", "NO_PROXY": "upper"}, "lower,localhost,127.0.0.1"),
    ],
)
def test_adds_localhost_to_no_proxy(spared: dict[str, str], expected: str) -> None:
    kept = clean_aws_environ(spared)
    assert kept["NO_PROXY"] == kept["no_proxy"] == expected


def test_the_demo_works_in_a_shell_with_a_profile_and_a_proxy(tmp_path: Path) -> None:
    """Of all its steps, since boto3 and the CDK CLI each have their own ways to be disturbed."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(
        f"[default]\nregion = eu-west-1\nendpoint_url = {DEAD}\ncredential_process = no"
    )
    disturbing = {
        "HOME": str(tmp_path),
        # What jsii unpacks is a quarter of a gigabyte; the CDK CLI is in the other one.
        "XDG_CACHE_HOME": str(Path.home() / ".cache"),
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache/aws/jsii/package-cache"),
        "AWS_PROFILE": "of-another-machine",
        "AWS_ENDPOINT_URL": DEAD,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_SESSION_TOKEN": "expired",
        "HTTP_PROXY": DEAD,
        "http_proxy": DEAD,
    }
    command = [sys.executable, "-m", "beanpod", "demo"]
    demo = subprocess.run(
        command, cwd=ROOT, env=os.environ | disturbing, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert demo.returncode == 0, demo.stdout
    assert "Nothing is left running" in demo.stdout
