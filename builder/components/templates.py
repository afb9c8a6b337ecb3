"""Who writes the template of a built-in stack: the `template` of its component's folder."""

from importlib import import_module

from troposphere import Template

from builder.config import LoadedConfig
from builder.topology import Stack


def make_template(loaded: LoadedConfig, stack: Stack) -> Template:
    """Return a built-in stack's template; what no stack is made of is not imported."""
    made: Template = import_module(f"builder.components.{stack.component}.template").make_template(loaded, stack)
    return made
