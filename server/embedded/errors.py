"""What keeps the embedded servers from running, in words for the person at the terminal."""

from dataclasses import dataclass


class StartError(Exception):
    """Base of all of them; `str()` is a message to print as it is."""


@dataclass(eq=False)
class ServiceFailed(StartError):
    """`output` is the tail of what the process itself said, often the only real explanation."""

    service: str
    reason: str
    output: str = ""

    def __str__(self) -> str:
        said = "".join(f"\n  {line}" for line in self.output.splitlines())
        return f"{self.service} {self.reason}" + (f":{said}" if said else "")
