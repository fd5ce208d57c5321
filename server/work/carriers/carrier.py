"""What a broker does for us: it carries slips, each of which says that a job is to be looked at.

The table of jobs stays the truth. A slip that is lost, doubled, late or out of order does no harm: whoever gets it asks
the table whether there is anything to do (`store/carriage.py`). So a slip tells nothing of a booking, and a broker
may be wiped at any moment.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self

import msgspec

from server.config import ConfigError
from store.carriage import Slip

QUIET_SECONDS = 15.0
"""A delivery that nobody was heard of for so long is given to somebody else, where the broker goes by the clock."""
REDELIVERIES_MAX = 20
"""A slip that comes back so often is put aside by the broker; its job comes by another slip, or is DEAD."""
WAITING_MAX = 100_000
"""More slips than this a broker need not keep."""


def pack(slip: Slip) -> bytes:
    return msgspec.json.encode(slip)


def unpack(body: bytes) -> Slip:
    """Read what `pack` wrote; raise msgspec.DecodeError for anything else."""
    return msgspec.json.decode(body, type=Slip)


@dataclass(frozen=True, slots=True)
class Delivery:
    """`receipt` is the broker's: what it knows this delivery by."""

    body: bytes
    receipt: Any


class Carrier(Protocol):
    """One connection to a broker, for one who publishes or one who takes deliveries.

    `open` makes there, if need be, what keeps slips; at most `prefetch` deliveries are out, neither acked nor nacked.
    Everything raises CarrierLost when the broker does not do it. Whoever gets that closes the carrier and opens
    another: none mends itself.
    """

    @classmethod
    async def open(cls, url: str, *, prefetch: int, quiet_seconds: float = QUIET_SECONDS) -> Self:
        """Connect."""

    async def publish(self, slips: Sequence[Slip]) -> None:
        """Return when the broker has confirmed that it keeps every one."""

    def deliveries(self) -> AsyncIterator[Delivery]:
        """Yield what comes, for ever."""

    async def ack(self, delivery: Delivery) -> None:
        """Say that a delivery has been seen to, and is not to come again."""

    async def nack(self, delivery: Delivery, *, later_seconds: float = 0.0) -> None:
        """Give a delivery back, to come again after a while: at once, if the broker cannot wait."""

    async def bury(self, delivery: Delivery) -> None:
        """Put aside what cannot be read, where the broker has a place for it."""

    async def hold_on(self, delivery: Delivery) -> None:
        """Say that a delivery is still being seen to."""

    async def close(self) -> None:
        """Let go of the broker; what is out comes again to somebody else. Raises nothing."""


class CarrierLost(Exception):
    """The broker went away, or refuses: jobs wait in the table."""


@contextmanager
def failing_as_lost(broker: str, *failures: type[Exception]) -> Iterator[None]:
    """Raise CarrierLost for failures that a library has its own names for."""
    try:
        yield
    except failures as error:
        raise CarrierLost(f"{broker}: {str(error) or type(error).__name__}") from error


class CarrierMissing(ConfigError):
    """What speaks to the broker that the settings name is not installed."""

    def __init__(self, scheme: str, extra: str) -> None:
        super().__init__(
            f"OMNIBUS_BROKER_URL is {scheme}://, which needs more than is installed:"
            f" pip install 'omnibus[{extra}]'"
        )
