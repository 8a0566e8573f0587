"""What the state of an environment means for the version it should run."""

from dataclasses import dataclass, replace
from enum import Enum

from beanpod.deploy.aws import Environment, Instances
from beanpod.deploy.rollout.health_path import Answer
from beanpod.deploy.rollout.settings import Settings


class State(Enum):
    """GOOD: what was wanted. MOVING: an update is under way. RECOVERING: it may still become good.

    FAILED: it will not. OTHER: Ready with another version. GONE: the environment is ending.
    """

    GOOD = "good"
    MOVING = "moving"
    RECOVERING = "recovering"
    FAILED = "failed"
    OTHER = "other"
    GONE = "gone"


@dataclass(frozen=True)
class Finding:
    """What one look found. causes: lines that say why, if something is wrong.

    answer: what the health path answered, None where it was not asked.
    """

    state: State
    text: str
    environment: Environment
    instances: Instances | None = None
    causes: tuple[str, ...] = ()
    answer: Answer | None = None

    def with_answer(self, answer: Answer) -> "Finding":
        """The same with what the health path answered; an answer that is not wanted may become one that is."""
        if answer.well is False:
            return replace(self, state=State.RECOVERING, text=answer.text, answer=answer)
        return replace(self, answer=answer)


class UnverifiedError(Exception):
    """A look found something else than what was wanted."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


def judge(environment: Environment, instances: Instances | None, label: str, settings: Settings) -> Finding:
    """Compare an environment with what it should be. instances: None if they were not asked, and are not judged."""
    state, text = _of_environment(environment, label)
    causes: tuple[str, ...] = ()
    if state is State.GOOD and instances is not None:
        state, text, causes = _of_instances(environment, instances, label)
    if state is State.GOOD and not settings.accepts(environment.health):
        state, text = State.RECOVERING, f"its health is {environment.health}"
        causes = _causes(instances) if instances else ()
    return Finding(state, text, environment, instances, causes)


def _of_environment(environment: Environment, label: str) -> tuple[State, str]:
    if environment.gone:
        return State.GONE, f"it is {environment.status}"
    if not environment.ready:
        return State.MOVING, f"it is {environment.status}"
    if environment.version_label != label:
        return State.OTHER, f"it runs {environment.version_label or 'nothing'}"
    return State.GOOD, f"it runs {label}"


def _of_instances(environment: Environment, instances: Instances, label: str) -> tuple[State, str, tuple[str, ...]]:
    total = len(instances.all)
    if not total:
        return State.RECOVERING, "none of its instances reports", ()
    missing = total - instances.on(label)
    if not missing:
        return State.GOOD, f"{'its instance runs' if total == 1 else f'all {total} instances run'} {label}", ()
    who = "its instance" if total == 1 else f"{missing} of {total} instances"
    text = f"{who} {'does' if missing == 1 else 'do'} not run {label}"
    # What instances said before the environment settled may have changed since.
    fresh = instances.refreshed >= environment.updated
    stuck = any(_stuck(item.deployment, item.version_label, label) for item in instances.all)
    return (State.FAILED if fresh and stuck else State.RECOVERING), text, _causes(instances, label)


def _stuck(deployment: str, version_label: str, label: str) -> bool:
    """Whether an instance has ended on something else; one that just starts has nothing deployed yet."""
    return deployment == "Failed" or (deployment == "Deployed" and version_label != label)


def _causes(instances: Instances, label: str | None = None) -> tuple[str, ...]:
    wanted = [
        item for item in instances.all if label is None or (item.version_label, item.deployment) != (label, "Deployed")
    ]
    return tuple(f"{item.instance_id}: {cause}" for item in wanted for cause in item.causes)
