"""Turns the inputs of CreateChangeSet into a deployment, or refuses them as CloudFormation does at once."""

import re
from typing import Any

from fake_aws.calls import Asker
from fake_aws.cloudformation.cross_stack import is_known_type, resolved_values
from fake_aws.cloudformation.deployments import Deployed, Deployment
from fake_aws.cloudformation.imports import named_imports
from fake_aws.cloudformation.intrinsics import Unresolved
from fake_aws.cloudformation.rules import check_rules
from fake_aws.cloudformation.template import Template, read
from fake_aws.cloudformation.template_url import template_at
from fake_aws.cloudformation.types import known
from fake_aws.refusals import AwsRefusal, Unsupported, validation_error

TEMPLATE_LIMIT = 51_200
_PARAMETER_KEYS = frozenset(
    {"Type", "Default", "Description", "AllowedValues", "AllowedPattern", "ConstraintDescription", "NoEcho"}
    | {"MinLength", "MaxLength", "MinValue", "MaxValue"}
)


def deployment(
    request: Asker, params: dict[str, Any], present: Deployed | None, *, body: str | None = None
) -> Deployment:
    """Return what the request wants the stack to be; `present` is the stack that it updates.

    `body` is the template's text where it is known already.
    """
    if body is None:
        body = _body(request, params, present)
    template = read(body)
    for resource in template.resources.values():
        known(resource["Type"])
    values = _parameters(template, params.get("Parameters", []), present)
    capabilities = list(params.get("Capabilities", []))
    _check_capabilities(template, capabilities)
    tags = _tags(params["Tags"]) if "Tags" in params else dict(present.deployed.tags) if present else {}
    role = params.get("RoleARN") or (present.deployed.role_arn if present else None)
    imports = named_imports(params.get("ResourcesToImport", []))
    if strangers := sorted(imports.keys() - template.resources.keys()):
        raise validation_error(f"Resources [{', '.join(strangers)}] to import do not exist in the template")
    resolved = resolved_values(request, template, values)
    check_rules(template.rules, {**values, **resolved})
    notify, rollback = params.get("NotificationARNs"), params.get("RollbackConfiguration")
    return Deployment(
        body,
        values,
        tags,
        capabilities,
        role,
        "DeploymentMode" in params,
        imports,
        list(present.deployed.notification_arns if notify is None and present else notify or []),
        dict(present.deployed.rollback if rollback is None and present else rollback or {}),
        resolved,
    )


def _body(request: Asker, params: dict[str, Any], present: Deployed | None) -> str:
    given = [name for name in ("TemplateBody", "TemplateURL", "UsePreviousTemplate") if params.get(name)]
    if len(given) != 1:
        raise validation_error("Either Template URL or Template Body must be specified.")
    if given == ["UsePreviousTemplate"]:
        if present is None:
            raise validation_error("UsePreviousTemplate is not valid for a new stack")
        return present.deployed.body
    return sent_body(request, params)


def sent_body(request: Asker, params: dict[str, Any]) -> str:
    """Return the text of the template that a request brings or names, if it is short enough."""
    if "TemplateURL" in params:
        return template_at(request, params["TemplateURL"])
    body: str = params["TemplateBody"]
    if len(body.encode()) > TEMPLATE_LIMIT:
        raise validation_error(
            f"1 validation error detected: Value '{body}' at 'templateBody' failed to satisfy constraint: Member must"
            f" have length less than or equal to {TEMPLATE_LIMIT}"
        )
    return body


def _parameters(template: Template, given: list[dict[str, Any]], present: Deployed | None) -> dict[str, str]:
    by_key = {each["ParameterKey"]: each for each in given}
    if strangers := sorted(by_key.keys() - template.parameters.keys()):
        raise validation_error(f"Parameters: [{', '.join(strangers)}] do not exist in the template")
    values: dict[str, str] = {}
    lacking = []
    for key, declared in template.parameters.items():
        _check_declaration(key, declared)
        before = present.deployed.parameters.get(key) if present else None
        entry = by_key.get(key, {})
        if entry.get("UsePreviousValue"):
            if before is None:
                raise validation_error(
                    f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a parameter"
                    " key not in the previous template"
                )
            values[key] = before
        elif "ParameterValue" in entry:
            values[key] = entry["ParameterValue"]
        elif "Default" in declared:
            values[key] = str(declared["Default"])
        else:
            lacking.append(key)
    if lacking:
        raise validation_error(f"Parameters: [{', '.join(sorted(lacking))}] must have values")
    for key, value in values.items():
        _check_value(key, template.parameters[key], value)
    return values


def _check_declaration(key: str, declared: dict[str, Any]) -> None:
    if not is_known_type(str(declared.get("Type"))):
        raise Unsupported(f"parameter {key}: the fake does not know the type {declared.get('Type')}")
    if unknown := declared.keys() - _PARAMETER_KEYS:
        raise Unsupported(f"parameter {key}: the fake does not know {sorted(unknown)}")


def _check_value(key: str, declared: dict[str, Any], value: str) -> None:
    if isinstance(value, Unresolved):
        return
    if len(value.encode()) > 4096:
        raise validation_error(f"Parameter '{key}' must have a value of at most 4096 bytes")
    allowed = [str(each) for each in declared.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise validation_error(f"Parameter '{key}' must be one of AllowedValues")
    pattern = declared.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        raise validation_error(f"Parameter '{key}' must match pattern {pattern}")
    if len(value) < int(declared.get("MinLength", 0)):
        raise validation_error(f"Parameter '{key}' must contain at least {declared['MinLength']} characters")
    if "MaxLength" in declared and len(value) > int(declared["MaxLength"]):
        raise validation_error(f"Parameter '{key}' must contain at most {declared['MaxLength']} characters")
    if declared["Type"] == "Number":
        _check_number(key, declared, value)


def _check_number(key: str, declared: dict[str, Any], value: str) -> None:
    try:
        number = float(value)
    except ValueError:
        raise validation_error(f"Parameter '{key}' must be a number") from None
    if number < float(declared.get("MinValue", "-inf")):
        raise validation_error(f"Parameter '{key}' must be a number not less than {declared['MinValue']}")
    if number > float(declared.get("MaxValue", "inf")):
        raise validation_error(f"Parameter '{key}' must be a number not greater than {declared['MaxValue']}")


def _tags(given: list[dict[str, str]]) -> dict[str, str]:
    tags = {each["Key"]: each["Value"] for each in given}
    if len(tags) != len(given):
        raise validation_error("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return tags


def required_capabilities(template: Template) -> list[str]:
    """Return the capability that the template's IAM resources ask for: none, or one in a list."""
    iam = [each for each in template.resources.values() if each["Type"].startswith("AWS::IAM::")]
    named = [each for each in iam if each.get("Properties", {}).keys() & {"RoleName", "ManagedPolicyName"}]
    if named:
        return ["CAPABILITY_NAMED_IAM"]
    return ["CAPABILITY_IAM"] if iam else []


def _check_capabilities(template: Template, given: list[str]) -> None:
    required = required_capabilities(template)
    enough = set(given) | ({"CAPABILITY_IAM"} if "CAPABILITY_NAMED_IAM" in given else set())
    if lacking := [each for each in required if each not in enough]:
        raise AwsRefusal("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(lacking)}]")
