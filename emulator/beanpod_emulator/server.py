"""Starts and stops the embedded AWS for a test or a demonstration."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from beanpod_emulator.remote import Remote
from beanpod_emulator.surroundings import undisturbed

_PATH = Path(__file__).resolve().parents[1]
# Machines are removed one by one.
_STOP_SECONDS = 180


class EmbeddedAwsError(RuntimeError):
    """The server did not come up."""


@dataclass(frozen=True)
class EmbeddedAws(Remote):
    """A running embedded AWS: `with EmbeddedAws.start() as aws:`. See Remote for what can be ordered of it.

    environment: the variables that point AWS clients to it, for a subprocess. client_arguments: the same for boto3.
    """

    account: str
    region: str
    environment: dict[str, str] = field(repr=False)
    _process: "subprocess.Popen[str]" = field(repr=False)

    @classmethod
    def start(
        cls,
        *,
        port: int = 0,
        account: str = "123456789012",
        region: str = "us-east-1",
        virtual_clock: bool = False,
        update_seconds: float | None = None,
        launch_seconds: float | None = None,
        enforce_iam: bool = False,
        machines: bool = False,
    ) -> "EmbeddedAws":
        """Run a server with empty state in a process of its own, and wait until it answers.

        port: where on localhost. Default: 0, a free one.
        virtual_clock: time stands still and moves by advance() only. Default: the machine's time.
        update_seconds, launch_seconds: how long these take an environment. Default: nothing takes any time, but on
        a virtual clock 183 and 240.
        enforce_iam: whether users and roles may do only what their policies allow; the key in `environment` may do
        anything. Default: every known access key may do anything.
        machines: whether Docker runs what is deployed, and databases. Default: they exist in AWS's answers only.
        Raises EmbeddedAwsError when it does not come up.
        """
        arguments = ["--port", str(port), "--account", account, "--region", region]
        arguments += ["--virtual-clock"] if virtual_clock else []
        arguments += ["--enforce-iam"] if enforce_iam else []
        arguments += ["--machines"] if machines else []
        for name, seconds in (("update", update_seconds), ("launch", launch_seconds)):
            arguments += [] if seconds is None else [f"--{name}-seconds", str(seconds)]
        command = [sys.executable, "-m", "beanpod_emulator", *arguments]
        process = subprocess.Popen(  # noqa: S603
            command, cwd=_PATH, stdout=subprocess.PIPE, text=True
        )
        return cls(account, region, _announced(process), process)

    @property
    def endpoint_url(self) -> str:
        """Where it listens, such as http://localhost:5000."""
        return self.environment["AWS_ENDPOINT_URL"]

    @property
    def token(self) -> str:
        """Bearer token for the paths under /_emulator/."""
        return self.environment["BEANPOD_EMULATOR_TOKEN"]

    @property
    def client_arguments(self) -> dict[str, Any]:
        """Keyword arguments for boto3.client and boto3.resource."""
        return {
            "endpoint_url": self.endpoint_url,
            "region_name": self.region,
            "aws_access_key_id": self.environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.environment["AWS_SECRET_ACCESS_KEY"],
        }

    def whole_environment(self) -> dict[str, str]:
        """This process's variables with the embedded AWS among them, no other AWS settings, and no proxy before it."""
        return undisturbed(os.environ) | self.environment

    def stop(self) -> None:
        """End the server; its state is gone."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _announced(process: "subprocess.Popen[str]") -> dict[str, str]:
    """The variables the server prints, once it says it is ready."""
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if line.startswith("Ready"):
            exports = (text.strip().removeprefix("export ") for text in lines if "export " in text)
            return dict(text.split("=", 1) for text in exports)
    with process:
        code = process.wait()
    raise EmbeddedAwsError(f"the embedded AWS did not start, exit code {code}: its error output says why")
