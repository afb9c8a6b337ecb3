import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, update
from local.adapter.templates import function, log_group

_OUTPUTS = {name: {"Value": {"Fn::GetAtt": ["Key", name]}} for name in ("Arn", "KeyId")}


def _policy(account: Account, **statement: Any) -> dict[str, Any]:
    own = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account.id}:root"}, "Action": "kms:*"}
    statements = [{**own, "Resource": "*"}, *([{"Effect": "Allow", "Resource": "*", **statement}] if statement else [])]
    return {"Version": "2012-10-17", "Statement": statements}


def _key(**properties: Any) -> dict[str, Any]:
    return {"Key": {"Type": "AWS::KMS::Key", "Properties": {"MultiRegion": True, **properties}}}


def _replica(account: Account, arn: str, **properties: Any) -> dict[str, Any]:
    given = {"PrimaryKeyArn": arn, "KeyPolicy": _policy(account), "PendingWindowInDays": 7, **properties}
    return {"Key": {"Type": "AWS::KMS::ReplicaKey", "Properties": given}}


def _alias(target: Any, name: str = "alias/orders") -> dict[str, Any]:
    return {"Alias": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": name, "TargetKeyId": target}}}


@pytest.fixture
def primary(account: Account) -> str:
    """The ARN of a multi-Region key in the primary region."""
    outcome = deploy(account, "key", _key(), outputs=_OUTPUTS)
    assert outcome.status == "CREATE_COMPLETE"
    return outcome.outputs["Arn"]


def _describe(account: Account, key: str, region: str = PRIMARY) -> Any:
    return account.client("kms", region).describe_key(KeyId=key)["KeyMetadata"]


def test_a_replica_key_opens_what_its_primary_key_has_closed(account: Account, primary: str) -> None:
    tags = [{"Key": "team", "Value": "blue"}]
    made = deploy(account, "replica", _replica(account, primary), region=SECONDARY, outputs=_OUTPUTS, Tags=tags)
    assert made.outputs["Arn"] == primary.replace(PRIMARY, SECONDARY)
    assert made.outputs["KeyId"] == primary.rpartition("/")[2]
    kms = account.client("kms", SECONDARY)
    closed = account.client("kms").encrypt(KeyId=primary, Plaintext=b"secret")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=closed)["Plaintext"] == b"secret"
    assert {"TagKey": "team", "TagValue": "blue"} in kms.list_resource_tags(KeyId=made.outputs["Arn"])["Tags"]
    changed = _policy(account, Principal={"Service": "s3.amazonaws.com"}, Action="kms:Decrypt")
    off = _replica(account, primary, Enabled="false", Description="off", KeyPolicy=changed)
    assert update(account, "replica", off, region=SECONDARY).status == "UPDATE_COMPLETE"
    key = _describe(account, made.outputs["Arn"], SECONDARY)
    assert (key["KeyState"], key["Description"]) == ("Disabled", "off")
    assert json.loads(kms.get_key_policy(KeyId=made.outputs["Arn"])["Policy"]) == changed
    assert len(json.loads(account.client("kms").get_key_policy(KeyId=primary)["Policy"])["Statement"]) == 1


def test_a_primary_key_waits_until_its_replicas_are_gone(account: Account, primary: str) -> None:
    deploy(account, "replica", _replica(account, primary), region=SECONDARY)
    assert destroy(account, "key").status == "DELETE_COMPLETE"
    waiting = _describe(account, primary)
    assert (waiting["KeyState"], "DeletionDate" in waiting) == ("PendingReplicaDeletion", False)
    assert destroy(account, "replica", region=SECONDARY).status == "DELETE_COMPLETE"
    replica = primary.replace(PRIMARY, SECONDARY)
    assert _describe(account, replica, SECONDARY)["KeyState"] == "PendingDeletion"
    # Its deletion is scheduled only: it is among the replicas for a week at least.
    assert _describe(account, primary)["KeyState"] == "PendingReplicaDeletion"
    assert [key["Region"] for key in _describe(account, primary)["MultiRegionConfiguration"]["ReplicaKeys"]] == [
        SECONDARY
    ]


def test_a_replica_key_is_not_made_again_while_its_deletion_is_pending(account: Account, primary: str) -> None:
    deploy(account, "replica", _replica(account, primary), region=SECONDARY)
    destroy(account, "replica", region=SECONDARY)
    again = deploy(account, "replica", _replica(account, primary), region=SECONDARY)
    assert (again.status, "HandlerErrorCode: AlreadyExists" in again.reason) == ("ROLLBACK_COMPLETE", True)
    account.client("kms", SECONDARY).cancel_key_deletion(KeyId=primary.replace(PRIMARY, SECONDARY))
    assert _describe(account, primary.replace(PRIMARY, SECONDARY), SECONDARY)["KeyState"] == "Disabled"


