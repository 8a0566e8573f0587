"""This repository's workflows, read and run by tests."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.cli.output.runner import read_file_command
from tests.waiting import SECONDS
from tools.github import Repository, Run, git

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / ".github/workflows/deploy.yaml"
CHECK = ROOT / ".github/workflows/check.yaml"
PAGES = ROOT / ".github/workflows/pages.yaml"
RELEASE = ROOT / ".github/workflows/release.yaml"
ACTION = ROOT / "action.yml"
FILES = (DEPLOY, CHECK, RELEASE, PAGES, ACTION)


def load(path: Path) -> dict[str, Any]:
    """Read a workflow or an action. PyYAML reads the key `on` as True."""
    read: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in read.items()}


def steps_of(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every step of a workflow or of a composite action."""
    for job in document.get("jobs", {"": document.get("runs", {})}).values():
        yield from job["steps"]


def step_of(steps: list[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The step of that name."""
    (found,) = (step for step in steps if step.get("name") == name)
    return found


@dataclass(frozen=True)
class Ran:
    """What a step did: its exit code, everything it printed, its outputs and its summary."""

    code: int
    printed: str
    outputs: dict[str, str]
    summary: str


@dataclass(frozen=True)
class WorkflowRunner:
    """Runs the command of one step, as actions/runner does.

    Attributes:
        workspace: Folder of the checkout.
        files: Folder of the runner's own files.
        variables: Environment of the command.
    """

    workspace: Path
    files: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def start(self, step: Mapping[str, Any], variables: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
        """Start the step's command; kill what is left of it at the end. ScriptHandlerHelpers.cs of actions/runner."""
        for name in ("output", "summary"):
            (self.files / name).write_text("")
        (self.files / "step.sh").write_text(step["run"])
        options = ["--noprofile", "--norc", "-e", "-o", "pipefail"] if step.get("shell") == "bash" else ["-e"]
        process = subprocess.Popen(
            ["bash", *options, str(self.files / "step.sh")],
            cwd=self.workspace,
            env=self._environment(variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def run(self, step: Mapping[str, Any], variables: Mapping[str, str] | None = None) -> Ran:
        """Run the step to its end. variables: in the place of its `env`."""
        with self.start(step, variables or {}) as process:
            printed, _ = process.communicate(timeout=SECONDS)
        outputs = read_file_command((self.files / "output").read_text())
        return Ran(process.returncode, printed, outputs, (self.files / "summary").read_text())

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        files = {"GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary", "RUNNER_TEMP": ""}
        runner = {name: str(self.files / file) for name, file in files.items()}
        return {**plain, "CI": "true", "GITHUB_ACTIONS": "true", **runner, **self.variables, **variables}


@dataclass(frozen=True)
class RecordedWorkflow:
    """deploy.yaml and action.yml in a repository of their own, run by act; `beanpod deploy` only records calls."""

    repository: Repository

    @classmethod
    def make(cls, folder: Path, *, workflow: str | None = None) -> "RecordedWorkflow":
        """Create the repository. workflow: in the place of deploy.yaml."""
        (folder / "bin").mkdir(parents=True)
        _program(folder / "bin/npm", 'case "$*" in "$NPM_FAILS") exit 1; esac\n')
        environment = {
            "PATH": f"{folder / 'bin'}:{ROOT / '.venv/bin'}:{os.environ['PATH']}",
            "CALLS": str(folder / "calls"),
            "NPM_FAILS": "nothing",
        }
        repository = Repository.make(folder / "github", environment=environment)
        (repository.origin / "hooks/post-receive").unlink()
        (folder / "recorder").write_text(f"#!{sys.executable}\n{_RECORDER}")
        (folder / "recorder").chmod(0o755)
        _program(repository.folder / "python", _PYTHON.format(recorder=folder / "recorder"))
        clone = folder / "clone"
        git(folder, "clone", "--quiet", str(repository.origin), "clone")
        files = {
            ".github/workflows/deploy.yaml": workflow or DEPLOY.read_text(),
            "action.yml": ACTION.read_text(),
            "service/package.json": "{}",
        }
        for name, text in files.items():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_text(text)
        git(clone, "checkout", "--quiet", "-b", "main")
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message", "Record")
        git(clone, "push", "--quiet", "origin", "main")
        return cls(repository)

    def set_environment(self, **variables: str) -> None:
        """Add variables of the runner."""
        file = self.repository.folder / "environment.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | variables))

    def run(self, event: str = "push", *, branch: str = "main", **payload: Any) -> Run:
        """Run the jobs that an event starts."""
        return self.repository.run_workflow("main", event=event, branch=branch, **payload)

    def calls(self) -> list[dict[str, Any]]:
        """Arguments and environment of the deploy command's calls."""
        file = self.repository.folder.parent / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


_RECORDER = """\
import json, os, sys
with open(os.environ["CALLS"], "a") as calls:
    print(json.dumps({"arguments": sys.argv[4:], "environment": dict(os.environ)}), file=calls)
sys.exit(int(os.environ.get("DEPLOY_CODE", "0")))
"""
# A virtual environment whose `python -P -m beanpod` records its calls, and nothing to install.
_PYTHON = """\
for last; do :; done
case "$2" in venv) mkdir -p "$last/bin" && ln -s {recorder} "$last/bin/python" ;; esac
"""


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
