"""`promote` on the fake AWS: planned and forced, asked, refused, and what other verbs say while it is under way."""

import json
from collections.abc import Mapping
from pathlib import Path

import boto3
import jsonschema
import pytest

from answer import Command
from builder.policy import Verb
from builder.policy.rights import CALLS
from builder.report.schema import make_event_schema
from cli.on_fake import ACCOUNT, OnWorld
from fake_aws import Fault

EAST, WEST = "us-east-1", "us-west-2"
RECORD = "/builder/tap-dev/promotion"
BUCKETS = {region: f"tap-dev-{ACCOUNT}-{region}-an" for region in (EAST, WEST)}


def record(command: OnWorld) -> Mapping[str, object] | None:
    """The record of a promotion; at most one region has one."""
    records = [json.loads(value) for (_, _, name), value in command.world.ssm_values.items() if name == RECORD]
    assert len(records) < 2
    return records[0] if records else None


def data(command: OnWorld) -> set[tuple[object, ...]]:
    """What may not be another: tables by their birth, with every item in each region; buckets with each version."""
    world = command.world
    return {
        *((name, table.created) for (_, name), table in world.tables.items()),
        *(
            (name, region, json.dumps(item, sort_keys=True, default=str))
            for (_, name), table in world.tables.items()
            for region, replica in table.replicas.items()
            for item in replica.items.values()
        ),
        *((name, bucket.created) for name, bucket in world.buckets.items()),
        *(
            (name, version.key, version.version_id)
            for name, bucket in world.buckets.items()
            for version in bucket.versions
        ),
        *((region, name) for _, region, name in world.functions),
    }


def urls(command: OnWorld) -> set[str]:
    outputs = json.loads(command("outputs", "--json").out)
    return {value for name, value in outputs.items() if name.endswith("LambdaUrl")}


@pytest.fixture
def filled(on_deployed: OnWorld) -> OnWorld:
    """The shipped system with items in its table, and an object that has gone over."""
    for number in range(5):
        on_deployed.client("dynamodb").put_item(TableName="tap-dev-global", Item={"id": {"S": f"item-{number}"}})
    on_deployed.client("s3").put_object(Bucket=BUCKETS[EAST], Key="one", Body=b"x")
    on_deployed.world.settle()
    return on_deployed


@pytest.mark.slow
def test_a_secondary_becomes_the_primary_and_loses_nothing(filled: OnWorld) -> None:
    before, addresses = data(filled), urls(filled)
    answer = filled("promote", WEST, "--yes")
    assert answer.code == 0, answer
    assert "table tap-dev-global: ACTIVE in us-east-1, ACTIVE in us-west-2" in answer.out
    assert "bucket: us-east-1 to us-west-2: all 1 version are there" in answer.out
    assert "us-west-2 is the primary: a plan has nothing left to do" in answer.out
    assert "commit dr.yaml and templates/ together" in answer.err
    assert "builder backfill" in answer.err
    assert (data(filled), urls(filled)) == (before, addresses)
    assert record(filled) is None
    assert filled.stacks().keys() == {
        *(f"{region}/tap-dev-{name}" for region in (EAST, WEST) for name in ("service", "storage")),
        "us-west-2/tap-dev-table",
    }
    assert "primary: us-west-2" in Path("dr.yaml").read_text()
    assert filled("render", "--check").code == 0
    plan = filled("plan")
    assert (plan.code, "No changes: all 5 stacks" in plan.out) == (0, True), plan
    assert filled("promote", WEST).out == "us-west-2 is the primary already, and no promotion is under way\n"


@pytest.mark.slow
def test_promoted_back_everything_is_as_on_the_first_day(filled: OnWorld) -> None:
    before, templates = data(filled), {path: path.read_bytes() for path in Path("templates").rglob("*.*")}
    config = Path("dr.yaml").read_text()
    for to in (WEST, EAST):
        assert filled("promote", to, "--yes").code == 0
        filled.world.settle()
    assert data(filled) == before
    assert {path: path.read_bytes() for path in Path("templates").rglob("*.*")} == templates
    assert Path("dr.yaml").read_text() == config.replace(
        "primary: us-east-1\n", "primary: us-east-1\n  born: us-east-1\n"
    )
    assert "No changes" in filled("plan").out


