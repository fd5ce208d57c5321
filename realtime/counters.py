"""What happened so far: plain numbers that the metrics endpoint reads and the hub never does."""

from collections import Counter
from dataclasses import dataclass, field

from realtime.histogram import Histogram


@dataclass(slots=True)
class Counters:
    announced: int = 0  # changes committed by this process
    announce_failures: int = 0
    deltas_applied: int = 0
    deltas_duplicate: int = 0  # at or below the head: dropped
    deltas_early: int = 0  # their predecessor is missing
    deltas_merged: int = 0  # left inside the delta of a later one
    deliveries: int = 0  # data frames written to sockets
    repairs: int = 0  # a load that moved the head of a watched bus
    repaired: Counter[str] = field(default_factory=Counter)  # the same by what told of it
    resyncs: int = 0  # unasked snapshots
    rebuilds: int = 0  # a bus went backwards or vanished; its watchers were closed with 4203
    loads: int = 0  # buses read from the database
    load_failures: int = 0
    checks: int = 0
    check_failures: int = 0
    fell_behind: int = 0  # (connection, bus) pairs owed a snapshot since their socket was full
    aborted: int = 0
    opened: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by reason, before the first frame
    closed: Counter[int] = field(default_factory=Counter)  # by the code this side sent
    ended: Counter[str] = field(default_factory=Counter)  # by others, by code or as `other`
    received: int = 0
    errors: Counter[str] = field(default_factory=Counter)  # error frames by code
    heartbeats: int = 0
    acks: int = 0
    topic_reads: int = 0  # of boards and sales, from the database
    topic_failures: int = 0
    topic_deliveries: int = 0
    published: int = 0
    publish_dropped: int = 0  # queue full or Redis away; the position check repairs it
    bus_messages: int = 0
    bus_own: int = 0
    bus_unwatched: int = 0
    bus_garbage: int = 0
    probes: int = 0
    probes_lost: int = 0
    subscriber_rebuilds: int = 0
    resubscribed: int = 0  # times that Redis confirmed the subscription, the first included
    # The commit's time is PostgreSQL's, so clocks that differ show here.
    commit_to_hub: Histogram = field(default_factory=Histogram)
    commit_to_socket: Histogram = field(default_factory=Histogram)  # the last one's of a bus
    ack_lag: Histogram = field(default_factory=Histogram)  # from a heartbeat to its answer
    loop_lag: Histogram = field(default_factory=Histogram)  # how late the event loop is
