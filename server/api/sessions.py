"""Where somebody is signed in, and out of it: each session by itself."""

from datetime import datetime
from uuid import UUID

import msgspec

from server.api.shapes import utc
from server.contract import Access, Call, Operation
from store.errors import NotFound, Overloaded


class SessionShape(msgspec.Struct, frozen=True):
    """A browser or program in which the user is signed in; `current` is the one that asks."""

    id: str
    begun_at: datetime
    used_at: datetime
    current: bool


class SessionList(msgspec.Struct, frozen=True):
    items: list[SessionShape]


async def list_sessions(call: Call) -> SessionList:
    """List where one is signed in, the last used first."""
    user_id, own = _own(call)
    found = await call.services.store.sessions.list_open(user_id)
    return SessionList(
        [
            SessionShape(
                id=session.session_id,
                begun_at=utc(session.begun_at),
                used_at=utc(session.used_at),
                current=session.session_id == own,
            )
            for session in found
        ]
    )


async def end_session(call: Call) -> None:
    """Sign out somewhere else; what that session may still do ends with it."""
    user_id, _ = _own(call)
    try:
        session_id = str(UUID(call.path["session"]))
    except ValueError:
        raise NotFound("session") from None
    await call.services.store.sessions.end_one(user_id, session_id)


def _own(call: Call) -> tuple[int, str]:
    assert call.token is not None, "only who is signed in gets here"
    assert call.caller.user_id is not None
    return call.caller.user_id, call.token.session_id


OPERATIONS = (
    Operation(
        "GET",
        "/auth/sessions",
        list_sessions,
        SessionList,
        access=Access.SIGNED_IN,
        problems=(Overloaded,),
    ),
    Operation(
        "DELETE",
        "/auth/sessions/{session}",
        end_session,
        None,
        status=204,
        access=Access.SIGNED_IN,
        problems=(NotFound, Overloaded),
    ),
)
