"""The hook that fails an instance's deployment, with real containers; only what it sees of the engine is narrowed."""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex

import pytest

from beanpod.deploy.bundles.compose.services import Kind
from beanpod.deploy.bundles.hooks import verify_hooks
from tests.deploy.bundles.instance import Instance
from tests.deploy.engine import Engine
from tests.waiting import wait_until

IMAGE = "busybox:stable"
SERVE = r"""mkdir -p /www/folder /www/cgi-bin; echo ok > /www/health
printf '#!/bin/sh\nprintf "Status: 502 Bad Gateway\\n\\n"\n' > /www/cgi-bin/502; chmod +x /www/cgi-bin/502
exec httpd -f -p 8080 -h /www"""
SLEEP = "exec sleep 600"
# As long as a busy machine may take, which is not waited for where all is well.
BUSY = 60
# The engine is everybody's on this machine; the instance has one of its own.
DOCKER = """#!/bin/sh
verb=$1
[ "$verb" = ps ] && shift && exec {docker} ps --filter label=beanpod.test={name} "$@"
exec {docker} "$@"
"""
CURL = """#!/bin/sh
for given in "$@"; do shift; set -- "$@" "$(echo "$given" | sed 's,^http://localhost,{address},')"; done
exec {curl} "$@"
"""


class Verified(Instance):
    """Containers of a compose project or of none, and a hook that sees no others."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        super().__init__(folder, engine)
        self._engine = engine
        self.name = f"verify-{token_hex(4)}"
        self._address = "http://127.0.0.1:9"
        self.program("docker", DOCKER.format(docker=self.real_docker, name=self.name))

    def start(self, service: str | None, command: str, *options: str, restart: str = "no", image: str = IMAGE) -> str:
        """A container of a service; its id."""
        labels = [f"beanpod.test={self.name}"]
        if service:
            labels += [f"com.docker.compose.service={service}", "com.docker.compose.oneoff=False"]
        labelled = (item for label in labels for item in ("--label", label))
        # Docker before 23 may not notice the end of a container that ends as it starts.
        program = ("sh", "-c", f"sleep 0.3; {command}")
        return self._engine.run(
            "run", "--detach", "--init", "--restart", restart, *labelled, *options, image, *program
        ).strip()

    def serve(self, service: str | None = "web", command: str = SERVE, image: str = IMAGE) -> str:
        """The container that requests reach."""
        started = self.start(service, command, "--publish", "127.0.0.1::8080", restart="always", image=image)
        self._address = f"http://{self._engine.run('port', started, '8080/tcp').splitlines()[0]}"
        return started

    def verify(
        self,
        kinds: dict[str, Kind],
        *,
        watch: int = 2,
        settle: int = 0,
        path: str = "/health",
        image: str = "",
        codes: str = "200",
    ) -> "subprocess.CompletedProcess[str]":
        """Run the hook. settle: default: as short as the hook allows."""
        self.program("curl", CURL.format(curl=shutil.which("curl"), address=self._address))
        hook, _ = verify_hooks(kinds, image=image, health_path=path, health_codes=codes).values()
        return self.run(hook, BEANPOD_WATCH_SECONDS=str(watch), BEANPOD_SETTLE_SECONDS=str(settle))

    def policy(self, container: str) -> str:
        return self._engine.run("inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", container).strip()

    def remove(self) -> None:
        containers = self._engine.run("ps", "--all", "--quiet", "--filter", f"label=beanpod.test={self.name}").split()
        if containers:
            self._engine.run("rm", "--force", "--volumes", *containers)


def test_a_name_like_a_placeholder_stays_as_it_is() -> None:
    hooks = verify_hooks({"__IMAGE__": Kind.SERVER}, image="x", health_path="/__CODES__", health_codes="200")
    (script,) = set(hooks.values())
    assert b"services='__IMAGE__ server'" in script.data
    assert b"health_path=/__CODES__" in script.data


@pytest.fixture
def instance(docker_engine: Engine, tmp_path: Path) -> Iterator[Verified]:
    made = Verified(docker_engine, tmp_path / "instance")
    yield made
    made.remove()


def failed(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line that says why."""
    assert done.returncode == 1, done.stdout
    (line,) = done.stderr.splitlines()
    return line


def test_a_release_that_runs_well_passes_and_its_workers_come_up_after_a_reboot(instance: Verified) -> None:
    instance.serve()
    worker = instance.start("worker", SLEEP, restart="on-failure")
    seed = instance.start("seed", "echo seeded", restart="on-failure")
    owners = instance.start("owners", "echo done", restart="on-failure:3")
    instance.start("migrate", "sleep 1; echo migrated")
    instance.start("late", f"[ -e /once ] && {SLEEP}; touch /once; sleep 2; exit 1", restart="always")
    instance.start("index", SLEEP)
    instance.start("none-of-ours", "exit 1")
    kinds = {"web": Kind.SERVER, "worker": Kind.WORKER, "seed": Kind.WORKER, "owners": Kind.ONCE, "migrate": Kind.JOB}
    done = instance.verify({**kinds, "late": Kind.SERVER}, watch=3, settle=BUSY)
    assert (done.returncode, done.stderr) == (0, "")
    assert "GET http://localhost/health answered 200" in done.stdout
    assert [instance.policy(it) for it in (worker, seed, owners)] == ["unless-stopped", "on-failure", "on-failure"]
    # A service that is started once may still run.
    done = instance.verify({"web": Kind.SERVER, "index": Kind.ONCE}, watch=1)
    assert (done.returncode, "as far as this release waits for them: index" in done.stdout) == (0, True)
    line = failed(instance.verify({"web": Kind.SERVER, "other": Kind.WORKER}, watch=1))
    assert line == "The release is not healthy: service other has no container."


