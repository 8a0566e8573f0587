"""A GitHub repository on this machine: act runs the deploy workflow of each push to main.

act (https://nektosact.com) evaluates the workflow and runs its steps on this machine, without containers, as your user,
with your PATH and proxies, but without your AWS and Docker credentials. `python tools/github.py FOLDER` is the
repository's post-receive hook.

Actions that install what this machine has (checkout, Node, Python, Buildx) or use what only GitHub has (its cache,
OpenID Connect) are replaced by one that does nothing; any other action is an error. Virtual environments that a step
creates with the Python of `actions/setup-python` have the packages of this environment, so that nothing is downloaded.
GitHub environments, their reviewers and secrets, concurrency and timeouts have no effect. An interrupted push kills the
step that runs; GitHub interrupts it first. act may lose what a step prints in the instant before it fails.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_REPOSITORY = "beanpod/guestbook"
_MAIN = "refs/heads/main"
_WORKFLOW = ".github/workflows/deploy.yaml"
# git points a hook to its repository by variables that its own git commands must not see.
_HOOK = """\
#!/bin/sh
unset GIT_DIR GIT_QUARANTINE_PATH
exec {python} -P {script} {folder}
"""
COMMITTER = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Beanpod"), ("EMAIL", "beanpod@example.org"))
}
# What they set up is on this machine already (Node, Python, Buildx, the checkout), or on GitHub only (its cache).
_REPLACED_ACTIONS = frozenset({
    "actions/checkout", "actions/setup-node", "actions/setup-python", "actions/github-script",
    "docker/setup-buildx-action", "aws-actions/configure-aws-credentials",
})  # fmt: skip
_REPLACEMENT = """\
name: Replacement
outputs:
  python-path:
    value: {python}
runs:
  using: composite
  steps:
    - name: Replacement
      shell: sh
      run: ":"
