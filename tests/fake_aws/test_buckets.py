"""Buckets: every setting is read back, whoever said it, and a stack takes a bucket in as it is."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import Fault, Unsupported, World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client

    from fake_aws.conftest import Deploy

NAME = "data"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*"}]}
RULES: list[Any] = [
    {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 30}}
]
ALL: dict[str, Any] = {
    "BucketName": NAME,
    "VersioningConfiguration": {"Status": "Enabled"},
    "LifecycleConfiguration": {
        "Rules": [
            {"Id": "old", "Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": "30"}},
            {
                "Id": "cold",
                "Status": "Enabled",
                "Prefix": "a/",
                "TagFilters": [{"Key": "k", "Value": "v"}],
                "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 90}],
                "NoncurrentVersionTransitions": [{"StorageClass": "GLACIER", "TransitionInDays": 7}],
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
                "ExpirationInDays": 400,
            },
        ]
    },
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [
            {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": "true"}
        ]
    },
    "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "RestrictPublicBuckets": "true"},
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
    "CorsConfiguration": {
        "CorsRules": [{"Id": "c", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": "60"}]
    },
    "WebsiteConfiguration": {
        "IndexDocument": "index.html",
        "RoutingRules": [{"RedirectRule": {"HostName": "b"}, "RoutingRuleCondition": {"KeyPrefixEquals": "a"}}],
    },
    "LoggingConfiguration": {"DestinationBucketName": "logs", "LogFilePrefix": "of-data/"},
    "NotificationConfiguration": {
        "QueueConfigurations": [
            {
                "Event": "s3:ObjectCreated:*",
                "Queue": "arn:aws:sqs:us-east-1:111122223333:q",
                "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "a/"}]}},
            }
        ],
        "EventBridgeConfiguration": {"EventBridgeEnabled": True},
    },
    "AccelerateConfiguration": {"AccelerationStatus": "Enabled"},
    "Tags": [{"Key": "team", "Value": "core"}],
}
REPLICATION = {
    "Role": "arn:aws:iam::111122223333:role/copy",
    "Rules": [
        {
            "Id": "all",
            "Priority": "1",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "a/", "TagFilters": [{"Key": "k", "Value": "v"}]}},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {
                "Bucket": "arn:aws:s3:::copy",
                "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": "15"}},
                "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": "15"}},
            },
        }
    ],
}


@pytest.fixture
def s3(world: World) -> "S3Client":
    return world.session().client("s3", region_name="us-east-1")


def body(properties: dict[str, Any], policy: dict[str, Any] | None = None) -> str:
    resources: dict[str, Any] = {
        "Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": properties},
        "Topic": {"Type": "AWS::SNS::Topic"},
    }
    if policy is not None:
        settings = {"Bucket": NAME, "PolicyDocument": policy}
        resources["Policy"] = {"Type": "AWS::S3::BucketPolicy", "DeletionPolicy": "Retain", "Properties": settings}
    return json.dumps({"Resources": resources})


TOPIC = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


def importing(*logical_ids: str) -> dict[str, Any]:
    known = {"Bucket": ("AWS::S3::Bucket", "BucketName"), "Policy": ("AWS::S3::BucketPolicy", "Bucket")}
    return {
        "ChangeSetType": "IMPORT",
        "ResourcesToImport": [
            {"ResourceType": known[each][0], "LogicalResourceId": each, "ResourceIdentifier": {known[each][1]: NAME}}
            for each in logical_ids
        ],
    }


def code(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(Bucket=NAME, **params)
    return error.value.response["Error"]["Code"]


def read(s3: "S3Client") -> dict[str, Any]:
    """Every setting of the bucket; the error where it has none."""
    settings: dict[str, Any] = {}
    for name in (
        *("accelerate_configuration", "acl", "cors", "encryption", "lifecycle_configuration", "logging"),
        *("notification_configuration", "ownership_controls", "policy", "replication", "request_payment"),
        *("tagging", "versioning", "website"),
    ):
        settings[name] = _answer(getattr(s3, f"get_bucket_{name}"))
    settings["public"] = _answer(s3.get_public_access_block)
    return settings


def _answer(call: Any) -> Any:
    try:
        answer = dict(call(Bucket=NAME))
    except ClientError as error:
        return error.response["Error"]["Code"]
    del answer["ResponseMetadata"]
    return answer


def test_a_new_bucket_has_what_every_new_bucket_has(s3: "S3Client") -> None:
    s3.create_bucket(Bucket=NAME)
    settings = read(s3)
    owner = {"ID": "canonical-111122223333"}
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    assert settings == {
        "accelerate_configuration": {},
        "acl": {
            "Owner": owner,
            "Grants": [{"Grantee": owner | {"Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}],
        },
        "cors": "NoSuchCORSConfiguration",
        "encryption": {"ServerSideEncryptionConfiguration": {"Rules": [rule]}},
        "lifecycle_configuration": "NoSuchLifecycleConfiguration",
        "logging": {},
        "notification_configuration": {},
        "ownership_controls": {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}},
        "policy": "NoSuchBucketPolicy",
        "public": {
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            }
        },
        "replication": "ReplicationConfigurationNotFoundError",
        "request_payment": {"Payer": "BucketOwner"},
        "tagging": "NoSuchTagSet",
        "versioning": {},
        "website": "NoSuchWebsiteConfiguration",
    }
    for kind in ("analytics", "intelligent_tiering", "inventory", "metrics"):
        listed = getattr(s3, f"list_bucket_{kind}_configurations")(Bucket=NAME)
        assert not any(name.endswith("List") for name in listed)


def test_what_a_template_says_is_read_in_s3_s_words(s3: "S3Client", deploy: "Deploy") -> None:
    assert deploy(body(ALL, POLICY)) == "CREATE_COMPLETE"
    settings = read(s3)
    old, cold = settings["lifecycle_configuration"]["Rules"]
    assert old == RULES[0]
    assert cold["Filter"] == {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}]}}
    assert (cold["Expiration"], cold["AbortIncompleteMultipartUpload"]) == ({"Days": 400}, {"DaysAfterInitiation": 3})
    assert cold["Transitions"] == [{"Days": 90, "StorageClass": "GLACIER"}]
    assert cold["NoncurrentVersionTransitions"] == [{"NoncurrentDays": 7, "StorageClass": "GLACIER"}]
    (rule,) = settings["encryption"]["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule == {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    blocked = settings["public"]["PublicAccessBlockConfiguration"]
    assert [name for name, is_on in blocked.items() if is_on] == ["BlockPublicAcls", "RestrictPublicBuckets"]
    assert settings["cors"]["CORSRules"] == [
        {"ID": "c", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 60}
    ]
    assert settings["website"] == {
        "IndexDocument": {"Suffix": "index.html"},
        "RoutingRules": [{"Condition": {"KeyPrefixEquals": "a"}, "Redirect": {"HostName": "b"}}],
    }
    assert settings["logging"] == {"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": "of-data/"}}
    (queue,) = settings["notification_configuration"]["QueueConfigurations"]
    assert queue["Filter"] == {"Key": {"FilterRules": [{"Name": "prefix", "Value": "a/"}]}}
    assert settings["notification_configuration"]["EventBridgeConfiguration"] == {}
    assert settings["accelerate_configuration"] == {"Status": "Enabled"}
    assert json.loads(settings["policy"]["Policy"]) == POLICY
    assert {"Key": "team", "Value": "core"} in settings["tagging"]["TagSet"]


def test_replication_rules_are_read_whole(s3: "S3Client", deploy: "Deploy") -> None:
    copy = {"BucketName": "copy", "VersioningConfiguration": {"Status": "Enabled"}}
    deploy(body(copy), stack="copy")
    assert deploy(body({**ALL, "ReplicationConfiguration": REPLICATION})) == "CREATE_COMPLETE"
    shown = s3.get_bucket_replication(Bucket=NAME)["ReplicationConfiguration"]
    (rule,) = shown["Rules"]
    assert rule["Filter"] == {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}]}}
    assert (rule["ID"], rule["Priority"]) == ("all", 1)
    assert rule["Destination"]["ReplicationTime"] == {"Status": "Enabled", "Time": {"Minutes": 15}}
    s3.delete_bucket_replication(Bucket=NAME)
    s3.put_bucket_replication(Bucket=NAME, ReplicationConfiguration=shown)
    assert s3.get_bucket_replication(Bucket=NAME)["ReplicationConfiguration"] == shown


def configure(s3: "S3Client") -> None:
    """Put into the bucket by calls what `ALL` says."""
    s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
    cold: Any = {
        "ID": "cold",
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}]}},
        "Transitions": [{"StorageClass": "GLACIER", "Days": 90}],
        "NoncurrentVersionTransitions": [{"StorageClass": "GLACIER", "NoncurrentDays": 7}],
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
        "Expiration": {"Days": 400},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=NAME, LifecycleConfiguration={"Rules": [*RULES, cold]})
    rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=NAME, ServerSideEncryptionConfiguration={"Rules": [rule]})
    blocked: Any = {"BlockPublicAcls": True, "RestrictPublicBuckets": True}
    off = {"IgnorePublicAcls": False, "BlockPublicPolicy": False}
    s3.put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration=blocked | off)
    s3.put_bucket_ownership_controls(Bucket=NAME, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    cors: Any = {"ID": "c", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 60}
    s3.put_bucket_cors(Bucket=NAME, CORSConfiguration={"CORSRules": [cors]})
    route: Any = {"Condition": {"KeyPrefixEquals": "a"}, "Redirect": {"HostName": "b"}}
    website: Any = {"IndexDocument": {"Suffix": "index.html"}, "RoutingRules": [route]}
    s3.put_bucket_website(Bucket=NAME, WebsiteConfiguration=website)
    s3.put_bucket_logging(
        Bucket=NAME, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": "of-data/"}}
    )
    queue: Any = {
        "QueueArn": "arn:aws:sqs:us-east-1:111122223333:q",
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "a/"}]}},
    }
    notifications: Any = {"QueueConfigurations": [queue], "EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=NAME, NotificationConfiguration=notifications)
    s3.put_bucket_accelerate_configuration(Bucket=NAME, AccelerateConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket=NAME, Tagging={"TagSet": [{"Key": "team", "Value": "core"}]})
    s3.put_bucket_policy(Bucket=NAME, Policy=json.dumps(POLICY))


def test_what_calls_say_is_what_a_template_says_and_an_import_changes_none_of_it(
    world: World, s3: "S3Client", deploy: "Deploy"
) -> None:
    s3.create_bucket(Bucket=NAME)
    configure(s3)
    version = s3.put_object(Bucket=NAME, Key="k", Body=b"x")["VersionId"]
    before = read(s3)
    deploy(TOPIC)
    assert deploy(body(ALL, POLICY), name="second", **importing("Bucket", "Policy")) == "IMPORT_COMPLETE"
    resources = world.stack("app").record.resources
    assert (resources["Bucket"].actual, resources["Policy"].actual) == (None, None)
    after = read(s3)
    tags = [before.pop("tagging")["TagSet"], after.pop("tagging")["TagSet"]]
    assert before == after
    assert [each for each in tags[1] if not each["Key"].startswith("aws:")] == tags[0]
    assert s3.get_object(Bucket=NAME, Key="k")["VersionId"] == version


def test_an_import_leaves_what_the_template_says_otherwise_until_that_property_changes(
    world: World, s3: "S3Client", deploy: "Deploy"
) -> None:
    s3.create_bucket(Bucket=NAME)
    configure(s3)
    s3.put_bucket_request_payment(Bucket=NAME, RequestPaymentConfiguration={"Payer": "Requester"})
    before = read(s3)
    deploy(TOPIC)
    little = {"BucketName": NAME, "VersioningConfiguration": {"Status": "Suspended"}}
    tagged = {"Tags": [{"Key": "builder:stack", "Value": "storage"}]}
    assert deploy(body(little), name="second", **importing("Bucket")) == "IMPORT_COMPLETE"
    assert read(s3) | {"tagging": 0} == before | {"tagging": 0}
    # Another property changes: only that one.
    more = {**little, "AccelerateConfiguration": {"AccelerationStatus": "Suspended"}}
    assert deploy(body(more), name="third", **tagged) == "UPDATE_COMPLETE"
    settings = read(s3)
    assert settings["accelerate_configuration"] == {"Status": "Suspended"}
    assert {name for name, value in settings.items() if value != before[name]} == {
        "accelerate_configuration",
        "tagging",
    }
    assert {"Key": "builder:stack", "Value": "storage"} in settings["tagging"]["TagSet"]
    # Versioning changes in the template: it is what the template says.
    assert deploy(body(more | {"VersioningConfiguration": {"Status": "Enabled"}}), name="fourth") == "UPDATE_COMPLETE"
    assert deploy(body(more), name="fifth") == "UPDATE_COMPLETE"
    assert read(s3)["versioning"] == {"Status": "Suspended"}
    assert read(s3)["request_payment"] == {"Payer": "Requester"}


def test_tags_that_the_new_stack_gives_take_the_place_of_the_old_one_s(
    world: World, s3: "S3Client", cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    def tagged(value: str) -> dict[str, Any]:
        return {"Tags": [{"Key": "builder:stack", "Value": value}]}

    deploy(body({"BucketName": NAME}), stack="old", **tagged("old"))
    cfn.delete_stack(StackName="old")
    deploy(TOPIC, stack="new", **tagged("new"))
    world.settle()
    assert deploy(body({"BucketName": NAME}), name="second", stack="new", **importing("Bucket")) == "IMPORT_COMPLETE"
    shown = s3.get_bucket_tagging(Bucket=NAME)["TagSet"]
    assert [each["Value"] for each in shown if each["Key"] == "builder:stack"] == ["new"]


def test_a_bucket_is_imported_in_its_own_region_and_account_only(
    world: World, plan: "Deploy", deploy: "Deploy", cfn: "CloudFormationClient"
) -> None:
    world.by_hand("AWS::S3::Bucket", {"BucketName": NAME}, region="us-west-2")
    deploy(TOPIC)
    shown = cfn.describe_change_set(ChangeSetName=plan(body({"BucketName": NAME}), "second", **importing("Bucket")))
    assert (shown["Status"], "does not exist" in shown["StatusReason"]) == ("FAILED", True)
    again = cfn.describe_change_set(ChangeSetName=plan(body({"BucketName": NAME}), name="new", stack="other"))
    assert "ResourceExistenceCheck" in again["StatusReason"]


def test_a_bucket_has_one_policy_whoever_made_it(world: World, s3: "S3Client", deploy: "Deploy") -> None:
    s3.create_bucket(Bucket=NAME)
    s3.put_bucket_policy(Bucket=NAME, Policy=json.dumps(POLICY))
    assert code(s3.put_bucket_policy, Policy="{") == "MalformedPolicy"
    properties = {"Bucket": NAME, "PolicyDocument": {"Statement": []}}
    policy = json.dumps({"Resources": {"Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": properties}}})
    assert deploy(policy) == "ROLLBACK_COMPLETE"
    failed = [each.reason for each in world.stack("app").record.events if each.status == "CREATE_FAILED"]
    assert "already exists on bucket data" in str(failed[0])
    assert json.loads(read(s3)["policy"]["Policy"]) == POLICY  # what was not made is not taken away
    s3.delete_bucket_policy(Bucket=NAME)
    assert deploy(policy, stack="other") == "CREATE_COMPLETE"
    assert json.loads(read(s3)["policy"]["Policy"]) == {"Statement": []}


def test_settings_are_deleted_and_versioning_never(s3: "S3Client") -> None:
    s3.create_bucket(Bucket=NAME)
    configure(s3)
    for name in ("cors", "website", "ownership_controls", "lifecycle", "policy", "replication"):
        getattr(s3, f"delete_bucket_{name}")(Bucket=NAME)
    s3.delete_public_access_block(Bucket=NAME)
    settings = read(s3)
    assert [name for name, value in settings.items() if isinstance(value, str)] == [
        *("cors", "lifecycle_configuration", "ownership_controls", "policy", "replication", "website", "public")
    ]
    assert settings["public"] == "NoSuchPublicAccessBlockConfiguration"
    s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Suspended"})
    s3.create_bucket(Bucket="copy")
    s3.put_bucket_versioning(Bucket="copy", VersioningConfiguration={"Status": "Enabled"})
    rule: Any = {"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": "arn:aws:s3:::copy"}}
    rules: Any = {"ReplicationConfiguration": {"Role": "arn:aws:iam::111122223333:role/copy", "Rules": [rule]}}
    assert code(s3.put_bucket_replication, **rules) == "InvalidRequest"
    s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_replication(Bucket=NAME, **rules)
    assert code(s3.put_bucket_versioning, VersioningConfiguration={"Status": "Suspended"}) == "InvalidBucketState"


def test_what_a_bucket_has_several_of_is_listed_page_by_page(s3: "S3Client") -> None:
    s3.create_bucket(Bucket=NAME)
    for name in ("a", "b", "c", "a"):
        s3.put_bucket_metrics_configuration(Bucket=NAME, Id=name, MetricsConfiguration={"Id": name})
    first = s3.list_bucket_metrics_configurations(Bucket=NAME)
    second = s3.list_bucket_metrics_configurations(Bucket=NAME, ContinuationToken=first["NextContinuationToken"])
    listed = [each["Id"] for page in (first, second) for each in page["MetricsConfigurationList"]]
    assert (listed, second["IsTruncated"]) == (["b", "c", "a"], False)


def test_what_a_template_says_and_nobody_turns_into_s3_s_words_is_loud_when_it_is_read(
    s3: "S3Client", deploy: "Deploy"
) -> None:
    several = [{"Id": "all"}]
    assert deploy(body({"BucketName": NAME, "MetricsConfigurations": several, "AccessControl": "PublicRead"})) == (
        "CREATE_COMPLETE"
    )
    with pytest.raises(Unsupported, match="MetricsConfigurations"):
        s3.list_bucket_metrics_configurations(Bucket=NAME)
    with pytest.raises(Unsupported, match="AccessControl"):
        s3.get_bucket_acl(Bucket=NAME)
    with pytest.raises(Unsupported, match="MFA"):
        s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"})


def test_a_setting_is_late_where_a_rule_names_the_service(world: World, s3: "S3Client") -> None:
    world.faults.max_age_s = 5
    world.faults.add(Fault.STALE, service="s3")
    s3.create_bucket(Bucket=NAME)
    world.pass_time(60)
    s3.put_bucket_policy(Bucket=NAME, Policy="{}")
    answers = {str(_answer(s3.get_bucket_policy)) for _ in range(20)}
    assert answers == {"NoSuchBucketPolicy", "{'Policy': '{}'}"}
    world.pass_time(60)
    assert _answer(s3.get_bucket_policy) == {"Policy": "{}"}


@pytest.fixture
def pair(world: World, s3: "S3Client") -> "S3Client":
    """A bucket in the east that replicates what begins with `a` to one in the west; returns the west's client."""
    west = world.session().client("s3", region_name="us-west-2")
    s3.create_bucket(Bucket=NAME)
    west.create_bucket(Bucket="copy", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    for client, name in ((s3, NAME), (west, "copy")):
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    rule: Any = {
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": "a"},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": "arn:aws:s3:::copy"},
    }
    s3.put_bucket_replication(
        Bucket=NAME, ReplicationConfiguration={"Role": "arn:aws:iam::111122223333:role/copy", "Rules": [rule]}
    )
    return west


