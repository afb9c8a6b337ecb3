"""The table of calls against the deployer itself: every verb's life on the fake AWS, and what it called."""

import ast
import functools
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from botocore.model import OperationModel

from builder.assembly.components import OutputOf
from builder.assembly.store import Bootstrap
from builder.aws import Clients
from builder.deploy import (
    CaptureRequest,
    Deployment,
    Done,
    PlanId,
    PlanOptions,
    PlanRequest,
    TrustedInput,
    capture,
    check_none,
    discard_plan,
    end_promotion,
    execute_plan,
    find_promotion,
    narrow,
    write_promotion,
)
from builder.deploy.backfill.jobs import (
    check_lifecycle,
    count_lacking,
    observe_sources,
    plan_backfill,
    run_backfill,
)
from builder.deploy.backfill.records import BackfillOptions
from builder.deploy.delete.prune import YOUNG, find_leftovers, prune
from builder.deploy.desired import TAG_DEPLOYMENT
from builder.deploy.plan.done_before import find_gone, find_known
from builder.errors import BadInput, Stopped
from builder.policy.document import Verb
from builder.policy.rights import CALLS, FAULT_CALLS, On
from builder.template import OPEN_POLICY
from builder.terms import AccountId, Region, Site, StackId, StackName, StackPlace
from deploy.chained import KEY_TEMPLATE, KEYS, TOPIC_TEMPLATE, chained, make_deployment, make_stack
from deploy.halted import deployed_topics, failed_rollback, failed_without_rollback, recovered
from deploy.handovers.test_handovers import promotion, system
from deploy.legacy import NAMES, deploy_legacy, legacy_deployment
from deploy.nesting import TOPIC, nest, parent, put
from deploy.packaged import NESTING, WORKER, bucket, packaged, sources
from deploy.plan.test_exports import IMPORTS_NONE, OTHER_VALUE, both
from deploy.protected import KEPT_KEY, KEPT_NAMES, kept
from deploy.rig import ACCOUNT, ROOT, Rig, changed, edited
from deploy.there_before import make_bucket, make_key, make_table, system_with_existing
from deploy.two_way import make_buckets
from fake_aws import World
from fake_aws.refusals import Unsupported
from fake_aws.s3.records import Version
from loaded_config import ABSENT
from policy.reference import actions
from proof.nesting import FIRST as NESTED
from proof.nesting import store_templates

LONG = "# long\n" * 8000
EAST, WEST = Region("us-east-1"), Region("us-west-2")
# The deployed system's own buckets do for the templates'.
THROUGH_A_BUCKET = PlanRequest(options=PlanOptions(artifacts_bucket=f"tap-dev-{ACCOUNT}-{{region}}-an"))
Called = set[tuple[str, str]]


