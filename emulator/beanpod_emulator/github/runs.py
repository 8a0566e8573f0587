"""A run of the workflow: its jobs and steps, one after another, on a clone of what was pushed."""

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beanpod_emulator.github.expressions import Contexts, condition, interpolated
from beanpod_emulator.github.repository import Repository, git
from beanpod_emulator.github.workflow import Runner, job_runs, load

_WORKFLOW = ".github/workflows/deploy.yaml"
_CHECKOUT = "actions/checkout"
# What this machine has already, or does without: tools, Buildx with its cache, OpenID Connect.
_AT_HAND = (
    "actions/setup-node", "actions/setup-python", "actions/github-script", "docker/setup-buildx-action",
    "aws-actions/configure-aws-credentials",
)  # fmt: skip
# Credentials are the repository's secrets, whoever pushes; how this machine reaches the network is its own.
_NOT_THE_RUNNERS = re.compile(r"AWS_|GITHUB_|GIT_|DOCKER_(?:USERNAME|PASSWORD)$|BEANPOD_EMULATOR_TOKEN$")
_STEP_SECONDS = 900
_SHOWN_LINES = 40


@dataclass
class Job:
    """What a job came to. result: success, failure or skipped. outputs: of its steps, by their ids."""

    result: str = "success"
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass
class Run:
    """One run. number: its own, from 1. say: where its progress is told."""

    repository: Repository
    number: int
    commit: str
    say: Callable[[str], None]
    jobs: dict[str, Job] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Its checkouts, logs and record."""
        return self.repository.folder / "runs" / str(self.number)

    def run(self) -> bool:
        """Run the jobs that a push to main starts; whether none failed."""
        self._checkout("workflow")
        workflow = load(self.folder / "workflow" / _WORKFLOW)
        contexts = self._contexts()
        for name, job in workflow["jobs"].items():
            results = {before: done.result for before, done in self.jobs.items()}
            runs = job_runs(job, contexts, results)
            self.jobs[name] = self._run_job(name, job, contexts) if runs else Job("skipped")
            self._record()
        return all(job.result != "failure" for job in self.jobs.values())

    def _run_job(self, name: str, job: Mapping[str, Any], contexts: Contexts) -> Job:
        done = Job()
        env = {key: interpolated(str(value), contexts) for key, value in job.get("env", {}).items()}
        self.say(f"{job.get('name', name)}")
        for step in job["steps"]:
            known = {**contexts, "steps": {key: {"outputs": value} for key, value in done.outputs.items()}}
            if condition(str(step.get("if", "")), known, success=done.result == "success"):
                self._run_step(name, step, known, env, done)
        return done

    def _run_step(
        self, job: str, step: Mapping[str, Any], contexts: Contexts, env: Mapping[str, str], done: Job
    ) -> None:
        if uses := str(step.get("uses", "")):
            self._stand_in(job, uses.partition("@")[0])
            return
        files = self.folder / f"{job}-files"
        files.mkdir(exist_ok=True)
        runner = Runner(self.folder / job, files, {**self._variables(), **env})
        began = time.monotonic()
        ran = runner.run(step, contexts, seconds=_STEP_SECONDS)
        self._log(job, step, ran.printed)
        if "id" in step:
            done.outputs[step["id"]] = ran.outputs
        mark = "✗" if ran.code else "✓"
        self.say(f"  {mark} {step.get('name', step['run'])}  {time.monotonic() - began:.0f} s")
        if ran.code:
            done.result = "failure"
            for line in ran.printed.splitlines()[-_SHOWN_LINES:]:
                self.say(f"    {line}")

    def _stand_in(self, job: str, action: str) -> None:
        """Do what an action does."""
        if action == _CHECKOUT:
            self._checkout(job)
        elif action not in _AT_HAND:
            raise ValueError(f"{_WORKFLOW} uses {action}: nothing on this machine stands for it")

    def _checkout(self, name: str) -> None:
        git(self.repository.folder, "clone", "--quiet", str(self.repository.origin), str(self.folder / name))
        git(self.folder / name, "checkout", "--quiet", self.commit)

    def _contexts(self) -> dict[str, Any]:
        github = {"event_name": "push", "ref": "refs/heads/main", "sha": self.commit}
        repository = self.repository
        return {"github": github, "secrets": repository.secrets, "vars": repository.variables, "inputs": {}}

    def _variables(self) -> dict[str, str]:
        return {
            **_machines_own(os.environ),
            **self.repository.environment,
            "GITHUB_SHA": self.commit,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_RUN_NUMBER": str(self.number),
        }

    def _log(self, job: str, step: Mapping[str, Any], printed: str) -> None:
        with (self.folder / f"{job}.log").open("a") as log:
            log.write(f"## {step.get('name', step['run'])}\n{printed}\n")

    def _record(self) -> None:
        jobs = {name: {"result": job.result, "outputs": job.outputs} for name, job in self.jobs.items()}
        (self.folder / "record.json").write_text(json.dumps({"commit": self.commit, "jobs": jobs}))


def _machines_own(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not _NOT_THE_RUNNERS.match(name)}
