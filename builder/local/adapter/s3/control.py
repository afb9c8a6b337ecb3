"""S3 Control's API of jobs, as XML by the shapes of botocore's model; every other path of it is the emulator's.

A client puts the account before the endpoint's name, where no name of the loopback has one: it has to take the account
away again, which is in a header too.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_AWS_S3_Control.html
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

from botocore.model import ListShape, ServiceModel, Shape, StructureShape
from botocore.session import Session

from builder.local.adapter.emulator import here, replace, touch
from builder.local.adapter.handlers import Reply
from builder.local.adapter.s3.batch import Job, Jobs, Refusal

Query = Mapping[str, list[str]]

_APP = "ministack.app"
_S3 = "ministack.services.s3"
_NAMESPACE = "https://awss3control.amazonaws.com/doc/2018-08-20/"
_PATH = re.compile(r"/v20180820/jobs(?:/(?P<id>[^/]+)(?:/(?P<verb>[^/]+))?)?/?")
_STATUSES = {"NotFoundException": 404, "AccessDenied": 403, "NotImplemented": 501}
_OPERATIONS = {
    ("POST", False, None): "CreateJob",
    ("GET", False, None): "ListJobs",
    ("GET", True, None): "DescribeJob",
    ("POST", True, "status"): "UpdateJobStatus",
}


def install(jobs: Jobs) -> None:
    """Answer the paths of jobs."""
    replace(f"{_APP}:_handle_s3_control_request", lambda handle: _make_handle(handle, jobs))


def _make_handle(handle: Callable[..., Awaitable[Any]], jobs: Jobs) -> Callable[..., Awaitable[Any]]:
    async def handle_jobs(path: str, method: str, body: bytes, query: Query, *rest: Any) -> object:  # noqa: ANN401  the emulator's own
        match = _PATH.fullmatch(path)
        if match is None:
            return await handle(path, method, body, query, *rest)
        request_id, headers = rest
        operation = _OPERATIONS.get((method, match["id"] is not None, match["verb"]))
        if operation is None:
            return _refused(Refusal("NotImplemented", f"The embedded AWS does not play {method} {path}"))
        return _denied(operation, match["id"], headers or {}, query, request_id) or _answer(
            jobs, operation, match["id"], body, query
        )

    return handle_jobs


def _denied(
    operation: str, number: str | None, headers: Mapping[str, str], query: Query, request_id: str
) -> Reply | None:
    """Return the refusal of a request that policies deny, or that names another account."""
    place = here()
    arn = f"arn:aws:s3:{place.region}:{place.account}:job/{number}" if number else "*"
    denied: Reply | None = touch(f"{_APP}:_enforce_data_plane")(
        "s3", f"s3:{operation}", headers, query, request_id, resource_arn=arn
    )
    other: Reply | None = touch(f"{_S3}:s3control_account_error")(headers)
    return denied or other


def _answer(jobs: Jobs, operation: str, number: str | None, body: bytes, query: Query) -> Reply:
    place = here()
    document: dict[str, Any]
    try:
        if operation == "CreateJob":
            document = {"JobId": jobs.create(place, _read_request(body)).id}
        elif operation == "ListJobs":
            statuses = query.get("jobStatuses", [])
            listed = [job for job in jobs.here(place) if not statuses or job.status in statuses]
            document = {"Jobs": [_describe(job, listed=True) for job in listed]}
        else:
            job = jobs.find(place, str(number))
            if operation == "UpdateJobStatus":
                jobs.update(job, query.get("requestedJobStatus", [""])[0])
                document = {"JobId": job.id, "Status": job.status}
            else:
                document = {"Job": _describe(job, listed=False)}
    except Refusal as refusal:
        return _refused(refusal)
    root = ET.Element(f"{operation}Result", xmlns=_NAMESPACE)
    shape = _model().operation_model(operation).output_shape
    _write(root, shape, document)
    return 200, {"Content-Type": "application/xml"}, ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _refused(refusal: Refusal) -> Reply:
    reply: Reply = touch(f"{_S3}:s3control_error")(refusal.code, str(refusal), _STATUSES.get(refusal.code, 400))
    return reply


def _describe(job: Job, *, listed: bool) -> dict[str, Any]:
    """Return a job as DescribeJob or ListJobs shows it."""
    request = job.request
    progress = {
        "TotalNumberOfTasks": len(job.sent),
        "NumberOfTasksSucceeded": len(job.sent) - job.remaining - job.failed,
        "NumberOfTasksFailed": job.failed,
    }
    shown = {
        "JobId": job.id,
        "Description": request.get("Description"),
        "Priority": request["Priority"],
        "Status": job.status,
        "CreationTime": job.created,
        "TerminationDate": None if job.status in {"Active", "Suspended"} else job.ended,
        "ProgressSummary": progress,
    }
    if listed:
        return {**shown, "Operation": next(iter(request["Operation"]))}
    failures = [{"FailureCode": job.failure[0], "FailureReason": job.failure[1]}] if job.failure else None
    same = ("Operation", "RoleArn", "Report", "ManifestGenerator", "ConfirmationRequired")
    return {**shown, **{name: request.get(name) for name in same}, "JobArn": job.arn, "FailureReasons": failures}


# -- XML, by the shapes of the model


@cache
def _model() -> ServiceModel:
    return Session().get_service_model("s3control")


def _read_request(body: bytes) -> dict[str, Any]:
    """Return the members of CreateJob's request. Raises Refusal for XML that it is not."""
    try:
        request = _read(ET.fromstring(body), _model().operation_model("CreateJob").input_shape)  # noqa: S314  of the loopback
    except (ET.ParseError, KeyError) as error:
        raise Refusal("MalformedXML", f"The XML you provided was not well-formed: {error}") from error
    return dict(request)


def _read(element: ET.Element, shape: Shape | None) -> Any:  # noqa: ANN401  as its shape says
    match shape:
        case StructureShape():
            members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
            read = {}
            for child in element:
                name, member = members[child.tag.rpartition("}")[2]]
                read[name] = _read(child, member)
            return read
        case ListShape():
            return [_read(child, shape.member) for child in element]
    text = (element.text or "").strip()
    kind = shape.type_name if shape else "string"
    return text == "true" if kind == "boolean" else int(text) if kind in {"integer", "long"} else text


def _write(parent: ET.Element, shape: Shape | None, value: Any) -> None:  # noqa: ANN401  as its shape says
    match shape:
        case StructureShape():
            for name, member in shape.members.items():
                if value.get(name) is not None:
                    child = ET.SubElement(parent, member.serialization.get("name", name))
                    _write(child, member, value[name])
        case ListShape():
            for item in value:
                child = ET.SubElement(parent, shape.member.serialization.get("name", "member"))
                _write(child, shape.member, item)
        case _:
            parent.text = _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
    return str(value)