"""
# A virtual environment made by this Python has this environment's packages, so that pip has nothing to download.
_PYTHON = """\
#!/bin/sh
{python} "$@" || exit
for last; do :; done
case "$1 $2" in "-m venv") cd "$last"/lib/python*/site-packages && echo {packages} > this_machine.pth ;; esac
"""
# Access keys come from the repository's secrets only; proxies and certificates from this machine.
_NOT_INHERITED = re.compile(r"AWS_|GITHUB_|GIT_|DOCKER_(?:USERNAME|PASSWORD)$|BEANPOD_EMULATOR_TOKEN$")
_SHOWN_LINES = 40
_MARKS = {"success": "✓", "failure": "✗"}


@dataclass
class Run:
    """A run of the workflow.

    Attributes:
        commit: The commit that was pushed.
        code: Exit code of act: 0 if no job failed.
        jobs: "success" or "failure" by job id; a job that was skipped is absent.
        outputs: Outputs by name of a job's steps, by "JOB.STEP".
        log: Everything that the steps printed, their annotations included; secrets are masked.
        summary: What the steps wrote to the job summary.
    """

    commit: str
    code: int = 0
    jobs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""
    summary: str = ""


@dataclass(frozen=True)
class Repository:
    """A repository with secrets, variables and a runner.

    Attributes:
        folder: Folder of origin.git, the secrets, the variables and the runs.
    """

    folder: Path

    @classmethod
    def make(
        cls, folder: Path, *, environment: Mapping[str, str], actions: Mapping[str, Path] | None = None
    ) -> "Repository":
        """Create an empty repository.

        Args:
            folder: Where to create it.
            environment: Variables of the runner, on top of this machine's.
            actions: Git repositories on this machine of actions that a workflow uses, by "OWNER/NAME".
        """
        repository = cls(folder)
        for name in ("secrets", "variables", "runs", "replacement"):
            (folder / name).mkdir(parents=True, mode=0o700)
        (folder / "environment.json").write_text(json.dumps(dict(environment)))
        (folder / "actions.json").write_text(json.dumps({name: str(path) for name, path in (actions or {}).items()}))
        python = _write_program(
            folder / "python", _PYTHON, python=sys.executable, packages=sysconfig.get_path("purelib")
        )
        (folder / "replacement/action.yml").write_text(_REPLACEMENT.format(python=json.dumps(str(python))))
        git(folder / "replacement", "init", "--quiet")
        git(folder / "replacement", "add", "--all")
        git(folder / "replacement", "commit", "--quiet", "--message", "Replacement")
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
        _write_program(
            repository.origin / "hooks/post-receive", _HOOK, python=sys.executable, script=__file__, folder=folder
        )
        return repository

    @property
    def origin(self) -> Path:
        """The path that `git clone` and `git push` take."""
        return self.folder / "origin.git"

    @property
    def secrets(self) -> dict[str, str]:
        """Secrets by name."""
        return {file.name: file.read_text() for file in (self.folder / "secrets").iterdir()}

    @property
    def variables(self) -> dict[str, str]:
        """Variables by name."""
        return {file.name: file.read_text() for file in (self.folder / "variables").iterdir()}

    def set_secret(self, name: str, value: str) -> None:
        """Set a secret, readable by the owner of the files only."""
        path = self.folder / "secrets" / name
        path.touch(mode=0o600)
        path.write_text(value)

    def set_variable(self, name: str, value: str) -> None:
        """Set a variable."""
        (self.folder / "variables" / name).write_text(value)

    def runs(self) -> list[Run]:
        """Return the finished runs, the oldest first."""
        records = sorted((self.folder / "runs").glob("*/run.json"), key=lambda path: int(path.parent.name))
        return [Run(**json.loads(record.read_text())) for record in records]

    def run_workflow(self, commit: str, *, event: str = "push", branch: str = "main", **payload: Any) -> Run:
        """Run the jobs that an event on a branch starts, and print their steps.

        Args:
            commit: Commit of origin.git to check out.
            event: Name of the event.
            branch: Branch of the commit.
            payload: The event's payload, such as `inputs` of a workflow_dispatch.

        Raises:
            ValueError: The workflow uses an action that this machine has no replacement for.
        """
        folder = self.folder / "runs" / str(len(list((self.folder / "runs").iterdir())) + 1)
        (folder / "home").mkdir(parents=True)
        git(folder, "clone", "--quiet", str(self.origin), "checkout")
        git(folder / "checkout", "checkout", "--quiet", "-B", branch, commit)
        files = {
            "secret-file": self.secrets,
            "var-file": self.variables,
            "eventpath": {"ref": f"refs/heads/{branch}", **payload},
        }
        for name, content in files.items():
            (folder / name).with_suffix(".yaml").touch(mode=0o600)
            (folder / name).with_suffix(".yaml").write_text(json.dumps(content))
        inherited = {name: value for name, value in os.environ.items() if not _NOT_INHERITED.match(name)}
        environment = inherited | json.loads((self.folder / "environment.json").read_text())
        command = [
            "act", event, "--json", "--no-cache-server", f"--directory={folder / 'checkout'}",
            f"--workflows={folder / 'checkout' / _WORKFLOW}", "--platform=ubuntu-24.04=-self-hosted",
            *(f"--{name}={folder / name}.yaml" for name in files),
            f"--env-file={os.devnull}", f"--input-file={os.devnull}",
            f"--actor={environment.get('GITHUB_ACTOR', 'beanpod')}",
            f"--env=GITHUB_REPOSITORY={_REPOSITORY}",
            # act has a home of its own; and without DOCKER_HOST it would choose a Docker engine itself.
            *(f"--env={name}={environment.get(name, '')}" for name in ("HOME", "DOCKER_HOST")),
            *(f"--local-repository={action}={path}" for action, path in self._actions(folder / "checkout")),
        ]  # fmt: skip
        own = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), str(folder / "home"))
        run = _follow(command, environment | own | {"ACT_DISABLE_VERSION_CHECK": "1"}, Run(commit))
        (folder / "log").write_text(run.log)
        (folder / "run.json").write_text(json.dumps(asdict(run)))
        return run

    def _actions(self, checkout: Path) -> list[tuple[str, Path]]:
        """Return the actions that the workflow uses, as "OWNER/NAME@REF", and what runs in their place."""
        local = json.loads((self.folder / "actions.json").read_text())
        files = [checkout / _WORKFLOW, *(Path(folder, "action.yml") for folder in (checkout, *local.values()))]
        text = "\n".join(path.read_text() for path in files if path.exists())
        used = sorted(set(re.findall(r"^[ -]*uses: ([\w-]+/[\w./-]+@\S+)", text, re.MULTILINE)))
        found = {action: local.get(action.partition("@")[0], self.folder / "replacement") for action in used}
        known = _REPLACED_ACTIONS | set(local)
        if unknown := [action for action in used if action.partition("@")[0] not in known]:
            raise ValueError(f"the workflow uses {', '.join(unknown)}, which this machine has no replacement for")
        return [(action, Path(path)) for action, path in found.items()]


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it prints.

    Raises:
        subprocess.CalledProcessError: git failed.
    """
    command = ["git", *arguments]
    environment = {**os.environ, **COMMITTER}
    return subprocess.run(  # noqa: S603
        command, cwd=folder, env=environment, text=True, capture_output=True, check=True
    ).stdout


