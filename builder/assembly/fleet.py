"""The system's assembly as its fleet's: the same templates as StackSets of one stack, and the roles for them."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from builder.assembly.assets import BUCKET_PARAMETER, REGION, Asset
from builder.assembly.bound import Bound
from builder.assembly.manifest import SUFFIX, VERSION, ByEnvironment, Manifest, StackEntry
from builder.assembly.store import (
    EXECUTION_ROLE,
    FLEET_FOLDER,
    REQUEST_BYTES,
    Assembly,
    check_body,
    check_fleet,
    fleet_project,
)
from builder.components.artifacts.stacks import NAME as ARTIFACTS
from builder.components.fleet import administration_role, artifacts, execution_role
from builder.components.fleet import template as stack_sets
from builder.components.fleet.options import FleetConfig
from builder.components.protection import termination_protection
from builder.config import Config
from builder.errors import BadInput
from builder.policy import PolicyContext, bind_nested, bind_templates, execution_role_rights, make_document
from builder.policy.document import ROLE_INLINE_CHARACTERS, characters
from builder.resource_types import NESTED_STACK
from builder.template import in_account, read_template, write_template
from builder.terms import Region, StackId
from builder.topology import names

FLEET, ADMINISTRATION = "fleet", "administration"
_FILES = {FLEET: "fleet.yaml", ADMINISTRATION: "administration-role.yaml", ARTIFACTS: "artifacts.yaml"}
_ADMINISTRATOR = "${AdministratorAccountId}"
"""The account with the buckets, in the words of the execution role's template."""

ReadAsset = Callable[[Asset], str]
"""Returns the text of an asset that is a template, as it is uploaded."""


def make_fleet(config: Config, fleet: FleetConfig, assembly: Assembly, read: ReadAsset | None = None) -> Assembly:
    """Return the fleet's assembly for the system's; `read` is for nested templates among its assets.

    Raises BadInput for what AWS would refuse: a template, the StackSets' template or a policy that is too large.
    """
    system, assembly = assembly, _without_buckets(config, assembly)
    _check_policies(assembly)
    if not fleet.is_self_managed:
        _check_transforms(assembly)
        _check_nested(assembly)
    templates = {_FILES[FLEET]: write_template(stack_sets.make_template(config, fleet, _bodies(assembly)).to_dict())}
    check_fleet(_FILES[FLEET], templates[_FILES[FLEET]])
    beside = {}
    if fleet.is_self_managed:
        templates[_FILES[ADMINISTRATION]] = write_template(administration_role.make_template(config, fleet).to_dict())
        beside[EXECUTION_ROLE] = _execution_role(config, fleet, _Instances(assembly, read))
    buckets: Collection[Region] = ()
    if system.assets and config.artifacts_bucket is None:
        large = {config.admin_region} if len(templates[_FILES[FLEET]]) > REQUEST_BYTES else set()
        buckets = sorted({region for asset in system.assets for region in asset.regions} | large)
        bucket = artifacts.make_template(fleet_project(config.project), fleet)
        templates[_FILES[ARTIFACTS]] = write_template(bucket.to_dict())
    values = stack_sets.environment_values(assembly.manifest.stacks)
    entries = tuple(_entries(config, templates, values, buckets))
    manifest = Manifest(
        version=VERSION,
        project=fleet_project(config.project),
        stacks=entries,
        artifacts_bucket=_bucket_name(config) if system.assets else None,
    )
    assets = tuple(replace(asset, in_sets=True) for asset in system.assets)
    return Assembly(manifest=manifest, templates=templates, beside=beside, assets=assets)


def _bucket_name(config: Config) -> str:
    """Return the name of each region's bucket in the administering account, which may also have the system's."""
    return config.artifacts_bucket or names.artifacts_bucket_name(fleet_project(config.project), REGION)


def _without_buckets(config: Config, assembly: Assembly) -> Assembly:
    """Return the system for the accounts: without buckets of its own, its stacks with the fleet's as parameters.

    Raises BadInput for a stack with another bucket as parameter.
    """
    if not assembly.assets:
        return assembly
    made = config.artifacts_bucket is None
    gone = {entry.id for entry in assembly.manifest.stacks if made and entry.id == f"{entry.region}/{ARTIFACTS}"}
    bucket_name = assembly.manifest.artifacts_bucket or ""

    def given(entry: StackEntry) -> StackEntry:
        needs = tuple(need for need in entry.needs if need not in gone)
        if not any(asset.key.encode() in assembly.templates[entry.template] for asset in assembly.assets):
            return replace(entry, needs=needs)
        if entry.parameters.get(BUCKET_PARAMETER) != bucket_name.replace(REGION, entry.region):
            raise BadInput(
                where=f"{entry.id}: parameter {BUCKET_PARAMETER}",
                what="is given another bucket, and the stacks of a fleet take code from one bucket in each region",
                next_step="artifacts_bucket: NAME-{region}    in dr.yaml names it for all of them",
            )
        bucket = _bucket_name(config).replace(REGION, entry.region)
        return replace(entry, needs=needs, parameters={**entry.parameters, BUCKET_PARAMETER: bucket})

    stacks = tuple(given(entry) for entry in assembly.manifest.stacks if entry.id not in gone)
    return replace(assembly, manifest=replace(assembly.manifest, stacks=stacks))


