"""The arithmetic of the waiting's figures."""

import pytest

from benchmarks.waiting import PEERS, Line, spread


@pytest.mark.parametrize(
    ("name", "calls"),
    [("eb deploy", 38), ("beanstalk-deploy", 40)],
)
def test_peers_wait_as_was_counted_of_their_real_code(name: str, calls: int) -> None:
    peer = next(peer for peer in PEERS if peer.name == name)
    assert peer.wait(183) == (calls, 2.0 if name == "eb deploy" else 7.0)


def test_beanstalk_deploy_slows_down() -> None:
    peer = next(peer for peer in PEERS if peer.name == "beanstalk-deploy")
    assert [peer.wait(seconds)[0] for seconds in (300, 301, 600, 601)] == [62, 64, 92, 94]


def test_durations_are_spread_evenly_over_fifteen_percent_on_both_sides() -> None:
    durations = sorted(spread(100, 4))
    assert durations == pytest.approx([88.75, 96.25, 103.75, 111.25])
    assert spread(100, 4) == spread(100, 4) != durations


def test_a_figure_beyond_its_limit_is_marked() -> None:
    assert not Line("calls", [1, 3], [2, 2]).kept
    assert "EXCEEDED" in str(Line("calls", [1, 3], [2, 2]))
    assert Line("calls", [2, 2], [2, 2]).kept
    assert Line("shown", [9]).kept
