"""A small application and its versions, on an emulator with Docker."""

import io
import json
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from beanpod_emulator import EmbeddedAws
from beanpod_emulator.registry import LocalRegistry
from emulator.tests.clients import Clients, option
from tests.deploy.engine import Engine, run_command

_LAUNCH = "aws:autoscaling:launchconfiguration"
_COMMAND = "aws:elasticbeanstalk:command"
_SECONDS = 300
_SERVES = 'echo "$COLOR" >> /www/index.html; trap exit TERM; httpd -f -p 8080 -h /www & wait'
# Answers with a request's headers and the length of its body. Of WebSocket it speaks the handshake, and an echo.
_ECHO = r"""
read -r request
while read -r line && line=$(echo "$line" | tr -d '\r') && [ "$line" ]; do
  name=$(echo "${line%%:*}" | tr A-Z a-z) value=${line#*: }
  case $name in content-length) length=$value ;; sec-websocket-key) key=$value ;; esac
  headers="$headers${headers:+, }\"$name\": \"$(echo "$value" | sed 's/["\\]/\\&/g')\""
done
if [ "$key" ]; then
  accept=$(printf %s "${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11" | sha1sum | cut -c 1-40 | xxd -r -p | base64)
  printf 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
  printf 'Sec-WebSocket-Accept: %s\r\n\r\n' "$accept"
  exec cat
fi
body="{\"n\": $(head -c "${length:-0}" | wc -c), \"headers\": {$headers}}"
printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %s\r\n' ${#body}
printf 'Connection: close\r\n\r\n%s' "$body"
"""
_MAY_READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
Options = Mapping[tuple[str, str], str]
VARIABLES = "aws:elasticbeanstalk:application:environment"
SINGLE = {("aws:elasticbeanstalk:environment", "EnvironmentType"): "SingleInstance"}


@dataclass(frozen=True)
class SampleApp:
    """An application, with versions of it.

    Attributes:
        name: Of the application, its bucket, and the role and profile of its instances.
        images: In the registry, by the words of their pages.
    """

    aws: EmbeddedAws
    registry: LocalRegistry
    engine: Engine
    folder: Path
    name: str = "shop"
    images: dict[str, str] = field(default_factory=dict)

    @cached_property
    def client(self) -> Clients:
        return Clients(self.aws)

    def open(self) -> "SampleApp":
        """Create what environments need."""
        iam, role = self.client("iam"), {"RoleName": self.name}
        iam.create_role(**role, AssumeRolePolicyDocument="{}")
        iam.put_role_policy(**role, PolicyName="bundles", PolicyDocument=json.dumps(_MAY_READ))
        iam.create_instance_profile(InstanceProfileName=self.name)
        iam.add_role_to_instance_profile(InstanceProfileName=self.name, **role)
        self.client("s3").create_bucket(Bucket=self.name)
        self.client("elasticbeanstalk").create_application(ApplicationName=self.name)
        return self

    def image(self, words: str, command: str = _SERVES) -> str:
        """An image whose page has the words; it is in the registry, and not on this machine."""
        return self._image(words, "www/index.html", f"{words}\n", command)

    def echo_image(self) -> str:
        """An image whose server answers with the request's headers and the length of its body, as JSON."""
        return self._image("echo", "echo.sh", _ECHO, "exec nc -ll -p 8080 -e sh /echo.sh")

    def _image(self, key: str, file: str, text: str, command: str) -> str:
        if key not in self.images:
            context = self.folder / f"image-{len(self.images)}"
            path = context / file
            path.parent.mkdir(parents=True)
            path.write_text(text)
            cmd = json.dumps(["sh", "-c", command])
            # A shell as the first process takes no SIGTERM: each stop would wait for 10 s.
            lines = ("FROM busybox:stable", f"COPY {file} /{file}", "STOPSIGNAL SIGKILL", f"CMD {cmd}", "")
            (context / "Dockerfile").write_text("\n".join(lines))
            name = f"{self.registry.host}/ada/shop:{len(self.images)}"
            self.docker("build", "--quiet", "--tag", name, str(context))
            self.docker("push", "--quiet", name)
            self.docker("image", "rm", name)
            self.images[key] = name
        return self.images[key]

    def version(self, label: str, words: str, *, files: Mapping[str, str] | None = None, **image: str) -> str:
        """A version, by its label. files: of the bundle. Default: a Dockerrun.aws.json for the image of the words."""
        return self.zipped(label, bundle(files or {"Dockerrun.aws.json": self.dockerrun(words, **image)}))

    def zipped(self, label: str, data: bytes) -> str:
        """A version of a bundle."""
        self.client("s3").put_object(Bucket=self.name, Key=label, Body=data)
        self.client("elasticbeanstalk").create_application_version(
            ApplicationName=self.name, VersionLabel=label, SourceBundle={"S3Bucket": self.name, "S3Key": label}
        )
        return label

    def dockerrun(self, words: str, **image: str) -> str:
        return dockerrun(self.image(words, **image))

    def launch(self, name: str, label: str = "", options: Options | None = None) -> "Environment":
        """An environment with a version, or with the sample application."""
        client = self.client("elasticbeanstalk")
        stack = next(it for it in client.list_available_solution_stacks()["SolutionStacks"] if "Docker" in it)
        settings = {(_LAUNCH, "IamInstanceProfile"): self.name, **(options or {})}
        client.create_environment(
            ApplicationName=self.name,
            EnvironmentName=name,
            SolutionStackName=stack,
            OptionSettings=option_settings(settings),
            **({"VersionLabel": label} if label else {}),
        )
        return Environment(self, name).settled()

    @contextmanager
    def health_timeout(self, seconds: float) -> Iterator[None]:
        """Have new versions fail that are not healthy within so many seconds."""
        self.aws.set_pace(health=seconds)
        try:
            yield
        finally:
            self.aws.set_pace(health=60)

    def docker(self, *arguments: str) -> None:
        """Run a docker command with a login of its own."""
        ended = run_command("docker", *arguments, environment=self.engine.variables(self.folder))
        assert ended.returncode == 0, f"docker {' '.join(arguments)}\n{ended.stdout}{ended.stderr}"


