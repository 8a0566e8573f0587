"""Names of repositories are read as Docker reads them."""

import pytest

from beanpod.deploy.images._repository import Repository, is_loopback


@pytest.mark.parametrize(
    ("name", "host", "path", "api"),
    [
        ("ada/guestbook", "docker.io", "ada/guestbook", "https://registry-1.docker.io"),
        ("guestbook", "docker.io", "library/guestbook", "https://registry-1.docker.io"),
        ("docker.io/ada/guestbook", "docker.io", "ada/guestbook", "https://registry-1.docker.io"),
        ("ghcr.io/ada/guestbook", "ghcr.io", "ada/guestbook", "https://ghcr.io"),
        ("ghcr.io/guestbook", "ghcr.io", "guestbook", "https://ghcr.io"),
        ("images.example.com:8443/a/b/c", "images.example.com:8443", "a/b/c", "https://images.example.com:8443"),
        ("localhost/guestbook", "localhost", "guestbook", "http://localhost"),
        ("localhost:5000/guestbook", "localhost:5000", "guestbook", "http://localhost:5000"),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000", "a/b", "http://127.0.0.1:5000"),
    ],
)
def test_the_first_part_is_a_host_if_it_looks_like_one(name: str, host: str, path: str, api: str) -> None:
    repository = Repository(name)

    assert (repository.host, repository.path, repository.api) == (host, path, api)


def test_docker_hubs_login_has_a_name_of_its_own() -> None:
    assert Repository("ada/guestbook").login_key == "https://index.docker.io/v1/"
    assert Repository("ghcr.io/ada/guestbook").login_key == "ghcr.io"


@pytest.mark.parametrize("host", ["127.example.com", "localhost.example.com", "10.0.0.1:5000", "example.com"])
def test_only_this_machine_goes_without_tls(host: str) -> None:
    assert not is_loopback(host)
