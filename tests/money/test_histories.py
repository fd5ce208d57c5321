"""The money law over random histories: captured = confirmed + refunded, in every one of them."""

from collections.abc import AsyncIterator

import pytest

from server.payments import stripe
from store.captures import Settled, SettlePayment
from store.facade import StoreOptions
from store.ledger import Changes
from store.model import Booking
from tests.money.histories import FORGED_AND_TAKEN, judge, play
from tests.money.paths import DemoPath, Path
from tests.money.stripe_path import open_stripe
from tests.money.words import balances
from tests.support.stand_ins import has_localstripe
from tests.support.world import World

HISTORIES = {"demo": 1000, "stripe": 240}
OF_A_TWIN = {"demo": 100, "stripe": 40}
_TRIED = (
    *(f"settled: {settled}" for settled in Settled if settled is not Settled.ENDED),
    *("forged and refused", "message lost", "message known", "message stored"),
    *("died after begin", "died after settle", "died after cancel", "died after refund"),
    *("cancel answer lost", "refund answer lost", "look unreachable"),
)
_TRIED_OVER = {
    "demo": (f"settled: {Settled.ENDED}",),
    "stripe": (
        *("POST /v1/payment_intents: lose_answer", "POST /v1/payment_intents: cut"),
        *("GET /v1/payment_intents: lose_answer", "GET /v1/payment_intents: error_500"),
        *("GET /v1/refunds: lose_answer", "POST /v1/refunds: lose_answer"),
    ),
}


@pytest.fixture
async def unlawful(database_url: str) -> AsyncIterator[World]:
    """A world that is not asked afterwards whether it is sound."""
    world = await World.open(database_url, StoreOptions(pool_size=24))
    yield world
    await world.close()


@pytest.fixture
async def stripe_path() -> AsyncIterator[Path]:
    if not has_localstripe():
        pytest.skip("localstripe is not installed: pip install -r requirements/test.txt")
    async with open_stripe() as path:
        yield path


async def require_lawful(world: World, path: Path, count: int) -> None:
    stage = await play(world, path, count, seed=1)
    assert await judge(world, path) == []
    books = await balances(world)
    assert sum(books.values()) == 0
    assert set(books) == {"provider_clearing", "sales"}, "everything that was owed was paid back"
    counts = stage.counts
    assert counts[FORGED_AND_TAKEN] == 0
    tried = (*_TRIED, *_TRIED_OVER[path.method])
    assert [what for what in tried if not counts[what]] == [], "it has not been tried"


async def test_what_is_captured_is_confirmed_or_refunded_however_it_went(
    world: World, request: pytest.FixtureRequest
) -> None:
    times = 10 if request.config.getoption("--long") else 1
    await require_lawful(world, await DemoPath.open(world), times * HISTORIES["demo"])


async def test_what_stripe_has_captured_is_confirmed_or_refunded_however_it_went(
    world: World, stripe_path: Path, request: pytest.FixtureRequest
) -> None:
    times = 10 if request.config.getoption("--long") else 1
    await require_lawful(world, stripe_path, times * HISTORIES["stripe"])


def keep(_self: SettlePayment, changes: Changes, booking: Booking) -> Settled:
    """Do with late money as nobody should."""
    changes.booking = booking
    return Settled.RETURNED


async def test_twin_that_keeps_late_money_is_found_out(
    unlawful: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SettlePayment, "_give_back", keep)
    path = await DemoPath.open(unlawful)
    await play(unlawful, path, OF_A_TWIN["demo"], seed=2)
    assert await judge(unlawful, path) != []


async def test_twin_that_keeps_stripes_late_money_and_believes_everybody_is_found_out_in_both(
    unlawful: World, stripe_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SettlePayment, "_give_back", keep)
    monkeypatch.setattr(stripe, "is_signed", lambda *_: True)
    stage = await play(unlawful, stripe_path, OF_A_TWIN["stripe"], seed=2)
    assert await judge(unlawful, stripe_path) != []
    assert stage.counts[FORGED_AND_TAKEN] > 0
