"""What handlers work with, opened and closed with the process."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from realtime.bus import Tally
from realtime.connection import Authenticate, Principal
from realtime.live import Live
from realtime.settings import AdmissionSettings, LiveSettings
from realtime.supervise import cancel, supervise
from server.config import Settings
from server.device_keys import DeviceKeys, DeviceSpeaker
from server.doorkeeper import Doorkeeper
from server.guests import Guests
from server.listings import Listings
from server.metrics import note_events
from server.origins import Origins
from server.pacing import Pacing
from server.passwords import Passwords
from server.payments.cashier import Cashier
from server.payments.demo_courier import DemoCourier
from server.payments.registry import DEMO_WEBHOOKS, open_cashier
from server.seat_maps import SeatMaps
from server.second_factors import Authenticator
from server.security_log import SecurityLog
from server.ticketing.desk import TicketDesk
from server.timetables.desk import ImportDesk
from server.tokens import SIGNING, Tokens, new_signing_key
from server.topics import StoreTopics
from server.waiting.tokens import RoomTokens, new_room_key
from server.waiting.usher import Usher
from store import Store
from store.accounts import Accounts
from store.bulletin import Bulletin, Hearing, Readers
from store.errors import StoreError
from store.events import SeatsChanged
from store.facade import StoreOptions
from store.house_keys import ROOMS, TICKETS, HouseKey
from store.model import Caller, Role
from store.pairing import KEY_PREFIX
from store.roles import WORKER
from store.standbys import StandbyOptions

_STAFF = {Role.AGENT, Role.OPERATOR, Role.SUPPORT, Role.ADMIN}
_OF_THE_HOUSE = {Role.SUPPORT, Role.ADMIN}


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    store: Store
    live: Live
    seat_maps: SeatMaps
    listings: Listings
    tokens: Tokens
    passwords: Passwords
    guests: Guests
    device_keys: DeviceKeys
    origins: Origins
    doorkeeper: Doorkeeper
    authenticator: Authenticator
    security_log: SecurityLog
    cashier: Cashier
    demo_courier: DemoCourier
    ticket_desk: TicketDesk
    import_desk: ImportDesk
    usher: Usher
    pacing: Pacing | None = None
    """How often callers may ask; None: as often as they like."""


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Connect to the databases that the settings name (both must be named by now) and start the live layer.

    The one place where the store's news and the live layer meet: neither knows the other.
    """
    assert settings.database_url is not None
    listeners: list[Live] = []
    doorkeeper = Doorkeeper()
    store = await _open_store(settings, listeners, doorkeeper)
    passwords = Passwords()
    ticket_desk: TicketDesk | None = None
    try:
        cookie_keys = await store.house_keys.find_or_make("buyer_cookies", _new_secret_key)
        seals = await store.house_keys.find_or_make("second_factors", _new_secret_key)
        signing = await store.house_keys.find_or_make(SIGNING, new_signing_key)
        usher = await _open_usher(settings, store)
        ticket_desk = await TicketDesk.open(store)
        guests = Guests(bytes.fromhex(cookie_keys[-1].secret))
        tokens = Tokens(signing, doorkeeper.ended)
        live = _make_live(settings, store, _authenticate_with(tokens, store, doorkeeper))
        listeners.append(live)
        tally = Tally(settings.redis_url) if settings.redis_url and settings.rate_limits else None
        pacing = _pacing(settings, tally, guests) if settings.rate_limits else None
        doorkeeper.show_out = live.end_session
        device_keys = DeviceKeys(store.devices, show_out=live.end_session)
        seat_maps, listings = _open_reading(store, live)
        bulletin = _open_bulletin(
            settings,
            store,
            {SIGNING: tokens.use, TICKETS: ticket_desk.keys.use, ROOMS: usher.tokens.use},
            Readers(
                ended=doorkeeper.note,
                device_changed=device_keys.forget,
                catalogue_changed=partial(_note_edit, listings, usher),
                rooms_read=usher.use,
            ),
        )
        doorkeeper.read(bulletin)
        listings.is_told = partial(_hears_of_edits, store, bulletin)
        reading = asyncio.create_task(supervise("bulletin", bulletin.run))
        await live.start()
        security_log = SecurityLog(store.audit)
        import_desk = ImportDesk(settings.database_url, store.imports)
        if tally is not None:
            tally.start()
        try:
            demo_secrets = await _demo_secrets(settings, store)
            async with open_cashier(settings, store, demo_secrets) as cashier:
                yield Services(
                    settings,
                    store,
                    live,
                    seat_maps,
                    listings,
                    tokens,
                    passwords,
                    guests,
                    device_keys,
                    Origins(settings.allowed_origins, settings.own_origins),
                    doorkeeper,
                    Authenticator(seals),
                    security_log,
                    cashier,
                    DemoCourier(store.demo_bank, demo_secrets, settings.door),
                    ticket_desk,
                    import_desk,
                    usher,
                    pacing,
                )
        finally:
            await import_desk.close()
            if tally is not None:
                await tally.stop()
            await live.stop()
            await cancel([reading])
            with suppress(StoreError):
                await security_log.close()
    finally:
        passwords.close()
        if ticket_desk is not None:
            ticket_desk.close()
        await store.close()


