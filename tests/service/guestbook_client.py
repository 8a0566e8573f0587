"""The guestbook as a reader uses it."""

import html
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.service.machine import is_well, wait_for

_TICKET = re.compile(r'name="ticket" value="([^"]+)"')
_MESSAGE = re.compile(r'<p class="message">(.*?)</p>', re.DOTALL)
_INVITATION = "Leave a line for whoever comes after you."


@dataclass(frozen=True)
class GuestbookClient:
    """A running guestbook."""

    url: str

    def open(self) -> "GuestbookClient":
        """Wait until the service and its database are well."""
        wait_for(f"{self.url}/health", is_well)
        return self

    def page(self) -> str:
        """The page as it is once it is there."""
        return wait_for(self.url, lambda status, _: status == 200)

    def sign(self, message: str) -> None:
        """Write an entry, as the form does."""
        ticket = _TICKET.search(self.page())
        assert ticket
        fields = {"name": "Ada", "message": message, "ticket": ticket[1]}
        with urlopen(f"{self.url}/entries", urlencode(fields).encode(), timeout=60) as answer:
            assert answer.status == 200

    def messages(self) -> list[str]:
        """The entries' messages, the newest first."""
        return [html.unescape(message) for message in _MESSAGE.findall(self.page())]

    def shows(self, words: str) -> None:
        """Wait until the page has these words."""
        wait_for(self.url, lambda _, page: words in page)

    def shows_an_edit(self, service: Path) -> None:
        """Change the page's words in its source, and see them change."""
        source, words = service / "src/pages.js", f"Edited in {service.parent.name}."
        source.write_text(source.read_text().replace(_INVITATION, words))
        self.shows(words)
