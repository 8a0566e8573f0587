"""Follow an update until the environment has settled, and judge what it runs.

Polling is as `eb deploy` does it: one call every five seconds. The verdict is the environment's, never an event's.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from beanpod.deploy.aws import AwsError, Environment, Instances, UnansweredError
from beanpod.deploy.clock import POLL_SECONDS
from beanpod.deploy.errors import DeadlineError, DeployError, UsageError
from beanpod.deploy.health_path import Answer
from beanpod.deploy.preflight import DeploymentContext, Settings, version_of
from beanpod.deploy.report import EnvironmentEvent, Status

# Mostly the events are asked for; the environment itself at every sixth poll, and once an event announces the end.
_ENVIRONMENT_POLLS = 6
# Another replica of the API may still answer with the state before.
_SECOND_LOOK_SECONDS = 0.3
# A container that has just been started may not listen yet.
_REFUSED_SECONDS = 15.0
# As in the EB CLI's own list, and of an abort.
_ENDINGS = (
    "Environment update completed successfully.",
    "Update environment operation is complete, but with errors",
    "Failed to deploy application.",
    "Failed to deploy configuration.",
    "The environment was reverted to the previous configuration setting.",
    "update was aborted",
)


class State(Enum):
    """What an environment's state means for the version that it should run."""

    GOOD = "good"
    """It runs the version well."""
    MOVING = "moving"
    """An update is under way."""
    STARTING = "starting"
    """Some instances run the version; the others are still starting, as after a scaling group launched them."""
    RECOVERING = "recovering"
    """It may still become good."""
    FAILED = "failed"
    """It will not become good."""
    OTHER = "other"
    """It is Ready with another version."""
    GONE = "gone"
    """It is being terminated."""


_FINAL = (State.GOOD, State.FAILED, State.OTHER, State.GONE)


@dataclass(frozen=True)
class Verdict:
    """What one look at an environment means.

    Attributes:
        state: In one word.
        text: In a sentence.
        environment: As it was.
        causes: Lines that say why, if something is wrong.
        answer: Of the health path; None where it was not requested.
    """

    state: State
    text: str
    environment: Environment
    causes: tuple[str, ...] = ()
    answer: Answer | None = None

    def with_answer(self, answer: Answer) -> "Verdict":
        """The same with the health path's answer; a wrong answer may still become a right one."""
        if answer.well is False:
            return replace(self, state=State.RECOVERING, text=answer.text, answer=answer)
        return replace(self, answer=answer)

    @property
    def connection_refused(self) -> bool:
        """Whether the health path's address refused the connection."""
        return self.answer is not None and self.answer.refused


