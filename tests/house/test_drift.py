"""The drift check itself: it must see what it is there to see."""

import json
from pathlib import Path

import pytest

from server.config import SETTINGS
from server.policies import POLICIES
from tests.house.drift import GENERATED, find_drift, settings_table, with_policies


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree in which everything agrees."""
    (tmp_path / "docs" / "adr").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n\n## [1.2.0] - 2026-01-02\n"
    )
    (tmp_path / "docs" / "adr" / "0001-first.md").write_text("# 1. First\n")
    for name, make in GENERATED.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(make())
    return tmp_path


def test_where_everything_agrees_nothing_is_said(tree: Path) -> None:
    assert find_drift(tree) == []


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_document_that_was_edited_or_lost_is_stale(tree: Path, name: str) -> None:
    (tree / name).write_bytes((tree / name).read_bytes() + b"\n")
    assert find_drift(tree) == [
        f"{name} is not what the code makes: run `python -m tests.house.drift --write`"
    ]
    (tree / name).unlink()
    assert len(find_drift(tree)) == 1


def test_every_setting_has_its_row_and_a_meaning() -> None:
    rows = [line for line in settings_table().decode().splitlines() if line.startswith("| `")]
    assert len(rows) == len(SETTINGS)
    assert all(cell.strip() for row in rows for cell in row.strip("|").split("|"))


def test_a_release_without_its_version_is_seen(tree: Path) -> None:
    (tree / "pyproject.toml").write_text('[project]\nversion = "1.1.9"\n')
    assert find_drift(tree) == ["CHANGELOG.md's newest is 1.2.0, pyproject.toml says 1.1.9"]


def test_before_the_first_release_any_version_will_do(tree: Path) -> None:
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n")
    assert find_drift(tree) == []


def test_figures_that_were_typed_by_hand_are_seen(tree: Path) -> None:
    (tree / "README.md").write_text("<!-- figures -->\n| 1,000,000 /s |\n<!-- /figures -->\n")
    assert find_drift(tree) == [], "nothing was measured yet"
    measured = {
        "sections": {
            "a": {"title": "a", "ratios": [], "subjects": {"b": {"rounds": [1], "median": {}}}}
        },
        "machine": {"cores": 2},
    }
    (tree / "docs" / "figures.json").write_text(json.dumps(measured))
    assert find_drift(tree) == [
        "README.md's figures are not those of docs/figures.json: run `python -m tests.bench.table`"
    ]


def test_a_policy_that_was_typed_by_hand_is_seen(tree: Path) -> None:
    page = tree / "docs" / "limits.md"
    page.write_text("<!-- policies -->\n| a |\n| --- |\n| `login` |\n<!-- /policies -->\n")
    assert find_drift(tree) == [
        "docs/limits.md's policies are not those of the code: run `python -m tests.house.drift --write`"
    ]
    page.write_text(with_policies(page.read_text()))
    assert find_drift(tree) == []
    assert page.read_text().count("\n| `") == len(POLICIES)


def test_links_are_followed_unless_they_lead_out_or_stand_in_code(tree: Path) -> None:
    (tree / "README.md").write_text(
        "[a](docs/adr/0001-first.md#why) [b](/docs) [c](https://tickets.example/x) [d](#here)\n"
        "`[e](gone.md)`\n\n```\n[f](gone.md)\n```\n![g](docs/gone.png)\n\n[h]: docs/gone.md\n"
    )
    assert find_drift(tree) == [
        "README.md links to docs/gone.png, which is not there",
        "README.md links to docs/gone.md, which is not there",
    ]


def test_a_gap_or_a_wrong_number_among_the_decisions_is_seen(tree: Path) -> None:
    (tree / "docs" / "adr" / "0003-third.md").write_text("# 3. Third\n")
    assert find_drift(tree) == [
        "docs/adr: number 0002 is missing or given twice (found 0003-third.md)"
    ]
    (tree / "docs" / "adr" / "0003-third.md").rename(tree / "docs" / "adr" / "0002-third.md")
    assert find_drift(tree) == ["docs/adr/0002-third.md is headed `# 3. Third`, not `# 2. ...`"]
