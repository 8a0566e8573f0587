"""Who a call comes from: a user or a role's session of this AWS, by the access key it is signed with."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from moto.iam.access_control import CreateAccessKeyFailure, create_access_key
from moto.iam.models import Policy

from beanpod_emulator.access import Keys
from beanpod_emulator.calls import Call
from beanpod_emulator.iam.policies import Document

CALLER = "emulator.caller"
"""Where a guarded request carries its Caller for the service that answers it."""


@dataclass(frozen=True)
class Caller:
    """The owner of a known access key. secret: the key's secret. The printed key may do anything."""

    arn: str
    secret: str = field(repr=False)
    _key: Any = field(default=None, repr=False)

    @property
    def unrestricted(self) -> bool:
        return self._key is None

    @cached_property
    def policies(self) -> list[Document]:
        """The identity policies: inline and managed, a user's groups included."""
        return [_document(policy) for policy in self._key.collect_policies()]


def caller(account: str, call: Call, keys: Keys | None = None) -> Caller | None:
    """Return the owner of the call's access key; None when the key is unknown. keys: the printed ones."""
    if keys and call.access_key == keys.access_key_id and not call.token:
        return Caller(f"arn:aws:iam::{account}:root", keys.secret_access_key)
    headers = {"X-Amz-Security-Token": call.token} if call.token else {}
    try:
        key = create_access_key(account, "aws", call.access_key, headers)
    except CreateAccessKeyFailure:
        return None
    return Caller(key.arn, key.create_credentials().secret_key, key)


def _document(policy: Any) -> Document:
    text = policy
    if isinstance(policy, Policy):
        text = next(version.document for version in policy.versions if version.is_default)
    elif not isinstance(policy, str):
        text = policy["policy_document"]
    document: Document = json.loads(text)
    return document