@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
def test_a_replica_key_of_no_primary_key_elsewhere_is_refused(account: Account, primary: str, region: str) -> None:
    arn = primary if region == PRIMARY else "arn:aws:kms:us-east-1:123456789012:key/none"
    assert deploy(account, "replica", _replica(account, arn), region=region).status == "ROLLBACK_COMPLETE"


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ({"Principal": {"AWS": "arn:aws:iam::{}:role/none"}, "Action": "kms:Decrypt"}, "invalid principals"),
        ({"Sid": "π", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "kms:Decrypt"}, "regular expression"),
        (None, "will not allow you to update the key policy"),
    ],
    ids=["principal", "text", "lockout"],
)
def test_a_key_policy_that_kms_refuses_fails_the_key(
    account: Account, statement: dict[str, Any] | None, reason: str
) -> None:
    policy = json.loads(json.dumps(_policy(account, **(statement or {}))).replace("{}", account.id))
    if statement is None:
        policy["Statement"][0]["Action"] = ["kms:Decrypt", "kms:Put"]
    outcome = deploy(account, "key", _key(KeyPolicy=policy))
    assert (outcome.status, reason in outcome.reason) == ("ROLLBACK_COMPLETE", True)


@pytest.mark.parametrize("change", [{"MultiRegion": False}, {"KeySpec": "RSA_2048"}, {"KeyUsage": "SIGN_VERIFY"}])
def test_what_a_key_is_cannot_be_changed(account: Account, primary: str, change: dict[str, Any]) -> None:
    changed = update(account, "key", _key(**change))
    assert (changed.status, "cannot be changed" in changed.reason) == ("UPDATE_ROLLBACK_COMPLETE", True)
    assert _describe(account, primary)["MultiRegion"]
    assert update(account, "key", _key(MultiRegion="true", Description="same key")).status == "UPDATE_COMPLETE"


def test_an_alias_is_of_its_region_and_of_a_key_there(account: Account, primary: str) -> None:
    deploy(account, "replica", _replica(account, primary), region=SECONDARY)
    for region in (PRIMARY, SECONDARY):
        assert deploy(account, "alias", _alias(primary.rpartition("/")[2]), region=region).status == "CREATE_COMPLETE"
        assert _describe(account, "alias/orders", region)["Arn"] == primary.replace(PRIMARY, region)
    taken = deploy(account, "other", _alias(primary))
    assert (taken.status, "already exists" in taken.reason) == ("ROLLBACK_COMPLETE", True)
    in_secondary = deploy(account, "elsewhere", _alias(primary, "alias/far"), region=SECONDARY)
    assert (in_secondary.status, f"Invalid arn {PRIMARY}" in in_secondary.reason) == ("ROLLBACK_COMPLETE", True)
    assert "does not exist" in update(account, "alias", _alias("none")).reason
    assert destroy(account, "alias").status == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="NotFoundException"):
        _describe(account, "alias/orders")


def test_a_log_group_takes_a_key_that_names_its_service(account: Account) -> None:
    closed = deploy(account, "closed", _key(), outputs=_OUTPUTS).outputs["Arn"]
    policy = _policy(account, Principal={"Service": f"logs.{PRIMARY}.amazonaws.com"}, Action="kms:Encrypt*")
    opened = deploy(account, "opened", _key(KeyPolicy=policy), outputs=_OUTPUTS).outputs["Arn"]
    for name, key in (("a", closed), ("b", opened.replace(PRIMARY, SECONDARY)), ("c", "alias/any")):
        refused = deploy(account, f"logs-{name}", log_group(name, KmsKeyId=key))
        assert (refused.status, "is not allowed to be used with Arn" in refused.reason) == ("ROLLBACK_COMPLETE", True)
    assert deploy(account, "logs", log_group("d", KmsKeyId=opened)).status == "CREATE_COMPLETE"
    assert update(account, "logs", log_group("d", KmsKeyId=closed)).status == "UPDATE_ROLLBACK_COMPLETE"


def test_a_functions_variables_take_a_key_that_is_there(account: Account, primary: str) -> None:
    def keyed(key: str) -> dict[str, Any]:
        made = function("tap")
        made["Function"]["Properties"].update(KmsKeyArn=key, Environment={"Variables": {"A": "b"}})
        return made

    for key, reason in ((f"{primary}0", "invalid for CreateGrant"), ("alias/any", "kMSKeyArn")):
        refused = deploy(account, f"app-{reason[:3].strip()}", keyed(key))
        assert (refused.status, reason in refused.reason) == ("ROLLBACK_COMPLETE", True)
    assert deploy(account, "app", keyed(primary)).status == "CREATE_COMPLETE"
    assert account.functions().get_function_configuration(FunctionName="tap")["KMSKeyArn"] == primary


def test_an_alarm_reaches_a_topic_whose_key_lets_it(account: Account, primary: str) -> None:
    policy = _policy(account, Principal={"Service": "cloudwatch.amazonaws.com"}, Action="kms:Decrypt")
    opened = deploy(account, "opened", _key(KeyPolicy=policy), outputs=_OUTPUTS).outputs["Arn"]
    sns, sqs, cloudwatch = (account.client(name) for name in ("sns", "sqs", "cloudwatch"))
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    actions = []
    for name, key in (("closed", primary), ("managed", "alias/aws/sns"), ("opened", opened)):
        topic = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name, "KmsMasterKeyId": key}}}
        assert deploy(account, f"topic-{name}", topic).status == "CREATE_COMPLETE"
        actions.append(f"arn:aws:sns:{PRIMARY}:{account.id}:{name}")
        sns.subscribe(TopicArn=actions[-1], Protocol="sqs", Endpoint=queue)
    cloudwatch.put_metric_alarm(
        AlarmName="a", Namespace="own", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", AlarmActions=actions,
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="drill")
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(message["Body"])["TopicArn"] for message in messages] == [actions[2]]
