"""Manifests: who travels on a bus, seat by seat, as JSON or as a table for spreadsheets."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

from server import wire
from server.api.boarding import TicketKeyShape, key_shape, ticket_id
from server.api.buses import bus_of, is_known
from server.api.devices import DayQuery
from server.api.shapes import Identifier, Named, parse_id, require_calendar, utc
from server.contract import Access, Answer, Call, Operation
from server.policies import Rate
from server.ticketing.token import TicketKeys
from store.errors import Forbidden, NotFound, Overloaded
from store.manifests import Line, Manifest, at_stop

CSV = "text/csv; charset=utf-8"
COLUMNS = (
    *("seat", "name", "category", "from_stop", "to_stop", "boards_at", "ref", "ticket"),
    *("status", "boarded_at", "boarded_by"),
)
# What spreadsheets take for the beginning of a formula, in the widths there are.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class ManifestQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`format=csv`, or `Accept: text/csv`, for the table; with `stop` only those who board or alight there."""

    stop: Identifier | None = None
    format: Literal["json", "csv"] | None = None


class ManifestLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """`status` is `VALID`, `CANCELLED` or `NO_SHOW`; `boarded_by` is the device that let the passenger in.

    `seat_no` is what the ticket's code says of the seat: by it a scanner without a network finds the line.
    `former_seat_nos` are of who was moved: numbers of the seats that their printed code may name still.
    """

    seat: str
    seat_no: int
    name: str
    category: str
    from_stop: Named
    to_stop: Named
    boards_at: datetime
    ref: str
    ticket: str
    status: str
    boarded: bool
    boarded_at: datetime | None = None
    boarded_by: str | None = None
    former_seat_nos: list[int] = []


class ManifestStop(msgspec.Struct, frozen=True):
    """What happens at a stop: which seats are boarded and left there, and whose passengers were given up."""

    stop: Named
    arrives_at: datetime
    departs_at: datetime
    boards: list[str]
    alights: list[str]
    no_shows: list[str]


class ManifestShape(msgspec.Struct, frozen=True):
    """`keys` are those by which a scanner without a network tells tickets of ours."""

    bus_id: str
    bus_name: str
    status: str
    epoch: int
    rev: int
    scans: int
    passengers: list[ManifestLine]
    stops: list[ManifestStop]
    keys: list[TicketKeyShape]


class BusOfDayShape(msgspec.Struct, frozen=True):
    """`etag` is what the manifest would have now: who has that one need not ask."""

    id: str
    name: str
    route: str | None
    departs_at: datetime
    arrives_at: datetime
    status: str
    tickets: int
    boarded: int
    etag: str


class BusesOfDay(msgspec.Struct, frozen=True):
    items: list[BusOfDayShape]


async def read_manifest(call: Call, query: ManifestQuery) -> Answer:
    """Show who travels on a bus and who has boarded; cheap to ask again with If-None-Match."""
    return await _answer(call, query)


async def read_own_manifest(call: Call, query: ManifestQuery) -> Answer:
    """Show who travels on a bus of the scanner's operator; cheap to ask again with If-None-Match."""
    return await _answer(call, query)


async def list_own_buses(call: Call, query: DayQuery) -> BusesOfDay:
    """List the buses of the scanner's operator on a day, with what their manifests are now."""
    if query.date is not None:
        require_calendar(query.date, "/date")
    found = await call.services.store.manifests.buses_of(call.caller, query.date)
    keys = call.services.ticket_desk.keys.fingerprint
    return BusesOfDay(
        [
            BusOfDayShape(
                id=str(each.bus_id),
                name=each.name,
                route=each.route,
                departs_at=utc(each.departs_at),
                arrives_at=utc(each.arrives_at),
                status=each.status,
                tickets=each.tickets,
                boarded=each.boarded,
                etag=f'"{each.epoch}-{each.rev}-{each.scans}-{keys}"',
            )
            for each in found
        ]
    )


