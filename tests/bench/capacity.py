"""`docs/capacity.md`: what one machine, ten and a hundred carry, reckoned from what `make bench` printed last.

Every input is a median in `docs/figures.json` or a line of the page's table of assumptions: no figure is typed by hand.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "figures.json"
TEMPLATE = Path(__file__).with_suffix(".md")

CORES = 16
GIB = 64
BUSY = 0.6
WATCHERS_PER_BUS = 10
EVENTS_PER_SALE = 2
READS_PER_SALE = 20
RETURN_SECONDS = 300
KERNEL_KIB = 24
MICRO = 1e-6
KIB_PER_GIB = 1024 * 1024
BUSY_MEMORY = 0.7


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU in seconds and memory in KiB of one unit of each work."""

    booking_api: float
    booking_postgres: float
    sale_api: float
    sale_postgres: float
    read_api: float
    read_postgres: float
    delivery: float
    idle_socket: float
    socket_kib: float
    return_api: float

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Measured":
        def median(section: str, subject: str, figure: str) -> float:
            return float(document["sections"][section]["subjects"][subject]["median"][figure])

        booking, sale = "omnibus, 1 process, 256 clients", "omnibus, hold, then booking"
        idle, back = "omnibus, 9,800 sockets on 100 buses", "omnibus, 5,000 clients, 100 buses"
        seats = "seat map, unchanged (304)"
        return cls(
            booking_api=median("a", booking, "API µs") * MICRO,
            booking_postgres=median("a", booking, "PostgreSQL µs") * MICRO,
            sale_api=median("f", sale, "API µs") * MICRO,
            sale_postgres=median("f", sale, "PostgreSQL µs") * MICRO,
            read_api=median("c", seats, "API µs") * MICRO,
            read_postgres=median("c", seats, "PostgreSQL µs") * MICRO,
            delivery=median("b", "omnibus, 10,000 sockets", "µs each") * MICRO,
            idle_socket=median("n", idle, "CPU of 1,000, of a core %") / 100 / 1000,
            socket_kib=median("n", idle, "resident memory KiB"),
            return_api=median("o", back, "API CPU s") / 5000,
        )


@dataclass(frozen=True, slots=True)
class Load:
    """Sales a second by hold and booking, and watchers."""

    sales: float
    watchers: float


@dataclass(frozen=True, slots=True)
class Need:
    """Cores that are busy, by work, and GiB of sockets."""

    api: float
    postgres: float
    reads: float
    deliveries: float
    idle: float
    memory_gib: float
    storm: float

    @property
    def cores(self) -> float:
        return self.api + self.postgres + self.reads + self.deliveries + self.idle

    @property
    def machines(self) -> float:
        """How many machines that takes, at most `BUSY` of their cores and `BUSY_MEMORY` of their memory in use."""
        return max(self.cores / CORES / BUSY, self.memory_gib / GIB / BUSY_MEMORY)


def need_of(load: Load, costs: Measured) -> Need:
    """Return what a load takes: each unit's cost times how many there are."""
    reads = load.sales * READS_PER_SALE
    return Need(
        api=load.sales * costs.sale_api,
        postgres=load.sales * costs.sale_postgres,
        reads=reads * (costs.read_api + costs.read_postgres),
        deliveries=load.sales * EVENTS_PER_SALE * WATCHERS_PER_BUS * costs.delivery,
        idle=load.watchers * costs.idle_socket,
        memory_gib=load.watchers * (costs.socket_kib + KERNEL_KIB) / KIB_PER_GIB,
        storm=load.watchers / RETURN_SECONDS * costs.return_api,
    )


def carried_by(machines: int, costs: Measured, watchers_per_sale: float = 100.0) -> Load:
    """Return the largest load of this shape that so many machines carry."""
    one = need_of(Load(1.0, watchers_per_sale), costs)
    sales = machines / one.machines
    return Load(sales, sales * watchers_per_sale)


def capacity_page() -> bytes:
    """Return `docs/capacity.md` as the figures of the last bench make it."""
    costs = Measured.of(json.loads(FIGURES.read_text(encoding="utf-8")))
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, rows in (
        ("inputs", _inputs(costs)),
        ("assumptions", _assumptions()),
        ("carried", _carried(costs)),
        ("national", _national(costs)),
    ):
        text = text.replace(f"{{{name}}}", "\n".join(rows))
    return text.encode()


def _inputs(costs: Measured) -> Iterator[str]:
    yield "| what | figure | section |"
    yield "| --- | ---: | --- |"
    for what, seconds, section in (
        ("a booking, API process", costs.booking_api, "a"),
        ("a booking, PostgreSQL", costs.booking_postgres, "a"),
        ("a hold and its booking, API process", costs.sale_api, "f"),
        ("a hold and its booking, PostgreSQL", costs.sale_postgres, "f"),
        ("a seat map that is still good (304), API process", costs.read_api, "c"),
        ("the same, PostgreSQL", costs.read_postgres, "c"),
        ("a change to one of 10,000 sockets", costs.delivery, "b"),
        ("an idle socket, each second", costs.idle_socket, "n"),
        ("a client that comes back after a loss", costs.return_api, "o"),
    ):
        yield f"| {what} | {seconds / MICRO:,.1f} µs of a core | {section} |"
    yield f"| a socket | {costs.socket_kib:.1f} KiB | n |"


def _assumptions() -> Iterator[str]:
    yield "| assumed | value |"
    yield "| --- | ---: |"
    yield f"| a machine | {CORES} cores, {GIB} GiB |"
    yield f"| cores, memory in use at most | {BUSY:.0%}, {BUSY_MEMORY:.0%} |".replace("%", " %")
    yield f"| who watches a bus that sells | {WATCHERS_PER_BUS} |"
    yield f"| changes a sale makes (hold, booking) | {EVENTS_PER_SALE} |"
    yield f"| seat maps asked for, a sale | {READS_PER_SALE} |"
    yield f"| the kernel's share of a socket | {KERNEL_KIB} KiB |"
    yield f"| all watchers come back within | {RETURN_SECONDS} s |"


def _carried(costs: Measured) -> Iterator[str]:
    yield (
        "| machines | sales a second | watchers | API cores | PostgreSQL cores | reads | deliveries | idle"
        " | GiB of sockets |"
    )
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for machines in (1, 10, 100):
        load = carried_by(machines, costs)
        yield f"| {machines} | {load.sales:,.0f} | {load.watchers:,.0f} | {_needs(need_of(load, costs))} |"


def _needs(need: Need) -> str:
    return (
        f"{need.api:,.1f} | {need.postgres:,.1f} | {need.reads:,.1f} | {need.deliveries:,.1f}"
        f" | {need.idle:,.1f} | {need.memory_gib:,.1f}"
    )


def _national(costs: Measured) -> Iterator[str]:
    yield (
        "| load | sales a second | watchers | cores busy | of them PostgreSQL | GiB of sockets | machines"
        " | cores while all come back |"
    )
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, load in (
        ("IRCTC's record, 26,458 tickets a minute (2020)", Load(26_458 / 60, 44_100)),
        ("12306, 1,032 orders a second (2015)", Load(1_032, 103_200)),
        ("India's next system, 150,000 tickets a minute", Load(2_500, 250_000)),
        ("10 million watch, 100,000 bookings a second", Load(100_000, 10_000_000)),
    ):
        need = need_of(load, costs)
        yield (
            f"| {name} | {load.sales:,.0f} | {load.watchers:,.0f} | {need.cores:,.0f} | {need.postgres:,.1f}"
            f" | {need.memory_gib:,.0f} | {max(1, need.machines):,.0f} | {need.storm:,.1f} |"
        )
