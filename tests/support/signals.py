"""Whether a process can be told things yet."""

import signal
from pathlib import Path


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal: one that has just begun would be ended by it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)
