import json

from local.adapter.strict import Strict, allow, reasons, settled
from local.adapter.templates import log_group


def template(**properties: int) -> str:
    return json.dumps({"Resources": log_group("/a", **properties)})


def test_what_may_not_be_changed_is_rolled_back(strict: Strict) -> None:
    person = strict.person(
        allow("cloudformation:*"), allow("logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:TagResource")
    )
    person.create_stack(StackName="one", TemplateBody=template())
    assert settled(person, "one") == "CREATE_COMPLETE"
    person.update_stack(StackName="one", TemplateBody=template(RetentionInDays=1))
    assert settled(person, "one").startswith("UPDATE_ROLLBACK_")
    assert "logs:PutRetentionPolicy on resource: arn:aws:logs:us-east-1:" in reasons(person, "one")


def test_what_may_be_done_is_done(strict: Strict) -> None:
    person = strict.person(
        allow("cloudformation:*"), allow("logs:*", resource="arn:aws:logs:us-east-1:*:log-group:/a*")
    )
    person.create_stack(StackName="one", TemplateBody=template())
    assert settled(person, "one") == "CREATE_COMPLETE"
    person.update_stack(StackName="one", TemplateBody=template(RetentionInDays=1))
    assert settled(person, "one") == "UPDATE_COMPLETE"
