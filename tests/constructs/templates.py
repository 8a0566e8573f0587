"""What the tests of constructs read out of templates."""

from typing import Any

from aws_cdk.assertions import Template

ENVIRONMENT = "AWS::ElasticBeanstalk::Environment"


def only(template: Template, kind: str) -> dict[str, Any]:
    """Return the only resource of a type."""
    (resource,) = template.find_resources(kind).values()
    return dict(resource)


def statements(template: Template, kind: str = "AWS::IAM::Policy") -> list[dict[str, Any]]:
    """Return the statements of the only policy of a type."""
    return list(only(template, kind)["Properties"]["PolicyDocument"]["Statement"])


def options(template: Template) -> dict[tuple[str, str], Any]:
    """Return the options of the only environment, by namespace without `aws:` and name."""
    rows = only(template, ENVIRONMENT)["Properties"]["OptionSettings"]
    return {(row["Namespace"].removeprefix("aws:"), row["OptionName"]): row["Value"] for row in rows}
