"""What nobody could check of what AWS asks for permissions."""

import pytest
from botocore.exceptions import ClientError

from on_aws.lab import Lab, topic
from on_aws.people import Person


def test_the_tags_of_a_change_set_take_tag_resource(lab: Lab, person: Person) -> None:
    stack = f"arn:aws:cloudformation:*:{lab.account}:stack/{lab.name('new')}/*"
    actions = ["cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet"]
    somebody = person({"Effect": "Allow", "Action": actions, "Resource": stack})
    with pytest.raises(ClientError, match="cloudformation:TagResource"):
        somebody.plan("new", topic())
    # All else is allowed.
    assert lab.plan("another", topic())["Status"] == "CREATE_COMPLETE"


def test_a_change_set_that_is_named_by_its_arn_passes_our_condition(lab: Lab, person: Person) -> None:
    name, stack = lab.name("set"), f"arn:aws:cloudformation:*:{lab.account}:stack/{lab.name('new')}/*"
    named = "cloudformation:ChangeSetName"
    by_arn = f"arn:aws:cloudformation:*:{lab.account}:changeSet/{name}-*"
    somebody = person(
        {
            "Effect": "Allow",
            "Action": ["cloudformation:DeleteChangeSet", "cloudformation:ExecuteChangeSet"],
            "Resource": stack,
            "Condition": {"StringLikeIfExists": {named: [f"{name}-*", by_arn]}},
        },
        {"Effect": "Allow", "Action": "cloudformation:DescribeStacks", "Resource": stack},
        {"Effect": "Allow", "Action": "sns:*", "Resource": "*"},
    )
    assert somebody.execute(lab.plan("new", topic(), ChangeSetName=f"{name}-1")) == "CREATE_COMPLETE"
    planned = lab.plan("new", topic("two"), "UPDATE", ChangeSetName=f"{name}-2")
    somebody.cfn.delete_change_set(ChangeSetName=planned["ChangeSetId"])
