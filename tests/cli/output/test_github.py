from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beanpod.cli.output.display import Failure
from beanpod.cli.output.github import command, file_entry
from beanpod.deploy.report import EnvironmentEvent, Outcome, Phase, Status
from tests.cli.output.runner import ActionsRunner, read_file_command
from tests.cli.output.shown import Shown
from tests.deploy.clocks import START

# Text that tries to be a command.
HOSTILE = st.lists(
    st.sampled_from(
        ["::", "##[", "]", "error", "add-mask", "stop-commands", "endgroup", "%0A", "%", "\n", "\r", " ", ":"]
    )
    | st.text(max_size=5),
    max_size=12,
).map("".join)


class Step(Shown):
    """A step in a workflow: what it printed, and the files it was given."""

    def __init__(self, folder: Path | None = None, **variables: str) -> None:
        files = {"GITHUB_OUTPUT": f"{folder}/output", "GITHUB_STEP_SUMMARY": f"{folder}/summary"} if folder else {}
        super().__init__("github", variables | files)

    def obeyed(self) -> ActionsRunner:
        return ActionsRunner().read(self.out.getvalue())

    def outputs(self) -> dict[str, str]:
        return read_file_command(Path(self.environ["GITHUB_OUTPUT"]).read_text())

    def summary(self) -> str:
        return Path(self.environ["GITHUB_STEP_SUMMARY"]).read_text()


# The runner trims what stands at the end of the properties.
@example(data="100 %\r\nof it", value="a:b,c%")
@given(data=st.text(), value=st.text(min_size=1).filter(lambda text: text == text.strip()))
def test_workflow_command_preserves_any_text(data: str, value: str) -> None:
    obeyed = ActionsRunner().read(command("error", data, title=value))
    assert obeyed.commands == [("error", {"title": value}, data)]
    assert obeyed.text == []


@given(values=st.dictionaries(st.sampled_from(["url", "image", "health"]), HOSTILE))
def test_output_file_preserves_any_value(values: dict[str, str]) -> None:
    assert read_file_command("".join(file_entry(*item) for item in values.items())) == values


@given(line=HOSTILE, printed=HOSTILE, message=HOSTILE)
def test_text_is_never_taken_for_a_workflow_command(line: str, printed: str, message: str) -> None:
    step = Step()
    with step.display, step.display.phase(Phase.BUILD):
        step.display.say(line)
        step.display.output(printed)
        step.display.warn(message)
        step.display.event(EnvironmentEvent(START, "INFO", message))
        step.display.status(Status(line, printed))
    obeyed = step.obeyed()
    assert [name for name, _, _ in obeyed.commands] == ["group", "warning", "endgroup"]
    assert obeyed.stopped_by is None


def test_phase_is_a_group() -> None:
    step = Step()
    with step.display, step.display.phase(Phase.BUILD):
        step.clock.sleep(35)
        step.display.output("Step 1/3 : FROM node")
    obeyed = step.obeyed()
    assert [(name, data) for name, _, data in obeyed.commands] == [("group", "Build"), ("endgroup", "")]
    assert obeyed.text == ["| Step 1/3 : FROM node", "Build: done in 35 s"]


def test_failure_is_one_annotation_with_its_causes() -> None:
    step = Step()
    with pytest.raises(ValueError, match="x"), step.display, step.display.phase(Phase.ROLL_OUT):
        raise ValueError("x")
    step.display.fail(Failure("app-1 failed:\n  - mend it", 5, ("disk full", "i-1: 100%"), rolled_back=True))
    assert step.obeyed().commands[-1] == (
        "error",
        {"title": "Deployment failed and rolled back"},
        "app-1 failed:\n  - mend it\ndisk full\ni-1: 100%",
    )
    assert len(step.obeyed().named("error")) == 1


@pytest.mark.parametrize(
    ("failure", "title"),
    [(Failure("x", 6), "Deployment failed"), (Failure("x", 130), "Deployment interrupted")],
)
def test_annotation_has_a_title_for_each_kind_of_failure(failure: Failure, title: str) -> None:
    step = Step()
    step.display.fail(failure)
    assert step.obeyed().commands == [("error", {"title": title}, "x")]


def test_annotation_is_shortened_to_githubs_limit() -> None:
    step = Step()
    step.display.fail(Failure("long " * 2000, 1))
    assert len(step.obeyed().named("error")[0]) == 4000


def test_outputs_describe_the_release(tmp_path: Path) -> None:
    step = Step(tmp_path)
    answered = "GET http://app/health answered 200"
    released = Outcome("app-1", "me/app:1@sha256:77", "sha256:77", "app-0", "http://app", "Ok", answered, changed=True)
    step.display.finish(released)
    assert step.outputs() == {
        "version-label": "app-1",
        "image": "me/app:1@sha256:77",
        "digest": "sha256:77",
        "previous-version": "app-0",
        "url": "http://app",
        "health": "Ok",
        "health-path": answered,
        "changed": "true",
        "rolled-back": "false",
    }


def test_outputs_of_an_early_failure_exist_and_are_empty(tmp_path: Path) -> None:
    step = Step(tmp_path)
    step.display.fail(Failure("x", 2))
    outputs = step.outputs()
    assert (outputs.pop("changed"), outputs.pop("rolled-back")) == ("false", "false")
    assert set(outputs.values()) == {""}


def test_summary_has_phases_warnings_and_events(tmp_path: Path) -> None:
    step = Step(tmp_path)
    with step.display.phase(Phase.BUILD):
        step.clock.sleep(35)
        step.display.warn("no |previous| version")
    step.display.event(EnvironmentEvent(START, "INFO", "```\n</details><img src=x>"))
    step.display.finish(Outcome("app-1", "me/app:1", changed=True))
    assert step.summary() == "\n".join(
        [
            "### Deployed app-1, after 35 s",
            "",
            "- Image me/app:1",
            r"- Warning: no \|previous\| version",
            "",
            "| Phase | Time | |",
            "| --- | ---: | --- |",
            "| Build | 35 s |  |",
            "",
            "<details><summary>Events of the environment</summary>",
            "",
            "````",
            "12:31:04 INFO  ``` </details><img src=x>",
            "````",
            "",
            "</details>",
            "",
        ]
    )


def test_summary_of_a_failure_has_its_causes(tmp_path: Path) -> None:
    step = Step(tmp_path)
    with pytest.raises(ValueError, match="x"), step.display.phase(Phase.ROLL_OUT):
        raise ValueError("x")
    step.display.fail(Failure("app-1 failed", 6, ("<b>disk</b> full",)))
    assert step.summary().splitlines()[:3] == ["### app-1 failed", "", r"- \<b\>disk\</b\> full"]
    assert "| Roll out | 0.0 s | failed |" in step.summary()


def test_no_secret_is_printed_for_masking() -> None:
    """The output may go to a file, which is no log: `beanpod check > report.txt`."""
    step = Step()
    step.display.mask("hunter22")
    step.display.output("hunter22")
    assert "hunter22" not in step.out.getvalue()


def test_file_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    step = Step(GITHUB_OUTPUT=str(tmp_path))
    step.display.finish(Outcome("app-1"))
    assert step.obeyed().named("warning") == ["GITHUB_OUTPUT cannot be written: Is a directory"]
