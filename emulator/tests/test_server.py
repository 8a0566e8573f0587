"""The server's command: what it prints, where it listens, how it ends."""

import errno
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import boto3
import pytest

from beanpod_emulator import EmbeddedAws, EmbeddedAwsError
from beanpod_emulator.__main__ import main
from beanpod_emulator.docker_runtime.domain_proxy import DomainProxy
from beanpod_emulator.docker_runtime.engine_socket import EngineSocket
from beanpod_emulator.server.httpd import PortError, listen
from emulator.tests.clients import ROOT
from emulator.tests.requests import post_after_the_response
from tests.waiting import nothing_listens_on, wait_until


def printed(server: "subprocess.Popen[str]") -> list[str]:
    """The lines that a server prints until it is ready."""
    lines: list[str] = []
    for line in server.stdout or ():
        lines.append(line)
        if line.startswith("Ready"):
            return lines
    raise AssertionError(f"the server has ended with {server.wait()}: {lines}")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_prints_variables_and_stops_on_a_signal(how: signal.Signals) -> None:
    options = ["--port", "0", "--account", "210987654321", "--region", "eu-west-1"]
    command = [sys.executable, "-m", "beanpod_emulator", *options]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        try:
            lines = printed(server)
            exported = dict(line.split()[1].split("=", 1) for line in lines if "export" in line)
            sts = boto3.client(
                "sts",
                endpoint_url=exported["AWS_ENDPOINT_URL"],
                region_name=exported["AWS_REGION"],
                aws_access_key_id=exported["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=exported["AWS_SECRET_ACCESS_KEY"],
            )
            assert sts.get_caller_identity()["Account"] == "210987654321"
            server.send_signal(how)
            rest, errors = server.communicate(timeout=120)
        finally:
            # A test that fails does not wait for its end.
            server.kill()
    assert (server.returncode, rest, errors) == (0, "", "")
    # A profile of the shell would win over the exported key, a session token would go with it.
    assert "  unset AWS_PROFILE AWS_SESSION_TOKEN\n" in lines
    assert exported["AWS_ENDPOINT_URL"].startswith("http://localhost:")
    # An address: with a name, AWS's SDK for JavaScript would put the bucket before it.
    assert exported["AWS_ENDPOINT_URL_S3"] == exported["AWS_ENDPOINT_URL"].replace("localhost", "127.0.0.1")
    assert exported["AWS_REGION"] == exported["AWS_DEFAULT_REGION"] == "eu-west-1"


_EMBEDDING = """\
import os
from beanpod_emulator import EmbeddedAws
aws = EmbeddedAws.start()
print(aws.endpoint_url, os.getpgrp(), os.getpgid(aws._process.pid), flush=True)
os.kill(os.getpid(), 9)
"""


def test_an_embedded_server_ends_with_its_process_alone() -> None:
    done = subprocess.run([sys.executable, "-c", _EMBEDDING], cwd=ROOT, capture_output=True, text=True, check=False)
    url, own, of_the_server = done.stdout.split()
    assert own != of_the_server, "Ctrl-C would end both at once"
    wait_until(lambda: nothing_listens_on(int(url.rpartition(":")[2])))


def test_a_port_in_use_is_exit_code_2(tmp_path: Path) -> None:
    with socket.socket() as taken, (tmp_path / "log").open("w") as log:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedAwsError, match="did not start, exit code 2: its error output says why"):
            EmbeddedAws.start(port=port, log=log)
    message = f"emulator: port {port} is in use: stop what listens there, or choose another with --port\n"
    assert (tmp_path / "log").read_text() == message


def test_a_privileged_port_has_its_own_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    # Whether a port is root's depends on the machine and on who runs this.
    monkeypatch.setattr("socket.socket.bind", refuse)
    with pytest.raises(PortError, match=r"^port 80 is for root only: choose one above 1023 with --port$"):
        listen(80)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--account", "123"], "an account id has 12 digits, got 123"),
        (["--update-seconds=-1"], "0 or more seconds, got -1"),
        (["--launch-seconds=nan"], "0 or more seconds, got nan"),
        (["--update-seconds=inf"], "0 or more seconds, got inf"),
        (["--update-seconds=3s"], "0 or more seconds, got 3s"),
        (["--port=70000"], "a port is a number from 0 to 65535, got 70000"),
        (["--port=-1"], "a port is a number from 0 to 65535, got -1"),
        (["--port=80x"], "a port is a number from 0 to 65535, got 80x"),
        (["--region=Frankfurt"], "a region is written like eu-central-1, got Frankfurt"),
        (["--docker", "--virtual-clock"], "--docker runs containers in real time: leave out --virtual-clock"),
    ],
)
def test_rejects_invalid_options_of_the_command(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_each_start_listens_on_loopback_and_has_empty_state() -> None:
    with EmbeddedAws.start() as aws:
        port = int(aws.endpoint_url.rsplit(":", 1)[1])
        for address, refused in (("127.0.0.1", False), ("127.0.0.2", True)):
            with socket.socket() as client:
                assert (client.connect_ex((address, port)) != 0) is refused
        boto3.client("s3", **aws.client_arguments).create_bucket(Bucket="left-behind")
    with EmbeddedAws.start(port=port) as aws:
        assert boto3.client("s3", **aws.client_arguments).list_buckets()["Buckets"] == []


def test_the_servers_of_the_docker_runtime_do_not_reset_connections_either(tmp_path: Path) -> None:
    proxy, engine = DomainProxy(lambda address: None), EngineSocket(tmp_path / "engine.sock")
    with closing(proxy), closing(engine):
        with socket.create_connection(("127.0.0.1", proxy.server_address[1]), timeout=60) as client:
            response = post_after_the_response(client, "http://shop.example.com/", "Host: shop.example.com")
            assert response.startswith(b"HTTP/1.1 407")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(tmp_path / "engine.sock"))
            assert post_after_the_response(client, "/v1.41/build", "Host: docker").startswith(b"HTTP/1.1 503")


def test_whole_environment_has_no_other_aws_settings(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    environment = aws.whole_environment()
    assert "AWS_PROFILE" not in environment
    assert environment["AWS_ENDPOINT_URL"] == aws.endpoint_url
    assert "PATH" in environment
