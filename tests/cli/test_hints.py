from pathlib import Path

import pytest

from beanpod.cli.hints import completed
from beanpod.cli.parser import Options

LOGS = "details: the deployment log in the console, or `beanpod logs`"
STACKS = "run `beanpod cdk deploy --all -c stage=dev` first"


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        (Options("deploy"), LOGS, "`beanpod logs`"),
        (Options("deploy", stage="prod"), LOGS, "`beanpod logs --stage prod`"),
        (Options("deploy", rehearsal=True), LOGS, "`beanpod logs --rehearsal`"),
        (Options("deploy", manifest=Path("my app/beanpod.toml")), LOGS, "logs --manifest 'my app/beanpod.toml'`"),
        (Options("status", stage="prod"), "run `beanpod deploy`", "run `beanpod deploy --stage prod`"),
        (Options("status"), "run `beanpod deploy --stage dev`", "run `beanpod deploy --stage dev`"),
        (Options("deploy", stage="prod"), "`beanpod rollback`", "`beanpod rollback --stage prod`"),
        # A rehearsal passes on the errors of its own `beanpod deploy --stage prod`.
        (Options("rehearse", stage="prod"), "`beanpod logs --stage prod`", "`beanpod logs --rehearsal`"),
        (Options("rehearse", stage="prod"), "`beanpod rehearse --keep`", "`beanpod rehearse --stage prod --keep`"),
        (Options("deploy", stage="dev"), STACKS, STACKS),
        (Options("secrets", stage="prod"), "`beanpod secrets --print`", "`beanpod secrets --stage prod --print`"),
        (
            Options("secrets", repository="me/shop", environment="prod"),
            "`beanpod secrets --print`",
            "`beanpod secrets --repo me/shop --env prod --print`",
        ),
        (Options("deploy", stage="prod"), "see `beanpod events`", "see `beanpod events --stage prod`"),
        (Options("deploy", stage="prod"), "`beanpod cdk deploy --all`", "`beanpod cdk deploy --all -c stage=prod`"),
        (Options("deploy", stage="prod"), STACKS, STACKS),
        (Options("diff", stage="prod"), "`beanpod cdk rollback a`", "`beanpod cdk rollback a -c stage=prod`"),
        (Options("deploy", rehearsal=True), STACKS, "start the rehearsal again"),
        (Options("deploy", stage="prod"), "`beanpod check` says what is missing", "`beanpod check` says"),
    ],
)
def test_a_command_that_a_message_names_can_be_pasted(options: Options, text: str, expected: str) -> None:
    assert expected in completed(text, options)


def test_stacks_are_deployed_in_the_folder_of_the_cdk_app(tmp_path: Path) -> None:
    options = Options("deploy", manifest=tmp_path / "beanpod.toml")
    assert completed(STACKS, options) == STACKS
    (tmp_path / "cdk.json").touch()
    assert completed(STACKS, options) == f"run `(cd {tmp_path} && beanpod cdk deploy --all -c stage=dev)` first"
