"""The `omnibus` command, from its first moment on."""

import signal
import sys

_RUN_UNTIL_TOLD = {"serve", "worker", "up"}


def run() -> None:
    """Run the command line.

    Whoever starts a process that runs until it is told to stop may tell it so at any moment, also before it can read
    what it is asked for: it has nothing to end yet, and leaves as it would later on.
    """
    if sys.argv[1:] and (sys.argv[1] in _RUN_UNTIL_TOLD or sys.argv[1:3] == ["cluster", "up"]):
        signal.signal(signal.SIGTERM, _leave)
        # Who has only just begun has nothing to renew, and must not end by being told to.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    from server.cli import main  # noqa: PLC0415 - takes the moment that this is about

    main()


def _leave(_number: int, _frame: object) -> None:
    sys.exit(0)


if __name__ == "__main__":
    run()
