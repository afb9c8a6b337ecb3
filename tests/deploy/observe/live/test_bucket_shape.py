"""A live bucket in CloudFormation's words, and what of it a template would replace."""

import json
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from builder.deploy.observe.live.bucket import READ
from builder.deploy.observe.live.bucket_shape import DEFAULT, KEPT, SeenBucket, as_live
from builder.deploy.observe.live.record import LiveResource, TemplateSide
from builder.terms import Region

EAST = Region("us-east-1")
NOT_READ = {
    "get_bucket_abac": "its tags say nothing of who may do what to a template",
    "get_bucket_analytics_configuration": "listed",
    "get_bucket_intelligent_tiering_configuration": "listed",
    "get_bucket_inventory_configuration": "listed",
    "get_bucket_lifecycle": "get_bucket_lifecycle_configuration says more",
    "get_bucket_location": "head_bucket says it",
    "get_bucket_metadata_configuration": "tables that S3 keeps of it, which no template of ours makes",
    "get_bucket_metadata_table_configuration": "the same, of the first kind",
    "get_bucket_metrics_configuration": "listed",
    "get_bucket_notification": "get_bucket_notification_configuration says more",
    "get_bucket_policy_status": "follows from the policy and the public access block",
}
"""What S3 could be asked of a bucket besides, and why it is not."""
ENCRYPTED = {
    "ServerSideEncryptionConfiguration": {
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
    }
}
OURS: dict[str, Any] = {
    "LifecycleConfiguration": {
        "Rules": [
            {
                "Id": "expire-noncurrent-versions",
                "Status": "Enabled",
                "NoncurrentVersionExpiration": {"NoncurrentDays": "30"},
                "ExpiredObjectDeleteMarker": True,
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            }
        ]
    },
    "ReplicationConfiguration": {"Rules": []},
}
"""What the template of our own buckets says, values of parameters in their places."""
SAME_RULES = {
    "Rules": [
        {
            "ID": "expire-noncurrent-versions",
            "Filter": {"Prefix": ""},
            "Status": "Enabled",
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ],
    "TransitionDefaultMinimumObjectSize": "all_storage_classes_128K",
}


def live(side: TemplateSide = DEFAULT, **answers: Any) -> LiveResource:
    """Return a bucket of which S3 gives these answers, by call; its encryption is that of any new bucket."""
    return as_live(
        SeenBucket(name="uploads", region=EAST, answers={"get_bucket_encryption": ENCRYPTED, **answers}), side
    )


def ours(**more: Any) -> TemplateSide:
    return TemplateSide(properties={**OURS, **more}, makes_policy=True)


def test_each_setting_that_s3_can_be_asked_of_a_bucket_is_asked_or_left_with_a_reason() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    names = [xform_name(name) for name in model.operation_names]
    settings = {
        name
        for name in names
        if name.startswith(("get_bucket_", "list_bucket_"))
        or name in {"get_object_lock_configuration", "get_public_access_block"}
    }

    assert settings == {*READ, *NOT_READ}
    assert set(KEPT) <= set(READ)
    assert not set(READ) & set(NOT_READ)


def test_each_part_of_a_setting_that_stays_is_in_s3_s_own_model() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    members = {
        xform_name(name): set(shape.members)
        for name in model.operation_names
        if (shape := model.operation_model(name).output_shape) is not None
    }

    assert {call: set(kept.members) - members[call] for call, kept in KEPT.items()} == {key: set() for key in KEPT}


def test_a_bucket_as_people_make_one_has_no_obstacle_and_was_never_versioned() -> None:
    plain = live()

    assert (plain.type, plain.identifier) == ("AWS::S3::Bucket", {"BucketName": "uploads"})
    assert (plain.obstacles, plain.notes, plain.unversioned) == ((), (), True)
    assert plain.definition == {
        "BucketName": "uploads",
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    }


def test_what_our_template_can_say_is_in_the_definition() -> None:
    block = {
        "BlockPublicPolicy": True,
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": False,
    }
    named = ("BucketEncryption", "OwnershipControls", "PublicAccessBlockConfiguration", "VersioningConfiguration")
    resource = live(
        ours(**{name: {} for name in named}),
        get_bucket_versioning={"Status": "Suspended"},
        get_public_access_block={"PublicAccessBlockConfiguration": block},
        get_bucket_ownership_controls={"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}},
        get_bucket_lifecycle_configuration=SAME_RULES,
        get_bucket_tagging={
            "TagSet": [{"Key": "aws:cloudformation:stack-name", "Value": "x"}, {"Key": "a", "Value": "b"}]
        },
    )

    assert (resource.obstacles, resource.notes, resource.unversioned) == ((), (), False)
    assert list(resource.definition) == [
        "BucketName",
        "BucketEncryption",
        "LifecycleConfiguration",
        "OwnershipControls",
        "PublicAccessBlockConfiguration",
        "VersioningConfiguration",
        "Tags",
    ]
    assert resource.definition["VersioningConfiguration"] == {"Status": "Suspended"}
    assert resource.definition["PublicAccessBlockConfiguration"] == block
    assert resource.definition["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    assert resource.definition["LifecycleConfiguration"] == OURS["LifecycleConfiguration"]
    assert resource.definition["Tags"] == [{"Key": "a", "Value": "b"}]


def test_what_a_template_does_not_say_is_not_imported_and_so_never_taken_away() -> None:
    resource = live(
        TemplateSide(properties={"BucketName": "uploads"}),
        get_bucket_versioning={"Status": "Enabled"},
        get_public_access_block={"PublicAccessBlockConfiguration": {"BlockPublicPolicy": True}},
        get_bucket_ownership_controls={"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}},
        get_bucket_tagging={"TagSet": [{"Key": "a", "Value": "b"}]},
    )
    assert resource.definition == {"BucketName": "uploads", "Tags": [{"Key": "a", "Value": "b"}]}
    assert resource.losses == ("its tags a",)


def test_how_it_encrypts_is_said_with_what_is_off_where_the_template_says_it() -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:key"},
        "BucketKeyEnabled": False,
        "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
    }
    answers: Any = {"get_bucket_encryption": {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}}
    side = ours(BucketEncryption={"ServerSideEncryptionConfiguration": [{"BucketKeyEnabled": True}]})
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:key"}
    blocked = {"EncryptionType": ["SSE-C"]}

    assert live(side, **answers).definition["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
        {"ServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": False, "BlockedEncryptionTypes": blocked}
    ]
    assert live(**answers).definition["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
        {"ServerSideEncryptionByDefault": by_default, "BlockedEncryptionTypes": blocked}
    ]


def test_tags_that_the_stack_gives_are_not_said() -> None:
    side = TemplateSide(properties={}, stack_tags={"team": "core", "project": "other"})
    tags = [{"Key": "team", "Value": "core"}, {"Key": "project", "Value": "shop"}]

    assert live(side, get_bucket_tagging={"TagSet": tags}).definition["Tags"] == [{"Key": "project", "Value": "shop"}]


def grants(*grantees: dict[str, str]) -> dict[str, Any]:
    return {
        "Owner": {"ID": "me"},
        "Grants": [{"Grantee": grantee, "Permission": "READ"} for grantee in ({"ID": "me"}, *grantees)],
    }


POLICY = {"Policy": json.dumps({"Statement": [{"Sid": "Tls", "Effect": "Deny"}, {"Effect": "Allow"}]})}
EVERYBODY = {"URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
REPLICATES = {"ReplicationConfiguration": {"Rules": [{"Destination": {"Bucket": "arn:aws:s3:::elsewhere"}}]}}
LOCKED = {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
OBSTACLES: dict[str, tuple[dict[str, Any], str]] = {
    "a policy": ({"get_bucket_policy": POLICY}, "it has a bucket policy (Tls, Allow without a Sid)"),
    "a policy of no JSON": ({"get_bucket_policy": {"Policy": "{"}}, "it has a bucket policy (which is no JSON)"),
    "rules": ({"get_bucket_replication": REPLICATES}, "it replicates to elsewhere"),
    "lifecycle": (
        {"get_bucket_lifecycle_configuration": {"Rules": [{"ID": "old", "Status": "Enabled"}]}},
        "it has lifecycle rules (old), which the template's would replace: aws s3api delete-bucket-lifecycle",
    ),
    "object lock": ({"get_object_lock_configuration": LOCKED}, "it has Object Lock"),
    "MFA delete": ({"get_bucket_versioning": {"Status": "Enabled", "MFADelete": "Enabled"}}, "it has MFA delete"),
    "an ACL": ({"get_bucket_acl": grants(EVERYBODY, {"ID": "you"})}, "its ACL grants rights to http://acs.amazonaws"),
}


@pytest.mark.parametrize("name", OBSTACLES)
@pytest.mark.parametrize("side", [DEFAULT, ours()], ids=["whatever template", "ours"])
def test_what_a_template_would_replace_stands_in_its_way(side: TemplateSide, name: str) -> None:
    answers, what = OBSTACLES[name]
    (obstacle,) = live(side, **answers).obstacles

    assert what in obstacle
    assert ": " in obstacle


TLS: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:*"],
            "Resource": ["arn:${AWS::Partition}:s3:::uploads", "arn:${AWS::Partition}:s3:::uploads/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}
STATEMENT = {
    "Condition": {"Bool": {"aws:SecureTransport": False}},
    "Resource": ["arn:aws-cn:s3:::uploads/*", "arn:aws-cn:s3:::uploads"],
    "Action": "s3:*",
    "Principal": {"AWS": "*"},
    "Effect": "Deny",
    "Sid": "TlsOnly",
}


@pytest.mark.parametrize(
    ("shown", "is_same"),
    [
        (TLS, True),
        ({"Statement": STATEMENT, "Version": "2012-10-17"}, True),
        ({"Statement": STATEMENT, "Version": "2008-10-17"}, False),
        ({"Statement": [STATEMENT, STATEMENT], "Version": "2012-10-17"}, False),
        ({"Statement": {**STATEMENT, "Effect": "Allow"}, "Version": "2012-10-17"}, False),
        ({"Statement": {**STATEMENT, "Action": ["s3:*", "sts:*"]}, "Version": "2012-10-17"}, False),
        ({"Statement": {**STATEMENT, "Resource": "arn:aws:s3:::uploads"}, "Version": "2012-10-17"}, False),
    ],
)
def test_the_template_s_own_policy_is_an_obstacle_too_and_told_as_that(shown: dict[str, Any], is_same: bool) -> None:  # noqa: FBT001
    side = replace(ours(), policy=TLS)
    (obstacle,) = live(side, get_bucket_policy={"Policy": json.dumps(shown)}).obstacles

    assert "CloudFormation creates none on a bucket that has one" in obstacle
    assert obstacle.endswith("aws s3api delete-bucket-policy --bucket uploads")
    assert ("the bucket policy of the template already (TlsOnly)" in obstacle) == is_same
    assert ("State what it allows in policies of roles" in obstacle) != is_same


@pytest.mark.parametrize(
    "answers",
    [
        {"get_bucket_acl": grants()},
        {
            "get_bucket_acl": grants(EVERYBODY),
            "get_bucket_ownership_controls": {
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
            },
        },
        {"get_bucket_request_payment": {"Payer": "BucketOwner"}},
        {"get_bucket_accelerate_configuration": {"Status": "Suspended"}},
        {"get_bucket_notification_configuration": {"TopicConfigurations": []}},
    ],
)
def test_what_is_as_good_as_nothing_is_not_told(answers: dict[str, Any]) -> None:
    resource = live(**answers)
    assert (resource.obstacles, resource.notes) == ((), ())


STAYS = {
    "get_bucket_accelerate_configuration": ({"Status": "Enabled"}, "transfer acceleration"),
    "get_bucket_cors": ({"CORSRules": [{}]}, "CORS rules"),
    "get_bucket_logging": ({"LoggingEnabled": {"TargetBucket": "logs"}}, "access logs"),
    "get_bucket_notification_configuration": ({"EventBridgeConfiguration": {}}, "notifications"),
    "get_bucket_request_payment": ({"Payer": "Requester"}, "payment by requesters"),
    "get_bucket_website": ({"IndexDocument": {"Suffix": "index.html"}}, "website"),
    "list_bucket_analytics_configurations": ({"AnalyticsConfigurationList": [{}]}, "analytics"),
    "list_bucket_intelligent_tiering_configurations": (
        {"IntelligentTieringConfigurationList": [{}]},
        "intelligent tiering",
    ),
    "list_bucket_inventory_configurations": ({"InventoryConfigurationList": [{}]}, "inventories"),
    "list_bucket_metrics_configurations": ({"MetricsConfigurationList": [{}]}, "request metrics"),
}


@pytest.mark.parametrize("call", KEPT)
def test_what_the_template_does_not_say_stays_and_is_told(call: str) -> None:
    answer, noun = STAYS[call]
    resource = live(ours(), **{call: answer})

    assert resource.obstacles == ()
    assert resource.notes == (f"its {noun}; buckets in other regions have none",)


@pytest.mark.parametrize("call", [call for call, kept in KEPT.items() if kept.property])
def test_what_the_template_says_too_is_compared_by_a_person(call: str) -> None:
    answer, noun = STAYS[call]
    resource = live(ours(**{KEPT[call].property: {}}), **{call: answer})

    (obstacle,) = resource.obstacles
    assert obstacle.startswith(f"it has {noun}, and so has the template")
    assert resource.notes == ()


def test_of_what_nobody_asks_the_template_says_nothing() -> None:
    (obstacle,) = live(ours(AbacStatus="Enabled")).obstacles
    assert obstacle.startswith("the template says AbacStatus")


def test_rules_and_a_policy_stay_where_the_template_has_none() -> None:
    nothing = TemplateSide(properties={})
    resource = live(
        nothing,
        get_bucket_policy=POLICY,
        get_bucket_replication=REPLICATES,
        get_bucket_lifecycle_configuration=SAME_RULES,
        get_object_lock_configuration=LOCKED,
    )

    assert resource.obstacles == ()
    assert resource.notes == (
        "its policy (Tls, Allow without a Sid)",
        "its replication rules",
        "its lifecycle rules",
        "its Object Lock; buckets in other regions have none",
    )
    assert "LifecycleConfiguration" not in resource.definition


def replicates(**other: Any) -> LiveResource:
    """Return a bucket with one rule, `other` being what it has beyond the template's."""
    template_rule = {
        "Id": "to-us-west-2",
        "Status": "Enabled",
        "Destination": {"Bucket": "arn:${AWS::Partition}:s3:::twin"},
    }
    rule = {
        "ID": "to-us-west-2",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Destination": {"Bucket": "arn:aws:s3:::twin"},
        **other,
    }
    answer: Any = {"ReplicationConfiguration": {"Role": "arn:aws:iam::111122223333:role/gone", "Rules": [rule]}}
    return live(ours(ReplicationConfiguration={"Rules": [template_rule]}), get_bucket_replication=answer)


def test_rules_that_an_earlier_deployment_left_are_in_nobody_s_way() -> None:
    assert replicates().obstacles == ()


@pytest.mark.parametrize(
    "other",
    [
        {"ID": "theirs"},
        {"Status": "Disabled"},
        {"Filter": {"Prefix": "logs/"}},
        {"Destination": {"Bucket": "arn:aws:s3:::elsewhere"}},
        {"Destination": {"Bucket": "arn:aws:s3:::twin", "Account": "444455556666"}},
    ],
)
def test_rules_that_lead_elsewhere_or_are_of_less_are_not_taken_for_the_template_s(other: dict[str, Any]) -> None:
    assert len(replicates(**other).obstacles) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"NoncurrentVersionExpiration": {"NoncurrentDays": "31"}},
        {"Status": "Disabled"},
        {"Prefix": "logs/"},
        {"Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 1}]},
    ],
)
def test_other_lifecycle_rules_than_the_bucket_s_are_not_taken_for_the_same(other: dict[str, Any]) -> None:
    rule = {**OURS["LifecycleConfiguration"]["Rules"][0], **other}
    resource = live(ours(LifecycleConfiguration={"Rules": [rule]}), get_bucket_lifecycle_configuration=SAME_RULES)

    assert len(resource.obstacles) == 1
    assert "LifecycleConfiguration" not in resource.definition
