from dataclasses import replace

from builder.fleet.reach import plan_set
from builder.fleet.targets import SetContext
from fleet.stack_sets import ACCOUNTS
from fleet.test_reach import BODY, DEFINITION, DEPLOYED, MIXED, UPDATE

C = ACCOUNTS[2]


def test_what_was_not_looked_at_is_said() -> None:
    def remarks(context: SetContext) -> str:
        return "\n".join(plan_set(context).remarks)

    assert "--overrides" in remarks(replace(UPDATE, observed=replace(DEPLOYED, overrides_known=False)))
    assert "lies in a bucket" in remarks(replace(UPDATE, definition=replace(DEFINITION, body=None)))
    transformed = replace(DEFINITION, body=f"Transform: AWS::LanguageExtensions\n{BODY}")
    assert "has a transform" in remarks(replace(UPDATE, definition=transformed))
    more = BODY.replace(
        "        - Region: us-west-2",
        "        - Region: eu-west-1\n        - Region: eu-west-2\n        - Region: us-west-2",
    )
    assert "one replica or index more or less at a time" in remarks(
        replace(UPDATE, definition=replace(DEFINITION, body=more))
    )
    assert remarks(UPDATE) == ""


def test_what_no_update_reaches_and_what_lies_behind_is_said() -> None:
    planned = plan_set(replace(UPDATE, observed=replace(DEPLOYED, instances=MIXED)))
    text = "\n".join(planned.remarks)
    assert f"{C} us-west-2 is INOPERABLE" in text
    assert "2 instances are behind the set's template" in text
