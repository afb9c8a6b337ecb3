from builder.policy.document import Grant, GrantTarget, LeftOut, Rights, explain, size, too_large

TABLES, ROLES = GrantTarget("Tables", ("arn:t",)), GrantTarget("Roles", ("arn:r",))
RIGHTS = Rights(
    (Grant("b:Act", TABLES, "for this"), Grant("a:Act", TABLES, "once"), Grant("b:Act", ROLES, "for that")),
    (LeftOut("c:Act", "for X of Y"), LeftOut("a:Act", "elsewhere"), LeftOut("c:Act", "for X of Y")),
)


def test_every_action_has_its_places_and_its_reasons() -> None:
    assert explain(RIGHTS).splitlines()[:2] == ["a:Act  on Tables: once", "b:Act  on Tables, Roles: for this; for that"]


def test_what_is_left_out_of_all_is_told_with_its_reason() -> None:
    lines = explain(RIGHTS).splitlines()
    assert "c:Act: for X of Y" in lines
    assert "a:Act: elsewhere" not in lines
    assert "left out" not in explain(Rights(RIGHTS.granted))


def test_the_room_that_it_takes_is_told() -> None:
    assert explain(RIGHTS).splitlines()[-1] == size(RIGHTS)
    assert size(RIGHTS).endswith("of the 6,144 characters of a managed policy")
    assert not too_large(RIGHTS)


def test_one_that_fits_in_no_managed_policy_says_where_it_fits() -> None:
    large = Rights(tuple(Grant(f"service:Action{number}", TABLES, "why") for number in range(400)))
    assert too_large(large)
    assert "a role's inline policies have 10,240 together" in size(large)
