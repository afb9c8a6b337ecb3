"""Resources that stand without a stack, and how one takes them over.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html
"""

from typing import TYPE_CHECKING, Any

from fake_aws.cloudformation.compare import changed_properties
from fake_aws.cloudformation.deployments import Deployment
from fake_aws.cloudformation.effects import EFFECTS, NO_EFFECTS, effects_of, live_properties, name_key
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.records import ChangeSet, Resource, Stack
from fake_aws.cloudformation.template import Template, read
from fake_aws.cloudformation.types import known, physical_id, schema
from fake_aws.refusals import AwsRefusal, Unsupported, validation_error

if TYPE_CHECKING:
    from fake_aws.world import World

Change = dict[str, Any]


def mark_imports(journal: Journal, change_set: ChangeSet, template: Template) -> None:
    """Turn each addition of the change set that is an import into one, and note what its execution takes over."""
    imports = change_set.desired.imports
    if change_set.options.get("ImportExistingResources"):
        for logical_id in (each["LogicalResourceId"] for each in change_set.changes if _is_addition(each)):
            if (name := _importable(journal, template.resources[logical_id])) is not None:
                imports[logical_id] = name
    change_set.changes = [_as_import(each, imports) for each in change_set.changes]


def _is_addition(change: Change) -> bool:
    return change["Action"] == "Add" and "ResourceDriftStatus" not in change


def _as_import(change: Change, imports: dict[str, str]) -> Change:
    name = imports.get(change["LogicalResourceId"])
    if name is None or not _is_addition(change):
        return change
    return {**change, "Action": "Import", "PhysicalResourceId": name}


def _importable(journal: Journal, declared: dict[str, Any]) -> str | None:
    """Return the id of what stands without a stack and is imported of itself; named by plain text, to be retained."""
    type_name, properties = declared["Type"], declared.get("Properties", {})
    about, name_property = schema(type_name), known(type_name).name_property or ""
    name = properties.get(name_property)
    retained = declared.get("DeletionPolicy") in {"Retain", "RetainExceptOnCreate"}
    if not isinstance(name, str) or not retained or about.identifier & about.read_only:
        return None
    resource_id = physical_id(type_name, journal.place, "", {name_property: name}, "")
    return (
        None if _owner(journal, type_name, resource_id) or not _exists(journal, type_name, resource_id) else resource_id
    )


def named_imports(entries: list[dict[str, Any]]) -> dict[str, str]:
    """Return the physical id of each resource that a request names for import, by logical id."""
    ids = {}
    refused = sorted({each["ResourceType"] for each in entries if not schema(each["ResourceType"]).importable})
    if refused:
        raise validation_error(f"ResourceTypes [{', '.join(refused)}] are not supported for Import")
    for each in entries:
        type_name, identifier = each["ResourceType"], each["ResourceIdentifier"]
        named = known(type_name).unique_in is not None or EFFECTS.get(type_name, NO_EFFECTS).live is not None
        if not named or len(identifier) != 1 or identifier.keys() != schema(type_name).identifier:
            raise Unsupported(f"the import of a {type_name} by {sorted(identifier)}")
        (ids[each["LogicalResourceId"]],) = identifier.values()
    return ids


def check_frozen(desired: Deployment, present: Stack | None) -> None:
    """Refuse other tags and another role beside an import; of a new stack, any."""
    changed = {
        "RoleArn": desired.role_arn != (present.deployed.role_arn if present else None),
        "Tags": desired.tags != (present.deployed.tags if present else {}),
    }
    if any(changed.values()):
        listed = ", ".join(name for name, is_changed in changed.items() if is_changed)
        raise validation_error(f"As part of the import operation, you cannot modify or add [{listed}]")


def import_fault(journal: Journal, change_set: ChangeSet, template: Template) -> str | None:
    """Return why an IMPORT change set cannot be made, or None."""
    imports, stack = change_set.desired.imports, journal.stack
    deployed = read(stack.deployed.body) if stack.deployed.body else None
    others = {each["LogicalResourceId"] for each in change_set.changes if each["Action"] != "Import"}
    # Another DependsOn shows in no row, and is refused too.
    others |= {
        lid for lid, each in (deployed.resources if deployed else {}).items() if template.resources.get(lid) != each
    }
    if others:
        return (
            f"You have modified resources [{', '.join(sorted(others))}] in your template that are not being imported."
            " Update, create or delete operations cannot be executed during import operations."
        )
    if deployed and deployed.outputs != template.outputs:
        return "As part of the import operation, you cannot modify or add [Outputs]"
    unprotected = sorted(lid for lid in imports if "DeletionPolicy" not in template.resources[lid])
    if unprotected:
        return (
            f"The following resources to import [{', '.join(unprotected)}] must have DeletionPolicy attribute specified"
            " in the template."
        )
    for logical_id, name in imports.items():
        declared = template.resources[logical_id]
        written = declared.get("Properties", {}).get(known(declared["Type"]).name_property or "")
        if isinstance(written, str) and written != name:
            return f"The identifier {name} of {logical_id} is not the one in the template, {written}"
        try:
            _check_free(journal, declared["Type"], name)
        except AwsRefusal as refused:
            return refused.message
    return None


def take_over(journal: Journal, resource: Resource) -> None:
    """Make an existing resource the stack's own, as it is; what it was is kept for the way back."""
    world, place, name = journal.world, journal.place, resource.physical_id or ""
    _check_free(journal, resource.type, name, but=resource)
    effects = effects_of(world, resource.type)
    effects.check_import(world, place, resource)
    before = live_properties(world, place, resource.type, name) or resource.properties
    resource.imported = before
    live = effects.aligned(place, resource.properties, as_taken_over(resource))
    resource.actual = live if changed_properties(resource.properties, live) else None
    key = name_key(place, resource.type, name)
    world.unmanaged.pop(key or (), None)


def as_taken_over(resource: Resource) -> dict[str, Any]:
    """Return the properties of what is being imported as they are, but for tags that its stack gives it anew."""
    properties = resource.imported or {}
    if not isinstance(properties.get("Tags"), list):
        return properties
    own = [each for each in properties["Tags"] if each["Key"] not in resource.tags]
    return {name: value for name, value in properties.items() if name != "Tags"} | ({"Tags": own} if own else {})


def imports_touch(world: "World", type_name: str) -> bool:
    """Return whether an import changes anything of a resource of this type: only its tags, unless the world minds."""
    return world.quirks.imports_apply_the_template or schema(type_name).taggable


def _check_free(journal: Journal, type_name: str, name: str, *, but: Resource | None = None) -> None:
    """Refuse what is not there, and what a stack of the region has: those of other regions are not looked at."""
    owner = _owner(journal, type_name, name, but=but)
    if owner is not None:
        raise AwsRefusal("AlreadyOwned", f"{name} already exists in stack {owner.id}")
    if not _exists(journal, type_name, name):
        raise AwsRefusal("NotFound", f"Resource of type '{type_name}' with identifier '{name}' does not exist.")


def _exists(journal: Journal, type_name: str, name: str) -> bool:
    return live_properties(journal.world, journal.place, type_name, name) is not None


def _owner(journal: Journal, type_name: str, name: str, *, but: Resource | None = None) -> Stack | None:
    """Return the stack of the region that has a resource, but for the one that is being imported."""
    kind = known(type_name).named_like or type_name
    for stack in journal.world.region(journal.account, journal.region).cloudformation.stacks.values():
        for each in stack.resources.values():
            same = (known(each.type).named_like or each.type, each.physical_id) == (kind, name)
            if same and each.exists and each is not but:
                return stack
    return None
