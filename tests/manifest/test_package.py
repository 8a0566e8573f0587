from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from beanpod import manifest

ROOT = Path(__file__).parents[2]


def modules_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(result.stdout.split())


def test_reading_needs_no_cdk() -> None:
    modules = modules_after("from beanpod.manifest import Manifest; Manifest.read('beanpod.toml').stage()")
    assert "pydantic" in modules
    assert not {"aws_cdk", "constructs", "jsii"} & modules


def test_import_loads_no_pydantic() -> None:
    assert "pydantic" not in modules_after("from beanpod.manifest import Manifest, ManifestError")


@pytest.mark.parametrize("name", manifest.__all__)
def test_public_names_exist(name: str) -> None:
    assert getattr(manifest, name) is not None


def test_other_names_do_not() -> None:
    with pytest.raises(AttributeError, match=r"module 'beanpod.manifest' has no attribute 'Stage'"):
        manifest.Stage  # noqa: B018
