from dataclasses import replace

from builder.fleet.reach import plan_set
from builder.fleet.targets import SetContext
from fleet.stack_sets import ACCOUNTS
from fleet.test_reach import BODY, DEFINITION, MIXED, STANDS, UPDATE

C = ACCOUNTS[2]


def test_what_was_not_looked_at_is_said() -> None:
    def told(context: SetContext) -> str:
        return "\n".join(plan_set(context).remarks)

    assert "--overrides" in told(replace(UPDATE, observed=replace(STANDS, overrides_known=False)))
    assert "lies in a bucket" in told(replace(UPDATE, definition=replace(DEFINITION, body=None)))
    transformed = replace(DEFINITION, body=f"Transform: AWS::LanguageExtensions\n{BODY}")
    assert "has a transform" in told(replace(UPDATE, definition=transformed))
    more = BODY.replace(
        "        - Region: us-west-2",
        "        - Region: eu-west-1\n        - Region: eu-west-2\n        - Region: us-west-2",
    )
    assert "one replica or index more or less at a time" in told(
        replace(UPDATE, definition=replace(DEFINITION, body=more))
    )
    assert told(UPDATE) == ""


def test_what_no_update_reaches_and_what_lies_behind_is_said() -> None:
    planned = plan_set(replace(UPDATE, observed=replace(STANDS, instances=MIXED)))
    told = "\n".join(planned.remarks)
    assert f"{C} us-west-2 is INOPERABLE" in told
    assert "2 instances are behind the set's template" in told
