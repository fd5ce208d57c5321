"""The server that writes of every failure as it counts it.

Started like the real one, as `python -m tests.api.telling_server serve`.
"""

import os

from prometheus_client import Histogram

from server import metrics
from server.cli import main

_find = metrics._requests_of


def _tell(method: str, route: str, status: int) -> Histogram:
    if status >= 500 or status == 0:
        os.write(2, f"\ncounted as failed: {method} {route} {status}\n".encode())
    return _find(method, route, status)


if __name__ == "__main__":
    metrics._requests_of = _tell  # type: ignore[assignment]  # a function takes the place of the cached one
    main()
