"""Releases on the embedded AWS with its virtual clock, counted and timed."""

import random
from dataclasses import dataclass
from pathlib import Path

from beanpod.deploy.errors import DeployError
from beanpod.deploy.rollout import Rollout, Settings, Target
from beanpod.manifest import StageConfig
from tests.deploy.rollout.ground import Ground, bundle
from tests.deploy.rollout.witness import Witness

SPREAD = 0.15
_SEED = 4


@dataclass(frozen=True)
class Run:
    """waiting, other: calls made while waiting, and besides. delay: seconds from the update's end to the verdict.

    other counts the two last looks, at the environment and at its instances, that make the verdict sure.
    """

    seconds: float
    waiting: int
    other: int
    delay: float


def spread(seconds: float, count: int) -> list[float]:
    """Durations all over 15 % on both sides of `seconds`, evenly, in no order."""
    shares = [(2 * number + 1) / count - 1 for number in range(count)]
    durations = [seconds * (1 + SPREAD * share) for share in shares]
    random.Random(_SEED).shuffle(durations)  # noqa: S311 - the same figures every time
    return durations


class Course:
    """One embedded AWS for all runs. folder: for the stages' manifests."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self._ground = ground
        self._folder = folder
        self._count = 0

    def environment(self, *, releases: list[float], instances: int = 1) -> StageConfig:
        """A stage whose environment has had releases that took so many seconds."""
        target = self._ground.environment(instances=instances)
        stage = self._ground.stage(target, self._folder)
        for seconds in releases:
            self.release(stage, seconds)
        return stage

    def release(self, stage: StageConfig, seconds: float, *, fault: str = "") -> Run:
        """Deploy something new, in an update that takes so many seconds. fault: to order for it. Default: none."""
        self._count += 1
        new = bundle(f"release {self._count}")
        self._ground.emulator.set_pace(update=seconds)
        self._ground.forget()
        if fault:
            self._ground.emulator.order(fault, version_label=new.label)
        try:
            self._rollout(stage).release(new)
        except DeployError:
            if not fault:
                raise
        return self._counted(seconds)

    def nothing_to_do(self, stage: StageConfig) -> list[str]:
        """The calls that deploying what runs already makes."""
        self._ground.forget()
        self._rollout(stage).release(bundle(f"release {self._count}"))
        return self._ground.actions()

    def _rollout(self, stage: StageConfig) -> Rollout:
        clock = self._ground.clock()
        aws = self._ground.aws(clock)
        target = Target.find(stage, aws)
        return Rollout(target, aws, report=Witness(), clock=clock, settings=Settings(roll_back=False))

    def _counted(self, seconds: float) -> Run:
        calls = self._ground.emulator.calls()
        actions = [call.action for call in calls]
        update = actions.index("UpdateEnvironment")
        history = actions[:update].count("DescribeEvents")
        # After the update and its polls: the look that makes sure, at the environment and its instances, and the lock.
        waiting = len(actions) - update - 1 - 3 + history
        done = calls[update].time.timestamp() + seconds
        return Run(seconds, waiting, len(actions) - waiting, self._ground.emulator.now().timestamp() - done)
