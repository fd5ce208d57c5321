"""Who runs the servers: ourselves or, when we are root, whom PostgreSQL refuses, another user."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from server.embedded.errors import StartError

# initdb wants a user with a name, so a bare number will not do; and users are not ours to add.
_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Identity:
    name: str
    uid: int
    gid: int


def choose_identity(cluster: Path) -> Identity | None:
    """The user to become, or None to stay who we are; a cluster stays with its owner."""
    if os.geteuid() != 0:
        return None
    owner = _owner_of(cluster)
    if owner is not None:
        return owner
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(name, entry.pw_uid, entry.pw_gid)
    raise StartError(
        "PostgreSQL does not run as root, and this system has none of the users "
        f"{' or '.join(_CANDIDATES)} to run it as. Start Omnibus as an ordinary user."
    )


def write_private(path: Path, text: str, owner: Identity | None = None) -> None:
    """Replace `path` with a 0600 file, atomically and durably.

    As root we write into folders of the unprivileged user: O_EXCL keeps a link that was planted
    there from leading us anywhere else.
    """
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
        if owner is not None:
            os.fchown(handle, owner.uid, owner.gid)
        file.write(text)
        file.flush()
        os.fsync(handle)
    aside.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names inside a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _owner_of(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if status.st_uid == 0:
        return None
    try:
        name = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        name = str(status.st_uid)
    return Identity(name, status.st_uid, status.st_gid)
