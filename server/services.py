"""What handlers work with, opened and closed with the process."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from realtime.connection import Authenticate, Principal
from realtime.live import Live
from server.config import Settings
from server.guests import Guests
from server.metrics import note_events
from server.passwords import Passwords
from server.tokens import Tokens, new_signing_key
from store import Store
from store.events import SeatsChanged
from store.facade import StoreOptions
from store.house_keys import HouseKey
from store.model import Role

_STAFF = {Role.AGENT, Role.OPERATOR, Role.SUPPORT, Role.ADMIN}


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    store: Store
    live: Live
    tokens: Tokens
    passwords: Passwords
    guests: Guests


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Connect to the databases that the settings name (both must be named by now) and start the live layer.

    The one place where the store's news and the live layer meet: neither knows the other.
    """
    assert settings.database_url is not None
    listeners: list[Live] = []

    def announce(events: Sequence[SeatsChanged]) -> None:
        note_events(event.kind for event in events)
        for live in listeners:
            live.announce(*events)

    store = await Store.open(
        settings.database_url,
        StoreOptions(settings.pool_size_each, settings.hold_seconds, settings.pending_seconds),
        announce,
    )
    passwords = Passwords()
    try:
        cookie_keys = await store.house_keys.find_or_make("buyer_cookies", _new_cookie_key)
        guests = Guests(bytes.fromhex(cookie_keys[-1].secret))
        tokens = Tokens(await store.house_keys.find_or_make("access_tokens", new_signing_key))
        live = Live(
            store.buses,
            redis_url=settings.redis_url,
            is_only_process=settings.redis_url is None and settings.workers == 1,
            authenticate=_authenticate_with(tokens),
        )
        listeners.append(live)
        await live.start()
        try:
            yield Services(settings, store, live, tokens, passwords, guests)
        finally:
            await live.stop()
    finally:
        passwords.close()
        await store.close()


@dataclass(frozen=True, slots=True)
class _Speaker:
    """Whom a socket's token stands for."""

    is_staff: bool
    expires_at: datetime


def _authenticate_with(tokens: Tokens) -> Authenticate:
    async def authenticate(token: str) -> Principal | None:
        verified = tokens.verify(token)
        if verified is None:
            return None
        return _Speaker(
            is_staff=verified.caller.role in _STAFF,
            expires_at=datetime.fromtimestamp(verified.expires_at, UTC),
        )

    return authenticate


def _new_cookie_key() -> HouseKey:
    return HouseKey("1", secrets.token_hex(32))
