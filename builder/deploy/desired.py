"""An assembly bound to one environment: the stacks that CloudFormation should have once everything is done."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from pydantic import ConfigDict

from builder.assembly.assets import ACCOUNT, REGION, taken_by
from builder.assembly.bound import Bound, bind_entries, faults_of_existing
from builder.assembly.build import Built, NotBuilt
from builder.assembly.components import Components, OutputOf, Roles, bind_components, narrow_components
from builder.assembly.manifest import (
    NAME_CHARACTERS,
    Interim,
    Manifest,
    ParameterValue,
    StackEntry,
    UsePreviousValue,
    bind,
    bind_protection,
    bind_value,
    change_set_room,
)
from builder.assembly.store import REQUEST_BYTES, Bootstrap
from builder.assembly.uses import CreatedResource, Maker, Use, Way, check_order, created, find_needs, find_uses
from builder.errors import BadInput
from builder.resource_types import BUCKET
from builder.template import text_of
from builder.terms import AccountId, LogicalId, Region, Site, StackId, StackName, StackPlace

TAG_DEPLOYMENT = "builder:deployment"
TAG_STACK = "builder:stack"
MASK = "****"
"""What AWS shows instead of the value of a NoEcho parameter, and what we write."""
TAG_FLEET = "builder:fleet"
"""A tag that only a StackSet gives to the stacks of its instances."""
_SHOWN_WHERE = "python -m builder lint    shows where"


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredStack:
    """One stack as it should be, with every name bound; a parameter may wait for another stack's output."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    id: StackId
    region: Region
    name: StackName
    template: str
    sha256: str
    parameters: Mapping[str, ParameterValue]
    capabilities: tuple[str, ...]
    needs: tuple[StackId, ...]
    tags: Mapping[str, str]
    termination_protection: bool | None = None
    """Whether it is to have termination protection; None leaves that unchanged."""
    stack_policy: str | None = None
    """The policy that it is to have, as JSON; None leaves that unchanged."""
    account: AccountId | None = None
    """The account it is deployed in, if not that of the credentials."""
    interim: Interim | None = None
    """What it is deployed as until other stacks exist that are created after it."""
    nested: Mapping[str, str] = field(default_factory=dict)
    """The known templates of its nested stacks, by their keys in its bucket: a deferred change set may show their
    resources."""
    existing: tuple[LogicalId, ...] = ()
    """Its tables and buckets that exist already: they are imported, not created."""

    @property
    def site(self) -> Site:
        """Where it is or will be."""
        return Site(self.account, self.region)

    @property
    def values(self) -> dict[str, str | None]:
        """The value of each parameter; None for one that waits for another stack's output or keeps its value."""
        return {name: value if isinstance(value, str) else None for name, value in self.parameters.items()}

    @property
    def previous(self) -> frozenset[str]:
        """The parameters that keep the deployed stack's value."""
        return frozenset(name for name, value in self.parameters.items() if isinstance(value, UsePreviousValue))

    def parameters_over(self, deployed: Mapping[str, str]) -> dict[str, str | OutputOf]:
        """Return the parameters, each that keeps its value with the deployed one, or left out where there is none."""
        return {
            name: deployed[name] if isinstance(value, UsePreviousValue) else value
            for name, value in self.parameters.items()
            if not isinstance(value, UsePreviousValue) or name in deployed
        }

    @property
    def sources(self) -> tuple[StackId, ...]:
        """The stacks from whose outputs its parameters take values."""
        return tuple(
            dict.fromkeys(value.output[0] for value in self.parameters.values() if isinstance(value, OutputOf))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A whole deployment as it should be: one project in one environment."""

    name: str
    digest: str
    """The assembly's digest; it is the same in every environment."""
    stacks: tuple[DesiredStack, ...]
    outputs: Mapping[str, tuple[StackId, str]] = field(default_factory=dict)
    account: AccountId | None = None
    """The only account that may be deployed to, where dr.yaml pins one."""
    skipped: tuple[Region, ...] = ()
    """Regions to which no call is made."""
    left_out: tuple[DesiredStack, ...] = ()
    """The stacks that stay as they are: those in skipped regions, and those that `leave_out` removes."""
    uses: tuple[Use, ...] = ()
    """What its stacks use of each other and the manifest does not state."""
    roles: Roles | None = None
    """The primary and the secondaries, including skipped regions; None where the manifest has no roles."""
    components: Components = field(default_factory=dict)
    """The components to observe, call and drill, by name: with bound texts, without skipped regions."""
    empty_regions: tuple[Region, ...] = ()
    """The system's regions in which it has no stack."""
    assets: tuple[Built | NotBuilt, ...] = ()
    """The files that its stacks take from buckets, with the bytes where they could be made."""
    artifacts_bucket: str | None = None
    """The bucket of large templates, unless a plan's options name another; `{region}` stands for the region."""
    bucket_makers: Mapping[tuple[Site, str], StackId] = field(default_factory=dict)
    """The stack that creates a bucket, by the bucket's site and name."""
    leaving: tuple[StackId, ...] = ()
    """Its stacks that the assembly no longer has: they are part of it until they release data that others import."""
    bootstraps: tuple[Bootstrap, ...] = ()
    """What has to exist before any of its stacks is planned."""

    @property
    def regions(self) -> tuple[Region, ...]:
        """Every region of the deployment."""
        return tuple(dict.fromkeys(stack.region for stack in self.stacks))

    @property
    def sites(self) -> tuple[Site, ...]:
        """Every region of every account of the deployment."""
        return tuple(dict.fromkeys(stack.site for stack in self.stacks))

    @property
    def places(self) -> Mapping[StackId, StackPlace]:
        """Where each stack is or will be."""
        return {stack.id: StackPlace(stack.site, stack.name) for stack in self.stacks}

    @property
    def asset_buckets(self) -> tuple[str, ...]:
        """The buckets from which stacks take files and which no parameter names."""
        shared = self.artifacts_bucket or ""
        of_sets = (
            shared.replace(REGION, region)
            for item in self.assets
            if item.asset.in_sets
            for region in item.asset.regions
        )
        return tuple(dict.fromkeys((*(item.asset.bucket for item in self.assets if item.asset.bucket), *of_sets)))

    def stack(self, stack_id: StackId) -> DesiredStack:
        """Return the stack with this id; StopIteration if there is none."""
        return next(stack for stack in self.stacks if stack.id == stack_id)


def bind_account(deployment: Deployment, account: AccountId) -> Deployment:
    """Return the deployment with the account in every parameter and name that has a placeholder for it.

    A stack of another account gets its own account.
    """

    def bound(stack: DesiredStack) -> DesiredStack:
        own = stack.account or account
        values = {
            name: value.replace(ACCOUNT, own) if isinstance(value, str) else value
            for name, value in stack.parameters.items()
        }
        return replace(stack, parameters=values)

    accounts = {stack.id: stack.account for stack in (*deployment.stacks, *deployment.left_out)}
    return replace(
        deployment,
        stacks=tuple(bound(stack) for stack in deployment.stacks),
        left_out=tuple(bound(stack) for stack in deployment.left_out),
        uses=tuple(
            replace(use, name=use.name.replace(ACCOUNT, accounts.get(use.stack) or account)) for use in deployment.uses
        ),
        bucket_makers={
            (site, name.replace(ACCOUNT, site.account or account)): stack
            for (site, name), stack in deployment.bucket_makers.items()
        },
    )


def narrow(deployment: Deployment, skipped: Collection[Region]) -> Deployment:
    """Return the deployment without these regions. Raises BadInput for a region in which it has nothing."""
    for region in skipped:
        if region not in {*deployment.regions, *deployment.empty_regions}:
            raise BadInput(
                where=f"--skip-region {region}",
                what=f"{deployment.name} has nothing there; its regions are {', '.join(deployment.regions)}",
            )
    gone = {stack.id for stack in deployment.stacks if stack.region in skipped}
    stays = tuple(_without(stack, gone) for stack in deployment.stacks if stack.id not in gone)
    if not stays:
        raise BadInput(where="--skip-region", what=f"leaves no region of {deployment.name}")
    ids = {stack.id for stack in stays}
    return replace(
        deployment,
        stacks=stays,
        outputs={name: source for name, source in deployment.outputs.items() if source[0] in ids},
        components=narrow_components(deployment.components, ids, skipped),
        skipped=tuple(region for region in (*deployment.regions, *deployment.empty_regions) if region in skipped),
        left_out=tuple(stack for stack in deployment.stacks if stack.region in skipped),
    )


def leave_out(deployment: Deployment, stacks: Collection[StackId]) -> Deployment:
    """Return the deployment without these stacks, which stay as they are; other stacks read their outputs from AWS.

    Raises BadInput where no stack remains.
    """
    gone = {stack.id for stack in deployment.stacks if stack.id in stacks}
    stays = tuple(_without(stack, gone) for stack in deployment.stacks if stack.id not in gone)
    if not stays:
        raise BadInput(where=deployment.name, what="nothing of it can be done without what is left out")
    out = tuple(stack for stack in deployment.stacks if stack.id in gone)
    return replace(deployment, stacks=stays, left_out=(*deployment.left_out, *out)) if gone else deployment


def _without(stack: DesiredStack, gone: Collection[StackId]) -> DesiredStack:
    """Return the stack; parameters that take outputs of these stacks, now unreadable, keep their values."""
    kept: dict[str, ParameterValue] = {
        name: UsePreviousValue()
        for name, value in stack.parameters.items()
        if isinstance(value, OutputOf) and value.output[0] in gone
    }
    return replace(stack, parameters={**stack.parameters, **kept}) if kept else stack


def deployment_name(project: str, suffix: str) -> str:
    """Return the value of the deployment tag, `tap-dev`."""
    return f"{project}-{suffix}"


def make_deployment(
    manifest: Manifest,
    templates: Mapping[str, bytes],
    suffix: str,
    *,
    account: AccountId | None = None,
    assets: tuple[Built | NotBuilt, ...] = (),
) -> Deployment:
    """Return the assembly bound to an environment; its stacks need what the manifest and the templates state.

    Raises BadInput for a name that becomes longer than CloudFormation takes, for an invalid template, for stacks that
    take values of each other in a circle, and for existing data that cannot be imported.
    """
    name = deployment_name(manifest.project, suffix)
    longest = max((bind(entry.name, suffix) for entry in manifest.stacks), key=len, default="")
    if len(longest) > NAME_CHARACTERS or change_set_room(name):
        raise BadInput(
            where=f"environment '{suffix}'",
            what=f"is too long for the names of {manifest.project}: CloudFormation takes {NAME_CHARACTERS} characters",
        )
    bounds = bind_entries(manifest, templates)
    if faults := [fault for bound in bounds for fault in faults_of_existing(bound)]:
        raise BadInput(where=manifest.project, what="\n  ".join(faults), next_step=_SHOWN_WHERE)
    uses = (*find_uses(bounds), *_large_templates(manifest, bounds, templates))
    needs = find_needs(manifest, uses)
    check_order(needs, manifest.project, _SHOWN_WHERE)
    return Deployment(
        name=name,
        digest=manifest.digest(),
        stacks=tuple(
            replace(
                _bind_entry(entry, templates[entry.template], suffix, name),
                needs=needs.of[entry.id],
                nested=_nested(templates[entry.template], assets),
            )
            for entry in manifest.stacks
        ),
        outputs=manifest.outputs,
        roles=manifest.roles,
        empty_regions=manifest.empty_regions,
        components=bind_components(manifest.components, partial(bind, suffix=suffix)),
        account=account,
        uses=tuple(replace(use, name=bind(use.name, suffix)) for use in uses),
        assets=assets,
        artifacts_bucket=bind(manifest.artifacts_bucket, suffix) if manifest.artifacts_bucket else None,
        bucket_makers={
            (bound.site, bind(bucket.name, suffix)): bound.entry.id for bound in bounds for bucket in _buckets(bound)
        },
    )


def _nested(template: bytes, assets: Sequence[Built | NotBuilt]) -> dict[str, str]:
    taken = {asset.key for asset in taken_by(template, [item.asset for item in assets])}
    return {
        item.asset.key: item.text
        for item in assets
        if item.asset.key in taken and isinstance(item, Built) and item.text
    }


def _buckets(bound: Bound) -> Iterator[CreatedResource]:
    return (thing for thing in created(bound) if thing.body.get("Type") == BUCKET)


def _large_templates(manifest: Manifest, bounds: Sequence[Bound], templates: Mapping[str, bytes]) -> Iterator[Use]:
    """Yield each use, by a template too large for a request, of a bucket that a stack of the assembly creates."""
    if manifest.artifacts_bucket is None:
        return
    made = {(bound.site, thing.name): thing for bound in bounds for thing in _buckets(bound)}
    for bound in bounds:
        name = manifest.artifacts_bucket.replace(REGION, bound.entry.region)
        if len(templates[bound.entry.template]) > REQUEST_BYTES and (thing := made.get((bound.site, name))):
            makers = (Maker(thing.stack, thing.logical_id),)
            yield Use(stack=bound.entry.id, way=Way.TEMPLATE, name=name, makers=makers, path=())


def _bind_entry(entry: StackEntry, template: bytes, suffix: str, deployment: str) -> DesiredStack:
    protection, policy = bind_protection(entry, suffix)
    return DesiredStack(
        id=entry.id,
        region=entry.region,
        name=StackName(bind(entry.name, suffix)),
        template=text_of(template, entry.template),
        sha256=entry.sha256,
        parameters={
            name: bind_value(value, suffix, f"{entry.id}: parameter {name}") for name, value in entry.parameters.items()
        },
        capabilities=entry.capabilities,
        needs=entry.needs,
        # Constant for the life of the stack: CloudFormation puts stack tags on every resource, and a value
        # that changed with each build would show all of them as modified.
        tags={
            **{name: bind(value, suffix) for name, value in entry.tags.items()},
            TAG_DEPLOYMENT: deployment,
            TAG_STACK: entry.id,
        },
        termination_protection=protection,
        stack_policy=policy,
        account=entry.account,
        interim=entry.interim,
        existing=entry.existing,
    )