@pytest.mark.slow
def test_declined_it_leaves_nothing_behind(filled: OnWorld) -> None:
    files = {path: path.read_bytes() for path in Path().rglob("*.yaml")}
    answer = filled("promote", WEST)
    assert answer.code == 4
    assert "--yes answers it" in answer.err
    assert "to be written, as one change to commit: dr.yaml" in answer.out
    assert {path: path.read_bytes() for path in Path().rglob("*.yaml")} == files
    assert record(filled) is None
    filled.world.settle()
    assert "us-west-2/tap-dev-table" not in filled.stacks()
    assert "No changes" in filled("plan").out


@pytest.mark.slow
def test_objects_that_have_not_gone_over_stop_it_until_somebody_says_so(filled: OnWorld) -> None:
    bucket = filled.world.buckets[BUCKETS[WEST]]
    bucket.versions = [version for version in bucket.versions if version.key != "one"]
    filled.client("s3", WEST).put_object(Bucket=BUCKETS[WEST], Key="two", Body=b"x")
    answer = filled("promote", WEST, "--yes")
    assert answer.code == 4
    assert "bucket: us-east-1 to us-west-2: 1 version not there, one first" in answer.out
    assert "1 version in us-west-2 not in us-east-1: they stay" in answer.out
    assert "python -m builder backfill" in answer.err
    assert filled.called("CreateChangeSet") == 0
    assert filled("promote", WEST, "--yes", "--undrained").code == 0


@pytest.mark.slow
def test_a_replica_that_is_not_well_stops_it(filled: OnWorld) -> None:
    filled.world.tables[ACCOUNT, "tap-dev-global"].replicas[WEST].status = "UPDATING"
    answer = filled("promote", WEST, "--yes")
    assert answer.code == 4
    assert "us-west-2: tap-dev-global: this replica of the table is UPDATING" in answer.err


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "a region that is none": (("us-west-9",), "did you mean us-west-2?"),
    "no secondary": (("eu-west-1",), "eu-west-1 is no secondary"),
    "itself left out": ((WEST, "--skip-region", WEST), "the old primary alone can be left out"),
    "another left out": ((WEST, "--skip-region", "eu-west-1"), "only us-east-1, the old primary"),
    "two left out": ((WEST, "--skip-region", EAST, "--skip-region", "eu-west-1"), "the old primary alone"),
    "an assembly": ((WEST, "--assembly", "templates"), "--assembly: a promotion is written into dr.yaml"),
    "a project": ((WEST, "--project", "tap"), "--project: a promotion is written into dr.yaml"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_promotion_is_refused_before_anything_is_asked(case: str, on_deployed: OnWorld) -> None:
    typed, words = REFUSED[case]
    answer = on_deployed("promote", *typed, "--yes")
    assert answer.code == 2
    assert words in answer.err
    assert on_deployed.called("CreateChangeSet", "PutParameter") == 0


def test_a_fleet_s_regions_are_not_promoted(on_deployed: OnWorld) -> None:
    section = {"permission_model": "self-managed", "administration_account": ACCOUNT, "accounts": ["444455556666"]}
    with Path("dr.yaml").open("a") as file:
        file.write(f"\nfleet: {json.dumps(section)}\n")
    answer = on_deployed("promote", WEST, "--yes")
    assert answer.code == 2
    assert "StackSets move no table" in answer.err


def test_what_could_not_be_rendered_with_another_primary_is_told_as_that(on_deployed: OnWorld) -> None:
    Path("cfn").mkdir()
    Path("cfn/own.yaml").write_text("Resources: {Topic: {Type: AWS::SNS::Topic}}\n")
    with Path("dr.yaml").open("a") as file:
        file.write("\nstacks: {own: {template: cfn/own.yaml, needs: [us-east-1/table]}}\n")
    answer = on_deployed("promote", WEST, "--yes")
    assert answer.code == 2
    assert "with us-west-2 as the primary it cannot be rendered" in answer.err
    assert "us-west-2/table" in answer.err


def test_nothing_that_is_not_deployed_is_promoted(command: OnWorld) -> None:
    answer = command("promote", WEST, "--yes")
    assert answer.code == 1
    assert "is not deployed" in answer.err
    assert record(command) is None


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.UNAVAILABLE, Fault.SERVER_ERROR])
def test_a_lost_primary_is_told_and_the_option_asked_for_by_name(filled: OnWorld, fault: Fault) -> None:
    filled.world.faults.add(fault, region=EAST)
    began = filled.world.now
    answer = filled("promote", WEST, "--yes")
    assert answer.code == 4
    assert "us-east-1: does not answer as it should, and was to hand over to us-west-2" in answer.err
    assert "python -m builder promote us-west-2 --skip-region us-east-1" in answer.err
    assert filled.world.now - began < 30
    assert record(filled) is None


