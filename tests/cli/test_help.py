"""What someone reads who does not know us yet."""

import pytest

from server.app import asyncapi_document, openapi_document
from tests.cli.commands import omnibus, omnibus_from_the_start

COMMANDS = (
    *("up", "serve", "worker", "migrate", "openapi", "asyncapi"),
    *("import", "demo", "user", "device", "keys", "outbox", "doctor", "watch", "audit", "region"),
    "partitions",
    *("webhooks", "static", "cluster", "simulate"),
)
PRINTING = (
    ("migrate",),
    ("demo",),
    ("import", "gtfs"),
    ("user", "add"),
    ("user", "list"),
    *(("device", name) for name in ("pair", "list", "revoke", "roll")),
    ("outbox",),
    *(("region", name) for name in ("list", "place", "withdraw", "pin", "unpin")),
    ("keys", "list"),
    ("keys", "rotate"),
    ("keys", "retire"),
    ("partitions",),
    ("doctor",),
    ("watch",),
    ("simulate",),
    *(("webhooks", each) for each in ("list", "test", "resend")),
    ("audit", "list"),
    ("audit", "verify"),
    ("static", "build"),
    ("cluster", "status"),
)


def test_help_lists_every_command() -> None:
    ran = omnibus_from_the_start("--help")
    assert ran.code == 0
    listed = [line.split()[1] for line in ran.out.splitlines() if line.startswith("│ ")]
    assert sorted(name for name in listed if name[0].isalpha()) == sorted(COMMANDS)


@pytest.mark.parametrize(
    "command", dict.fromkeys([*PRINTING, *((name,) for name in COMMANDS)]), ids=" ".join
)
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    ran = omnibus(*command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert f"Usage: omnibus {' '.join(command)}" in ran.out
    assert ("--json" in ran.out) == (command in PRINTING)


def test_without_a_command_the_list_is_shown() -> None:
    ran = omnibus()
    assert ran.code == 2
    assert all(f"│ {name} " in ran.out + ran.err for name in COMMANDS)


def test_a_mistyped_command_is_answered_with_the_nearest_one() -> None:
    ran = omnibus("migrat")
    assert ran.code == 2
    assert "No such command 'migrat'. Did you mean 'migrate'?" in ran.err
    assert "omnibus --help" in ran.err


@pytest.mark.parametrize(
    "command",
    [("up",), ("serve",), ("worker",), ("migrate",), ("demo",), ("user", "list"), ("prepare",)],
    ids=" ".join,
)
def test_wrong_settings_stop_any_command_with_one_message_that_names_them_all(
    command: tuple[str, ...],
) -> None:
    ran = omnibus(*command, PORT="eighty", DB_POOL_SIZE=2, DEMO="yes", HOLD_SECOND=300)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines() == [
        "omnibus: wrong settings:",
        "  OMNIBUS_PORT must be a whole number from 1 to 65535",
        "  OMNIBUS_DB_POOL_SIZE must be a whole number from 4 to 1000",
        "  OMNIBUS_DEMO must be `on` or `off`",
        "  OMNIBUS_HOLD_SECOND is not a setting of Omnibus",
    ]


@pytest.mark.parametrize(
    "command",
    [("serve",), ("worker",), ("migrate",), ("demo",), ("user", "list")],
    ids=" ".join,
)
def test_without_a_database_a_command_says_how_to_name_one(command: tuple[str, ...]) -> None:
    ran = omnibus(*command)
    assert (ran.code, ran.out) == (1, "")
    assert f"omnibus: {' '.join(command)} needs a database: set OMNIBUS_DATABASE_URL" in ran.err


@pytest.mark.parametrize(
    "command",
    [("serve",), ("worker",), ("migrate",), ("demo",), ("user", "list"), ("prepare",)],
    ids=" ".join,
)
def test_a_database_that_does_not_answer_is_one_message(command: tuple[str, ...]) -> None:
    ran = omnibus(*command, DATABASE_URL="postgresql://omnibus@127.0.0.1:1/omnibus")
    assert ran.code == 1
    assert len(ran.err.splitlines()) == 1
    assert ran.err.startswith("omnibus: cannot ")


def test_openapi_prints_the_document_that_is_served() -> None:
    ran = omnibus_from_the_start("openapi")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["openapi"].startswith("3.1")
    assert ran.out.encode() == openapi_document()


def test_asyncapi_prints_the_document_that_is_served() -> None:
    ran = omnibus("asyncapi")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["asyncapi"] == "3.0.0"
    assert ran.out.encode() == asyncapi_document()
