"""What handlers work with, opened and closed with the process."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from realtime.connection import Authenticate, Principal
from realtime.live import Live
from realtime.settings import AdmissionSettings, LiveSettings
from server.config import Settings
from server.device_keys import DeviceKeys, DeviceSpeaker
from server.guests import Guests
from server.metrics import note_events
from server.passwords import Passwords
from server.tokens import Tokens, new_signing_key
from server.topics import StoreTopics
from store import Store
from store.accounts import Accounts
from store.events import SeatsChanged
from store.facade import StoreOptions
from store.house_keys import HouseKey
from store.model import Caller, Role
from store.pairing import KEY_PREFIX

_STAFF = {Role.AGENT, Role.OPERATOR, Role.SUPPORT, Role.ADMIN}
_OF_THE_HOUSE = {Role.SUPPORT, Role.ADMIN}


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    store: Store
    live: Live
    tokens: Tokens
    passwords: Passwords
    guests: Guests
    device_keys: DeviceKeys


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
            topics=StoreTopics(store),
            redis_url=settings.redis_url,
            is_only_process=settings.redis_url is None and settings.workers == 1,
            authenticate=_authenticate_with(tokens, store),
            settings=_live_settings(settings),
        )
        listeners.append(live)
        await live.start()
        try:
            device_keys = DeviceKeys(store.devices)
            yield Services(settings, store, live, tokens, passwords, guests, device_keys)
        finally:
            await live.stop()
    finally:
        passwords.close()
        await store.close()


@dataclass(frozen=True, slots=True)
class _Speaker:
    """Whom a socket's token stands for."""

    user_id: int
    is_staff: bool
    operators: frozenset[int] | None
    expires_at: datetime
    is_device: bool = False


def _authenticate_with(tokens: Tokens, store: Store) -> Authenticate:
    async def authenticate(token: str) -> Principal | None:
        if token.startswith(KEY_PREFIX):
            return await DeviceSpeaker.find(store.devices, token)
        verified = tokens.verify(token)
        if verified is None:
            return None
        caller = verified.caller
        assert caller.user_id is not None, "a token is somebody's"
        is_staff = caller.role in _STAFF
        # A socket lasts longer than a request: what a token says of staff must still be true when it begins.
        if is_staff and not await _is_still(store.accounts, caller):
            return None
        return _Speaker(
            user_id=caller.user_id,
            is_staff=is_staff,
            operators=None if caller.role in _OF_THE_HOUSE else _own(caller),
            expires_at=datetime.fromtimestamp(verified.expires_at, UTC),
        )

    return authenticate


async def _is_still(accounts: Accounts, caller: Caller) -> bool:
    assert caller.user_id is not None
    user = await accounts.find(caller.user_id)
    return (
        user is not None
        and not user.is_disabled
        and (user.role, user.operator_id) == (caller.role, caller.operator_id)
    )


def _live_settings(settings: Settings) -> LiveSettings:
    if settings.rate_limits:
        return LiveSettings()
    usual = AdmissionSettings()
    return LiveSettings(
        admission=replace(
            usual,
            connections_per_client=usual.connections_max,
            connections_per_user=usual.connections_max,
        )
    )


def _own(caller: Caller) -> frozenset[int]:
    return frozenset() if caller.operator_id is None else frozenset({caller.operator_id})


def _new_cookie_key() -> HouseKey:
    return HouseKey("1", secrets.token_hex(32))
