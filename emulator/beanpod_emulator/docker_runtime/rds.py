"""RDS instances as database servers in containers of their engines' images."""

import secrets
from dataclasses import dataclass
from typing import Any

from moto.rds.models import DBInstance, RDSBackend

from beanpod_emulator.docker_runtime.context import RuntimeContext
from beanpod_emulator.docker_runtime.database_engines import ENGINES, DatabaseEngine
from beanpod_emulator.docker_runtime.docker import DockerError


@dataclass(frozen=True)
class DatabaseSpec:
    """Parameters of CreateDBInstance. host: name of the endpoint. forced: whether TLS is required."""

    identifier: str
    engine: DatabaseEngine
    version: str
    host: str
    port: int
    name: str
    username: str
    forced: bool


class DatabaseContainers:
    """The containers of RDS instances."""

    def __init__(self, context: RuntimeContext) -> None:
        self._context = context
        self._addresses: dict[str, str] = {}

    def patch_rds(self) -> None:
        """Patch moto's RDS: instances of the engines here get a server, others, such as Aurora, do not."""
        create, delete = RDSBackend.create_db_instance, RDSBackend.delete_db_instance

        def create_db_instance(backend: RDSBackend, db_kwargs: dict[str, Any]) -> DBInstance:
            instance = create(backend, db_kwargs)
            self._created(backend, instance)
            return instance

        def delete_db_instance(backend: RDSBackend, db_instance_identifier: str, *rest: Any, **more: Any) -> DBInstance:
            instance = delete(backend, db_instance_identifier, *rest, **more)
            self._context.emulator.lock.run_in_background(lambda: self._remove(db_instance_identifier))
            return instance

        RDSBackend.create_db_instance = create_db_instance  # type: ignore[method-assign,assignment]
        RDSBackend.delete_db_instance = delete_db_instance  # type: ignore[method-assign,assignment]

    def addresses(self) -> dict[str, str]:
        """Return host:port of the databases on this machine, by identifier."""
        return dict(self._addresses)

    def _created(self, backend: RDSBackend, instance: DBInstance) -> None:
        engine = ENGINES.get(str(instance.engine))
        if engine is None:
            return
        spec = DatabaseSpec(
            identifier=str(instance.db_instance_identifier),
            engine=engine,
            version=str(instance.engine_version),
            host=instance.address,
            port=int(instance.port or engine.port),
            name=instance.db_name or "",
            username=str(instance.master_username),
            forced=_parameters(backend, instance).get(engine.forcing) in ("1", "ON"),
        )
        password = str(instance._master_user_password)
        self._context.emulator.lock.run_in_background(lambda: self._start(spec, password, instance))

    def _start(self, spec: DatabaseSpec, password: str, instance: DBInstance) -> None:
        try:
            address = self._run(spec, password)
        except DockerError:
            with self._context.emulator.lock:
                instance.status = "failed"
        else:
            with self._context.emulator.lock:
                self._addresses[spec.identifier] = address

    def _run(self, spec: DatabaseSpec, password: str) -> str:
        engine, run = spec.engine, self._context.run
        certificates = run.folder / "databases" / spec.identifier
        self._context.authority.issue(certificates, spec.host)
        names = {"username": spec.username, "database": spec.name}
        variables = engine.variables(**names, password=password, root=secrets.token_urlsafe(24))
        given = (item for name in variables for item in ("--env", name))
        self._context.docker.run(
            "run", "--detach", "--name", self._container(spec.identifier), "--label", run.label,
            "--network", self._context.network, "--network-alias", spec.host, "--restart", "always",
            "--publish", f"127.0.0.1::{spec.port}", "--volume", f"{certificates}:/certificates:ro",
            *given, *engine.arguments(spec.version, spec.port, forced=spec.forced),
            # By name alone on the command line: the values are in the client's own environment.
            **variables,
        )  # fmt: skip
        return f"127.0.0.1:{self._context.docker.published_port(self._container(spec.identifier), spec.port)}"

    def _remove(self, identifier: str) -> None:
        with self._context.emulator.lock:
            self._addresses.pop(identifier, None)
        self._context.docker.tries("rm", "--force", "--volumes", self._container(identifier))

    def _container(self, identifier: str) -> str:
        return f"{self._context.run.name}-{identifier}"


def _parameters(backend: RDSBackend, instance: DBInstance) -> dict[str, str]:
    """Return the parameters that the instance's parameter groups set."""
    found: dict[str, str] = {}
    for group in instance.db_parameter_groups():
        for name, parameter in getattr(group, "parameters", {}).items():
            found[name] = str(parameter.get("ParameterValue", parameter.get("parameter_value", "")))
    return found
