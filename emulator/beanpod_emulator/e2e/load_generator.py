"""The guests of the rehearsal: one signs the book, many keep asking for the page."""

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
from urllib.request import urlopen

_SECONDS = 10
_GUESTS = 4
_PAUSE_SECONDS = 0.1
_TICKET = re.compile(r'name="ticket" value="([^"]+)"')
_MESSAGE = re.compile(r'<p class="message">(.*?)</p>', re.DOTALL)


@dataclass(frozen=True)
class GuestbookClient:
    """Somebody with a browser. url: the guestbook's."""

    url: str

    def read(self) -> str:
        """The page. Raises OSError when it does not come, or says that something went wrong."""
        with urlopen(self.url, timeout=_SECONDS) as answer:  # noqa: S310
            text: str = answer.read().decode()
            return text

    def sign(self, name: str, message: str) -> None:
        """Write an entry, as the page's form does. Raises OSError when it is not taken."""
        ticket = _TICKET.search(self.read())
        fields = {"name": name, "message": message, "ticket": ticket[1] if ticket else ""}
        with urlopen(f"{self.url}/entries", urlencode(fields).encode(), timeout=_SECONDS) as answer:  # noqa: S310
            answer.read()

    def messages(self) -> list[str]:
        """The entries, the newest first."""
        return [html.unescape(message) for message in _MESSAGE.findall(self.read())]


@dataclass
class LoadGenerator:
    """Guests who keep asking for the page: `with LoadGenerator(url) as crowd`. answers: how often each kind came.

    A kind is the release of a page, as `known` names it by a word in it, or what went wrong.
    """

    url: str
    known: tuple[str, ...]
    answers: Counter[str] = field(default_factory=Counter)
    _end: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """How many requests there were."""
        return self.answers.total()

    @property
    def failed(self) -> dict[str, int]:
        """What went wrong, and how often."""
        return {kind: count for kind, count in self.answers.items() if kind not in self.known}

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._keep_asking, daemon=True) for _ in range(_GUESTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _keep_asking(self) -> None:
        while not self._end.is_set():
            self.answers[self._ask()] += 1
            time.sleep(_PAUSE_SECONDS)

    def _ask(self) -> str:
        try:
            page = GuestbookClient(self.url).read()
        except HTTPError as error:
            with error:
                return f"HTTP {error.code}"
        except (OSError, HTTPException) as error:
            return type(error).__name__
        return next((word for word in self.known if word in page), "a page of neither release")
