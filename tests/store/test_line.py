"""The line before a batch: first come, first served on each bus, and no bus waits behind another."""

from dataclasses import dataclass

from store.line import Line


@dataclass(frozen=True)
class Waiting:
    bus_id: int
    number: int = 0


def stand(*buses: int) -> Line[Waiting]:
    line: Line[Waiting] = Line()
    for number, bus_id in enumerate(buses):
        line.append(Waiting(bus_id, number))
    return line


def take(line: Line[Waiting], most: int = 4) -> list[tuple[int, int]]:
    return [(waiting.bus_id, waiting.number) for waiting in line.take(most)]


def test_every_bus_has_a_turn_and_a_crowd_fills_what_is_left() -> None:
    line = stand(1, 1, 1, 1, 1, 2, 3)
    assert take(line) == [(1, 0), (2, 5), (3, 6), (1, 1)]
    assert len(line) == 3


def test_a_bus_that_is_decided_on_has_no_turn_until_it_is_free() -> None:
    line = stand(1, 1, 1)
    assert take(line, 2) == [(1, 0), (1, 1)]
    assert not line.has_turn
    assert take(line) == []
    line.append(Waiting(1, 3))
    line.append(Waiting(2, 4))
    assert take(line) == [(2, 4)]
    line.free({1, 2})
    assert take(line) == [(1, 2), (1, 3)]


def test_who_is_put_back_comes_before_who_came_later() -> None:
    line = stand(1, 1, 1)
    batch = line.take(2)
    for waiting in reversed(batch):
        line.put_back(waiting)
    line.free({1})
    assert take(line) == [(1, 0), (1, 1), (1, 2)]


def test_a_bus_nobody_waits_for_is_forgotten() -> None:
    line = stand(1)
    take(line)
    line.free({1})
    assert (len(line), list(line), line._by_bus, line.has_turn) == (0, [], {}, False)


def test_who_has_waited_too_long_leaves_and_the_others_keep_their_places() -> None:
    line = stand(1, 2, 1, 2)
    take(line, 1)
    gone = line.leave(lambda waiting: waiting.number < 2)
    assert (gone, len(line)) == ([Waiting(2, 1)], 2)
    assert take(line) == [(2, 3)]
    line.free({1, 2})
    assert take(line) == [(1, 2)]
    line.free({1})
    line.append(Waiting(1, 4))
    assert line.leave(lambda _: True) == [Waiting(1, 4)]
    assert not line.has_turn
