"""What the change of each key of the manifest does: by AWS's resource schemas, and as the key's description says.

Each key is changed in a stage that is deployed on the emulator, whose change sets follow the schemas. A new key needs a
sentence of its effect in its description and, if its type suggests no other value, a value to try here.
"""

import json
import tempfile
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from aws_cdk.cx_api import CloudAssembly
from pydantic.fields import FieldInfo

from beanpod.cli.change_sets import Account, ResourceChange, assembled_stacks, stack_changes
from beanpod.cli.effects import effects, is_replaced
from beanpod.manifest import Manifest, StageConfig
from beanpod.manifest._layers import with_value
from beanpod.manifest._problems import sections_in
from beanpod.manifest._types import Section
from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients
from stacks import add_stage
from tests.manifests import toml
from tests.permissions import problems, statements
from tests.stacks.changing import deploy_assembly
from tests.stacks.conftest import validated_app

Key = tuple[str, ...]

# As descriptions name what is removed or replaced.
NAMES = {
    "AWS::EC2::VPC": "the VPC",
    "AWS::RDS::DBInstance": "the database",
    "AWS::ElasticBeanstalk::Environment": "the environment",
    "AWS::ElasticBeanstalk::Application": "the application",
    "AWS::S3::Bucket": "the bucket",
    "AWS::IAM::User": "the user",
    "AWS::IAM::AccessKey": "the access key",
    "AWS::SecretsManager::Secret": "the secret",
}

