"""What stacks take from each other and from their region: exports, SSM parameters, ids of what stands there.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html,
cloudformation-supplied-parameter-types, API_ListExports and API_ListImports
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fake_aws.calls import Asker, Reply, Request
from fake_aws.cloudformation.effects import live_properties
from fake_aws.cloudformation.intrinsics import Evaluator
from fake_aws.cloudformation.paging import page
from fake_aws.cloudformation.records import CloudFormation, Resource, Stack
from fake_aws.cloudformation.template import Template, read
from fake_aws.cloudformation.types import Place
from fake_aws.json_value import Json
from fake_aws.refusals import Unsupported, validation_error

SSM = "AWS::SSM::Parameter"
_VALUE = re.compile(r"AWS::SSM::Parameter::Value<(?P<of>.+)>")
_LIST = re.compile(r"(?:AWS::SSM::Parameter::Value<)?(?:List<.+>|CommaDelimitedList)>?")
_LOOKED_UP = {
    "AWS::EC2::KeyPair::KeyName": "AWS::EC2::KeyPair",
    "AWS::EC2::VPC::Id": "AWS::EC2::VPC",
    "AWS::SSM::Parameter::Name": SSM,
}
_PLAIN = frozenset({"String", "Number", "CommaDelimitedList", "List<Number>", "List<String>"})
_GONE = frozenset({"DELETE_COMPLETE", "ROLLBACK_COMPLETE"})


# -- parameter types ---------------------------------------------------------------------------------------------------


def is_list(kind: str) -> bool:
    """Return whether Ref of a parameter of this type gives a list."""
    return _LIST.fullmatch(kind) is not None


def is_known_type(kind: str) -> bool:
    """Return whether the fake knows a type of parameter."""
    value = _VALUE.fullmatch(kind)
    return kind in _PLAIN or _of_list(value["of"] if value else kind) in {*_PLAIN, *_LOOKED_UP, "String"}


def _of_list(kind: str) -> str:
    return kind.removeprefix("List<").removesuffix(">") if kind.startswith("List<") else kind


def resolved_values(request: Asker, template: Template, values: Mapping[str, str]) -> dict[str, str]:
    """Return the values of parameters that are kept in SSM; refuse what is not there, as AWS does at once."""
    fetched, missing = {}, []
    for key, declared in template.parameters.items():
        if _VALUE.fullmatch(str(declared.get("Type"))):
            there = request.world.region(request.account, request.region).parameters.get(values[key])
            if there is None:
                missing.append(values[key])
            else:
                fetched[key] = there.value
    if missing:
        raise validation_error(
            f"Unable to fetch parameters [{','.join(missing)}] from parameter store for this account."
        )
    for key, declared in template.parameters.items():
        value_type = _VALUE.fullmatch(str(declared.get("Type")))
        kind = _of_list(value_type["of"] if value_type else str(declared.get("Type")))
        if kind in _LOOKED_UP:
            _check_exists(request, key, _LOOKED_UP[kind], fetched.get(key, values[key]))
    return fetched


def _check_exists(request: Asker, key: str, type_name: str, value: str) -> None:
    place = Place(request.account, request.region, "")
    for each in value.split(","):
        exists = any(resource.type == type_name and resource.physical_id == each for resource in _resources(request))
        if not exists and live_properties(request.world, place, type_name, each) is None:
            raise validation_error(
                f"Parameter validation failed: parameter value {each} for parameter name {key} does not exist"
            )


def _resources(request: Asker) -> Iterator[Resource]:
    for stack in request.world.region(request.account, request.region).cloudformation.stacks.values():
        yield from (each for each in stack.resources.values() if each.exists)


# -- exports -----------------------------------------------------------------------------------------------------------


def exports(state: CloudFormation) -> dict[str, tuple[Stack, str]]:
    """Return every export of a region by name, with its stack and its value."""
    return {
        each["ExportName"]: (stack, each["OutputValue"])
        for stack in state.stacks.values()
        if stack.status not in _GONE
        for each in stack.outputs
        if "ExportName" in each
    }


def importers(place: Place, state: CloudFormation, name: str) -> list[str]:
    """Return the names of the stacks that import an export."""
    return [
        stack.name
        for stack in state.stacks.values()
        if stack.status not in _GONE and stack.deployed.body and name in _imported(place, stack)
    ]


def _imported(place: Place, stack: Stack) -> set[str]:
    template = read(stack.deployed.body)
    values = stack.deployed.parameters | stack.deployed.resolved
    evaluator = Evaluator(template, values, place.account, place.region, stack.name, stack.id, _no_lookup)
    return {
        str(evaluator.value(each)) for each in _import_names([*template.resources.values(), *template.outputs.values()])
    }


def _no_lookup(name: str, _: str | None) -> Json:
    raise Unsupported(f"the name of an export cannot be made of the resource {name}")


def _import_names(value: Json) -> Iterator[Json]:
    if isinstance(value, list):
        for item in value:
            yield from _import_names(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Fn::ImportValue":
                yield item
            else:
                yield from _import_names(item)


def export_fault(place: Place, state: CloudFormation, stack: Stack, new: list[dict[str, str]]) -> str | None:
    """Return why a stack may not have these outputs: an export in use that changes or goes, or a name that is taken."""
    others = {name: owner for name, (owner, _) in exports(state).items() if owner is not stack}
    will = {each["ExportName"]: each["OutputValue"] for each in new if "ExportName" in each}
    for name in sorted(will.keys() & others.keys()):
        return f"Export with name {name} is already exported by stack {others[name].name}."
    for each in stack.outputs:
        name = each.get("ExportName", "")
        if not name or will.get(name) == each["OutputValue"]:
            continue
        if users := importers(place, state, name):
            done = "updated" if name in will else "deleted"
            return f"Export {name} cannot be {done} as it is in use by {', '.join(users)}"
    return None


def list_exports(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListExports, one page."""
    rows = [
        {"ExportingStackId": stack.id, "Name": name, "Value": value}
        for name, (stack, value) in sorted(exports(request.state).items())
    ]
    shown, token = page(request, rows, params.get("NextToken"))
    return {"Exports": shown, "NextToken": token}


def list_imports(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListImports, one page; an export that nobody imports is an error."""
    name = params["ExportName"]
    users = importers(Place(request.account, request.region, ""), request.state, name)
    if not users:
        raise validation_error(f"Export '{name}' is not imported by any stack.")
    shown, token = page(request, users, params.get("NextToken"))
    return {"Imports": shown, "NextToken": token}
