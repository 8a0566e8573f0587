"""CDK apps as their users write them."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

CASES = Path(__file__).parents[1] / "cases/cdk"


def app_of(name: str) -> App:
    """The app that a case makes."""
    app: App = runpy.run_path(str(CASES / f"{name}.py"), run_name="__main__")["app"]
    return app


@pytest.mark.parametrize("variables", [{}, {"GH": "1"}, {"MYSQL": "1"}, {"STACKS": "Shop,Blog"}], ids=str)
def test_the_app_of_the_readme_is_synthesised(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert set(templates(app_of("readme_app"))) == set(variables.get("STACKS", "Shop").split(","))


@pytest.fixture(scope="module")
def multi_stack() -> dict[str, Any]:
    return templates(app_of("multi_stack"))


@pytest.mark.parametrize(
    "variables",
    [{"NAT": "0"}, {"NAT": "0", "LB": "0"}, {"NAT": "0", "LB": "0", "DATA": "0"}],
    ids=["no NAT gateway", "no load balancer", "no database"],
)
def test_no_change_of_a_network_removes_what_another_stack_imports(
    monkeypatch: pytest.MonkeyPatch, multi_stack: dict[str, Any], variables: dict[str, str]
) -> None:
    before = exports(multi_stack)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert before <= exports(templates(app_of("multi_stack")))


def test_no_export_blocks_the_replacement_of_a_database(multi_stack: dict[str, Any]) -> None:
    service = json.dumps(multi_stack["shop-svc"])
    assert '"Fn::GetStackOutput": {"StackName": "shop-data"' in service
    assert "shop-data:Exports" not in service


def templates(app: App) -> dict[str, Any]:
    return {stack.stack_name: stack.template for stack in app.synth().stacks}


def exports(stacks: dict[str, Any]) -> set[str]:
    """Return the names of the exports of the network's stack."""
    outputs = stacks["shop-net"]["Outputs"].values()
    return {output["Export"]["Name"] for output in outputs if "Export" in output}
