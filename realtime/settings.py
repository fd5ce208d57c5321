"""Every number the live layer obeys, with the value it has unless somebody says otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """How one bus behaves: see realtime/feed.py."""

    patience_seconds: float = 0.1  # how long an early delta waits for the one before it
    keep_seconds: float = 60.0  # how long a bus stays warm after its last watcher
    retry_seconds: float = 0.25  # after a failed load; doubles with every failure
    retry_max_seconds: float = 1.0
    early_max: int = 128  # deltas that may wait; beyond it the load brings them
    waiting_max: int = 16  # unanswered subscribes of one connection to one bus
    calm_watchers: int = 200  # up to so many, and
    calm_per_second: int = 20  # up to so many changes: told at once; above it in ticks
    tick_seconds: float = 0.05
    tick_seconds_a_watcher: float = 25e-6  # about four times what it costs to tell one
    tick_seconds_max: float = 0.25


@dataclass(frozen=True, slots=True)
class HubSettings:
    """How the hub reads the database and treats full sockets."""

    feed: FeedSettings = FeedSettings()
    feeds_max: int = 20_000  # buses in memory; beyond it unwatched ones go first
    load_batch: int = 64  # buses in one query
    load_concurrency: int = 4  # queries at a time
    source_timeout_seconds: float = 2.0  # a query that hung in a fault delays healing so long
    hard_cap_bytes: int = 256 * 1024  # above it the socket is aborted
    slow_seconds: float = 15.0  # how long a socket may stay full
    relief_seconds: float = 0.1  # how often full sockets are looked at
    slice_watchers: int = 500  # told in one go; then everybody else has a turn
    check_seconds: float = 3.0  # position check, while everything is well
    check_degraded_seconds: float = 1.0  # position check, while Redis or the database is not
    lag_seconds: float = (
        1.0  # a change that comes later than that has the positions checked at once
    )
    check_batch: int = 5_000  # positions in one query


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What one client may do, and how it proves to be alive."""

    heartbeat_seconds: float = 20.0
    missed_acks_max: int = 2
    messages_per_second: float = 10.0
    messages_burst: int = 20
    message_bytes_max: int = 4096
    buses_max: int = 16
    buses_max_staff: int = 64
    failed_auths_max: int = 3
    auth_timeout_seconds: float = 5.0  # how long checking a token may take
    auth_seconds: float = 5.0  # in which whoever has to say who it is must have said so


@dataclass(frozen=True, slots=True)
class AdmissionSettings:
    """How many clients a process takes."""

    connections_max: int = 10_000
    connections_per_client: int = 500  # a bus terminal sits behind one address
    connections_per_user: int = 10
    handshakes_per_second: float = 100.0  # of one client; twice its connections may come at once
    refusals_per_second: float = 30.0  # handshakes completed only to say why not
    refusals_burst: int = 100


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """How boards and sales are read: see realtime/topics.py."""

    pause_seconds: float = 0.25  # between two readings, and so between two frames, at least
    rest_factor: float = 4.0  # the same, as a multiple of what the last reading took
    board_idle_seconds: float = (
        15.0  # the longest without a reading: buses leave, and nobody says so
    )
    sales_idle_seconds: float = 5.0  # the same; also how late a lost event shows
    keep_seconds: float = 5.0  # how long a topic stays open after its last watcher
    topics_max: int = 1_000
    reads_at_once: int = 4
    source_timeout_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class AudienceSettings:
    """How processes tell each other who watches: see realtime/audience.py."""

    ask_seconds: float = 5.0  # between two questions
    tell_seconds: float = 1.0  # between two answers, however many ask
    keep_seconds: float = 16.0  # how long an answer counts: three rounds
    processes_max: int = 1_000


@dataclass(frozen=True, slots=True)
class BusSettings:
    """How the process talks to Redis: see realtime/bus."""

    channel_prefix: str = "omnibus:seats"
    partitions: int = 1  # of the buses; what is sent at once is a message in each of theirs
    shards: int = 16  # the same for a cluster; all processes must agree
    survey_seconds: float = 0.25  # between two questions who owns what, while something is wrong
    queue_max: int = 10_000
    batch_max: int = 512
    publish_timeout_seconds: float = 0.25
    connect_timeout_seconds: float = 1.0  # of the subscriber; it may take its time
    probe_idle_seconds: float = 10.0  # silence after which the path is tried out
    probe_degraded_seconds: float = 1.0  # the same while publishing fails
    probe_timeout_seconds: float = 5.0  # how long the probe may take to come back
    backoff_seconds: float = 0.1  # between rebuilds; doubles with every failure
    backoff_max_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class TallySettings:
    """How the process has Redis count what callers use of their allowances: see realtime/bus/tally.py."""

    key_prefix: str = "omnibus:pace"
    shards: int = 16  # slots of a cluster; all processes must agree
    gather_seconds: float = 0.02  # what nobody waits for is told together
    answer_seconds: float = 0.05  # what a request waits at most; then this process decides alone
    silence_seconds: float = 1.0  # without an answer: Redis is away, and asked no more
    connect_timeout_seconds: float = 1.0
    retry_seconds: float = 0.5  # between attempts, while Redis is away or too slow
    batch_max: int = 256  # uses in one turn; Redis does nothing else meanwhile


@dataclass(frozen=True, slots=True)
class LiveSettings:
    hub: HubSettings = HubSettings()
    connection: ConnectionSettings = ConnectionSettings()
    admission: AdmissionSettings = AdmissionSettings()
    topics: TopicSettings = TopicSettings()
    audience: AudienceSettings = AudienceSettings()
    bus: BusSettings = BusSettings()
    drain_seconds: float = 2.0  # at most, for all together: whoever stops us waits 4 s, not longer
    drain_per_second: int = 500  # a small server closes faster than its drain time
    reconnect_in_ms: tuple[int, int] = (0, 8000)  # where the clients of a drain spread out
