"""Rules between settings of one stage, except those of the network and of the variables."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from beanpod.manifest._engines import name_problem, username_problem, version_problem
from beanpod.manifest._environment import architecture
from beanpod.manifest._findings import Case, Finding, Rule
from beanpod.manifest._layers import OF_A_DOCKERFILE
from beanpod.manifest._network_rules import NETWORK_RULES
from beanpod.manifest._variable_rules import VARIABLE_RULES
from beanpod.manifest._wording import show
from beanpod.manifest.secret_like import looks_secret

_TYPE = ("environment", "type")
_MIN = ("environment", "min_size")
_MAX = ("environment", "max_size")
_POLICY = ("environment", "deployment_policy")
_DOCKERFILE = ("service", "dockerfile")
_COMPOSE = ("service", "compose")


def one_build_file(case: Case) -> Iterator[Finding]:
    if case.stage.service.dockerfile and case.stage.service.compose:
        yield Finding(_COMPOSE, "service.dockerfile is given as well: write one of the two", (_DOCKERFILE,))


def one_place_for_the_build(case: Case) -> Iterator[Finding]:
    service = case.stage.service
    for key in OF_A_DOCKERFILE if service.compose else ():
        if getattr(service, key):
            words = "the compose file has it in the build of each service: write it there"
            yield Finding(("service", key), words, (_COMPOSE,))


def build_arguments_have_names(case: Case) -> Iterator[Finding]:
    for name in case.stage.service.args:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            words = "no name of a build argument: write letters, digits and underscores, a letter first"
            yield Finding(("service", "args", name), words)


def build_arguments_are_no_secrets(case: Case) -> Iterator[Finding]:
    for name, value in case.stage.service.args.items():
        told = looks_secret(name, value)
        if told:
            words = (
                f"looks like a secret, {told}, and whoever may pull the image can read it there: leave it out, "
                "and read it from [secrets] while the container runs"
            )
            yield Finding(("service", "args", name), words)


def build_files_exist(case: Case) -> Iterator[Finding]:
    """Only where they are asked for: the infrastructure may be deployed where the app is not."""
    if case.folder is None:
        return
    service = case.stage.service
    for key, file in ((_DOCKERFILE, service.dockerfile), (_COMPOSE, service.compose)):
        # os.path takes a name of any length and content for a file that is not there; pathlib raises.
        if file and not os.path.isfile(os.path.join(case.folder, file)):
            yield Finding(key, "no such file: write its path from the folder of the manifest")


def minimum_within_maximum(case: Case) -> Iterator[Finding]:
    environment = case.stage.environment
    if environment.type == "SingleInstance" or environment.min_size <= environment.max_size:
        return
    if case.says(*_MIN):
        yield Finding(_MIN, f"more than max_size, {environment.max_size}: lower it, or raise max_size", (_MAX, _TYPE))
    else:
        yield Finding(_MAX, f"less than min_size, {environment.min_size}: raise it, or lower min_size", (_MIN, _TYPE))


def single_instance_is_single(case: Case) -> Iterator[Finding]:
    environment = case.stage.environment
    if environment.type == "LoadBalanced":
        return
    for key, size in ((_MIN, environment.min_size), (_MAX, environment.max_size)):
        if size > 1:
            yield Finding(key, f"a single instance is one: write 1, or {_LOAD_BALANCED}", (_TYPE,))


_LOAD_BALANCED = 'environment.type = "LoadBalanced"'


def single_instance_policies(case: Case) -> Iterator[Finding]:
    environment = case.stage.environment
    if environment.type == "SingleInstance" and environment.deployment_policy not in (
        "AllAtOnce",
        "Immutable",
    ):
        yield Finding(
            _POLICY,
            f'a single instance takes "AllAtOnce" or "Immutable": write one of them, or {_LOAD_BALANCED}',
            (_TYPE,),
        )


def certificate_needs_a_load_balancer(case: Case) -> Iterator[Finding]:
    environment = case.stage.environment
    if environment.certificate is None:
        return
    key = ("environment", "certificate")
    if environment.type == "SingleInstance":
        yield Finding(key, f"only a load balancer has a certificate: leave it out, or write {_LOAD_BALANCED}", (_TYPE,))
    elif case.stage.region not in (None, environment.certificate.split(":")[3]):
        yield Finding(
            key,
            f"the certificate must be in the stage's region, {case.stage.region}: write one of that region",
            (("region",),),
        )


def batch_fits(case: Case) -> Iterator[Finding]:
    environment = case.stage.environment
    key, counted = ("environment", "batch_size"), ("environment", "batch_size_type")
    if environment.batch_size_type == "Percentage" and environment.batch_size > 100:
        yield Finding(key, "more than a hundred percent: write 1 to 100", (counted,))
    if environment.batch_size_type == "Fixed" and environment.batch_size > environment.max_size:
        yield Finding(key, f"more than max_size, {environment.max_size}: write at most that", (counted, _MAX, _TYPE))


def one_architecture(case: Case) -> Iterator[Finding]:
    types = case.stage.environment.instance_types
    if len({architecture(instance_type) for instance_type in types}) > 1:
        yield Finding(
            ("environment", "instance_types"),
            "Graviton (arm64) and x86 types cannot share an image: write types of one of them",
        )


def thresholds_in_order(case: Case) -> Iterator[Finding]:
    scaling = case.stage.environment.scaling
    lower, upper = (("environment", "scaling", key) for key in ("lower_threshold", "upper_threshold"))
    if scaling.lower_threshold >= scaling.upper_threshold:
        upper_value = show(scaling.upper_threshold)
        yield Finding(lower, f"must be below upper_threshold, {upper_value}: lower it, or raise that", (upper,))


def thresholds_of_other_measures(case: Case) -> Iterator[Finding]:
    scaling = case.stage.environment.scaling
    if scaling.measure == "CPUUtilization":
        return
    for key in ("lower_threshold", "upper_threshold"):
        path = ("environment", "scaling", key)
        if not case.says(*path):
            yield Finding(
                path,
                f"a default for percent of CPU: write one for {scaling.measure}, in {scaling.unit.lower()}",
                (("environment", "scaling", "measure"),),
            )


def pinned_platform_stays(case: Case) -> Iterator[Finding]:
    environment = case.stage.environment
    if environment.platform != "latest" and environment.managed_updates:
        yield Finding(
            ("environment", "platform"),
            'managed updates would leave it: write "latest", or managed_updates = { level = "none" }',
            (("environment", "managed_updates"),),
        )


_OWN_SECTIONS = {
    "aws:elasticbeanstalk:application:environment": "[variables]",
    "aws:elasticbeanstalk:application:environmentsecrets": "[secrets]",
}


def options_are_distinct(case: Case) -> Iterator[Finding]:
    seen = set()
    for place, option in enumerate(case.stage.environment.options):
        key = ("environment", "options", place)
        row = (option.namespace, option.name, option.resource_name)
        if row in seen:
            yield Finding(key, f"{option.namespace} {option.name} is set twice: write it once")
        if option.namespace in _OWN_SECTIONS:
            yield Finding(key, f"{option.namespace} has a table: write it in {_OWN_SECTIONS[option.namespace]}")
        seen.add(row)


def database_words(case: Case) -> Iterator[Finding]:
    database = case.stage.database
    if database is None:
        return
    checks = {
        "version": version_problem(database.engine, database.version),
        "name": name_problem(database.engine, database.name),
        "username": username_problem(database.engine, database.username),
    }
    for key, problem in checks.items():
        if problem:
            # A name that the manifest does not give is made of the service's.
            derived = key == "name" and not case.says("database", "name")
            reads = (("database", "engine"), *([("service", "name")] if derived else []))
            yield Finding(("database", key), problem, reads)


def storage_can_grow(case: Case) -> Iterator[Finding]:
    database = case.stage.database
    if database is None or database.max_storage_gb is None:
        return
    # RDS takes no smaller step: "Managing capacity automatically with Amazon RDS storage autoscaling".
    least = -(-database.storage_gb * 11 // 10)
    if database.max_storage_gb < least:
        yield Finding(
            ("database", "max_storage_gb"),
            f"must be a tenth more than storage_gb, {database.storage_gb}: write {least} or more, or 0",
            (("database", "storage_gb"),),
        )


def production_keeps_backups(case: Case) -> Iterator[Finding]:
    database = case.stage.database
    if case.stage.preset == "production" and database and database.backup_days == 0:
        yield Finding(
            ("database", "backup_days"),
            'the production preset keeps backups: write 1 to 35, or preset = "small"',
            (("preset",),),
        )


def replaced_service_needs_compose(case: Case) -> Iterator[Finding]:
    database = case.stage.database
    if database and database.compose_service and not case.stage.service.compose:
        yield Finding(
            ("database", "compose_service"),
            "there is no compose file: leave it out, or write service.compose",
            (_COMPOSE,),
        )


def github_is_bound(case: Case) -> Iterator[Finding]:
    github = case.stage.delivery.github
    if github is None:
        return
    if github.branch is None and github.environment is None:
        yield Finding(("delivery", "github"), 'not bound to anything: write branch = "main", or environment')
    elif github.branch is not None and github.environment is not None:
        key = ("delivery", "github", "environment")
        yield Finding(key, "branch is given as well: write one of the two", (("delivery", "github", "branch"),))


RULES: tuple[Rule, ...] = (
    one_build_file,
    one_place_for_the_build,
    build_arguments_have_names,
    build_arguments_are_no_secrets,
    build_files_exist,
    minimum_within_maximum,
    single_instance_is_single,
    single_instance_policies,
    certificate_needs_a_load_balancer,
    batch_fits,
    one_architecture,
    thresholds_in_order,
    thresholds_of_other_measures,
    pinned_platform_stays,
    options_are_distinct,
    database_words,
    storage_can_grow,
    production_keeps_backups,
    replaced_service_needs_compose,
    github_is_bound,
    *NETWORK_RULES,
    *VARIABLE_RULES,
)
