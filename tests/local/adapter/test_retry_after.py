import pytest
from botocore.exceptions import ClientError

from local.account import Account


def test_cloudformation_says_that_it_may_be_asked_again_at_once(account: Account) -> None:
    answer = account.cloudformation().describe_stacks()
    assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "0"


def test_a_refusal_stays_what_it_is(account: Account) -> None:
    with pytest.raises(ClientError, match="does not exist"):
        account.cloudformation().describe_stacks(StackName="absent")


def test_other_services_say_nothing(account: Account) -> None:
    answer = account.dynamodb().list_tables()
    assert "retry-after" not in answer["ResponseMetadata"]["HTTPHeaders"]
