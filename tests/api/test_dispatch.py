"""Which path is served by what: compared with Starlette's own routes, one after the other."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from starlette.routing import Match, Route

from server.app import OPERATIONS
from server.dispatch import Dispatch
from server.openapi import PREFIX

PATHS = list(dict.fromkeys(operation.path for operation in OPERATIONS))
DISPATCH = Dispatch(PREFIX, {path: path for path in PATHS}, otherwise="nothing")
STEPS = sorted({step for path in PATHS for step in path.split("/")[1:] if "{" not in step})
ROUTES = [(path, Route(PREFIX + path, lambda _: None)) for path in PATHS]


def find_slowly(path: str) -> tuple[str, dict[str, str]] | None:
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "root_path": ""}
    for name, route in ROUTES:
        match, child = route.matches(scope)
        if match is not Match.NONE:
            return name, child["path_params"]
    return ("nothing", {}) if path.startswith(PREFIX + "/") else None


@given(
    st.builds(
        lambda prefix, steps: prefix + "".join("/" + step for step in steps),
        st.sampled_from([PREFIX, PREFIX, PREFIX, "", "/api", "/api/v1x"]),
        st.lists(st.one_of(st.sampled_from(STEPS), st.text("a1.~%é ", max_size=3)), max_size=5),
    )
)
@example(PREFIX)
@example(PREFIX + "/")
@example(PREFIX + "//seats")
def test_a_path_is_served_by_the_first_that_fits(path: str) -> None:
    assert DISPATCH.find(path) == find_slowly(path)


def test_every_operation_is_found_with_what_its_path_says() -> None:
    for path in PATHS:
        names = [step[1:-1] for step in path.split("/") if step.startswith("{")]
        filled = path.format_map({name: f"<{name}>" for name in names})
        assert DISPATCH.find(PREFIX + filled) == (path, {name: f"<{name}>" for name in names})


def test_where_nothing_is_served_nothing_is_found() -> None:
    empty: Dispatch[str] = Dispatch("/x", {}, otherwise="nothing")
    assert empty.find("/x/a") == ("nothing", {})
    assert empty.find("/y") is None
