import pytest

from store.facade import StoreOptions
from tests.store.storm import rage
from tests.support.world import World


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_anyone_does_the_data_stays_sound(world: World, seed: int) -> None:
    """The world ends with the invariants and the replay of every event; this makes them worth asking."""
    hasty = StoreOptions(pool_size=8, hold_seconds=1, pending_seconds=1)
    stores = [await world.open_store(hasty) for _ in range(3)]
    storm = await rage(world, stores, actors=16, deeds=60, seed=seed)
    assert storm.unexpected == []
    assert storm.outcomes["OutcomeUnknown"] == 0
    never = {"hold", "book", "book_hold", "pay", "cancel", "extend"} - storm.outcomes.keys()
    assert never == set()
