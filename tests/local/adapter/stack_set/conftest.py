import pytest

from local.account import Account
from local.adapter.stack_set.fleet import Fleet, make_fleet


@pytest.fixture
def fleet(account: Account) -> Fleet:
    return make_fleet(account)
