"""Late changes are told from clocks that differ."""

from datetime import UTC, datetime

from realtime.lag import Lag

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC).timestamp()


def told(seconds: float) -> str:
    return datetime.fromtimestamp(NOON + seconds, UTC).isoformat()


def test_clocks_that_differ_are_no_lag_and_a_late_change_is() -> None:
    lag = Lag(1.0)
    for number in range(100):
        assert not lag.is_late(told(number - 3600), now=NOON + number)
    assert not lag.is_late(told(100 - 3600), now=NOON + 100.9)
    assert lag.is_late(told(101 - 3600), now=NOON + 102.2)
    assert lag.seconds > 1.0


def test_a_clock_that_was_put_right_is_believed_after_a_while() -> None:
    lag = Lag(1.0)
    assert not lag.is_late(told(0), now=NOON)
    lateness = [lag.is_late(told(number), now=NOON + number + 60) for number in range(10_000)]
    assert lateness[0]
    assert not lateness[-1]


def test_a_moment_nobody_can_read_is_no_lag() -> None:
    assert not Lag(1.0).is_late("some day", now=NOON)
