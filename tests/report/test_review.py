import pytest

from builder.deploy.records import PropertyChange
from builder.report import html
from builder.report.review import definition_lines, fate, is_lost, make_entries, make_tally, sign
from builder.report.screen import one_line, printable
from report.sample import BUCKET, FUNCTION, REPLACED, SERVICE, TABLE, change, deferred, deletion, hit, plan, step


def order(*links: object, **fields: object) -> list[str]:
    return [entry.title for entry in make_entries(plan(*links, **fields))]  # type: ignore[arg-type]  # handed on


def test_the_riskiest_comes_first() -> None:
    assert order(
        step("r/create", risk="create", changes=(change(action="Add"),)),
        step("r/update", changes=(FUNCTION,)),
        step("r/replace", risk="replace", changes=(REPLACED,)),
        step("r/remove", risk="remove", changes=(change(action="Remove"),)),
        deletion("r/delete", BUCKET),
    ) == ["r/delete", "r/remove", "r/replace", "r/update", "r/create"]


def test_what_a_guard_stops_at_comes_before_everything_that_none_does() -> None:
    removing = step("r/permission", risk="remove", changes=(change("Permission", action="Remove"),))
    losing = step(TABLE, changes=(change("Table", losses=("the replica in us-west-2",)),))
    assert order(removing, losing, guards=(hit(TABLE, "Table"),)) == [TABLE, "r/permission"]


def test_among_updates_those_that_weaken_something_come_first() -> None:
    weak = step("r/weak", changes=(change(warnings=("versioning is suspended",)),))
    assert order(step("r/plain", changes=(FUNCTION,)), weak) == ["r/weak", "r/plain"]


def test_the_deletion_of_a_stack_that_holds_nothing_is_no_risk() -> None:
    assert order(deletion("r/wreck"), step("r/update", changes=(FUNCTION,))) == ["r/update", "r/wreck"]


def test_within_a_stack_too_what_is_lost_comes_first_and_what_is_new_last() -> None:
    changes = (change("New", action="Add"), FUNCTION, change("Weak", warnings=("w",)), REPLACED, change("Guarded"))
    (entry,) = make_entries(plan(step(TABLE, changes=changes), guards=(hit(TABLE, "Guarded"), hit(SERVICE, "New"))))
    assert [change.logical_id for change in entry.changes] == ["Guarded", "Table", "Weak", "Function", "New"]
    assert [guard.allow for guard in entry.guards] == ["us-east-1/table/Guarded"]


def test_an_entry_waits_for_the_one_before_on_its_stack_and_the_last_of_those_it_needs() -> None:
    entries = make_entries(
        plan(
            deletion(TABLE),
            step(TABLE, needs=("r/unchanged",)),
            deferred(TABLE, part=2),
            step(SERVICE, needs=(TABLE,)),
        )
    )
    titles = {entry.place: entry.title for entry in entries}
    after = {(entry.title, entry.does): [titles[place] for place in entry.after] for entry in entries}
    assert after == {
        (TABLE, "delete"): [],
        (TABLE, "update"): [TABLE],
        (f"{TABLE} (2)", "update"): [TABLE],
        (SERVICE, "update"): [f"{TABLE} (2)"],
    }


def test_what_has_no_change_set_yet_says_why_and_what_changes_no_resource_says_so() -> None:
    remarks = {
        entry.title: (entry.remark, entry.effect)
        for entry in make_entries(
            plan(
                step("r/outputs"),
                deferred("r/later"),
                deletion("r/gone", BUCKET),
                step("r/update", changes=(FUNCTION,)),
            )
        )
    }
    assert remarks == {
        "r/outputs": ("only its outputs change", "no resource"),
        "r/later": ("its change set is made during the execution: takes an output of another", "no resource"),
        "r/gone": ("the whole stack is deleted: the assembly has it no more", "1 removed"),
        "r/update": ("", "1 updated"),
    }


def test_a_stack_of_another_account_says_so() -> None:
    here, there = make_entries(plan(step(TABLE), step(SERVICE, account="444455556666")))
    assert (here.where, there.where) == ("us-east-1", "444455556666 us-east-1")


def test_only_a_link_that_is_safe_to_follow_is_one() -> None:
    unsafe = step(TABLE, console="javascript:alert(1)", changes=(FUNCTION,))
    assert [entry.console for entry in make_entries(plan(unsafe, step(SERVICE)))] == ["", "https://console"]


def test_the_tally_counts_stacks_and_the_resources_that_go() -> None:
    two = (REPLACED, change("Other", replacement="Conditional"))
    some = plan(
        step(TABLE, risk="replace", changes=two),
        deferred(TABLE, part=2),
        step(SERVICE, type="CREATE"),
        unchanged=("a", "b", "c", "d"),
    )
    assert str(make_tally(some)) == "1 to create, 1 to update (2 replacements), 4 unchanged"
    assert str(make_tally(plan(left_out=(TABLE,)))) == "0 to create, 0 to update, 0 unchanged, 1 left out"
    removing = plan(step(TABLE, changes=(change(action="Remove"), REPLACED)), deletion("r/old"))
    assert str(make_tally(removing)) == "0 to create, 1 to update (1 replacement, 1 removal), 1 to delete, 0 unchanged"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"action": "Add"}, ("+", "created", False)),
        ({"action": "Remove"}, ("-", "removed", True)),
        ({"action": "Import"}, ("<", "imported", False)),
        ({"action": "Dynamic"}, ("?", "to be seen", True)),
        ({"action": "SyncWithActual"}, ("=", "put right", False)),
        ({"replacement": "True"}, ("~", "replaced", True)),
        ({"replacement": "Conditional"}, ("~", "may be replaced", True)),
        ({"losses": ("the replica in us-west-2",)}, ("~", "updated", True)),
        ({"properties": (PropertyChange(path="x"),)}, ("~", "updated", False)),
    ],
)
def test_every_kind_of_change_has_its_sign_and_word(facts: dict[str, object], expected: tuple[str, str, bool]) -> None:
    resource_change = change("Function", **facts)
    assert (sign(resource_change), fate(resource_change), is_lost(resource_change)) == expected


def test_control_characters_are_shown_and_not_obeyed() -> None:
    assert printable("a\x1b[31mb\nc\u202ed") == "a\\x1b[31mb\nc\\u202ed"
    assert one_line("a\n  b\tc", 60) == "a b c"
    assert one_line("x" * 61, 60) == "x" * 60 + "…"


def test_values_nested_too_deep_to_be_read_are_shown_as_they_are() -> None:
    deep = "[" * 100_000
    touched = PropertyChange(path="/Properties/X", before=deep, after=f"{deep}]")
    made = change(action="Add", definition=deep)
    changes = (change(properties=(touched,)), made)
    assert definition_lines(made) == (deep,)
    assert deep in html.plan_page(plan(step(TABLE, changes=changes)), "plan.json")
