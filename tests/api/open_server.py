"""The server with its doors open: whoever asks is the admin, with any token or none. It shows who notices.

Started like the real one, as `python -m tests.api.open_server serve`.
"""

from server.cli import main
from server.contract import Endpoint, Operation
from server.tokens import Verified
from store.model import Caller, Role


def _let_in(_endpoint: Endpoint, _headers: dict[bytes, bytes], _operation: Operation) -> Verified:
    return Verified(Caller(1, Role.ADMIN), float("inf"), "nobody's")


if __name__ == "__main__":
    Endpoint._who = _let_in  # type: ignore[method-assign, assignment]  # this process is the twin
    main()
