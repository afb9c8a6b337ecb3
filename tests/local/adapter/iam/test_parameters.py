"""Parameters of Systems Manager: each region has its own, and policies name them by ARN."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import SECONDARY, Account
from local.adapter.strict import Strict, allow

NAME = "/builder/shop-prod/promotion"


def _put(client: Any, name: str = NAME, value: str = "{}", **more: Any) -> int:
    return int(client.put_parameter(Name=name, Value=value, Type="String", **more)["Version"])


def test_a_parameter_is_its_region_s_alone_and_is_gone_when_it_is_deleted(account: Account) -> None:
    first, second = account.client("ssm"), account.client("ssm", SECONDARY)
    assert _put(second) == 1
    with pytest.raises(ClientError, match="ParameterNotFound"):
        first.get_parameter(Name=NAME)
    read = second.get_parameter(Name=NAME)["Parameter"]
    assert (read["Value"], read["Type"]) == ("{}", "String")
    assert read["ARN"] == f"arn:aws:ssm:{SECONDARY}:{account.id}:parameter{NAME}"
    second.delete_parameter(Name=NAME)
    for call in (second.get_parameter, second.delete_parameter):
        with pytest.raises(ClientError, match="ParameterNotFound"):
            call(Name=NAME)


def test_a_parameter_is_overwritten_when_that_is_said(account: Account) -> None:
    client = account.client("ssm")
    _put(client)
    with pytest.raises(ClientError, match="ParameterAlreadyExists"):
        _put(client, value="another")
    assert _put(client, value="another", Overwrite=True) == 2
    assert client.get_parameter(Name=NAME)["Parameter"]["Value"] == "another"


def test_whoever_works_with_parameters_is_allowed_these_by_arn(strict: Strict) -> None:
    arn = f"arn:aws:ssm:us-east-1:{strict.id}:parameter/builder/shop-prod/*"
    actions = ("ssm:PutParameter", "ssm:GetParameter", "ssm:DeleteParameter")
    able = strict.client_of(allow(*actions, resource=arn), service="ssm")
    _put(able)
    assert able.get_parameter(Name=NAME)["Parameter"]["Value"] == "{}"
    for name in ("/builder/shop-dev/promotion", "/other"):
        with pytest.raises(ClientError, match="not authorized to perform: ssm:PutParameter"):
            _put(able, name)
        with pytest.raises(ClientError, match="not authorized to perform: ssm:GetParameter"):
            able.get_parameter(Name=name)
        with pytest.raises(ClientError, match="not authorized to perform: ssm:DeleteParameter"):
            able.delete_parameter(Name=name)
    able.delete_parameter(Name=NAME)


def test_who_may_read_may_neither_write_nor_delete(strict: Strict) -> None:
    _put(strict.root("ssm"))
    arn = f"arn:aws:ssm:us-east-1:{strict.id}:parameter{NAME}"
    reader = strict.client_of(allow("ssm:GetParameter", resource=arn), service="ssm")
    assert reader.get_parameter(Name=NAME)["Parameter"]["Value"] == "{}"
    with pytest.raises(ClientError, match="not authorized to perform: ssm:PutParameter"):
        _put(reader, Overwrite=True)
    with pytest.raises(ClientError, match="not authorized to perform: ssm:DeleteParameter"):
        reader.delete_parameter(Name=NAME)
