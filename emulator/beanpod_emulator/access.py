"""Who may use the server: programs on this machine that have read its printed credentials, and no web page.

A page of any site can make a browser send requests to localhost, also under a name of its own that resolves to
127.0.0.1 (DNS rebinding). Such requests carry Origin or Sec-Fetch-Site, or another Host; those of AWS clients do not.
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
"""

import re
import secrets
import string
from dataclasses import dataclass, field
from typing import Any

_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
_BASE32 = string.ascii_uppercase + "234567"
_LETTERS_AND_DIGITS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Keys:
    """The credentials of one run of the server, which it prints for its clients.

    access_key_id, secret_access_key: for AWS clients; allowed to do anything.
    token: bearer token for the paths under /_emulator/.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def make(cls) -> "Keys":
        """Return random credentials in AWS's format: AKIA and 16 characters, and a secret of 40."""
        access_key_id = "AKIA" + "".join(secrets.choice(_BASE32) for _ in range(16))
        secret = "".join(secrets.choice(_LETTERS_AND_DIGITS) for _ in range(40))
        return cls(access_key_id, secret, secrets.token_urlsafe(32))


def refusal(environ: dict[str, Any]) -> tuple[str, str] | None:
    """Return the status line and the message for a request that is refused; None to accept it. Reads no body."""
    host = environ.get("HTTP_HOST", "")
    if not _HOST.fullmatch(host):
        return "421 Misdirected Request", f"This server is localhost, 127.0.0.1 and [::1] only, not {host!r}."
    if "HTTP_ORIGIN" in environ or environ.get("HTTP_SEC_FETCH_SITE", "none") != "none":
        return "403 Forbidden", "This server answers no web pages: a request with Origin or Sec-Fetch-Site is refused."
    if environ["REQUEST_METHOD"] == "OPTIONS":
        return "403 Forbidden", "This server answers no web pages: it permits no cross-origin request (CORS)."
    return None
