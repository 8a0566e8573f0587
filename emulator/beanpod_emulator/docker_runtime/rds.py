"""RDS instances as database servers in containers of their engines' images."""

import secrets
from typing import Any

from moto.rds.models import DBInstance, RDSBackend

from beanpod_emulator.docker_runtime.context import RuntimeContext
from beanpod_emulator.docker_runtime.database_engines import ENGINES
from beanpod_emulator.docker_runtime.docker import DockerError
from beanpod_emulator.patching import patches


class DatabaseContainers:
    """The containers of RDS instances."""

    def __init__(self, context: RuntimeContext) -> None:
        self._context = context
        self._addresses: dict[str, str] = {}

    def patch_rds(self) -> None:
        """Patch moto's RDS: instances of the engines here get a server, others, such as Aurora, do not."""

        @patches(RDSBackend)
        def create_db_instance(create: Any, backend: RDSBackend, db_kwargs: dict[str, Any]) -> DBInstance:
            instance: DBInstance = create(backend, db_kwargs)
            self._created(instance)
            return instance

        @patches(RDSBackend)
        def delete_db_instance(
            delete: Any, backend: RDSBackend, db_instance_identifier: str, *rest: Any, **more: Any
        ) -> DBInstance:
            instance: DBInstance = delete(backend, db_instance_identifier, *rest, **more)
            self._context.emulator.lock.run_in_background(lambda: self._remove(db_instance_identifier))
            return instance

    def addresses(self) -> dict[str, str]:
        """Return host:port of the databases on this machine, by identifier."""
        return dict(self._addresses)

    def _created(self, instance: DBInstance) -> None:
        engine = ENGINES.get(str(instance.engine))
        if engine is None:
            return
        # Here, with the lock held, the instance is as it was created.
        variables = engine.variables(
            username=str(instance.master_username),
            database=instance.db_name or "",
            password=str(instance._master_user_password),
            root=secrets.token_urlsafe(24),
        )
        port = int(instance.port or engine.port)
        forced = _parameters(instance).get(engine.forcing) in ("1", "ON")
        arguments = engine.arguments(str(instance.engine_version), port, forced=forced)
        self._context.emulator.lock.run_in_background(lambda: self._start(instance, port, variables, arguments))

    def _start(self, instance: DBInstance, port: int, variables: dict[str, str], arguments: tuple[str, ...]) -> None:
        docker, run, identifier = self._context.docker, self._context.run, str(instance.db_instance_identifier)
        container, certificates = self._container(identifier), run.folder / "databases" / identifier
        self._context.authority.issue(certificates, instance.address)
        given = (item for name in variables for item in ("--env", name))
        try:
            docker.run(
                "run", "--detach", "--name", container, "--label", run.label, "--network", self._context.network,
                "--network-alias", instance.address, "--restart", "always", "--publish", f"127.0.0.1::{port}",
                "--volume", f"{certificates}:/certificates:ro", *given, *arguments,
                # By name alone on the command line: the values are in the client's own environment.
                **variables,
            )  # fmt: skip
            address = docker.run("port", container, str(port))
        except DockerError:
            with self._context.emulator.lock:
                instance.status = "failed"
        else:
            with self._context.emulator.lock:
                self._addresses[identifier] = address

    def _remove(self, identifier: str) -> None:
        with self._context.emulator.lock:
            self._addresses.pop(identifier, None)
        self._context.docker.tries("rm", "--force", "--volumes", self._container(identifier))

    def _container(self, identifier: str) -> str:
        return f"{self._context.run.name}-{identifier}"


def _parameters(instance: DBInstance) -> dict[str, str]:
    """Return the parameters that the instance's parameter groups set."""
    found: dict[str, str] = {}
    for group in instance.db_parameter_groups():
        for name, parameter in getattr(group, "parameters", {}).items():
            found[name] = str(parameter.get("ParameterValue", parameter.get("parameter_value", "")))
    return found
