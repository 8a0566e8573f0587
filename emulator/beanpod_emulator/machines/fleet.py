"""The machines of one environment, and the proxy before them; its works are done one after another."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Event, RLock

from beanpod_emulator.beanstalk.batches import Batches
from beanpod_emulator.beanstalk.models import eb_backends
from beanpod_emulator.beanstalk.state import SAMPLE_VERSION, Deployment, Environment
from beanpod_emulator.machines.docker import DockerError
from beanpod_emulator.machines.front import Front
from beanpod_emulator.machines.grounds import Grounds
from beanpod_emulator.machines.machine import Machine
from beanpod_emulator.machines.nginx import Pools
from beanpod_emulator.machines.profile import Profile
from beanpod_emulator.machines.release import MachineError, Release, Setting
from beanpod_emulator.settings import PACE
from beanpod_emulator.turn import TURN

_PROCESS = "aws:elasticbeanstalk:environment:process:default"
_REPLACING = ("Immutable", "TrafficSplitting")
Failures = dict[str, MachineError]


class _SupersededError(Exception):
    """Another operation of the environment has taken over."""


class Fleet:
    """Machines by instance id. failures: why the last change did not go well, by instance id."""

    def __init__(self, grounds: Grounds, environment: Environment, port: int) -> None:
        self.failures: Failures = {}
        self._grounds = grounds
        self._environment = environment
        self._front = Front(grounds, environment.environment_id, port)
        self._started = False
        self._machines: dict[str, Machine] = {}
        self._routing = RLock()
        self._last = Event()
        self._last.set()

    @property
    def name(self) -> str:
        """The environment's name."""
        return self._environment.name

    @property
    def endpoint(self) -> str:
        """Where the environment answers."""
        return f"localhost:{self._front.port}"

    def settle(self, done: Callable[[], None]) -> None:
        """Bring the machines to what the environment's instances should be; see Hosts."""
        self._start(lambda operation: self._settle(operation, done))

    def roll_out(self, batches: Batches, done: Callable[[bool], None]) -> None:
        """Deploy batch by batch; see Hosts."""
        self._start(lambda operation: self._roll_out(operation, batches, done))

    def _start(self, work: Callable[[str | None], None]) -> None:
        """Do some work once what is under way has ended, unless another operation has begun by then."""
        before, self._last = self._last, Event()
        after, operation = self._last, self._environment.operation

        def run() -> None:
            before.wait()
            try:
                with suppress(_SupersededError):
                    work(operation)
            finally:
                after.set()

        TURN.beside(run)

    def _in_turn(self, operation: str | None, action: Callable[[], None]) -> None:
        with TURN:
            if self._environment.operation != operation:
                raise _SupersededError
            action()

    def _settle(self, operation: str | None, done: Callable[[], None]) -> None:
        with TURN:
            wanted = [instance.instance_id for instance in self._environment.instances]
            running = self._environment.expected
        try:
            self.failures = self._bring(wanted, running)
        except DockerError as error:
            self.failures = dict.fromkeys(wanted, MachineError("run", str(error)))
        self._in_turn(operation, done)

    def _bring(self, wanted: list[str], running: Deployment | None) -> Failures:
        if wanted and not self._started:
            self._front.start()
            self._started = True
        self._retire([name for name in self._machines if name not in wanted])
        if not wanted:
            self._front.remove()
        if not running or running.version_label == SAMPLE_VERSION:
            return {}
        return self._deploy_all(wanted, running, config=True)

    def _roll_out(self, operation: str | None, batches: Batches, done: Callable[[bool], None]) -> None:
        self._in_turn(operation, batches.prepare)
        try:
            well = self._batch_after_batch(operation, batches)
        except DockerError:
            well = False
        self._in_turn(operation, lambda: done(well))

    def _batch_after_batch(self, operation: str | None, batches: Batches) -> bool:
        """Whether all of them went through."""
        fresh = [instance.instance_id for instance in batches.plan.fresh]
        leaving = [instance.instance_id for instance in batches.plan.leaving]
        failed = False
        for number in range(batches.count):
            self._in_turn(operation, partial(batches.begin, number))
            failed = self._deploy_batch(operation, batches, number)
            if failed:
                break
        if not failed and self._policy in _REPLACING:
            self._shift(fresh)
        self._retire(fresh if failed else leaving)
        return not failed

    def _deploy_batch(self, operation: str | None, batches: Batches, number: int) -> bool:
        """Whether a machine of the batch failed."""
        batch = batches.plan.batches[number]
        deployment = batch[0].deployment
        ids = [instance.instance_id for instance in batch]
        failures = self._deploy_all(ids, deployment, numbered=batches.plan.numbered)
        if failures:
            events = list(dict.fromkeys(error.event for error in failures.values()))
            causes = {name: str(error) for name, error in failures.items()}
            self._in_turn(operation, lambda: batches.fail(number, causes, events))
        else:
            self._in_turn(operation, lambda: batches.end(number))
        return bool(failures)

    @property
    def _general_path(self) -> str:
        """The one that an environment without a load balancer has."""
        return self._environment.option("aws:elasticbeanstalk:application", "Application Healthcheck URL", "/")

    @property
    def _policy(self) -> str:
        return self._environment.option("aws:elasticbeanstalk:command", "DeploymentPolicy", "AllAtOnce")

    def _deploy_all(
        self, ids: Iterable[str], deployment: Deployment, *, numbered: bool = False, config: bool = False
    ) -> Failures:
        """Deploy to several machines at once; what failed. numbered: each is out of service meanwhile."""
        ids = list(ids)
        try:
            with TURN:
                release, setting = self._needs(deployment)
        except MachineError as error:
            return dict.fromkeys(ids, error)

        def deploy(name: str) -> MachineError | None:
            try:
                self._deploy(name, release, setting, numbered=numbered, config=config)
            except (MachineError, DockerError) as error:
                return error if isinstance(error, MachineError) else MachineError("run", str(error))
            return None

        with ThreadPoolExecutor(max_workers=max(len(ids), 1)) as pool:
            results = dict(zip(ids, pool.map(deploy, ids), strict=True))
        return {name: error for name, error in results.items() if error}

    def _deploy(self, name: str, release: Release, setting: Setting, *, numbered: bool, config: bool) -> None:
        machine = self._machines.setdefault(name, Machine(self._grounds, name))
        if config and machine.runs(release, setting):
            return
        held_back = machine.installed is None and not config and self._policy in _REPLACING
        if numbered:
            self._take_out(name)
        machine.deploy(
            release,
            setting,
            lambda address: None if held_back else self._put_in(name, address),
            config=config and machine.installed is not None,
        )

    def _needs(self, deployment: Deployment) -> tuple[Release, Setting]:
        """What a deployment takes, read as the instances may read it."""
        environment = self._environment
        region, account = environment.arn.split(":")[3:5]
        profile = Profile.of(environment)
        applications = eb_backends[account][region].applications
        version = applications.version(environment.application, deployment.version_label)
        if version.source_bundle is None:
            raise MachineError("download the source bundle", f"version {version.label} has none")
        release = Release(version.label, deployment.deployment_id, profile.bundle(version.source_bundle))
        self._front.drain_seconds = float(environment.option(_PROCESS, "DeregistrationDelay", "20"))
        self._front.idle_seconds = _idle_seconds(environment)
        setting = Setting(
            environment=environment.name,
            variables=profile.variables(environment),
            health_path=environment.option(_PROCESS, "HealthCheckPath", self._general_path),
            health_codes=environment.option(_PROCESS, "MatcherHTTPCode", "200"),
            health_seconds=PACE.health,
            drain_seconds=self._front.drain_seconds,
        )
        return release, setting

    def _shift(self, fresh: list[str]) -> None:
        """Have new machines take over from the old ones, after a while with a share where traffic is split."""
        with self._routing:
            targets = self._addresses(fresh)
            if self._policy == "TrafficSplitting":
                namespace = "aws:elasticbeanstalk:trafficsplitting"
                percent = int(self._environment.option(namespace, "NewVersionPercent", "10"))
                minutes = float(self._environment.option(namespace, "EvaluationTime", "5"))
                self._front.split(targets, percent)
                time.sleep(minutes * PACE.evaluation)
            self._front.serve(Pools(targets))

    def _addresses(self, ids: Iterable[str]) -> dict[str, str]:
        installed = {name: self._machines[name].installed for name in ids}
        return {name: item.running.address for name, item in installed.items() if item}

    def _put_in(self, name: str, address: str) -> None:
        with self._routing:
            self._front.put_in({name: address})

    def _take_out(self, name: str) -> None:
        """Take a machine out of service, unless it is the last one."""
        with self._routing:
            others = self._front.pools.current.keys() - {name}
            if name in self._front.pools.current and others:
                self._front.take_out(name)

    def _retire(self, ids: list[str]) -> None:
        """End machines, after they have answered what is under way."""
        if not ids:
            return
        with self._routing:
            if any(name in self._front.pools.current for name in ids):
                self._front.take_out(*ids)
        for name in ids:
            if machine := self._machines.pop(name, None):
                machine.remove()


def _idle_seconds(environment: Environment) -> int | None:
    """How long the load balancer waits for a silent instance; None without one.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html: aws:elbv2:loadbalancer.
    """
    if environment.option("aws:elasticbeanstalk:environment", "EnvironmentType") == "SingleInstance":
        return None
    return int(environment.option("aws:elbv2:loadbalancer", "IdleTimeout", "60"))
