"""Redis between processes: a hint that saves time, and a count that nobody relies on.

What is lost here, twice here or late here is repaired by the position check; so nothing is stored,
nothing that may have been carried out is tried again, and a process without Redis is only slower.
"""

from realtime.bus.carrier import Bus, BusCallbacks
from realtime.bus.tally import Entry, Tally, TallyLink, pack_terms

__all__ = ["Bus", "BusCallbacks", "Entry", "Tally", "TallyLink", "pack_terms"]
