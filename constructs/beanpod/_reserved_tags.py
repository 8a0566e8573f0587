"""Tags that Beanstalk keeps to itself: an environment that is given one cannot be updated.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.tagging.html
"""

from typing import Any

import jsii
from aws_cdk import Annotations, AspectPriority, Aspects, CfnResource, IAspect, Stack
from constructs import IConstruct

_NAME = "Name"
_PREFIXES = ("aws:", "elasticbeanstalk:")
# Above whatever `Tags.of(...).add(..., priority=...)` says.
_STRONGEST = 1_000_000


@jsii.implements(IAspect)
class _LeaveOut:
    def __init__(self, resource: CfnResource) -> None:
        self._resource = resource

    def visit(self, node: IConstruct) -> None:
        """Take the reserved tags of the one environment away, and say so once."""
        if node.node.path != self._resource.node.path:
            return
        resource: Any = self._resource
        found = [key for key in resource.tags.tag_values() if key == _NAME or key.lower().startswith(_PREFIXES)]
        stack = Stack.of(self._resource)
        # The stack's own tags reach all of its resources, this one too.
        if _NAME in stack.tags.tag_values():
            stack.tags.remove_tag(_NAME, _STRONGEST)
            found.append(_NAME)
        for key in found:
            resource.tags.remove_tag(key, _STRONGEST)
        if found:
            names = ", ".join(sorted(set(found)))
            Annotations.of(self._resource).add_info(f"tag {names} is left out here: Beanstalk sets it itself")


def leave_out_reserved_tags(resource: CfnResource) -> None:
    """Keep reserved tags off an environment, wherever in the app they are added."""
    # After those that add tags.
    Aspects.of(resource).add(_LeaveOut(resource), priority=AspectPriority.READONLY - 1)
