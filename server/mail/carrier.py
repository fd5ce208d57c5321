"""What takes mails where they are to go. Two kinds of "no": not now, and never."""

from email.message import EmailMessage
from typing import Protocol

from store.mails import Mail


class NotNow(Exception):
    """It could not leave; later it may. The message is the reason, and names nobody."""


class Never(Exception):
    """It was refused for good. The message is the reason, and names nobody."""


class Carrier(Protocol):
    at_once: int
    """How many mails it takes side by side."""

    async def send(self, mail: Mail, letter: EmailMessage) -> None:
        """Hand a mail over; whoever takes it has it then. Raises NotNow, Never, OSError."""

    async def rest(self) -> None:
        """Nothing is left to send for now."""

    async def forget(self) -> None:
        """Remove what was kept for long enough."""

    async def close(self) -> None:
        """Let go of connections."""
