"""The server to whom staff of one operator is staff of all: what row security alone is held against.

Started like the real one, as `python -m tests.api.boundless_server serve`. The rule in Python says yes to whoever has
the role, and no statement says whose rows it may show; the rest is the real thing.
"""

from server.cli import main
from tests.support.twins import staff_is_everybodys

if __name__ == "__main__":
    with staff_is_everybodys():
        main()
