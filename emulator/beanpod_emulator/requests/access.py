"""Access to the server: for programs on this machine with its printed credentials, not for web pages.

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
class Credentials:
    """The credentials of one run of the server, which it prints.

    Attributes:
        access_key_id: For AWS clients, with secret_access_key. Allowed to do anything.
        token: Bearer token of the control API.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def make(cls) -> "Credentials":
        """Return random credentials in AWS's format: AKIA and 16 characters, and a secret of 40."""
        access_key_id = "AKIA" + "".join(secrets.choice(_BASE32) for _ in range(16))
        secret = "".join(secrets.choice(_LETTERS_AND_DIGITS) for _ in range(40))
        return cls(access_key_id, secret, secrets.token_urlsafe(32))


def reject_foreign(environ: dict[str, Any]) -> tuple[str, str] | None:
    """Check that a request is for localhost and not from a web page, without reading its body.

    Returns:
        Status line and message of the error response, else None.
    """
    host = environ.get("HTTP_HOST", "")
    if not _HOST.fullmatch(host):
        return "421 Misdirected Request", f"This server is localhost, 127.0.0.1 and [::1] only, not {host!r}."
    if "HTTP_ORIGIN" in environ or environ.get("HTTP_SEC_FETCH_SITE", "none") != "none":
        return "403 Forbidden", "This server answers no web pages: a request with Origin or Sec-Fetch-Site is refused."
    if environ["REQUEST_METHOD"] == "OPTIONS":
        return "403 Forbidden", "This server answers no web pages: it permits no cross-origin request (CORS)."
    return None