def test_a_rule_s_prefix_says_what_is_copied(world: World, s3: "S3Client", pair: "S3Client") -> None:
    for key in ("a1", "b1"):
        s3.put_object(Bucket=NAME, Key=key, Body=b"x")
    world.settle()
    assert [each.key for each in world.buckets["copy"].versions] == ["a1"]
    assert "ReplicationStatus" not in s3.head_object(Bucket=NAME, Key="b1")


@pytest.mark.parametrize("on_top", [False, True])
def test_what_was_on_its_way_to_a_region_that_is_down_arrives_once_it_is_up(
    world: World, s3: "S3Client", pair: "S3Client", *, on_top: bool
) -> None:
    world.quirks.late_copies_are_on_top = on_top
    s3.put_object(Bucket=NAME, Key="a1", Body=b"east")
    world.region_down("us-east-1")
    world.settle()
    assert world.buckets["copy"].versions == []
    pair.put_object(Bucket="copy", Key="a1", Body=b"west")
    with pytest.raises(ClientError) as error:
        pair.put_bucket_versioning(Bucket="copy", VersioningConfiguration={"Status": "Suspended"})
    assert error.value.response["Error"]["Code"] == "ServiceUnavailable"
    world.pass_time(60)
    world.region_up("us-east-1")
    world.settle()
    assert s3.head_object(Bucket=NAME, Key="a1")["ReplicationStatus"] == "COMPLETED"
    assert pair.get_object(Bucket="copy", Key="a1")["Body"].read() == (b"east" if on_top else b"west")
    assert len(world.buckets["copy"].versions) == 2
