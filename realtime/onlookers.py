"""Who looks at buses without watching them: they hear every change, and are told when they may have missed one."""

from collections.abc import Sequence
from typing import Protocol

from realtime.check import Holder
from realtime.effects import Head
from store.events import Position


class Onlooker(Holder, Protocol):
    """Hears in the event loop, in any order, more than once or not at all; may neither wait nor raise."""

    def is_known(self, bus_id: int) -> bool:
        """Return whether changes of a bus matter here."""

    def note(
        self, bus_id: int, epoch: int, prev: int, rev: int, seats: Sequence[tuple[str, str]]
    ) -> None:
        """Hear of a change: absolute states of seats, or none if something else is otherwise."""

    def distrust(self) -> None:
        """Changes may have been missed, or might be from now on."""


class Held:
    """All that a process holds, for one check of all positions."""

    def __init__(self, hub: Holder, onlooker: Onlooker) -> None:
        self._hub = hub
        self._onlooker = onlooker

    def heads(self) -> dict[int, Head]:
        return self._onlooker.heads() | self._hub.heads()

    def learn(self, asked: dict[int, Head], positions: Sequence[Position]) -> None:
        self._onlooker.learn(asked, positions)
        self._hub.learn(asked, positions)
