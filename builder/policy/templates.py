"""An assembly's templates, read and bound to their stacks, as policies are computed from them."""

from cfnlint.decode import decode_str

from builder.assembly.bound import Bound
from builder.assembly.store import Assembly


def bind_templates(assembly: Assembly) -> tuple[Bound, ...]:
    """Return every stack with its template; one that is no template has no resources."""
    return tuple(
        Bound(entry, entry.template, decode_str(assembly.templates[entry.template].decode())[0] or {})
        for entry in assembly.manifest.stacks
    )
