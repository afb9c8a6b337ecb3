"""What CloudFormation reads of a template: from the URL of an object, its conditions, mappings and references.

The emulator takes the first part of a URL's path for the bucket, whatever the host says; AWS's usual URLs name it in
the host. A condition on AWS::Region is false there in every region, a change set lists resources whose condition is
false and none that a condition makes come or go, and a name or a key that does not exist shows only in a deployment.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/conditions-section-structure.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/mappings-section-structure.html
"""

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from builder.local.adapter.cloudformation.requests import (
    Action,
    Params,
    find_change_set,
    find_stack,
    parameter,
    validation_error,
)
from builder.local.adapter.emulator import account_id, replace, touch
from builder.local.adapter.handlers import Reply
from builder.local.adapter.iam import policies

Template = Mapping[str, Any]
Values = Mapping[str, Any]

_S3 = "ministack.services.s3"
_LIMIT = 1_000_000
_HOST = re.compile(
    r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]+)\.)?"  # in the path where it is not here
    r"s3(?:\.dualstack)?(?:[.-][a-z]{2}(?:-[a-z]+)+-\d)?\.amazonaws\.com"
)
_READ_MORE = "\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
# Reads a document of a request: takes the names of its two parameters, text and URL, and what it is called.
Resolver = Callable[[Mapping[str, Any], str, str, str], tuple[str | None, Reply | None]]


class Unreadable(ValueError):
    """A template that does not exist or that the caller may not read, in CloudFormation's words."""


@dataclass(frozen=True, slots=True)
class _Object:
    bucket: str
    key: str
    version: str | None


def read_template(url: str) -> str:
    """Return the text of the template at `url`; raises Unreadable."""
    place = _find_object(url)
    owner = touch(f"{_S3}:_bucket_owner_account")(place.bucket)
    if owner is None:
        raise Unreadable(f"S3 error: The specified bucket does not exist{_READ_MORE}")
    if owner != account_id() or not _may_read(place):
        raise Unreadable(f"S3 error: Access Denied{_READ_MORE}")
    content = touch(f"{_S3}:_get_object_data")(place.bucket, place.key, place.version)
    if content is None:
        raise Unreadable(f"S3 error: The specified key does not exist.{_READ_MORE}")
    if len(content) > _LIMIT:
        raise Unreadable(f"Template may not exceed {_LIMIT} bytes in size.")
    return str(content, "utf-8")


def _find_object(url: str) -> _Object:
    parts = urlsplit(url)
    host = _HOST.fullmatch(parts.netloc)
    if parts.scheme == "https" and host is not None:
        path, name = unquote(parts.path.lstrip("/")), host["bucket"]
    elif parts.scheme in {"http", "https"} and parts.hostname in {"127.0.0.1", "localhost"}:
        # The emulator's own address: the URL from a tool that uploads a template to an endpoint of its own.
        path, name = unquote(parts.path.lstrip("/")), None
    else:
        raise Unreadable("TemplateURL must be a supported URL.")
    if name is None:
        name, _, path = path.partition("/")
    return _Object(name, path, dict(parse_qsl(parts.query)).get("versionId"))


def _may_read(place: _Object) -> bool:
    """Return whether the role or the caller that CloudFormation acts for may read the object."""
    action = "s3:GetObjectVersion" if place.version else "s3:GetObject"
    return not policies.is_enforced() or policies.is_allowed(action, f"arn:aws:s3:::{place.bucket}/{place.key}")


def _make_resolve_document(resolve: Resolver) -> Resolver:
    def resolve_document(
        params: Mapping[str, Any], body_key: str, url_key: str, label: str
    ) -> tuple[str | None, Reply | None]:
        url = parameter(params, url_key)
        if parameter(params, body_key) or not url:
            return resolve(params, body_key, url_key, label)
        try:
            return read_template(url), None
        except (Unreadable, UnicodeDecodeError) as error:
            return None, validation_error(str(error))

    return resolve_document


