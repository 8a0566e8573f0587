"""The compute backend that runs environments' instances, and RDS databases, in Docker."""

import logging
import random
import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Event, RLock

from beanpod_emulator.beanstalk.deployments import REPLACING, Batches
from beanpod_emulator.beanstalk.models import backend_of
from beanpod_emulator.beanstalk.state import SAMPLE_VERSION, Deployment, Environment
from beanpod_emulator.docker_runtime.context import CertificateAuthority, RunResources, RuntimeContext, remove_leftovers
from beanpod_emulator.docker_runtime.docker import Docker, DockerError
from beanpod_emulator.docker_runtime.domain_proxy import DomainProxy
from beanpod_emulator.docker_runtime.instance import InstanceContainer
from beanpod_emulator.docker_runtime.instance_runtime import InstanceRuntime
from beanpod_emulator.docker_runtime.load_balancer import LoadBalancer, Pools, balancer_settings
from beanpod_emulator.docker_runtime.log_stream import LogStream, patch_logs
from beanpod_emulator.docker_runtime.rds import DatabaseContainers
from beanpod_emulator.docker_runtime.release import InstanceError, ProfileSession, Release, RuntimeSettings
from beanpod_emulator.state import Emulator

_logger = logging.getLogger(__name__)
# Below Linux's range for outgoing connections, which could take a port before its load balancer does.
_PORTS = range(20_000, 32_000)
_PROCESS = "aws:elasticbeanstalk:environment:process:default"
Failures = dict[str, InstanceError]


class DockerBackend:
    """Runs environments and databases from open() to close(); see operations.ComputeBackend."""

    def __init__(self, emulator: Emulator, docker: Docker) -> None:
        run = RunResources()
        self._context = RuntimeContext(docker, run, CertificateAuthority(run.folder / "authority"), emulator)
        self._runtimes: dict[str, EnvironmentRuntime] = {}
        self._databases = DatabaseContainers(self._context)
        self._proxy = DomainProxy(self._find_balancer)

    def open(self) -> None:
        """Remove the leftovers of dead runs, and become what runs the emulator's environments and databases."""
        docker, run = self._context.docker, self._context.run
        remove_leftovers(docker, run)
        docker.run("network", "create", "--label", run.label, run.name)
        self._context.emulator.compute = self
        self._databases.patch_rds()
        patch_logs(self._send_logs)

    def close(self) -> None:
        """Remove all containers, networks, volumes and files."""
        self._proxy.close()
        self._context.docker.close()
        self._context.run.remove(Docker())

    def endpoint(self, environment: Environment) -> str:
        return self._runtime(environment).endpoint

    def reconcile(self, environment: Environment, done: Callable[[], None]) -> None:
        def ended() -> None:
            done()
            # Only a terminated environment has none. Another one may have its name and its CNAME from now on.
            if not environment.instances:
                self._runtimes.pop(environment.environment_id, None)

        self._runtime(environment).reconcile(ended)

    def deploy(self, environment: Environment, batches: Batches, done: Callable[[bool], None]) -> None:
        self._runtime(environment).deploy(batches, done)

    def failures(self, environment: Environment) -> dict[str, str]:
        return {name: str(error) for name, error in self._runtime(environment).failures.items()}

    def addresses(self) -> dict[str, dict[str, str]]:
        environments = {runtime.name: f"http://{runtime.endpoint}" for runtime in list(self._runtimes.values())}
        authority = self._context.authority
        domains = {"proxy": self._proxy.url, "authority": str(authority.trusted()), "key_hash": authority.key_hash}
        return {"environments": environments, "databases": self._databases.addresses(), "domains": domains}

    def _find_balancer(self, address: str) -> LoadBalancer | None:
        """Return the load balancer with an endpoint, or an environment's CNAME."""
        return next((it.load_balancer for it in list(self._runtimes.values()) if address in it.names), None)

    def _send_logs(self) -> None:
        for runtime in list(self._runtimes.values()):
            runtime.send_logs()

    def _runtime(self, environment: Environment) -> "EnvironmentRuntime":
        key = environment.environment_id
        if key not in self._runtimes:
            self._runtimes[key] = EnvironmentRuntime(self._context, environment)
        return self._runtimes[key]


def _free_ports(count: int) -> list[int]:
    found: set[int] = set()
    while len(found) < count:
        port = random.choice(_PORTS)  # noqa: S311 - nothing depends on whether it can be guessed
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)):
                found.add(port)
    return list(found)


