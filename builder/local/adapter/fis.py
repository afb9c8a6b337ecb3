"""The FIS API, as far as a drill goes: templates and their experiments, which really pause replication.

Source: https://docs.aws.amazon.com/fis/latest/APIReference/Welcome.html
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from builder.local.adapter.emulator import touch
from builder.local.adapter.fis_experiment import Experiment
from builder.local.adapter.fis_laboratory import Laboratory, NotFound, of_here
from builder.local.adapter.fis_template import Invalid

Document = Mapping[str, Any]
Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[..., Awaitable[Answer]]
Operation = Callable[[Laboratory, Document], Document]

_SUMMARY = ("id", "arn", "description", "creationTime", "lastUpdateTime", "tags", "experimentTemplateId", "state")


def install(services: MutableMapping[str, Handler], laboratory: Laboratory) -> None:
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
                return _answer(name, operate, laboratory, asked)
        return _fail(501, "NotImplemented", f"the embedded AWS answers {', '.join(_OPERATIONS)} only")

    services["fis"] = handle


def _answer(name: str, operate: Operation, laboratory: Laboratory, asked: Document) -> Answer:
    try:
        _check(name, asked)
        reply = operate(laboratory, asked)
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


def _describe(laboratory: Laboratory, experiment: Experiment) -> dict[str, Any]:
    """Return an experiment as it is now."""
    now = laboratory.clock()
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


def _list_experiments(laboratory: Laboratory, asked: Document) -> Document:
    found = [_describe(laboratory, one) for one in of_here(laboratory.experiments)]
    of_template = asked.get("experimentTemplateId")
    wanted = [one for one in found if of_template in (None, one["experimentTemplateId"])]
    return _list("experiments", wanted, asked)


_OPERATIONS: Mapping[str, Operation] = {
    "CreateExperimentTemplate": lambda lab, asked: {"experimentTemplate": lab.create_template(asked)},
    "DeleteExperimentTemplate": lambda lab, asked: {"experimentTemplate": lab.delete_template(asked["id"])},
    "GetExperiment": lambda lab, asked: {"experiment": _describe(lab, lab.find(asked["id"]))},
    "GetExperimentTemplate": lambda lab, asked: {"experimentTemplate": lab.find_template(asked["id"])},
    "ListExperimentTemplates": lambda lab, asked: _list("experimentTemplates", of_here(lab.templates), asked),
    "ListExperiments": _list_experiments,
    "StartExperiment": lambda lab, asked: {"experiment": _describe(lab, lab.start(asked))},
    "StopExperiment": lambda lab, asked: {"experiment": _describe(lab, lab.stop(asked["id"]))},
}