_CFN = "ministack.services.cloudformation"
POLICIES = {
    "DeletionPolicy": frozenset({"Delete", "Retain", "RetainExceptOnCreate", "Snapshot"}),
    "UpdateReplacePolicy": frozenset({"Delete", "Retain", "Snapshot"}),
}
"""What becomes of a resource, by the attribute that says it."""
_named: ContextVar[str] = ContextVar("named", default="")
"""The name of the stack that is being worked on; what is started in the background inherits it."""


def install(actions: MutableMapping[str, Action]) -> None:
    """Replace the emulator's evaluation, validation and reading of templates."""
    for module in ("changesets", "engine", "handlers", "stacks"):
        replace(f"{_CFN}.{module}:_evaluate_conditions", lambda _: evaluate)
    for module in ("changesets", "handlers"):
        replace(f"{_CFN}.{module}:validate_template_support", _make_validate)
    replace(f"{_CFN}.helpers:_resolve_document", _make_resolve_document)
    replace(f"{_CFN}.changesets:_resolve_props_for_diff", _make_resolve)
    for name in ("CreateStack", "UpdateStack", "CreateChangeSet", "ExecuteChangeSet"):
        actions[name] = _make_naming(actions[name])


@contextmanager
def working_on(stack: str) -> Iterator[None]:
    """Set AWS::StackName within the block."""
    token = _named.set(stack)
    try:
        yield
    finally:
        _named.reset(token)


def evaluate(template: Template, params: Values) -> dict[str, bool]:
    """Return the value of each condition. Raises ValueError for a reference to itself or to an undefined one."""
    conditions = _Conditions(template.get("Conditions") or {}, template, params)
    return {name: conditions.named(name) for name in conditions.defined}


@dataclass(frozen=True, slots=True)
class _Conditions:
    """The conditions of a template, the values known so far, and the path of the one being evaluated."""

    defined: Mapping[str, Any]
    template: Template
    params: Values
    known: dict[str, bool] = field(default_factory=dict)
    asking: list[str] = field(default_factory=list)

    def named(self, name: str) -> bool:
        if name in self.asking:
            path = " -> ".join([*self.asking, name])
            message = f"Template format error: Circular dependencies in conditions: {path}"
            raise ValueError(message)
        if name not in self.defined:
            message = f"Template format error: Unresolved condition dependency {name} in the Conditions block"
            raise ValueError(f"{message} of the template")
        if name not in self.known:
            self.asking.append(name)
            self.known[name] = self.holds(self.defined[name])
            self.asking.pop()
        return self.known[name]

    def holds(self, expression: object) -> bool:
        if isinstance(expression, dict) and len(expression) == 1:
            ((function, argument),) = expression.items()
            match function:
                case "Fn::Equals":
                    left, right = map(self.text, argument)
                    return left == right
                case "Fn::And" | "Fn::Or":
                    # Each is evaluated, whatever the first is: a name that is not defined is an error.
                    values = [self.holds(condition) for condition in argument]
                    return all(values) if function == "Fn::And" else any(values)
                case "Fn::Not":
                    return not self.holds(argument[0])
                case "Condition":
                    return self.named(argument)
        return self.text(expression) == "true"

    def text(self, value: object) -> str:
        resolved = resolve(value, self.template, self.params, self.known)
        return str(resolved).lower() if isinstance(resolved, bool) else str(resolved)


def resolve(value: object, template: Template, params: Values, conditions: Mapping[str, bool]) -> object:
    """Return what a value comes to by parameters, mappings and conditions."""
    name = _named.get()
    stack = find_stack(name) if name else None
    number = stack["StackId"] if stack else ""
    mappings = template.get("Mappings") or {}
    return touch(f"{_CFN}.engine:_resolve_refs")(value, {}, params, conditions, mappings, name, number)


def _make_naming(handle: Action) -> Action:
    def named(params: Params) -> Reply:
        change_set = find_change_set(params) if "StackName" not in params else None
        stack = find_stack(parameter(params, "StackName"))
        name = (change_set or stack or {}).get("StackName") or parameter(params, "StackName")
        with working_on(name):
            return handle(params)

    return named


