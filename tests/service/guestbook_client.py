"""The guestbook as a reader uses it."""

from dataclasses import dataclass
from pathlib import Path

from tests.service.machine import is_well, wait_for
from tools import load_generator

_INVITATION = "Leave a line for whoever comes after you."


@dataclass(frozen=True)
class GuestbookClient(load_generator.GuestbookClient):
    """A client of a guestbook that may be starting."""

    def open(self) -> "GuestbookClient":
        """Wait until the service and its database are well."""
        wait_for(f"{self.url}/health", is_well)
        return self

    def read(self) -> str:
        """The page as it is once it is there."""
        return wait_for(self.url, lambda status, _: status == 200)

    def shows(self, words: str) -> None:
        """Wait until the page has these words."""
        wait_for(self.url, lambda _, page: words in page)

    def shows_an_edit(self, service: Path) -> None:
        """Change the page's words in its source, and see them change."""
        source, words = service / "src/pages.js", f"Edited in {service.parent.name}."
        source.write_text(source.read_text().replace(_INVITATION, words))
        self.shows(words)