def _failure(error: Exception) -> InstanceError:
    """Return why something failed on an instance; any exception is a failure, since clients wait for its end."""
    if isinstance(error, InstanceError):
        return error
    if not isinstance(error, DockerError):
        _logger.error("the Docker runtime failed", exc_info=error)
    return InstanceError("run", str(error) or type(error).__name__)


class _SupersededError(Exception):
    """Another operation of the environment has begun."""


class EnvironmentRuntime:
    """The instances of one environment, and its load balancer. One operation runs at a time.

    Attributes:
        failures: Why the last change failed, by instance id.
        load_balancer: Its load balancer, which also forwards to a single instance.
    """

    def __init__(self, context: RuntimeContext, environment: Environment) -> None:
        self.failures: Failures = {}
        self._context = context
        self._emulator = context.emulator
        self._environment = environment
        port, secure_port = _free_ports(2)
        self.load_balancer = LoadBalancer(context, environment.environment_id, port, secure_port)
        self._started = False
        self._logs = LogStream(context, environment)
        self._instances: dict[str, InstanceRuntime] = {}
        self._routing = RLock()
        self._last = Event()
        self._last.set()

    @property
    def name(self) -> str:
        """The environment's name."""
        return self._environment.name

    @property
    def endpoint(self) -> str:
        """The environment's host:port."""
        return f"localhost:{self.load_balancer.port}"

    @property
    def names(self) -> tuple[str, str]:
        """The names that records lead to it by."""
        return self.endpoint, self._environment.cname.lower()

    def send_logs(self) -> None:
        """Send what the containers of all instances have written to CloudWatch Logs."""
        for name in list(self._instances):
            self._logs.send_containers(name)

    def reconcile(self, done: Callable[[], None]) -> None:
        """Start and stop instances until they are the environment's; see ComputeBackend."""
        self._start(lambda operation: self._reconcile(operation, done))

    def deploy(self, batches: Batches, done: Callable[[bool], None]) -> None:
        """Deploy batch by batch; see ComputeBackend."""
        self._start(lambda operation: self._deploy_batches(operation, batches, done))

    def _start(self, work: Callable[[str | None], None]) -> None:
        """Run work in the background, once the work before it has ended."""
        before, self._last = self._last, Event()
        after, operation = self._last, self._environment.operation

        def run() -> None:
            before.wait()
            try:
                with suppress(_SupersededError):
                    work(operation)
            finally:
                after.set()

        self._emulator.lock.run_in_background(run)

    def _locked(self, operation: str | None, action: Callable[[], None]) -> None:
        """Run an action with the lock held, if the operation is still the environment's."""
        with self._emulator.lock:
            if self._environment.operation != operation:
                raise _SupersededError
            action()

    def _reconcile(self, operation: str | None, done: Callable[[], None]) -> None:
        with self._emulator.lock:
            wanted = [instance.instance_id for instance in self._environment.instances]
            running = self._environment.expected
        try:
            self.failures = self._bring_to(wanted, running)
        except Exception as error:
            self.failures = dict.fromkeys(wanted, _failure(error))
        self._locked(operation, done)

    def _bring_to(self, wanted: list[str], running: Deployment | None) -> Failures:
        if wanted:
            with self._emulator.lock:
                settings = balancer_settings(self._environment)
            if self._started:
                self.load_balancer.configure(settings)
            else:
                self.load_balancer.start(settings)
                self._started = True
        self._terminate([name for name in self._instances if name not in wanted])
        if not wanted:
            self.load_balancer.remove()
        if not running or running.version_label == SAMPLE_VERSION:
            return {}
        return self._deploy_all(wanted, running, config=True)

    def _deploy_batches(self, operation: str | None, batches: Batches, done: Callable[[bool], None]) -> None:
        self._locked(operation, batches.prepare)
        try:
            succeeded = self._deploy_each(operation, batches)
        except _SupersededError:
            raise
        except Exception as error:
            _failure(error)
            succeeded = False
        self._locked(operation, lambda: done(succeeded))

    def _deploy_each(self, operation: str | None, batches: Batches) -> bool:
        """Deploy the batches in order; return whether all succeeded."""
        launched = [instance.instance_id for instance in batches.plan.launched]
        terminating = [instance.instance_id for instance in batches.plan.terminating]
        succeeded = True
        for number in range(batches.count):
            self._locked(operation, partial(batches.begin, number))
            succeeded = self._deploy_batch(operation, batches, number)
            if not succeeded:
                break
        if succeeded and self._environment.deployment_policy in REPLACING:
            self._shift_traffic(launched)
        self._terminate(terminating if succeeded else launched)
        return succeeded

    def _deploy_batch(self, operation: str | None, batches: Batches, number: int) -> bool:
        """Deploy one batch; return whether all of its instances succeeded."""
        batch = batches.plan.batches[number]
        ids = [instance.instance_id for instance in batch]
        failures = self._deploy_all(ids, batch[0].deployment, numbered=batches.plan.numbered)
        if failures:
            events = list(dict.fromkeys(error.event for error in failures.values()))
            causes = {name: str(error) for name, error in failures.items()}
            self._locked(operation, lambda: batches.fail(number, causes, events))
        else:
            self._locked(operation, lambda: batches.end(number))
        return not failures

    def _deploy_all(
        self, ids: Iterable[str], deployment: Deployment, *, numbered: bool = False, config: bool = False
    ) -> Failures:
        """Deploy to several instances at once.

        Args:
            numbered: Whether each instance is out of service meanwhile.
            config: Whether settings changed, not the version.

        Returns:
            The errors by instance id.
        """
        ids = list(ids)
        try:
            with self._emulator.lock:
                release = self._prepare(deployment)
        except Exception as error:
            return dict.fromkeys(ids, _failure(error))

        def deploy(name: str) -> InstanceError | None:
            try:
                self._deploy(name, release, numbered=numbered, config=config)
            except InstanceError as error:
                self._logs.send_error(name, str(error))
                return error
            except Exception as error:
                return _failure(error)
            return None

        with ThreadPoolExecutor(max_workers=max(len(ids), 1)) as pool:
            results = dict(zip(ids, pool.map(deploy, ids), strict=True))
        return {name: error for name, error in results.items() if error}

    def _deploy(self, name: str, release: Release, *, numbered: bool, config: bool) -> None:
        if name not in self._instances:
            container = InstanceContainer.launch(self._context, name)
            self._instances[name] = InstanceRuntime(container, partial(self._logs.send_containers, name))
        instance = self._instances[name]
        if config and instance.runs(release):
            return
        held_back = instance.installed is None and not config and self._environment.deployment_policy in REPLACING
        if numbered:
            self._remove_from_service(name)
        instance.deploy(
            release,
            lambda address: None if held_back else self._add_to_service(name, address),
            config=config and instance.installed is not None,
        )

    def _prepare(self, deployment: Deployment) -> Release:
        """Read what a deployment needs, with the permissions of the instances."""
        environment = self._environment
        profile = ProfileSession.of(environment)
        applications = backend_of(environment.account, environment.region).applications
        version = applications.version(environment.application, deployment.version_label)
        if version.source_bundle is None:
            raise InstanceError("download the source bundle", f"version {version.label} has none")
        bundle = profile.bundle(version.source_bundle)
        # The path of an environment without a load balancer.
        path = environment.option("aws:elasticbeanstalk:application", "Application Healthcheck URL", "/")
        settings = RuntimeSettings(
            environment=environment.name,
            variables=profile.variables(environment),
            health_path=environment.option(_PROCESS, "HealthCheckPath", path),
            health_codes=environment.option(_PROCESS, "MatcherHTTPCode", "200"),
            health_seconds=self._emulator.pace.health,
            drain_seconds=balancer_settings(environment).drain_seconds,
        )
        return Release(version.label, deployment.deployment_id, bundle, settings)

    def _shift_traffic(self, launched: list[str]) -> None:
        """Send all requests to new instances; first a share for a while, if the policy splits traffic."""
        with self._routing:
            installed = {name: self._instances[name].installed for name in launched}
            targets = {name: item.running.address for name, item in installed.items() if item}
            if self._environment.deployment_policy == "TrafficSplitting":
                namespace = "aws:elasticbeanstalk:trafficsplitting"
                percent = int(self._environment.option(namespace, "NewVersionPercent", "10"))
                minutes = float(self._environment.option(namespace, "EvaluationTime", "5"))
                self.load_balancer.split(targets, percent)
                time.sleep(minutes * self._emulator.pace.evaluation)
            self.load_balancer.serve(Pools(targets))

    def _add_to_service(self, name: str, address: str) -> None:
        with self._routing:
            self.load_balancer.add_targets({name: address})

    def _remove_from_service(self, name: str) -> None:
        """Remove an instance from service, unless it is the last one."""
        with self._routing:
            current = self.load_balancer.pools.current.keys()
            if name in current and current - {name}:
                self.load_balancer.remove_targets(name)

    def _terminate(self, ids: list[str]) -> None:
        """Terminate instances after they have answered the requests in flight."""
        if not ids:
            return
        with self._routing:
            if any(name in self.load_balancer.pools.current for name in ids):
                self.load_balancer.remove_targets(*ids)
        for name in ids:
            if instance := self._instances.pop(name, None):
                instance.remove()
