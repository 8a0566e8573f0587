"""Evaluation of identity-based policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

Document = Mapping[str, Any]
Context = dict[str, str]


class Decision(Enum):
    ALLOWED = "allowed"
    NOT_ALLOWED = "no identity-based policy allows the {action} action"
    DENIED = "an explicit deny in an identity-based policy"


def evaluate(documents: Iterable[Document], action: str, resource: str | None, context: Context) -> Decision:
    """Evaluate policies for an action.

    Args:
        resource: ARN of the resource; None for any.
        context: Values of the condition keys.
    """
    decision = Decision.NOT_ALLOWED
    for statement in (it for document in documents for it in _listed(document["Statement"])):
        if _applies(statement, action, resource, context):
            if statement["Effect"] == "Deny":
                return Decision.DENIED
            decision = Decision.ALLOWED
    return decision


def statements_about(document: Document, kind: str, *principals: str) -> Document:
    """Return the statements of a bucket's or a trust policy about one of the principals of a kind: AWS, Federated."""

    def named(principal: Any) -> set[str]:
        return set(_listed(principal.get(kind, []) if isinstance(principal, dict) else principal))

    found = [it for it in _listed(document["Statement"]) if named(it.get("Principal")) & set(principals)]
    return {"Statement": found}


def _applies(statement: Document, action: str, resource: str | None, context: Context) -> bool:
    return (
        _named(statement, "Action", action.lower(), str.lower)
        and (resource is None or _named(statement, "Resource", resource, str))
        and all(
            _fulfilled(operator, key, _listed(wanted), context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _named(statement: Document, element: str, value: str, form: Callable[[str], str]) -> bool:
    if f"Not{element}" in statement:
        return not any(_matches(form(pattern), value) for pattern in _listed(statement[f"Not{element}"]))
    return any(_matches(form(pattern), value) for pattern in _listed(statement.get(element, [])))


def _fulfilled(operator: str, key: str, wanted: list[str], context: Context) -> bool:
    """Whether a condition holds.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html. A key has one
    value here, of which ForAllValues and ForAnyValue say the same: they differ where the request lacks the key.
    """
    found = {name.lower(): value for name, value in context.items()}.get(key.lower())
    if operator == "Null":
        return str(found is None).lower() in [str(value).lower() for value in wanted]
    scope, _, comparison = operator.rpartition(":")
    if found is None:
        return scope == "ForAllValues" if scope else "Not" in comparison or comparison.endswith("IfExists")
    test = _OPERATORS.get(comparison.removesuffix("IfExists").replace("Not", ""))
    return test is not None and any(test(str(pattern), found) for pattern in wanted) is not ("Not" in operator)


@lru_cache(maxsize=1000)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _matches(pattern: str, value: str) -> bool:
    return _expression(pattern).fullmatch(value) is not None


def _same_word(pattern: str, value: str) -> bool:
    return pattern.lower() == value.lower()


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "ArnEquals": _matches,
    "ArnLike": _matches,
    "Bool": _same_word,
    "StringEquals": str.__eq__,
    "StringEqualsIgnoreCase": _same_word,
    "StringLike": _matches,
}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
