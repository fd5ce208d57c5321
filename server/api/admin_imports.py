"""Timetables that are uploaded: taken in, watched, cancelled. docs/import.md says what becomes of them."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Annotated, Any, Literal

import msgspec

from server.api.shapes import (
    Amount,
    Currency,
    Identifier,
    Line,
    Page,
    parse_operator,
    path_id,
    require_calendar,
    utc,
)
from server.contract import Access, Answer, Call, Operation
from server.cursors import read_id_cursor, write_id_cursor
from server.doorkeeper import require_open
from server.problems import HttpProblem, bad_field
from server.wire import encode
from store.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    WrongState,
)
from store.imports import Import, NewImport, State

FILE_BYTES_MAX = 128 * 1024**2
_MEDIA_TYPES = ("application/zip", "application/x-zip-compressed", "application/octet-stream")
_ZIP_BEGINS = b"PK\x03\x04"

Status = Literal["running", "done", "refused", "failed", "cancelled"]


class UploadQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it is sold, as `omnibus import gtfs` takes it. `agency` is which one of a feed that has several.

    `from` is today where the agency is, if not given; `layout` is the name of one of the operator's, or built in.
    """

    file: Line = "feed.zip"
    operator: Identifier | None = None
    agency: Line | None = None
    from_: dt.date | None = msgspec.field(name="from", default=None)
    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 14
    shift_dates: bool = False
    layout: Line = "coach-40"
    fare: Amount = 1000
    currency: Currency | None = None


class ImportsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator: Identifier | None = None
    limit: Page = 20
    cursor: str | None = None


class FaultShape(msgspec.Struct, frozen=True):
    """`line` counts from 1, the header; null when the file as a whole is at fault."""

    file: str
    line: int | None
    reason: str


class AddedShape(msgspec.Struct, frozen=True):
    """What is new, and what was there and stays as it is: see docs/import.md."""

    from_: dt.date = msgspec.field(name="from")
    until: dt.date
    shifted_days: int
    stops: int
    routes: int
    buses: int
    seats: int
    known: int
    differing: int
    unlisted: int
    stops_differing: int


class ImportShape(msgspec.Struct, frozen=True):
    """`step` is where it is or was: `done` of `total` bytes while `reading`, of buses afterwards.

    `added` is there when it is done; `code` and `detail` when nothing was written, with the first `faults` of all.
    """

    id: str
    operator: str
    user: str
    file: str
    bytes: int
    status: Status
    step: str
    done: int
    total: int
    created_at: dt.datetime
    ended_at: dt.datetime | None
    added: AddedShape | None
    code: str | None
    detail: str | None
    faults: list[FaultShape]
    faults_total: int


class ImportPage(msgspec.Struct, frozen=True):
    items: list[ImportShape]
    next_cursor: str | None


async def upload_timetable(call: Call, query: UploadQuery) -> Answer:
    """Take in a GTFS feed and begin to import it: all of it will be on sale, or nothing."""
    if query.from_ is not None:
        require_calendar(query.from_, "/from")
    imports, desk = call.services.store.imports, call.services.import_desk
    # Before anybody waits for megabytes.
    operator_id = await imports.choose_operator(call.caller, parse_operator(query.operator))
    upload = call.upload
    assert upload is not None, "the operation takes a file"
    if upload.media_type not in _MEDIA_TYPES:
        raise HttpProblem(
            415,
            "unsupported_media_type",
            "The body is not of a type that is read here",
            "send the feed as application/zip",
        )
    desk.take_place(operator_id)
    try:
        file, size = await upload.save(FILE_BYTES_MAX)
        with _closed_on_failure(file):
            _require_zip(file)
            if (
                call.token is not None
            ):  # it may be over by now: an upload takes up to a quarter of an hour
                await require_open(call.services.store.ends, call.token)
            new = NewImport(operator_id, query.file.strip(), size, _wish(query))
            begun = await imports.begin(call.caller, new)
    except BaseException:
        desk.leave_place(operator_id)
        raise
    desk.hand_over(operator_id, begun.import_id, file)
    return Answer(202, encode(_shape(begun)))


@contextmanager
def _closed_on_failure(file: IO[bytes]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        file.close()
        raise


async def list_imports(call: Call, query: ImportsQuery) -> ImportPage:
    """List imports, newest first, those that failed among them."""
    found = await call.services.store.imports.list(
        call.caller,
        parse_operator(query.operator),
        before=read_id_cursor(query.cursor) or None,
        limit=query.limit,
    )
    last = found[-1] if len(found) == query.limit else None
    return ImportPage(
        [_shape(each) for each in found], write_id_cursor(last.import_id) if last else None
    )


async def read_import(call: Call) -> ImportShape:
    """Show how far an import is, or what came of it."""
    return _shape(await call.services.store.imports.find(call.caller, _import_of(call)))


async def cancel_import(call: Call) -> ImportShape:
    """Stop an import that runs: nothing of it is written."""
    cancelled = await call.services.store.imports.cancel(call.caller, _import_of(call))
    call.services.import_desk.stop(cancelled.import_id)
    return _shape(cancelled)


def _import_of(call: Call) -> int:
    return path_id(call.path["import"], "import")


def _require_zip(file: IO[bytes]) -> None:
    """Refuse what does not even begin like a zip, before anything is started for it."""
    if file.read(len(_ZIP_BEGINS)) != _ZIP_BEGINS:
        raise bad_field("", "not_a_zip", "the body is not a zip file")
    file.seek(0)


def _wish(query: UploadQuery) -> dict[str, Any]:
    return {
        "agency": query.agency and query.agency.strip(),
        "from": query.from_ and query.from_.isoformat(),
        "days": query.days,
        "shift_dates": query.shift_dates,
        "layout": query.layout.strip(),
        "fare": query.fare,
        "currency": query.currency,
    }


def _shape(found: Import) -> ImportShape:
    outcome = dict(found.outcome or {})
    is_done = found.state is State.DONE
    faults = outcome.get("faults", [])
    return ImportShape(
        id=str(found.import_id),
        operator=str(found.operator_id),
        user=str(found.user_id),
        file=found.file,
        bytes=found.size,
        status=found.state.value.lower(),  # type: ignore[arg-type]  # one of them
        step=found.step,
        done=found.done,
        total=found.total,
        created_at=utc(found.created_at),
        ended_at=found.ended_at and utc(found.ended_at),
        added=msgspec.convert(outcome, AddedShape) if is_done else None,
        code=None if is_done else outcome.get("code"),
        detail=None if is_done else outcome.get("detail"),
        faults=msgspec.convert(faults, list[FaultShape]),
        faults_total=outcome.get("faults_total", 0),
    )


_ONE = "/admin/imports/{import}"

OPERATIONS = (
    Operation(
        "POST",
        "/admin/imports",
        upload_timetable,
        ImportShape,
        status=202,
        access=Access.MANAGERS,
        problems=(Forbidden, NotFound, InvalidRequest, WrongState, Overloaded, OutcomeUnknown),
        refusals={400: "invalid_request", 408: "invalid_request"},
        file_media="application/zip",
    ),
    Operation(
        "GET",
        "/admin/imports",
        list_imports,
        ImportPage,
        access=Access.OVERSEERS,
        problems=(Forbidden, NotFound, Overloaded),
    ),
    Operation(
        "GET",
        _ONE,
        read_import,
        ImportShape,
        access=Access.OVERSEERS,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "POST",
        f"{_ONE}/cancel",
        cancel_import,
        ImportShape,
        access=Access.MANAGERS,
        problems=(Forbidden, NotFound, WrongState, Overloaded, OutcomeUnknown),
    ),
)
