"""Who a call comes from: a user or a role's session of this AWS, by the access key it is signed with."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from moto.iam.access_control import CreateAccessKeyFailure, create_access_key
from moto.iam.models import Policy

from emulator.calls import Call
from emulator.httpd import ACCESS_KEY_ID
from emulator.iam.policies import Document

CALLER = "emulator.caller"
"""Where a guarded request carries its Caller for the service that answers it."""


@dataclass(frozen=True)
class Caller:
    """Somebody known. secret: what signs the requests; empty for the key the server prints, which may do anything."""

    arn: str
    secret: str = field(default="", repr=False)
    _key: Any = field(default=None, repr=False)

    @property
    def unrestricted(self) -> bool:
        return self._key is None

    @cached_property
    def policies(self) -> list[Document]:
        """The identity policies: inline and managed, a user's groups included."""
        return [_document(policy) for policy in self._key.collect_policies()]


def caller(account: str, call: Call) -> Caller | None:
    """Who signed the call; None when nobody here has that key."""
    headers = {"X-Amz-Security-Token": call.token} if call.token else {}
    try:
        key = create_access_key(account, "aws", call.access_key, headers)
    except CreateAccessKeyFailure:
        return Caller(f"arn:aws:iam::{account}:root") if call.access_key == ACCESS_KEY_ID else None
    return Caller(key.arn, key.create_credentials().secret_key, key)


def _document(policy: Any) -> Document:
    text = policy
    if isinstance(policy, Policy):
        text = next(version.document for version in policy.versions if version.is_default)
    elif not isinstance(policy, str):
        text = policy["policy_document"]
    document: Document = json.loads(text)
    return document
