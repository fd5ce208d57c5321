"""The server with less patience: half a second for a request, five for silence, so that tests need not wait.

Started like the real one, as `python -m tests.api.hasty_server serve`.
"""

from server import http_protocol
from server.cli import main

if __name__ == "__main__":
    http_protocol.ARRIVAL_SECONDS = 0.5
    http_protocol.SILENCE_SECONDS = 5
    main()
