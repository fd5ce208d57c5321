from tests.schema.dump import SCHEMA, dump


def test_the_schema_to_read_is_what_the_migrations_add_up_to(filled_url: str) -> None:
    assert dump(filled_url) == SCHEMA.read_text(encoding="utf-8"), (
        "run python -m tests.schema.dump --write"
    )


def test_the_schema_to_read_says_nothing_of_who_made_it() -> None:
    text = SCHEMA.read_text(encoding="utf-8")
    assert "OWNER TO" not in text
    assert "\nSET " not in text
    assert "restrict" not in text.lower().replace("restrictive", "")
