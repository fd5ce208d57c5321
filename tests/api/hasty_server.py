"""The server with less patience: what is slow is late after half a second, so that tests need not wait for ten.

Started like the real one, as `python -m tests.api.hasty_server serve`.
"""

from server import http_protocol
from server.cli import main

if __name__ == "__main__":
    http_protocol.ARRIVAL_SECONDS = 0.5
    main()
