"""What transforms make of a template, before CloudFormation reads it, and the change sets that fail where they do.

The emulator expands AWS::LanguageExtensions and embedded AWS::Include itself; it passes over what it does not know, and
refuses the whole request where CloudFormation makes a change set that has failed. Here transforms come in the order
that the template lists them, the embedded ones first, the deepest of them before those around it. SAM is AWS's own
translator, of the extra `local`. A macro is a function of the account, told in `macros`. Any other transform is refused
by its name.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-overview.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-section-structure.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-reference.html
"""

import copy
import importlib
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from yaml import YAMLError

from builder.local.adapter.cloudformation import macros
from builder.local.adapter.cloudformation.macros import TransformError
from builder.local.adapter.cloudformation.requests import Action, ChangeSet, Params, find_change_set, validation_error
from builder.local.adapter.cloudformation.templates import POLICIES, evaluate, resolve
from builder.local.adapter.emulator import account_id, region_name, replace, touch
from builder.local.adapter.handlers import Reply, message_of
from builder.local.adapter.iam import policies

Template = Mapping[str, Any]
Expand = Callable[..., dict[str, Any]]

LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"
INCLUDE = "AWS::Include"
SAM = "AWS::Serverless-2016-10-31"

_CFN = "ministack.services.cloudformation"
_ACTION = "cloudformation:CreateChangeSet"
_TRANSLATOR = "samtranslator.translator.transform"
_INSTALL = "pip install 'two-region-dr[local]'"
# In these nothing is expanded.
_NOT_EXPANDED = frozenset({"AWSTemplateFormatVersion", "Parameters", "Transform"})
_TAGS = {"!Transform": "Fn::Transform", "!Length": "Fn::Length", "!ToJsonString": "Fn::ToJsonString"}
_EMPTY = '{"Resources": {"None": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}'


def install(handlers: MutableMapping[str, Any], actions: MutableMapping[str, Action]) -> None:
    """Replace the emulator's transforms, ask for capabilities as AWS does, and add the type of macros."""
    macros.install(handlers)
    for module in ("changesets", "engine", "handlers"):
        replace(f"{_CFN}.{module}:_apply_transforms", _make_apply)
    # The emulator asks for them where it enforces policies only.
    replace(f"{_CFN}.handlers:_capabilities_enforced", lambda _: lambda: True)
    loader, construct = touch(f"{_CFN}.engine:CfnLoader"), touch(f"{_CFN}.engine:_construct_cfn_tag")
    for tag, name in _TAGS.items():
        loader.add_constructor(tag, construct(name))
    actions["CreateChangeSet"] = _make_create(actions["CreateChangeSet"])


def read_transformed(body: str, given: list[dict[str, str]], previous: Mapping[str, Any]) -> tuple[Template, bool]:
    """Return a template as its transforms leave it, and whether there were any. Raises ValueError where they fail."""
    template = touch(f"{_CFN}.engine:_parse_template")(body)
    expanded = touch(f"{_CFN}.engine:_apply_transforms")(template, given, previous)
    _check(expanded)
    return expanded, _uses_macro(template)


def _uses_macro(template: Template) -> bool:
    return bool(touch(f"{_CFN}.handlers:_uses_macro")(template))


def _make_apply(expand: Expand) -> Expand:
    def apply(template: Template, given: Any = None, previous: Any = None) -> dict[str, Any]:  # noqa: ANN401  the emulator's own
        try:
            return _Transformation(expand, template, list(given or []), previous or {}).apply()
        except TransformError as error:
            failed: dict[str, Any] = touch(f"{_CFN}.engine:_TransformFailed")(template, str(error))
            return failed

    return apply


