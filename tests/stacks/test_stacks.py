"""The stacks of a stage: what is where, what may be removed, and that every checker passes."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from aws_cdk import App, assertions
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint

from beanpod.manifest import Manifest
from stacks import add_stage
from tests.constructs.databases import TUNED, made
from tests.stacks.conftest import ROOT, Stage, synthesise, validated_app, write_manifest
from tools.picture import cards, main

StageOf = Callable[..., Stage]
PRODUCTION = ("production", "mariadb", "zone")


@cache
def cfn_lint_findings(template: str) -> list[str]:
    """What cfn-lint finds in a template, which several stages may share."""
    return [str(match) for match in lint(template)]


def test_cfn_lint_finds_nothing(stage: Stage) -> None:
    findings = [
        f"{part}: {finding}"
        for part, template in stage.templates.items()
        for finding in cfn_lint_findings(json.dumps(template))
    ]
    # RDS takes a major version and chooses the minor one; the rule knows only full versions.
    assert [finding for finding in findings if not re.search(r"\[[EW]3691.*'(8\.4|11\.4|17)'", finding)] == []


def test_awss_rules_hold_for_a_database_with_every_option() -> None:
    made(app=validated_app(), **TUNED)


def nag_findings(stage: Stage) -> list[tuple[str, str]]:
    return [
        (violation.rule_name, str(resource.construct_path))
        for violation in AwsSolutionsChecks(stage.app).validate_scope(stage.app).violations
        for resource in violation.violating_resources
    ]


def test_cdk_nag_finds_nothing_that_is_not_acknowledged_with_a_reason(stage: Stage) -> None:
    assert nag_findings(stage) == []


def test_logical_ids_of_what_holds_data_never_change(stage_of: StageOf) -> None:
    stage = stage_of(*PRODUCTION)
    stateful = ("AWS::RDS::DBInstance", "AWS::SecretsManager::Secret", "AWS::S3::Bucket", "AWS::IAM::AccessKey")
    found = {
        part: sorted(name for kind in stateful for name in stage.resources(part, kind)) for part in stage.templates
    }
    assert found == {
        "network": [],
        "database": ["DatabaseInstanceAA8A5FDE", "DatabaseSecret3B817195"],
        "service": ["SecretSESSIONKEYBFFC3B39"],
        "delivery": ["Artifacts80C0BB10", "DeployUserAccessKey8EEED7C5", "DeployUserSecretAA5A5AAA"],
    }


def test_the_stack_that_holds_data_is_protected_in_production_only(stage_of: StageOf) -> None:
    protected = {stack.stack_name: stack.termination_protection for stack in stage_of(*PRODUCTION).stacks}
    assert [name for name, on in protected.items() if on] == ["guestbook-test-database"]
    assert not any(stack.termination_protection for stack in stage_of("small", "mysql").stacks)


def test_no_template_names_a_version_or_a_solution_stack(stage: Stage) -> None:
    (environment,) = stage.resources("service", "AWS::ElasticBeanstalk::Environment").values()
    assert not {"VersionLabel", "SolutionStackName"} & set(environment["Properties"])


@pytest.mark.parametrize(("domain", "records"), [("zone", 2), ("elsewhere", 0)])
def test_a_domain_is_in_the_url_the_alarm_and_the_records_or_an_output(
    stage_of: StageOf, domain: str, records: int
) -> None:
    stage = stage_of("production", "mariadb" if domain == "zone" else "none", domain)
    outputs = stage.templates["service"]["Outputs"]
    assert outputs["Url"]["Value"] == "https://shop.example.com"
    assert ("DnsRecord" in outputs) == (records == 0)
    assert len(stage.resources("service", "AWS::Route53::RecordSet")) == records
    (alarm,) = stage.resources("service", "AWS::CloudWatch::Alarm").values()
    assert alarm["Properties"]["AlarmDescription"].startswith("The environment of https://shop.example.com is Degraded")


def test_an_internal_load_balancer_is_in_private_subnets_and_open_to_some_only(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "production", "none")
    manifest.write_text(
        manifest.read_text()
        + """
