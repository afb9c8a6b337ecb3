"""A stack as a component wants it: where it stands, by which name, given what, needing what."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from builder.assembly.components import Components
from builder.assembly.manifest import Interim, NeutralValue
from builder.terms import LogicalId, Region, StackId


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One stack in one region."""

    component: str
    """The folder of `builder.components` that has its template."""
    name: str
    """The last part of its id, `table`."""
    of: str = ""
    """The component's own name in dr.yaml; empty where there is only one of its kind."""
    region: Region
    stack_name: str
    """What CloudFormation calls it; may hold `${EnvironmentSuffix}`."""
    needs: tuple[StackId, ...] = ()
    parameters: Mapping[str, NeutralValue] = field(default_factory=dict)
    """Beyond EnvironmentSuffix, which every template is given that declares it."""
    outputs: tuple[tuple[str, str], ...] = ()
    """The deployment's public output names, each with the stack's own output that holds it."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Beyond those of every stack."""
    termination_protection: bool | None = None
    """None: as dr.yaml says for every stack."""
    interim: Interim | None = None
    """What it is created with where it refers to stacks that are made after it."""
    existing: tuple[LogicalId, ...] = ()
    """What in it was there before the system, and stays whatever becomes of the stack."""

    @property
    def id(self) -> StackId:
        """The id within the assembly, `us-east-1/table`."""
        return stack_id(self.region, self.name)


@dataclass(frozen=True, slots=True)
class Topology:
    """Every stack of the system, what of them is looked at and drilled, and what they put out."""

    stacks: tuple[Stack, ...]
    components: Components
    outputs: Mapping[str, tuple[StackId, str]]


def stack_id(region: Region, name: str) -> StackId:
    """Return the assembly's id for a region's stack of a name."""
    return StackId(f"{region}/{name}")