class _Transformation:
    """The transformation of one template, with the parameters that it is given."""

    def __init__(
        self, expand: Expand, template: Template, given: list[dict[str, str]], previous: Mapping[str, Any]
    ) -> None:
        self._expand = expand
        self._template = template
        self._given = given
        self._previous = previous
        self._values: dict[str, str] = touch(f"{_CFN}.engine:_transform_parameters")(template, given, previous)

    def apply(self) -> dict[str, Any]:
        """Return the template without transforms. Raises TransformError."""
        listed = self._template.get("Transform") or []
        template: dict[str, Any] = self._embedded(dict(self._template), at_root=True)
        template.pop("Transform", None)
        names = []
        for entry in listed if isinstance(listed, list) else [listed]:
            name, params = _call(entry)
            names.append(name)
            template = self._whole(name, params, template)
        # Undeclared functions of it are refused.
        return template if LANGUAGE_EXTENSIONS in names else self._expanded(template)

    def _whole(self, name: str, params: Mapping[str, Any], template: dict[str, Any]) -> dict[str, Any]:
        """Apply a transform to the whole template."""
        match name:
            case _ if name == LANGUAGE_EXTENSIONS:
                return self._with_policies(self._expanded({**template, "Transform": [name]}))
            case _ if name == SAM:
                return translate(template, self._values)
            case _ if name == INCLUDE:
                return {**template, **self._snippet(params)}
        fragment = macros.call(name, params, template, self._values)
        if not isinstance(fragment, dict) or "Transform" in fragment:
            raise TransformError(f"Received malformed response from transform {macros.number(name)}")
        return fragment

    def _expanded(self, template: dict[str, Any]) -> dict[str, Any]:
        expanded = self._expand(template, self._given, self._previous)
        _check(expanded)
        return expanded

    def _with_policies(self, template: dict[str, Any]) -> dict[str, Any]:
        """Return the template with what each DeletionPolicy and UpdateReplacePolicy comes to."""
        parameters = {name: {"Value": value} for name, value in self._values.items()}
        conditions = evaluate(template, parameters)
        for resource in (template.get("Resources") or {}).values():
            for policy in POLICIES:
                if isinstance(resource, dict) and isinstance(resource.get(policy), dict):
                    resource[policy] = resolve(resource[policy], template, parameters, conditions)
        return template

    # -- embedded transforms

    def _embedded(self, node: Any, *, at_root: bool = False) -> Any:  # noqa: ANN401  JSON
        if isinstance(node, list):
            return [self._embedded(item) for item in node]
        if not isinstance(node, dict):
            return node
        kept = _NOT_EXPANDED if at_root else frozenset()
        inner = {
            key: value if key in kept else self._embedded(value)
            for key, value in node.items()
            if key != "Fn::Transform"
        }
        calls = node.get("Fn::Transform", [])
        result: Any = inner
        for entry in calls if isinstance(calls, list) else [calls]:
            name, params = _call(entry)
            if name == INCLUDE:
                result = {**result, **self._snippet(params)}
            else:
                result = macros.call(name, params, result, self._values)
        return result

    def _snippet(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return what AWS::Include reads."""
        values = {name: {"Value": value} for name, value in self._values.items()}
        location = resolve(params.get("Location"), self._template, values, {})
        try:
            snippet: dict[str, Any] = touch(f"{_CFN}.engine:_fetch_include_snippet")(location)
        except ValueError as error:
            raise TransformError(str(error)) from error
        return snippet


def _call(entry: object) -> tuple[str, Mapping[str, Any]]:
    """Return name and parameters of a transform."""
    match entry:
        case str():
            return entry, {}
        case {"Name": str(name), "Parameters": Mapping() as params}:
            return name, params
        case {"Name": str(name)}:
            return name, {}
    raise TransformError("Key Name of transform definition must be a string.")


def _check(template: Template) -> None:
    """Raise TransformError for what the emulator returns of a template whose transform fails."""
    if isinstance(template, touch(f"{_CFN}.engine:_TransformFailed")):
        raise TransformError(template.error)


# -- SAM


def translate(template: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Return what SAM makes of a template. Raises TransformError, as well where the translator is not installed."""
    failed = f"Transform {SAM} failed with: "
    try:
        transform = importlib.import_module(_TRANSLATOR).transform
    except ImportError as error:
        what = f"the embedded AWS needs aws-sam-translator for it, which comes with the extra `local`: {_INSTALL}"
        raise TransformError(failed + what) from error
    managed_policies = SimpleNamespace(load=dict)
    try:
        with _in_region(region_name()):
            translated: dict[str, Any] = transform(copy.deepcopy(template), dict(values), managed_policies)
    except Exception as error:
        # Its own errors have a text, and may have causes.
        messages = [getattr(cause, "message", str(cause)) for cause in (error, *getattr(error, "causes", ()))]
        raise TransformError(failed + " ".join(messages)) from error
    return translated


@contextmanager
def _in_region(region: str) -> Iterator[None]:
    """Let boto3, which the translator asks, know the region of the request."""
    before = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = region
    try:
        yield
    finally:
        if before is None:
            del os.environ["AWS_DEFAULT_REGION"]
        else:
            os.environ["AWS_DEFAULT_REGION"] = before


# -- change sets that fail


def _make_create(handle: Action) -> Action:
    def create(params: Params) -> Reply:
        if policies.is_enforced() and (denied := next(_denials(_sent_body(params)), "")):
            return _fail(handle, params, _sent_body(params), validation_error(denied))
        reply = handle(params)
        body = _sent_body(params) if reply[0] >= 400 else ""
        return _fail(handle, params, body, reply) if body else reply

    return create


def _sent_body(params: Params) -> str:
    """Return the template of a request, or the empty string unless it has transforms."""
    body, refusal = touch(f"{_CFN}.helpers:_resolve_template")(params)
    if refusal or not body:
        return ""
    try:
        return str(body) if _uses_macro(touch(f"{_CFN}.engine:_parse_template")(body)) else ""
    except (ValueError, YAMLError):
        return ""


def _denials(body: str) -> Iterator[str]:
    """Yield the refusal of each transform that the caller may not make change sets with.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-template.html
    """
    template = touch(f"{_CFN}.engine:_parse_template")(body) if body else {}
    for name in _names(template):
        owner = "aws" if name.startswith("AWS::") else account_id()
        arn = f"arn:aws:cloudformation:{region_name()}:{owner}:transform/{name.removeprefix('AWS::')}"
        if not policies.is_allowed(_ACTION, arn, as_caller=True):
            yield f"User: {policies.who_calls()} is not authorized to perform: {_ACTION} on resource: {arn}"


def _names(node: object) -> Iterator[str]:
    """Yield the name of every transform below a node of a template."""
    if isinstance(node, list):
        for item in node:
            yield from _names(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in {"Fn::Transform", "Transform"}:
                yield from (_call(entry)[0] for entry in (value if isinstance(value, list) else [value]))
            yield from _names(value)


def _fail(handle: Action, params: Params, body: str, refusal: Reply) -> Reply:
    """Create the change set, failed for what was refused of its template; return the refusal of any other request.

    CloudFormation looks at such a template when it has answered.
    """
    plain = {name: value for name, value in params.items() if not name.startswith(("Template", "Parameters"))}
    reply = handle({**plain, "TemplateBody": [_EMPTY]})
    change_set: ChangeSet | None = find_change_set(params) if reply[0] == 200 else None
    if change_set is None:
        return refusal
    change_set.update(Status="FAILED", ExecutionStatus="UNAVAILABLE", StatusReason=message_of(refusal[2]), Changes=[])
    change_set.update(_template={}, _template_body=body, _resolved_params={}, Parameters=[])
    return reply