class UnverifiedError(Exception):
    """The environment does not run the version well."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.text)
        self.verdict = verdict


def judge(environment: Environment, instances: Instances | None, label: str, settings: Settings) -> Verdict:
    """Compare an environment with the version that it should run. instances: None if they were not asked."""
    state, text = _of_environment(environment, label)
    causes: tuple[str, ...] = ()
    if state is State.GOOD and instances is not None:
        state, text, causes = _of_instances(environment, instances, label)
    if state in (State.GOOD, State.STARTING) and not settings.accepts(environment.health):
        state, text = State.RECOVERING, f"its health is {environment.health}"
        causes = _causes(instances) if instances else ()
    elif state is State.GOOD and instances is not None and _fresh(environment, instances):
        sick = {item.health for item in instances.all} & {"Degraded", "Severe"}
        if unaccepted := sorted(health for health in sick if not settings.accepts(health)):
            state, text = State.RECOVERING, f"the health of an instance is {unaccepted[-1]}"
            causes = _causes(instances)
    return Verdict(state, text, environment, causes)


def _of_environment(environment: Environment, label: str) -> tuple[State, str]:
    if environment.terminated:
        return State.GONE, f"it is {environment.status}"
    if not environment.ready:
        return State.MOVING, f"it is {environment.status}"
    if environment.version_label != label:
        return State.OTHER, f"it runs {environment.version_label or 'nothing'}"
    return State.GOOD, f"it runs {label}"


def _of_instances(environment: Environment, instances: Instances, label: str) -> tuple[State, str, tuple[str, ...]]:
    total = len(instances.all)
    if not total:
        return State.RECOVERING, "no instance reports its health", ()
    missing = total - instances.count_on(label)
    if not missing:
        return State.GOOD, f"{'its instance runs' if total == 1 else f'all {total} instances run'} {label}", ()
    who = "its instance" if total == 1 else f"{missing} of {total} instances"
    stuck = any(_stuck(item.deployment, item.version_label, label) for item in instances.all)
    if missing < total and not stuck:
        return State.STARTING, f"{who} {'is' if missing == 1 else 'are'} starting", _causes(instances, label)
    text = f"{who} {'does' if missing == 1 else 'do'} not run {label}"
    # One with another version beside those that run this one may be on its way out, as after `Immutable`.
    leaving = missing < total and not any(item.deployment == "Failed" for item in instances.all)
    failed = stuck and not leaving and _fresh(environment, instances)
    return (State.FAILED if failed else State.RECOVERING), text, _causes(instances, label)


def _fresh(environment: Environment, instances: Instances) -> bool:
    """Whether the instances have reported since the environment settled: before, it may have been different."""
    return instances.refreshed >= environment.updated


def _stuck(deployment: str, version_label: str, label: str) -> bool:
    """Whether an instance has ended on something else; one that just starts has nothing deployed yet."""
    return deployment == "Failed" or (deployment == "Deployed" and version_label != label)


def _causes(instances: Instances, label: str | None = None) -> tuple[str, ...]:
    wanted = [
        item for item in instances.all if label is None or (item.version_label, item.deployment) != (label, "Deployed")
    ]
    return tuple(f"{item.instance_id}: {cause}" for item in wanted for cause in item.causes)


class Update:
    """The update of an environment to one version: start it, wait for its end, verify it.

    Attributes:
        events: The environment's events so far, oldest first. They lead to a look at it, and never to a verdict.
        aborted: Whether the update was aborted at the deadline.
        before: The version that the environment ran when it was started; None for none, or the sample.
    """

    def __init__(self, context: DeploymentContext, label: str) -> None:
        self._context = context
        self._label = label
        # When it was accepted, on the monotonic clock; by the request's id, or by AWS's time, its events are found.
        self._began: float | None = None
        self._request_id = ""
        self._since: datetime | None = None
        self.events: list[EnvironmentEvent] = []
        self.aborted = False
        self.before: str | None = None

    @property
    def errors(self) -> list[str]:
        """The messages of the error events, the first one being the root of the others."""
        return [event.message for event in self.events if event.severity in ("ERROR", "FATAL")]

    @property
    def _announced(self) -> bool:
        """Whether an event announces the end of the update."""
        return any(words in event.message for event in self.events for words in _ENDINGS)

    def start(self, environment: Environment) -> bool:
        """Start the update.

        Args:
            environment: As it was last.

        Returns:
            Whether it began; not while another update is under way.

        Raises:
            DeadlineError: When AWS does not say whether it began.
        """
        context, name = self._context, self._context.target.environment
        began, self.before = context.clock.monotonic(), version_of(environment)
        try:
            self._request_id = context.aws.update_environment(name, self._label)
        except UnansweredError as error:
            raise DeadlineError(
                f"AWS did not confirm the update of environment {name} to {self._label}: {error}"
            ) from error
        except AwsError as error:
            if "Must be Ready" not in error.text:
                raise
            now = context.describe()
            if now.ready or now.version_label != self._label:
                return False
            # The first answer was lost, and the second attempt found the update under way.
            self._since = environment.updated
        self._began = began
        return True

    def wait(self) -> Environment:
        """Wait until the update has ended; abort it when it takes too long.

        Raises:
            DeadlineError: When it does not end, or cannot be followed.
        """
        settings, name = self._context.settings, self._context.target.environment
        updating = f"environment {name} is being updated to {self._label}, and its state cannot be read"
        with self._unknown_unless_read(updating):
            environment = self._poll_until(settings.wait_timeout) or self._abort()
            # An abort goes back batch by batch, as the update went forth.
            longest = settings.wait_timeout + max(settings.wait_timeout, settings.ready_timeout)
            environment = environment or self._poll_until(longest) or self._context.describe()
        if not environment.ready and not environment.terminated:
            aborted = " and an abort" if self.aborted else ""
            raise DeadlineError(
                f"environment {name} is still being updated to {self._label} after {settings.wait_timeout:.0f} s"
                f"{aborted}: see `beanpod status`"
            )
        return environment

    def verify(self, environment: Environment) -> Verdict:
        """Judge the settled environment.

        The verdict is the same at two looks in a row, the second one at every instance. What is good is so at the
        health path as well, requested at each of the two. A state that may become good, and a wrong answer, have
        `recovery` seconds; `ready_timeout` is for an update that another deployer started, for instances that a scaling
        group launched, and for AWS without an answer.

        Raises:
            DeadlineError: When the state cannot be read.
        """
        name = self._context.target.environment
        ended = f"the update of environment {name} to {self._label} has ended, and its health is not known"
        with self._unknown_unless_read(ended):
            verdict = self._verdict(environment)
        if verdict.state is not State.GOOD and self._began is not None:
            # For the causes; the verdict is the same without them.
            with suppress(DeployError):
                self._read_events()
        return verdict

    def _poll_until(self, seconds: float) -> Environment | None:
        """The environment, Ready or being terminated; None when it is still updating so long after the start."""
        if self._began is None:
            raise ValueError("the update was not started")
        context, polls, last = self._context, 0, None
        while (left := seconds - (context.clock.monotonic() - self._began)) > 0:
            context.pause(min(POLL_SECONDS, left))
            polls += 1
            try:
                if polls % _ENVIRONMENT_POLLS and not self._announced:
                    self._read_events()
                if not polls % _ENVIRONMENT_POLLS or self._announced:
                    last = context.describe()
                    if last.ready or last.terminated:
                        if not self._announced:
                            # Of this phase too: the last events have come since the poll before.
                            with suppress(DeployError):
                                self._read_events()
                        return last
                elif last:
                    # The live line shows that it is still so.
                    context.report.status(Status(last.status, last.health))
            except UnansweredError as error:
                context.report.say(f"{error}; polling again")
        return None

    def _read_events(self) -> None:
        aws, target = self._context.aws, self._context.target
        found = aws.events(target.application, target.environment, request_id=self._request_id, since=self._since)
        for event in found:
            if event not in self.events:
                self.events.append(event)
                self._context.report.event(event)

    def _abort(self) -> Environment | None:
        """Abort an update that takes too long; the environment if it has ended just now."""
        environment, report = None, self._context.report
        with suppress(UnansweredError):
            environment = self._context.describe()
        if environment is None or environment.abortable:
            report.warn(f"the update has not finished after {self._context.settings.wait_timeout:.0f} s: aborting it")
            try:
                self._context.aws.abort_update(self._context.target.environment)
                self.aborted = True
            except DeployError as error:
                report.warn(f"the update could not be aborted: {error}")
        return environment if environment and (environment.ready or environment.terminated) else None

    @contextmanager
    def _unknown_unless_read(self, state: str) -> Iterator[None]:
        try:
            yield
        except (AwsError, UsageError) as error:
            raise DeadlineError(f"{state}, see `beanpod status`: {error}") from error

    def _verdict(self, environment: Environment) -> Verdict:
        settings, clock = self._context.settings, self._context.clock
        began = settled = clock.monotonic()
        pause = _SECOND_LOOK_SECONDS
        verdict = ask_health_path(self._context, judge(environment, None, self._label, settings))
        while True:
            self._context.pause(pause)
            try:
                before, verdict = verdict, self._look()
            except UnansweredError as error:
                if clock.monotonic() - began >= settings.ready_timeout:
                    raise
                self._context.report.say(f"{error}; polling again")
                pause = POLL_SECONDS
                continue
            now = clock.monotonic()
            if verdict.state in (State.MOVING, State.STARTING):
                # Health and health path have their time from the end of that.
                settled, late = now, now - began >= settings.ready_timeout
            else:
                late = verdict.state not in _FINAL and now - settled >= settings.recovery
            if late or self._is_sure(before, verdict, now - settled):
                return verdict
            quick = verdict.state in _FINAL and not verdict.connection_refused
            pause = _SECOND_LOOK_SECONDS if quick else POLL_SECONDS

    def _is_sure(self, before: Verdict, verdict: Verdict, waited: float) -> bool:
        if verdict.state is not before.state or verdict.state not in _FINAL:
            return False
        return not verdict.connection_refused or waited >= min(_REFUSED_SECONDS, self._context.settings.recovery)

    def _look(self) -> Verdict:
        context, environment = self._context, self._context.describe()
        if environment.terminated or not environment.ready:
            return judge(environment, None, self._label, context.settings)
        instances = context.aws.instances(context.target.environment)
        context.report.status(
            Status(environment.status, environment.health, instances.count_on(self._label), len(instances.all))
        )
        verdict = judge(environment, instances, self._label, context.settings)
        if verdict.state is State.GOOD and self.before == self._label and not _fresh(environment, instances):
            # Of the same version before this update, which may have failed.
            return replace(verdict, state=State.RECOVERING, text="its instances have not reported since the update")
        return ask_health_path(context, verdict)


def ask_health_path(context: DeploymentContext, verdict: Verdict) -> Verdict:
    """Request the health path of an environment that is good so far."""
    health_path = context.target.health_path
    if health_path is None or verdict.state is not State.GOOD:
        return verdict
    return verdict.with_answer(health_path.answer(verdict.environment.endpoint))
