"""Tables and buckets that were there before: their names everywhere, and what becomes of them with their stacks."""

from typing import Any

import pytest

from builder.assembly import Assembly
from builder.assembly.render import make_assembly
from builder.components.system import check_names
from builder.deploy import make_deployment
from builder.errors import BadInput
from builder.rehearsal.stage import lint
from builder.resource_types import KEPT
from builder.template import Template, read_template
from builder.terms import Region, StackId
from builder.topology import names
from loaded_config import ABSENT, make_loaded_config

TABLES = {"table": {"existing": "acme-items"}, "tables": {"orders": {"existing": "orders-${EnvironmentSuffix}"}}}
BUCKETS = {
    "bucket": {"existing": "acme-files"},
    "buckets": {
        "uploads": {"existing": "acme-uploads-${EnvironmentSuffix}", "replication": "two-way", "backfill": True}
    },
}
FUNCTIONS = {"api": {"source": "api", "uses": {"orders": "read", "uploads": "read_write", "bucket": "read"}}}
ALL: dict[str, Any] = {**TABLES, **BUCKETS, "functions": FUNCTIONS, "alarms": {}, "drill": "fis"}
COMPUTED = "tap-${EnvironmentSuffix}-uploads-${AWS::AccountId}-us-west-2-an"
SWAPPED = {"primary": "us-west-2", "secondaries": ["us-east-1"], "born": "us-east-1"}


def made(**sections: Any) -> Assembly:
    return make_assembly(make_loaded_config(**{**ALL, **sections}))


def template(assembly: Assembly, stack: str) -> Template:
    return read_template(assembly.templates[assembly.manifest.entry(StackId(stack)).template])


def body(assembly: Assembly, stack: str, name: str) -> Any:
    return template(assembly, stack).resource(name)


def sub(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}


def test_the_manifest_lists_what_was_there_before_of_each_stack() -> None:
    entries = made().manifest.stacks

    assert {entry.id: entry.existing for entry in entries if entry.existing} == {
        "us-east-1/storage": ("Bucket",),
        "us-east-1/uploads": ("Bucket",),
        "us-east-1/table": ("Table",),
        "us-east-1/orders": ("Table",),
    }


def test_what_was_there_before_is_called_as_it_was_and_its_twin_as_ever() -> None:
    assembly = made()
    properties = {
        stack: body(assembly, stack, name)["Properties"]
        for stack, name in (
            ("us-east-1/table", "Table"),
            ("us-east-1/orders", "Table"),
            ("us-east-1/uploads", "Bucket"),
            ("us-west-2/uploads", "Bucket"),
        )
    }

    assert properties["us-east-1/table"]["TableName"] == "acme-items"
    assert properties["us-east-1/orders"]["TableName"] == sub("orders-${EnvironmentSuffix}")
    assert properties["us-east-1/uploads"]["BucketName"] == sub("acme-uploads-${EnvironmentSuffix}")
    assert properties["us-west-2/uploads"]["BucketName"] == sub(COMPUTED.replace("us-west-2", "${AWS::Region}"))
    # Its name is in no namespace of the account's, and another namespace would be another bucket.
    assert "BucketNamespace" not in properties["us-east-1/uploads"]
    assert properties["us-west-2/uploads"]["BucketNamespace"] == "account-regional"


def test_it_stays_when_its_stack_goes_and_what_the_system_makes_goes() -> None:
    assembly = made()

    for stack, name in (("us-east-1/orders", "Table"), ("us-east-1/uploads", "Bucket")):
        kept = body(assembly, stack, name)
        assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
        assert kept["Metadata"] == {KEPT: True}
    assert body(assembly, "us-west-2/uploads", "Bucket")["DeletionPolicy"] == "Delete"
    assert body(assembly, "us-east-1/uploads", "BucketPolicy")["DeletionPolicy"] == "Delete"


def test_with_protect_all_data_stays() -> None:
    bucket = body(made(protect=True), "us-west-2/uploads", "Bucket")
    assert bucket["DeletionPolicy"] == "RetainExceptOnCreate"


def test_functions_have_its_name_and_the_rights_to_it_in_each_region() -> None:
    assembly = made()
    entries = {entry.region: entry for entry in assembly.manifest.stacks if entry.id.endswith("/api")}
    east, west = entries[Region("us-east-1")], entries[Region("us-west-2")]
    function = body(assembly, "us-east-1/api", "Function")["Properties"]["Environment"]["Variables"]
    role = body(assembly, "us-east-1/api", "ExecutionRole")["Properties"]["Policies"][0]["PolicyDocument"]
    resources = {statement["Sid"]: statement["Resource"] for statement in role["Statement"]}

    assert east.sha256 == west.sha256
    assert function["ORDERS_TABLE"] == sub("orders-${EnvironmentSuffix}")
    assert function["UPLOADS_BUCKET"] == {"Ref": "NameOfUploads"}
    assert east.parameters["NameOfUploads"] == "acme-uploads-${EnvironmentSuffix}"
    assert west.parameters["NameOfUploads"] == COMPUTED
    assert (east.parameters["NameOfBucket"], west.parameters["NameOfBucket"]) == (
        "acme-files",
        "tap-${EnvironmentSuffix}-${AWS::AccountId}-us-west-2-an",
    )
    assert resources["WriteUploads"] == [sub("arn:${AWS::Partition}:s3:::${NameOfUploads}/*")]
    assert resources["ReadOrders"] == [
        sub("arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/orders-${EnvironmentSuffix}")
    ]