# In the place of ids of what the emulator has.
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0000-1111-2222-333344445551"
OTHER_CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0000-1111-2222-333344445552"
ZONE = {"name": "example.com", "id": "Z0123456789ABC"}
DOMAIN = {"name": "shop.example.com", "hosted_zone": ZONE}
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:{}-AbCd12"
GITHUB = {"repository": "ada/shop", "branch": "main"}
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
VPC: dict[str, Any] = {
    "vpc_id": "vpc-12345678",
    "availability_zones": ["us-east-1a", "us-east-1b"],
    "public_subnet_ids": ["subnet-11111111", "subnet-22222222"],
    "private_subnet_ids": ["subnet-33333333", "subnet-44444444"],
    "isolated_subnet_ids": ["subnet-55555555", "subnet-66666666"],
}
BASE: dict[str, Any] = {
    "preset": "production",
    "service": {"name": "shop", "image": "ada/shop"},
    "database": {"engine": "mysql"},
}
# What a stage has where a key needs others. As few stages as can be: each is deployed, which takes a second or two.
MORE: dict[str, Any] = {
    "secrets": {
        "A": {"generate": 32},
        "B": {"secretsmanager": SECRET.format("a")},
        "C": {"ssm": "/shop/a"},
    },
    "environment": {
        "deployment_policy": "TrafficSplitting",
        "managed_updates": {"level": "none"},
        "scaling": {"lower_threshold": 1, "upper_threshold": 5},
        "load_balancer": {"access_logs_bucket": "logs"},
    },
    "delivery": {"github": GITHUB},
}
WITH_COMPOSE: dict[str, Any] = {
    "domain": {**DOMAIN, "name": "app.example.com"},
    "service": {**BASE["service"], "compose": "compose.yaml"},
}
WITH_CERTIFICATE = {"domain": {"name": "shop.example.com", "certificate": CERTIFICATE}}
# What a stage has before a key is changed, besides BASE.
GIVEN: dict[str, dict[str, Any]] = {
    "domain.": {"domain": DOMAIN},
    "domain.certificate": WITH_CERTIFICATE,
    "domain.hosted_zone": WITH_CERTIFICATE,
    "domain.redirects_http": WITH_COMPOSE,
    "secrets.": MORE,
    "network.vpc.": {"network": {"vpc": VPC}},
    "environment.scaling.measure": MORE,
    "environment.load_balancer.access_logs_prefix": MORE,
    "environment.batch_size": {"environment": {"deployment_policy": "Rolling"}},
    "environment.traffic_split_percent": MORE,
    "environment.evaluation_minutes": MORE,
    "environment.managed_updates": MORE,
    "environment.managed_updates.": {},
    "environment.platform": MORE,
    "database": {"database": None},
    "database.compose_service": WITH_COMPOSE,
    "delivery.github.": MORE,
    "delivery.github.environment": {
        "delivery": {"github": {"repository": "ada/shop", "environment": "prod", "provider_arn": PROVIDER}}
    },
}
# Another value of a key whose type suggests none.
VALUES: dict[str, Any] = {
    "account": "123456789012",
    "region": "eu-central-1",
    "allow_replacement": ["database"],
    "service.name": "store",
    "service.image": "ada/store",
    "service.dockerfile": "app/Dockerfile",
    "service.context": "app",
    "service.args": {"MODE": "fast"},
    "service.target": "runtime",
    "service.compose": "compose.yaml",
    "service.health_check_path": "/up",
    "domain": DOMAIN,
    "domain.name": "store.example.com",
    "domain.aliases": ["www.example.com"],
    "domain.hosted_zone": ZONE,
    "domain.hosted_zone.name": "shop.example.com",
    "domain.hosted_zone.id": "Z0123456789ABD",
    "domain.certificate": OTHER_CERTIFICATE,
    "variables": {"LOG_LEVEL": "debug"},
    "secrets": {"MAP_TOKEN": {"ssm": "/shop/map-token"}},
    "secrets.generate": {"A": {"generate": 40}},
    "secrets.database": {"C": {"database": "password"}},
    "secrets.secretsmanager": {"B": {"secretsmanager": SECRET.format("b")}},
    "secrets.field": {"B": {"secretsmanager": SECRET.format("a"), "field": "key"}},
    "secrets.ssm": {"C": {"ssm": "/shop/b"}},
    "network.vpc": VPC,
    "network.nat_gateways": 1,
    "network.allow_from": ["203.0.113.0/24"],
    "network.vpc.vpc_id": "vpc-87654321",
    "network.vpc.availability_zones": ["us-east-1c", "us-east-1d"],
    "network.vpc.public_subnet_ids": ["subnet-77777777", "subnet-88888888"],
    "network.vpc.private_subnet_ids": ["subnet-77777777", "subnet-88888888"],
    "network.vpc.isolated_subnet_ids": ["subnet-77777777", "subnet-88888888"],
    "environment.instance_types": ["t3.large"],
    "environment.scaling.period_minutes": 1,
    "environment.scaling.breach_duration_minutes": 10,
    "environment.platform": "4.13.7",
    "environment.managed_updates": {"level": "patch", "start": "Sun:03:00"},
    "environment.managed_updates.start": "Sun:03:00",
    "environment.options": [{"namespace": "aws:elasticbeanstalk:command", "name": "Timeout", "value": "900"}],
    "environment.deployment_policy": "Rolling",
    "environment.load_balancer.access_logs_bucket": "logs",
    "environment.load_balancer.access_logs_prefix": "shop",
    "environment.health_check.healthy_http_codes": "200-299",
    "database": BASE["database"],
    "database.version": "8.4.9",
    "database.instance_type": "m7g.large",
    "database.name": "other",
    "database.username": "keeper",
    "database.compose_service": "db",
    "delivery.github": GITHUB,
    "delivery.github.repository": "ada/store",
    "delivery.github.branch": "next",
    "delivery.github.environment": "dev",
    "delivery.github.provider_arn": PROVIDER,
    "delivery.stack": "Shop",
    "alarms.email": "ops@example.org",
}
NEW_STAGE = "Makes a new stage beside the old one."
UNCHANGED = ("Takes effect with the next release.", "Changes nothing that is deployed.")
# Elastic Beanstalk and RDS move nothing to another VPC. A preset sets many keys.
SPECIAL = {
    "network.vpc": "Fixed at creation.",
    "network.vpc.vpc_id": "Fixed at creation.",
    # An output of the stack, with which no resource changes.
    "service.image": "Takes effect with the next release.",
    "preset": "A change has the effect of each key whose default differs.",
}


