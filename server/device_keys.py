"""Keys of devices: who calls with one, remembered for a moment, and sockets closed when theirs opens no more."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from realtime.live import Live
from server.jobs import Job
from server.problems import HttpProblem, unauthenticated
from store.devices import Devices
from store.errors import Overloaded
from store.model import Caller
from store.pairing import KEY_PREFIX, digest_key

READ_SECONDS = 5.0
"""So old may what is known of a key be for reading, and a second for everything else."""
WRITE_SECONDS = 1.0
SOCKETS_SECONDS = 2.0
_SESSION = "device"
_SOCKET_LASTS = timedelta(hours=12)
_KEY = re.compile(re.escape(KEY_PREFIX) + r"[A-Za-z0-9_-]{43}")
_REMEMBERED = 20_000
_CHECKS_AT_ONCE = 4
_CHECKS_WAITING = 256
"""A flood of made-up keys has so many connections to the database, and the rest of the house has all others."""


class AskFirst(Exception):
    """Too little, or nothing, is known of this key: `check` it."""

    def __init__(self, key: str) -> None:
        super().__init__("a device's key")
        self.key = key


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What the database said of a key, on the monotonic clock; no caller means that it opens nothing."""

    caller: Caller | None
    checked_at: float
    ends_at: float


class DeviceKeys:
    """`show_out` closes what a device has open."""

    def __init__(self, devices: Devices, show_out: Callable[[int, str], None]) -> None:
        self._devices = devices
        self._show_out = show_out
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._turns = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._waiting = 0

    def recall(self, key: str, *, is_write: bool) -> Caller:
        """Return whose key this is from memory; raise AskFirst when that is too old, or a 401 for what is none."""
        if _KEY.fullmatch(key) is None:
            raise _no_key()
        known, now = self._remembered.get(key), time.monotonic()
        age_max = WRITE_SECONDS if is_write else READ_SECONDS
        if known is None or now - known.checked_at > age_max or now >= known.ends_at:
            raise AskFirst(key)
        if known.caller is None:
            raise _no_key()
        return known.caller

    async def check(self, key: str) -> Caller:
        """Ask the database whose key this is, and remember it; raise a 401 when it is nobody's (any more).

        Raises Overloaded when too many ask.
        """
        if self._waiting >= _CHECKS_WAITING:
            raise Overloaded
        self._waiting += 1
        try:
            async with self._turns:
                asked_at = time.monotonic()
                known = await self._devices.authenticate(key)
        finally:
            self._waiting -= 1
        left = known.seconds_left if known else None
        ends_at = float("inf") if left is None else asked_at + left
        caller = known.caller if known else None
        self._remembered.pop(key, None)
        self._remembered[key] = _Remembered(caller, asked_at, ends_at)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        if caller is None:
            raise _no_key()
        return caller

    def forget(self, device_id: int) -> None:
        """Know nothing of a device, which has been shut out, and close its sockets."""
        self._remembered = OrderedDict(
            (key, known)
            for key, known in self._remembered.items()
            if known.caller is not None and known.caller.device_id != device_id
        )
        self._show_out(_speaker_number(device_id), _SESSION)


@dataclass(frozen=True, slots=True)
class DeviceSpeaker:
    """A device at a socket: as many buses as a station has, and nothing of sales."""

    user_id: int
    digest: bytes
    expires_at: datetime
    session_id: str = _SESSION
    is_staff: bool = False
    is_device: bool = True
    operators: frozenset[int] | None = frozenset()

    @classmethod
    async def find(cls, devices: Devices, key: str) -> Self | None:
        """Return the device whose key this is; None for nobody's."""
        if _KEY.fullmatch(key) is None or (known := await devices.authenticate(key)) is None:
            return None
        assert known.caller.device_id is not None
        lasts = _SOCKET_LASTS
        if known.seconds_left is not None:
            lasts = min(lasts, timedelta(seconds=known.seconds_left))
        user_id = _speaker_number(known.caller.device_id)
        return cls(user_id, digest_key(key), datetime.now(UTC) + lasts)


def socket_jobs(live: Live, devices: Devices) -> list[Job]:
    """Return what closes the sockets of devices whose key was revoked, or replaced and is over."""

    async def look() -> None:
        speakers = [each for each in live.principals() if isinstance(each, DeviceSpeaker)]
        if not speakers:
            return
        good = await devices.find_good({each.digest for each in speakers})
        live.expel({each for each in speakers if each.digest not in good})

    return [Job("close sockets of devices", SOCKETS_SECONDS, look)]


def _speaker_number(device_id: int) -> int:
    # Connections are counted by user, and no user has a negative number.
    return -device_id


def _no_key() -> HttpProblem:
    return unauthenticated("this device's key is not valid, or not any more")
