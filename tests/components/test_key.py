"""The key of `encryption:`, what names it, and who may use it, by tables of what dr.yaml says."""

from typing import Any

import pytest

from builder.components.system import make_topology
from components.templates import THREE, Json, properties, statements, templates
from loaded_config import make_loaded_config

ARNS = {region: f"arn:aws:kms:{region}:111122223333:key/mrk-1" for region in ("us-east-1", "us-west-2")}
MANAGED, ONE_ALIAS, OWN_ARNS = {"key": "managed"}, {"key": "alias/shop", "functions": False}, {"key": ARNS}
TWO_ALIASES = {"key": {"us-east-1": "alias/east", "us-west-2": "alias/west"}, "functions": False}
EVERY = [MANAGED, ONE_ALIAS, TWO_ALIASES, OWN_ARNS]


def made(encryption: Any, **sections: Any) -> dict[str, Json]:
    return templates(encryption=encryption, **sections)


def stacks(encryption: Any, **sections: Any) -> dict[str, Any]:
    return {stack.id: stack for stack in make_topology(make_loaded_config(encryption=encryption, **sections)).stacks}


def policy(template: Json) -> dict[str, Json]:
    """Return the statements of a key's policy by their names."""
    return {each["Sid"]: each for each in properties(template, "Key")["KeyPolicy"]["Statement"]}


class TestTheStacks:
    def test_there_is_a_key_in_the_primary_and_a_replica_of_it_in_each_secondary(self) -> None:
        keys = {name: template for name, template in made(MANAGED, regions=THREE).items() if name.endswith("/key")}
        assert {name: template["Resources"]["Key"]["Type"] for name, template in keys.items()} == {
            "eu-central-1/key": "AWS::KMS::Key",
            "eu-west-1/key": "AWS::KMS::ReplicaKey",
            "eu-north-1/key": "AWS::KMS::ReplicaKey",
        }

    def test_its_home_stays_where_the_system_was_born(self) -> None:
        """A new primary region replaces no key: its type cannot change, and its replicas are of the existing key."""
        moved = {"primary": "us-west-2", "secondaries": ["us-east-1"], "born": "us-east-1"}
        before, after = made(MANAGED), made(MANAGED, regions=moved)
        assert {name: after[name] for name in after if name.endswith("/key")} == {
            name: before[name] for name in before if name.endswith("/key")
        }
        assert stacks(MANAGED, regions=moved)["us-west-2/key"].needs == ("us-east-1/key",)

    @pytest.mark.parametrize("encryption", [None, *EVERY[1:]])
    def test_without_a_managed_key_there_is_none_and_nothing_waits_for_one(self, encryption: Any) -> None:
        by_name = stacks(encryption)
        assert not [name for name in by_name if name.endswith("/key")]
        assert {name: stack.needs for name, stack in by_name.items()} == {
            name: stack.needs for name, stack in stacks(None).items()
        }

    def test_what_names_the_key_waits_for_it_and_a_replica_for_its_key(self) -> None:
        needs = {name: set(stack.needs) for name, stack in stacks(MANAGED).items()}
        more = {name: needs[name] - set(stack.needs) for name, stack in stacks(None).items()}
        assert needs["us-west-2/key"] == {"us-east-1/key"}
        assert more == {
            "us-west-2/storage": {"us-west-2/key"},
            "us-east-1/storage": {"us-east-1/key"},
            "us-east-1/table": {"us-east-1/key", "us-west-2/key"},
            "us-east-1/service": {"us-east-1/key"},
            "us-west-2/service": {"us-west-2/key"},
        }