def fields(section: type[Section], above: Key = ()) -> Iterator[tuple[Key, FieldInfo]]:
    """The keys of a table and of those in it, with their descriptions."""
    for name, field in section.model_fields.items():
        key, tables = (*above, name), list(sections_in(field.annotation))
        if key == ("name",):
            continue
        if not (tables and field.is_required()) and not isinstance(field.default, Section):
            yield key, field
        if get_origin(field.annotation) is not tuple:
            for table in tables:
                yield from fields(table, key)


KEYS = {".".join(key): field for key, field in fields(StageConfig)}


def written(name: str) -> dict[str, Any]:
    """The manifest of the stage before a key is changed."""
    places = [place for place in GIVEN if name == place or (place.endswith(".") and name.startswith(place))]
    more = GIVEN[max(places, key=len)] if places else {}
    return {key: value for key, value in {**BASE, **more}.items() if value is not None}


def changed(name: str) -> dict[str, Any]:
    """The manifest with another value of the key."""
    before, path = written(name), name.split(".")
    tables = json.loads(json.dumps(before))
    if path[0] == "secrets":
        return {**tables, "secrets": tables.get("secrets", {}) | VALUES[name]}
    place = tables
    for part in path[:-1]:
        place = place.setdefault(part, {})
    place[path[-1]] = VALUES[name] if name in VALUES else another(name, resolved(json.dumps(before)))
    return with_value(tables, tuple(path), None) if place[path[-1]] is None else tables


def another(name: str, stage: StageConfig) -> Any:
    value: Any = stage
    for part in name.split("."):
        value = getattr(value, part)
    choices = [it for it in literals(KEYS[name].annotation) if it != value]
    if choices:
        return choices[0]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    lowest = [it.ge for it in metadata(KEYS[name].annotation) if hasattr(it, "ge")]
    if value is None and lowest:
        return lowest[0] + 1
    pytest.fail(f"{name} has no other value to try: add one to VALUES in tests/stacks/test_every_key.py")


def literals(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif get_origin(annotation) in (typing.Annotated, typing.Union, types.UnionType):
        for inner in get_args(annotation):
            yield from literals(inner)


def metadata(annotation: Any) -> Iterator[Any]:
    """What annotates a type, such as its limits."""
    for it in getattr(annotation, "__metadata__", ()):
        yield from it.metadata if isinstance(it, FieldInfo) else (it,)
    for inner in get_args(annotation):
        yield from metadata(inner)


@cache
def manifest(document: str, stage: str = "test") -> Manifest:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "beanpod.toml")
        tables = {**json.loads(document), "stages": {stage: {}}}
        path.write_text(toml(tables), encoding="utf-8")
        return Manifest.read(path)


def resolved(document: str) -> StageConfig:
    return manifest(document).stage()


def synthesised(document: str, stage: str) -> CloudAssembly:
    app = validated_app()
    add_stage(app, manifest(document, stage))
    assembly = app.synth()
    templates = {stack.stack_name: stack.template for stack in assembly.stacks}
    assert [problem for statement in statements(templates) for problem in problems(statement)] == []
    return assembly


@dataclass
class Stages:
    """The stages that are deployed, each by its manifest."""

    clients: Clients
    account: Account
    ids: dict[str, str]
    deployed: dict[str, tuple[str, CloudAssembly]]

    def effects(self, before: str, after: str) -> str:
        """Say what a manifest does to a stage that is deployed with another one."""
        for placeholder, existing in self.ids.items():
            before, after = (document.replace(placeholder, existing) for document in (before, after))
        if before not in self.deployed:
            name = f"stage{len(self.deployed)}"
            self.deployed[before] = name, synthesised(before, name)
            deploy_assembly(self.clients, self.deployed[before][1])
        name, old = self.deployed[before]
        new = synthesised(after, name)
        places = [{stack.stack_name: stack.environment for stack in it.stacks} for it in (old, new)]
        if places[0] != places[1]:
            return NEW_STAGE
        templates = {stack.stack_name: stack.template for stack in old.stacks}
        differing = [stack.stack_name for stack in new.stacks if stack.template != templates[stack.stack_name]]
        stacks = [stack for stack in assembled_stacks(Path(new.directory)) if stack.name in differing]
        changes = stack_changes(stacks, self.account)
        return phrases([change for stack in changes for change in stack.resources]) if differing else "Unchanged."


