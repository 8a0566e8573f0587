"""The health path at the public address: asked by the release itself, twice, and by a rollback as well."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from beanpod.deploy import health_path
from beanpod.deploy.errors import NotRolledBackError, RolledBackError
from beanpod.deploy.health_path import HealthPath, accepts, asked, current_url
from beanpod.deploy.preflight import Settings, Target
from beanpod.deploy.report import Phase
from beanpod.deploy.status import read_status
from tests.deploy.bundles.projects import SERVICE, dockerfile_stage
from tests.deploy.rollout.sandbox import Sandbox, bundle
from tests.http_servers import serving

URL = "http://shop.example.org/health"


def answering(target: Target, ask: Callable[[str], int]) -> Target:
    """The target with a health path that answers so."""
    return replace(target, health_path=HealthPath(URL, ask=ask))


def test_a_release_requests_the_health_path_twice(sandbox: Sandbox) -> None:
    questions: list[str] = []
    target = answering(sandbox.environment(), lambda url: questions.append(url) or 200)  # type: ignore[func-returns-value]
    rollout, reporter = sandbox.rollout(target)
    outcome = rollout.release(bundle("well"))
    assert (questions, outcome.health_path) == ([URL, URL], f"GET {URL} answered 200")
    assert outcome.health_path in reporter.messages


def test_rolls_back_when_the_health_path_answers_500(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "good")
    # As good as it gets: the previous version answers, the new one never.
    target = answering(target, lambda _: 200 if sandbox.version_label(target) == bundle("good").label else 500)
    rollout, reporter = sandbox.rollout(target, settings=Settings(recovery=60))
    began = sandbox.emulator.now()
    with pytest.raises(RolledBackError, match=f"GET {URL} answered 500, expected 200; rolled back, .* runs again"):
        rollout.release(bundle("dead"))
    assert (sandbox.emulator.now() - began).total_seconds() >= 60
    assert sandbox.version_label(target) == bundle("good").label
    assert reporter.phases[-1] is Phase.ROLL_BACK
    assert reporter.messages[-1] == f"GET {URL} answered 200"


def test_a_health_path_is_waited_for(sandbox: Sandbox) -> None:
    """Also where nothing listens yet."""
    answers = iter([0, 0, 503, 200, 503, 200, 200])

    def ask(_: str) -> int:
        if status := next(answers):
            return status
        raise ConnectionRefusedError(111, "Connection refused")

    rollout, reporter = sandbox.rollout(answering(sandbox.environment(), ask))
    assert rollout.release(bundle("slow")).health_path == f"GET {URL} answered 200"
    assert (next(answers, None), reporter.warnings) == (None, [])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (TimeoutError(), "no answer within 5 s"),
        (OSError("the proxy answers 503"), "the proxy answers 503"),
    ],
)
def test_an_unreachable_address_is_reported_and_no_failure(sandbox: Sandbox, error: OSError, reason: str) -> None:
    def fail(_: str) -> int:
        raise error

    rollout, reporter = sandbox.rollout(answering(sandbox.environment(), fail))
    outcome = rollout.release(bundle(f"unreached {reason}"))
    assert outcome.changed
    assert outcome.health_path == f"not reached: {URL}: {reason}"
    assert any(outcome.health_path in warning for warning in reporter.warnings)


def test_a_rollback_whose_health_path_fails_is_reported(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "before")
    rollout, _ = sandbox.rollout(answering(target, lambda _: 500), settings=Settings(recovery=10))
    with pytest.raises(NotRolledBackError, match=f"after the rollback to .*, GET {URL} answered 500"):
        rollout.release(bundle("after"))


def test_deploys_a_version_again_whose_health_path_fails(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "same")
    answers = iter([500, 500, 200, 200])
    rollout, reporter = sandbox.rollout(answering(target, lambda _: next(answers)))
    assert rollout.release(bundle("same")).changed
    assert any(f"GET {URL} answered 500, expected 200: deploying it again" in text for text in reporter.messages)


def test_a_rebuilt_environment_is_asked_at_its_new_address(sandbox: Sandbox) -> None:
    def endpoint() -> str:
        found = sandbox.beanstalk.describe_environments(EnvironmentNames=[target.environment])
        return found["Environments"][0]["EndpointURL"]

    asked: list[str] = []

    def ask(url: str) -> int:
        asked.append(url)
        return 200 if endpoint() in url else 404

    target = sandbox.environment()
    url = f"http://{endpoint()}"
    target = replace(target, url=url, health_path=HealthPath(f"{url}/health", ask=ask))
    sandbox.beanstalk.rebuild_environment(EnvironmentName=target.environment)
    sandbox.emulator.advance(1000)
    assert endpoint() not in url
    rollout, _ = sandbox.rollout(target)
    outcome = rollout.release(bundle("rebuilt"))
    assert (set(asked), outcome.url) == ({f"http://{endpoint()}/health"}, f"http://{endpoint()}")
    assert read_status(target, sandbox.aws()).target.url == outcome.url


@pytest.mark.parametrize(
    ("url", "endpoint", "current"),
    [
        ("http://192.0.2.1/health", "192.0.2.9", "http://192.0.2.9/health"),
        # Of an application load balancer, and of a network one.
        ("http://a-1.us-east-1.elb.amazonaws.com/", "B-2.elb.amazonaws.com", "http://B-2.elb.amazonaws.com/"),
        ("http://a-1.elb.us-east-1.amazonaws.com", "b-2.elb.amazonaws.com", "http://b-2.elb.amazonaws.com"),
        ("http://a-1.us-east-1.elb.amazonaws.com", "", "http://a-1.us-east-1.elb.amazonaws.com"),
        # A domain of the owner's own construct, and the emulator's.
        ("https://shop.example.org", "a-1.us-east-1.elb.amazonaws.com", "https://shop.example.org"),
        ("http://localhost:20001", "localhost:20001", "http://localhost:20001"),
    ],
)
def test_only_an_address_that_aws_gave_is_replaced(url: str, endpoint: str, current: str) -> None:
    assert current_url(url, endpoint) == current


@pytest.mark.parametrize(
    ("codes", "well", "ill"),
    [("200", 200, 204), ("200-299", 204, 301), ("200,301", 301, 302), ("200,300-399", 302, 404)],
)
def test_codes_are_parsed_as_by_the_load_balancer(codes: str, well: int, ill: int) -> None:
    assert accepts(codes, well)
    assert not accepts(codes, ill)


def test_the_codes_are_those_of_the_manifest(tmp_path: Path) -> None:
    namespace = "aws:elasticbeanstalk:environment:process:default"
    option = f'namespace = "{namespace}"\nname = "MatcherHTTPCode"\nvalue = "200,401"\n'
    stage = dockerfile_stage(tmp_path, f"{SERVICE}[[stages.prod.environment.options]]\n{option}")
    assert HealthPath.of(stage, "http://shop.example.org/") == HealthPath(URL, "200,401")


@contextmanager
def answers_of(answers: dict[str, tuple[int, str]]) -> Iterator[tuple[str, list[str]]]:
    """A server's address, and the requests it was sent. answers: by path, a status and where it redirects to."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(f"{self.path} {self.headers}")
            status, location = answers[self.path]
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}", requests


