"""What the settings make of several database servers."""

import pytest

from server.config import ConfigError, load


def of(url: str, name: str = "DATABASE_URL") -> str | None:
    return load({f"OMNIBUS_{name}": url}).database_url


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("postgresql://u:p@one,two:6432/db", "?target_session_attrs=read-write"),
        ("postgresql://u@/db?host=/run/a,/run/b", "&target_session_attrs=read-write"),
        ("postgresql://one,two/db?target_session_attrs=primary", ""),
        ("postgresql://u:p,p@one/db", ""),
        ("postgresql://one/db", ""),
    ],
)
def test_of_several_hosts_the_one_that_takes_writes_is_meant(given: str, meant: str) -> None:
    assert of(given) == given + meant


def test_standbys_are_a_list_and_their_lag_has_bounds() -> None:
    found = load({"OMNIBUS_REPLICA_URLS": "postgresql://two/db, postgresql://three/db"})
    assert found.replica_urls == ("postgresql://two/db", "postgresql://three/db")
    assert found.replica_lag_seconds == 5
    assert "two" not in repr(found)
    with pytest.raises(ConfigError, match="OMNIBUS_REPLICA_LAG_SECONDS"):
        load({"OMNIBUS_REPLICA_LAG_SECONDS": "3600"})