def phrases(changes: list[ResourceChange]) -> str:
    """The effects of changes, as descriptions say them: "Replaces: the database. Restarts: the app."."""
    changed = [change for change in changes if change.action != "add"]
    removed = {change.type for change in changed if change.action == "remove"}
    replaced = {change.type for change in changed if is_replaced(change)}
    summaries = {effect.summary for change in changed for effect in effects(change)}
    instances = ["the instances"] if "replaces the instances" in summaries else []
    verbs = {
        "Removes": [NAMES[kind] for kind in NAMES if kind in removed],
        "Replaces": [NAMES[kind] for kind in NAMES if kind in replaced] + instances,
        "Restarts": [name for name in ("the database", "the app") if f"restarts {name}" in summaries],
    }
    return " ".join(f"{verb}: {', '.join(names)}." for verb, names in verbs.items() if names) or "Updates in place."


@pytest.fixture(scope="module")
def stages() -> Iterator[Stages]:
    with EmbeddedAws.start() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        clients = Clients(aws)
        yield Stages(clients, Account("us-east-1"), dict(existing(clients)), {})


def existing(clients: Clients) -> Iterator[tuple[str, str]]:
    """Make what the manifests refer to, and yield the ids in them with those of the emulator."""
    ec2 = clients("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    yield VPC["vpc_id"], vpc
    subnets = [subnet for kind in ("public", "private", "isolated") for subnet in VPC[f"{kind}_subnet_ids"]]
    for number, subnet in enumerate([*subnets, "subnet-77777777", "subnet-88888888"]):
        place = {"CidrBlock": f"10.9.{number}.0/24", "AvailabilityZone": VPC["availability_zones"][number % 2]}
        made = ec2.create_subnet(VpcId=vpc, **place)["Subnet"]["SubnetId"]
        # The first two are public.
        ec2.associate_route_table(RouteTableId=tables[number > 1], SubnetId=made)
        yield subnet, made
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=made, AllocationId=address)["NatGateway"]["NatGatewayId"]
    for table, way in zip(tables, ({"GatewayId": gateway}, {"NatGatewayId": nat}), strict=True):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **way)
    zone_id = zone(clients)
    yield ZONE["id"], zone_id
    for certificate in (CERTIFICATE, OTHER_CERTIFICATE):
        yield certificate, issued(clients, zone_id)


def zone(clients: Clients) -> str:
    """Make a hosted zone, until its id begins as those of AWS do."""
    for number in range(1000):
        made = clients("route53").create_hosted_zone(Name="example.com", CallerReference=str(number))["HostedZone"]
        if (name := made["Id"].rpartition("/")[2]).startswith("Z"):
            return str(name)
    raise AssertionError


def issued(clients: Clients, zone_id: str) -> str:
    """Request a certificate, and make the record that validates it."""
    acm = clients("acm")
    arn = acm.request_certificate(DomainName="shop.example.com", ValidationMethod="DNS")["CertificateArn"]
    record = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"][0]["ResourceRecord"]
    values = {"Name": record["Name"], "Type": "CNAME", "TTL": 300, "ResourceRecords": [{"Value": record["Value"]}]}
    batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": values}]}
    clients("route53").change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)
    return str(arn)


@pytest.mark.parametrize("name", sorted(KEYS, key=lambda key: json.dumps(written(str(key)))))
def test_the_description_says_what_a_change_does(stages: Stages, name: str) -> None:
    effect = stages.effects(json.dumps(written(name)), json.dumps(changed(name)))
    wanted = [SPECIAL[name]] if name in SPECIAL else UNCHANGED if effect == "Unchanged." else [effect]
    said = " ".join((KEYS[name].description or "").split())
    words = " or ".join(wanted)
    assert any(it in said for it in wanted), f"write into the description of {name} what its change does: {words}"
