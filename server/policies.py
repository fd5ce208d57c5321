"""How often callers may ask: the table. docs/limits.md shows it; `server/pacing.py` keeps it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto


class Rate(StrEnum):
    """Kinds of requests, by what a flood of them would cost or give away."""

    LOGIN = "login"
    REGISTER = "register"
    SESSION = "session"
    MAIL = "mail"
    CODE = "code"
    PAIRING = "pairing"
    FIND = "find"
    ROOM = "room"
    DEVICE = "device"
    HOLD = "hold"
    BOOKING = "booking"
    PAYMENT = "payment"
    WEBHOOK = "webhook"
    TICKET = "ticket"
    SEARCH = "search"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Whose(Enum):
    """Who shares an allowance."""

    CALLER = auto()
    STAFF = auto()
    ADDRESS = auto()
    GUESTS = auto()
    NAMED = auto()


WHOSE: Mapping[Whose, str] = {
    Whose.CALLER: "an account, a guest's cookie or a device",
    Whose.STAFF: "an account of staff or a kiosk, in place of the two others",
    Whose.ADDRESS: "an address",
    Whose.GUESTS: "an address, of guests only",
    Whose.NAMED: "who is named",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """`burst` requests at once, and as many again in every `window_seconds`."""

    name: str
    rate: Rate
    whose: Whose
    burst: int
    window_seconds: int
    counts: str


_ADDRESS, _GUESTS, _CALLER = Whose.ADDRESS, Whose.GUESTS, Whose.CALLER
_STAFF, _NAMED = Whose.STAFF, Whose.NAMED

POLICIES = (
    Policy("login", Rate.LOGIN, _NAMED, 10, 120, "failed sign-ins to an account from an address"),
    Policy("login-address", Rate.LOGIN, _ADDRESS, 600, 300, "sign-ins"),
    Policy("register", Rate.REGISTER, _ADDRESS, 500, 1000, "new accounts"),
    Policy("session", Rate.SESSION, _ADDRESS, 600, 60, "sessions renewed or ended"),
    Policy("mail", Rate.MAIL, _NAMED, 5, 3600, "mails asked for, to one address"),
    Policy("mail-address", Rate.MAIL, _ADDRESS, 30, 180, "the same"),
    Policy("code", Rate.CODE, _NAMED, 10, 300, "one-time codes tried for an account"),
    Policy("pairing", Rate.PAIRING, _ADDRESS, 20, 120, "pairing codes tried"),
    Policy("find", Rate.FIND, _NAMED, 10, 3600, "failed tries to find a booking by its code"),
    Policy("find-address", Rate.FIND, _ADDRESS, 30, 300, "the same, of any booking"),
    Policy("room", Rate.ROOM, _ADDRESS, 600, 300, "places taken in waiting rooms, and turns"),
    Policy("device", Rate.DEVICE, _CALLER, 300, 60, "what a device asks"),
    Policy("hold", Rate.HOLD, _CALLER, 120, 360, "holds made or changed"),
    Policy("hold-staff", Rate.HOLD, _STAFF, 300, 150, "the same"),
    Policy("hold-address", Rate.HOLD, _ADDRESS, 600, 600, "the same"),
    Policy("booking", Rate.BOOKING, _CALLER, 120, 360, "bookings made, cancelled or quoted"),
    Policy("booking-staff", Rate.BOOKING, _STAFF, 300, 150, "the same"),
    Policy("booking-address", Rate.BOOKING, _GUESTS, 600, 300, "the same"),
    Policy("payment", Rate.PAYMENT, _ADDRESS, 600, 60, "payments settled"),
    Policy("webhook", Rate.WEBHOOK, _ADDRESS, 6000, 60, "webhooks of payment providers"),
    Policy("ticket", Rate.TICKET, _CALLER, 120, 120, "tickets drawn"),
    Policy("ticket-address", Rate.TICKET, _ADDRESS, 600, 300, "the same"),
    Policy("search", Rate.SEARCH, _ADDRESS, 600, 60, "searches"),
    Policy("read", Rate.READ, _ADDRESS, 2000, 40, "everything else that is read"),
    Policy("write", Rate.WRITE, _ADDRESS, 600, 60, "everything else that is changed"),
    Policy("admin", Rate.ADMIN, _CALLER, 1000, 100, "changes by staff"),
)
NAMES = frozenset(policy.name for policy in POLICIES)


def changed(changes: Mapping[str, tuple[int, int]]) -> Iterable[Policy]:
    """Yield the table with other bursts and windows where the settings have them."""
    for policy in POLICIES:
        burst, window_seconds = changes.get(policy.name, (policy.burst, policy.window_seconds))
        yield replace(policy, burst=burst, window_seconds=window_seconds)