def _write_program(path: Path, text: str, **values: object) -> Path:
    path.write_text(text.format(**{name: shlex.quote(str(value)) for name, value in values.items()}))
    path.chmod(0o755)
    return path


def _follow(command: list[str], environment: Mapping[str, str], run: Run) -> Run:
    """Run act, print the steps as they end, and collect their results and output."""
    printed: list[str] = []
    composite: set[tuple[str, ...]] = set()
    with subprocess.Popen(  # noqa: S603
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            for line in process.stdout or ():
                _note(line, run, printed, composite)
        except BaseException:
            process.terminate()  # act ends the step that runs.
            raise
    run.code = process.returncode
    for text in () if run.jobs else printed:
        _say(text)
    return run


def _note(line: str, run: Run, printed: list[str], composite: set[tuple[str, ...]]) -> None:
    """Take in one line of act's log."""
    try:
        record = json.loads(line)
    except ValueError:
        record = {"msg": line, "raw_output": True}
    job, step = str(record.get("jobID", "")), tuple(record.get("stepID", ()))
    composite.add((job, *step[:-1]))
    if record.get("raw_output") or record.get("level") == "error":
        printed.append(record.get("raw", record["msg"]).rstrip("\n"))
        run.log += f"{printed[-1]}\n"
    elif "raw" in record:
        run.log += record["raw"]
    elif record.get("command") == "set-output" and len(step) == 1:
        run.outputs.setdefault(f"{job}.{step[0]}", {})[record["name"]] = record["arg"]
    elif record.get("command") == "summary" and len(step) == 1:
        run.summary += record["content"]
    elif "jobResult" in record:
        run.jobs[job] = record["jobResult"]
        _say(f"{_MARKS[run.jobs[job]]} {record['job'].partition('/')[2].strip()}")
        for text in printed[-_SHOWN_LINES:] if run.jobs[job] == "failure" else ():
            _say(f"    {text}")
    elif (job, *step) not in composite and (found := re.search(r" Main (?!Replacement|\S+@)(.+) \[", record["msg"])):
        _say(f"  {_MARKS[record['stepResult']]} {found[1]}  {record['executionTime'] / 1e9:.0f} s")
        if record["stepResult"] == "success":
            printed.clear()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def main(folder: str) -> int:
    """Run the workflow for each push to main that git reports on standard input; 1 if a job failed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    repository = Repository(Path(folder))
    pushed = [line.split() for line in sys.stdin]
    commits = [commit for _, commit, reference in pushed if reference == _MAIN and commit.strip("0")]
    try:
        return max((repository.run_workflow(commit).code for commit in commits), default=0)
    except ValueError as error:
        _say(f"error: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
