"""RDS instances as database servers with TLS."""

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from beanpod_emulator import EmbeddedAws
from beanpod_emulator.embedded_aws import ControlError
from emulator.tests.clients import client
from emulator.tests.docker_runtime.sample_app import SampleApp
from tests.deploy.engine import Engine

PASSWORD = "planted-Pa55word"
_SECONDS = 300


@dataclass(frozen=True)
class Server:
    """An instance. host: the name of its endpoint; container: the one that runs it."""

    engine: Engine
    host: str
    container: str

    def run(self, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """A command in a container of the same image and network, with the authority of the run."""
        volume, network, image = self._inspected()
        given = [item for name, value in variables.items() for item in ("--env", f"{name}={value}")]
        return subprocess.run(
            ["docker", "run", "--rm", "--network", network, "--volume", f"{volume}:/ca.pem:ro", *given, "--entrypoint",
             command[0], image, *command[1:]],
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip

    def until(self, *command: str, **variables: str) -> str:
        """What the command prints once it succeeds."""
        end = time.monotonic() + _SECONDS
        while (done := self.run(*command, **variables)).returncode:
            assert time.monotonic() < end, done.stderr
            time.sleep(0.5)
        return done.stdout

    def _inspected(self) -> tuple[str, str, str]:
        label, image = self.engine.run(
            "inspect", "--format", '{{index .Config.Labels "beanpod.emulator"}} {{.Config.Image}}', self.container
        ).split()
        return f"{label}/authority/ca.pem", label.rpartition("/")[2], image


@pytest.fixture(scope="module")
def aws(docker_aws: SampleApp) -> EmbeddedAws:
    return docker_aws.aws


def create(aws: EmbeddedAws, engine: Engine, name: str, version: str, forcing: str) -> Server:
    """An instance that insists on TLS."""
    rds = client(aws, "rds")
    family = {"mysql": "mysql8.4", "postgres": "postgres17"}[name]
    rds.create_db_parameter_group(DBParameterGroupName=name, DBParameterGroupFamily=family, Description="TLS")
    parameter = {"ParameterName": forcing, "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
    rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=[parameter])
    made = rds.create_db_instance(
        DBInstanceIdentifier=f"a-{name}",
        Engine=name,
        EngineVersion=version,
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        DBName="book",
        MasterUsername="keeper",
        MasterUserPassword=PASSWORD,
        DBParameterGroupName=name,
    )["DBInstance"]
    port = until(lambda: aws.database_address(f"a-{name}").rpartition(":")[2])
    (container,) = engine.run("ps", "--filter", f"publish={port}", "--format", "{{.Names}}").split()
    return Server(engine, made["Endpoint"]["Address"], container)


def until(value: Callable[[], str]) -> str:
    """Wait until the emulator knows it."""
    end = time.monotonic() + _SECONDS
    while True:
        try:
            return value()
        except ControlError:
            assert time.monotonic() < end
            time.sleep(0.1)


def test_mysql_accepts_tls_by_its_endpoint_and_is_removed_with_its_instance(
    aws: EmbeddedAws, docker_engine: Engine
) -> None:
    server = create(aws, docker_engine, "mysql", "8.4", "require_secure_transport")
    # The image may be MySQL's own, or MariaDB in its place: their clients say it differently.
    maria = "MariaDB" in server.run("mysql", "--version").stdout
    verified = "--ssl-verify-server-cert" if maria else "--ssl-mode=VERIFY_IDENTITY"
    command = ("mysql", "--host", server.host, "--user", "keeper", "book", "--execute")
    ask = ("SHOW STATUS LIKE 'Ssl_cipher'", "--ssl-ca=/ca.pem", verified)
    assert "TLS_" in server.until(*command, *ask, MYSQL_PWD=PASSWORD)
    assert "Access denied" in server.run(*command, *ask, MYSQL_PWD="wrong").stderr
    without = "--skip-ssl" if maria else "--ssl-mode=DISABLED"
    plain = server.run(*command, "SELECT 1", without, MYSQL_PWD=PASSWORD)
    assert re.search("Access denied|insecure transport are prohibited", plain.stderr)
    assert PASSWORD not in docker_engine.run("top", server.container, "-eo", "args")
    host, _, port = aws.database_address("a-mysql").partition(":")
    assert host == "127.0.0.1"
    assert docker_engine.run("port", server.container).endswith(f"-> 127.0.0.1:{port}\n")
    mounts = docker_engine.run("inspect", "--format", "{{range .Mounts}}{{.Name}} {{end}}", server.container).split()
    client(aws, "rds").delete_db_instance(DBInstanceIdentifier="a-mysql", SkipFinalSnapshot=True)
    end = time.monotonic() + _SECONDS
    while server.container in docker_engine.run("ps", "--all", "--format", "{{.Names}}").split():
        assert time.monotonic() < end
        time.sleep(0.1)
    assert not set(mounts) & set(docker_engine.run("volume", "ls", "--quiet").split())
    with pytest.raises(ControlError, match="no a-mysql runs here"):
        aws.database_address("a-mysql")


def test_postgres_accepts_tls_by_its_endpoint(aws: EmbeddedAws, docker_engine: Engine) -> None:
    server = create(aws, docker_engine, "postgres", "17", "rds.force_ssl")
    address = f"host={server.host} user=keeper dbname=book"
    ask = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    tls = ("psql", f"{address} sslmode=verify-full sslrootcert=/ca.pem", "--tuples-only", "--command", ask)
    assert server.until(*tls, PGPASSWORD=PASSWORD).strip() == "t"
    plain = server.run("psql", f"{address} sslmode=disable", "--command", "SELECT 1", PGPASSWORD=PASSWORD)
    assert "no encryption" in plain.stderr
