"""The guestbook on an emulator with Docker, deployed by the stacks and the deploy command."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from beanpod_emulator import EmbeddedAws
from beanpod_emulator.registry import LocalRegistry
from tests.deploy.deployed_stage import Project, deploy_stacks, deployers_key
from tests.service.machine import ROOT, copy_service

_SECONDS = 600
_INVITATION = re.compile(r"(?<=</h1>\n<p>).*(?=</p>)")


@dataclass(frozen=True)
class Release:
    """What serves at an address. image: its name with the digest."""

    url: str
    version: str
    image: str


@dataclass(frozen=True)
class Site:
    """A stage that can be released to. folder: the repository of the service. environ: the deployer's variables."""

    folder: Path
    environ: dict[str, str]

    def release(self) -> Release:
        """Release what is in the folder."""
        done = subprocess.run(
            [sys.executable, "-m", "beanpod", "deploy", "--json"],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        outcome = json.loads(done.stdout)
        return Release(outcome["url"], outcome["version_label"], outcome["image"])

    def invite(self, words: str) -> None:
        """Change the line under the page's title."""
        page = self.folder / "service/src/pages.js"
        page.write_text(_INVITATION.sub(words, page.read_text(), count=1))


@contextmanager
def site(folder: Path, registry: LocalRegistry) -> Iterator[Site]:
    """A site without a release yet, until the end of the block. folder: where its files are put."""
    home = folder / "guestbook"
    home.mkdir()
    copy_service(home)
    shutil.copy(ROOT / "app.py", home)
    image = f'image = "{registry.host}/beanpod/guestbook"'
    manifest = (ROOT / "beanpod.toml").read_text()
    (home / "beanpod.toml").write_text(re.sub(r'^image = "[^"]*"', image, manifest, count=1, flags=re.MULTILINE))
    with EmbeddedAws.start(docker=True, enforce_iam=True) as aws:
        aws.set_pace(watch=3)
        project = Project(home, "dev")
        outputs = deploy_stacks(project, aws, project.synthesise())
        yield Site(home, _environ(aws, outputs, folder))


def _environ(aws: EmbeddedAws, outputs: dict[str, str], folder: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    own = {"PYTHONPATH": str(ROOT), "HOME": str(folder), "USER": "ann"}
    return inherited | aws.environment | deployers_key(outputs, aws) | own
