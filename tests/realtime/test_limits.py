from random import Random

import pytest

from realtime.limits import Admission, TokenBucket
from realtime.settings import AdmissionSettings
from realtime.wheel import Wheel


def test_a_bucket_allows_a_burst_and_then_a_pace() -> None:
    bucket = TokenBucket(10, 3, now=0)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(0.1), bucket.take(0.1)] == [True, False]
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]


def test_connections_are_counted_for_each_client_and_in_all() -> None:
    admission = Admission(AdmissionSettings(connections_max=4, connections_per_client=2))
    assert admission.admit("192.0.2.1") is None
    assert admission.admit("192.0.2.1") is None
    assert admission.admit("192.0.2.1") == "client"
    assert admission.admit("::ffff:192.0.2.1") == "client"
    assert admission.admit("192.0.2.2") is None
    assert admission.admit(None) is None
    assert admission.admit("192.0.2.3") == "process"
    admission.release("192.0.2.1")
    assert admission.admit("192.0.2.1") is None


def test_a_network_of_one_subscriber_counts_as_one_client() -> None:
    admission = Admission(AdmissionSettings(connections_per_client=2))
    assert admission.admit("2001:db8:0:1::1") is None
    assert admission.admit("2001:db8:0:1:ffff::2%eth0") is None
    assert admission.admit("2001:db8:0:1::3") == "client"
    assert admission.admit("2001:db8:0:2::3") is None
    assert admission.admit("testclient") is None


@pytest.mark.parametrize("seed", range(20))
def test_a_wheel_returns_everything_once_not_early_and_hardly_late(seed: int) -> None:
    rng = Random(seed)
    now = rng.choice((0.0, 123.456, 1e6))
    wheel: Wheel[int] = Wheel(10.0, now=now, slots=rng.choice((1, 8, 64)))
    due: dict[int, float] = {}
    for item in range(300):
        match rng.randrange(4):
            case 0 | 1:
                wheel.put(item, moment := now + rng.uniform(-1, 10))
                due[item] = max(moment, now)
            case 2 if due:
                moved = rng.choice(list(due))
                due[moved] = now + rng.uniform(0, 10)
                wheel.put(moved, due[moved])
            case _ if due:
                gone = rng.choice(list(due))
                del due[gone]
                wheel.remove(gone)
        was, now = now, now + rng.choice((0.0, 0.1, 1.0, 15.0))
        for found in wheel.turn(now):
            assert due[found] <= now
            assert due[found] > was - 2 * wheel.slot_seconds
            del due[found]
        assert len(wheel) == len(due)
    assert set(wheel.turn(now + 100)) == set(due)
    assert len(wheel) == 0
