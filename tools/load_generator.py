"""A client of the guestbook, and a load generator that requests its page."""

import html
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPException
from types import TracebackType
from typing import Self
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import OpenerDirector, build_opener

_SECONDS = 10
_THREADS = 4
_PAUSE_SECONDS = 0.1
_TICKET = re.compile(r'name="ticket" value="([^"]+)"')
_MESSAGE = re.compile(r'<p class="message">(.*?)</p>', re.DOTALL)


@dataclass(frozen=True)
class GuestbookClient:
    """A client of the guestbook at a URL. opener: reaches it. Default: as the shell's variables say."""

    url: str
    opener: OpenerDirector = field(default_factory=build_opener)

    def read(self) -> str:
        """Return the page; OSError for a failed request or an HTTP error."""
        with self.opener.open(self.url, timeout=_SECONDS) as answer:
            text: str = answer.read().decode()
            return text

    def sign(self, name: str, message: str) -> None:
        """Post an entry, as the page's form does; OSError for a failed request or an HTTP error."""
        ticket = _TICKET.search(self.read())
        fields = {"name": name, "message": message, "ticket": ticket[1] if ticket else ""}
        with self.opener.open(f"{self.url}/entries", urlencode(fields).encode(), timeout=_SECONDS) as answer:
            answer.read()

    def messages(self) -> list[str]:
        """Return the entries, the newest first."""
        return [html.unescape(message) for message in _MESSAGE.findall(self.read())]


@dataclass
class LoadGenerator:
    """Requests the page in several threads: `with LoadGenerator(client, known) as load:`.

    Attributes:
        client: Requests the page.
        known: Texts that tell releases apart, one on each release's page.
        responses: How many there were by kind: one of the known texts, or an error.
    """

    client: GuestbookClient
    known: tuple[str, ...]
    responses: Counter[str] = field(default_factory=Counter)
    _end: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """The number of requests."""
        return self.responses.total()

    @property
    def failed(self) -> dict[str, int]:
        """The number of failed requests by error."""
        return {kind: count for kind, count in self.responses.items() if kind not in self.known}

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(_THREADS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._end.is_set():
            self.responses[self._request()] += 1
            time.sleep(_PAUSE_SECONDS)

    def _request(self) -> str:
        try:
            page = self.client.read()
        except HTTPError as error:
            with error:
                return f"HTTP {error.code}"
        except (OSError, HTTPException) as error:
            return type(error).__name__
        return next((word for word in self.known if word in page), "a page of neither release")