@dataclass(frozen=True)
class Environment:
    """An environment."""

    app: SampleApp
    name: str

    @property
    def url(self) -> str:
        return self.app.aws.environment_url(self.name)

    def described(self) -> dict[str, Any]:
        return self.app.client.environment(self.name, IncludeDeleted=True)

    def settled(self) -> "Environment":
        """Wait until nothing is under way."""
        end = time.monotonic() + _SECONDS
        while self.described()["Status"] not in ("Ready", "Terminated"):
            assert time.monotonic() < end, self.described()
            time.sleep(0.3)
        return self

    def update(self, **changes: Any) -> "Environment":
        self.app.client("elasticbeanstalk").update_environment(EnvironmentName=self.name, **changes)
        return self.settled()

    def page(self, path: str = "/") -> tuple[int, str]:
        try:
            with urlopen(f"{self.url}{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def errors(self) -> list[str]:
        """What its error events say, the oldest first."""
        return self.app.client.errors(EnvironmentName=self.name)[::-1]

    def instances(self) -> list[dict[str, Any]]:
        client = self.app.client("elasticbeanstalk")
        found = client.describe_instances_health(EnvironmentName=self.name, AttributeNames=["All"])
        shown: list[dict[str, Any]] = found["InstanceHealthList"]
        return shown

    def causes(self) -> str:
        """What is wrong with the instances."""
        return " ".join(cause for instance in self.instances() for cause in instance["Causes"])

    def containers(self) -> set[str]:
        """The ids of the instances that have a container."""
        form = '{{.Label "beanpod.instance"}}'
        found = self.app.engine.run("ps", "--format", form, "--filter", "label=beanpod.instance").split()
        return set(found) & {instance["InstanceId"] for instance in self.instances()}


def option_settings(options: Options) -> list[dict[str, str]]:
    return [option(*key, value) for key, value in options.items()]


def dockerrun(image: str) -> str:
    """A Dockerrun.aws.json."""
    return json.dumps({"AWSEBDockerrunVersion": "1", "Image": {"Name": image}, "Ports": [{"ContainerPort": 8080}]})


def bundle(files: Mapping[str, str]) -> bytes:
    """A zip of the files; scripts in it are executable."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            archive.writestr(entry, text)
    return data.getvalue()


def several(policy: str, count: int = 2) -> Options:
    """A load balanced environment of so many instances, one in a batch."""
    return {
        ("aws:elasticbeanstalk:environment", "EnvironmentType"): "LoadBalanced",
        ("aws:elasticbeanstalk:environment", "LoadBalancerType"): "application",
        ("aws:autoscaling:asg", "MinSize"): str(count),
        ("aws:autoscaling:asg", "MaxSize"): str(count + 2),
        (_COMMAND, "DeploymentPolicy"): policy,
        (_COMMAND, "BatchSizeType"): "Fixed",
        (_COMMAND, "BatchSize"): "1",
        ("aws:elasticbeanstalk:trafficsplitting", "EvaluationTime"): "3",
    }
