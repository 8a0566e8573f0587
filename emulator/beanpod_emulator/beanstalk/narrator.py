"""How an environment's story is told: states begin and end, events are written, work waits for its time."""

from collections.abc import Callable
from dataclasses import dataclass

from beanpod_emulator.beanstalk.state import Environment, Event, Health
from beanpod_emulator.clock import CLOCK


@dataclass
class Narrator:
    """Tells the stories of one region's environments. events: where they are written."""

    region: str
    events: list[Event]

    def tell(self, environment: Environment, message: str, severity: str = "INFO", *, monitor: bool = False) -> None:
        """Write an event. monitor: from the health monitor, whose events carry no request's id."""
        self.events.append(
            Event(
                date=CLOCK.now(),
                message=message,
                severity=severity,
                request_id="" if monitor else environment.operation or "",
                application=environment.application,
                environment=environment.name,
                environment_id=environment.environment_id,
                version_label=environment.version_label,
            )
        )

    def begin(self, environment: Environment, status: str, request_id: str, *, abortable: bool = False) -> None:
        """Something starts that keeps the environment busy."""
        environment.status, environment.operation, environment.abortable = status, request_id, abortable
        environment.updated = CLOCK.now()

    def end(self, environment: Environment, status: str, message: str, severity: str = "INFO") -> None:
        """It is over."""
        environment.status, environment.abortable = status, False
        environment.updated = CLOCK.now()
        self.tell(environment, message, severity)
        environment.operation = None

    def later(self, seconds: float, environment: Environment, action: Callable[[], None]) -> None:
        """Do it on the clock, unless another operation has taken over by then."""
        operation = environment.operation
        CLOCK.after(seconds, lambda: action() if environment.operation == operation else None)

    def turn(self, environment: Environment, health: Health) -> None:
        """The health changes, with an event when its status does."""
        before, environment.health = environment.health, health
        if before.status != health.status:
            text = f"Environment health has transitioned from {before.status} to {health.status}."
            severity = "INFO" if health.color == "Green" else "WARN"
            self.tell(environment, " ".join([text, *health.causes]), severity, monitor=True)
