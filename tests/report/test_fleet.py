from dataclasses import replace

from builder.deploy.records import GuardHit, PropertyChange, ResourceChange
from builder.fleet.plan import make_pace
from builder.fleet.records import FleetPlan, InstanceOverride, SetPlan
from builder.report.fleet_plan import fleet_plan_text, group_guards
from builder.terms import LogicalId, Region
from fleet.stack_sets import ACCOUNTS, EAST, FLEET, WEST, instance, places, set_plan, sites
from fleet.test_plan_file import ORDINARY
from report.sample import step

MANY = tuple(str(100000000000 + number) for number in range(200))
REPLACED = ResourceChange(
    action="Modify",
    logical_id=LogicalId("Table"),
    type="AWS::DynamoDB::GlobalTable",
    replacement="True",
    properties=(PropertyChange(path="/Properties/TableName", before="one", after="two"),),
)


def shown(*sets: SetPlan, **fields: object) -> str:
    all_fields = {"steps": (step(FLEET),), **fields}
    ordinary = replace(ORDINARY, **all_fields)  # type: ignore[arg-type]  # the fields are named at each call
    return fleet_plan_text(FleetPlan(version=2, ordinary=ordinary, sets=sets)).plain


def test_it_begins_with_the_sum_and_names_sets_accounts_regions_and_resources() -> None:
    text = shown(
        set_plan("us-east-1/table", updating=sites(EAST, *ACCOUNTS), changes=(REPLACED,)),
        set_plan("us-west-2/storage", "create", joining=sites(WEST, *ACCOUNTS[:2])),
    )
    assert text.startswith("In 3 accounts and 2 regions (us-east-1, us-west-2): stacks 2 created, 3 updated\n")
    assert "us-east-1/table  update  (tap-dev-us-east-1-table)\n" in text
    assert f"  updates its stack in {', '.join(ACCOUNTS)} in us-east-1\n" in text
    assert "  ~ Table  AWS::DynamoDB::GlobalTable  replaced\n      /Properties/TableName: one -> two" in text
    assert f"  creates its stack in {', '.join(ACCOUNTS[:2])} in us-west-2" in text


def test_two_hundred_accounts_are_named_once_however_many_sets_mean_them() -> None:
    sets = [set_plan(f"us-west-2/{name}", updating=sites(WEST, *MANY)) for name in ("a", "b", "c")]
    text = shown(*sets)
    assert text.count("updates its stack in 200 accounts [A] in us-west-2") == 3
    assert all(text.count(account) == 1 for account in MANY)
    assert len(text.splitlines()) < 60


def test_of_a_thousand_the_rest_is_where_it_can_be_read() -> None:
    thousand = [str(100000000000 + number) for number in range(1000)]
    text = shown(set_plan(updating=sites(WEST, *thousand)))
    assert "accounts [A], 1000:" in text
    assert "and 600 more: --json" in text


def test_what_is_guarded_or_lost_comes_first() -> None:
    update = set_plan("us-west-2/a", updating=sites(WEST, *ACCOUNTS))
    lost = set_plan("us-west-2/b", updating=sites(WEST, *ACCOUNTS), changes=(REPLACED,))
    going = set_plan("us-west-2/c", "remove", leaving=sites(WEST, *ACCOUNTS))
    guarded = set_plan("us-west-2/d", "targets", leaving=sites(WEST, ACCOUNTS[0]))
    hit = GuardHit(stack=FLEET, logical_id="x", why="it leaves", allow=f"us-west-2/d/{ACCOUNTS[0]}")
    text = shown(update, going, lost, guarded, guards=(hit,))
    order = [text.index(f"us-west-2/{name}  ") for name in ("d", "b", "c", "a")]
    assert order == sorted(order)
    assert f"--allow us-west-2/d/{ACCOUNTS[0]}    it leaves" in text


def test_retries_say_why_they_failed_and_what_is_particular_is_told() -> None:
    failed = instance(ACCOUNTS[0], status="OUTDATED", reason="limit\x1b[31m")
    own = InstanceOverride(site=sites(WEST, ACCOUNTS[1])[0], parameters={"Days": "3"})
    text = shown(set_plan(does="nothing", retries=(failed,), overrides=(own,), remarks=("one is left out",)))
    assert f"does again what failed in {ACCOUNTS[0]} in us-west-2" in text
    assert f"failed before: {ACCOUNTS[0]} us-west-2: limit\\x1b[31m" in text
    assert f"of its own in {ACCOUNTS[1]} us-west-2: Days=3" in text
    assert "note: one is left out" in text


def test_a_stack_that_no_change_set_brings_is_told_apart_and_counted_with_the_others() -> None:
    text = shown(set_plan(does="nothing", missing=places(WEST, ACCOUNTS[0])))
    assert "stacks 1 created" in text
    assert f"  creates its missing stack in {ACCOUNTS[0]} in us-west-2" in text