def test_a_redirect_is_followed_on_its_own_host_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    answers = {
        "/health": (301, "/health/"),
        "/health/": (204, ""),
        "/away": (302, "http://www.example.org/health"),
        "/round": (302, "/round"),
        "/down": (503, ""),
    }
    with answers_of(answers) as (address, requests):
        assert asked(f"{address}/health") == 204
        assert asked(f"{address}/down") == 503
        assert HealthPath(f"{address}/away").answer().well is None
        assert "redirects to another host, www.example.org" in HealthPath(f"{address}/away").answer().text
        assert asked(f"{address}/round") == 302
    assert not any("authorization" in request.lower() or "cookie" in request.lower() for request in requests)


@pytest.mark.parametrize("codes", ["302", "200,302", "300-399"])
def test_an_expected_redirect_is_the_answer_as_for_the_load_balancer(
    codes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with answers_of({"/": (302, "/login"), "/login": (200, ""), "/away": (302, "http://www.example.org/")}) as (url, _):
        assert HealthPath(f"{url}/", codes).answer().text == f"GET {url}/ answered 302"
        assert HealthPath(f"{url}/away", codes).answer().well


def test_an_unknown_host_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with answers_of({}) as (address, _):
        pass
    answer = HealthPath(f"{address}/health").answer()
    assert (answer.well, answer.refused) == (None, True)
    unknown = HealthPath("http://nobody.invalid/health").answer()
    assert (unknown.well, unknown.refused) == (None, False)
    assert unknown.text.startswith("not reached: http://nobody.invalid/health: ")


def test_an_answer_of_a_proxy_is_not_the_apps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    for status, well in ((407, None), (502, None), (200, True), (500, False)):
        with answers_of({URL: (status, "")}) as (proxy, requests):
            monkeypatch.setenv("http_proxy", proxy)
            assert HealthPath(URL).answer().well is well
            assert len(requests) == 1


@contextmanager
def sending(*pieces: bytes, pause: float = 0.0, endless: bytes = b"") -> Iterator[str]:
    """The URL of a server that sends these bytes to whoever asks, and then the endless ones until the client goes."""
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    for piece in pieces:
                        connection.sendall(piece)
                        stopped.wait(pause)
                    while endless and not stopped.is_set():
                        connection.sendall(endless)
            except OSError:
                continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/health"
        finally:
            stopped.set()
            thread.join()


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    # Each byte comes well within the timeout of one, also on a busy machine; all of them take longer than all may.
    monkeypatch.setattr(health_path, "_SECONDS", 1.0)
    slow = (bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nServer: drip\r\n\r\n")
    with sending(*slow, pause=0.2) as url:
        answer = HealthPath(url).answer()
    assert (answer.well, answer.refused) == (None, False)
    assert answer.text.endswith("no complete answer within 4 s")


def test_the_body_of_a_redirect_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(health_path, "_SECONDS", 10)
    with sending(b"HTTP/1.1 302 Found\r\nLocation: /health\r\n\r\n", endless=b"x" * 1000) as url:
        assert HealthPath(url).answer().text == f"GET {url} answered 302, expected 200"


def test_early_hints_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with sending(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as url:
        answer = HealthPath(url).answer()
    assert (answer.well, answer.refused) == (None, False)
    assert answer.text == f"not reached: {url}: it answers 103, and nothing after it"


@pytest.mark.parametrize("proxy", ["http:/ada:planted@proxy:3128", "http:ada:planted@proxy:3128"])
def test_the_login_of_a_proxy_is_not_shown(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    answer = HealthPath(URL).answer()
    assert answer.well is None
    assert "planted" not in answer.text
