"""Redis pub/sub between processes: a hint that saves time and is never waited for.

What is lost here, twice here or late here is repaired by the position check; so nothing is stored,
nothing that may have been carried out is tried again, and a process without Redis is only slower.
"""

from realtime.bus.carrier import Bus, BusCallbacks

__all__ = ["Bus", "BusCallbacks"]
