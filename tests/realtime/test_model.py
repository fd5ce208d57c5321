"""The promise of the live layer, tried against random schedules: state at R is what R committed."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from realtime.counters import Counters
from realtime.effects import Answer, Broadcast, Change, Effects, Head
from realtime.feed import Feed
from realtime.settings import FeedSettings
from store.events import SeatMap
from tests.realtime.model import FeedFactory, Socket, Violation, World

SCHEDULES = 100_000
PARTS = 8  # for as many workers as there are
STEPS = 150
MUTANT_SCHEDULES = 2_000


def play(seed: int, make_feed: FeedFactory = Feed) -> World:
    world = World(seed, make_feed)
    try:
        world.play(STEPS)
        world.heal()
    except Violation as violation:
        violation.add_note(f"replay with: play(seed={seed})")
        raise
    return world


@pytest.mark.parametrize("part", range(PARTS))
def test_every_observer_sees_committed_states_only_and_ends_at_the_head(part: int) -> None:
    seen: Counter[str] = Counter()
    seeds = range(part, SCHEDULES, PARTS)
    for seed in seeds:
        world = play(seed)
        for client in world.clients:
            seen += client.seen
        seen["repaired"] += world.counters.repairs
        seen["early"] += world.counters.deltas_early
        seen["duplicate"] += world.counters.deltas_duplicate
    # The schedules are worth something only as long as they reach what they are about.
    for what in ("Change", "Answer", "Resync", "repaired", "early", "duplicate"):
        assert seen[what] > len(seeds) / 2, f"too few: {what} in {seen}"
    assert seen["merged"] > len(seeds) / 2, f"too few deltas over several changes: {seen}"
    assert seen["same"] > len(seeds) / 8


class SkipsTheGapCheck(Feed[Socket]):
    def _fits(self, change: Change, head: Head) -> bool:
        return change.epoch == head.epoch


class AppliesOldDeltas(Feed[Socket]):
    def apply(self, change: Change, *, now: float) -> Effects[Socket]:
        head = self.head
        if head is not None and change.epoch == head.epoch and change.rev <= head.rev:
            self._advance(change)
            return self._tell([change], now)
        return super().apply(change, now=now)


class SendsDeltasToTheSlow(Feed[Socket]):
    def fell_behind(self, watcher: Socket) -> None:
        pass


class AdoptsStaleLoads(Feed[Socket]):
    def loaded(self, seat_map: SeatMap, *, now: float) -> Effects[Socket]:
        if self.head is not None and self.head.rev > seat_map.rev:
            self.head = Head(seat_map.epoch, seat_map.rev - 1)
        return super().loaded(seat_map, now=now)


class BelievesSameByRevisionOnly(Feed[Socket]):
    def _answer(self, watcher: Socket, request_id: int, claim: Head | None) -> Answer[Socket]:
        answer = super()._answer(watcher, request_id, claim)
        is_same = claim is not None and self.head is not None and claim.rev == self.head.rev
        return Answer(answer.watcher, request_id, is_same)


class AnswersFromThePast(Feed[Socket]):
    def subscribe(
        self, watcher: Socket, request_id: int, claim: Head | None, *, now: float
    ) -> Effects[Socket]:
        if self.head is not None:
            return [self._answer(watcher, request_id, claim)]
        return super().subscribe(watcher, request_id, claim, now=now)


class RepairsWithoutSayingSo(Feed[Socket]):
    def _tell(self, changes: list[Change], now: float) -> Effects[Socket]:
        return super()._tell([one for one in changes if one.at], now)


class IgnoresPositions(Feed[Socket]):
    def learned(self, position: Head, *, asked_at: Head | None, now: float) -> Effects[Socket]:
        return super().learned(min(position, self.head or position), asked_at=asked_at, now=now)


class KeepsTheOldEpoch(Feed[Socket]):
    def loaded(self, seat_map: SeatMap, *, now: float) -> Effects[Socket]:
        epoch = seat_map.epoch if self.head is None else self.head.epoch
        read = SeatMap(seat_map.bus_id, epoch, seat_map.rev, seat_map.seats)
        return super().loaded(read, now=now)


class LetsWatchersJoinLate(Feed[Socket]):
    """Answers, but forgets that the watcher wants the next delta too."""

    def _answer(self, watcher: Socket, request_id: int, claim: Head | None) -> Answer[Socket]:
        answer = super()._answer(watcher, request_id, claim)
        del self.current[watcher]
        return answer


class KeepsTheFirstWord(Feed[Socket]):
    """Merges changes so that the first word on a seat counts."""

    def _let_out(self, now: float) -> Effects[Socket]:
        told = super()._let_out(now)
        if told and isinstance(told[0], Broadcast):
            change = told[0].change
            seats = tuple({**dict(change.seats), **self.first}.items())
            self.first: dict[str, str] = {}
            return [Broadcast(replace(change, seats=seats), told[0].watchers)]
        return told

    def _tell(self, changes: list[Change], now: float) -> Effects[Socket]:
        for change in changes:
            self.first = {**dict(change.seats), **getattr(self, "first", {})}
        return super()._tell(changes, now)


class ForgetsWhereItBegan(Feed[Socket]):
    """A merged delta says that it starts where only the last of its changes does."""

    def _let_out(self, now: float) -> Effects[Socket]:
        told = super()._let_out(now)
        if told and isinstance(told[0], Broadcast):
            change = told[0].change
            return [Broadcast(replace(change, prev=change.rev - 1), told[0].watchers)]
        return told


class TellsOfAnEpochThatIsOver(Feed[Socket]):
    def _keep_quiet(self) -> None:
        pass


class ClaimsMoreThanItTold(Feed[Socket]):
    @property
    def told(self) -> Head | None:
        return self.head


class DoesNotWaitForTheLastBroadcast(Feed[Socket]):
    def _let_out(self, now: float) -> Effects[Socket]:
        self._telling = None
        return super()._let_out(now)


MUTANTS: list[type[Feed[Any]]] = [
    SkipsTheGapCheck,
    AppliesOldDeltas,
    SendsDeltasToTheSlow,
    AdoptsStaleLoads,
    BelievesSameByRevisionOnly,
    AnswersFromThePast,
    RepairsWithoutSayingSo,
    IgnoresPositions,
    KeepsTheOldEpoch,
    LetsWatchersJoinLate,
    KeepsTheFirstWord,
    ForgetsWhereItBegan,
    TellsOfAnEpochThatIsOver,
    ClaimsMoreThanItTold,
    DoesNotWaitForTheLastBroadcast,
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_feed_is_caught(mutant: type[Feed[Socket]]) -> None:
    def make(settings: FeedSettings, counters: Counters) -> Feed[Socket]:
        return mutant(settings, counters)

    def play_all() -> None:
        for seed in range(MUTANT_SCHEDULES):
            play(seed, make)

    with pytest.raises(Violation, match=r".") as caught:
        play_all()
    assert "replay with" in caught.value.__notes__[0]
