"""Apps of people who use the constructs: each runs as it stands, or is refused by name."""

import runpy
from pathlib import Path

import pytest

CASES = Path(__file__).parents[1] / "cases/cdk"


def run(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run an app in this process, and give what it prints."""
    runpy.run_path(str(CASES / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out


def test_the_environment_waits_for_its_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert "DefaultRoute" in run("order_of_creation", capsys)


def test_an_override_by_position_stays_with_its_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("escape_hatch_shifts", capsys).strip() == "[('ELBScheme', 'internal')]"


def test_an_app_for_a_known_account_wants_no_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("env_no_credentials", capsys) == ""


def test_every_slip_is_named_in_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run("type_slips", capsys).splitlines()
    names = ["vpc", "database_engine", 'secrets["X"]', 'environment["PORT"]', "certificate", "instance_types[0]"]
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
