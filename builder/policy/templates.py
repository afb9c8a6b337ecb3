"""An assembly's templates, read and bound to their stacks, as policies are computed from them; those of nested stacks
as well, as far as they can be read."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from builder.assembly.bound import Bound
from builder.assembly.components import OutputOf
from builder.assembly.store import Assembly
from builder.errors import BuilderError
from builder.policy.records import ANY, PolicyScope
from builder.resource_types import NESTED_STACK
from builder.template.text import read_template
from builder.terms import Region, StackId

ReadUrl = Callable[[Region, str], str | None]
"""Returns the template at a TemplateURL, which is looked for from a region; None where that is not in S3."""
_DEPTH = 8


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


def bind_nested(
    bounds: tuple[Bound, ...], setting: PolicyScope, read: ReadUrl
) -> tuple[tuple[Bound, ...], tuple[str, ...]]:
    """Return the stacks with those that are nested in them, to any depth, and a warning for each that was not read.

    What a nested stack is called is known but for its end. One that was not read is there without its resources.
    """
    found: list[Bound] = []
    warnings: list[str] = []
    level = bounds
    for _ in range(_DEPTH):
        found += level
        below = [
            _nested(bound, name, body, setting, read) for bound in level for name, body in bound.resources(NESTED_STACK)
        ]
        warnings += [warning for _, warning in below if warning]
        level = tuple(bound for bound, _ in below)
        if not level:
            break
    return tuple(found), tuple(warnings)


def _nested(
    parent: Bound, name: str, body: Mapping[str, object], setting: PolicyScope, read: ReadUrl
) -> tuple[Bound, str]:
    said = body.get("Properties")
    properties = said if isinstance(said, dict) else {}
    given = properties.get("Parameters")
    entry = replace(
        parent.entry,
        id=StackId(f"{parent.entry.id}/{name}"),
        name=f"{parent.entry.name}-{name}-{ANY}",
        parameters={
            str(key): text if (text := parent.text(value)) is not None else OutputOf((parent.entry.id, str(key)))
            for key, value in (given.items() if isinstance(given, dict) else ())
        },
    )
    url = parent.text(properties.get("TemplateURL"))
    template, why = _read(parent, url and setting.fill(url), read)
    warning = f"{entry.id}: its template {why}: add by hand what its resources need" if why else ""
    return Bound(entry, url or "", template), warning


def _read(parent: Bound, url: str | None, read: ReadUrl) -> tuple[dict[str, object], str]:
    """Return the template at a nested stack's URL, or why it is not known."""
    if url is None:
        return {}, "lies nobody can tell where before the deployment"
    try:
        text = read(parent.entry.region, url)
        return (read_template(text, url), "") if text is not None else ({}, f"does not lie in S3 ({url})")
    except BuilderError as error:
        return {}, f"could not be read from {url} ({error.what})"
