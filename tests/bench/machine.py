"""What a run costs: CPU seconds by who used them, from the kernel's books."""

import os
import resource
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psutil

API, BACKENDS, VALKEY, CLIENT = "API", "PostgreSQL backends", "Valkey", "client"
_WAL, _CHECKPOINTS, _IO, _ENDED, _OTHERS = (
    "WAL writer",
    "checkpointer and background writer",
    "I/O workers",
    "ended backends and autovacuum",
    "the rest of PostgreSQL",
)
POSTGRES = (BACKENDS, _WAL, _CHECKPOINTS, _IO, _ENDED, _OTHERS)
# PostgreSQL's processes say in their titles what they are; whoever says none of this serves a connection.
_TITLES = {
    "walwriter": _WAL,
    "checkpointer": _CHECKPOINTS,
    "background writer": _CHECKPOINTS,
    "io worker": _IO,
    "autovacuum launcher": _OTHERS,
    "autovacuum worker": _ENDED,
    "logger": _OTHERS,
    "logical replication launcher": _OTHERS,
}


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds by part."""

    parts: Mapping[str, float]

    def __sub__(self, earlier: "Cpu") -> "Cpu":
        return Cpu({part: used - earlier.parts.get(part, 0.0) for part, used in self.parts.items()})

    def of(self, *parts: str) -> float:
        return sum(self.parts.get(part, 0.0) for part in parts)

    def each(self, count: int) -> dict[str, float]:
        """Return the microseconds that each of `count` things took, as a round's figures."""
        scale = 1e6 / max(count, 1)
        return {
            "API + PostgreSQL µs": self.of(API, *POSTGRES) * scale,
            "API µs": self.of(API) * scale,
            "PostgreSQL µs": self.of(*POSTGRES) * scale,
            "client µs": self.of(CLIENT) * scale,
        }


def read_cpu(api: Iterable[int], postgres: int, valkey: int) -> Cpu:
    """Read the books; the client is this process and those of its children that have ended."""
    mine = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    parts = dict.fromkeys((API, *POSTGRES), 0.0)
    for pid in api:
        parts[API] += _tree_seconds(pid)
    postmaster = psutil.Process(postgres)
    for each in postmaster.children():
        try:
            part, times = _part(" ".join(each.cmdline())), each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        parts[part] += times.user + times.system
    own = postmaster.cpu_times()
    parts[_OTHERS] += own.user + own.system
    parts[_ENDED] += own.children_user + own.children_system
    parts[VALKEY] = _tree_seconds(valkey)
    parts[CLIENT] = sum(used.ru_utime + used.ru_stime for used in (mine, ended))
    return Cpu(parts)


def describe() -> dict[str, object]:
    """Return what figures of this machine may be compared with: only those of the same run."""
    return {"cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 2)}


def allow_files(count: int) -> None:
    """Let this process, and those it starts, open that many files, as far as the machine allows."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if most == resource.RLIM_INFINITY else min(count, most)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _part(title: str) -> str:
    return next((part for word, part in _TITLES.items() if word in title), BACKENDS)


def _tree_seconds(pid: int) -> float:
    """Return CPU seconds of a process and its children, the ended ones included."""
    process = psutil.Process(pid)
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    times = process.cpu_times()
    return total + times.children_user + times.children_system
