import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.deploy.bundles.compose_command import Compose

# `docker` starts the plugin twice, the first time for its metadata.
_DIRECT = """#!/bin/sh
[ "$1" = compose ] && shift && exec {compose} "$@"
PATH={path} exec docker "$@"
"""


@pytest.fixture(scope="package", autouse=True)
def _compose_is_started_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`docker compose` starts Compose directly, which halves the time of these tests."""
    path, folder = os.environ["PATH"], tmp_path_factory.mktemp("bin")
    command = ["docker", "info", "--format", "{{json .ClientInfo.Plugins}}"]
    try:
        plugins = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    except (FileNotFoundError, ValueError):
        plugins = []
    with pytest.MonkeyPatch.context() as patch:
        for plugin in plugins:
            if plugin["Name"] == "compose":
                (folder / "docker").write_text(_DIRECT.format(compose=plugin["Path"], path=path))
                (folder / "docker").chmod(0o755)
                patch.setenv("PATH", f"{folder}{os.pathsep}{path}")
        yield


@pytest.fixture(scope="session")
def compose() -> Compose:
    """`docker compose`; the test is skipped without it, and fails in CI."""
    return Compose()