def _make_resolve(resolve: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return what a change set compares, without the resources whose condition is false."""

    def resolve_present(template: Template, params: Values, stack_name: str, stack_id: str) -> dict[str, Any]:
        resolved = resolve(template, params, stack_name, stack_id)
        with working_on(stack_name):
            conditions = evaluate(template, params) if template else {}
        resources = resolved.get("Resources", {})
        return {
            **resolved,
            "Resources": {name: resource for name, resource in resources.items() if _is_there(resource, conditions)},
        }

    return resolve_present


def _is_there(resource: Mapping[str, Any], conditions: Mapping[str, bool]) -> bool:
    return conditions.get(resource.get("Condition", ""), True)


# -- validation, before anything is done


def _make_validate(validate: Callable[..., object]) -> Callable[..., object]:
    def validate_all(template: Template, conditions: Mapping[str, bool], *rest: Any, **named: Any) -> object:  # noqa: ANN401  the emulator's own
        outcome = validate(template, conditions, *rest, **named)
        if not template.get("Transform"):  # ValidateTemplate's: a macro may make anything of it
            _check_references(template)
            _check_policies(template)
            if "params" in named:
                _check_mappings(template, conditions, named["params"])
        return outcome

    return validate_all


def _check_references(template: Template) -> None:
    """Raise ValueError, in CloudFormation's words, unless every reference and condition is defined."""
    names = {*(template.get("Parameters") or {}), *(template.get("Resources") or {})}
    conditions = template.get("Conditions") or {}
    for block in ("Resources", "Outputs"):
        definitions = template.get(block) or {}
        where = f"in the {block} block of the template"
        missing = sorted(
            name for name in {*_references(definitions)} if name not in names and not name.startswith("AWS::")
        )
        if missing:
            message = f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] {where}"
            raise ValueError(message)
        for definition in definitions.values():
            name = definition.get("Condition") if isinstance(definition, dict) else None
            if name is not None and name not in conditions:
                message = f"Template format error: Unresolved condition dependency {name} {where}"
                raise ValueError(message)


def _check_policies(template: Template) -> None:
    """Raise ValueError for a policy that is none, or a function, which AWS::LanguageExtensions would have resolved."""
    for name, resource in (template.get("Resources") or {}).items():
        for policy, values in POLICIES.items():
            value = resource.get(policy, "Delete") if isinstance(resource, dict) else "Delete"
            message = f"Unrecognized {policy} {value} for resource {name}"
            if isinstance(value, dict | list):
                message = f"Every {policy} member must be a string."
            elif value in values:
                continue
            raise ValueError(f"Template format error: {message}")


def _references(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        if len(node) == 1 and next(iter(node)) in {"Ref", "Fn::GetAtt", "Fn::Sub"}:
            yield from (name for name, _ in touch(f"{_CFN}.engine:_intrinsic_references")(node))
            return
        for name, value in node.items():
            # Metadata is free text, and macros' own.
            if name != "Metadata":
                yield from _references(value)


def _check_mappings(template: Template, conditions: Mapping[str, bool], params: Values) -> None:
    """Raise ValueError unless the mappings have every key that a present resource or output looks up."""
    for block in ("Resources", "Outputs"):
        for definition in (template.get(block) or {}).values():
            if isinstance(definition, dict) and _is_there(definition, conditions):
                for call in _lookups(definition, conditions):
                    # Their keys can be read from parameters, pseudo parameters and other mappings only.
                    resolve(call, template, params, conditions)


def _lookups(node: object, conditions: Mapping[str, bool]) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _lookups(item, conditions)
    elif isinstance(node, dict):
        if len(node) == 1 and "Fn::FindInMap" in node:
            yield node
            return
        if len(node) == 1 and isinstance(node.get("Fn::If"), list) and node["Fn::If"][0] in conditions:
            name, *branches = node["Fn::If"]
            yield from _lookups(branches[0 if conditions[name] else 1], conditions)
            return
        for value in node.values():
            yield from _lookups(value, conditions)
