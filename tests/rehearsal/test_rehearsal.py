"""A rehearsal that cannot start, is interrupted, or is left running; a whole one is in tests/rehearse."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from contextlib import chdir
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from beanpod.cli.commands.rehearse import Rehearsal, RehearsedRelease, rehearse
from beanpod.cli.main import main
from beanpod.cli.rehearsal.emulated import EmulatedProject
from beanpod.cli.rehearsal.kept import KeptRehearsal
from beanpod.cli.rehearsal.processes import Done
from beanpod.cli.rehearsal.workspace import Substitutes, Workspace, copy_project, manifest_text, substituted
from beanpod.deploy.errors import DeployError, UsageError
from beanpod.manifest import Manifest
from beanpod_emulator import EmbeddedAws
from tests.cli.commands import in_process
from tests.cli.commands.in_process import Result
from tests.deploy.bundles.cases import copied
from tests.deploy.bundles.projects import write
from tests.deploy.engine import Engine
from tests.service.machine import ROOT
from tests.unprivileged import WITHOUT_RIGHTS
from tools.github import git

_COPY = """\
import sys
from pathlib import Path
from beanpod.cli.rehearsal.workspace import copy_project
print(copy_project(Path(sys.argv[1]), Path(sys.argv[2])), end="")
"""
SUBSTITUTES = Substitutes("localhost:5000/me/shop", "rehearsal")


def test_an_interrupted_rehearsal_leaves_nothing(docker_engine: Engine, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tools.rehearsal"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as rehearsal:
        assert rehearsal.stdout
        for line in rehearsal.stdout:
            if line.endswith("  Stacks\n"):
                break
        rehearsal.send_signal(signal.SIGTERM)
        output = rehearsal.stdout.read()
    assert rehearsal.returncode == 130, output
    assert output.endswith("beanpod: interrupted: nothing is left running\n")
    assert list(tmp_path.glob("beanpod-*")) == []
    for kind in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
        assert str(tmp_path) not in docker_engine.run(*kind, "--format", "{{.Labels}}")


def test_says_at_once_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    done = in_process.run(ROOT, "rehearse", environ=os.environ)
    assert done.code == 2
    assert (
        "beanpod: a rehearsal needs more on this machine\n  Docker: cannot connect to the Docker daemon: start Docker"
        in done.stderr
    )
    assert "Start" not in done.stdout + done.stderr


def test_says_at_once_that_the_builder_lacks_buildkit(docker_engine: Engine, tmp_path: Path) -> None:
    project = copied("buildkit-only", tmp_path)
    (project / "cdk.json").write_text("{}")
    done = in_process.run(project, "rehearse", environ={**os.environ, "DOCKER_BUILDKIT": "0"})
    assert done.code == 3, done.stderr
    assert "needs BuildKit, and DOCKER_BUILDKIT=0 asks for the classic builder: unset it" in done.stderr
    assert "Start" not in done.stdout + done.stderr


def test_the_copys_manifest_has_the_registrys_image_and_login(tmp_path: Path) -> None:
    changed = substituted(tomllib.loads((ROOT / "beanpod.toml").read_text()), "dev", SUBSTITUTES)
    (tmp_path / "beanpod.toml").write_text(manifest_text(changed.tables))
    before, after = Manifest.read(ROOT / "beanpod.toml").stage(), Manifest.read(tmp_path / "beanpod.toml").stage()
    assert after.service.image == "localhost:5000/me/shop"
    assert set(after.variables) - set(before.variables) == {"DOCKER_USERNAME"}
    assert set(after.secrets) - set(before.secrets) == {"DOCKER_PASSWORD"}
    assert after.variables.items() >= before.variables.items()


MANIFEST: dict[str, Any] = {
    "service": {"name": "shop", "image": "ada/shop"},
    "variables": {"DOCKER_PASSWORD": "x", "GREETING": 'Hello "ä"\n'},
    "secrets": {
        "A": {"ssm": "/shop/a"},
        "B": {"ssm": "arn:aws:ssm:eu-west-1:210987654321:parameter/b"},
        "C": {"generate": 32},
        "E": {"database": "password"},
    },
    "stages": {
        "dev": {"secrets": {"D": {"secretsmanager": "arn:aws:secretsmanager:eu-west-1:210987654321:secret:d-AbCd12"}}},
        "prod": {
            "preset": "production",
            "service": {"image": "ada/shop-prod"},
            "domain": {"name": "shop.example.com", "certificate": "arn:aws:acm:eu-west-1:210987654321:certificate/1"},
            "network": {
                "vpc": {"vpc_id": "vpc-1", "availability_zones": ["eu-west-1a"]},
                "allow_from": ["pl-0a1b2c3d"],
            },
        },
    },
}


def test_secrets_of_another_account_become_parameters_of_the_rehearsal() -> None:
    changed = substituted(MANIFEST, "dev", SUBSTITUTES)
    assert changed.parameters == {
        "/shop/a": "A",
        "/shop/rehearsal/b": "B",
        "/shop/rehearsal/d": "D",
        "/shop/rehearsal/docker-password": "DOCKER_PASSWORD",
    }
    assert changed.tables["secrets"]["C"] == {"generate": 32}
    assert changed.tables["secrets"]["E"] == {"database": "password"}
    assert "DOCKER_PASSWORD" not in changed.tables["variables"]
    assert tomllib.loads(manifest_text(changed.tables)) == changed.tables


def test_what_only_the_owners_account_has_is_left_out() -> None:
    changed = substituted(MANIFEST, "prod", Substitutes("localhost:5000/me/shop", "rehearsal", "arm64"))
    prod = changed.tables["stages"]["prod"]
    assert prod == {
        "preset": "production",
        "service": {},
        "network": {},
        "environment": {"instance_types": ["t4g.micro"]},
    }
    assert changed.notes == (
        "a new VPC, in place of network.vpc",
        "everybody may connect, in place of network.allow_from",
    )


def test_a_domain_has_the_hosted_zone_and_the_certificate_of_the_rehearsal(tmp_path: Path) -> None:
    own = {"name": "shop.example.com", "hosted_zone": {"name": "example.com", "id": "Z1"}}
    tables: dict[str, dict[str, Any]] = {"domain": own, "environment": {"type": "LoadBalanced"}}
    manifest = {"service": MANIFEST["service"], "stages": {"dev": {"domain": own | {"certificate": "arn:aws:acm:1"}}}}
    changed = substituted(manifest, "dev", replace(SUBSTITUTES, stage=tables))
    assert changed.tables["stages"]["dev"]["domain"] == own
    (tmp_path / "beanpod.toml").write_text(manifest_text(changed.tables))
    stage = Manifest.read(tmp_path / "beanpod.toml").stage("dev")
    assert (stage.domain and stage.domain.url, stage.environment.type) == ("https://shop.example.com", "LoadBalanced")


@pytest.mark.parametrize("in_git", [True, False])
def test_a_copy_has_what_a_commit_of_everything_would_have(tmp_path: Path, in_git: bool) -> None:
    root = tmp_path / "mine/app"
    (root / "node_modules").mkdir(parents=True)
    (root / "node_modules/x").touch()
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("run.sh")
    (root.parent / "above").touch()
    (root / ".gitignore").write_text("node_modules\n")
    # No commit holds what follows: a pipe, a socket, and a database's data, which another user owns.
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket"))
    (root / "data").mkdir(mode=0)
    (root / "key").touch(mode=0)
    # A file's name may be in any encoding.
    os.close(os.open(os.fsencode(root) + b"/caf\xe9", os.O_CREAT))
    if in_git:
        git(root.parent, "init", "--quiet")
    command = [*WITHOUT_RIGHTS, sys.executable, "-c", _COPY, root, tmp_path / "copy"]
    folder = Path(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
    assert folder == (tmp_path / "copy/app" if in_git else tmp_path / "copy")
    assert {path.name for path in folder.iterdir()} == {"run.sh", "link", ".gitignore", os.fsdecode(b"caf\xe9")}
    assert (folder.parent / "above").exists() is in_git
    assert (folder / "link").is_symlink()
    assert os.access(folder / "run.sh", os.X_OK)


def test_a_submodule_is_copied_and_one_that_is_not_checked_out_is_empty(tmp_path: Path) -> None:
    library, shop, clone = tmp_path / "library", tmp_path / "shop", tmp_path / "clone"
    for folder in (library, shop):
        folder.mkdir()
        (folder / "own.txt").touch()
        git(folder, "init", "--quiet")
        if folder is shop:
            git(folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "vendor/lib")
        git(folder, "add", "--all")
        git(folder, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "--quiet", "--message=All")
    git(tmp_path, "clone", "--quiet", "shop", "clone")
    assert (copy_project(shop, tmp_path / "whole") / "vendor/lib/own.txt").is_file()
    copy = copy_project(clone, tmp_path / "copy")
    assert {path.relative_to(copy).as_posix() for path in copy.rglob("*")} == {
        ".gitmodules",
        "own.txt",
        "vendor",
        "vendor/lib",
    }


def test_other_commands_and_tools_use_a_rehearsal_that_is_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Its name is not UTF-8.
    root = tmp_path / os.fsdecode(b"caf\xe9")
    root.mkdir()
    (root / "beanpod.toml").write_text((ROOT / "beanpod.toml").read_text())
    (tmp_path / "scratch").mkdir()
    workspace = Workspace(root, "beanpod.toml", "prod", tmp_path / "scratch/copy", SUBSTITUTES)
    workspace.fill()
    with EmbeddedAws.start() as aws:
        # The folder for temporary files may have any name.
        kept = KeptRehearsal(workspace, aws.environment | {"CURL_HOME": "/tmp/two words; $HOME"}, {})
        with kept.announced(os.environ) as exports:
            assert KeptRehearsal.find(root, os.environ) == kept
            modes = {path.stat().st_mode & 0o777 for path in (exports, *(tmp_path / "cache").rglob("*.json"))}
            assert modes == {0o600}
            done = run_status(root)
            # The stack is missing in the emulated AWS, which has been asked for that of the rehearsed stage.
            assert "guestbook-prod-service" in done.stderr
            asked = f'{sys.executable} -c \'import boto3; print(boto3.client("s3").list_buckets()["Buckets"])\''
            control = 'curl -sf -H "Authorization: Bearer $BEANPOD_EMULATOR_TOKEN" "$AWS_ENDPOINT_URL/_emulator/now"'
            home = 'test "$CURL_HOME" = "/tmp/two words; \\$HOME"'
            script = "\n".join(["set -e", "export AWS_PROFILE=work", f". {exports}", home, asked, control])
            tools = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
            assert tools.returncode == 0, tools.stderr
            assert tools.stdout.startswith('[]\n{"now": ')
        with pytest.raises(UsageError, match="is running: start one with `beanpod rehearse --keep`"):
            KeptRehearsal.find(root, os.environ)
    assert run_status(root).returncode == 2


class _FailedRelease(Rehearsal):
    """Its release fails. It is ended with Ctrl-C once it says how it can be used."""

    found: KeptRehearsal

    def check(self) -> None:
        self.workspace = Workspace(self._context.root, "beanpod.toml", "dev", self._context.root / "copy", SUBSTITUTES)

    start = deploy_stacks = lambda _: None

    def releases(self) -> RehearsedRelease:
        raise DeployError("beanpod deploy: shop-1 failed", causes=("/health answers 404",))

    def kept(self) -> KeptRehearsal:
        return KeptRehearsal(self.workspace, {}, {})

    def uses(self, _: Path) -> list[tuple[str, str]]:
        type(self).found = KeptRehearsal.find(self._context.root, self._context.environ)
        os.kill(os.getpid(), signal.SIGINT)
        return [("look", "beanpod status --rehearsal")]


def rehearsed(folder: Path, steps: type[Rehearsal], *arguments: str) -> Result:
    """What a rehearsal of a project in the folder, which fails, prints."""
    write(folder, {"beanpod.toml": '[service]\nname = "shop"\nimage = "ada/shop"\n[stages.dev]\n', "cdk.json": "{}"})
    out, errors = io.StringIO(), io.StringIO()
    environ, run = {"XDG_CACHE_HOME": str(folder / "cache")}, partial(rehearse, steps=steps)
    with chdir(folder):
        code = main(["rehearse", *arguments], environ=environ, stdout=out, stderr=errors, run=run)
    return Result(code, out.getvalue(), errors.getvalue())


def test_a_failed_rehearsal_can_be_left_running(tmp_path: Path) -> None:
    failure = "beanpod: beanpod deploy: shop-1 failed\n  /health answers 404\n"
    done = rehearsed(tmp_path, _FailedRelease)
    assert (done.code, done.stderr.startswith(f"{failure}  `beanpod rehearse --keep` ")) == (1, True)
    done = rehearsed(tmp_path, _FailedRelease, "--keep")
    assert (done.code, done.stderr.startswith(f"{failure}beanpod: the rehearsal failed")) == (1, True)
    assert done.stdout.splitlines()[-5:] == [
        "",
        "It is left running until Ctrl-C. In another terminal, in this folder:",
        "",
        "  look  beanpod status --rehearsal",
        "  end   Ctrl-C",
    ]
    assert _FailedRelease.found.workspace.stage == "dev"


def test_a_rehearsal_that_is_left_running_ends_with_its_aws(tmp_path: Path) -> None:
    class Killed(_FailedRelease):
        def uses(self, _: Path) -> list[tuple[str, str]]:
            stage = Manifest.read(tmp_path / "beanpod.toml").stage()
            with EmbeddedAws.start() as aws:
                self.project = EmulatedProject(tmp_path, {}, stage, aws, self.runner, {})
            return []

    done = rehearsed(tmp_path, Killed, "--keep")
    assert (done.code, "\nbeanpod: the emulated AWS was killed, perhaps for" in done.stderr) == (1, True)


class _FailedBuild(_FailedRelease):
    """Its build fails, which the logs of the environment say nothing of."""

    releases = Rehearsal.releases

    def start(self) -> None:
        self.deployer, self.login = {}, {}
        done = Done(3, "", ("| SITE is required", "Build: failed after 2 s"))
        self.project: Any = SimpleNamespace(release=lambda _: (done, {"error": "building Dockerfile failed"}))


def test_a_failed_build_shows_what_its_step_printed(tmp_path: Path) -> None:
    done = rehearsed(tmp_path, _FailedBuild)
    assert "SITE is required\n" in done.stdout
    assert "building Dockerfile failed" in done.stderr


class _BrokenPage(_FailedBuild):
    """Its port answers something else than HTTP, or breaks off."""

    answer: bytes

    def start(self) -> None:
        super().start()
        server = self._cleanup.enter_context(socket.create_server(("127.0.0.1", 0)))
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        Thread(target=self._answer_one, args=(server,), daemon=True).start()
        result = {"version_label": "shop-1", "url": url}
        self.project = SimpleNamespace(
            release=lambda _: (Done(0, "", ()), result), logs=lambda: ["TLS only"], domain_variables={}
        )

    def _answer_one(self, server: socket.socket) -> None:
        with server.accept()[0] as connection:
            connection.recv(1000)
            connection.sendall(self.answer)


@pytest.mark.parametrize("answer", [b"garbage\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n<p>"])
def test_a_page_that_breaks_off_shows_the_logs(answer: bytes, tmp_path: Path) -> None:
    result = rehearsed(tmp_path, type("_Page", (_BrokenPage,), {"answer": answer}))
    assert "TLS only" in result.stdout
    assert re.search(r"beanpod: http://127\.0\.0\.1:\d+/ does not answer: ", result.stderr), result.stderr


class _FailedJob(_FailedBuild):
    """Its release fails since a job of the compose file does, whose log says why."""

    def start(self) -> None:
        super().start()
        done, result = Done(6, "", ()), {"error": "shop-1 failed", "causes": ["migrate exited with 1"]}
        self.project = SimpleNamespace(release=lambda _: (done, result), logs=lambda: ["pq: no pg_hba.conf entry"])


def test_what_the_logs_say_is_explained(tmp_path: Path) -> None:
    done = rehearsed(tmp_path, _FailedJob)
    assert "pq: no pg_hba.conf entry" in done.stdout
    assert "migrate exited with 1\n  the database accepts only connections with TLS" in done.stderr


@pytest.mark.parametrize("document", ["[]", '{"process": PROCESS, "workspace": {"root": "/"}}'])
def test_the_file_of_another_version_is_no_rehearsal(tmp_path: Path, document: str) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    kept = KeptRehearsal(Workspace(tmp_path, "beanpod.toml", "prod", tmp_path / "scratch/copy", SUBSTITUTES), {}, {})
    (tmp_path / "scratch").mkdir()
    with kept.announced(environ):
        (path,) = (tmp_path / "beanpod/rehearsals").iterdir()
        whole = path.read_text()
        path.write_text(document.replace("PROCESS", str(os.getpid())))
        with pytest.raises(UsageError, match="is running: start one with `beanpod rehearse --keep`"):
            KeptRehearsal.find(tmp_path, environ)
        path.write_text(whole)


def test_a_killed_rehearsal_is_not_found(tmp_path: Path) -> None:
    """Whatever process has its number now."""
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    announce = f"""\
import os, signal
from pathlib import Path
from beanpod.cli.rehearsal.kept import KeptRehearsal
from beanpod.cli.rehearsal.workspace import Substitutes, Workspace
from beanpod.deploy.images.process import temporary_folder
with temporary_folder("beanpod-rehearsal-") as folder:
    workspace = Workspace(Path({str(tmp_path)!r}), "beanpod.toml", "dev", folder / "copy", Substitutes("x", "y"))
    with KeptRehearsal(workspace, {{}}, {{}}).announced({environ!r}):
        KeptRehearsal.find(workspace.root, {environ!r})
        os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", announce], env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    (path,) = (tmp_path / "beanpod/rehearsals").iterdir()
    path.write_text(path.read_text().replace('"process": ', f'"process": {os.getpid()}, "before": '))
    with pytest.raises(UsageError, match="is running: start one with"):
        KeptRehearsal.find(tmp_path, environ)


def run_status(root: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "beanpod", "status", "--rehearsal"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