def _open_bulletin(
    settings: Settings,
    store: Store,
    keys_changed: Mapping[str, Callable[[list[HouseKey]], None]],
    readers: Readers,
) -> Bulletin:
    assert settings.direct_url is not None
    return Bulletin(settings.direct_url, store.db, keys_changed, readers)


def _make_live(settings: Settings, store: Store, authenticate: Authenticate) -> Live:
    return Live(
        store.buses,
        topics=StoreTopics(store),
        redis_url=settings.redis_url,
        is_only_process=settings.redis_url is None and settings.workers == 1,
        authenticate=authenticate,
        settings=_live_settings(settings),
    )


async def _open_store(
    settings: Settings, listeners: Sequence[Live], doorkeeper: Doorkeeper
) -> Store:
    assert settings.database_url is not None
    return await Store.open(
        settings.database_url,
        StoreOptions(
            settings.pool_size_each,
            settings.hold_seconds,
            settings.pending_seconds,
            standbys=StandbyOptions(
                settings.replica_urls, settings.replica_lag_seconds, settings.pool_size_each
            ),
            voucher_seconds=settings.voucher_seconds,
        ),
        partial(_announce, listeners),
        doorkeeper.note,
    )


def _open_reading(store: Store, live: Live) -> tuple[SeatMaps, Listings]:
    """Return what is kept for those who read: neither asks the database while the live layer hears of everything."""
    seat_maps = SeatMaps(store.buses, is_fresh=lambda: live.healthy)
    live.tell(seat_maps)
    return seat_maps, Listings(store.catalogue, store.day_prices, seat_maps)


def _note_edit(listings: Listings, usher: Usher, what: str) -> None:
    listings.note_edit(what)
    usher.forget_subjects()


def _hears_of_edits(store: Store, bulletin: Bulletin) -> bool:
    # On a cluster the triggers that tell of edits speak to the server of their shard, where nobody listens.
    return bulletin.hearing is Hearing.AT_ONCE and not store.db.is_spread


@asynccontextmanager
async def open_workshop(settings: Settings) -> AsyncIterator[tuple[Store, Cashier]]:
    """Connect as a worker does: it tells of what it ends and serves nobody, so it needs no key and no password."""
    assert settings.database_url is not None
    listeners: list[Live] = []
    announce = partial(_announce, listeners)

    options = StoreOptions(settings.pool_size_each, role=WORKER)
    store = await Store.open(settings.database_url, options, announce)
    try:
        live = Live(store.buses, redis_url=settings.redis_url)
        listeners.append(live)
        await live.start()
        try:
            async with open_cashier(settings, store) as cashier:
                yield store, cashier
        finally:
            await live.stop()
    finally:
        await store.close()


async def _open_usher(settings: Settings, store: Store) -> Usher:
    """Return who knows the rooms there are already: nobody slips in before the first news."""
    tokens = RoomTokens(await store.house_keys.find_or_make(ROOMS, new_room_key))
    by_load = settings.waiting_rooms == "load"
    usher = Usher(tokens, store.rooms.subjects_of, counts_demand=by_load)
    usher.use(*await store.rooms.read_known())
    return usher


def _announce(listeners: Sequence[Live], events: Sequence[SeatsChanged]) -> None:
    note_events(event.kind for event in events)
    for live in listeners:
        live.announce(*events)


@dataclass(frozen=True, slots=True)
class _Speaker:
    """Whom a socket's token stands for."""

    user_id: int
    session_id: str
    is_staff: bool
    operators: frozenset[int] | None
    expires_at: datetime
    is_device: bool = False


def _authenticate_with(tokens: Tokens, store: Store, doorkeeper: Doorkeeper) -> Authenticate:
    async def authenticate(token: str) -> Principal | None:
        if token.startswith(KEY_PREFIX):
            return await DeviceSpeaker.find(store.devices, token)
        verified = tokens.verify(token)
        if verified is None or verified.may_only_enrol:
            return None
        caller = verified.caller
        assert caller.user_id is not None, "a token is somebody's"
        is_staff = caller.role in _STAFF
        # A socket lasts longer than a request: what a token says of staff must still be true when it begins.
        if (is_staff or not doorkeeper.hears) and not await _is_still(store.accounts, caller):
            return None
        if verified.session_id in doorkeeper.ended:  # while we asked
            return None
        return _Speaker(
            user_id=caller.user_id,
            session_id=verified.session_id,
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


def _pacing(settings: Settings, tally: Tally | None, guests: Guests) -> Pacing:
    changes = dict(settings.rate_policies)
    return Pacing(tally, guests.seal, processes=settings.workers, changes=changes)


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


async def _demo_secrets(settings: Settings, store: Store) -> tuple[str, ...]:
    """Return what the demo provider signs with, first, and what it has signed with before."""
    if settings.demo_webhook_secrets:
        return settings.demo_webhook_secrets
    keys = await store.house_keys.find_or_make(DEMO_WEBHOOKS, _new_secret_key)
    return tuple(key.secret for key in keys[:2])


def _new_secret_key() -> HouseKey:
    return HouseKey("1", secrets.token_hex(32))