def test_the_function_of_the_one_table_writes_to_it() -> None:
    function = body(made(), "us-west-2/service", "Function")["Properties"]["Environment"]["Variables"]
    assert function["TABLE_NAME"] == "acme-items"


def test_rules_and_their_roles_lead_from_it_and_to_it() -> None:
    assembly = made()
    name = "acme-uploads-${EnvironmentSuffix}"
    (rule,) = body(assembly, "us-west-2/uploads", "Bucket")["Properties"]["ReplicationConfiguration"]["Fn::If"][1][
        "Rules"
    ]
    roles = {
        stack: body(assembly, stack, "ReplicationRole")["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        for stack in ("us-east-1/uploads", "us-west-2/uploads")
    }
    batch = body(assembly, "us-east-1/uploads", "BatchRole")["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]

    assert rule["Destination"]["Bucket"] == sub(f"arn:${{AWS::Partition}}:s3:::{name}")
    assert [statement["Resource"] for statement in roles["us-east-1/uploads"]] == [
        [sub(f"arn:${{AWS::Partition}}:s3:::{name}")],
        [sub(f"arn:${{AWS::Partition}}:s3:::{name}/*")],
        [sub(f"arn:${{AWS::Partition}}:s3:::{COMPUTED}/*")],
    ]
    assert roles["us-west-2/uploads"][2]["Resource"] == [sub(f"arn:${{AWS::Partition}}:s3:::{name}/*")]
    assert all(name in str(statement["Resource"]) for statement in batch)


def test_alarms_and_drills_look_at_it_by_its_name() -> None:
    assembly = made()
    alarms = [
        str(body(assembly, "us-west-2/alarms", name)) for name in template(assembly, "us-west-2/alarms").resources()
    ]
    drill = str(template(assembly, "us-east-1/drill").data)

    assert any("orders-${EnvironmentSuffix}" in alarm for alarm in alarms)
    assert any("acme-uploads-${EnvironmentSuffix}" in alarm for alarm in alarms)
    assert "table/orders-${EnvironmentSuffix}" in drill
    assert "s3:::acme-uploads-${EnvironmentSuffix}" in drill
    components = assembly.manifest.components
    assert components["orders"].table
    assert components["orders"].table.name == "orders-${EnvironmentSuffix}"


def test_nothing_computed_is_left_of_the_names_of_what_was_there_before() -> None:
    written = "\n".join(text.decode() for text in made().templates.values())

    for name in ("table", "orders"):
        assert f"{names.computed_table_name('tap', name)}\n" not in written


def test_a_bucket_stays_that_of_its_region_when_roles_change() -> None:
    assembly = made(regions=SWAPPED)
    entries = assembly.manifest.stacks

    assert {entry.id: entry.existing for entry in entries if entry.existing} == {
        "us-east-1/storage": ("Bucket",),
        "us-east-1/uploads": ("Bucket",),
        "us-west-2/table": ("Table",),
        "us-west-2/orders": ("Table",),
    }
    bucket = body(assembly, "us-east-1/uploads", "Bucket")["Properties"]
    assert bucket["BucketName"] == sub("acme-uploads-${EnvironmentSuffix}")
    west = next(entry for entry in entries if entry.id == "us-west-2/api")
    assert west.parameters["NameOfUploads"] == COMPUTED


def test_every_name_is_known_in_every_environment() -> None:
    assembly = made()
    for suffix in ("dev", "prod"):
        deployment = make_deployment(assembly.manifest, assembly.templates, suffix)
        assert deployment.stack(StackId("us-east-1/orders")).existing == ("Table",)


@pytest.mark.usefixtures("linter")
@pytest.mark.parametrize(
    "sections",
    [
        {**ALL, "encryption": {"key": "managed"}},
        {"bucket": {"existing": "acme-files", "replication": "none"}, "function": ABSENT, "table": ABSENT},
    ],
    ids=["with all", "with nothing of an environment"],
)
@pytest.mark.acceptance
def test_templates_are_linted_without_a_finding(sections: dict[str, Any]) -> None:
    findings = lint(make_assembly(make_loaded_config(**sections)))
    assert [f"{finding.file}:{finding.line}: {finding.rule} {finding.message}" for finding in findings] == []


def test_a_name_that_is_too_long_with_a_suffix_is_told() -> None:
    loaded = make_loaded_config(bucket=ABSENT, buckets={"uploads": {"existing": f"{'u' * 50}-${{EnvironmentSuffix}}"}})

    check_names(loaded, "twelve-chars")
    with pytest.raises(BadInput, match="would have 64 characters of 63: take a shorter suffix"):
        check_names(loaded, "thirteen-char")


def test_a_long_name_of_the_system_is_told_as_before() -> None:
    with pytest.raises(BadInput, match=r"'x{32}' and 'y{37}' can have"):
        check_names(make_loaded_config(project="x" * 32, bucket={"existing": "acme-files"}), "y" * 37)
