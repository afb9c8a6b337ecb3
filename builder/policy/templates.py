"""An assembly's templates, read and bound to their stacks, as policies are computed from them."""

from builder.assembly.bound import Bound
from builder.assembly.store import Assembly
from builder.assembly.template_text import read_template


def bind_templates(assembly: Assembly) -> tuple[Bound, ...]:
    """Return every stack with its template. Raises BadInput for a file that is none."""
    return tuple(
        Bound(entry, entry.template, read_template(assembly.templates[entry.template], entry.template))
        for entry in assembly.manifest.stacks
    )


def of_account(bounds: tuple[Bound, ...], account: str, home: str | None) -> tuple[Bound, ...]:
    """Return the stacks that belong in an account: those that name it, and in the home account those that name none.

    Where nobody says which account is `home`, one that no stack names is.
    """
    named = {bound.entry.account for bound in bounds}
    is_home = account == home if home else account not in named
    return tuple(
        bound for bound in bounds if bound.entry.account == account or (is_home and bound.entry.account is None)
    )
