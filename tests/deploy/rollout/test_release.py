"""Releases that go well."""

from deploy.report import Phase
from tests.deploy.rollout.ground import Ground, bundle


def test_the_first_release_replaces_the_sample_whose_health_is_severe(ground: Ground) -> None:
    target = ground.environment()
    rollout, witness = ground.rollout(target)
    look = rollout.look()
    assert (look.previous, look.environment.health) == (None, "Severe")
    outcome = rollout.release(bundle("one"))
    assert (outcome.changed, outcome.previous_version, outcome.health) == (True, None, "Ok")
    assert ground.runs(target) == outcome.version_label == bundle("one").label
    assert witness.phases == [Phase.LOOK, Phase.UPLOAD, Phase.ROLL_OUT, Phase.VERIFY]