def larger(rig: Rig) -> Rig:
    rig.deployment = edited(rig.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 512")
    return rig


@functools.cache
def with_code() -> Deployment:
    """Stacks that take code from a bucket."""
    return packaged(sources(Path(tempfile.mkdtemp())), {"app": WORKER})


def plan_code_for_a_bucket_that_nobody_makes(rig: Rig) -> None:
    rig.deployment = replace(with_code(), bucket_makers={})
    with suppress(BadInput):
        rig.plan()


def plan_what_cdk_takes_for_granted(rig: Rig) -> None:
    bootstrap = Bootstrap(site=Site(None, EAST), parameter="/cdk-bootstrap/hnb659fds/version", version=6)
    rig.deployment = replace(rig.deployment, bootstraps=(bootstrap,))
    with pytest.raises(BadInput, match="is not there"):
        rig.plan()


def execute_an_upload(rig: Rig) -> None:
    rig.deployment = with_code()
    execute_for_the_first_time(rig)


def prune_old_code(rig: Rig) -> None:
    deployment = packaged(sources(Path(tempfile.mkdtemp())), {"app": WORKER, "nested": NESTING})
    rig.deploy(deployment)
    rig.clients.cloudformation(EAST).create_stack_set(StackSetName="set", TemplateBody=KEY_TEMPLATE)
    rig.clients.s3(EAST).put_object(Bucket=bucket(), Key=f"{'0' * 64}.zip", Body=b"x")
    rig.world.calls.clear()
    later = rig.world.datetime() + YOUNG
    old = rig.run(lambda: find_leftovers(deployment, AccountId(ACCOUNT), (), rig.clients, later))
    assert rig.run(lambda: prune(old.leftovers, rig.clients)) == 1


def plan_both_ways(rig: Rig) -> None:
    rig.deploy(make_buckets("one-way"))
    rig.world.calls.clear()
    rig.plan(make_buckets())


def have_data_that_stands(rig: Rig) -> None:
    """A table under a key of KMS, and a bucket, that no stack of the deployment made, and that it is to have."""
    key = make_key(rig)
    make_table(
        rig,
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    make_bucket(rig)
    rig.deployment = system_with_existing(function=ABSENT, encryption={"key": "alias/theirs"})
    rig.world.calls.clear()


def plan_data_that_stands(rig: Rig) -> None:
    have_data_that_stands(rig)
    rig.plan()


def execute_data_that_stands(rig: Rig) -> None:
    have_data_that_stands(rig)
    rig.world.names.add(("AWS::KMS::Alias", ACCOUNT, WEST, "alias/theirs"))
    plan = rig.plan()
    rig.world.calls.clear()
    rig.execute(plan, allow=("us-east-1/table/Table", "us-east-1/storage/Bucket"))


def execute_both_ways(rig: Rig) -> None:
    rig.deploy(make_buckets("one-way"))
    plan = rig.plan(make_buckets())
    rig.world.calls.clear()
    rig.execute(plan)


def backfill(rig: Rig) -> None:
    deployment = make_buckets("one-way", backfill=True)
    rig.deploy(deployment)
    for made in rig.world.buckets.values():
        made.versions.append(Version("a", rig.world.new_uuid(), rig.world.datetime(), b"x"))
    rig.world.calls.clear()

    async def all_of_it() -> None:
        for source in await observe_sources(deployment, rig.clients, None):
            work = await plan_backfill(rig.clients, deployment.name, source, BackfillOptions())
            await count_lacking(rig.clients, source)
            with suppress(Stopped):
                await check_lifecycle(rig.clients, [source])
            assert (await run_backfill(rig.clients, work, lambda _: None)).verdict == "done"

    rig.run(all_of_it)


def ask_for_a_promotion(rig: Rig) -> None:
    rig.run(lambda: find_promotion(rig.clients, rig.deployment))


def execute_a_promotion_to_its_end(rig: Rig) -> None:
    rig.deploy(system(EAST))
    under_way = promotion(WEST)
    plan = rig.plan(system(WEST), PlanRequest(promotion=under_way))
    rig.run(lambda: write_promotion(rig.clients, under_way))
    rig.world.calls.clear()
    trusted = TrustedInput(deployment=system(WEST), options=plan.options, promotion=under_way)
    rig.watched(lambda emit: execute_plan(plan, trusted, rig.clients, emit))
    again = PlanId(id="again", at="2026-01-01T00:00:00+00:00")
    rig.watched(lambda emit: end_promotion(system(WEST), under_way, rig.clients, again, emit))
    assert rig.operations("DeleteParameter") == 1


def look_before_a_deletion(rig: Rig) -> None:
    rig.run(lambda: check_none(rig.clients, rig.deployment.name, rig.deployment.regions))


def plan_for_the_first_time(rig: Rig) -> None:
    rig.plan()


def plan_an_update_and_throw_it_away(rig: Rig) -> None:
    plan = larger(rig).plan()
    rig.run(lambda: discard_plan(plan, rig.clients))


def plan_a_first_time_and_throw_it_away(rig: Rig) -> None:
    plan = rig.plan()
    rig.run(lambda: discard_plan(plan, rig.clients))


def plan_a_large_template(rig: Rig) -> None:
    rig.deployment = make_deployment(make_stack(KEYS, KEY_TEMPLATE + LONG))
    # The fake takes no template from a bucket; by then it has been put there.
    with suppress(Unsupported):
        rig.plan(request=THROUGH_A_BUCKET)


def adopt_three(rig: Rig) -> None:
    deploy_legacy(rig.world.session(ACCOUNT).client("cloudformation", EAST), rig.world.settle)
    rig.world.calls.clear()
    places = {StackPlace(Site(None, EAST), StackName(name)): StackId(f"us-east-1/{name}") for name in NAMES}
    names = tuple(place.name for place in places)
    request = CaptureRequest(deployment="tap-dev", names=names, known=places, files={})
    rig.run(lambda: capture(rig.clients, Site(None, EAST), request))


def plan_an_adoption(rig: Rig) -> None:
    deploy_legacy(rig.world.session(ACCOUNT).client("cloudformation", EAST), rig.world.settle)
    rig.world.calls.clear()
    rig.deployment = legacy_deployment()
    rig.plan()


def plan_with_orphans(rig: Rig) -> None:
    rig.world.stack("tap-dev-old").deploy(tags={TAG_DEPLOYMENT: "tap-dev"})
    rig.plan()


def plan_without_a_lost_region(rig: Rig) -> None:
    rig.world.region_down(EAST)
    west = edited(rig.deployment, "us-west-2/service", "MemorySize: 256", "MemorySize: 512")
    rig.plan(narrow(west, [EAST]))


def execute_without_a_lost_region(rig: Rig) -> None:
    west = edited(rig.deployment, "us-west-2/service", "MemorySize: 256", "MemorySize: 512")
    plan = rig.plan(narrow(west, [EAST]))
    rig.world.region_down(EAST)
    rig.world.calls.clear()
    rig.execute(plan)


def plan_a_nested_stack_at_another_address(rig: Rig) -> None:
    rig.deploy(parent({"Child": nest(put(rig, "one.yaml", TOPIC))}))
    moved = put(rig, "two.yaml", TOPIC)
    rig.world.calls.clear()
    rig.plan(parent({"Child": nest(moved)}))


def execute_a_deferred_change_set_of_a_nested_stack_at_another_address(rig: Rig) -> None:
    declared = {"Parameters": {"KeyArn": {"Type": "String"}}}

    def nesting(key: str, address: str) -> Deployment:
        nested = parent({"Child": nest(put(rig, address, TOPIC))}, **declared).stacks[0]
        bound = replace(nested, parameters={"KeyArn": OutputOf((KEYS, "KeyArn"))}, needs=(KEYS,))
        return make_deployment(make_stack(KEYS, key), bound)

    rig.deploy(nesting(KEY_TEMPLATE, "one.yaml"))
    plan = rig.plan(nesting(KEY_TEMPLATE.replace("Description: one", "Description: two"), "two.yaml"))
    rig.world.calls.clear()
    rig.execute(plan)


def execute_what_protects(rig: Rig) -> None:
    rig.deployment = changed(rig.deployment, "us-east-1/table", termination_protection=True)
    execute_for_the_first_time(rig)


def plan_a_policy(rig: Rig) -> None:
    rig.plan(changed(rig.deployment, "us-east-1/table", stack_policy=OPEN_POLICY))


def execute_a_policy(rig: Rig) -> None:
    rig.deploy(changed(rig.deployment, "us-east-1/table", stack_policy=OPEN_POLICY))


def plan_behind_another_s_operation(rig: Rig) -> None:
    stack = rig.world.stack("tap-dev-table")
    stack.put("UPDATE_IN_PROGRESS")
    stack.then("UPDATE_COMPLETE", after_s=30)
    rig.plan()


def execute_for_the_first_time(rig: Rig) -> None:
    plan = rig.plan()
    rig.world.calls.clear()
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))