class TestTheKey:
    @pytest.mark.parametrize("stack", ["us-east-1/key", "us-west-2/key"])
    def test_no_statement_has_a_wildcard_for_an_action(self, stack: str) -> None:
        for statement in policy(made(MANAGED)[stack]).values():
            assert all("*" not in action for action in statement["Action"]), statement["Sid"]

    @pytest.mark.parametrize("stack", ["us-east-1/key", "us-west-2/key"])
    def test_the_account_administers_it_and_so_reads_nothing(self, stack: str) -> None:
        statement = policy(made(MANAGED)[stack])["Administration"]
        assert "Condition" not in statement
        assert {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:SynchronizeMultiRegionKey"} <= set(
            statement["Action"]
        )
        use = ("Encrypt", "Decrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo", "CreateGrant", "GenerateMac")
        assert not {f"kms:{name}" for name in use} & set(statement["Action"])

    def test_every_statement_but_that_holds_under_a_condition(self) -> None:
        by_sid = policy(made(MANAGED)["us-east-1/key"])
        assert [name for name, statement in by_sid.items() if "Condition" not in statement] == ["Administration"]

    def test_whoever_stands_for_everybody_is_named_by_a_condition(self) -> None:
        for statement in policy(made(MANAGED)["us-east-1/key"]).values():
            if statement["Principal"] == {"AWS": "*"}:
                tests = {key: value for test in statement["Condition"].values() for key, value in test.items()}
                assert tests["kms:CallerAccount"] == {"Ref": "AWS::AccountId"}
                assert ":role/" in tests["aws:PrincipalArn"]["Fn::Sub"]

    def test_grants_are_for_services_only(self) -> None:
        grants = [
            statement
            for statement in policy(made(MANAGED)["us-east-1/key"]).values()
            if "kms:CreateGrant" in statement["Action"]
        ]
        assert len(grants) == 2
        for grant in grants:
            assert grant["Action"] == ["kms:CreateGrant"]
            assert grant["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}

    def test_its_material_is_rotated_at_home_which_kms_hands_on(self) -> None:
        keys = made(MANAGED)
        assert properties(keys["us-east-1/key"], "Key")["EnableKeyRotation"] is True
        assert "EnableKeyRotation" not in properties(keys["us-west-2/key"], "Key")

    @pytest.mark.parametrize("days", [7, 30])
    def test_it_waits_for_its_deletion_as_long_as_is_said(self, days: int) -> None:
        for stack, template in made({"key": "managed", "pending_window_days": days}).items():
            if stack.endswith("/key"):
                assert properties(template, "Key")["PendingWindowInDays"] == days

    def test_it_has_one_alias_in_every_region(self) -> None:
        for stack, template in made(MANAGED).items():
            if stack.endswith("/key"):
                assert properties(template, "Alias") == {
                    "AliasName": {"Fn::Sub": "alias/tap-${EnvironmentSuffix}"},
                    "TargetKeyId": {"Ref": "Key"},
                }


OF_ALIAS = "arn:${AWS::Partition}:kms:REGION:${AWS::AccountId}:"


@pytest.mark.parametrize(
    ("encryption", "named"),
    [
        (MANAGED, [{"Fn::Sub": "alias/tap-${EnvironmentSuffix}"}] * 2),
        (ONE_ALIAS, ["alias/shop"] * 2),
        (TWO_ALIASES, ["alias/east", "alias/west"]),
        (OWN_ARNS, list(ARNS.values())),
    ],
)
def test_each_replica_of_a_table_names_the_key_of_its_region(encryption: Any, named: list[Any]) -> None:
    table = properties(made(encryption)["us-east-1/table"], "Table")
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert [each["SSESpecification"]["KMSMasterKeyId"] for each in table["Replicas"]] == named


@pytest.mark.parametrize(
    ("encryption", "names"),
    [
        (MANAGED, ["alias/tap-${EnvironmentSuffix}"] * 2),
        (ONE_ALIAS, ["alias/shop"] * 2),
        (TWO_ALIASES, ["alias/east", "alias/west"]),
    ],
)
def test_a_bucket_names_an_alias_by_its_arn_and_that_of_its_copies_in_their_region(
    encryption: Any, names: list[str]
) -> None:
    storage = made(encryption)
    for region, name in zip(ARNS, names, strict=True):
        here = {"Fn::Sub": OF_ALIAS.replace("REGION", "${AWS::Region}") + name}
        assert rule_of(storage[f"{region}/storage"]) == {
            "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": here},
            "BucketKeyEnabled": True,
        }
    (rule,) = properties(storage["us-east-1/storage"], "Bucket")["ReplicationConfiguration"]["Rules"]
    there = {"Fn::Sub": OF_ALIAS.replace("REGION", "us-west-2") + names[1]}
    assert rule["Destination"]["EncryptionConfiguration"] == {"ReplicaKmsKeyID": there}
    assert rule["SourceSelectionCriteria"] == {"SseKmsEncryptedObjects": {"Status": "Enabled"}}


