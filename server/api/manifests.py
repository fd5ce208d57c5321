"""Manifests: who travels on a bus, seat by seat, as JSON or as a table for spreadsheets."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

from server import wire
from server.api.boarding import ticket_id
from server.api.buses import bus_of, is_known
from server.api.devices import DayQuery
from server.api.shapes import Named, require_calendar, utc
from server.contract import Access, Answer, Call, Operation
from server.policies import Rate
from store.errors import Forbidden, NotFound, Overloaded
from store.manifests import Line, Manifest

CSV = "text/csv; charset=utf-8"
COLUMNS = (
    *("seat", "name", "category", "from_stop", "to_stop", "boards_at", "ref", "ticket"),
    *("status", "boarded_at", "boarded_by"),
)
# What spreadsheets take for the beginning of a formula, in the widths there are.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class ManifestQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`format=csv`, or `Accept: text/csv`, for the table."""

    format: Literal["json", "csv"] | None = None


class ManifestLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """`status` is `VALID` or `CANCELLED`; `boarded_by` is the device that let the passenger in."""

    seat: str
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


class ManifestShape(msgspec.Struct, frozen=True):
    bus_id: str
    bus_name: str
    status: str
    epoch: int
    rev: int
    scans: int
    passengers: list[ManifestLine]


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
                etag=f'"{each.epoch}-{each.rev}-{each.scans}"',
            )
            for each in found
        ]
    )


async def _answer(call: Call, query: ManifestQuery) -> Answer:
    manifest = await call.services.store.manifests.find(call.caller, bus_of(call))
    is_table = query.format == "csv" or call.headers.get(b"accept", b"").startswith(b"text/csv")
    position = f"{manifest.epoch}-{manifest.rev}-{manifest.scans}"
    etag = f'"{position}-csv"' if is_table else f'"{position}"'
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
    body = wire.encode(_manifest_shape(manifest))
    return Answer(200, body, ((b"content-type", b"application/json"), *headers))


def _manifest_shape(manifest: Manifest) -> ManifestShape:
    return ManifestShape(
        bus_id=str(manifest.bus.bus_id),
        bus_name=manifest.name,
        status=manifest.status,
        epoch=manifest.epoch,
        rev=manifest.rev,
        scans=manifest.scans,
        passengers=[_line_shape(manifest, line) for line in manifest.lines],
    )


def _line_shape(manifest: Manifest, line: Line) -> ManifestLine:
    bus = manifest.bus
    boarding, alighting = bus.stops[line.leg.start], bus.stops[line.leg.end]
    return ManifestLine(
        seat=bus.layout.label(line.seat_no),
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
