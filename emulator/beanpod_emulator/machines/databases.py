"""What stands behind RDS: for every instance a database server of its engine, in a container."""

import secrets
from dataclasses import dataclass
from typing import Any

from moto.rds.models import DBInstance, RDSBackend

from beanpod_emulator.machines.application import published_port
from beanpod_emulator.machines.docker import DockerError
from beanpod_emulator.machines.engines import ENGINES, Engine
from beanpod_emulator.machines.grounds import Grounds
from beanpod_emulator.turn import TURN


@dataclass(frozen=True)
class Order:
    """An instance as it was asked for. host: its endpoint's name. forced: whether it refuses who speaks without TLS."""

    identifier: str
    engine: Engine
    version: str
    host: str
    port: int
    name: str
    username: str
    forced: bool


class Databases:
    """The containers, by the identifiers of their instances."""

    def __init__(self, grounds: Grounds) -> None:
        self._grounds = grounds
        self._addresses: dict[str, str] = {}

    def stand_behind_rds(self) -> None:
        """From now on moto's instances have a server. Aurora and engines that have no image here go without."""
        create, delete = RDSBackend.create_db_instance, RDSBackend.delete_db_instance

        def create_db_instance(backend: RDSBackend, db_kwargs: dict[str, Any]) -> DBInstance:
            instance = create(backend, db_kwargs)
            self._created(backend, instance)
            return instance

        def delete_db_instance(backend: RDSBackend, db_instance_identifier: str, *rest: Any, **more: Any) -> DBInstance:
            instance = delete(backend, db_instance_identifier, *rest, **more)
            TURN.beside(lambda: self._remove(db_instance_identifier))
            return instance

        RDSBackend.create_db_instance = create_db_instance  # type: ignore[method-assign,assignment]
        RDSBackend.delete_db_instance = delete_db_instance  # type: ignore[method-assign,assignment]

    def addresses(self) -> dict[str, str]:
        """host:port of this machine where databases answer, by their identifiers."""
        return dict(self._addresses)

    def _created(self, backend: RDSBackend, instance: DBInstance) -> None:
        engine = ENGINES.get(str(instance.engine))
        if engine is None:
            return
        order = Order(
            identifier=str(instance.db_instance_identifier),
            engine=engine,
            version=str(instance.engine_version),
            host=instance.address,
            port=int(instance.port or engine.port),
            name=instance.db_name or "",
            username=str(instance.master_username),
            forced=_parameters(backend, instance).get(engine.forcing) in ("1", "ON"),
        )
        # moto keeps it for itself.
        password = str(instance._master_user_password)
        TURN.beside(lambda: self._start(order, password, instance))

    def _start(self, order: Order, password: str, instance: DBInstance) -> None:
        try:
            address = self._run(order, password)
        except DockerError:
            with TURN:
                instance.status = "failed"
        else:
            with TURN:
                self._addresses[order.identifier] = address

    def _run(self, order: Order, password: str) -> str:
        engine, run = order.engine, self._grounds.run
        certificates = run.folder / "databases" / order.identifier
        self._grounds.authority.issue(order.host, certificates)
        names = {"username": order.username, "database": order.name}
        variables = engine.variables(**names, password=password, root=secrets.token_urlsafe(24))
        given = (item for name in variables for item in ("--env", name))
        self._grounds.docker.run(
            "run", "--detach", "--name", self._container(order.identifier), "--label", run.label,
            "--network", self._grounds.network, "--network-alias", order.host, "--restart", "always",
            "--publish", f"127.0.0.1::{order.port}", "--volume", f"{certificates}:/certificates:ro",
            *given, *engine.arguments(order.version, order.port, forced=order.forced),
            # By name alone on the command line: the values are in the client's own environment.
            **variables,
        )  # fmt: skip
        return f"127.0.0.1:{published_port(self._grounds, self._container(order.identifier), order.port)}"

    def _remove(self, identifier: str) -> None:
        with TURN:
            self._addresses.pop(identifier, None)
        self._grounds.docker.tries("rm", "--force", "--volumes", self._container(identifier))

    def _container(self, identifier: str) -> str:
        return f"{self._grounds.run.name}-{identifier}"


def _parameters(backend: RDSBackend, instance: DBInstance) -> dict[str, str]:
    """What the instance's parameter groups set."""
    found: dict[str, str] = {}
    for group in instance.db_parameter_groups():
        for name, parameter in getattr(group, "parameters", {}).items():
            found[name] = str(parameter.get("ParameterValue", parameter.get("parameter_value", "")))
    return found
