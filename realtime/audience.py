"""How many watch which bus, here and in the other processes: asked for only while somebody looks at the totals.

Whoever wants to know says ASK on the bus between processes; each answers with its own counts, which are kept for a few
rounds and then forgotten, for a process that is gone says nothing. An answer that was lost leaves the count before.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec

from realtime.settings import AudienceSettings

ASK: Final = b"watching?"
TELL: Final = b"watching"
WORDS: Final = frozenset({ASK, TELL})

_Counts = dict[int, int]


class Say(Protocol):
    def __call__(self, word: bytes, payload: bytes = b"") -> None:
        """Tell all other processes; never waits, never raises."""


def _say_to_nobody(word: bytes, payload: bytes = b"") -> None:
    """A process that is alone has nobody to ask."""


def _tell_nobody() -> None:
    """Nobody wants to know yet."""


class Audience:
    def __init__(self, here: Callable[[], Mapping[int, int]], settings: AudienceSettings) -> None:
        """`here` counts the watchers of this process."""
        self.say: Say = _say_to_nobody
        self.changed: Callable[[], None] = _tell_nobody
        """Called when others turn out to have other watchers."""
        self._here = here
        self._settings = settings
        self._elsewhere: dict[bytes, tuple[float, _Counts]] = {}
        self._asked_at = self._told_at = float("-inf")

    def count(self) -> Mapping[int, int]:
        """Return what is known of all processes, and ask the others if that was a while ago."""
        now = time.monotonic()
        if now - self._asked_at >= self._settings.ask_seconds:
            self._asked_at = now
            self.say(ASK)
        known = Counter(self._here())
        oldest = now - self._settings.keep_seconds
        self._elsewhere = {
            origin: told for origin, told in self._elsewhere.items() if told[0] >= oldest
        }
        for _, counts in self._elsewhere.values():
            known.update(counts)
        return known

    def hear(self, origin: bytes, word: bytes, payload: bytes) -> bool:
        """Answer a question, or keep an answer; return False when it makes no sense."""
        if word == ASK:
            self._tell()
            return True
        try:
            counts = msgspec.json.decode(payload, type=_Counts)
        except (msgspec.DecodeError, RecursionError):
            return False
        if (
            min(counts.values(), default=1) < 1
            or len(self._elsewhere) >= self._settings.processes_max
        ):
            return False
        _, before = self._elsewhere.get(origin, (0.0, {}))
        self._elsewhere[origin] = (time.monotonic(), counts)
        if counts != before:
            self.changed()
        return True

    def _tell(self) -> None:
        """Several may ask at once: what one of them hears, all do."""
        now = time.monotonic()
        if now - self._told_at >= self._settings.tell_seconds:
            self._told_at = now
            self.say(TELL, msgspec.json.encode(self._here()))
