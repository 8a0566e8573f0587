"""Who may talk to the server at all: programs on this machine, and no web page.

A page of any site can have a browser send requests to localhost, and a name of its own can lead there (DNS rebinding).
Browsers say where such a request comes from, and by what name they found the server; AWS clients send neither header.
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
"""

import re
from typing import Any

_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)


def refusal(environ: dict[str, Any]) -> tuple[str, str] | None:
    """Status line and a sentence for a request that may not come in; None for one that may. Reads no body."""
    host = environ.get("HTTP_HOST", "")
    if not _HOST.fullmatch(host):
        return "421 Misdirected Request", f"This server is localhost, 127.0.0.1 and [::1] only, not {host!r}."
    if "HTTP_ORIGIN" in environ or environ.get("HTTP_SEC_FETCH_SITE", "none") != "none":
        return "403 Forbidden", "This server answers no web pages: a request with Origin or Sec-Fetch-Site is refused."
    if environ["REQUEST_METHOD"] == "OPTIONS":
        return "403 Forbidden", "This server answers no web pages: it permits no cross-origin request (CORS)."
    return None
