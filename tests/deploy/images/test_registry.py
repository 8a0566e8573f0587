"""What the script asks a registry over HTTP: of the real one, and of one in trouble."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest

from beanpod.deploy.errors import BuildError
from beanpod.deploy.images import Registry, is_public
from beanpod.deploy.images._credentials import Credentials
from beanpod.deploy.images._repository import Repository
from tests.deploy.engine import Engine
from tests.deploy.images.canned import Answer, canned, write_certificate
from tests.deploy.images.recorder import StillClock
from tests.deploy.images.shop import Shop
from tests.deploy.images.sources import write_source
from tests.deploy.registry import LocalRegistry, local_registry
from tests.deploy.token_server import TokenServer, token_server

_ADA = Credentials("ada", "planted-password")


def _registry(host: str, credentials: Credentials | None = None, clock: StillClock | None = None) -> Registry:
    return Registry(Repository(f"{host}/ada/guestbook"), credentials, clock=clock or StillClock())


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    folder = tmp_path_factory.mktemp("tokens")
    with token_server(folder, username="ada", password="planted-password", refresh_token="planted-refresh") as running:
        yield running


@pytest.fixture(scope="module")
def token_registry(
    docker_engine: Engine, tokens: TokenServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalRegistry]:
    """A registry that wants tokens from elsewhere, as Docker Hub does."""
    folder = tmp_path_factory.mktemp("token-registry")
    with local_registry(folder, token_settings=tokens.settings) as running:
        yield LocalRegistry(running.host, running.folder, "ada", "planted-password")


@pytest.fixture
def token_shop(token_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path) -> Shop:
    return Shop(token_registry, docker_engine, docker_engine.variables(tmp_path / "home"))


def test_an_image_goes_to_a_registry_that_wants_tokens(token_shop: Shop, tmp_path: Path) -> None:
    spec = write_source(tmp_path, "one")

    first, second = token_shop.publish(spec)[None], token_shop.publish(spec)[None]

    assert first.digest == token_shop.registry.digest(token_shop.path, first.tag)
    assert (first.pushed, second.pushed) == (True, False)


def test_an_image_is_public_once_everybody_may_pull_it(token_shop: Shop, tokens: TokenServer, tmp_path: Path) -> None:
    image = token_shop.publish(write_source(tmp_path, "one"))[None]
    before = is_public(image.repository, image.digest)
    tokens.public.add(token_shop.path)

    assert (before, is_public(image.repository, image.digest)) == (False, True)
    assert tokens.asked[-1] == ""


def test_a_refresh_token_serves_for_a_password(token_shop: Shop, tokens: TokenServer, tmp_path: Path) -> None:
    image = token_shop.publish(write_source(tmp_path, "one"))[None]
    login = Credentials("<token>", refresh_token="planted-refresh")

    assert Registry(Repository(image.repository), login).digest(image.tag) == image.digest


def test_a_wrong_login_sees_nothing(token_shop: Shop, tmp_path: Path) -> None:
    image = token_shop.publish(write_source(tmp_path, "one"))[None]

    assert Registry(Repository(image.repository), Credentials("ada", "wrong")).digest(image.tag) is None


def test_an_image_behind_a_password_is_not_public(
    private_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    shop = Shop(private_registry, docker_engine, docker_engine.variables(tmp_path / "home"))
    image = shop.publish(write_source(tmp_path, "one"))[None]

    assert not is_public(image.repository, image.digest)


def test_an_image_in_an_open_registry_is_public(
    open_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    shop = Shop(open_registry, docker_engine, docker_engine.variables(tmp_path / "home"))
    image = shop.publish(write_source(tmp_path, "one"))[None]

    assert is_public(image.repository, image.digest)
    assert not is_public(image.repository, f"sha256:{uuid4().hex * 2}")


def test_a_repository_is_known_to_be_private_by_what_it_holds_already(
    token_shop: Shop, tokens: TokenServer, tmp_path: Path
) -> None:
    repository = Registry(Repository(token_shop.repository), _ADA)
    empty = repository.is_private()
    token_shop.publish(write_source(tmp_path, "one"))
    held = repository.is_private()
    tokens.public.add(token_shop.path)

    assert (empty, held, repository.is_private()) == (False, True, False)


def test_a_registry_that_lets_nobody_in_is_private_before_it_holds_anything(
    private_registry: LocalRegistry, open_registry: LocalRegistry
) -> None:
    login = Credentials(private_registry.username, private_registry.password)

    assert _registry(private_registry.host, login).is_private()
    assert not _registry(open_registry.host).is_private()


@pytest.mark.parametrize(
    "tags", [Answer(503), Answer(200, b"[]"), Answer(200, b'{"tags": null}')], ids=["trouble", "no object", "no tag"]
)
def test_a_repository_of_which_nothing_is_known_is_not_called_private(tags: Answer) -> None:
    with canned(tags, Answer(404)) as server:
        assert not _registry(server.host).is_private()


def test_a_tag_whose_image_is_gone_says_nothing_of_the_repository() -> None:
    with canned(Answer(200, b'{"tags": ["gone"]}'), Answer(404)) as server:
        assert not _registry(server.host).is_private()

    assert [path for _, path, _ in server.requests] == [
        "/v2/ada/guestbook/tags/list?n=1",
        *["/v2/ada/guestbook/manifests/gone"] * 2,
    ]


def test_a_registry_that_is_down_is_named_after_three_attempts() -> None:
    clock = StillClock()

    with pytest.raises(BuildError, match=r"the registry localhost:9 does not answer: .*refused: check its address and"):
        _registry("localhost:9", clock=clock).check()

    assert len(clock.sleeps) == 2


def test_a_rate_limit_is_waited_for_as_long_as_it_asks() -> None:
    manifest = Answer(200, b"{}", {"Docker-Content-Digest": "sha256:1"})
    clock = StillClock()
    with canned(Answer(429, headers={"Retry-After": "7"}), manifest) as server:
        assert _registry(server.host, clock=clock).digest("one") == "sha256:1"

    assert clock.sleeps == [7.0]


def test_a_rate_limit_that_stays_names_the_remedy() -> None:
    with (
        canned(Answer(429, headers={"Retry-After": "3600"})) as server,
        pytest.raises(BuildError, match=r"rate limit of localhost:\d+ is reached \(429\): set DOCKER_USERNAME and"),
    ):
        is_public(f"{server.host}/ada/guestbook", "sha256:1", clock=StillClock())


def test_a_registry_that_fails_is_named() -> None:
    with (
        canned(Answer(503)) as server,
        pytest.raises(BuildError, match=r"the registry localhost:\d+ fails with status 503: try again later"),
    ):
        _registry(server.host).digest("one")


def test_what_answers_but_is_no_registry_is_refused() -> None:
    with (
        canned(Answer(404)) as server,
        pytest.raises(BuildError, match=r"/v2/ answers 404, as no registry does: check the registry in service\.image"),
    ):
        _registry(server.host).check()


def test_an_unknown_status_is_told() -> None:
    with (
        canned(Answer(418)) as server,
        pytest.raises(BuildError, match=r"localhost:\d+ answers 418 for http://localhost:\d+/v2/ada/guestbook/man"),
    ):
        _registry(server.host).digest("one")


def test_the_digest_is_computed_where_the_registry_does_not_say_it() -> None:
    body = json.dumps({"config": {"digest": "sha256:c"}}).encode()
    digest = f"sha256:{sha256(body).hexdigest()}"
    with canned(Answer(200, body)) as server:
        registry = _registry(server.host)

        assert registry.digest("one") == digest
        assert registry.ids("one") == {digest, "sha256:c"}


def test_a_login_is_not_sent_on_to_another_host() -> None:
    wants_login = Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    with canned(Answer(200, b"{}", {"Docker-Content-Digest": "sha256:1"})) as elsewhere:
        moved = Answer(307, headers={"Location": f"http://{elsewhere.host}/elsewhere"})
        with canned(wants_login, moved) as server:
            assert _registry(server.host, _ADA).digest("one") == "sha256:1"

    assert server.requests[1][2].startswith("Basic ")
    assert elsewhere.requests == [("HEAD", "/elsewhere", "")]


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the canned server, and known to this process as that of an authority is."""
    path = write_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def test_a_login_is_not_sent_on_to_plain_http_of_the_same_host_and_port(certificate: Path) -> None:
    wants_login = Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    manifest = Answer(200, b"{}", {"Docker-Content-Digest": "sha256:1"})
    with canned(wants_login, certificate=certificate) as server:
        server.answers += [Answer(307, headers={"Location": f"http://{server.remote}/plain"}), manifest]

        assert _registry(server.remote, _ADA).digest("one") == "sha256:1"

    assert server.requests[1][2].startswith("Basic ")
    assert server.requests[2] == ("HEAD", "/plain", "")


