"""Who a call comes from."""

from moto.iam.access_control import CreateAccessKeyFailure, create_access_key

from emulator.calls import Call
from emulator.httpd import ACCESS_KEY_ID


def principal(account: str, call: Call) -> str:
    """The ARN of the caller: a user of this AWS, or the root of its account for the key the server prints."""
    try:
        return create_access_key(account, "aws", call.access_key, {}).arn
    except CreateAccessKeyFailure:
        return f"arn:aws:iam::{account}:root" if call.access_key == ACCESS_KEY_ID else ""
