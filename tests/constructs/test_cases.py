"""CDK apps that use the constructs: each is synthesised, or is refused with the name of the argument."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

CASES = Path(__file__).parents[1] / "cases/cdk"


def run(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run an app in this process, and give what it prints."""
    runpy.run_path(str(CASES / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out


def test_the_environment_waits_for_its_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert "DefaultRoute" in run("order_of_creation", capsys)


def test_an_override_by_position_stays_with_its_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("escape_hatch_shifts", capsys).strip() == "[('ELBScheme', 'internal')]"


def test_an_app_for_a_named_account_needs_no_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("env_no_credentials", capsys) == ""


def test_every_slip_is_named_in_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run("type_slips", capsys).splitlines()
    names = ["vpc", "database_engine", 'secrets["X"]', 'environment["PORT"]', "domain", "instance_types[0]"]
    assert len(lines) == len(names)
    for number, (line, name) in enumerate(zip(lines, names, strict=True)):
        assert f"Shop/S{number}: {name} must be " in line
        assert ": write " in line


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("enum_as_string", 'environment_type must be .* got "loadbalanced": write EnvironmentType.LOAD_BALANCED'),
        ("no_path_to_database", "port must be 3306, the only one that its security group lets in, got 5432"),
        ("internal_load_balancer", "load_balancer_subnets must be public .* load_balancer_scheme=LoadBalancerScheme"),
        ("instance_role_construct", r"instance_role must be an iam.IRole, got InstanceRole Shop/Role: write its .role"),
    ],
)
def test_what_cannot_be_meant_is_refused(capsys: pytest.CaptureFixture[str], name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        run(name, capsys)


def app_of(name: str) -> App:
    """The app that a case makes."""
    app: App = runpy.run_path(str(CASES / f"{name}.py"), run_name="__main__")["app"]
    return app


def test_two_services_share_githubs_provider() -> None:
    stacks = [template["Resources"] for template in templates(app_of("two_github_services")).values()]
    kinds = [resource["Type"] for resources in stacks for resource in resources.values()]
    assert kinds.count("AWS::IAM::OIDCProvider") == 1
    assert kinds.count("AWS::ElasticBeanstalk::Environment") == 2


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