def test_a_login_is_kept_where_a_redirect_stays_on_the_server(certificate: Path) -> None:
    wants_login = Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    manifest = Answer(200, b"{}", {"Docker-Content-Digest": "sha256:1"})
    with canned(wants_login, certificate=certificate) as server:
        server.answers += [Answer(307, headers={"Location": f"HTTPS://{server.remote}/moved"}), manifest]

        assert _registry(server.remote, _ADA).digest("one") == "sha256:1"

    assert server.requests[2][2].startswith("Basic ")


def test_a_redirect_to_no_port_is_a_registry_that_does_not_answer() -> None:
    with (
        canned(Answer(307, headers={"Location": "http://localhost:port/"})) as server,
        pytest.raises(BuildError, match="does not answer"),
    ):
        _registry(server.host).digest("one")


def test_a_registry_elsewhere_gets_no_login_to_a_realm_on_this_machine(certificate: Path) -> None:
    with canned(Answer(200, b'{"token": "t"}')) as tokens:
        challenge = f'Bearer realm="http://{tokens.host}/token",service="s"'
        with canned(Answer(401, headers={"WWW-Authenticate": challenge}), certificate=certificate) as server:
            assert _registry(server.remote, _ADA).digest("one") is None

            # A registry of this machine may keep its tokens here.
            assert _registry(server.host, _ADA).digest("one") is None

    assert [request[2][:6] for request in tokens.requests] == ["Basic "]


