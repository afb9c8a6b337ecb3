import pytest

from local.account import Account
from local.adapter.stack_sets.fleet import Fleet, make_fleet
from local.adapter.stack_sets.organized import Organized, organize


@pytest.fixture
def fleet(account: Account) -> Fleet:
    return make_fleet(account)


@pytest.fixture
def organized(fleet: Fleet) -> Organized:
    return organize(fleet)
