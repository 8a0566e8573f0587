"""Reads workflows and runs their steps as GitHub's runner does: the commands themselves, read from the file."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from beanpod_emulator.github.expressions import Contexts, condition, interpolated

_ENDING_SECONDS = 7.5
_OUTPUT = re.compile(
    r"^(?:(?P<several>[\w-]+)<<(?P<end>\S+)\n(?P<lines>.*?)^(?P=end)|(?P<name>[\w-]+)=(?P<value>[^\n]*))$",
    re.MULTILINE | re.DOTALL,
)


def load(path: Path) -> dict[str, Any]:
    """A workflow or an action; YAML's `on` is a word here, not a truth."""
    read: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in read.items()}


def jobs_that_run(workflow: Mapping[str, Any], contexts: Contexts, failing: str = "") -> list[str]:
    """The jobs that an event starts, where `failing` is the one that fails."""
    results: dict[str, str] = {}
    for name, job in workflow["jobs"].items():
        runs = job_runs(job, contexts, results)
        results[name] = ("failure" if name == failing else "success") if runs else "skipped"
    return [name for name, result in results.items() if result != "skipped"]


def job_runs(job: Mapping[str, Any], contexts: Contexts, results: Mapping[str, str]) -> bool:
    """Whether a job runs. results: of the jobs before it."""
    needed = {other: {"result": results[other]} for other in _needs(job)}
    success = all(before["result"] == "success" for before in needed.values())
    return condition(str(job.get("if", "")), {**contexts, "needs": needed}, success=success)


def _needs(job: Mapping[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else needs


def environment_of(step: Mapping[str, Any], contexts: Contexts) -> dict[str, str]:
    """A step's own variables."""
    return {name: interpolated(str(value), contexts) for name, value in step.get("env", {}).items()}


@dataclass(frozen=True)
class Ran:
    """What a step did: its exit code, everything it printed, its outputs and its summary."""

    code: int
    printed: str
    outputs: dict[str, str]
    summary: str


@dataclass(frozen=True)
class Runner:
    """Runs steps in a workspace. files: a folder of the runner's own. variables: what else the commands find."""

    workspace: Path
    files: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def start(self, step: Mapping[str, Any], contexts: Contexts) -> Iterator[subprocess.Popen[str]]:
        """The step's command, in the shell that the runner takes; ScriptHandlerHelpers.cs of actions/runner."""
        script = self.files / "step.sh"
        script.write_text(step["run"])
        options = ["--noprofile", "--norc", "-e", "-o", "pipefail"] if step.get("shell") == "bash" else ["-e"]
        process = subprocess.Popen(  # noqa: S603
            ["bash", *options, str(script)],  # noqa: S607
            cwd=self.workspace / step.get("working-directory", ""),
            env=self._environment(step, contexts),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)

    def run(self, step: Mapping[str, Any], contexts: Contexts, *, seconds: float = 120) -> Ran:
        """Run the step to its end."""
        with self.start(step, contexts) as process:
            printed, _ = process.communicate(timeout=seconds)
        outputs = parse_outputs((self.files / "output").read_text())
        return Ran(process.returncode, printed, outputs, (self.files / "summary").read_text())

    def _environment(self, step: Mapping[str, Any], contexts: Contexts) -> dict[str, str]:
        own = {"GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary"}
        for name in own.values():
            (self.files / name).write_text("")
        plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        runner = {name: str(self.files / file) for name, file in own.items()}
        fixed = {"CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(self.files)}
        return {**plain, **fixed, **runner, **self.variables, **environment_of(step, contexts)}


def _end(process: "subprocess.Popen[str]") -> None:
    """End a step that runs, with everything it started; it is asked first, as GitHub does."""
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=_ENDING_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def parse_outputs(text: str) -> dict[str, str]:
    """What a step wrote to GITHUB_OUTPUT: `name=value`, or a value of many lines between delimiters."""
    outputs = {}
    for found in _OUTPUT.finditer(text):
        name, value, several, lines = found.group("name", "value", "several", "lines")
        outputs[name or several] = value if name else lines.removesuffix("\n")
    return outputs
