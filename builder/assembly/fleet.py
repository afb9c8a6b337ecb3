"""The system's assembly to its fleet's: the same templates as StackSets of one stack, and the roles for them."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from builder.assembly.manifest import SUFFIX, VERSION, ByEnvironment, Manifest, StackEntry
from builder.assembly.store import EXECUTION_ROLE, FLEET_FOLDER, Assembly, check_body, check_fleet, fleet_project
from builder.components.fleet import administration_role, execution_role
from builder.components.fleet import template as stack_sets
from builder.components.fleet.options import FleetConfig
from builder.config import Config
from builder.errors import BadInput
from builder.policy import PolicyScope, bind_templates, execution_role_rights, make_document
from builder.policy.document import ROLE_INLINE_CHARACTERS, characters
from builder.template import read_template, write_template
from builder.terms import StackId
from builder.topology import names

FLEET, ADMINISTRATION = "fleet", "administration"
_FILES = {FLEET: "fleet.yaml", ADMINISTRATION: "administration-role.yaml"}


def make_fleet(config: Config, fleet: FleetConfig, assembly: Assembly) -> Assembly:
    """Return the fleet's assembly for the system's.

    Raises BadInput for what AWS would not take: a template, the StackSets' template or a policy that is too large.
    """
    _check_policies(assembly)
    if not fleet.is_self_managed:
        _check_transforms(assembly)
    templates = {_FILES[FLEET]: write_template(stack_sets.make_template(config, fleet, _bodies(assembly)).to_dict())}
    check_fleet(_FILES[FLEET], templates[_FILES[FLEET]])
    beside = {}
    if fleet.is_self_managed:
        templates[_FILES[ADMINISTRATION]] = write_template(administration_role.make_template(config, fleet).to_dict())
        beside[EXECUTION_ROLE] = _execution_role(config, fleet, assembly)
    values = stack_sets.environment_values(assembly.manifest.stacks)
    entries = tuple(_entries(config, templates, values))
    manifest = Manifest(version=VERSION, project=fleet_project(config.project), stacks=entries)
    return Assembly(manifest=manifest, templates=templates, beside=beside)


def _bodies(assembly: Assembly) -> Iterator[tuple[StackEntry, str]]:
    for entry in assembly.manifest.stacks:
        body = assembly.templates[entry.template]
        check_body(entry.template, body)
        yield entry, body.decode()


def _check_policies(assembly: Assembly) -> None:
    """Raise BadInput for a stack policy, which StackSets have none of: it is of a stack in one account."""
    for entry in assembly.manifest.stacks:
        if entry.stack_policy is not None:
            raise BadInput(
                where=f"stacks.{entry.id.partition('/')[2]}.stack_policy",
                what="StackSets set no stack policies, so no stack of a fleet can have one",
                next_step="leave it out, or leave out `fleet:`",
            )


def _check_transforms(assembly: Assembly) -> None:
    """Raise BadInput for a template with a transform, which no StackSet with service-managed permissions takes.

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


def _execution_role(config: Config, fleet: FleetConfig, assembly: Assembly) -> bytes:
    prefix = f"{config.project}-{names.SUFFIX}-"
    bounds = bind_templates(assembly)
    # IAM counts what CloudFormation makes of it: at most this, aws-us-gov being the longest of the partitions.
    longest = PolicyScope("aws-us-gov", "0" * 12, max((config.environment, *config.environments), key=len))
    taken = characters(make_document(execution_role_rights(bounds, longest, prefix)))
    if taken > ROLE_INLINE_CHARACTERS:
        raise BadInput(
            where=f"{FLEET_FOLDER}/{EXECUTION_ROLE}",
            what=f"its policy would have {taken:,} characters, and IAM takes {ROLE_INLINE_CHARACTERS:,} in a role",
            next_step="fewer secondaries in dr.yaml, or permission_model: service-managed",
        )
    policy = make_document(execution_role_rights(bounds, PolicyScope(), prefix))
    return write_template(execution_role.make_template(config, fleet, policy).to_dict())


def _entries(
    config: Config, templates: Mapping[str, bytes], values: Mapping[str, ByEnvironment]
) -> Iterator[StackEntry]:
    has_role = _FILES[ADMINISTRATION] in templates
    if has_role:
        yield _entry(config, ADMINISTRATION, templates, capabilities=("CAPABILITY_NAMED_IAM",))
    role = StackId(f"{config.admin_region}/{ADMINISTRATION}")
    fleet = _entry(config, FLEET, templates, needs=(role,) if has_role else ())
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
        termination_protection=config.termination_protection,
    )
