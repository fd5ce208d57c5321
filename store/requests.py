"""What can be asked of a bus, as values that a batch can lock for, decide and write together."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec
from asyncpg.pgproto.pgproto import UUID

from store.buyers import Buyer
from store.errors import Refusal
from store.model import Bus, Leg

if TYPE_CHECKING:
    from store.ledger import Changes, Ledger

T = TypeVar("T")


class Reply(msgspec.Struct, frozen=True):
    """An answer as it is stored and sent: HTTP status and body."""

    status: int
    body: bytes
    is_replayed: bool = False


class Key(msgspec.Struct, frozen=True):
    """An idempotency key: digests of (caller, operation, key) and of the request."""

    key_hash: uuid.UUID
    request_hash: uuid.UUID

    @classmethod
    def digest(cls, owner: bytes, request: bytes) -> "Key":
        """Return the key of whoever asks under it, for what is asked."""
        # The driver's own kind of UUID: made in a tenth of the time, equal to any other of the same value.
        return cls(
            UUID(blake2b(owner, digest_size=16).digest()),
            UUID(blake2b(request, digest_size=16).digest()),
        )

    @property
    def advisory(self) -> int:
        """The key as PostgreSQL's advisory locks want it."""
        return (self.key_hash.int & (2**64 - 1)) - 2**63


class Ask(msgspec.Struct, Generic[T], frozen=True):
    """A request's key, if it has one, and how its answer is written: `encode` does no I/O.

    `encode` gets the value an operation returns, or the Refusal it raised.
    """

    encode: Callable[[T | Refusal], Reply]
    key: Key | None = None


class Till(msgspec.Struct, frozen=True):
    """Who takes cash for an operator: a person, or a kiosk."""

    operator_id: int
    user_id: int | None
    device_id: int | None


class Needs(msgspec.Struct, frozen=True):
    """What must be locked before a request can be decided.

    `seats` are wanted on `leg`, or on that of the hold. A hold or booking brings its own seats along; if it `is_ending`
    because its time is over, what it still owns of them is looked up. So is what a block owns of `seats`. Whose `till`
    takes the money, if it is cash: that shift is not closed meanwhile. Where what the `buyer` keeps besides is decided
    on, it `counts_kept`.
    """

    seats: tuple[int, ...] = ()
    leg: Leg | None = None
    hold_id: uuid.UUID | None = None
    booking_id: int | None = None
    block_id: uuid.UUID | None = None
    buyer: Buyer | None = None
    is_ending: bool = False
    counts_kept: bool = False
    till: Till | None = None


@dataclass(slots=True)
class Request(ABC, Generic[T]):
    """One thing asked of one bus. Kept as long as it takes to decide it, over as many tries as that needs."""

    bus_id: int
    ask: Ask[T]
    bus: Bus = field(init=False)

    def prepare(self, bus: Bus) -> Needs:
        """Take this edition of the bus's facts and say what to lock; raise what makes no sense on this bus."""
        self.bus = bus
        return self.needs()

    @abstractmethod
    def needs(self) -> Needs:
        """Say what to lock; raise InvalidRequest for what makes no sense on this bus."""

    @abstractmethod
    def decide(self, ledger: "Ledger", changes: "Changes") -> T:
        """Decide from locked rows and note what changes; raise a StoreError, before anything is noted, to refuse."""
