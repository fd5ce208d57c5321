"""Connections that have said who they are, by user: to find a few without asking ten thousand."""

from collections import defaultdict
from typing import Generic, TypeVar

C = TypeVar("C")


class Speakers(Generic[C]):
    def __init__(self) -> None:
        self._of_user: defaultdict[int, dict[C, str]] = defaultdict(dict)

    def add(self, user_id: int, session_id: str, connection: C) -> None:
        """Note for whom, and in which session of theirs, a connection speaks from now on."""
        self._of_user[user_id][connection] = session_id

    def remove(self, user_id: int, connection: C) -> None:
        speaking = self._of_user[user_id]
        speaking.pop(connection, None)
        if not speaking:
            del self._of_user[user_id]

    def find(self, user_id: int, session_id: str) -> list[C]:
        speaking = self._of_user.get(user_id, {})
        return [connection for connection, said in speaking.items() if said == session_id]