@pytest.mark.slow
def test_forced_what_can_be_done_is_done_and_the_rest_once_the_region_is_back(filled: OnWorld) -> None:
    before, addresses, world = data(filled), urls(filled), filled.world
    world.region_down(EAST)
    world.calls.clear()
    answer = filled("promote", WEST, "--yes", "--skip-region", EAST)
    assert answer.code == 0, answer
    assert {call.region for call in world.calls} == {WEST}
    assert "us-west-2 serves as the primary, and this waits until us-east-1 answers again" in answer.out
    assert "tap-dev-table of us-east-1 has the table too, and does not retain it" in answer.out
    assert "update-termination-protection --region us-east-1 --stack-name tap-dev-table" in answer.out
    kept = record(filled)
    assert kept is not None
    assert (kept["forced"], kept["to"], kept["came_from"]) == (True, WEST, EAST)
    assert {"us-west-2/storage", "us-west-2/table", "us-east-1/table", "us-east-1/storage"} <= set(
        kept["postponed"]  # type: ignore[call-overload]
    )
    (service,) = filled.client("cloudformation", WEST).describe_stacks(StackName="tap-dev-service")["Stacks"]
    assert {"ParameterKey": "Role", "ParameterValue": "primary"} in service["Parameters"]
    # Until then what does not hang on the region can be deployed as ever.
    text = Path("dr.yaml").read_text()
    Path("dr.yaml").write_text(text.replace("memory_mb: 256", "memory_mb: 512"))
    assert filled("render").code == 0
    again = filled("deploy", "--yes", "--skip-region", EAST)
    assert again.code == 0, again
    assert "us-west-2/service        done: UPDATE_COMPLETE" in again.out
    assert "this waits until us-east-1 answers again" in again.out
    assert "globalTableName: absent, us-west-2/table waits for us-east-1" in again.out
    assert record(filled) == kept

    world.region_up(EAST)
    assert "1 to delete" in filled("plan").out
    answer = filled("deploy", "--yes")
    assert answer.code == 0, answer
    assert "us-west-2 is the primary: a plan has nothing left to do" in answer.out
    assert record(filled) is None
    assert (data(filled), urls(filled)) == (before, addresses)
    assert "No changes" in filled("plan").out


