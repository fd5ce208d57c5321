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
    assert admission.admit("192.0.2.1", now=0) is None
    assert admission.admit("192.0.2.1", now=0) is None
    assert admission.admit("192.0.2.1", now=0) == "client"
    assert admission.admit("::ffff:192.0.2.1", now=0) == "client"
    assert admission.admit("192.0.2.2", now=0) is None
    assert admission.admit(None, now=0) is None
    assert admission.admit("192.0.2.3", now=0) == "process"
    admission.release("192.0.2.1")
    assert admission.admit("192.0.2.1", now=0) is None


def test_a_network_of_one_subscriber_counts_as_one_client() -> None:
    admission = Admission(AdmissionSettings(connections_per_client=2))
    assert admission.admit("2001:db8:0:1::1", now=0) is None
    assert admission.admit("2001:db8:0:1:ffff::2%eth0", now=0) is None
    assert admission.admit("2001:db8:0:1::3", now=0) == "client"
    assert admission.admit("2001:db8:0:2::3", now=0) is None
    assert admission.admit("testclient", now=0) is None


def test_a_client_may_come_and_go_only_so_fast() -> None:
    admission = Admission(AdmissionSettings(connections_per_client=2, handshakes_per_second=1.0))

    def visit(address: str, now: float) -> str | None:
        refusal = admission.admit(address, now=now)
        if refusal is None:
            admission.release(address)
        return refusal

    assert [visit("192.0.2.1", 0) for _ in range(5)] == [None] * 4 + ["handshakes"]
    assert visit("192.0.2.2", 0) is None
    assert [visit("192.0.2.1", 1), visit("192.0.2.1", 1)] == [None, "handshakes"]
    assert admission.total == 0


def test_what_is_remembered_of_clients_that_are_gone_is_bounded() -> None:
    admission = Admission(AdmissionSettings(connections_max=10))
    for number in range(1000):
        assert admission.admit(f"192.0.2.{number}", now=number / 1000) is None
        admission.release(f"192.0.2.{number}")
        assert len(admission._paces) <= 11


def test_a_user_has_so_many_connections_wherever_they_are() -> None:
    admission = Admission(AdmissionSettings(connections_per_user=2))
    assert [admission.admit_user(7) for _ in range(3)] == [True, True, False]
    assert admission.admit_user(8)
    admission.release_user(7)
    assert admission.admit_user(7)
    for user in (7, 7, 8):
        admission.release_user(user)
    assert admission.users == 0


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