def execute_what_is_deferred(rig: Rig) -> None:
    rig.deployment = chained()
    execute_for_the_first_time(rig)


def execute_a_large_template_that_is_deferred(rig: Rig) -> None:
    rig.deployment = chained(topic=TOPIC_TEMPLATE + LONG)
    plan = rig.plan(request=THROUGH_A_BUCKET)
    rig.world.calls.clear()
    with suppress(Unsupported):
        rig.execute(plan)


def execute_a_change_of_a_time_to_live(rig: Rig) -> None:
    name = "      TableName: !Sub"
    ends = f"      TimeToLiveSpecification: {{AttributeName: ends, Enabled: true}}\n{name}"
    rig.deployment = edited(rig.deployment, "us-east-1/table", name, ends)
    assert all(isinstance(outcome, Done) for outcome in rig.deploy())


def execute_what_turns_out_to_change_nothing(rig: Rig) -> None:
    """The second stack takes the same output again: its deferred change set is empty."""
    rig.deployment = chained()
    rig.deploy()
    plan = rig.plan(chained(key=KEY_TEMPLATE.replace("Description: one", "Description: two")))
    rig.world.calls.clear()
    rig.execute(plan)


def execute_what_fails(rig: Rig) -> None:
    plan = rig.plan()
    rig.world.calls.clear()
    rig.world.script.fails("CREATE", "Table", reason="Subscriber limit exceeded")
    rig.execute(plan)


