"""Removes tags that Beanstalk reserves: an environment with one of them cannot be updated.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.tagging.html
"""

from typing import Any

import jsii
from aws_cdk import Annotations, AspectPriority, Aspects, CfnResource, IAspect, Stack
from constructs import IConstruct

_NAME = "Name"
_PREFIXES = ("aws:", "elasticbeanstalk:")
# Above the priority of any `Tags.of(...).add(...)`.
_HIGHEST_PRIORITY = 1_000_000
_AFTER_TAGGING = AspectPriority.READONLY - 1


@jsii.implements(IAspect)
class _RemoveReservedTags:
    def __init__(self, resource: CfnResource) -> None:
        self._resource = resource

    def visit(self, node: IConstruct) -> None:
        """Remove the reserved tags of the environment, and annotate it with their names."""
        if node is not self._resource:
            return
        resource: Any = self._resource
        found = [key for key in resource.tags.tag_values() if key == _NAME or key.lower().startswith(_PREFIXES)]
        # CloudFormation hands the stack's own tags on to its resources, and to those of nested stacks.
        stack: Stack | None = Stack.of(self._resource)
        while stack:
            if _NAME in stack.tags.tag_values():
                stack.tags.remove_tag(_NAME, _HIGHEST_PRIORITY)
                found.append(_NAME)
            stack = stack.nested_stack_parent
        for key in found:
            resource.tags.remove_tag(key, _HIGHEST_PRIORITY)
        if found:
            names = ", ".join(sorted(set(found)))
            Annotations.of(self._resource).add_info(f"tag {names} is left out here: Beanstalk sets it itself")


def remove_reserved_tags(resource: CfnResource) -> None:
    """Remove reserved tags from an environment, wherever in the app they are added."""
    Aspects.of(resource).add(_RemoveReservedTags(resource), priority=_AFTER_TAGGING)
