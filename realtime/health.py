"""Whether what clients see can be trusted to be fresh: every part that freshness hangs on."""

from collections.abc import Callable


class Health:
    def __init__(self, *parts: str, changed: Callable[[bool], None]) -> None:
        self._is_well = dict.fromkeys(parts, False)
        self._changed = changed

    @property
    def is_live(self) -> bool:
        return all(self._is_well.values())

    def part(self, name: str) -> bool:
        return self._is_well[name]

    def report(self, name: str, *, is_well: bool) -> None:
        was_live = self.is_live
        self._is_well[name] = is_well
        if self.is_live != was_live:
            self._changed(self.is_live)