def _check_nested(assembly: Assembly) -> None:
    """Raise BadInput for a nested stack, which the role of service-managed StackSets may not create.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-custom-execution-role.html
    """
    for entry in assembly.manifest.stacks:
        template = read_template(assembly.templates[entry.template], entry.template)
        for name in template.resources(NESTED_STACK):
            raise BadInput(
                where=entry.template,
                what=f"{name} is a nested stack: AWS creates none in StackSets with service-managed permissions",
                next_step="permission_model: self-managed, or a stack of its own for it",
            )


@dataclass(frozen=True, slots=True)
class _Instances:
    """The system as the accounts get it."""

    assembly: Assembly
    read: ReadAsset | None

    def bounds(self, account: str) -> tuple[Bound, ...]:
        """Return every stack with its template, nested ones too, with the buckets of this account."""
        manifest = self.assembly.manifest

        def in_account_of(entry: StackEntry) -> StackEntry:
            bucket = entry.parameters.get(BUCKET_PARAMETER)
            if not isinstance(bucket, str):
                return entry
            return replace(entry, parameters={**entry.parameters, BUCKET_PARAMETER: in_account(bucket, account)})

        stacks = tuple(in_account_of(entry) for entry in manifest.stacks)
        bounds = bind_templates(replace(self.assembly, manifest=replace(manifest, stacks=stacks)))
        return bind_nested(bounds, PolicyContext(), self._nested)[0]

    def _nested(self, _region: Region, url: str) -> str | None:
        key = url.rpartition("/")[2]
        asset = next((asset for asset in self.assembly.assets if asset.key == key), None)
        return self.read(asset) if asset and self.read else None


def _bodies(assembly: Assembly) -> Iterator[tuple[StackEntry, str]]:
    for entry in assembly.manifest.stacks:
        body = assembly.templates[entry.template]
        check_body(entry.template, body)
        yield entry, body.decode()


def _check_policies(assembly: Assembly) -> None:
    """Raise BadInput for a stack policy: it is of a stack in one account, and StackSets have none."""
    for entry in assembly.manifest.stacks:
        if isinstance(entry.stack_policy, str):
            raise BadInput(
                where=f"stacks.{entry.id.partition('/')[2]}.stack_policy",
                what="StackSets set no stack policies, so no stack of a fleet can have one",
                next_step="leave it out, or leave out `fleet:`",
            )


def _check_transforms(assembly: Assembly) -> None:
    """Raise BadInput for a template with a transform, which StackSets with service-managed permissions refuse.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackSet.html, Capabilities
    """
    for entry in assembly.manifest.stacks:
        called = read_template(assembly.templates[entry.template], entry.template).called_transforms
        if called:
            named = ", ".join(sorted(name or "one that is not named" for name in called))
            raise BadInput(
                where=entry.template,
                what=f"has a transform ({named}): AWS takes none in StackSets with service-managed permissions",
                next_step="permission_model: self-managed, or the template as its transform leaves it",
            )


def _execution_role(config: Config, fleet: FleetConfig, instances: _Instances) -> bytes:
    prefix = f"{config.project}-{names.SUFFIX}-"
    # IAM counts characters after CloudFormation's substitutions: at most these; aws-us-gov is the longest partition.
    longest = PolicyContext("aws-us-gov", "0" * 12, max((config.environment, *config.environments), key=len))
    taken = characters(make_document(execution_role_rights(instances.bounds(longest.account), longest, prefix)))
    if taken > ROLE_INLINE_CHARACTERS:
        raise BadInput(
            where=f"{FLEET_FOLDER}/{EXECUTION_ROLE}",
            what=f"its policy would have {taken:,} characters, and IAM takes {ROLE_INLINE_CHARACTERS:,} in a role",
            next_step="fewer secondaries in dr.yaml, or permission_model: service-managed",
        )
    policy = make_document(execution_role_rights(instances.bounds(_ADMINISTRATOR), PolicyContext(), prefix))
    return write_template(execution_role.make_template(config, fleet, policy).to_dict())


def _entries(
    config: Config, templates: Mapping[str, bytes], values: Mapping[str, ByEnvironment], buckets: Collection[Region]
) -> Iterator[StackEntry]:
    for region in buckets:
        made = _entry(config, ARTIFACTS, templates)
        yield replace(made, id=StackId(f"{region}/{ARTIFACTS}"), region=region)
    has_role = _FILES[ADMINISTRATION] in templates
    if has_role:
        yield _entry(config, ADMINISTRATION, templates, capabilities=("CAPABILITY_NAMED_IAM",))
    role = StackId(f"{config.admin_region}/{ADMINISTRATION}")
    needs = ((role,) if has_role else (), (StackId(f"{region}/{ARTIFACTS}") for region in buckets))
    fleet = _entry(config, FLEET, templates, needs=tuple(chain(*needs)))
    yield replace(fleet, parameters={**fleet.parameters, **values})


def _entry(
    config: Config,
    kind: str,
    templates: Mapping[str, bytes],
    capabilities: tuple[str, ...] = (),
    needs: tuple[StackId, ...] = (),
) -> StackEntry:
    stack = FLEET if kind == FLEET else f"{FLEET}-{kind}"
    return StackEntry(
        id=StackId(f"{config.admin_region}/{kind}"),
        region=config.admin_region,
        name=names.stack_name(config.project, stack),
        template=_FILES[kind],
        sha256=hashlib.sha256(templates[_FILES[kind]]).hexdigest(),
        parameters={"EnvironmentSuffix": SUFFIX},
        capabilities=capabilities,
        needs=needs,
        tags=config.tags,
        termination_protection=termination_protection(config),
    )