@pytest.mark.slow
@pytest.mark.parametrize("how", ["hangs", pytest.param("fails", marks=pytest.mark.acceptance)])
def test_an_import_that_fails_or_hangs_beside_a_lost_region_waits_for_it(filled: OnWorld, how: str) -> None:
    before, world = data(filled), filled.world
    if how == "fails":
        world.script.fails("IMPORT", "Table", reason="Unable to reach us-east-1")
    else:
        world.script.takes(3600, action="IMPORT", resource="Table")
    world.region_down(EAST)
    began = world.now
    answer = filled("promote", WEST, "--yes", "--skip-region", EAST)
    assert answer.code == 0, answer
    assert world.now - began < 900
    assert "waits until us-east-1 answers again: us-west-2/table" in answer.err
    assert ("us-west-2/table: in progress: CloudFormation has not imported its data" in answer.out) is (how == "hangs")
    assert "us-west-2/table: not started" not in answer.out
    assert "us-west-2/table" in record(filled)["postponed"]  # type: ignore[index, operator]
    world.region_up(EAST)
    world.settle()
    answer = filled("deploy", "--yes")
    assert answer.code == 0, answer
    assert (data(filled), record(filled)) == (before, None)


@pytest.mark.slow
def test_begun_it_takes_the_same_allow_again_and_not_before(filled: OnWorld) -> None:
    allow = ("--allow", "us-west-2/table/Table")
    refused = filled("promote", WEST, "--yes", *allow)
    assert refused.code == 2
    assert "nothing of this assembly was executed before" in refused.err
    assert record(filled) is None
    filled.world.script.fails("IMPORT", "Table", reason="a moment ago")
    assert filled("promote", WEST, "--yes").code == 1
    filled.world.settle()
    answer = filled("promote", WEST, "--yes", *allow)
    assert answer.code == 0, answer
    assert "note: --allow us-west-2/table/Table names nothing that is left to do" in answer.err


@pytest.mark.slow
@pytest.mark.parametrize("lost", [False, True], ids=["planned", "forced"])
def test_it_calls_nothing_that_its_policy_does_not_list(filled: OnWorld, *, lost: bool) -> None:
    filled.world.calls.clear()
    if lost:
        filled.world.region_down(EAST)
    assert filled("promote", WEST, "--yes", *(("--skip-region", EAST) if lost else ())).code == 0
    listed = {(call.service, call.operation) for call in CALLS[Verb.PROMOTE]}
    assert {(call.service, call.operation) for call in filled.world.calls} <= listed


@pytest.mark.slow
def test_while_it_is_under_way_an_old_checkout_is_refused_and_nothing_is_destroyed(filled: OnWorld) -> None:
    old = {path: path.read_bytes() for path in (Path("dr.yaml"), *Path("templates").rglob("*.*"))}
    assert filled("plan", "-o", "old.json").code == 0
    filled.world.script.fails("UPDATE", "Function", reason="No", region=WEST)
    answer = filled("promote", WEST, "--yes")
    assert answer.code == 1
    assert "promote us-west-2    goes on from what stands now" in answer.err
    assert record(filled) is not None
    new = {path: path.read_bytes() for path in (Path("dr.yaml"), *Path("templates").rglob("*.*"))}

    def check_out(files: Mapping[Path, bytes]) -> None:
        for path in {*old, *new}:
            path.unlink(missing_ok=True)
        for path, content in files.items():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)

    check_out(old)
    for verb in (("plan",), ("deploy", "--yes"), ("execute", "old.json")):
        answer = filled(*verb)
        assert answer.code == 4, answer
        assert "us-west-2 is being promoted to the primary in place of us-east-1" in answer.err
        assert "here us-east-1 is the primary" in answer.err
    answer = filled("destroy", "--yes")
    assert answer.code == 4
    assert "python -m builder deploy    carries it to its end" in answer.err
    # From an old checkout the same command writes the files again, and goes on.
    assert filled("promote", WEST, "--yes").code == 0
    assert {path: path.read_bytes() for path in (Path("dr.yaml"), *Path("templates").rglob("*.*"))} == new
    assert record(filled) is None


