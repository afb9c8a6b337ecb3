"""Resources that stand without a stack, and how one takes them over.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html
"""

from typing import Any

from fake_aws.cloudformation.effects import name_key
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.records import ChangeSet, Resource
from fake_aws.cloudformation.template import Template, read
from fake_aws.cloudformation.types import known, physical_id, schema
from fake_aws.refusals import AwsRefusal, Unsupported

Change = dict[str, Any]


def mark_imports(journal: Journal, change_set: ChangeSet, template: Template) -> None:
    """Turn each addition of the change set that is an import into one, and note what its execution takes over."""
    imports = change_set.wanted.imports
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
    found = physical_id(type_name, journal.place, "", {name_property: name}, "")
    return found if name_key(journal.place, type_name, found) in journal.world.unmanaged else None


def named_imports(asked: list[dict[str, Any]]) -> dict[str, str]:
    """Return the physical id of each resource that a request names for import, by logical id."""
    found = {}
    for each in asked:
        type_name, identifier = each["ResourceType"], each["ResourceIdentifier"]
        named = known(type_name).unique_in is not None
        if not named or len(identifier) != 1 or identifier.keys() != schema(type_name).identifier:
            raise Unsupported(f"the import of a {type_name} by {sorted(identifier)}")
        (found[each["LogicalResourceId"]],) = identifier.values()
    return found


def import_fault(journal: Journal, change_set: ChangeSet, template: Template) -> str | None:
    """Return why an IMPORT change set cannot be made, or None."""
    imports, stack = change_set.wanted.imports, journal.stack
    others = sorted(each["LogicalResourceId"] for each in change_set.changes if each["Action"] != "Import")
    if others:
        return (
            f"You have modified resources [{', '.join(others)}] in your template that are not being imported. Update,"
            " create or delete operations cannot be executed during import operations."
        )
    if stack.deployed.body and read(stack.deployed.body).outputs != template.outputs:
        return "As part of the import operation, you cannot modify or add [Outputs]"
    unprotected = sorted(lid for lid in imports if "DeletionPolicy" not in template.resources[lid])
    if unprotected:
        return (
            f"The following resources to import [{', '.join(unprotected)}] must have DeletionPolicy attribute specified"
            " in the template."
        )
    for logical_id, name in imports.items():
        try:
            _unmanaged(journal, template.resources[logical_id]["Type"], name)
        except AwsRefusal as refused:
            return refused.message
    return None


def take_over(journal: Journal, resource: Resource) -> None:
    """Make an existing resource the stack's own; what it was before is kept for the way back."""
    key = _unmanaged(journal, resource.type, resource.physical_id or "")
    resource.imported = journal.world.unmanaged.pop(key)


def _unmanaged(journal: Journal, type_name: str, name: str) -> tuple[str, ...]:
    key = name_key(journal.place, type_name, name)
    if key is not None and key in journal.world.unmanaged:
        return key
    for stack in journal.world.region(journal.account, journal.region).cloudformation.stacks.values():
        for each in stack.resources.values():
            if (each.type, each.physical_id) == (type_name, name) and each.exists:
                raise AwsRefusal("AlreadyOwned", f"{name} already exists in stack {stack.id}")
    raise AwsRefusal("NotFound", f"Resource of type '{type_name}' with identifier '{name}' does not exist.")
