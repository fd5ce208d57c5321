"""Requests that are not about one bus's seats, done once however often they come: what the admin API posts."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from store.db import Connection
from store.errors import InvalidRequest, KeyReused
from store.queries import Queries
from store.requests import Ask, Reply

SQL = Queries.beside(__file__)
T = TypeVar("T")
_LARGEST = 65_536  # what the column takes


async def answer_once(
    connection: Connection,
    ask: Ask[T],
    operator_id: int | None,
    make: Callable[[], Awaitable[T]],
) -> Reply:
    """Do what is asked and keep the answer with it, or return the answer that the same key was given before.

    Waits for whoever runs the same request. What `make` raises is not kept: it comes to the same when asked again.
    `operator_id` is whose it is; None for what belongs to nobody. Raises KeyReused, InvalidRequest (an answer too large
    to be kept).
    """
    key = ask.key
    if key is None:
        return ask.encode(await make())
    if operator_id is None:
        await connection.execute(SQL["enter_platform"])
    await connection.execute(SQL["wait_for_key"], key.advisory)
    row = await connection.fetchrow(SQL["find_answer"], key.key_hash)
    if row is not None:
        if row["key_request"] != key.request_hash:
            raise KeyReused
        return Reply(row["key_status"], row["key_response"], is_replayed=True)
    reply = ask.encode(await make())
    if len(reply.body) > _LARGEST:
        raise InvalidRequest(
            "", "too_large_to_keep", "the answer cannot be kept under a key; send it without one"
        )
    is_ours = await connection.fetchval(
        SQL["keep_answer"],
        operator_id or 0,
        key.key_hash,
        key.request_hash,
        reply.status,
        reply.body,
    )
    if not is_ours:
        # Out of our scope and thus not seen before: the key has done something for another operator.
        raise KeyReused
    return reply
