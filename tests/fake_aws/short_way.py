"""A client's call straight to the world and back, where nothing can go wrong on the wire: a tenth of the time.

Botocore spells out a request, signs it, and reads an answer's XML: most of what a test on the fake would spend. Where
no fault can strike a call of CloudFormation's, it goes from the client to the world as data, checked against the
service model as ever, and comes back as botocore's parser would have read it. Everything else goes the whole way, and
so do all calls while `whole_way()` lasts. `test_short_way` holds both ways to be one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.handlers import json_decode_template_body
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.validate import validate_parameters

from fake_aws.calls import Attempt
from fake_aws.faults import Subject
from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal, Unsupported
from fake_aws.transport import Journey
from fake_aws.wire.query import text

if TYPE_CHECKING:
    from fake_aws.world import World

_AT_HOME = frozenset({"botocore", "fake_aws"})
_whole_way = False


@contextmanager
def whole_way() -> Iterator[None]:
    """Have every call cross the wire."""
    global _whole_way  # noqa: PLW0603  one switch, as botocore has one class of each client
    before, _whole_way = _whole_way, True
    try:
        yield
    finally:
        _whole_way = before


class ShortWay:
    """What stands before botocore's own class in each client of CloudFormation that reaches a world."""

    _world: "World"

    def _make_api_call(self: Any, operation_name: str, api_params: dict[str, Any]) -> Any:
        if not _whole_way and (attempt := self._unhindered(operation_name)) is not None:
            answer = self._short_way(attempt, api_params)
            if answer is not None:
                return answer
        return super()._make_api_call(operation_name, api_params)  # type: ignore[misc]  # botocore's class comes after

    def _unhindered(self: Any, operation_name: str) -> Attempt | None:
        """Return the call, unless it is refused before it is sent, overheard on its way, or struck by a fault."""
        if self._request_signer._credentials is None or self._is_overheard() or self._is_read_along(operation_name):
            return None
        model = self.meta.service_model.operation_model(operation_name)
        return Attempt(self._world, model, self.meta.config)

    def _is_overheard(self: Any) -> bool:
        if "_overheard" not in self.__dict__:
            heard = self.meta.events._emitter._handlers.prefix_search("before-send.cloudformation.Any")
            self._overheard = len(heard) > 1
        return bool(self._overheard)

    def _is_read_along(self: Any, operation_name: str) -> bool:
        """Whether somebody beside botocore reads the answer to this operation before it is returned."""
        heard = self.meta.events._emitter._handlers.prefix_search(f"after-call.cloudformation.{operation_name}")
        # Botocore's own, the fake's, which both ways do without; anybody else's reads what was on the wire.
        return any(handler.__module__.split(".")[0] not in _AT_HOME for handler in heard)

    def _short_way(self: Any, attempt: Attempt, api_params: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer; None where botocore has to ask, since a fault may strike."""
        world, model = attempt.world, attempt.operation
        key = self._request_signer._credentials.get_frozen_credentials().access_key
        journey = Journey(attempt, world.identity(key), self.meta.region_name)
        known, call = journey.known(), journey.call({})
        if world.faults.may_strike(Subject("cloudformation", model.name, call.account, call.region, known.mutating)):
            return None
        call.params = _arriving(model, api_params)
        with world.lock:
            world.calls.append(call)
        world.clock.sleep(world.one_way_s())
        request_id = world.new_uuid()
        try:
            reply = journey.reply(frozenset(), call)
        except AwsRefusal as error:
            if error.status >= 500:
                raise Unsupported(f"{model.name}: botocore would ask again; let a fault answer {error.code}") from None
            world.clock.sleep(world.one_way_s())
            answer = _refused(error, request_id)
            raise self.exceptions.from_code(error.code)(answer, model.name) from None
        world.clock.sleep(world.one_way_s())
        answered: dict[str, Any] = {} if model.output_shape is None else _reader(model.output_shape)(reply)
        # As botocore does: a template in JSON comes back as data.
        json_decode_template_body(answered)
        answered["ResponseMetadata"] = _metadata(request_id, 200)
        return answered


def _arriving(model: OperationModel, params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters as they arrive. Raises what botocore raises before it sends anything."""
    if model.input_shape is None:
        return {}
    missing = {name: str(uuid4()) for name in model.idempotent_members if name not in params}
    validate_parameters({**params, **missing}, model.input_shape)
    return _sent_structure(model.input_shape, {**params, **missing})


def _sent_structure(shape: StructureShape, value: dict[str, Any]) -> dict[str, Any]:
    sent = {name: _sent(member, value[name]) for name, member in shape.members.items() if name in value}
    return {name: inner for name, inner in sent.items() if inner != {}}


def _sent(shape: Shape, value: Json) -> Json:
    if isinstance(shape, StructureShape):
        return _sent_structure(shape, value)
    if isinstance(shape, ListShape):
        return [_sent(shape.member, each) for each in value]
    if isinstance(shape, MapShape):
        return {key: _sent(shape.value, each) for key, each in value.items()}
    if shape.type_name in {"string", "boolean", "integer", "long"}:
        return value
    raise Unsupported(f"a {shape.type_name} in a query request")


Reader = Callable[[Json], Any]


@cache
def _reader(shape: Shape) -> Reader:
    """Return what reads a value as botocore's parser does from XML: of its shape's type, nothing without value."""
    match shape:
        case StructureShape():
            members = [(name, shape.members[name]) for name in shape.members]
            return lambda value: {
                name: _reader(member)(value[name]) for name, member in members if value.get(name) is not None
            }
        case ListShape():
            return lambda value: [_reader(shape.member)(each) for each in value]
        case MapShape():
            raise Unsupported(f"a {shape.type_name} in a query reply")
    return _SCALARS[shape.type_name]


def _text(value: Json) -> str:
    spelt = value if type(value) is str else text(value)
    return spelt.replace("\r\n", "\n").replace("\r", "\n") if "\r" in spelt else spelt


def _moment(value: Json) -> datetime:
    if not isinstance(value, datetime):
        raise Unsupported(f"{value!r} for a timestamp")
    return value.replace(microsecond=value.microsecond // 1000 * 1000, tzinfo=UTC)


def _whether(value: Json) -> bool:
    return text(value) == "true"


def _number(value: Json) -> int:
    return int(text(value))


_SCALARS: dict[str, Reader] = {
    "string": _text,
    "timestamp": _moment,
    "boolean": _whether,
    "integer": _number,
    "long": _number,
}


def _refused(error: AwsRefusal, request_id: str) -> dict[str, Any]:
    details = {"Type": "Sender", "Code": error.code, "Message": error.message}
    return {"Error": details, "ResponseMetadata": _metadata(request_id, error.status)}


def _metadata(request_id: str, status: int) -> dict[str, Any]:
    headers = {"content-type": "text/xml", "x-amzn-requestid": request_id}
    return {"RequestId": request_id, "HTTPStatusCode": status, "HTTPHeaders": headers, "RetryAttempts": 0}