[stages.test.network]
allow_from = ["10.0.0.0/8", "2001:db8::/32", "pl-01234567", "sg-01234567"]
[stages.test.environment.load_balancer]
scheme = "internal"
idle_timeout_seconds = 300
stickiness_cookie_duration_seconds = 3600
access_logs_bucket = "my-logs"
[stages.test.environment.health_check]
interval_seconds = 30
healthy_http_codes = "200-299"
"""
    )
    stage = synthesise(manifest)
    (environment,) = stage.resources("service", "AWS::ElasticBeanstalk::Environment").values()
    options = {row["OptionName"]: row["Value"] for row in environment["Properties"]["OptionSettings"]}
    assert options["ELBSubnets"] == options["Subnets"]
    wanted = {"ELBScheme": "internal", "AccessLogsS3Bucket": "my-logs", "MatcherHTTPCode": "200-299"}
    wanted |= {"IdleTimeout": "300", "StickinessLBCookieDuration": "3600", "HealthCheckInterval": "30"}
    assert wanted.items() <= options.items()
    groups = stage.resources("network", "AWS::EC2::SecurityGroup").values()
    assert "0.0.0.0/0" not in str([group["Properties"].get("SecurityGroupIngress") for group in groups])
    assert nag_findings(stage) == []


def test_no_stack_has_a_lambda_function_or_custom_resource(stage: Stage) -> None:
    types = {resource["Type"] for template in stage.templates.values() for resource in template["Resources"].values()}
    assert not {name for name in types if "Lambda" in name or "Custom" in name}


def test_a_stage_without_a_database_has_no_database_stack(stage_of: StageOf) -> None:
    assert set(stage_of("production", "none", "elsewhere").templates) == {"network", "service", "delivery"}


def test_the_cdks_own_metadata_is_no_database_stack(tmp_path: Path) -> None:
    # The CDK CLI's default: it sets this unless it is run with --no-version-reporting.
    app = App(context={"aws:cdk:version-reporting": True})
    add_stage(app, Manifest.read(write_manifest(tmp_path, "small", "none")))
    resources = {stack.stack_name: stack.template.get("Resources") for stack in app.synth().stacks}
    assert [name for name, found in resources.items() if not found] == ["guestbook-test-database"]
    assert all("CDKMetadata" in found for found in resources.values() if found)


def test_templates_are_the_same_every_time(tmp_path: Path, stage_of: StageOf) -> None:
    assert synthesise(write_manifest(tmp_path, "small", "mysql")).templates == stage_of("small", "mysql").templates


def test_the_environment_waits_for_its_instances_permissions(stage_of: StageOf) -> None:
    template = assertions.Template.from_stack(stage_of("small", "mysql").stacks[2])
    (environment,) = template.find_resources("AWS::ElasticBeanstalk::Environment").values()
    policies = template.find_resources("AWS::IAM::Policy")
    assert set(policies) & set(environment["DependsOn"])


def test_the_session_of_githubs_role_lasts_as_long_as_a_rollout_and_its_rollback(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "production", "none")
    tables = (
        'delivery = { user = false, github = { repository = "ada/shop", branch = "main" } }\n'
        'environment = { deployment_policy = "TrafficSplitting", evaluation_minutes = 60 }\n'
    )
    manifest.write_text(manifest.read_text() + tables)
    roles = synthesise(manifest).resources("delivery", "AWS::IAM::Role").values()
    assert [role["Properties"]["MaxSessionDuration"] for role in roles] == [3 * 3600]


def test_the_picture_has_a_card_for_every_part_that_costs_or_protects(stage: Stage) -> None:
    named = {f"guestbook-test-{part}": template for part, template in stage.templates.items()}
    titles = [card.title for card in cards(named).values()]
    groups = len(stage.resources("network", "AWS::EC2::SecurityGroup"))
    assert titles.count("Security group") == groups
    assert titles.count("Beanstalk environment") == 1
    assert titles.count("RDS instance") == int("database" in stage.templates)


def test_the_committed_picture_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    main(str(tmp_path / "drawn.svg"))
    committed = (ROOT / "docs/architecture.svg").read_text(encoding="utf-8")
    assert (tmp_path / "drawn.svg").read_text(encoding="utf-8") == committed, "run: make picture"