def protected(command: OnWorld) -> OnWorld:
    """The shipped system with `protect: true`, deployed anew, with an item and an object."""
    with Path("dr.yaml").open("a") as file:
        file.write("\nprotect: true\n")
    assert command("render").code == 0
    assert command("deploy", "--yes").code == 0
    command.client("dynamodb").put_item(TableName="tap-dev-global", Item={"id": {"S": "item"}})
    command.client("s3").put_object(Bucket=BUCKETS[EAST], Key="one", Body=b"x")
    command.world.settle()
    return command


@pytest.fixture(params=["unprotected", pytest.param("protected", marks=pytest.mark.acceptance)])
def either(request: pytest.FixtureRequest) -> OnWorld:
    """The shipped system with data, without `protect: true` and with it."""
    if request.param == "protected":
        return protected(request.getfixturevalue("command"))
    filled: OnWorld = request.getfixturevalue("filled")
    return filled


def swap_by_hand() -> None:
    text = Path("dr.yaml").read_text()
    swapped = text.replace("primary: us-east-1", "primary: us-west-2\n  born: us-east-1")
    Path("dr.yaml").write_text(swapped.replace("[us-west-2]", "[us-east-1]"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "more", [pytest.param((), marks=pytest.mark.acceptance), ("--remove-orphans",)], ids=["alone", "orphans"]
)
def test_a_swap_by_hand_is_refused_whatever_is_said_beside_it(either: OnWorld, more: tuple[str, ...]) -> None:
    before = data(either)
    swap_by_hand()
    assert either("render").code == 0
    either.world.calls.clear()
    answer = either("deploy", "--yes", *more)
    assert answer.code == 4
    assert "python -m builder promote us-west-2" in answer.err
    assert either.called("ExecuteChangeSet", "DeleteStack") == 0
    assert data(either) == before
    # And the command that is named goes on from there.
    assert either("promote", WEST, "--yes").code == 0
    assert data(either) == before
    assert "No changes" in either("plan").out


@pytest.mark.slow
def test_after_a_forced_promotion_no_orphan_takes_data_with_it(either: OnWorld) -> None:
    before = data(either)
    either.world.region_down(EAST)
    assert either("promote", WEST, "--yes", "--skip-region", EAST).code == 0
    either.world.region_up(EAST)
    answer = either("deploy", "--yes", "--remove-orphans")
    assert answer.code == 0, answer
    assert (data(either), record(either)) == (before, None)


@pytest.mark.slow
def test_a_deletion_of_the_old_stack_takes_what_was_said_beforehand(either: OnWorld) -> None:
    before = data(either)
    either.world.region_down(EAST)
    output = either("promote", WEST, "--yes", "--skip-region", EAST).out
    warned = "who deletes that stack deletes the table in every region" in output
    either.world.region_up(EAST)
    either.client("cloudformation").delete_stack(StackName="tap-dev-table")
    either.world.settle()
    # With `protect: true` it is retained, and nothing has to be said.
    assert (data(either) == before) is not warned
    if not warned:
        assert either("deploy", "--yes").code == 0
        assert (data(either), record(either)) == (before, None)


@pytest.mark.slow
def test_what_is_said_first_prevents_it(filled: OnWorld) -> None:
    filled.world.region_down(EAST)
    assert filled("promote", WEST, "--yes", "--skip-region", EAST).code == 0
    filled.world.region_up(EAST)
    cloudformation = filled.client("cloudformation")
    cloudformation.update_termination_protection(StackName="tap-dev-table", EnableTerminationProtection=True)
    with pytest.raises(cloudformation.exceptions.ClientError, match="TerminationProtection is enabled"):
        cloudformation.delete_stack(StackName="tap-dev-table")
    answer = filled("deploy", "--yes")
    assert answer.code == 4
    assert "us-east-1/tap-dev-table/TerminationProtection" in answer.err
    assert filled("deploy", "--yes", "--allow", "us-east-1/tap-dev-table/TerminationProtection").code == 0
    assert record(filled) is None


@pytest.mark.slow
def test_every_line_of_it_as_json_is_one_of_the_schema(filled: OnWorld) -> None:
    answer = filled("promote", WEST, "--yes", "--json")
    assert answer.code == 0
    lines = [json.loads(line) for line in answer.out.splitlines()]
    check = jsonschema.Draft202012Validator(json.loads(make_event_schema()))
    assert [error.message for line in lines for error in check.iter_errors(line)] == []
    events = {line["event"]: line for line in lines if line["event"].startswith("promotion.")}
    assert list(events) == ["promotion.checked", "promotion.begun", "promotion.ended"]
    assert events["promotion.begun"]["files"][0] == "dr.yaml"
    assert events["promotion.ended"]["is_done"]


@pytest.mark.slow
def test_another_environment_of_the_same_file_is_promoted_after_it(filled: OnWorld) -> None:
    assert filled("deploy", "--yes", "--env", "qa").code == 0
    assert filled("promote", WEST, "--yes").code == 0
    answer = filled("plan", "--env", "qa")
    assert answer.code == 4
    assert "python -m builder promote us-west-2" in answer.err
    text = Path("dr.yaml").read_text()
    answer = filled("promote", WEST, "--yes", "--env", "qa")
    assert answer.code == 0, answer
    assert "us-west-2 is the primary by dr.yaml already" in answer.out
    assert Path("dr.yaml").read_text() == text
    assert "No changes" in filled("plan", "--env", "qa").out


@pytest.mark.slow
def test_without_a_table_it_is_one_plan_and_no_record(command: OnWorld) -> None:
    text = Path("dr.yaml").read_text()
    Path("dr.yaml").write_text(text.replace("table:\n  point_in_time_recovery: true\n", ""))
    assert command("render").code == 0
    assert command("deploy", "--yes").code == 0
    answer = command("promote", WEST, "--yes")
    assert answer.code == 0, answer
    assert command.called("PutParameter") == 0
    assert "No changes" in command("plan").out


@pytest.mark.acceptance
@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.LOSE_REQUEST])
def test_whatever_of_the_record_gets_lost(filled: OnWorld, fault: Fault) -> None:
    for number in (1, 4, 6):
        filled.world.faults.add(fault, service="ssm", nth=number)
    for number in (1, 2):
        filled.world.faults.add(fault, service="ssm", mutating=True, nth=number)
    filled.world.faults.max_age_s = 2.0
    filled.world.faults.add(Fault.STALE, service="ssm", probability=0.5)
    assert filled("promote", WEST, "--yes").code == 0
    assert record(filled) is None


