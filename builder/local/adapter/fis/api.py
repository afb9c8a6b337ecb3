"""The FIS API, as far as a drill goes, and AWS::FIS::ExperimentTemplate: both make templates, and pause replication.

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
from builder.local.adapter.fis.experiments import Experiment, FisStore, NotFound, of_here
from builder.local.adapter.fis.templates import Invalid
from builder.local.adapter.handlers import Properties, Refused, Resource

Document = Mapping[str, Any]
Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[..., Awaitable[Answer]]
Operation = Callable[[FisStore, Document], Document]

_SUMMARY = ("id", "arn", "description", "creationTime", "lastUpdateTime", "tags", "experimentTemplateId", "state")


def install(services: MutableMapping[str, Handler], store: FisStore) -> None:
    """Answer what is signed for `fis`, a service the emulator has not, and have it checked where IAM is enforced."""
    touch("ministack.core.iam_actions:SERVICE_TO_IAM_NAMESPACE")["fis"] = "fis"
    touch("ministack.core.iam_actions:_BOTOCORE_SERVICE_MAP")["fis"] = ["fis"]

    async def handle(method: str, path: str, headers: object, body: bytes, query: Mapping[str, list[str]]) -> Answer:
        del headers
        for name, operate in _OPERATIONS.items():
            http = _model().operation_model(name).http
            found = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", http["requestUri"]), path)
            if http["method"] == method and found:
                asked = {**(json.loads(body) if body else {}), **found.groupdict()}
                asked |= {key: int(values[0]) if key == "maxResults" else values[0] for key, values in query.items()}
                return _answer(name, operate, store, asked)
        return _fail(501, "NotImplemented", f"the embedded AWS answers {', '.join(_OPERATIONS)} only")

    services["fis"] = handle


def _answer(name: str, operate: Operation, store: FisStore, asked: Document) -> Answer:
    try:
        _check(name, asked)
        reply = operate(store, asked)
    except Invalid as error:
        return _fail(400, "ValidationException", str(error))
    except NotFound as error:
        return _fail(404, "ResourceNotFoundException", str(error))
    return 200, {"Content-Type": "application/json"}, json.dumps(reply).encode()


def _check(name: str, asked: Document) -> None:
    """Raise Invalid for what the service's model does not allow."""
    report = ParamValidator().validate(asked, _model().shape_for(f"{name}Request"))
    if report.has_errors():
        raise Invalid(report.generate_report())


def _fail(status: int, code: str, message: str) -> Answer:
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


def _list(name: str, found: list[dict[str, Any]], asked: Document) -> Document:
    """Return a page of summaries; the token is where the next begins."""
    begin, size = int(asked.get("nextToken", 0)), asked.get("maxResults", 100)
    summaries = [{key: one[key] for key in _SUMMARY if key in one} for one in found]
    page = {name: summaries[begin : begin + size]}
    return {**page, "nextToken": str(begin + size)} if begin + size < len(summaries) else page


def _list_experiments(store: FisStore, asked: Document) -> Document:
    found = [_describe(store, one) for one in of_here(store.experiments)]
    of_template = asked.get("experimentTemplateId")
    wanted = [one for one in found if of_template in (None, one["experimentTemplateId"])]
    return _list("experiments", wanted, asked)


_OPERATIONS: Mapping[str, Operation] = {
    "CreateExperimentTemplate": lambda store, asked: {"experimentTemplate": store.create_template(asked)},
    "DeleteExperimentTemplate": lambda store, asked: {"experimentTemplate": store.delete_template(asked["id"])},
    "GetExperiment": lambda store, asked: {"experiment": _describe(store, store.find(asked["id"]))},
    "GetExperimentTemplate": lambda store, asked: {"experimentTemplate": store.find_template(asked["id"])},
    "ListExperimentTemplates": lambda store, asked: _list("experimentTemplates", of_here(store.templates), asked),
    "ListExperiments": _list_experiments,
    "StartExperiment": lambda store, asked: {"experiment": _describe(store, store.start(asked))},
    "StopExperiment": lambda store, asked: {"experiment": _describe(store, store.stop(asked["id"]))},
}


# -- AWS::FIS::ExperimentTemplate


TYPE = "AWS::FIS::ExperimentTemplate"

# Maps whose keys are the user's own words and stay as they are written.
_FREE = frozenset({"Actions", "Parameters", "ResourceTags", "Tags", "Targets"})


def install_resource(resources: MutableMapping[str, Any], store: FisStore) -> None:
    """Add the type, with the tags of its stack."""
    touch("ministack.services.cloudformation.provisioners:_STACK_TAG_PROPERTY")[TYPE] = ("Tags", "map")
    resources[TYPE] = {
        "create": partial(_create, store),
        "update": partial(_update, store),
        "delete": partial(_delete, store),
    }


def _create(store: FisStore, logical_id: str, props: Properties, stack_name: str) -> Resource:
    del logical_id, stack_name
    with _refusing():
        identifier = store.create_template(make_request(props))["id"]
    return identifier, {"Id": identifier}


def _update(store: FisStore, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Resource:
    del old, stack_name
    with _refusing():
        store.update_template(physical_id, make_request(new))
    return physical_id, {"Id": physical_id}


def _delete(store: FisStore, physical_id: str, props: Properties) -> None:
    """Delete the template, or find it gone."""
    del props
    try:
        store.delete_template(physical_id)
    except NotFound:
        return


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (Invalid, NotFound) as error:
        raise Refused(str(error), service="Fis") from error


def make_request(props: Properties) -> dict[str, Any]:
    """Return the properties in the shape of the API: the same words, beginning in lower case."""
    return {_lower(name): _convert(value, free=name in _FREE) for name, value in props.items()}


def _convert(value: Any, *, free: bool) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, list):
        return [_convert(one, free=False) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name if free else _lower(name): _convert(one, free=not free and name in _FREE) for name, one in value.items()
    }


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
