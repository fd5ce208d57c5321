"""Which broker a URL names: the one place that knows the schemes and what each needs to say."""

import re
from urllib.parse import SplitResult, parse_qs, urlsplit

RABBITMQ = frozenset({"amqp", "amqps"})
SQS = frozenset({"sqs"})
STREAMS = frozenset({"redis", "rediss", "unix"})

_QUEUE = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo")
_REGION = re.compile(r"[a-z0-9-]+")
_EXAMPLE = "sqs://eu-central-1/omnibus-jobs.fifo"


def read_broker_url(text: str) -> str:
    """Return a URL that names a broker; raise ValueError that says what is wrong with it, and never a password."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme in SQS:
        _require_queue(parts)
    elif parts.scheme not in RABBITMQ | STREAMS:
        raise ValueError(
            "must be a URL that starts with amqp: or amqps: (RabbitMQ), sqs: (Amazon SQS),"
            " redis:, rediss: or unix: (streams of Redis or Valkey)"
        )
    elif parts.scheme == "unix":
        if not parts.path.strip("/"):
            raise ValueError("must name a socket, as in unix:///run/valkey.sock")
    elif not parts.hostname or port == 0:
        raise ValueError(f"must name a host, as in {parts.scheme}://broker.example")
    return text


def broker_name(url: str) -> str:
    """Return what may be shown of a broker's URL: no name, no password, no endpoint's query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def endpoint_of(url: str) -> str | None:
    """Return where an SQS lives that is not Amazon's own: `?endpoint=http://127.0.0.1:4566`."""
    return parse_qs(urlsplit(url).query).get("endpoint", [None])[0]


def _require_queue(parts: SplitResult) -> None:
    if not _REGION.fullmatch(parts.hostname or ""):
        raise ValueError(f"must name a region, as in {_EXAMPLE}")
    if not _QUEUE.fullmatch(parts.path.removeprefix("/")):
        raise ValueError(f"must name a FIFO queue, as in {_EXAMPLE}")
    query = parse_qs(parts.query, keep_blank_values=True)
    endpoint = urlsplit(query.get("endpoint", ["http://x"])[0])
    if query.keys() - {"endpoint"}:
        raise ValueError("may have no parameter but `endpoint`")
    if endpoint.scheme not in {"http", "https"} or not endpoint.hostname:
        raise ValueError("must have an http or https URL as its `endpoint`")