@pytest.mark.acceptance
def test_on_the_embedded_aws_it_goes_there_and_back_with_all_that_is_in_it(
    deployed: Command, session: boto3.Session
) -> None:
    outputs = json.loads(deployed("outputs", "--json", "--env", "synthmfm20").out)
    table, buckets = outputs["globalTableName"], (outputs["primaryBucketName"], outputs["secondaryBucketName"])
    dynamodb, s3 = {region: session.client("dynamodb", region) for region in (EAST, WEST)}, session.client("s3")
    for number in range(20):
        dynamodb[EAST].put_item(TableName=table, Item={"id": {"S": f"item-{number}"}})
    s3.put_object(Bucket=buckets[0], Key="one", Body=b"x")
    for to in (WEST, EAST):
        answer = deployed("promote", to, "--yes", "--env", "synthmfm20")
        assert answer.code == 0, answer
        assert deployed("plan", "--detailed-exitcode", "--env", "synthmfm20").code == 0
        assert [client.scan(TableName=table)["Count"] for client in dynamodb.values()] == [20, 20]
        assert [s3.list_objects_v2(Bucket=bucket)["KeyCount"] for bucket in buckets] == [1, 1]
        assert {
            value
            for name, value in json.loads(deployed("outputs", "--json", "--env", "synthmfm20").out).items()
            if name.endswith("LambdaUrl")
        } == {outputs["primaryLambdaUrl"], outputs["secondaryLambdaUrl"]}
