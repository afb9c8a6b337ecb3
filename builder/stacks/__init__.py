"""The template of each kind of stack: one module a kind, each with one function `make_template`."""

from collections.abc import Callable

from troposphere import Template

from builder.config import Wanted
from builder.stacks import drill, service, storage, table
from builder.topology import Stack, StackKind

TEMPLATES: dict[StackKind, Callable[[Wanted, Stack], Template]] = {
    StackKind.STORAGE: storage.make_template,
    StackKind.TABLE: table.make_template,
    StackKind.SERVICE: service.make_template,
    StackKind.DRILL: drill.make_template,
}

__all__ = ["TEMPLATES"]