def test_where_nothing_changes_it_says_so() -> None:
    text = shown(set_plan(does="nothing"), steps=())
    assert text.startswith("No stack in any account changes: its only set is as it should be.")
    assert "us-west-2/storage" not in text
    assert "unchanged" in shown(set_plan(does="nothing", remarks=("x",)))


def test_every_list_gets_a_letter_of_its_own() -> None:
    sets = [set_plan(f"us-west-2/{n}", updating=sites(WEST, *MANY[n : n + 5])) for n in range(30)]
    text = shown(*sets)
    assert "5 accounts [Z]" in text
    assert "5 accounts [AD]" in text


def test_a_bad_day_of_five_hundred_accounts_takes_no_more_than_two_screens() -> None:
    """In each of five sets 30 leave, 20 join, 17 failed for their own reasons, 60 have parameters, 12 are closed."""
    named = [str(100000000000 + number) for number in range(500)]
    stays, leaving, joining = named[62:], named[:30], named[30:50]
    hits, sets = [], []
    for stack in ("us-east-1/a", "us-east-1/b", "us-west-2/c", "us-west-2/d", "us-west-2/e"):
        region = Region(stack.partition("/")[0])
        failed = tuple(instance(account, region, "OUTDATED", reason=f"limit {account}") for account in stays[:17])
        own = [InstanceOverride(site=site, parameters={"Days": site.account or ""}) for site in sites(region, *stays)]
        planned = set_plan(
            stack,
            updating=sites(region, *stays),
            leaving=sites(region, *leaving),
            joining=sites(region, *joining),
            retries=failed,
            overrides=tuple(own[:60]),
            given=tuple(own[60:120]),
            reset=sites(region, *stays[60:120]),
            changes=(REPLACED,),
            remarks=tuple(f"{account} is left out: it is CLOSED" for account in named[50:62]),
            pace=make_pace({}, sites(region, *stays), None),
        )
        sets.append(planned)
        hits += [
            GuardHit(stack=FLEET, logical_id=account, why="the account leaves", allow=f"{stack}/{account}", kind="l")
            for account in leaving
        ]
    lines = shown(*sets, guards=tuple(hits)).splitlines()
    assert len(lines) <= 120
    assert f"  --allow '*/*/{leaving[0]}'    in 5 sets: the account leaves" in lines
    assert "  and 22 more, which --json and the plan's file name" in lines
    assert "accounts [B], 438:" in lines
    assert all(account in " ".join(lines) for account in (*leaving, *joining)), "who leaves and joins is named"
    assert "  note: 12 accounts [E]: each is left out: it is CLOSED" in lines


def test_a_list_that_differs_in_a_few_accounts_is_told_by_the_other() -> None:
    text = shown(
        set_plan("us-west-2/a", updating=sites(WEST, *MANY)),
        set_plan("us-west-2/b", updating=sites(WEST, *MANY[3:], "999999999999")),
    )
    assert f"accounts [B], 198: [A] without {' '.join(MANY[:3])} with 999999999999" in text


def test_of_many_guards_those_of_resources_are_told_each_and_before_those_of_accounts() -> None:
    lost = [
        GuardHit(stack=FLEET, logical_id=f"Table{number}", why="gone", allow=f"us-west-2/a/Table{number}")
        for number in range(20)
    ]
    leaving = [
        GuardHit(stack=FLEET, logical_id=account, why="the account leaves", allow=f"us-west-2/a/{account}", kind="l")
        for account in MANY[:20]
    ]
    text = shown(set_plan("us-west-2/a", updating=sites(WEST, *MANY)), guards=(*leaving, *lost))
    assert all(f"--allow {hit.allow}    gone" in text for hit in lost)
    assert text.count("the account leaves") == 8
    assert "  and 12 more, which --json and the plan's file name" in text


def test_of_many_guards_no_kind_hides_another_in_the_same_account() -> None:
    kinds = ("a stack stays there", "its stack is imported", "the account leaves")
    hits = [
        GuardHit(stack=FLEET, logical_id=account, why=f"{kind}: {stack}", allow=f"{stack}/{account}", kind=kind)
        for account in ACCOUNTS
        for kind in kinds
        for stack in ("us-west-2/a", "us-east-1/b")
    ]
    grouped = group_guards(hits)
    assert [(hit.allow, hit.why) for hit in grouped] == [
        (f"'*/*/{account}'", f"in 2 sets: {kind}: us-west-2/a") for account in ACCOUNTS for kind in kinds
    ]
    numbered = [replace(hit, logical_id="1" * 12, kind="") for hit in hits]
    assert group_guards(numbered) == tuple(sorted(numbered, key=lambda hit: hit.allow))
