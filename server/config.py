"""Settings: the one reader of the environment. A wrong value stops the start, with every fault in one message."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import platformdirs

from server import provider_settings
from server.broker_url import read_broker_url
from server.mail.addresses import check_sender
from server.mail.smtp_url import check_smtp_url
from server.policies import NAMES
from store.pooler import Address

T = TypeVar("T")

PREFIX = "OMNIBUS_"


class ConfigError(Exception):
    """One or more settings are wrong; the message names each."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. `database_url` and `redis_url` are None when our own servers are to be started."""

    database_url: str | None = field(default=None, repr=False)
    database_direct_url: str | None = field(default=None, repr=False)
    replica_urls: tuple[str, ...] = field(default=(), repr=False)
    replica_lag_seconds: int = 5
    redis_url: str | None = field(default=None, repr=False)
    broker_url: str | None = field(default=None, repr=False)
    data_dir: Path = field(default_factory=lambda: Path(platformdirs.user_data_dir("omnibus")))
    mail_dir: Path | None = None
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str | None = None
    reminder_hours: int = 24
    public_url: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    db_pool_size: int = 50
    requests_at_once: int = 512
    allowed_origins: tuple[str, ...] = ()
    embed_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    require_origin: bool = False
    trusted_proxies: tuple[str, ...] = ()
    stripe_secret_key: str | None = field(default=None, repr=False)
    stripe_publishable_key: str | None = None
    stripe_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    stripe_api_base: str | None = None
    razorpay_key_id: str | None = None
    razorpay_key_secret: str | None = field(default=None, repr=False)
    razorpay_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    razorpay_api_base: str | None = None
    hold_seconds: int = 300
    pending_seconds: int = 120
    voucher_seconds: int = 900
    rate_limits: bool = True
    rate_policies: tuple[tuple[str, tuple[int, int]], ...] = ()
    staff_totp: str = "optional"
    webhook_hosts: tuple[str, ...] = ()
    waiting_rooms: str = "staff"
    demo: bool = False
    demo_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def direct_url(self) -> str | None:
        """The database past any pooler: for what keeps a session, such as LISTEN and migrations."""
        return self.database_direct_url or self.database_url

    @property
    def pool_size_each(self) -> int:
        """Connections of one process: the pool is shared out among the workers and one for the sweeper."""
        return max(2, self.db_pool_size // (self.workers + 1))

    @property
    def payment_methods(self) -> tuple[str, ...]:
        """What can be paid by here. Where people pay with money, nobody pays in a demo's, unless it is one."""
        outside = provider_settings.configured(self.stripe_secret_key, self.razorpay_key_id)
        return ("cash", *outside) if outside and not self.demo else ("demo", "cash", *outside)

    @property
    def origins(self) -> frozenset[str]:
        """Who may open a socket or send a cookie from a page: what is configured, and our own address."""
        return frozenset(self.allowed_origins) | self.own_origins

    @property
    def own_origins(self) -> frozenset[str]:
        """Our public address, and what we are called by whoever sits at this machine."""
        names = (self.host, "127.0.0.1", "localhost")
        public = {self.public_url} if self.public_url else set()
        return frozenset({*(f"http://{name}:{self.port}" for name in names), *public})

    @property
    def hosts(self) -> frozenset[str]:
        """Which names a request may be for; empty: any.

        Unless they are set: any for a demo, on this machine, and where no origin says what we are called; else the
        hosts of the origins. The machine itself is always one of them: nobody else can be reached by that name.
        """
        if self.allowed_hosts:
            return frozenset(self.allowed_hosts)
        if self.demo or self.host in _LOOPBACK or not (self.allowed_origins or self.public_url):
            return frozenset()
        named = {_host_of(origin) for origin in (*self.allowed_origins, self.address)}
        return frozenset({*named, *_LOOPBACK, self.host})

    @property
    def address(self) -> str:
        """Where people find us: what links in mails begin with. Never what a request says of itself."""
        if self.public_url or self.allowed_origins:
            return self.public_url or self.allowed_origins[0]
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # nosec B104 # noqa: S104 - told, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def door(self) -> str:
        """Where this very process is reached from its own machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # nosec B104 # noqa: S104 - told, not bound
        return f"http://{host}:{self.port}"

    @property
    def mail_folder(self) -> Path:
        return self.mail_dir or self.data_dir / "mail"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the settings table, as the documentation and `omnibus doctor` show it."""

    name: str
    read: Callable[[str], Any]
    default: str
    meaning: str
    is_secret: bool = False

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return read


def _switch(text: str) -> bool:
    if text.lower() not in {"on", "off"}:
        raise ValueError("must be `on` or `off`")
    return text.lower() == "on"


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be {' or '.join(f'`{word}`' for word in words)}")
        return text.lower()

    return read


def _url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if urlsplit(text).scheme not in schemes:
            raise ValueError(
                f"must be a URL that starts with {' or '.join(s + ':' for s in schemes)}"
            )
        return text

    return read


def _primary(text: str) -> str:
    """Of several hosts the one that takes writes is meant, wherever this URL is used."""
    Address.read(_POSTGRES(text))  # what it says of a pooler must be known
    parts = urlsplit(text)
    asked = parse_qs(parts.query)
    hosts = parts.netloc.rpartition("@")[2] or asked.get("host", [""])[-1]
    if "," not in hosts or "target_session_attrs" in asked:
        return text
    return f"{text}{'&' if parts.query else '?'}target_session_attrs=read-write"


def _list_of(read: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    return lambda text: tuple(read(part.strip()) for part in text.split(",") if part.strip())


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query:
        raise ValueError(f"`{text}` is not an origin such as https://tickets.example")
    return text.lower()


def _host_of(origin: str) -> str:
    """Return the host of an origin as a Host header has it, an IPv6 address in its brackets."""
    return (
        urlsplit(origin).netloc.partition("]")[0] + "]"
        if "[" in origin
        else urlsplit(origin).netloc.partition(":")[0]
    )


def _host_name(text: str) -> str:
    if not _HOST_NAME.fullmatch(text):
        raise ValueError(f"`{text}` is not a host such as tickets.example, without a port")
    return text.lower()


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError(f"`{text}` is not an address or a network such as 10.0.0.0/8") from None


def _policy(text: str) -> tuple[str, tuple[int, int]]:
    found = _POLICY.fullmatch(text)
    if found is None or found["name"] not in NAMES:
        raise ValueError(f"`{text}` is no policy of docs/limits.md such as login=10/2m")
    burst, window_seconds = int(found["burst"]), int(found["window"]) * _UNITS[found["unit"]]
    if not burst or not window_seconds:
        raise ValueError(f"`{text}` lets nobody in: both numbers are at least 1")
    return found["name"], (burst, window_seconds)


def _secrets(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(","))
    if len(found) > _SECRETS_MAX or any(len(secret) < _SECRET_SHORTEST for secret in found):
        raise ValueError(f"must be one or two secrets of at least {_SECRET_SHORTEST} letters each")
    return found


def _host(text: str) -> str:
    if not text or any(char.isspace() for char in text):
        raise ValueError("must be a host name or an address")
    return text


_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_POLICY = re.compile(r"(?P<name>[a-z-]+)=(?P<burst>\d{1,6})/(?P<window>\d{1,5})(?P<unit>[smh])")
_SECRETS_MAX = 2
_SECRET_SHORTEST = 16
_UNITS = {"s": 1, "m": 60, "h": 3600}


_POSTGRES = _url("postgresql", "postgres")

SETTINGS = (
    Setting(
        "database_url",
        _primary,
        "embedded",
        "PostgreSQL 15 to 18; without it `omnibus up` runs its own. May name several hosts, of which one takes writes;"
        " `?pooler=transaction` at its end says that PgBouncer is between (docs/deployment.md)",
        is_secret=True,
    ),
    Setting(
        "database_direct_url",
        _POSTGRES,
        "`OMNIBUS_DATABASE_URL`",
        "the same database past a pooler: for migrations, and to hear at once of sessions that end",
        is_secret=True,
    ),
    Setting(
        "replica_urls",
        _list_of(_POSTGRES),
        "none",
        "standbys that answer lists, searches, boards and reports (docs/replicas.md), one server each, separated by"
        " commas",
        is_secret=True,
    ),
    Setting(
        "replica_lag_seconds",
        _whole(1, 20),
        "5",
        "a standby that shows what is older than this is asked nothing until it has caught up",
    ),
    Setting(
        "redis_url",
        _url("redis", "rediss", "unix", "redis+cluster", "rediss+cluster"),
        "embedded",
        "Redis 7 or Valkey 8 and newer: carries seat changes between processes; without it `omnibus up` runs its own."
        " A cluster is `redis+cluster://host:port,host:port`",
        is_secret=True,
    ),
    Setting(
        "broker_url",
        read_broker_url,
        "none: workers take jobs from the database",
        "a broker that carries jobs to workers: `amqp://` (RabbitMQ), `sqs://` (Amazon SQS) or `redis://` (streams),"
        " see docs/operating.md",
        is_secret=True,
    ),
    Setting(
        "data_dir",
        Path,
        "the platform's user data folder",
        "where the embedded servers keep their data",
    ),
    Setting(
        "mail_dir",
        Path,
        "`mail` in the data folder",
        "where the worker writes mails, a file each, as long as there is no mail server",
    ),
    Setting(
        "smtp_url",
        check_smtp_url,
        "none: mails are files",
        "the mail server: `smtp://user:password@mail.example:587` (STARTTLS, unless `?starttls=never`) or"
        " `smtps://user:password@mail.example`; `?ca=` names a file of certificates to trust (docs/mail.md)",
        is_secret=True,
    ),
    Setting(
        "mail_from",
        check_sender,
        "`no-reply@` and the host of the public address",
        "the address that mails come from",
    ),
    Setting(
        "reminder_hours",
        _whole(0, 168),
        "24",
        "how long before boarding riders are reminded; `0`: never. Nobody is who bought less than two hours earlier",
    ),
    Setting(
        "public_url",
        _origin,
        "the first allowed origin, or our own address",
        "the address that people type, for links in mails: `https://tickets.example`",
    ),
    Setting("host", _host, "127.0.0.1", "address to listen on"),
    Setting("port", _whole(1, 65535), "8000", "port to listen on"),
    Setting("workers", _whole(1, 64), "1", "API processes that share the connections"),
    Setting(
        "db_pool_size",
        _whole(4, 1000),
        "50",
        "database connections of all processes, besides one of each that only listens",
    ),
    Setting(
        "requests_at_once",
        _whole(1, 100_000),
        "512",
        "requests that one API process works on at a time; more wait for a moment, or are refused under overload",
    ),
    Setting(
        "allowed_origins",
        _list_of(_origin),
        "our own address",
        "whose pages may call and connect, separated by commas: `https://tickets.example`",
    ),
    Setting(
        "embed_origins",
        _list_of(_origin),
        "nobody",
        "whose pages may show the seat map in a frame (docs/embed.md), separated by commas: `https://nordlicht.example`",
    ),
    Setting(
        "allowed_hosts",
        _list_of(_host_name),
        "any for a demo, on a loopback address, or without `OMNIBUS_ALLOWED_ORIGINS`; else the hosts of those",
        "which names requests may be for (`Host`), separated by commas: `tickets.example`",
    ),
    Setting(
        "require_origin",
        _switch,
        "off",
        "`on`: on `/ws`, whoever sends no `Origin` (browsers always do) has to send a token first",
    ),
    Setting(
        "trusted_proxies",
        _list_of(_network),
        "none",
        "proxies whose word on a client's address and scheme counts (`X-Forwarded-For`, `-Proto`): `10.0.0.0/8`",
    ),
    *(Setting(*row) for row in provider_settings.ROWS),
    Setting("hold_seconds", _whole(1, 1200), "300", "how long a hold lasts"),
    Setting("pending_seconds", _whole(1, 3600), "120", "how long an unpaid booking lasts"),
    Setting(
        "voucher_seconds",
        _whole(0, 3600),
        "900",
        "how long seats that a kiosk has reserved wait for cash at a counter; 0: kiosks reserve none",
    ),
    Setting("rate_limits", _switch, "on", "limits by caller and address: `on` or `off`"),
    Setting(
        "rate_policies",
        _list_of(_policy),
        "as in docs/limits.md",
        "other bursts and windows, separated by commas: `login=10/2m,search=600/60s`",
    ),
    Setting(
        "staff_totp",
        _one_of("optional", "required"),
        "optional",
        "`required`: operators and admins without a second factor may do nothing but set one up",
    ),
    Setting(
        "webhook_hosts",
        _list_of(_host_name),
        "none; for a demo, the machine itself",
        "hosts inside that operators' webhooks may lead to, also by `http:` and on any port, separated by commas;"
        " others lead to public addresses by `https:` only (docs/webhooks.md)",
    ),
    Setting(
        "waiting_rooms",
        _one_of("staff", "load"),
        "staff",
        "who opens waiting rooms: `staff`, or also `load`, before one bus that most want while this server is"
        " strained (docs/waiting-room.md)",
    ),
    Setting(
        "demo",
        _switch,
        "off (on under `make run`)",
        "demo data, logins whose passwords everybody knows, and the pay page of a pretend provider",
    ),
    Setting(
        "demo_webhook_secrets",
        _secrets,
        "a key of the installation's own",
        "what the demo provider signs its webhooks with; while they take turns two, the new one first, with a comma"
        " between them",
        is_secret=True,
    ),
)


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings, each from its variable or from the file that `<variable>_FILE` names.

    Raises ConfigError naming every fault, unknown OMNIBUS_ variables among them.
    """
    given = os.environ if environment is None else environment  # noqa: TID251 - the one reader
    values: dict[str, Any] = {}
    faults: list[str] = []
    for setting in SETTINGS:
        try:
            text = _text(given, setting.variable)
            if text:
                values[setting.name] = setting.read(text)
        except (ValueError, OSError) as error:
            faults.append(f"{setting.variable} {error}")
            values[setting.name] = None
    faults += provider_settings.contradictions(values)
    known = {setting.variable for setting in SETTINGS}
    known |= {f"{name}_FILE" for name in known} | {"OMNIBUS_TEST_CITUS_URL"}
    faults += [
        f"{name} is not a setting of Omnibus"
        for name in sorted(given)
        if name.startswith(PREFIX) and name not in known
    ]
    if faults:
        raise ConfigError("wrong settings:\n" + "\n".join(f"  {fault}" for fault in faults))
    return Settings(**values)


def _text(given: Mapping[str, str], variable: str) -> str | None:
    path = given.get(f"{variable}_FILE")
    if path is None:
        return given.get(variable)
    if variable in given:
        raise ValueError("is given twice: by itself and by its _FILE")
    return Path(path).read_text(encoding="utf-8").strip()


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that make a child process read these settings."""
    written: dict[str, str] = {}
    for setting in SETTINGS:
        value = getattr(settings, setting.name)
        if value is None or value == ():
            continue
        if isinstance(value, bool):
            value = "on" if value else "off"
        elif setting.name == "rate_policies":
            value = ",".join(f"{name}={burst}/{seconds}s" for name, (burst, seconds) in value)
        elif isinstance(value, tuple):
            value = ",".join(value)
        written[setting.variable] = str(value)
    return written
