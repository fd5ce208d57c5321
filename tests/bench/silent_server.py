"""The product's server without the outbox: what happens to a booking is written nowhere but in the booking.

Started like the real one, as `python -m tests.bench.silent_server serve`.
"""

from server.cli import main
from store import batch, bookings

if __name__ == "__main__":
    vars(bookings)["note_job"] = lambda *_: None
    batch._STATEMENTS = tuple(name for name in batch._STATEMENTS if name != "add_jobs")  # type: ignore[assignment]  # the same
    main()
