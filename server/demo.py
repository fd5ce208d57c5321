"""The demo as one step: its world, and the people who may look around in it."""

from collections.abc import Callable
from dataclasses import dataclass

from server.passwords import Passwords
from store import Store
from store.accounts import NewUser
from store.demo import WorldReport, is_for_demo, load_world
from store.errors import AlreadyExists
from store.model import Role

DEMO_DOMAIN = "omnibus.example"


@dataclass(frozen=True, slots=True)
class DemoUser:
    """Someone whose password everybody knows; may sign in only while OMNIBUS_DEMO=on."""

    name: str
    email: str
    password: str
    role: Role


DEMO_USERS = (
    DemoUser("Ada Admin", "admin@omnibus.example", "demo-admin", Role.ADMIN),
    DemoUser("Olga Operator", "operator@omnibus.example", "demo-operator", Role.OPERATOR),
    DemoUser("Amir Agent", "agent@omnibus.example", "demo-agent", Role.AGENT),
    DemoUser("Rita Rider", "rider@omnibus.example", "demo-rider", Role.RIDER),
)


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What was added; `world` is None when others sell here, and the demo keeps out."""

    world: WorldReport | None
    users: int

    @property
    def is_nothing(self) -> bool:
        return not self.users and not (self.world and self.world.buses)


def is_demo_login(email: str) -> bool:
    """Whether the address belongs to the demo, so that its password is no secret."""
    return email.strip().lower().endswith(f"@{DEMO_DOMAIN}")


async def load_demo(
    store: Store, passwords: Passwords, report: Callable[[str], None]
) -> DemoReport:
    """Load the demo when nobody sells here yet, and bring it up to two weeks from today when it is here already.

    Doing it twice on a day changes nothing. `report` hears what was done, a line at a time. Never touches a database
    in which others sell: demo passwords are public.
    """
    if not await is_for_demo(store):
        report("demo: this database has operators of its own; nothing loaded, no demo logins made")
        return DemoReport(None, 0)
    rider_id, users = await _find_or_add(store, passwords, _with_role(Role.RIDER), None)
    world = await load_world(store, rider_id)
    for user in DEMO_USERS:
        _, added = await _find_or_add(store, passwords, user, world.operator_id)
        users += added
    if world.buses:
        report(
            f"demo: added {world.buses:,} buses with {world.seats:,} seats and {world.bookings:,} bookings,"
            f" {world.stops} stops, {world.routes} routes"
        )
    if world.last_seats is not None:
        report(f"demo: /buses/{world.last_seats} is nearly sold out")
    return DemoReport(world, users)


def _with_role(role: Role) -> DemoUser:
    return next(user for user in DEMO_USERS if user.role is role)


async def _find_or_add(
    store: Store, passwords: Passwords, user: DemoUser, operator_id: int | None
) -> tuple[int, int]:
    """Return the user's id and how many users were added for it: one or none."""
    if found := await store.accounts.find_by_email(user.email):
        return found.user_id, 0
    is_staff = user.role in {Role.OPERATOR, Role.AGENT}
    new = NewUser(
        user.name,
        user.email,
        await passwords.hash(user.password),
        user.role,
        operator_id if is_staff else None,
        is_verified=True,
    )
    try:
        added = await store.accounts.add(new)
    except AlreadyExists:  # by a process that starts beside us
        return await _find_or_add(store, passwords, user, operator_id)
    return added.user_id, 1
