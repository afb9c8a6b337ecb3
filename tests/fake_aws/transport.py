"""One request's way to the world and back, with everything that can go wrong on it."""

import io
import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError

from fake_aws.calls import Attempt, Call, Identity, Operation, Request
from fake_aws.faults import DATA, Fault, Subject, refusal
from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal, Killed, Unsupported
from fake_aws.services import SERVICES
from fake_aws.wire import json_rpc, query, rest_json, rest_xml
from fake_aws.wire.check import refuse_bad_reply, refuse_bad_request
from fake_aws.wire.payload import Payload, text_of

if TYPE_CHECKING:
    from fake_aws.world import World

_PROTOCOLS: dict[str, ModuleType] = {"query": query, "json": json_rpc, "rest-json": rest_json, "rest-xml": rest_xml}
_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/")


class _Body(io.BytesIO):
    """The raw side of a response, as botocore reads it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def send(attempt: Attempt, request: AWSPreparedRequest) -> AWSResponse:
    """Return AWS's answer to the request, or raise what botocore raises when there is none."""
    if attempt.world.faults.dead:
        raise Killed("the process is dead; world.faults.revive() begins a new one")
    return _Wire(Journey(attempt, *_signer(attempt.world, request)), request).run()


@dataclass(slots=True)
class Journey:
    """One call of one identity: what is known of it on either side of the wire."""

    attempt: Attempt
    identity: Identity
    region: str

    def call(self, params: dict[str, Any]) -> Call:
        """Return the call as it is recorded."""
        return Call(
            at=self.attempt.world.now,
            account=self.identity.account,
            region=self.region,
            service=self.attempt.operation.service_model.service_name,
            operation=self.attempt.operation.name,
            params=params,
            mutating=self.known().mutating,
        )

    def known(self) -> Operation:
        """Return what answers it. Raises Unsupported."""
        service, operation = self.attempt.operation.service_model.service_name, self.attempt.operation.name
        try:
            return SERVICES[service][operation]
        except KeyError:
            raise Unsupported(f"the fake does not know {service}:{operation}") from None

    def reply(self, faults: frozenset[Fault], call: Call) -> dict[str, Any]:
        """Return what AWS replies, checked against the model. Raises AwsRefusal, which the call has noted."""
        world, model = self.attempt.world, self.attempt.operation
        try:
            if (refused := refusal(faults, call.service, call.operation)) is not None:
                raise refused
            with world.changing((call.account, call.region)):
                seen = world.region(call.account, call.region)
                if Fault.STALE in faults and not call.mutating:
                    seen = world.stale_region(call)
                request = Request(world, self.identity, call, seen.cloudformation, seen.parameters)
                late = Fault.STALE in faults and not call.mutating and call.service in DATA
                with world.seen_late() if late else nullcontext():
                    reply = _handle(self.known(), request, model.input_shape)
            refuse_bad_reply(model.output_shape, reply, model.name)
        except AwsRefusal as error:
            _check_code(self.attempt, error)
            call.outcome = error.code
            raise
        call.outcome = "ok"
        return reply


