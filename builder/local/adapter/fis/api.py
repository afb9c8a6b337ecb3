"""The FIS API, as far as a drill uses it, and the resource type AWS::FIS::ExperimentTemplate.

Sources: https://docs.aws.amazon.com/fis/latest/APIReference/Welcome.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-fis-experimenttemplate.html
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from builder.local.adapter.emulator import touch
from builder.local.adapter.fis.experiments import Experiment, FisStore, ResourceNotFoundException, of_request
from builder.local.adapter.fis.templates import ValidationException
from builder.local.adapter.handlers import HandlerError, PhysicalResource, Properties

Document = Mapping[str, Any]
HttpReply = tuple[int, dict[str, str], bytes]
ServiceHandler = Callable[..., Awaitable[HttpReply]]
FisOperation = Callable[[FisStore, Document], Document]

_SUMMARY = ("id", "arn", "description", "creationTime", "lastUpdateTime", "tags", "experimentTemplateId", "state")


def install(services: MutableMapping[str, ServiceHandler], store: FisStore) -> None:
    """Add the service to the emulator, and its actions to those that IAM checks."""
    touch("ministack.core.iam_actions:SERVICE_TO_IAM_NAMESPACE")["fis"] = "fis"
    touch("ministack.core.iam_actions:_BOTOCORE_SERVICE_MAP")["fis"] = ["fis"]

    async def handle(method: str, path: str, headers: object, body: bytes, query: Mapping[str, list[str]]) -> HttpReply:
        del headers
        for name, operate in _OPERATIONS.items():
            http = _model().operation_model(name).http
            match = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", http["requestUri"]), path)
            if http["method"] == method and match:
                request = {**(json.loads(body) if body else {}), **match.groupdict()}
                request |= {key: int(values[0]) if key == "maxResults" else values[0] for key, values in query.items()}
                return _answer(name, operate, store, request)
        return _fail(501, "NotImplemented", f"the embedded AWS answers {', '.join(_OPERATIONS)} only")

    services["fis"] = handle


def _answer(name: str, operate: FisOperation, store: FisStore, request: Document) -> HttpReply:
    try:
        _check(name, request)
        reply = operate(store, request)
    except ValidationException as error:
        return _fail(400, "ValidationException", str(error))
    except ResourceNotFoundException as error:
        return _fail(404, "ResourceNotFoundException", str(error))
    return 200, {"Content-Type": "application/json"}, json.dumps(reply).encode()


def _check(name: str, request: Document) -> None:
    """Raise ValidationException unless the service's model allows the request."""
    report = ParamValidator().validate(request, _model().shape_for(f"{name}Request"))
    if report.has_errors():
        raise ValidationException(report.generate_report())


def _fail(status: int, code: str, message: str) -> HttpReply:
    headers = {"Content-Type": "application/json", "x-amzn-errortype": code}
    return status, headers, json.dumps({"message": message}).encode()


@cache
def _model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("fis", "service-2"))


def _describe(store: FisStore, experiment: Experiment) -> dict[str, Any]:
    """Return an experiment as it is now."""
    now = store.clock()
    status, reason = experiment.status(now)
    template = {name: experiment.template[name] for name in _OF_TEMPLATE if name in experiment.template}
    described = {
        **template,
        "id": experiment.id,
        "arn": experiment.arn,
        "experimentTemplateId": experiment.template["id"],
        "state": {"status": status, "reason": reason},
        "actions": {
            name: _describe_action(experiment, action, now) for name, action in experiment.template["actions"].items()
        },
        "creationTime": experiment.began,
        "startTime": experiment.began,
        "tags": experiment.tags,
    }
    ended = experiment.ended(now)
    return described if ended is None else {**described, "endTime": ended}


_OF_TEMPLATE = ("experimentOptions", "logConfiguration", "roleArn", "stopConditions", "targets")


def _describe_action(experiment: Experiment, action: Document, now: float) -> dict[str, Any]:
    status, ended = experiment.action_status(action, now)
    described = {**action, "state": {"status": status}, "startTime": experiment.began}
    return described if ended is None else {**described, "endTime": ended}


def _list(name: str, items: list[dict[str, Any]], request: Document) -> Document:
    """Return a page of summaries; the token is the index of the next."""
    begin, size = int(request.get("nextToken", 0)), request.get("maxResults", 100)
    summaries = [{key: item[key] for key in _SUMMARY if key in item} for item in items]
    page = {name: summaries[begin : begin + size]}
    return {**page, "nextToken": str(begin + size)} if begin + size < len(summaries) else page


def _list_experiments(store: FisStore, request: Document) -> Document:
    experiments = [_describe(store, experiment) for experiment in of_request(store.experiments)]
    of_template = request.get("experimentTemplateId")
    listed = [experiment for experiment in experiments if of_template in (None, experiment["experimentTemplateId"])]
    return _list("experiments", listed, request)


_OPERATIONS: Mapping[str, FisOperation] = {
    "CreateExperimentTemplate": lambda store, request: {"experimentTemplate": store.create_template(request)},
    "DeleteExperimentTemplate": lambda store, request: {"experimentTemplate": store.delete_template(request["id"])},
    "GetExperiment": lambda store, request: {"experiment": _describe(store, store.find(request["id"]))},
    "GetExperimentTemplate": lambda store, request: {"experimentTemplate": store.find_template(request["id"])},
    "ListExperimentTemplates": lambda store, request: _list(
        "experimentTemplates", of_request(store.templates), request
    ),
    "ListExperiments": _list_experiments,
    "StartExperiment": lambda store, request: {"experiment": _describe(store, store.start(request))},
    "StopExperiment": lambda store, request: {"experiment": _describe(store, store.stop(request["id"]))},
}
# -- AWS::FIS::ExperimentTemplate
TYPE = "AWS::FIS::ExperimentTemplate"

# Maps whose keys are the user's own.
_FREE = frozenset({"Actions", "Parameters", "ResourceTags", "Tags", "Targets"})


def install_resource(resources: MutableMapping[str, Any], store: FisStore) -> None:
    """Add the type, which gets the tags of its stack."""
    touch("ministack.services.cloudformation.provisioners:_STACK_TAG_PROPERTY")[TYPE] = ("Tags", "map")
    resources[TYPE] = {
        "create": partial(_create, store),
        "update": partial(_update, store),
        "delete": partial(_delete, store),
    }


def _create(store: FisStore, logical_id: str, props: Properties, stack_name: str) -> PhysicalResource:
    del logical_id, stack_name
    with _refusing():
        identifier = store.create_template(make_request(props))["id"]
    return identifier, {"Id": identifier}


def _update(store: FisStore, physical_id: str, old: Properties, new: Properties, stack_name: str) -> PhysicalResource:
    del old, stack_name
    with _refusing():
        store.update_template(physical_id, make_request(new))
    return physical_id, {"Id": physical_id}


def _delete(store: FisStore, physical_id: str, props: Properties) -> None:
    """Delete the template, or do nothing if it is gone."""
    del props
    try:
        store.delete_template(physical_id)
    except ResourceNotFoundException:
        return


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (ValidationException, ResourceNotFoundException) as error:
        raise HandlerError(str(error), service="Fis") from error


def make_request(props: Properties) -> dict[str, Any]:
    """Return the properties in the shape of the API: the same words, beginning in lower case."""
    return {_lower(name): _convert(value, free=name in _FREE) for name, value in props.items()}


def _convert(value: Any, *, free: bool) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, list):
        return [_convert(item, free=False) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name if free else _lower(name): _convert(item, free=not free and name in _FREE) for name, item in value.items()
    }


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
