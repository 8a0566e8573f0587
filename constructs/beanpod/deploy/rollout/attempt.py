"""Brings one version to the environment, and finds out what became of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from beanpod.deploy.aws import AwsError, CredentialsError, DeniedError, Environment, UnansweredError
from beanpod.deploy.errors import DeadlineError, DeployError
from beanpod.deploy.rollout.journal import Journal
from beanpod.deploy.rollout.site import Site
from beanpod.deploy.rollout.verdict import Finding, State
from beanpod.deploy.rollout.verifying import Verifying
from beanpod.deploy.rollout.waiting import Update, Waiting


class Attempt:
    """One update. each: called at every look, such as to renew a lock. aborted: whether it was, at the deadline."""

    def __init__(self, site: Site, label: str, *, each: Callable[[], None]) -> None:
        self._site = site
        self._label = label
        self._each = each
        self.journal = Journal(site.report)
        self.aborted = False
        self._waiting: Waiting | None = None

    def start(self, environment: Environment) -> Update | None:
        """Begin; None when the environment turned out to be busy. environment: as it was seen last.

        Raises DeadlineError when AWS does not say whether it began.
        """
        site, name = self._site, self._site.target.environment
        began = site.clock.monotonic()
        try:
            return Update(began, site.aws.update_environment(name, self._label), environment.updated)
        except UnansweredError as error:
            raise DeadlineError(
                f"whether environment {name} is being updated to {self._label} is not known: {error}"
            ) from error
        except AwsError as error:
            if "Must be Ready" not in error.text:
                raise
        now = site.look()
        if not now.ready and now.version_label == self._label:
            # The first answer was lost on its way, and the second attempt found the update running.
            return Update(began, None, environment.updated)
        return None

    def settle(self, update: Update) -> Environment:
        """Wait until it is over. Raises DeadlineError when it does not end, or cannot be followed."""
        self._waiting = Waiting(self._site, update, journal=self.journal, each=self._each)
        with self._state_is_unknown():
            return self._settled(self._waiting)

    def verify(self, environment: Environment) -> Finding:
        """The verdict on the settled environment. Raises DeadlineError when its state cannot be read."""
        with self._state_is_unknown():
            finding = Verifying(self._site, each=self._each).verify(self._label, environment)
        if finding.state is not State.GOOD and self._waiting:
            # For the reasons; the verdict stands without them.
            with suppress(DeployError):
                self._waiting.hear()
        return finding

    @contextmanager
    def _state_is_unknown(self) -> Iterator[None]:
        try:
            yield
        except (AwsError, CredentialsError, DeniedError) as error:
            raise DeadlineError(f"{self._on_its_way()}, and its state cannot be read: {error}") from error

    def _settled(self, waiting: Waiting) -> Environment:
        settings = self._site.settings
        environment = waiting.until_settled(settings.wait_timeout) or self._abort()
        environment = environment or waiting.until_settled(settings.wait_timeout + settings.ready_timeout)
        if environment is None:
            raise DeadlineError(
                f"{self._on_its_way()}, for more than {settings.wait_timeout:.0f} s"
                f"{', and does not end although it was aborted' if self.aborted else ''}: see what becomes of it with "
                "beanpod status"
            )
        return environment

    def _abort(self) -> Environment | None:
        """End an update that takes too long; the environment if it is over just now."""
        environment = self._site.look()
        if environment.abortable:
            self._site.report.warn(
                f"the update is not done after {self._site.settings.wait_timeout:.0f} s: aborting it"
            )
            try:
                self._site.aws.abort_update(environment.name)
                self.aborted = True
            except DeployError as error:
                self._site.report.warn(f"the update could not be aborted: {error}")
        return environment if environment.ready or environment.gone else None

    def _on_its_way(self) -> str:
        return f"environment {self._site.target.environment} is being updated to {self._label}"
