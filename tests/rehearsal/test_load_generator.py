"""The load generator counts every failure."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import ClassVar
from urllib.error import HTTPError

import pytest

from tests.http_servers import serving
from tests.waiting import wait_until
from tools.load_generator import GuestbookClient, LoadGenerator


class Page(BaseHTTPRequestHandler):
    """Answers as the test sets it."""

    status: ClassVar[int] = 200
    text: ClassVar[str] = "the old page"
    sent: ClassVar[list[bytes]] = []

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.text.encode())

    def do_POST(self) -> None:
        self.sent.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.do_GET()


@pytest.fixture
def url() -> Iterator[str]:
    Page.status, Page.text, Page.sent = 200, "the old page", []
    with serving(Page) as port:
        yield f"http://127.0.0.1:{port}"


def seen(load: LoadGenerator, kind: str) -> None:
    """Wait until a request was answered so."""
    wait_until(lambda: load.responses[kind], lambda: load.responses)


def test_counts_responses_by_release_http_errors_and_unknown_pages(url: str) -> None:
    with LoadGenerator(GuestbookClient(url), ("old", "new")) as load:
        seen(load, "old")
        Page.text = "the new page"
        seen(load, "new")
        assert load.failed == {}
        Page.text = "something else"
        seen(load, "a page of neither release")
        Page.status = 502
        seen(load, "HTTP 502")
    assert load.failed.keys() == {"a page of neither release", "HTTP 502"}
    assert load.requests == sum(load.responses.values())


def test_counts_connection_errors() -> None:
    with serving(Page) as gone:
        pass
    with LoadGenerator(GuestbookClient(f"http://127.0.0.1:{gone}"), ("old",)) as load:
        seen(load, "URLError")


def test_posts_an_entry_with_the_ticket_of_the_form(url: str) -> None:
    Page.text = '<input name="ticket" value="t-1"><p class="message">It&#39;s fine</p><p class="message">First</p>'
    guest = GuestbookClient(url)
    guest.sign("Ada", "a & b")
    assert Page.sent == [b"name=Ada&message=a+%26+b&ticket=t-1"]
    assert guest.messages() == ["It's fine", "First"]


def test_raises_for_a_rejected_entry(url: str) -> None:
    Page.status = 422
    with pytest.raises(HTTPError, match="422") as caught:
        GuestbookClient(url).sign("Ada", "hello")
    caught.value.close()
