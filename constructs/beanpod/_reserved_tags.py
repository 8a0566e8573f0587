"""Removes tags that Beanstalk reserves: an environment with one of them cannot be updated.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.tagging.html
"""

import jsii
from aws_cdk import Annotations, AspectPriority, Aspects, IAspect, Stack
from aws_cdk import aws_elasticbeanstalk as beanstalk
from constructs import IConstruct

_NAME = "Name"
_PREFIXES = ("aws:", "elasticbeanstalk:")
# Above the priority of any `Tags.of(...).add(...)`.
_HIGHEST_PRIORITY = 1_000_000
_AFTER_TAGGING = AspectPriority.READONLY - 1


@jsii.implements(IAspect)
class _RemoveReservedTags:
    def visit(self, node: IConstruct) -> None:
        """Remove the reserved tags of an environment, and annotate it with their names."""
        if not isinstance(node, beanstalk.CfnEnvironment):
            return
        # CloudFormation hands the stack's own tags on to its resources, and to those of nested stacks.
        places = [node.tags]
        stack: Stack | None = Stack.of(node)
        while stack:
            places.append(stack.tags)
            stack = stack.nested_stack_parent
        tags = {key for place in places for key in place.tag_values()}
        found = sorted(key for key in tags if key == _NAME or key.lower().startswith(_PREFIXES))
        for place in places:
            for key in found:
                place.remove_tag(key, _HIGHEST_PRIORITY)
        if found:
            Annotations.of(node).add_info(f"tag {', '.join(found)} is left out here: Beanstalk sets it itself")


def remove_reserved_tags(environment: beanstalk.CfnEnvironment) -> None:
    """Remove reserved tags from an environment, wherever in the app they are added."""
    Aspects.of(environment).add(_RemoveReservedTags(), priority=_AFTER_TAGGING)