@dataclass(slots=True)
class _Wire:
    journey: Journey
    request: AWSPreparedRequest

    @property
    def attempt(self) -> Attempt:
        return self.journey.attempt

    def run(self) -> AWSResponse:
        world, call = self.attempt.world, self.journey.call({})
        with world.lock:
            call.params = self._protocol().parse(self.attempt.operation, self.request)
            faults = world.faults.strike(_subject(call), world.now)
            call.faults = tuple(sorted(fault.value for fault in faults))
            if Fault.KILL_BEFORE not in faults:
                world.calls.append(call)
        self._before(faults, call)
        request_id = world.new_uuid()
        status, body = self._answer(faults, call, request_id)
        self._after(faults, call)
        headers = body.headers | {"x-amzn-requestid": request_id}
        return AWSResponse(self.request.url, status, headers, _Body(body.content))  # type: ignore[arg-type]  # stubs

    def _before(self, faults: frozenset[Fault], call: Call) -> None:
        world = self.attempt.world
        if Fault.KILL_BEFORE in faults:
            world.faults.dead = True
            raise Killed(f"killed before {call.operation}")
        if Fault.HANG in faults:
            call.outcome = Fault.HANG.value
            world.clock.sleep(self._timeout("connect_timeout"))
            raise ConnectTimeoutError(endpoint_url=self.request.url)
        world.clock.sleep(world.one_way_s())
        if Fault.LOSE_REQUEST in faults:
            call.outcome = Fault.LOSE_REQUEST.value
            raise ConnectionClosedError(endpoint_url=self.request.url)

    def _after(self, faults: frozenset[Fault], call: Call) -> None:
        world = self.attempt.world
        if Fault.KILL_AFTER in faults:
            world.faults.dead = True
            raise Killed(f"killed after {call.operation}")
        if Fault.LOSE_ANSWER in faults:
            call.outcome = Fault.LOSE_ANSWER.value
            raise ConnectionClosedError(endpoint_url=self.request.url)
        if Fault.READ_TIMEOUT in faults:
            call.outcome = Fault.READ_TIMEOUT.value
            world.clock.sleep(self._timeout("read_timeout"))
            raise ReadTimeoutError(endpoint_url=self.request.url)
        world.clock.sleep(world.one_way_s())

    def _answer(self, faults: frozenset[Fault], call: Call, request_id: str) -> tuple[int, Payload]:
        model = self.attempt.operation
        try:
            reply = self.journey.reply(faults, call)
        except AwsRefusal as error:
            body = self._protocol().render_error(model, error, request_id)
            return error.status, replace(body, headers=body.headers | error.headers)
        return int(model.http.get("responseCode", 200)), self._protocol().render(model, reply, request_id)

    def _timeout(self, name: str) -> float:
        return float(getattr(self.attempt.config, name))

    def _protocol(self) -> ModuleType:
        return _PROTOCOLS[str(self.attempt.operation.service_model.resolved_protocol)]


def _signer(world: "World", request: AWSPreparedRequest) -> tuple[Identity, str]:
    match = _CREDENTIAL.search(text_of(request.headers.get("Authorization")))
    if match is None:
        raise Unsupported(f"an unsigned request: {request.url}")
    return world.identity(match["key"]), match["region"]


def _handle(operation: Operation, request: Request, shape: Json) -> dict[str, Any]:
    if unknown := request.call.params.keys() - operation.knows:
        raise Unsupported(f"{request.call.operation}: the fake does not know the parameters {sorted(unknown)}")
    if shape is not None and request.call.service == "cloudformation":
        refuse_bad_request(shape, request.call.params)
    return operation.handler(request, request.call.params)


_COMMON_CODES = frozenset(
    {
        "ValidationError",
        "InsufficientCapabilitiesException",
        "Throttling",
        "ThrottlingException",
        "SlowDown",
        "InternalFailure",
        "ServiceUnavailable",
    }
    | {
        "AccessDenied",
        "ExpiredToken",
        "ValidationException",
        "NoSuchBucket",
        "NoSuchKey",
        "BucketNotEmpty",
        "NoSuchTagSet",
    }
    | {
        "ObjectLockConfigurationNotFoundError",
        "ReplicationConfigurationNotFoundError",
        "NoSuchLifecycleConfiguration",
        "MalformedXML",
        "PreconditionFailed",
        "BadDigest",
        "404",
        "PermanentRedirect",
    }
    | {"IllegalLocationConstraintException", "InvalidLocationConstraint", "InvalidBucketState", "InvalidRequest"}
    | {"MalformedPolicy", "NoSuchBucketPolicy", "NoSuchCORSConfiguration", "NoSuchPublicAccessBlockConfiguration"}
    | {"NoSuchWebsiteConfiguration", "OwnershipControlsNotFoundError"}
)
"""Codes that services answer without having them in their models."""


def _check_code(attempt: Attempt, error: AwsRefusal) -> None:
    modelled = {
        str(shape.metadata.get("error", {}).get("code", shape.name)) for shape in attempt.operation.error_shapes
    }
    if error.code not in modelled | _COMMON_CODES:
        raise Unsupported(f"{attempt.operation.name} cannot answer {error.code}; its model has {sorted(modelled)}")


def _subject(call: Call) -> Subject:
    return Subject(call.service, call.operation, call.account, call.region, call.mutating)
