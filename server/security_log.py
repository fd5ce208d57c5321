"""What the audit log keeps of doors that were tried: logins of staff, and what was refused to those who manage.

None of it belongs to a change in the database, so it is gathered here and written every few seconds. It is bounded,
however hard somebody tries: what repeats within a minute is one entry with a count, and beyond a hundred different
things at a time only their number is kept.
"""

import time
from collections import Counter
from typing import NamedTuple

from store.accounts import User
from store.audit import Audit, NewEntry
from store.model import Caller, Role

KINDS_MAX = 100
REPEAT_SECONDS = 60.0


class _Kind(NamedTuple):
    operator_id: int | None
    actor_id: int | None
    action: str
    subject: str


class SecurityLog:
    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._counts: Counter[_Kind] = Counter()
        self._written_at: dict[_Kind, float] = {}
        self._others = 0

    def note_login(self, user: User, *, is_successful: bool) -> None:
        """Take note of staff that signed in, or failed to; riders have their own business."""
        if user.role is Role.RIDER:
            return
        action = "login" if is_successful else "login.failed"
        actor = user.user_id if is_successful else None
        self._note(_Kind(user.operator_id, actor, action, f"user {user.user_id}"))

    def note_refusal(self, caller: Caller, operation: str) -> None:
        """Take note of a signed-in caller, or a device, who was refused what is for others."""
        if caller.is_guest:
            return
        by_device = f" by device {caller.device_id}" if caller.device_id is not None else ""
        subject = operation + by_device
        self._note(_Kind(caller.operator_id, caller.user_id, "access.refused", subject))

    async def write(self) -> None:
        """Write what was noted, unless the same was written within the last minute; that waits. Raises Overloaded."""
        now = time.monotonic()
        self._written_at = {
            kind: at for kind, at in self._written_at.items() if now - at < REPEAT_SECONDS
        }
        due = [kind for kind in self._counts if kind not in self._written_at]
        await self._write(due, now)

    async def close(self) -> None:
        """Write everything that was noted."""
        await self._write([*self._counts], time.monotonic())

    async def _write(self, due: list[_Kind], now: float) -> None:
        entries = [NewEntry(*kind, {"count": self._counts[kind]}) for kind in due]
        others, self._others = self._others, 0
        if others:
            entries.append(NewEntry(None, None, "access.others", "many", {"count": others}))
        # Taken out first: what comes while we wait counts anew.
        for kind in due:
            del self._counts[kind]
            self._written_at[kind] = now
        await self._audit.add(entries)

    def _note(self, kind: _Kind) -> None:
        if kind not in self._counts and len(self._counts) >= KINDS_MAX:
            self._others += 1
        else:
            self._counts[kind] += 1
