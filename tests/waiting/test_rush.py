"""The crowd of a simulation: the same for a seed, and shaped as it says."""

from collections import Counter

from server.simulation.journal import Journal, quantile
from server.simulation.rush import Kind, Rush, plan

RUSH = Rush(visitors=5_000, seconds=100.0, burst=0.6, opening=0.2, burst_seconds=2.0)


def test_a_seed_is_a_crowd_and_another_seed_another() -> None:
    assert plan(RUSH, 7) == plan(RUSH, 7)
    assert plan(RUSH, 7) != plan(RUSH, 8)
    assert [each.number for each in plan(RUSH, 7)] == list(range(5_000))
    assert len({each.address for each in plan(RUSH, 7)}) == 5_000


def test_most_come_right_after_the_opening_and_the_others_evenly() -> None:
    at = [each.at for each in plan(RUSH, 1)]
    assert at == sorted(at)
    before = sum(1 for each in at if each < 20.0)
    just_after = sum(1 for each in at if 20.0 <= each < 26.0)
    # A fifth of the stream; 95 % of the burst and 6 % of the stream. Ten standard deviations leave no luck to have.
    assert abs(before - 400) < 200
    assert abs(just_after - (0.95 * 3_000 + 120)) < 200


def test_kinds_come_as_often_as_they_should() -> None:
    kinds = Counter(each.kind for each in plan(RUSH, 3))
    shares = {Kind.WAVERER: 0.15, Kind.LOOKER: 0.15, Kind.BOT: 0.05, Kind.BUYER: 0.65}
    for kind, share in shares.items():
        assert abs(kinds[kind] / 5_000 - share) < 0.05


def test_a_seat_that_was_acknowledged_twice_is_found() -> None:
    journal = Journal(paid=[("7", "AAA", "k", ("1A", "1B")), ("7", "BBB", "k", ("2A",))])
    assert journal.find_twice() == []
    journal.paid.append(("8", "CCC", "k", ("1A",)))
    assert journal.find_twice() == []
    journal.paid.append(("7", "DDD", "k", ("1B",)))
    assert journal.find_twice() == ["seat 1B of bus 7 belongs to AAA and DDD"]


def test_a_quantile_is_what_its_share_does_not_exceed() -> None:
    assert quantile([], 0.95) == 0.0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([float(each) for each in range(100)], 0.95) == 95.0
