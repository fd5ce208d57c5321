"""At the door of a bus: what a scanner has read, and who may board."""

import uuid
from datetime import datetime
from typing import Annotated

import msgspec

from server import wire
from server.api.buses import is_known
from server.api.shapes import Identifier, SeatLabel, parse_id, require_calendar, utc
from server.contract import Access, Answer, Call, Operation
from server.policies import Rate
from server.problems import bad_field
from server.ticketing.token import PublicKey, TicketKeys
from server.tickets import read_ticket
from store.errors import Forbidden, NotFound, OutcomeUnknown, Overloaded, WrongState
from store.ids import format_owned, parse_bus
from store.model import Bus
from store.scans import BadSignature, Named, Outcome, Passenger, RefSeat, Scan
from store.unboarding import Undone

SCANS_MAX = 500
BUSES_MAX = 64
_BYTES_MAX = 262_144
_ID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$(?!\n)"
_NO_BUS = 0


class ScanRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was read: a `ticket` code, or a booking's `ref` and a `seat`. `id` is a UUID that the scanner makes.

    `at` counts for what was scanned `offline`, as the scanner's clock had it, but no later than when it is reported.
    `stop` is where the bus stands; a scanner that stands at a stop itself need not say it.
    """

    id: Annotated[str, msgspec.Meta(pattern=_ID)]
    bus_id: Identifier
    ticket: Annotated[str, msgspec.Meta(pattern=r"^[!-~]([ -~]{0,198}[!-~])?$(?!\n)")] | None = None
    ref: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{6,8}$(?!\n)")] | None = None
    seat: SeatLabel | None = None
    at: datetime | None = None
    offline: bool = False
    stop: Identifier | None = None


class ScansRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scans: Annotated[list[ScanRequest], msgspec.Meta(min_length=1, max_length=SCANS_MAX)]


class PassengerOnBoard(msgspec.Struct, frozen=True):
    name: str
    ref: str
    seat: str
    from_stop: str
    to_stop: str


class BoardedShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """When somebody boarded on this ticket, let in by which device, and where that stands."""

    at: datetime
    by: str | None = None
    where: str | None = None


class ScanShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """`verdict`: ok, already_boarded, cancelled, no_show, wrong_bus, wrong_stop, unknown, bad_signature, too_early.

    `too_late` is another one, hours after the bus should have come.
    `id_reused` is for a number that belongs to another scan: that one stands, this one was not kept. A scan that was
    `replayed` is answered as it was when it came first; if its boarding was taken back since, it is `undone`. One that
    was made offline and came more than five minutes later is `late`.
    """

    id: str
    bus_id: str
    verdict: str
    replayed: bool = False
    late: bool = False
    undone: bool = False
    passenger: PassengerOnBoard | None = None
    boarded: BoardedShape | None = None
    right_bus: str | None = None


class ScansShape(msgspec.Struct, frozen=True):
    """One for every scan, in their order."""

    items: list[ScanShape]


class UndoRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The scan by which somebody boarded."""

    id: Annotated[str, msgspec.Meta(pattern=_ID)]
    bus_id: Identifier


class UndoneShape(msgspec.Struct, frozen=True):
    """Whose boarding counts no more: the ticket may board again."""

    id: str
    bus_id: str
    passenger: PassengerOnBoard
    undone_at: datetime


class TicketKeyShape(msgspec.Struct, frozen=True):
    """A public key: `number` is the second byte of what it has signed, `key` its 32 bytes in base64url."""

    id: str
    number: int
    algorithm: str
    key: str


class TicketKeysShape(msgspec.Struct, frozen=True):
    items: list[TicketKeyShape]


async def record_scans(call: Call, body: ScansRequest) -> ScansShape:
    """Report what was scanned; to be sent again until it is answered: a scan that came before is no new one."""
    keys = call.services.ticket_desk.keys
    scans = [_scan(each, f"/scans/{index}", keys) for index, each in enumerate(body.scans)]
    if len({scan.bus_id for scan in scans}) > BUSES_MAX:
        raise bad_field("/scans", "too_many_buses", f"at most {BUSES_MAX} buses at once")
    outcomes = await call.services.store.scans.record(call.caller, scans)
    told = zip(body.scans, outcomes, strict=True)
    return ScansShape([_scan_shape(each, outcome) for each, outcome in told])


