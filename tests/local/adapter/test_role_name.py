from local.account import PRIMARY, SECONDARY, Account, deploy, destroy

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def role(**properties: object) -> dict[str, dict[str, object]]:
    return {"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, **properties}}}


def name_of(account: Account, region: str) -> str:
    (found,) = account.cloudformation(region).describe_stack_resources(StackName="one")["StackResources"]
    return found["PhysicalResourceId"]


def test_stacks_of_one_name_in_two_regions_have_a_role_each(account: Account) -> None:
    for region in (PRIMARY, SECONDARY):
        assert deploy(account, "one", role(), region=region).status == "CREATE_COMPLETE"
    first, second = name_of(account, PRIMARY), name_of(account, SECONDARY)
    assert first != second
    assert max(len(first), len(second)) <= 64
    destroy(account, "one", region=SECONDARY)
    client = account.cloudformation()
    client.detect_stack_drift(StackName="one")
    (drift,) = client.describe_stack_resource_drifts(StackName="one")["StackResourceDrifts"]
    assert drift["StackResourceDriftStatus"] == "IN_SYNC"


def test_a_role_with_a_name_keeps_it(account: Account) -> None:
    deploy(account, "one", role(RoleName="mine"))
    assert name_of(account, PRIMARY) == "mine"