def plan_where_an_export_changes(rig: Rig) -> None:
    rig.deploy(both())
    rig.world.calls.clear()
    rig.plan(both(OTHER_VALUE, IMPORTS_NONE))


def roll_back_first(rig: Rig) -> None:
    failed_without_rollback(deployed_topics(rig))
    rig.world.calls.clear()
    recovered(rig)


def roll_back_what_could_not_be_rolled_back(rig: Rig) -> None:
    failed_rollback(deployed_topics(rig))
    recovered(rig)


def execute_over_a_failed_creation(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Table", reason="Subscriber limit exceeded")
    rig.deploy()
    plan = rig.plan()
    rig.world.calls.clear()
    rig.execute(plan)


def destroy_it_full(rig: Rig) -> None:
    rig.clients.s3(EAST).put_object(Bucket=f"tap-dev-{ACCOUNT}-us-east-1-an", Key="left", Body=b"x")
    rig.clients.s3(EAST).create_multipart_upload(Bucket=f"tap-dev-{ACCOUNT}-us-east-1-an", Key="begun")
    rig.world.calls.clear()
    assert all(isinstance(outcome, Done) for outcome in rig.destroy())


def destroy_what_only_waits_for_a_review(rig: Rig) -> None:
    """In case a stack has the tags only once a change set of it was executed."""
    rig.destroy()
    rig.plan(replace(rig.deployment, stacks=tuple(replace(stack, tags={}) for stack in rig.deployment.stacks)))
    rig.world.calls.clear()
    assert len(rig.destroy()) == len(rig.deployment.stacks)


def destroy_nested_stacks_that_only_wait_for_a_review(rig: Rig) -> None:
    store_templates(rig.world)
    rig.plan(NESTED)
    rig.world.calls.clear()
    assert all(isinstance(outcome, Done) for outcome in rig.destroy())


def destroy_what_is_protected(rig: Rig) -> None:
    rig.clients.cloudformation(EAST).update_termination_protection(
        StackName="tap-dev-service", EnableTerminationProtection=True
    )
    rig.world.calls.clear()
    rig.destroy(allow=["us-east-1/service/TerminationProtection"])


def destroy_what_is_retained(rig: Rig) -> None:
    """A table, a bucket, a log group and a key that a component keeps, each protected where it can be."""
    key = make_stack(StackId("us-east-1/key"), KEPT_KEY)
    rig.deployment = replace(kept(), stacks=(*kept().stacks, key))
    rig.deploy()
    rig.world.calls.clear()
    assert all(
        isinstance(outcome, Done)
        for outcome in rig.destroy(unprotect=True, names=(*KEPT_NAMES, *(key_id for *_, key_id in rig.world.keys)))
    )


def ask_for_what_is_gone(rig: Rig) -> None:
    """As after an execution, or a deletion, that broke off: its `--allow` are typed again."""
    typed = ["us-east-1/table/Gone", "us-east-1/gone/Data"]
    plan = replace(rig.plan(), steps=())
    rig.world.calls.clear()
    rig.run(lambda: find_known(plan, rig.deployment, rig.clients, typed))


def destroy_what_is_gone_in_part(rig: Rig) -> None:
    sites = rig.deployment.sites
    rig.run(lambda: find_gone(rig.deployment.name, sites, ["us-east-1/gone/Data"], rig.clients))


def destroy_with_a_young_replica(rig: Rig) -> None:
    rig.world.quirks.young_replicas_block_deletion = True
    assert all(isinstance(outcome, Done) for outcome in rig.destroy())


def destroy_what_holds_on(rig: Rig) -> None:
    rig.world.script.fails("DELETE", "ExecutionRole", reason="It is in use", region=WEST, times=None)
    rig.destroy()


def on_another_account(rig: Rig) -> None:
    other = AccountId("444455556666")

    def make_core() -> botocore.session.Session:
        core = botocore.session.Session()
        rig.world.reach(core)
        return core

    roles = {other: f"arn:aws:iam::{other}:role/deployer"}
    rig.clients = Clients(rig.world.session(ACCOUNT), roles=roles, make_core=make_core)
    rig.clients.of(Site(other, EAST)).sts(EAST).get_caller_identity()


FRESH: dict[Verb, tuple[Callable[[Rig], None], ...]] = {
    Verb.ADOPT: (adopt_three,),
    Verb.PLAN: (
        plan_an_adoption,
        on_another_account,
        plan_both_ways,
        plan_data_that_stands,
        plan_for_the_first_time,
        plan_a_first_time_and_throw_it_away,
        plan_code_for_a_bucket_that_nobody_makes,
        plan_what_cdk_takes_for_granted,
        ask_for_a_promotion,
    ),
    Verb.EXECUTE: (
        execute_a_promotion_to_its_end,
        on_another_account,
        execute_both_ways,
        execute_data_that_stands,
        execute_for_the_first_time,
        execute_what_is_deferred,
        execute_an_upload,
        execute_what_turns_out_to_change_nothing,
        execute_what_fails,
        execute_what_protects,
        execute_over_a_failed_creation,
        roll_back_first,
        roll_back_what_could_not_be_rolled_back,
    ),
    Verb.DESTROY: (on_another_account, destroy_what_is_retained, look_before_a_deletion),
    Verb.PRUNE: (on_another_account, prune_old_code),
    Verb.BACKFILL: (on_another_account, backfill),
}
DEPLOYED: dict[Verb, tuple[Callable[[Rig], None], ...]] = {
    Verb.ADOPT: (),
    Verb.PLAN: (
        plan_an_update_and_throw_it_away,
        plan_a_large_template,
        plan_a_policy,
        plan_behind_another_s_operation,
        plan_with_orphans,
        plan_where_an_export_changes,
        plan_without_a_lost_region,
        plan_a_nested_stack_at_another_address,
    ),
    Verb.EXECUTE: (
        execute_a_deferred_change_set_of_a_nested_stack_at_another_address,
        execute_a_policy,
        execute_a_change_of_a_time_to_live,
        execute_without_a_lost_region,
        execute_a_large_template_that_is_deferred,
        ask_for_what_is_gone,
    ),
    Verb.DESTROY: (
        destroy_it_full,
        destroy_what_only_waits_for_a_review,
        destroy_nested_stacks_that_only_wait_for_a_review,
        destroy_what_is_protected,
        destroy_what_is_gone_in_part,
        destroy_with_a_young_replica,
        destroy_what_holds_on,
    ),
    Verb.PRUNE: (),
    Verb.BACKFILL: (),
}


def lived(verb: Verb) -> Called:
    called: Called = set()
    for lives, deployed in ((FRESH[verb], False), (DEPLOYED[verb], True)):
        for life in lives:
            rig = Rig(World())
            if deployed:
                rig.have_deployed()
            life(rig)
            called |= {(call.service, call.operation) for call in rig.world.calls}
    return called


def listed(verb: Verb) -> Called:
    return {(call.service, call.operation) for call in CALLS[verb]}


@pytest.mark.proof
@pytest.mark.parametrize("verb", [Verb.PLAN, Verb.EXECUTE, Verb.ADOPT, Verb.DESTROY, Verb.PRUNE, Verb.BACKFILL])
def test_the_table_has_every_call_of_a_verb_s_life_and_no_other(verb: Verb) -> None:
    # The identity is asked for where no stack's ARN tells it.
    assert lived(verb) | {("sts", "GetCallerIdentity")} == listed(verb)


CALLERS = ("aws", "deploy", "drill", "failback", "fleet", "state")
"""The packages that call AWS for a verb."""


def test_no_operation_that_the_sources_name_is_missing() -> None:
    """The lives above may have left one out; the source has not."""
    nodes = [node for path in sources_of(*CALLERS) for node in ast.walk(ast.parse(path.read_text()))]
    services = services_of(nodes)
    in_table = {call for verb in CALLS for call in listed(verb)}
    in_table |= {(call.service, call.operation) for call in OF_FAULTS}
    assert services <= {service for service, _ in in_table}
    known = operations_of(services)
    named = {node.attr for node in nodes if isinstance(node, ast.Attribute)} | {
        node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert ("cloudformation", "CreateChangeSet") in known["create_change_set"]
    # Several services may have an operation of one name: one of them is the one that is called.
    assert {name for name in named & known.keys() if known[name].isdisjoint(in_table)} == set()


@pytest.mark.parametrize("name", ["create_grant", "describe_stack_refactor", "send_command", "delete_topic"])
def test_an_operation_of_any_service_that_is_in_use_would_be_found_missing(name: str) -> None:
    nodes = [node for path in sources_of(*CALLERS) for node in ast.walk(ast.parse(path.read_text()))]
    candidates = operations_of(services_of(nodes))[name]
    assert candidates
    assert candidates.isdisjoint(call for verb in CALLS for call in listed(verb))


def sources_of(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / "builder" / package).rglob("*.py"))]


