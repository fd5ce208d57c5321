"""The server with everything it could ever log.

Started like the real one, as `python -m tests.api.talkative_server serve`.
"""

import logging

from server import logs
from server.cli import main

_configure = logs.configure


def _say_all(*, level: int = logging.DEBUG) -> None:
    _configure(level=level)


if __name__ == "__main__":
    logs.configure = _say_all
    main()
