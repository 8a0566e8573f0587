"""action.yml: what another repository gets with a few lines."""

import re
from pathlib import Path

import pytest
import yaml

from beanpod.deploy.report import Outcome
from tests.cli.output.runner import read_file_command
from tests.cli.output.shown import Shown
from tests.workflows.workflow import ACTION, DEPLOY, ROOT, Ran, WorkflowRunner, load, step_of

DOCUMENT = load(ACTION)
STEPS = DOCUMENT["runs"]["steps"]
DEPLOYMENT = step_of(STEPS, "Deploy")
REPOSITORY = {"beanpod.toml": '[service]\nname = "x"\n', "deploy/__init__.py": 'raise SystemExit("not this one")\n'}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Another repository, with a folder `deploy` of its own, where the action has installed what it needs."""
    for name, text in REPOSITORY.items():
        (tmp_path / "workspace" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "workspace" / name).write_text(text)
    (tmp_path / "beanpod").symlink_to(ROOT / ".venv")
    return tmp_path


def deployed(elsewhere: Path, *, manifest: str = "beanpod.toml", stage: str = "") -> Ran:
    variables = {"PYTHONPATH": str(ROOT / "constructs"), "MANIFEST": manifest, "STAGE": stage}
    return WorkflowRunner(elsewhere / "workspace", elsewhere).run(DEPLOYMENT, variables)


def test_outputs_are_those_that_the_script_writes(tmp_path: Path) -> None:
    written = tmp_path / "output"
    Shown("github", {"GITHUB_OUTPUT": str(written)}).display.finish(Outcome("label"))
    names = set(read_file_command(written.read_text()))
    assert {name: about["value"] for name, about in DOCUMENT["outputs"].items()} == {
        name: f"${{{{ steps.deploy.outputs.{name} }}}}" for name in names
    }


def test_every_input_is_used() -> None:
    assert set(re.findall(r"inputs\.([\w-]+)", str(STEPS))) == set(DOCUMENT["inputs"])


def test_the_example_gives_inputs_that_there_are() -> None:
    comment = "\n".join(line[2:] for line in ACTION.read_text().splitlines() if line.startswith("#     "))
    (step,) = yaml.safe_load(comment)
    assert set(step["with"]) <= set(DOCUMENT["inputs"])
    assert set(re.findall(r"secrets\.(\w+)", comment)) == set(re.findall(r"secrets\.(\w+)", DEPLOY.read_text()))


def test_keys_reach_the_script_alone() -> None:
    secret = r"inputs\.(aws-access|aws-secret|docker)"
    used = {match[0] for match in re.finditer(rf"{secret}[\w-]+", str(DEPLOYMENT["env"]))}
    assert used == {f"inputs.{name}" for name in DOCUMENT["inputs"] if re.match(secret, f"inputs.{name}")}
    assert len(used) == 4
    assert not re.search(secret, str([step for step in STEPS if step is not DEPLOYMENT]))


def test_role_is_assumed_only_where_it_is_given() -> None:
    step = step_of(STEPS, "Assume the role")
    assert step["if"] == "inputs.aws-role != ''"
    # In the environment of the whole job the role's credentials would be those of the builds and of later steps too.
    assert (step["with"]["output-credentials"], step["with"]["output-env-credentials"]) == (True, False)


def test_workflow_gives_inputs_that_there_are() -> None:
    for job in ("dev", "prod"):
        step = step_of(load(DEPLOY)["jobs"][job]["steps"], "Deploy")
        assert step["uses"] == "./"
        assert set(step["with"]) == set(DOCUMENT["inputs"]) - {"manifest"}


def test_another_repositorys_own_folder_deploy_is_not_the_script(elsewhere: Path) -> None:
    ran = deployed(elsewhere)
    assert ran.code == 2, ran.printed
    assert "::error title=Deployment failed::beanpod.toml: " in ran.printed
    assert (ran.outputs["changed"], ran.outputs["rolled-back"]) == ("false", "false")


def test_manifest_and_stage_arrive_whole(elsewhere: Path) -> None:
    (elsewhere / "workspace/two words").mkdir()
    manifest = elsewhere / "workspace/two words/shop.toml"
    manifest.write_text((ROOT / "beanpod.toml").read_text())
    (manifest.parent / "service").symlink_to(ROOT / "service")
    ran = deployed(elsewhere, manifest="two words/shop.toml", stage='no "such" $(stage)')
    assert ran.code == 2, ran.printed
    assert 'no "such" $(stage)' in ran.printed