async def _answer(call: Call, query: ManifestQuery) -> Answer:
    keys = call.services.ticket_desk.keys
    stop_id = parse_id(query.stop, "/stop")
    manifest = await call.services.store.manifests.find(call.caller, bus_of(call))
    if stop_id is not None:
        manifest = at_stop(manifest, stop_id)
    is_table = query.format == "csv" or call.headers.get(b"accept", b"").startswith(b"text/csv")
    position = f"{manifest.epoch}-{manifest.rev}-{manifest.scans}-{keys.fingerprint}"
    part = f"-{stop_id}" if stop_id is not None else ""
    etag = f'"{position}{part}-csv"' if is_table else f'"{position}{part}"'
    # Names of passengers: whoever asks keeps them and asks again, nobody on the way does.
    headers = (
        (b"etag", etag.encode()),
        (b"cache-control", b"no-store"),
        (b"vary", b"accept, authorization"),
    )
    if is_known(call, etag.encode()):
        return Answer(304, headers=headers)
    if is_table:
        name = f'attachment; filename="manifest-{manifest.bus.bus_id}.csv"'
        kind = ((b"content-type", CSV.encode()), (b"content-disposition", name.encode()))
        return Answer(200, _table(manifest).encode(), (*kind, *headers))
    body = wire.encode(_manifest_shape(manifest, keys))
    return Answer(200, body, ((b"content-type", b"application/json"), *headers))


def _manifest_shape(manifest: Manifest, keys: TicketKeys) -> ManifestShape:
    return ManifestShape(
        bus_id=str(manifest.bus.bus_id),
        bus_name=manifest.name,
        status=manifest.status,
        epoch=manifest.epoch,
        rev=manifest.rev,
        scans=manifest.scans,
        passengers=[_line_shape(manifest, line) for line in manifest.lines],
        stops=[_stop_shape(manifest, place) for place in range(len(manifest.bus.stops))],
        keys=[key_shape(key) for key in keys.public],
    )


def _stop_shape(manifest: Manifest, place: int) -> ManifestStop:
    bus, stop = manifest.bus, manifest.bus.stops[place]
    travelling = [line for line in manifest.lines if line.status == "VALID"]
    return ManifestStop(
        stop=Named(str(stop.stop_id), stop.name),
        arrives_at=utc(stop.arrives_at),
        departs_at=utc(stop.departs_at),
        boards=[bus.layout.label(line.seat_no) for line in travelling if line.leg.start == place],
        alights=[bus.layout.label(line.seat_no) for line in travelling if line.leg.end == place],
        no_shows=[
            bus.layout.label(line.seat_no)
            for line in manifest.lines
            if line.status == "NO_SHOW" and line.leg.start == place
        ],
    )


def _line_shape(manifest: Manifest, line: Line) -> ManifestLine:
    bus = manifest.bus
    boarding, alighting = bus.stops[line.leg.start], bus.stops[line.leg.end]
    return ManifestLine(
        seat=bus.layout.label(line.seat_no),
        seat_no=line.seat_no,
        name=line.name,
        category=line.category,
        from_stop=Named(str(boarding.stop_id), boarding.name),
        to_stop=Named(str(alighting.stop_id), alighting.name),
        boards_at=utc(boarding.departs_at),
        ref=line.ref,
        ticket=ticket_id(bus, line.code),
        status=line.status,
        boarded=line.boarded_at is not None,
        boarded_at=None if line.boarded_at is None else utc(line.boarded_at),
        boarded_by=line.boarded_by,
        former_seat_nos=list(line.former_seats),
    )


def _table(manifest: Manifest) -> str:
    """Return the manifest as CSV (RFC 4180), with the mark by which spreadsheets know UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for line in manifest.lines:
        writer.writerow(map(defuse, _cells(_line_shape(manifest, line))))
    return "\ufeff" + text.getvalue()


def _cells(line: ManifestLine) -> Iterator[str]:
    yield from (line.seat, line.name, line.category, line.from_stop.name, line.to_stop.name)
    yield from (line.boards_at.isoformat(), line.ref, line.ticket, line.status)
    yield line.boarded_at.isoformat() if line.boarded_at else ""
    yield line.boarded_by or ""


def defuse(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: what a passenger is called must run nowhere."""
    is_formula = cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA)
    return f"'{cell}" if is_formula else cell


OPERATIONS = (
    Operation(
        "GET",
        "/admin/buses/{bus}/manifest",
        read_manifest,
        ManifestShape,
        access=Access.STAFF,
        problems=(NotFound, Overloaded),
        other_text=CSV,
        has_etag=True,
    ),
    Operation(
        "GET",
        "/devices/me/manifests/{bus}",
        read_own_manifest,
        ManifestShape,
        access=Access.DOORKEEPERS,
        problems=(NotFound, Overloaded),
        other_text=CSV,
        has_etag=True,
        rate=Rate.DEVICE,
    ),
    Operation(
        "GET",
        "/devices/me/buses",
        list_own_buses,
        BusesOfDay,
        access=Access.DOORKEEPERS,
        problems=(Forbidden, Overloaded),
        rate=Rate.DEVICE,
    ),
)
