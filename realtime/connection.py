"""One client of `seatmap.v1`: what it may say, what it is owed, and when it has to go."""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, assert_never

from realtime import frames
from realtime.counters import Counters
from realtime.effects import Head
from realtime.feed import NEVER
from realtime.hub import Hub
from realtime.limits import Admission, TokenBucket
from realtime.outlet import Outlet
from realtime.protocol import (
    ERROR_DETAILS,
    Ack,
    Auth,
    BadMessage,
    CloseCode,
    Error,
    ErrorCode,
    Hello,
    ServerFrame,
    Subscribe,
    Unsubscribe,
    read_bus_id,
    read_client_frame,
)
from realtime.settings import ConnectionSettings
from realtime.speakers import Speakers
from realtime.topics import SALES, Scope, Topics, is_topic

log = logging.getLogger(__name__)


class Principal(Protocol):
    """Whom a token stands for."""

    @property
    def user_id(self) -> int: ...

    @property
    def session_id(self) -> str:
        """What they signed in with: ends with it."""

    @property
    def is_staff(self) -> bool: ...

    @property
    def is_device(self) -> bool: ...

    @property
    def operators(self) -> Scope:
        """Whose sales they may see."""

    @property
    def expires_at(self) -> datetime: ...


Authenticate = Callable[[str], Awaitable[Principal | None]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every connection of a process shares."""

    hub: Hub
    topics: Topics
    authenticate: Authenticate
    admission: Admission
    settings: ConnectionSettings
    counters: Counters
    schedule: Callable[["Connection", float], None]  # have `beat` called at that time
    speakers: Speakers["Connection"]


class Connection:
    """Speaks to its outlet without ever waiting for it; only `receive` is a coroutine.

    Who is `must_authenticate` has to do so with its first message, and soon.
    """

    __slots__ = (
        "_around",
        "_beat_at",
        "_beat_seconds",
        "_bucket",
        "_counters",
        "_expires_at",
        "_failed_auths",
        "_heard_at",
        "_hub",
        "_principal",
        "_settings",
        "_spoke_at",
        "_unacked",
        "buses",
        "is_closed",
        "outlet",
    )

    def __init__(
        self, outlet: Outlet, around: Surroundings, *, must_authenticate: bool = False
    ) -> None:
        now = time.monotonic()
        settings = around.settings
        self.outlet = outlet
        self.buses: set[int] = set()
        self.is_closed = False
        self._around = around
        self._hub = around.hub
        self._settings = settings
        self._counters = around.counters
        self._bucket = TokenBucket(settings.messages_per_second, settings.messages_burst, now=now)
        self._principal: Principal | None = None
        # Of the token, or of our patience with whoever has to bring one; on the monotonic clock.
        self._expires_at = now + settings.auth_seconds if must_authenticate else NEVER
        self._failed_auths = 0
        # Its own pace, so that clients that came together do not stay together; never slower
        # than what `hello` promises, for clients take longer silence for death.
        spread = random.uniform(0.75, 0.9)  # noqa: S311 - spreads load, keeps no secret
        self._beat_seconds = settings.heartbeat_seconds * spread
        self._spoke_at = now
        self._heard_at = now
        self._beat_at = -NEVER
        self._unacked = 0

    # To the client.

    def greet(self) -> None:
        seconds = self._settings.heartbeat_seconds
        heartbeat = int(seconds) if seconds == int(seconds) else seconds
        self.send(Hello(secrets.token_urlsafe(12), frames.timestamp_now(), heartbeat))

    def send(self, message: ServerFrame) -> None:
        self.send_packed(frames.pack(message))

    def send_packed(self, wire: bytes) -> None:
        self._spoke_at = time.monotonic()
        self.outlet.write(wire)
        self._hub.note_reply(self)

    def refuse(self, request_id: int, code: ErrorCode) -> None:
        self._counters.errors[code] += 1
        self.send(Error(request_id, code, ERROR_DETAILS[code]))

    def close(self, code: CloseCode) -> None:
        if not self.is_closed:
            self._counters.closed[int(code)] += 1
            self._leave()
            self.outlet.close(code, code.reason)

    def abort(self) -> None:
        if not self.is_closed:
            self._leave()
            self.outlet.abort()

    def ended(self, code: int) -> None:
        """Somebody else closed it, the client or the protocol for it: note how."""
        if not self.is_closed:
            is_known = code < 1016 or code in set(CloseCode)
            self._counters.ended[str(code) if is_known else "other"] += 1

    def lost(self) -> None:
        """The socket is gone, whoever ended it."""
        self._leave()

    @property
    def principal(self) -> Principal | None:
        """Who has shown a token here, as long as the connection lasts."""
        return None if self.is_closed else self._principal

    @property
    def is_stranger(self) -> bool:
        """Has to say who it is, and has not yet."""
        return self._principal is None and self._expires_at != NEVER

    @property
    def first_due(self) -> float:
        """When `beat` is to be called first."""
        # Half an interval early, so that clients which came together do not stay together.
        return min(self._expires_at, self._spoke_at + self._settings.heartbeat_seconds / 2)

    def beat(self, now: float) -> float | None:
        """Called when the connection is due; returns when it is due again, None once it is over."""
        settings = self._settings
        if self.is_closed:
            return None
        if now >= self._expires_at:
            is_stranger = self.is_stranger
            self.close(CloseCode.UNAUTHENTICATED if is_stranger else CloseCode.TOKEN_EXPIRED)
            return None
        due = self._beat_due()
        if now < due:
            return min(due, self._expires_at)
        if self._unacked >= settings.missed_acks_max:
            self.close(CloseCode.NO_ACK)
            return None
        if self._hub.is_full(self):
            return now + self._beat_seconds / 4  # it will hear from us as soon as it listens
        self._unacked += 1
        self._beat_at = now
        self._counters.heartbeats += 1
        self.send_packed(self._hub.heartbeat(self.buses, now=now))
        return min(self._beat_due(), self._expires_at)

    def _beat_due(self) -> float:
        # When nothing was sent for an interval; or, behind a busy bus, when nothing was heard for
        # two, lest a client that vanished without a word be served for ever.
        spoke_at = max(self._spoke_at, self._hub.spoke_at(self.buses))
        due = min(spoke_at + self._beat_seconds, self._heard_at + 2 * self._beat_seconds)
        if self._unacked:
            due = min(due, self._beat_at + self._beat_seconds)
        return max(due, self._beat_at + self._beat_seconds)

    # From the client.

    async def receive(self, text: str | None) -> None:
        """One message; None is a binary one."""
        if self.is_closed:
            return  # sent before our close frame arrived
        self._counters.received += 1
        now = time.monotonic()
        if not self._bucket.take(now):
            self.close(CloseCode.TOO_FAST)
        elif text is None:
            self.close(CloseCode.BAD_MESSAGE)
        elif len(text.encode()) > self._settings.message_bytes_max:
            self.close(CloseCode.TOO_BIG)
        else:
            self._heard_at = now
            await self._obey(text)

    async def _obey(self, text: str) -> None:
        try:
            message = read_client_frame(text)
        except BadMessage:
            self.close(CloseCode.BAD_MESSAGE)
            return
        if self.is_stranger and not isinstance(message, Auth):
            self.close(CloseCode.UNAUTHENTICATED)
            return
        match message:
            case Subscribe():
                self._subscribe(message)
            case Unsubscribe(topic=str(topic)):
                self._around.topics.unsubscribe(self, topic)
            case Unsubscribe():
                bus_id = read_bus_id(message.bus or "")
                if bus_id is not None and bus_id in self.buses:
                    self._hub.unsubscribe(self, bus_id)
            case Ack():
                self._counters.acks += 1
                if self._unacked:
                    self._counters.ack_lag.observe(self._heard_at - self._beat_at)
                self._unacked = 0
            case Auth():
                await self._authenticate(message)
            case _:
                assert_never(message)

    def _subscribe(self, message: Subscribe) -> None:
        if message.topic is not None:
            self._subscribe_topic(message.id, message.topic)
            return
        bus_id = read_bus_id(message.bus or "")
        if bus_id is None:
            self.refuse(message.id, "not_found")
        elif bus_id not in self.buses and not self._has_room():
            self.refuse(message.id, "too_many_subscriptions")
        else:
            is_resuming = message.epoch is not None and message.rev is not None
            claim = Head(message.epoch or 0, message.rev or 0) if is_resuming else None
            self._hub.subscribe(self, bus_id, message.id, claim)

    def _subscribe_topic(self, request_id: int, name: str) -> None:
        topics, principal = self._around.topics, self._principal
        if not is_topic(name):
            self.refuse(request_id, "not_found")
        elif name == SALES and principal is None:
            self.refuse(request_id, "unauthenticated")
        elif name == SALES and principal is not None and not principal.is_staff:
            self.refuse(request_id, "forbidden")
        elif not topics.has(self, name) and not self._has_room():
            self.refuse(request_id, "too_many_subscriptions")
        else:
            scope = None if principal is None else principal.operators
            topics.subscribe(self, request_id, name, scope)

    def _has_room(self) -> bool:
        is_wide = self._principal is not None and _is_wide(self._principal)
        most = self._settings.buses_max_staff if is_wide else self._settings.buses_max
        return len(self.buses) + self._around.topics.count(self) < most

    async def _authenticate(self, message: Auth) -> None:
        """Success is silent: whatever the client asks next is judged by it."""
        try:
            async with asyncio.timeout(self._settings.auth_timeout_seconds):
                principal = await self._around.authenticate(message.token)
        except Exception:  # the client may try again, and goes on watching meanwhile
            log.warning("checking a token failed", exc_info=True)
            self.refuse(message.id, "overloaded")
            return
        if self.is_closed:
            return
        lasts = 0.0 if principal is None else _seconds_until(principal.expires_at)
        if principal is None or lasts <= 0:
            self._failed_auths += 1
            self.refuse(message.id, "unauthenticated")
            if self._failed_auths >= self._settings.failed_auths_max:
                self.close(CloseCode.UNAUTHENTICATED)
            return
        if (objection := self._judge(principal)) is not None:
            self.close(objection)
            return
        self._principal = principal
        self._around.speakers.add(principal.user_id, principal.session_id, self)
        self._around.topics.restrict(self, principal.operators, is_staff=principal.is_staff)
        self._failed_auths = 0
        self._expires_at = time.monotonic() + lasts
        self._around.schedule(self, min(self._expires_at, self._beat_due()))

    def _judge(self, principal: Principal) -> CloseCode | None:
        """Whether this token may take the place of the one before, if any; counts its user in."""
        before = self._principal
        is_same = before is not None and before.user_id == principal.user_id
        if before is not None and _is_wide(before) and not (is_same and _is_wide(principal)):
            return (
                CloseCode.FORBIDDEN
            )  # what was subscribed to was theirs who have left, or was more
        if not is_same:
            if not self._around.admission.admit_user(principal.user_id):
                self._counters.refused["user"] += 1
                return CloseCode.TOO_MANY_CONNECTIONS
            self._release_user()
        return None

    def _release_user(self) -> None:
        if self._principal is not None:
            self._around.admission.release_user(self._principal.user_id)
            self._around.speakers.remove(self._principal.user_id, self)

    def _leave(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self._release_user()
            self._hub.leave(self)
            self._around.topics.leave(self)


def _is_wide(principal: Principal) -> bool:
    """Watches as many buses as a station has."""
    return principal.is_staff or principal.is_device


def _seconds_until(moment: datetime) -> float:
    return (moment - datetime.now(UTC)).total_seconds()
