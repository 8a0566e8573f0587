"""check.yaml: a pull request's code never meets a secret, and its difference arrives as it is."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.workflows.workflow import CHECK, ROOT, Ran, RecordedWorkflow, WorkflowRunner, load, step_of

WORKFLOW = load(CHECK)
COMMENT = step_of(WORKFLOW["jobs"]["comment"]["steps"], "Comment")
COMPARE = step_of(WORKFLOW["jobs"]["diff"]["steps"], "Compare")
SYNTHESISED = ("app.py", "beanpod.toml", "cdk.json", "stacks")


def test_no_secret_and_no_other_trigger_is_named() -> None:
    assert set(WORKFLOW["on"]) == {"pull_request"}
    assert "secrets." not in CHECK.read_text()


def test_the_job_that_may_write_runs_nothing_of_the_pull_request() -> None:
    assert [set(step) - {"name", "env"} for step in WORKFLOW["jobs"]["comment"]["steps"]] == [{"run"}]


@pytest.mark.parametrize(("repository", "comments"), [("beanpod/guestbook", True), ("eve/guestbook", False)])
def test_a_fork_gets_no_comment(repository: str, comments: bool, tmp_path: Path) -> None:
    job = {**WORKFLOW["jobs"]["comment"], "steps": [{"run": ":"}]}
    del job["needs"]
    workflow = json.dumps({"on": "pull_request", "jobs": {"comment": job}})
    event = {"number": 7, "head": {"repo": {"full_name": repository}, "ref": "topic"}, "base": {"ref": "main"}}
    recorded = RecordedWorkflow.make(tmp_path, workflow=workflow)
    run = recorded.run("pull_request", pull_request=event)
    assert (list(run.jobs), run.code) == (["comment"] if comments else [], 0)


_BOT = "github-actions[bot]"


@pytest.mark.parametrize(
    ("present", "asked"),
    [
        ([], ["--method", "POST", "{issues}/7/comments"]),
        # That of another workflow, such as one of coverage, and of another service.
        ([f"{_BOT} ## Coverage", f"{_BOT} <!-- beanpod shop -->\n## I"], ["--method", "POST", "{issues}/7/comments"]),
        ([f"{_BOT} <!-- beanpod -->\n## I", f"{_BOT} ## Coverage"], ["--method", "PATCH", "{issues}/comments/1"]),
        # Its author could change what it says.
        (["mallory <!-- beanpod -->\n## I"], ["--method", "POST", "{issues}/7/comments"]),
    ],
)
def test_the_comment_is_the_text_and_no_command(present: list[str], asked: list[str], tmp_path: Path) -> None:
    # GitHub cannot be reached from here: what is shown is what `gh` is asked for.
    recorder = tmp_path / "gh"
    recorder.write_text(
        f"#!{sys.executable}\nimport json, re, sys\n"
        "if '--jq' in sys.argv:\n"
        '    (start,) = re.findall(r\'login == "(.*)" and .*startswith\\("(.*)"\\)\\)\\) \\| \\.id$\', sys.argv[-1])\n'
        f"    own = (n for n, it in enumerate({present}, 1) if it.startswith(' '.join(start)))\n"
        "    sys.exit(print(*own, sep='\\n'))\n"
        f"json.dump([sys.argv[1:], sys.stdin.read()], open({str(tmp_path / 'asked')!r}, 'w'))\n"
    )
    recorder.chmod(0o755)
    difference = '## Infrastructure\n\n`$(touch hacked)` "$HOME" \'\n::error::x'
    assert COMMENT["env"]["DIFF"] == "${{ needs.diff.outputs.diff }}"
    assert COMMENT["env"]["NUMBER"] == "${{ github.event.pull_request.number }}"
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_REPOSITORY": "ada/guestbook"}
    given = {"NUMBER": "7", "DIFF": difference, "MARKER": COMMENT["env"]["MARKER"]}
    ran = WorkflowRunner(tmp_path, tmp_path, variables).run(COMMENT, given)
    assert ran.code == 0, ran.printed
    arguments, body = json.loads((tmp_path / "asked").read_text())
    place = [word.replace("{issues}", "repos/ada/guestbook/issues") for word in asked]
    assert arguments == ["api", *place, "--silent", "--field", "body=@-"]
    assert body == f"<!-- beanpod -->\n{difference}\n"


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The step run for real, for a pull request that renames a variable."""
    head = tmp_path_factory.mktemp("head")
    base = head / "build/base"
    for root in (head, base):
        root.mkdir(parents=True, exist_ok=True)
        for name in SYNTHESISED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, root / name)
        (root / ".venv").symlink_to(ROOT / ".venv")
    manifest = re.sub(r"\[stages\.prod.*", "", (ROOT / "beanpod.toml").read_text(), flags=re.DOTALL)
    (base / "beanpod.toml").write_text(manifest)
    (head / "beanpod.toml").write_text(manifest.replace("DATABASE_ADDRESS", "DATABASE_PLACE"))
    # tests/test_app.py applies AWS's rules for templates to the same stacks.
    return WorkflowRunner(head, tmp_path_factory.mktemp("runner"), {"CDK_VALIDATION": "false"}).run(COMPARE)


def test_the_difference_is_an_output_and_in_the_summary(compared: Ran) -> None:
    assert compared.code == 0, compared.printed
    assert compared.outputs["diff"] == compared.summary.rstrip("\n")
    assert compared.summary.startswith("## Infrastructure\n\n- **dev**: changed guestbook-dev-service\n")


def test_the_difference_shows_what_changes(compared: Ran) -> None:
    assert re.search(r'\[-\] +"OptionName": "DATABASE_ADDRESS"', compared.summary)
    assert re.search(r'\[\+\] +"OptionName": "DATABASE_PLACE"', compared.summary)
