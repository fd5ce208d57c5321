import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from server.embedded.binaries import find_postgres
from tests.embedded.parent import Parent

ORDINARY_USER = "nobody"


@pytest.fixture
def root_only() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give up root's rights")


@pytest.fixture
def reachable(root_only: None) -> None:
    """This checkout does not lie below a folder that is closed to an ordinary user, as root's home is."""
    program = find_postgres().path / "postgres"
    found = subprocess.run(["test", "-x", program], user=ORDINARY_USER, check=False)  # noqa: S603, S607 - ours
    if found.returncode != 0:
        pytest.skip(f"{ORDINARY_USER} cannot reach {program}: it lies below a closed folder")


@pytest.fixture
def start_parent() -> Iterator[Callable[..., Parent]]:
    """Starts rigs, and ends those that a test has left running."""
    with ExitStack() as stack:

        def start(**plan: Any) -> Parent:
            return stack.enter_context(Parent(**plan))

        yield start


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach and write to, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="omnibus-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=["as we are", "as an ordinary user"])
def place(request: pytest.FixtureRequest, open_folder: Path) -> dict[str, Any]:
    """Where and as whom to run the servers; as root, once each way."""
    if request.param == "as we are":
        private = open_folder / "private"
        private.mkdir(mode=0o700)
        return {"data_dir": str(private / "data")}
    if os.geteuid() != 0:
        pytest.skip("we are an ordinary user already")
    request.getfixturevalue("reachable")
    return {"data_dir": str(open_folder / "data"), "user": ORDINARY_USER}
