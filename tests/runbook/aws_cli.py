"""The AWS CLI by botocore's own service models: what is typed becomes the call that the CLI would make.

A service, an operation or a parameter that there is not ends as it does with the CLI, which makes its options from the
same models: https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-returncodes.html
"""

import functools
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import boto3
import jmespath
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError, WaiterError
from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator

from answer import Answer

_SERVICES = {"s3api": "s3"}
_WRONG, _REFUSED, _ENDED = 252, 254, 255


class NotTheCli(Exception):
    """The CLI would not know what is typed."""


def run_aws(words: Sequence[str]) -> Answer:
    """Return how `aws` would answer these words, what stands in the environment being its configuration."""
    try:
        return Answer(0, _run(words), "")
    except (NotTheCli, ParamValidationError) as error:
        return Answer(_WRONG, "", f"aws: [ERROR]: {error}")
    except ClientError as error:
        return Answer(_REFUSED, "", str(error))
    except WaiterError as error:
        return Answer(_ENDED, "", str(error))


def check_aws(words: Sequence[str]) -> Iterator[str]:
    """Yield what the CLI would not take of these words; it calls nobody."""
    service, operation, *rest = words
    waiter = rest.pop(0) if operation == "wait" else ""
    try:
        options = dict(_options(rest))
        client = _client(service, _only_value(options, "region"))
        query, _ = options.pop("query", ["@"]), options.pop("output", None)
        jmespath.compile(query[0])
        if waiter:
            config = client.get_waiter(waiter.replace("-", "_")).config
            model = client.meta.service_model.operation_model(config.operation)
        else:
            model = _operation(client, operation)
        given = _parameters(model, options)
        report = ParamValidator().validate(given, model.input_shape)
        if report.has_errors():
            yield report.generate_report()
    except (NotTheCli, ValueError) as error:
        yield str(error)


@functools.cache
def _client(service: str, region: str) -> Any:
    return _session_client(boto3.Session(aws_access_key_id="111122223333", aws_secret_access_key="x"), service, region)


def _session_client(session: boto3.Session, service: str, region: str) -> Any:
    return session.client(_SERVICES.get(service, service), region_name=region)  # type: ignore[call-overload]


def _run(words: Sequence[str]) -> str:
    service, operation, *rest = words
    waiter = rest.pop(0) if operation == "wait" else ""
    options = dict(_options(rest))
    region = _only_value(options, "region")
    query, output = options.pop("query", None), options.pop("output", ["json"])
    client = _session_client(boto3.Session(), service, region)
    if waiter:
        config = client.get_waiter(waiter.replace("-", "_")).config
        model = client.meta.service_model.operation_model(config.operation)
        client.get_waiter(waiter.replace("-", "_")).wait(
            **_parameters(model, options), WaiterConfig={"Delay": 1, "MaxAttempts": 5}
        )
        return ""
    model = _operation(client, operation)
    parameters = _parameters(model, options)
    answer = _call(client, model, parameters)
    answer.pop("ResponseMetadata", None)
    return _written(answer if query is None else jmespath.search(query[0], _plain(answer)), output[0])


def _options(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    rest = list(words)
    while rest:
        name = rest.pop(0)
        if not name.startswith("--"):
            raise NotTheCli(f"Unknown options: {name}")
        values = []
        while rest and not rest[0].startswith("--"):
            values.append(rest.pop(0))
        yield name[2:], values


def _only_value(options: dict[str, list[str]], name: str) -> str:
    if len(values := options.pop(name, [])) != 1:
        raise NotTheCli(f"--{name}: expected one argument")
    return values[0]


def _operation(client: Any, typed: str) -> OperationModel:
    model = client.meta.service_model
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if typed not in names:
        raise NotTheCli(f"argument operation: Invalid choice: {typed}")
    operation: OperationModel = model.operation_model(names[typed])
    return operation


def _parameters(model: OperationModel, options: dict[str, list[str]]) -> dict[str, Any]:
    shape = model.input_shape
    members = {xform_name(name, "-"): (name, member) for name, member in shape.members.items()} if shape else {}
    if unknown := options.keys() - members.keys():
        raise NotTheCli(f"Unknown options: --{', --'.join(sorted(unknown))}")
    given = {members[typed][0]: _value(members[typed][1], values) for typed, values in options.items()}
    if missing := set(shape.required_members if shape else ()) - given.keys():
        raise NotTheCli(f"the following arguments are required: {', '.join(sorted(missing))}")
    return given


def _value(shape: Shape, values: list[str]) -> Any:
    if shape.type_name == "boolean" and not values:
        return True
    if shape.type_name == "list" and not values[0].startswith("["):
        return values
    if len(values) != 1:
        raise NotTheCli(f"expected one argument, not {values}")
    match shape.type_name:
        case "structure" | "map" | "list":
            return json.loads(values[0])
        case "integer" | "long":
            return int(values[0])
        case "timestamp":
            return datetime.fromisoformat(values[0])
        case "string":
            return values[0]
    raise NotTheCli(f"{shape.name} is a {shape.type_name}")


def _call(client: Any, model: OperationModel, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the whole answer: like the CLI, all pages unless the pages are asked for one by one."""
    method = xform_name(model.name)
    if client.can_paginate(method) and not {"Limit", "MaxKeys", "MaxResults", "MaxItems"} & parameters.keys():
        whole: dict[str, Any] = client.get_paginator(method).paginate(**parameters).build_full_result()
        return whole
    answer: dict[str, Any] = getattr(client, method)(**parameters)
    return answer


def _plain(answer: Any) -> Any:
    return json.loads(json.dumps(answer, default=lambda value: value.isoformat()))


def _written(answer: Any, form: str) -> str:
    """Return an answer in the CLI's form; an empty one is nothing."""
    if form == "text":
        return "".join(f"{line}\n" for line in _text(answer))
    if form != "json":
        raise NotTheCli(f"argument --output: Invalid choice: {form}")
    return "" if answer == {} else json.dumps(_plain(answer), indent=4) + "\n"


def _text(answer: Any) -> Iterator[str]:
    if isinstance(answer, list):
        if any(isinstance(row, list) for row in answer):
            for row in answer:
                yield from _text(row)
        elif answer:
            yield "\t".join(map(str, answer))
    else:
        yield str(answer)