async def undo_scan(call: Call, body: UndoRequest) -> UndoneShape:
    """Take a boarding back, within 15 minutes: for the device that scanned it, and for staff."""
    bus_id = parse_bus(body.bus_id)
    if bus_id is None:
        raise NotFound("scan")
    unboarding = call.services.store.unboarding
    return _undone_shape(await unboarding.undo(call.caller, bus_id, uuid.UUID(body.id)))


async def read_ticket_keys(call: Call) -> Answer:
    """Show the keys by which a scanner without a network tells tickets of ours; ask again with If-None-Match."""
    keys = call.services.ticket_desk.keys
    etag = f'"{keys.fingerprint}"'.encode()
    headers = ((b"etag", etag), (b"cache-control", b"private, no-cache"))
    if is_known(call, etag):
        return Answer(304, headers=headers)
    body = wire.encode(TicketKeysShape([key_shape(key) for key in keys.public]))
    return Answer(200, body, ((b"content-type", b"application/json"), *headers))


def key_shape(key: PublicKey) -> TicketKeyShape:
    return TicketKeyShape(key.key_id, key.number, "Ed25519", key.text)


def _scan(given: ScanRequest, pointer: str, keys: TicketKeys) -> Scan:
    if given.at is not None:
        if given.at.tzinfo is None:
            raise bad_field(f"{pointer}/at", "offset_missing", "say the offset")
        require_calendar(given.at, f"{pointer}/at")
    reading, ticket = _read(given, pointer, keys)
    bus_id = parse_bus(given.bus_id) or _NO_BUS
    stop_id = parse_id(given.stop, f"{pointer}/stop")
    return Scan(uuid.UUID(given.id), bus_id, reading, ticket, given.at, given.offline, stop_id)


def _read(
    given: ScanRequest, pointer: str, keys: TicketKeys
) -> tuple[str, Named | BadSignature | None]:
    if given.ticket is not None and given.ref is None and given.seat is None:
        return given.ticket, read_ticket(given.ticket, keys)
    if given.ticket is None and given.ref is not None and given.seat is not None:
        ref, seat = given.ref.upper(), given.seat.upper()
        return f"{ref} {seat}", RefSeat(ref, seat)
    raise bad_field(pointer, "ambiguous", "say ticket, or ref and seat, and not both")


def _scan_shape(given: ScanRequest, outcome: Outcome) -> ScanShape:
    boarding, other = outcome.boarding, outcome.right_bus_id
    return ScanShape(
        id=given.id,
        bus_id=given.bus_id,
        verdict=outcome.verdict.value,
        replayed=outcome.is_replayed,
        late=outcome.is_late,
        undone=outcome.is_undone,
        passenger=_passenger(outcome.bus, outcome.passenger),
        boarded=BoardedShape(utc(boarding.at), boarding.by, boarding.where) if boarding else None,
        right_bus=None if other is None else str(other),
    )


def _undone_shape(undone: Undone) -> UndoneShape:
    passenger = _passenger(undone.bus, undone.passenger)
    assert passenger is not None, "somebody had boarded"
    bus_id = str(undone.bus.bus_id)
    return UndoneShape(str(undone.scan_id), bus_id, passenger, utc(undone.undone_at))


def _passenger(bus: Bus | None, passenger: Passenger | None) -> PassengerOnBoard | None:
    if bus is None or passenger is None:
        return None
    return PassengerOnBoard(
        name=passenger.name,
        ref=passenger.ref,
        seat=bus.layout.label(passenger.seat_no),
        from_stop=bus.stops[passenger.leg.start].name,
        to_stop=bus.stops[passenger.leg.end].name,
    )


def ticket_id(bus: Bus, code: uuid.UUID) -> str:
    return format_owned(bus.bus_id, code)


OPERATIONS = (
    Operation(
        "POST",
        "/devices/me/scans",
        record_scans,
        ScansShape,
        access=Access.DOORKEEPERS,
        problems=(Overloaded, OutcomeUnknown),
        body_bytes_max=_BYTES_MAX,
        rate=Rate.DEVICE,
    ),
    Operation(
        "POST",
        "/devices/me/scans/undo",
        undo_scan,
        UndoneShape,
        access=Access.DOORKEEPERS,
        problems=(NotFound, Forbidden, WrongState, Overloaded, OutcomeUnknown),
        rate=Rate.DEVICE,
    ),
    Operation(
        "GET",
        "/boarding/keys",
        read_ticket_keys,
        TicketKeysShape,
        access=Access.DOORKEEPERS,
        has_etag=True,
        rate=Rate.DEVICE,
    ),
)