FAILING: list[tuple[Kind, str, str, list[str]]] = [
    (Kind.SERVER, "echo migrated", "always", ["restarts again and again", "migrated"]),
    (Kind.SERVER, "sleep 1; echo tired; exit 1", "always", ["restarts again and again", "tired"]),
    (Kind.WORKER, "echo lost the queue; exit 7", "on-failure", ["restarts again and again", "Exit code 7"]),
    (Kind.SERVER, "echo no; echo table; exit 3", "no", ["has failed. Exit code 3, 0 restarts", "no | table"]),
    (Kind.ONCE, "echo boom >&2; exit 2", "on-failure:1", ["has failed. Exit code 2, 1 restarts", "boom"]),
    (Kind.JOB, "exit 4", "no", ["has failed. Exit code 4"]),
    (Kind.WORKER, "exit 137", "no", ["Exit code 137 (killed, often for lack of memory: write a larger type"]),
    (Kind.SERVER, "echo bye", "no", ["has ended, though it should run", 'restart: "no"', "bye"]),
    (Kind.JOB, SLEEP, "no", ["is a job and still runs"]),
]


def test_a_service_that_does_not_run_fails_the_deployment(docker_engine: Engine, tmp_path: Path) -> None:
    def verified(number: int) -> str:
        kind, command, restart, _ = FAILING[number]
        instance = Verified(docker_engine, tmp_path / str(number))
        try:
            instance.start("it", command, restart=restart)
            # A service that restarts or runs on is watched until the time is over, a failure is seen at once.
            ended = restart in ("no", "on-failure:1") and command != SLEEP
            return failed(instance.verify({"it": kind}, watch=10 if ended else 5 if "tired" in command else 2))
        finally:
            instance.remove()

    # They wait for seconds: all at once.
    with ThreadPoolExecutor(len(FAILING)) as pool:
        for (*_, parts), line in zip(FAILING, pool.map(verified, range(len(FAILING))), strict=True):
            assert line.startswith("The release is not healthy: service it ")
            assert [part for part in parts if part not in line] == [], line


def test_an_unhealthy_service_fails_the_deployment(instance: Verified) -> None:
    check = ("--health-interval", "1s", "--health-retries", "1", "--health-cmd")
    instance.serve()
    instance.start("slow", f"sleep 3; touch /up; {SLEEP}", *check, "[ -e /up ] || exit 0", restart="always")
    assert instance.verify({"web": Kind.SERVER, "slow": Kind.SERVER}, watch=1, settle=BUSY).returncode == 0
    # Unhealthy at first, as without a start_period.
    instance.start("late", f"sleep 3; touch /up; {SLEEP}", *check, "[ -e /up ]", restart="always")
    assert instance.verify({"web": Kind.SERVER, "late": Kind.SERVER}, watch=2, settle=BUSY).returncode == 0
    instance.start("ill", f"echo no database; {SLEEP}", *check, "exit 1", restart="always")
    line = failed(instance.verify({"web": Kind.SERVER, "ill": Kind.SERVER}, watch=1))
    assert "service ill is unhealthy, according to its HEALTHCHECK (start_period gives it time to start" in line
    assert "no database" in line


WRITE = "write a path that the app answers"
ASKED = [
    ("/health", "200", 0, "answered 200"),
    ("/health?deep=[1]", "200-299", 0, "answered 200"),
    ("/none", "200,404", 0, "answered 404"),
    ("/folder", "200,302", 0, "answered 302"),
    ("/folder", "200", 1, f"/folder/: {WRITE} itself into service.health_check_path"),
    ("/cgi-bin/502", "200", 1, "does not reach the app, this must listen on 0.0.0.0, not on 127.0.0.1 only"),
    ("/none", "200", 1, f"404 on this instance, expected 200; {WRITE} into service.health_check_path"),
]


def test_the_health_path_is_asked_on_the_instance(instance: Verified) -> None:
    instance.serve()
    wait_until(lambda: instance.verify({"web": Kind.SERVER}, watch=0).returncode == 0)
    for path, codes, code, expected in ASKED:
        done = instance.verify({"web": Kind.SERVER}, watch=0, path=path, codes=codes)
        assert (done.returncode, expected in done.stdout + done.stderr) == (code, True), done


def test_an_instance_that_does_not_answer_fails(instance: Verified) -> None:
    instance.start("web", SLEEP)
    assert failed(instance.verify({"web": Kind.SERVER}, watch=1)) == (
        "The release is not healthy: GET http://localhost/health is not answered on this instance; write the port "
        "on which the app listens into service.port; it must listen on 0.0.0.0, not on 127.0.0.1 only."
    )


def test_the_one_container_of_a_dockerfile_is_found_by_its_image(docker_engine: Engine, instance: Verified) -> None:
    image = f"{instance.name}:1"
    docker_engine.run("tag", IMAGE, image)
    try:
        instance.serve(None, image=image)
        assert instance.verify({}, image=image, watch=1, settle=BUSY).returncode == 0
        instance.start(None, "echo crash; exit 9", restart="always", image=image)
        line = failed(instance.verify({}, image=image, watch=2))
    finally:
        docker_engine.run("image", "rm", image)
    assert "the container restarts again and again. Exit code 9" in line
    assert "crash" in line


def test_a_window_that_is_no_number_is_refused(tmp_path: Path) -> None:
    hook, _ = verify_hooks({}, image=IMAGE, health_path="/", health_codes="200").values()
    done = Instance(tmp_path).run(hook, BEANPOD_WATCH_SECONDS="1m")
    assert (done.returncode, done.stderr) == (1, "BEANPOD_WATCH_SECONDS must be a number of seconds, got 1m\n")
