from builder.deploy.change_sets.change_set import describe, is_alike, is_deploys_own, plan_of
from builder.deploy.records import Origin, PlanOptions
from builder.terms import AccountId, StackId

TABLE = StackId("us-east-1/table")


def origin(**options: str) -> Origin:
    return Origin(
        deployment="tap-dev",
        assembly="a" * 64,
        plan="p1",
        options=PlanOptions(**options),  # type: ignore[arg-type]
        account=AccountId("111122223333"),
    )


def test_it_says_what_the_change_set_was_made_from_and_fits() -> None:
    description = describe(origin(), TABLE, "b" * 64)
    assert {"a" * 64, "b" * 64, "p1"} <= set(description.split('"'))
    assert len(description) <= 1024


def test_the_same_assembly_stack_and_template_are_alike_whoever_made_them() -> None:
    description = describe(origin(by="deploy"), TABLE, "b" * 64)
    assert is_alike(description, "a" * 64, TABLE, "b" * 64)
    assert not is_alike(description, "c" * 64, TABLE, "b" * 64)
    assert not is_alike(description, "a" * 64, StackId("us-west-2/table"), "b" * 64)
    assert not is_alike(description, "a" * 64, TABLE, "c" * 64)


def test_only_what_deploy_made_is_nobody_s_review() -> None:
    assert is_deploys_own(describe(origin(by="deploy"), TABLE, "b" * 64))
    assert not is_deploys_own(describe(origin(), TABLE, "b" * 64))


def test_a_description_of_another_tool_s_is_neither() -> None:
    for description in ("", "please look", "[]", "{", "7", "[" * 1024):
        assert not is_alike(description, "a" * 64, TABLE, "b" * 64)
        assert not is_deploys_own(description)


def test_it_says_which_plan_made_the_change_set() -> None:
    assert plan_of(describe(origin(), TABLE, "b" * 64)) == "p1"
    assert plan_of("please look") == ""
