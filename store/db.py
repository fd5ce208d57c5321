"""Connections and transactions: who we are in the database, how long we wait, and what a lost COMMIT means.

Timeout ladder: a connection 2 s, a lock 1 s, a statement 2 s, idle in a transaction 3 s, the driver 4 s.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from store.citus.distribute import is_citus
from store.citus.forms import SESSION, CitusConnection
from store.errors import OutcomeUnknown, Overloaded
from store.pooler import Address
from store.roles import APP

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    # Generic in the stubs only.
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool
Record = asyncpg.Record
T = TypeVar("T")

POOL_WAIT_SECONDS = 2.0
_SESSION = {
    "application_name": "omnibus",
    "lock_timeout": "1s",
    "statement_timeout": "2s",
    "idle_in_transaction_session_timeout": "3s",
    "timezone": "UTC",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    # Every statement of ours has an index to go by. Left to itself the planner reads small tables whole, and keeps the
    # plan when they are small no more.
    "enable_seqscan": "off",
}
_READING = {"default_transaction_read_only": "on"}
_COMMAND_SECONDS = 4.0
_COMMIT_SECONDS = 10.0
_TRIES = 4
_STATEMENTS_KEPT = 100  # the driver's own default

_RETRYABLE = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
)
_UNREACHABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


class CommitUnknown(OutcomeUnknown):
    """COMMIT was sent and no answer came: it may have happened. A lane finds out; nobody else can."""


class Contended(Exception):
    """A deadlock, or a lock or an answer that was not to be had in time; nothing was committed."""


class _Lost(Exception):
    """The session is gone and nothing was committed."""


class Database:
    """A pool of connections that have become the role that does this work, and that owns nothing.

    `is_spread` is whether the data lies on a Citus cluster, `is_standby` whether nothing can be written here; `prelude`
    is what every transaction begins with behind a pooler, where sessions are not ours.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        is_spread: bool = False,
        is_standby: bool = False,
        prelude: str = "",
    ) -> None:
        self._pool = pool
        self._prelude = prelude
        self.is_spread = is_spread
        self._is_standby = is_standby

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        size: int,
        warm: int | None = None,
        role: str = APP,
        is_standby: bool = False,
    ) -> "Database":
        """Open a pool of at most `size` connections; a quarter of them at once, so that bursts find them warm.

        Another number than a quarter is `warm`. Those to a standby would change nothing even if it were none, or no
        longer. `dsn` may say that a pooler is between (`store/pooler.py`).
        """
        address = Address.read(dsn)

        async def become_app(connection: Connection) -> None:
            await connection.execute(f"SET ROLE {role}")  # allow sql-text: one of our roles

        open_pool = partial(
            asyncpg.create_pool,
            address.dsn,
            min_size=max(1, size // 4 if warm is None else warm),
            max_size=size,
            max_inactive_connection_lifetime=300.0,
            command_timeout=_COMMAND_SECONDS,
            timeout=5.0,
            init=None if address.pooler else become_app,
            reset=_keep_session,
            # Without a name a statement goes with its transaction, to whichever session that gets.
            statement_cache_size=0 if address.pooler == "transaction" else _STATEMENTS_KEPT,
        )
        session = _SESSION | _READING if is_standby else _SESSION
        pool = await open_pool(server_settings=address.startup(session))
        try:
            async with pool.acquire() as connection:
                is_spread = await is_citus(connection)
        except BaseException:
            pool.terminate()
            raise
        if is_spread:
            await pool.close()
            session |= SESSION
            pool = await open_pool(
                server_settings=address.startup(session), connection_class=CitusConnection
            )
        prelude = address.prelude(session, role)
        if prelude and is_standby:
            prelude = f"SET TRANSACTION READ ONLY; {prelude}"
        return cls(pool, is_spread=is_spread, is_standby=is_standby, prelude=prelude)

    async def close(self) -> None:
        """Wait for running work up to 5 s, then cut."""
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def fetch(self, query: str, *args: object) -> list[Record]:
        """Run one statement outside a transaction; raise Overloaded when the database cannot be reached in time.

        A read, or a write that may be done twice: it is repeated once when its answer is lost. Not on a standby: there
        is another server to ask.
        """
        for last in (True,) if self._is_standby else (False, True):
            try:
                async with self._pool.acquire(timeout=POOL_WAIT_SECONDS) as connection:
                    if self._prelude:
                        return await self._fetch_alone(connection, query, args)
                    return await connection.fetch(query, *args)
            except (_Lost, CommitUnknown, *_UNREACHABLE) as error:
                if last:
                    raise Overloaded from error
            except asyncpg.ReadOnlySQLTransactionError as error:
                await self._leave(error)
                if last:
                    raise Overloaded from error
            except (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError) as error:
                raise Overloaded from error
        raise AssertionError("unreachable")

    async def expire(self) -> None:
        """Have every connection replaced before it is used again: the server it leads to is not the one that sells.

        It was demoted, or is fenced off: which of several hosts takes writes is asked anew (`target_session_attrs`).
        """
        await self._pool.expire_connections()

    async def _leave(self, error: asyncpg.ReadOnlySQLTransactionError) -> None:
        """Drop the connections to a server that takes no writes; on a standby, a write was our own mistake."""
        if self._is_standby:
            raise error
        await self.expire()

    async def fetchrow(self, query: str, *args: object) -> Record | None:
        rows = await self.fetch(query, *args)
        return rows[0] if rows else None

    async def transaction(
        self,
        operators: Sequence[int] | None,
        work: Callable[[Connection], Awaitable[T]],
        *,
        is_patient: bool = True,
    ) -> T:
        """Run `work` in one READ COMMITTED transaction whose scope is `operators` (None: all of them).

        Connections lost before COMMIT are tried again, four times in all, with full jitter: nothing has happened then.
        So are those to a server that takes no writes any more, after all of them were dropped.
        So are deadlocks and lock timeouts if `is_patient`; otherwise they raise Contended at once. Raises Overloaded
        when trying was in vain or a statement took too long, CommitUnknown when COMMIT got no answer. What `work`
        raises rolls back and is passed on. `work` may await nothing but its connection.
        """
        return await self._try(operators, work, "COMMIT", is_patient=is_patient)

    async def commit_statement(self, query: str, *args: object) -> Record:
        """Run one statement that is a transaction of its own and return its one row.

        Raises Overloaded when no connection was to be had, CommitUnknown when no answer came; what the database refused
        (asyncpg.PostgresError) has not happened.
        """
        try:
            connection = await self._pool.acquire(timeout=POOL_WAIT_SECONDS)
        except (TimeoutError, *_UNREACHABLE) as error:
            raise Overloaded from error
        try:
            if self._prelude:
                return (await self._fetch_alone(connection, query, args, _COMMIT_SECONDS))[0]
            return await _commit_statement(connection, query, args)
        except asyncpg.ReadOnlySQLTransactionError as error:
            await self._leave(error)
            raise Overloaded from error
        except _Lost as error:
            raise CommitUnknown from error
        finally:
            with suppress(*_UNREACHABLE):
                await self._pool.release(connection)

    async def read(
        self, operators: Sequence[int] | None, work: Callable[[Connection], Awaitable[T]]
    ) -> T:
        """Run `work`, which changes nothing, in a transaction scoped to `operators`; raise Overloaded."""
        return await self._try(operators, work, "ROLLBACK", is_patient=True)

    async def _try(
        self,
        operators: Sequence[int] | None,
        work: Callable[[Connection], Awaitable[T]],
        ending: str,
        *,
        is_patient: bool,
    ) -> T:
        attempt = 0
        while True:
            try:
                return await self._attempt(operators, work, ending)
            except asyncpg.QueryCanceledError as error:
                # It had its time; the same again would take as long.
                raise (Overloaded if is_patient else Contended) from error
            except (*_RETRYABLE, _Lost) as error:
                if not is_patient and not isinstance(error, _Lost):
                    raise Contended from error
                attempt += 1
                if attempt == _TRIES or self._is_standby:
                    raise Overloaded from error
            await asyncio.sleep(random.uniform(0.01, 0.05 * 2**attempt))  # noqa: S311 - jitter

    async def _attempt(
        self,
        operators: Sequence[int] | None,
        work: Callable[[Connection], Awaitable[T]],
        ending: str,
    ) -> T:
        try:
            connection = await self._pool.acquire(timeout=POOL_WAIT_SECONDS)
        except TimeoutError as error:
            raise Overloaded from error
        except _UNREACHABLE as error:
            raise _Lost from error
        try:
            begin = _begin(operators, self._prelude)
            return await _in_transaction(connection, begin, work, ending)
        except asyncpg.ReadOnlySQLTransactionError as error:
            await self._leave(error)
            raise _Lost from error
        finally:
            with suppress(*_UNREACHABLE):
                await self._pool.release(connection)

    async def _fetch_alone(
        self, connection: Any, query: str, args: Sequence[object], seconds: float | None = None
    ) -> list[Record]:
        """Run one statement in a transaction of its own, scoped to nobody, as it would be without a pooler."""

        async def work(lent: Connection) -> list[Record]:
            return await lent.fetch(query, *args, timeout=seconds)

        return await _in_transaction(connection, f"BEGIN; {self._prelude}", work, "COMMIT")


async def _in_transaction(
    connection: Any,
    begin: str,
    work: Callable[[Connection], Awaitable[T]],
    ending: str,
) -> T:
    try:
        await connection.execute(begin)
        result = await work(connection)
    except _UNREACHABLE as error:
        _terminate(connection)
        raise _Lost from error
    except Exception:
        await _roll_back(connection)
        raise
    except BaseException:
        # Cancelled: the statement under way may still run, so the session goes, and its locks with it.
        _terminate(connection)
        raise
    if ending == "COMMIT":
        await _commit(connection)
    else:
        await _roll_back(connection)
    return result


async def _commit_statement(connection: Any, query: str, args: Sequence[object]) -> Record:
    try:
        row: Record = await connection.fetchrow(query, *args, timeout=_COMMIT_SECONDS)
    except _UNREACHABLE as error:
        _terminate(connection)
        raise CommitUnknown from error
    except asyncpg.PostgresError:
        raise
    except BaseException:
        _terminate(connection)
        raise
    return row


def _begin(operators: Sequence[int] | None, prelude: str) -> str:
    # One round trip; the numbers are ours, and simple queries take no parameters. The platform's log is operator 0's.
    if operators is None:
        everyone = "(SELECT (array_agg(operator_id) || 0)::text FROM operators)"
        return f"BEGIN; {prelude}SELECT set_config('omnibus.operators', {everyone}, true)"
    listed = ",".join(map(str, map(int, operators)))
    return f"BEGIN; {prelude}SELECT set_config('omnibus.operators', '{{{listed}}}', true)"


async def _roll_back(connection: Any) -> None:
    try:
        await connection.execute("ROLLBACK")
    except Exception:  # noqa: BLE001 - whatever it was, the session is of no more use
        _terminate(connection)


async def _commit(connection: Any) -> None:
    try:
        outcome = await connection.execute("COMMIT", timeout=_COMMIT_SECONDS)
    except asyncpg.PostgresError as error:
        if isinstance(error, _UNREACHABLE):
            _terminate(connection)
            raise CommitUnknown from error
        # A deferred constraint spoke: the server has rolled back and said so.
        raise
    except _UNREACHABLE as error:
        _terminate(connection)
        raise CommitUnknown from error
    except BaseException:
        _terminate(connection)
        raise
    if outcome != "COMMIT":
        raise AssertionError(f"COMMIT answered {outcome}")


def _terminate(connection: Any) -> None:
    """Cut a connection, also one that the pool has taken back because it broke by itself."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _keep_session(_connection: Connection) -> None:
    """Nothing of ours outlives a transaction, so returning a connection costs no round trip."""
