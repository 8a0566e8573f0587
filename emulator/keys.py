"""What the server prints for its clients: an access key and a token that nobody has who has not read them there."""

import secrets
import string
from dataclasses import dataclass, field

_BASE32 = string.ascii_uppercase + "234567"
_LETTERS_AND_DIGITS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Keys:
    """Those of one run of the server.

    access_key_id, secret_access_key: what AWS clients sign with; they may do anything.
    token: what a client of the paths under /_emulator/ sends.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def make(cls) -> "Keys":
        """New ones, of the form that AWS gives its own: AKIA and 16 characters, and a secret of 40."""
        access_key_id = "AKIA" + "".join(secrets.choice(_BASE32) for _ in range(16))
        secret = "".join(secrets.choice(_LETTERS_AND_DIGITS) for _ in range(40))
        return cls(access_key_id, secret, secrets.token_urlsafe(32))
