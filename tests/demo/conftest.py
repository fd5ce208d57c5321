import itertools
from collections.abc import AsyncIterator

import pytest

from store import Store
from store.demo import load_world
from store.invariants import find_violations
from tests.demo.sights import NOON
from tests.support.databases import Databases

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
async def demo_template(databases: Databases) -> str:
    """A database with the demo as of Monday noon, loaded once and copied for every test."""
    store = await Store.open(await databases.create("demo_template", "omnibus_template"))
    await load_world(store, None, now=NOON)
    await store.close()
    return "demo_template"


@pytest.fixture
async def demo_url(databases: Databases, demo_template: str) -> AsyncIterator[str]:
    name = f"demo_{next(_numbers)}"
    yield await databases.create(name, demo_template)
    await databases.drop(name)


@pytest.fixture
async def demo(demo_url: str) -> AsyncIterator[Store]:
    """The store on a copy of the demo; ends with the invariants."""
    store = await Store.open(demo_url)
    yield store
    violations = await find_violations(store.db)
    await store.close()
    assert violations == {}
