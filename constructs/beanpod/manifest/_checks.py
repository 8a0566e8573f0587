"""The rules of a stage: those that the constructs have too, by the manifest's keys, and those that only it knows."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beanpod.manifest._layers import OF_A_DOCKERFILE, PLAINTEXT, Tables, look_up
from beanpod.manifest._messages import KeyPath, nearest
from beanpod.manifest._models import DatabaseConfig, DatabasePassword, Domain, ImportedVpc, StageConfig
from beanpod.manifest._types import PLACEHOLDERS, has_stray_brace, placeholders
from beanpod.manifest.secret_like import looks_secret
from beanpod.rules.database import ENGINES, database_problems, version_problems
from beanpod.rules.environment import (
    DATABASE_VARIABLES,
    environment_problems,
    option_problems,
    platform_problems,
    variable_problems,
)
from beanpod.rules.github import github_problems
from beanpod.rules.limits import VARIABLE_NAME
from beanpod.rules.network import domain_problems, network_problems, vpc_problems, zone_problems
from beanpod.rules.option_keys import key_problems, override_problems, settings_of
from beanpod.rules.problem import Problem

Finding = tuple[KeyPath, str]


@dataclass(frozen=True)
class Case:
    """One stage to check.

    Attributes:
        stage: The stage, every setting resolved.
        written: What file and stage say, without the preset.
        own: What the stage's own table says.
        folder: The manifest's folder, to look for the files that it names; None to skip that.
    """

    stage: StageConfig
    written: Tables
    own: Tables
    folder: Path | None


def rule_problems(case: Case) -> Iterator[Finding]:
    """Return each key that breaks a rule, and what to write instead."""
    for check in _CHECKS:
        yield from check(case)


_TYPE = "environment.type"
_LOAD_BALANCED = f'{_TYPE} = "LoadBalanced"'
# Keys of another name or in another table than the construct's argument.
_KEYS: dict[str, KeyPath] = {
    "environment_type": ("environment", "type"),
    "health_check_path": ("service", "health_check_path"),
    "load_balancer_scheme": ("environment", "load_balancer", "scheme"),
    "database_name": ("database", "name"),
    "backup_retention": ("database", "backup_retention_days"),
    "domain": ("domain",),
    **{f"domain.{key}": ("domain", key) for key in Domain.model_fields},
}


def _shared(case: Case) -> Iterator[Finding]:
    """Apply the rules of the constructs."""
    stage, network, database = case.stage, case.stage.network, case.stage.database
    yield from _located("environment", environment_problems(_environment_values(stage)))
    options = ((it.namespace, it.name, it.resource_name) for it in stage.environment.options)
    yield from _located("environment", option_problems(options))
    pinned = None if stage.environment.platform == "latest" else stage.environment.platform
    updates = platform_problems(pinned, managed_updates=stage.environment.managed_updates is not None)
    yield from _located("environment", updates)
    counts = network_problems(
        max_azs=network.max_azs,
        nat_gateways=network.nat_gateways,
        private_instances=stage.environment.private_instances,
        own_vpc=network.vpc is not None,
    )
    yield from _located("network", counts)
    if network.vpc:
        kinds = {kind: bool(getattr(network.vpc, f"{kind}_subnet_ids")) for kind in ("public", "private", "isolated")}
        # Private instances without their subnets are a problem of their own.
        kinds["private"] |= stage.environment.private_instances
        problems = vpc_problems(**kinds, database=database is not None, internal=_is_internal(stage))
        yield from _located("network", problems)
        yield from _located(
            "network",
            zone_problems(
                "vpc.availability_zones",
                len(network.vpc.availability_zones),
                load_balancer=stage.environment.type == "LoadBalanced",
                database=database is not None,
            ),
        )
    if database:
        yield from _located("database", version_problems(database.engine, database.version))
        problems = database_problems(
            database.engine,
            database_name=database.name,
            username=database.username,
            allocated_storage=database.allocated_storage,
            max_allocated_storage=database.max_allocated_storage,
            backup_retention=database.backup_retention_days,
            instance_type=database.instance_type,
        )
        yield from _located("database", problems)
    if domain := stage.domain:
        yield from _located("environment", _domain_problems(stage, domain))
    for problem in variable_problems(_all_variables(stage), stage.secrets):
        yield tuple(problem.setting.split(".", 1)), _text(problem)
    if github := stage.delivery.github:
        problems = github_problems(repository=github.repository, branch=github.branch, environment=github.environment)
        yield from ((("delivery", "github", problem.setting), _text(problem)) for problem in problems)


def _is_internal(stage: StageConfig) -> bool:
    environment = stage.environment
    return environment.type == "LoadBalanced" and environment.load_balancer.scheme == "internal"


def _domain_problems(stage: StageConfig, domain: Domain) -> Iterator[Problem]:
    return domain_problems(
        name=domain.name,
        aliases=domain.aliases,
        hosted_zone=domain.hosted_zone is not None,
        zone_name=domain.hosted_zone.name if domain.hosted_zone else None,
        certificate=domain.certificate is not None,
        certificate_arn=domain.certificate,
        region=stage.region,
    )


def _environment_values(stage: StageConfig) -> dict[str, Any]:
    values = stage.environment.model_dump()
    kind, scaling, updates = (values.pop(name) for name in ("type", "scaling", "managed_updates"))
    # The defaults are for percent of CPU.
    thresholds = {"lower_threshold", "upper_threshold"} - stage.environment.scaling.model_fields_set
    balancer, check = values.pop("load_balancer"), values.pop("health_check")
    scheme = balancer.pop("scheme")
    return {
        **values,
        **{f"scaling.{key}": value for key, value in scaling.items() if key not in thresholds},
        **{f"managed_updates.{key}": value for key, value in (updates or {}).items()},
        **{f"load_balancer.{key}": value for key, value in balancer.items() if value is not None},
        **{f"health_check.{key}": value for key, value in check.items() if value is not None},
        "load_balancer_scheme": scheme,
        "environment_type": kind,
        "health_check_path": stage.service.health_check_path,
        "domain": stage.domain,
    }


def _located(table: str, problems: Iterable[Problem]) -> Iterator[Finding]:
    for problem in problems:
        name, _, place = problem.setting.removesuffix("]").partition("[")
        key = _KEYS.get(name, (table, *name.split(".")))
        yield (*key, int(place)) if place else key, _text(problem)


def _text(problem: Problem) -> str:
    text = ": ".join(filter(None, (problem.must, problem.remedy)))
    text = text.replace("managed_updates=None", 'managed_updates = { level = "none" }')
    return text.replace('set environment_type to "LoadBalanced"', _LOAD_BALANCED).replace("environment_type", _TYPE)


def _build(case: Case) -> Iterator[Finding]:
    service = case.stage.service
    if service.dockerfile and service.compose:
        yield ("service", "compose"), "service.dockerfile is given as well: write one of the two"
    for key in OF_A_DOCKERFILE if service.compose else ():
        if getattr(service, key):
            yield ("service", key), "the compose file has it in the build of each service: write it there"
    for name, value in service.args.items():
        if not re.fullmatch(VARIABLE_NAME, name):
            words = "not a name of a build argument: write letters, digits and underscores, a letter first"
            yield ("service", "args", name), words
        elif reason := looks_secret(name, value):
            words = (
                f"looks like a secret, {reason}, and everybody who may pull the image can read it: leave it out, "
                "and read it from [secrets] while the container runs"
            )
            yield ("service", "args", name), words
    for key in ("dockerfile", "compose") if case.folder else ():
        file = getattr(service, key)
        # os.path takes a name of any length and content for a file that is not there; pathlib raises.
        if file and not os.path.isfile(os.path.join(str(case.folder), file)):
            yield ("service", key), "no such file: write its path from the folder of the manifest"


def _domain(case: Case) -> Iterator[Finding]:
    domain = case.stage.domain
    if domain and domain.redirects_http and not case.stage.service.compose:
        words = "with a Dockerfile nginx on the instance redirects: leave it out, or write service.compose"
        yield ("domain", "redirects_http"), words


_TABLES = {
    "aws:elasticbeanstalk:application:environment": "[variables]",
    "aws:elasticbeanstalk:application:environmentsecrets": "[secrets]",
}


def _options(case: Case) -> Iterator[Finding]:
    values, options = _environment_values(case.stage), case.stage.environment.options
    found: set[Problem] = set()
    for place, option in enumerate(options):
        key = ("environment", "options", place)
        if table := _TABLES.get(option.namespace):
            yield key, f"{option.namespace} has a table: write it in {table}"
        for problem in key_problems(option.namespace, option.name):
            yield key, f"{option.namespace} {option.name} {_text(problem)}"
        others, _ = settings_of({(it.namespace, it.name): it.value for it in options if it is not option})
        for problem in override_problems(option.namespace, option.name, option.value, {**values, **others}):
            # Two options that do not fit each other are one problem.
            if problem not in found:
                yield key, f"{option.namespace} {option.name}: {problem}"
            found.add(problem)


def _database(case: Case) -> Iterator[Finding]:
    database = case.stage.database
    if database and case.stage.preset == "production" and database.backup_retention_days == 0:
        words = 'the production preset keeps backups: write 1 to 35, or preset = "small"'
        yield ("database", "backup_retention_days"), words
    if database and database.compose_service and not case.stage.service.compose:
        yield ("database", "compose_service"), "there is no compose file: leave it out, or write service.compose"


def _network(case: Case) -> Iterator[Finding]:
    network, environment = case.stage.network, case.stage.environment
    if environment.private_instances and environment.type == "SingleInstance":
        words = f"a single instance is reached at its own address: write false, or {_LOAD_BALANCED}"
        yield ("environment", "private_instances"), words
    elif environment.private_instances and not network.vpc and not network.nat_gateways:
        words = (
            "private instances reach Docker Hub through a NAT gateway: write 1 or 2, "
            "or environment.private_instances = false"
        )
        yield ("network", "nat_gateways"), words
    if vpc := network.vpc:
        if environment.private_instances and not vpc.private_subnet_ids:
            words = "needed, since environment.private_instances is true: write the subnets' ids"
            yield ("network", "vpc", "private_subnet_ids"), words
        only_private = bool(vpc.private_subnet_ids) and not vpc.public_subnet_ids
        if _is_internal(case.stage) and only_private and not environment.private_instances:
            words = "the VPC has no public subnets: write true, or network.vpc.public_subnet_ids"
            yield ("environment", "private_instances"), words
        region = case.stage.region
        if region and any(zone[:-1] != region for zone in vpc.availability_zones):
            words = f"the stage's region is {region}: write zones of that region"
            yield ("network", "vpc", "availability_zones"), words
        yield from _subnets(vpc)


def _subnets(vpc: ImportedVpc) -> Iterator[Finding]:
    zones = len(vpc.availability_zones)
    seen: dict[str, str] = {}
    for name in ("public_subnet_ids", "private_subnet_ids", "isolated_subnet_ids"):
        key, subnets = ("network", "vpc", name), getattr(vpc, name)
        # The CDK assigns the subnets to the zones in turn.
        if len(subnets) % zones:
            yield key, f"{len(subnets)} subnets do not fit {zones} zones: write as many in each zone, in order"
        for subnet in subnets:
            if subnet in seen:
                yield key, f"{subnet} is in {seen[subnet]} as well: write it in one of them"
            seen[subnet] = name


# https://docs.docker.com/compose/how-tos/environment-variables/envvars/: read from `.env`, which Beanstalk writes.
_OF_COMPOSE = ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME")


def _variables(case: Case) -> Iterator[Finding]:
    stage = case.stage
    names = [*(("variables", name) for name in stage.variables), *(("secrets", name) for name in stage.secrets)]
    for section, name in names:
        if stage.database and name in DATABASE_VARIABLES:
            yield (section, name), "set from the database: leave it out, or choose another name"
        if stage.service.compose and name in _OF_COMPOSE:
            yield (section, name), "Docker Compose on the instance would run another project by it: leave it out"
        if section == "secrets" and isinstance(stage.secrets[name], DatabasePassword) and stage.database is None:
            yield (section, name), f"needs a database: write [database], or {_otherwise(case, section, name, 'it')}"
    for name, value in stage.variables.items():
        for words in _value_problems(case, name, value):
            yield ("variables", name), words


def _value_problems(case: Case, name: str, value: str) -> Iterator[str]:
    names = placeholders(value)
    reason = looks_secret(name, value) if "database.password" not in names else None
    if reason and not isinstance(look_up(case.written, ("variables", name)), dict):
        yield f"looks like a secret, {reason}: {_secret_remedy(case, name)}"
    if has_stray_brace(value):
        yield 'a single brace: write it twice, "{{" or "}}"'
    for placeholder in names:
        if placeholder not in PLACEHOLDERS:
            yield _unknown_placeholder(placeholder)
        elif case.stage.database is None:
            otherwise = _otherwise(case, "variables", name, "the variable")
            yield f"{{{placeholder}}} needs a database: write [database], or {otherwise}"


def _otherwise(case: Case, section: str, name: str, what: str) -> str:
    """Return what to do with a variable of a stage without a database: no key of a stage can leave one out."""
    shared = case.own and look_up(case.own, (section, name)) is None
    return "move it to the stages that have one" if shared else f"leave {what} out"


def _secret_remedy(case: Case, name: str) -> str:
    """Return where to write a secret: one of the stage's own table in the stage's own table."""
    of_stage = look_up(case.own, ("variables", name)) is not None
    table = f"[stages.{case.stage.name}.secrets]" if of_stage else "[secrets]"
    place = f"{case.stage.service.name}/{case.stage.name}" if of_stage else case.stage.service.name
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return (
        "store it in Systems Manager as a SecureString and write "
        f'{name} = {{ ssm = "/{place}/{key}" }} under {table}; '
        f'if everybody may read it, write {name} = {{ {PLAINTEXT} = "..." }} here'
    )


def _unknown_placeholder(placeholder: str) -> str:
    if placeholder == "database.password":
        return 'passwords are secrets: write NAME = { database = "password" } under [secrets], or read RDS_PASSWORD'
    guess = nearest(placeholder, PLACEHOLDERS)
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    return f"unknown placeholder {{{placeholder[:40]}}}: write {f'{{{guess}}}' if guess else f'one of {known}'}"


# The longest address of an RDS instance: its identifier, the account's 12 characters, region and domain.
_LONGEST_HOST = "h" * (63 + 1 + 12 + 1 + len("ap-northeast-1") + len(".rds.amazonaws.com.cn"))


def _all_variables(stage: StageConfig) -> dict[str, str]:
    """Return the variables with those of the database, placeholders at their longest."""
    database = _longest_values(stage.database) if stage.database else {}
    known = {name: text for name, text in stage.variables.items() if set(placeholders(text)) <= set(PLACEHOLDERS)}
    values = dict.fromkeys((name.removeprefix("database.") for name in PLACEHOLDERS), "-") | database
    rendered = stage.model_copy(update={"variables": known}).render_variables(values)
    return {**stage.variables, **rendered, **dict(zip(DATABASE_VARIABLES, database.values(), strict=False))}


def _longest_values(database: DatabaseConfig) -> dict[str, str]:
    port = str(ENGINES[database.engine].port)
    return {"host": _LONGEST_HOST, "port": port, "name": database.name, "username": database.username}


_CHECKS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    _build,
    _shared,
    _domain,
    _options,
    _database,
    _network,
    _variables,
)