def test_a_challenge_is_read_as_far_as_an_honest_one_goes() -> None:
    with canned(Answer(200, b'{"token": "t"}')) as tokens:
        near, far = (f'Bearer {"a" * many} realm="http://{tokens.host}/token"' for many in (3000, 65_000))
        with canned(Answer(401, headers={"WWW-Authenticate": far})) as server:
            # To read all of it took a minute.
            assert _registry(server.host, _ADA).digest("one") is None
        assert tokens.requests == []

        with canned(Answer(401, headers={"WWW-Authenticate": near})) as server:
            assert _registry(server.host, _ADA).digest("one") is None
        assert len(tokens.requests) == 1


@pytest.mark.parametrize("promised", [None, "sha256:" + "0" * 64])
def test_a_manifest_that_is_not_what_its_digest_says_is_refused(promised: str | None) -> None:
    body = b'{"config": {"digest": "sha256:c"}}'
    digest = f"sha256:{sha256(body).hexdigest()}"
    headers = {"Docker-Content-Digest": promised} if promised else {}
    reference = digest if promised else "sha256:" + "1" * 64
    with (
        canned(Answer(200, body, headers)) as server,
        pytest.raises(BuildError, match=rf"localhost:\d+ answers with {digest} where sha256:(0|1)+ is asked for or"),
    ):
        _registry(server.host).ids(reference)


def test_a_digest_that_is_answered_with_another_one_is_refused() -> None:
    other = "sha256:" + "0" * 64
    with (
        canned(Answer(200, headers={"Docker-Content-Digest": other})) as server,
        pytest.raises(BuildError, match=f"answers with {other} where sha256:1+ is asked for"),
    ):
        is_public(f"{server.host}/ada/guestbook", "sha256:" + "1" * 64)


@pytest.mark.parametrize("realm", ["http://tokens.example.com/token", "file:///etc/passwd", ""])
def test_a_login_is_not_sent_without_tls(realm: str) -> None:
    with canned(Answer(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}",service="s"'})) as server:
        assert _registry(server.host, _ADA).digest("one") is None

    assert [authorization for *_, authorization in server.requests] == [""]


@pytest.mark.parametrize("body", [b"no JSON", b"[]", b"{}"])
def test_a_token_answer_without_a_token_is_no_login(body: bytes) -> None:
    with canned(Answer(200, body)) as tokens:
        challenge = f'Bearer realm="http://{tokens.host}/token",service="s"'
        with canned(Answer(401, headers={"WWW-Authenticate": challenge})) as server:
            assert _registry(server.host, _ADA).digest("one") is None


def test_a_login_says_nothing_of_its_secret() -> None:
    assert "planted" not in repr((_ADA, Credentials("ada", refresh_token="planted-refresh")))