def rule_of(storage: Json) -> Json:
    (rule,) = properties(storage, "Bucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return dict(rule)


def test_a_bucket_names_a_key_of_one_s_own_by_its_arn() -> None:
    storage = made(OWN_ARNS)
    assert [
        rule_of(storage[f"{region}/storage"])["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] for region in ARNS
    ] == [*ARNS.values()]


BUCKET = "arn:${AWS::Partition}:s3:::tap-${EnvironmentSuffix}-${AWS::AccountId}-"


@pytest.mark.parametrize(
    ("encryption", "keys", "aliases"),
    [
        (MANAGED, ["key/${KeyId}"] * 2, [None, None]),
        (ONE_ALIAS, ["key/*"] * 2, ["alias/shop"] * 2),
        (TWO_ALIASES, ["key/*"] * 2, ["alias/east", "alias/west"]),
        (OWN_ARNS, ["key/mrk-1"] * 2, [None, None]),
    ],
)
def test_replication_decrypts_in_the_source_and_encrypts_in_each_destination_by_its_bucket(
    encryption: Any, keys: list[str], aliases: list[str | None]
) -> None:
    by_sid = {
        statement["Sid"]: statement
        for statement in statements(made(encryption)["us-east-1/storage"], "ReplicationRole")
    }
    expected = {
        "DecryptObjects": (["kms:Decrypt"], "${AWS::Region}", "us-east-1"),
        "EncryptReplicas1": (["kms:Encrypt", "kms:GenerateDataKey"], "us-west-2", "us-west-2"),
    }
    for (sid, (actions, written, region)), key, alias in zip(expected.items(), keys, aliases, strict=True):
        assert by_sid[sid]["Action"] == actions
        condition = by_sid[sid]["Condition"]
        assert condition["StringEquals"] == {
            "kms:ViaService": {"Fn::Sub": f"s3.{written}.${{AWS::URLSuffix}}"},
            # The bucket's and no object's, since Bucket Keys are on.
            "kms:EncryptionContext:aws:s3:arn": {"Fn::Sub": f"{BUCKET}{written}-an"},
        }
        assert condition.get("ForAnyValue:StringEquals") == ({"kms:ResourceAliases": [alias]} if alias else None)
        (resource,) = by_sid[sid]["Resource"]
        arn = resource["Fn::Sub"] if isinstance(resource, dict) else resource
        assert arn.endswith(f":{key}")
        assert f":kms:{region}:" in arn


@pytest.mark.parametrize("encryption", [MANAGED, OWN_ARNS])
def test_a_function_s_variables_and_logs_are_under_the_key_of_its_region(encryption: Any) -> None:
    for region in ARNS:
        service = made(encryption)[f"{region}/service"]
        assert properties(service, "Function")["KmsKeyArn"] == {"Ref": "KeyArn"}
        assert properties(service, "LogGroup")["KmsKeyId"] == {"Ref": "KeyArn"}
        by_sid = {statement["Sid"]: statement for statement in statements(service, "ExecutionRole")}
        function = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:tap-${EnvironmentSuffix}-"
        assert by_sid["DecryptVariables"]["Condition"] == {
            "StringEquals": {"kms:EncryptionContext:aws:lambda:FunctionArn": {"Fn::Sub": f"{function}${{BornAs}}"}}
        }
        assert by_sid["DecryptItems"]["Condition"] == {
            "StringEquals": {"kms:ViaService": {"Fn::Sub": "dynamodb.${AWS::Region}.${AWS::URLSuffix}"}}
        }
        assert {tuple(statement["Action"]) for name, statement in by_sid.items() if "Decrypt" in name} == {
            ("kms:Decrypt",)
        }


@pytest.mark.parametrize("encryption", EVERY)
def test_a_function_s_template_is_the_same_in_every_region_and_given_what_it_declares(encryption: Any) -> None:
    services = [made(encryption)[f"{region}/service"] for region in ARNS]
    assert services[0] == services[1]
    for region in ARNS:
        given = stacks(encryption)[f"{region}/service"].parameters
        assert services[0]["Parameters"].keys() - {"EnvironmentSuffix"} == given.keys()


@pytest.mark.parametrize(
    ("encryption", "parameters", "statements_"),
    [
        ({"key": "managed", "functions": False}, {"KeyArn"}, {"DecryptItems"}),
        (ONE_ALIAS, {"KeyAlias"}, {"DecryptItems"}),
    ],
)
def test_without_functions_variables_and_logs_are_aws_s_own_matter(
    encryption: Any, parameters: set[str], statements_: set[str]
) -> None:
    service = made(encryption)["us-east-1/service"]
    assert "KmsKeyArn" not in properties(service, "Function")
    assert "KmsKeyId" not in properties(service, "LogGroup")
    assert service["Parameters"].keys() & {"KeyArn", "KeyAlias"} == parameters
    assert {
        statement["Sid"] for statement in statements(service, "ExecutionRole") if "Decrypt" in statement["Sid"]
    } == statements_


def test_a_function_that_uses_nothing_encrypted_knows_no_key() -> None:
    encryption = {"key": "managed", "functions": False}
    api = made(encryption, functions={"api": {}})["us-east-1/api"]
    assert not api["Parameters"].keys() & {"KeyArn", "KeyAlias"}
    assert stacks(encryption, functions={"api": {}})["us-east-1/api"].needs == ()


@pytest.mark.parametrize("encryption", EVERY)
def test_components_by_name_are_encrypted_like_the_one_of_their_kind(encryption: Any) -> None:
    everything = made(encryption, tables={"orders": {}}, buckets={"uploads": {}}, functions={"api": {}})
    assert properties(everything["us-east-1/orders"], "Table")["SSESpecification"]["SSEType"] == "KMS"
    assert rule_of(everything["us-west-2/uploads"])["BucketKeyEnabled"] is True
    assert ("KmsKeyArn" in properties(everything["us-west-2/api"], "Function")) is encryption.get("functions", True)


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2"])
def test_backfill_s_role_writes_its_reports_under_the_key_of_the_bucket_that_they_are_in(region: str) -> None:
    storage = made(MANAGED, bucket={"backfill": True, "replication": "two-way"})[f"{region}/storage"]
    (statement,) = [statement for statement in statements(storage, "BatchRole") if statement["Sid"] == "EncryptReports"]
    assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert statement["Resource"] == [
        {"Fn::Sub": f"arn:${{AWS::Partition}}:kms:{region}:${{AWS::AccountId}}:key/${{KeyId}}"}
    ]
    assert statement["Condition"] == {
        "StringEquals": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.${AWS::URLSuffix}"}}
    }


@pytest.mark.parametrize(
    ("mode", "actions"),
    [
        ("read", {"kms:Decrypt"}),
        ("write", {"kms:Decrypt", "kms:GenerateDataKey"}),
        ("read_write", {"kms:Decrypt", "kms:GenerateDataKey"}),
    ],
)
def test_a_function_takes_of_the_key_what_its_use_of_a_bucket_does(mode: str, actions: set[str]) -> None:
    sections = {"buckets": {"uploads": {}}, "functions": {"api": {"uses": {"uploads": mode}}}}
    api = made(MANAGED, **sections)["us-west-2/api"]
    by_sid = {statement["Sid"]: statement for statement in statements(api, "ExecutionRole")}
    assert set(by_sid["UseObjects"]["Action"]) == actions
    assert "DecryptItems" not in by_sid
