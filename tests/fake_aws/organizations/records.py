"""An organization: its management account, its units, and the accounts in them."""

from dataclasses import dataclass, field

from fake_aws.refusals import Unsupported

ROOT = "r-root"


@dataclass(slots=True)
class Unit:
    """An organizational unit, or the root."""

    id: str
    name: str
    parent: str | None


@dataclass(slots=True)
class Organization:
    """A tree of units with accounts in them; tests build it with `unit` and `join`."""

    management: str
    units: dict[str, Unit] = field(default_factory=lambda: {ROOT: Unit(ROOT, "Root", None)})
    unit_of: dict[str, str] = field(default_factory=dict)
    """The unit, or root, that each account is in."""
    delegated: set[str] = field(default_factory=set)
    """Accounts that administer StackSets for it."""
    suspended: set[str] = field(default_factory=set)
    """Accounts that AWS has suspended."""
    closed: dict[str, str] = field(default_factory=dict)
    """PENDING_CLOSURE or CLOSED, by account."""

    def __post_init__(self) -> None:
        self.unit_of.setdefault(self.management, ROOT)

    def unit(self, name: str, *accounts: str, parent: str = ROOT) -> str:
        """Add a unit with these accounts in it, and return its id."""
        if parent not in self.units:
            raise Unsupported(f"no unit {parent}")
        unit_id = f"ou-root-{len(self.units):08d}"
        self.units[unit_id] = Unit(unit_id, name, parent)
        for each in accounts:
            self.unit_of[each] = unit_id
        return unit_id

    def state(self, account: str) -> str:
        """Return an account's State."""
        return self.closed.get(account, "SUSPENDED" if account in self.suspended else "ACTIVE")

    def accounts_under(self, unit: str) -> set[str]:
        """Return the accounts in a unit and in those below it."""
        below = {unit}
        for each in self.units.values():  # parents come before their children
            if each.parent in below:
                below.add(each.id)
        return {account for account, own in self.unit_of.items() if own in below}
