"""The options of one environment: checked together when the environment is made and with every later change.

What CloudFormation gets is sorted by namespace and name, so that the same settings give the same template. Later
additions follow in the same order, and positions stay: `add_property_override("OptionSettings.3.Value", ...)` means the
same option afterwards.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aws_cdk import IResolvable
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticbeanstalk as beanstalk
from constructs import IConstruct

from beanpod._checks import plain, reject
from beanpod._connectivity import port_problems
from beanpod._settings import Options, OptionSetting
from beanpod._tokens import known, text
from beanpod.database_interface import IDatabase
from beanpod.environment_secret import EnvironmentSecret
from beanpod.rules.environment import environment_problems, variable_problems
from beanpod.rules.option_keys import ENVIRONMENT, LAUNCH, VPC, key_problems, settings_of

Property = beanstalk.CfnEnvironment.OptionSettingProperty
# Namespace, name and resource name, "" for none.
Key = tuple[str, str, str]

VARIABLES = "aws:elasticbeanstalk:application:environment"
SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"
HEALTH = "aws:elasticbeanstalk:healthreporting:system"
_DOCUMENT = (HEALTH, "ConfigDocument", "")
_EVERY_MINUTE = 60
_NEEDED = {(LAUNCH, "IamInstanceProfile"), (VPC, "VPCId"), (VPC, "Subnets"), (ENVIRONMENT, "EnvironmentType")}
# Arguments of the constructs by the settings that the rules name otherwise.
_ARGUMENTS = {
    "deployment_policy": "deployment_strategy",
    "batch_size": "deployment_strategy.batch",
    "traffic_split_percent": "deployment_strategy.percent",
    "evaluation_minutes": "deployment_strategy.evaluation",
}


class EnvironmentOptions:
    """The values by key. An option is set once; a variable is plain or secret, not both."""

    def __init__(self, owner: IConstruct, options: Options, instances: ec2.ISecurityGroup | None = None) -> None:
        """Collect the options that the environment's properties became.

        Args:
            owner: The environment that errors name.
            options: By namespace and name.
            instances: The instances' security group.
        """
        self._owner = owner
        self._instances = instances
        self._values = {
            (namespace, name, ""): text(value)
            for namespace, values in options.items()
            for name, value in values.items()
            if value is not None
        }

    def problems(self) -> list[str]:
        """Return what Beanstalk would refuse."""
        return list(self._problems(self._values))

    def add(self, options: Mapping[Key, str]) -> list[str]:
        """Add options that are not set yet, and return the problems; nothing changes if there are any."""
        problems = []
        for namespace, name, _ in (key for key in options if key in self._values):
            remedy = "" if namespace in (VARIABLES, SECRETS) else ", or write override_option"
            problems.append(f"option {namespace} {name} is set already: set it once{remedy}")
        return problems or self._key_problems(options) or self._change(options)

    def override(self, options: Mapping[Key, str | None]) -> list[str]:
        """Set options or, with None, remove them, and return the problems; nothing changes if there are any."""
        problems = self._key_problems(options)
        for (namespace, name, _), value in options.items():
            if value is None and (namespace, name) in _NEEDED:
                problems.append(f"option {namespace} {name} must not be removed: no environment launches without it")
        if problems:
            return problems
        # One option is named; of several, the message of each problem names its setting.
        prefix = "".join(f"option {namespace} {name}: " for namespace, name, _ in options) if len(options) == 1 else ""
        return [f"{prefix}{problem}" for problem in self._change(options)]

    def adopt(self, assigned: Any) -> None:
        """Read the option settings of the L1 resource, which may have been assigned directly.

        Raises:
            ValueError: They are a token, of which nothing can be read.
        """
        entries = assigned if isinstance(assigned, list) else [assigned]
        self._values = dict(map(self._entry, entries))

    def publish(self, metrics: Sequence[str]) -> None:
        """Publish metrics every minute, the only interval there is, beside those of a given document.

        Raises:
            ValueError: `ConfigDocument` is set already, and not as a JSON object.
        """
        document = self._document() if metrics else None
        if document is not None:
            published = {**_environment_metrics(document), **dict.fromkeys(metrics, _EVERY_MINUTE)}
            every = {**(document.get("CloudWatchMetrics") or {}), "Environment": published}
            value = json.dumps({**document, "CloudWatchMetrics": every, "Version": 1}, sort_keys=True)
            self._values[_DOCUMENT] = value

    @property
    def published_metrics(self) -> list[str] | None:
        """Return the metrics that the environment publishes, None if only CloudFormation knows them."""
        document = self._document()
        return None if document is None else [name for name, it in _environment_metrics(document).items() if it]

    def sort(self) -> None:
        """Sort the options, before CloudFormation gets them for the first time."""
        self._values = dict(sorted(self._values.items()))

    def value(self, namespace: str, name: str) -> str | None:
        """Return the value of an option, None if it is not set."""
        return self._values.get((namespace, name, ""))

    def properties(self) -> list[IResolvable | Property]:
        """Return what CloudFormation gets."""
        return [
            Property(namespace=namespace, option_name=name, value=value, resource_name=resource or None)
            for (namespace, name, resource), value in self._values.items()
        ]

    def _key_problems(self, options: Iterable[Key]) -> list[str]:
        taken = [(namespace, name) for namespace, name, _ in self._values]
        # Variables are named as the app likes; a token is not known.
        given = ((namespace, name) for namespace, name, _ in options if namespace not in (VARIABLES, SECRETS))
        return [str(it) for key in given if known(key[0]) for it in key_problems(*key, taken)]

    def _change(self, options: Mapping[Key, str | None]) -> list[str]:
        merged = {**self._values, **dict(sorted(options.items()))}
        changed = {key: value for key, value in merged.items() if value is not None}
        problems = list(self._problems(changed)) if options else []
        if problems:
            before = self.problems()
            problems = [problem for problem in problems if problem not in before]
        if not problems:
            self._values = changed
        return problems

    def _problems(self, values: Mapping[Key, str]) -> Iterator[str]:
        settings, problems = settings_of({(namespace, name): plain(it) for (namespace, name, _), it in values.items()})
        for problem in (*problems, *environment_problems(settings)):
            # An argument is a Duration, so that its name has no unit.
            without_unit = re.sub("_(?:seconds|minutes|days)$", "", problem.setting)
            yield str(problem._replace(setting=_ARGUMENTS.get(problem.setting, without_unit)))
        port = settings.get("instance_port", 80)
        if port is not None and settings.get("environment_type") == "LoadBalanced":
            remedy = "give it to ServiceNetwork and DockerEnvironment alike"
            yield from port_problems("instance_port", port, self._instances, remedy)
        variables = {name: plain(value) for (namespace, name, _), value in values.items() if namespace == VARIABLES}
        secrets = [name for namespace, name, _ in values if namespace == SECRETS]
        yield from map(str, variable_problems(variables, secrets))

    def _document(self) -> dict[str, Any] | None:
        """Return the configuration of metrics and health rules, None for a token.

        Raises:
            ValueError: It is no JSON object.
        """
        value = self._values.get(_DOCUMENT, "{}")
        if not known(value):
            return None
        parsed = None
        with suppress(ValueError):
            parsed = json.loads(value)
        if not isinstance(parsed, dict):
            reject(self._owner, f"option {HEALTH} ConfigDocument must be a JSON object, got {value!r}")
        return parsed

    def _entry(self, entry: Any) -> tuple[Key, str]:
        if isinstance(entry, dict):
            snake_case = {"optionName": "option_name", "resourceName": "resource_name"}
            entry = Property(**{str(snake_case.get(name, name)): value for name, value in entry.items()})
        if not isinstance(entry, Property):
            reject(
                self._owner,
                "option_settings of its resource was set to a token, which nothing can be added to: set options with "
                "override_option instead",
            )
        return (entry.namespace, entry.option_name, entry.resource_name or ""), entry.value or ""


def variable_options(
    variables: Mapping[str, str] | None, secrets: Mapping[str, EnvironmentSecret] | None = None
) -> dict[Key, str]:
    """Return the options of plain and of secret variables."""
    references = {(SECRETS, name, ""): secret.reference for name, secret in (secrets or {}).items()}
    return {(VARIABLES, name, ""): value for name, value in (variables or {}).items()} | references


def database_options(database: IDatabase) -> dict[Key, str]:
    """Return the options of the variables by which an app finds its database."""
    variables = {
        "RDS_HOSTNAME": database.database_host,
        "RDS_PORT": text(database.database_port),
        "RDS_DB_NAME": database.database_name,
        "RDS_USERNAME": database.database_username,
    }
    password = EnvironmentSecret.from_secrets_manager(database.secret, "password")
    return variable_options(variables, {"RDS_PASSWORD": password})


def options_by_key(options: Sequence[OptionSetting] | Mapping[str, Mapping[str, str | None]]) -> dict[Key, str | None]:
    """Return the options of an argument `options`, whichever form it has."""
    if isinstance(options, Mapping):
        return {(namespace, name, ""): value for namespace, it in options.items() for name, value in it.items()}
    return {(it.namespace, it.name, it.resource_name or ""): it.value for it in options}


def _environment_metrics(document: Mapping[str, Any]) -> dict[str, Any]:
    return (document.get("CloudWatchMetrics") or {}).get("Environment") or {}
