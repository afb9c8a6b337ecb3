import json

from builder.policy.document import Grant, GrantTarget, Rights, characters, make_document

TABLES, MORE = GrantTarget("Tables", ("arn:t1",)), GrantTarget("Tables", ("arn:t2",))
WITHIN = GrantTarget(
    "Roles", ("arn:r",), (("StringEquals", "k", ("v",)), ("StringEquals", "l", ("v", "w")), ("Null", "m", ("true",)))
)


def document(*grants: tuple[str, GrantTarget]) -> list[dict[str, object]]:
    statements: list[dict[str, object]] = make_document(Rights(tuple(Grant(a, p, "why") for a, p in grants)))[
        "Statement"
    ]
    return statements


def test_what_is_allowed_on_the_same_things_is_one_statement() -> None:
    (statement,) = document(("a:B", TABLES), ("a:A", TABLES), ("a:B", TABLES))
    assert statement == {"Sid": "Tables", "Effect": "Allow", "Action": ["a:A", "a:B"], "Resource": "arn:t1"}


def test_an_action_s_things_of_one_kind_come_together() -> None:
    (statement,) = document(("a:B", MORE), ("a:B", TABLES))
    assert statement["Resource"] == ["arn:t1", "arn:t2"]


def test_an_action_with_fewer_things_has_a_statement_of_its_own_and_its_own_id() -> None:
    first, second = document(("a:B", TABLES), ("a:B", MORE), ("a:C", TABLES))
    assert (first["Sid"], first["Action"], second["Sid"], second["Action"]) == ("Tables", ["a:C"], "Tables2", ["a:B"])


def test_conditions_of_one_operator_stand_together() -> None:
    (statement,) = document(("iam:CreateRole", WITHIN))
    assert statement["Condition"] == {"StringEquals": {"k": "v", "l": ["v", "w"]}, "Null": {"m": "true"}}


def test_the_order_of_the_grants_makes_no_difference() -> None:
    grants = [("a:B", TABLES), ("a:C", WITHIN), ("b:A", MORE)]
    assert json.dumps(document(*grants)) == json.dumps(document(*reversed(grants)))


def test_white_space_does_not_count() -> None:
    made = make_document(Rights((Grant("a:B", TABLES, "why"),)))
    assert characters(made) == len(json.dumps(made).replace(" ", ""))
