"""What a run costs: CPU seconds of a process and all its children, from the kernel's books."""

import os
import resource
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds by who used them."""

    server: float
    postgres: float
    client: float

    def __sub__(self, earlier: "Cpu") -> "Cpu":
        return Cpu(
            self.server - earlier.server,
            self.postgres - earlier.postgres,
            self.client - earlier.client,
        )


def read_cpu(server_pid: int | None, postgres_pid: int) -> Cpu:
    """Read the books; the client is this process and those of its children that have ended."""
    mine = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cpu(
        _tree_seconds(server_pid) if server_pid else 0.0,
        _tree_seconds(postgres_pid),
        sum(used.ru_utime + used.ru_stime for used in (mine, ended)),
    )


def describe() -> dict[str, object]:
    """Return what figures of this machine may be compared with: only those of the same run."""
    return {"cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 2)}


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
