import pytest

from builder.deploy.draft.draft import remedy
from builder.terms import STATUSES, Operation
from deploy.draft.test_decide import observed


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_that_planning_cannot_deal_with_has_a_way_on_and_no_other(status: str) -> None:
    stuck = STATUSES[status].operation in {Operation.RECOVER, Operation.REFUSE, Operation.WAIT}
    assert bool(remedy(observed(status))) == stuck


@pytest.mark.parametrize(
    ("status", "begins"),
    [
        ("UPDATE_FAILED", "python -m builder plan --recover "),
        ("UPDATE_ROLLBACK_FAILED", "python -m builder plan --recover "),
        ("DELETE_FAILED", "python -m builder destroy "),
        (
            "IMPORT_ROLLBACK_FAILED",
            "aws cloudformation describe-stack-events --region us-east-1 --stack-name tap-dev-table ",
        ),
        ("UPDATE_IN_PROGRESS", "the same command again "),
    ],
)
def test_it_begins_with_what_to_type(status: str, begins: str) -> None:
    assert remedy(observed(status)).startswith(begins)