def services_of(nodes: list[ast.AST]) -> set[str]:
    """The services that a client is asked for anywhere; a client of one that no source names cannot be had."""
    clients = ("_client", "client", "service")
    names = [
        node.args[0]
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in clients and node.args
    ]
    of_variables = [name.id for name in names if isinstance(name, ast.Name)]
    assert of_variables == ["name"], "only Clients.service itself may be told the service by a variable"
    return {name.value for name in names if isinstance(name, ast.Constant) and isinstance(name.value, str)}


@functools.cache
def _operations(service: str) -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_service_model(service).operation_names)


def operations_of(services: set[str]) -> dict[str, set[tuple[str, str]]]:
    """Every operation of these services, by the name that Python has for it."""
    known: dict[str, set[tuple[str, str]]] = {}
    for service in services:
        for operation in _operations(service):
            known.setdefault(xform_name(operation), set()).add((service, operation))
    return known


def test_an_orphan_that_is_executed_away_takes_what_destroying_it_takes() -> None:
    rig = Rig(World())
    rig.have_deployed()
    stays = tuple(
        replace(stack, needs=tuple(need for need in stack.needs if need != "us-west-2/storage"))
        for stack in rig.deployment.stacks
        if stack.id != StackId("us-west-2/storage")
    )
    rig.deployment = replace(rig.deployment, stacks=stays)
    plan = rig.plan(request=PlanRequest(remove_orphans=True))
    rig.world.calls.clear()
    rig.execute(plan, {hit.allow for hit in plan.guards})
    called = {(call.service, call.operation) for call in rig.world.calls}
    assert ("s3", "ListObjectVersions") in called
    assert called <= listed(Verb.EXECUTE) | listed(Verb.DESTROY)


OF_FAULTS = [call for calls in FAULT_CALLS.values() for call in calls]


@pytest.mark.parametrize("verb", list(Verb))
def test_every_operation_is_one_that_botocore_knows(verb: Verb) -> None:
    session = botocore.session.get_session()
    of_faults = {(call.service, call.operation) for call in OF_FAULTS}
    for service, operation in (listed(verb) | of_faults) - {("lambda", "InvokeFunctionUrl")}:
        model = session.get_service_model(service).operation_model(operation)
        assert isinstance(model, OperationModel)


@pytest.mark.parametrize("verb", list(Verb))
def test_every_action_is_one_that_iam_knows(verb: Verb) -> None:
    for call in (*CALLS[verb], *OF_FAULTS):
        for action, _ in call.needs:
            assert actions(action) == [action]


def test_only_a_call_that_aws_always_allows_needs_nothing() -> None:
    free = {call.operation for calls in CALLS.values() for call in calls if not call.needs}
    assert free == {"GetCallerIdentity"}


def test_every_place_is_used() -> None:
    each = [*(call for calls in CALLS.values() for call in calls), *OF_FAULTS]
    assert {on for call in each for _, on in call.needs} == set(On)
