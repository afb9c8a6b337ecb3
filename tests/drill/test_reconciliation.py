from builder.drill.reconciliation import Missing, Reconciliation, reconcile
from drill.hand_made import PRIMARY, SECONDARY, good, lost, over


def kept(name: str, region: str = PRIMARY) -> dict[str, dict[str, str]]:
    return {name: {"id": f"item#{name}", "body": f"body of {name}", "region": region}}


def test_all_there_and_equal_is_complete() -> None:
    held = {PRIMARY: kept("a") | kept("b"), SECONDARY: kept("a") | kept("b")}
    found = reconcile([good("a", 1.0), over("b", 2.0), lost("c", 3.0)], held)
    assert found == Reconciliation(acknowledged=2, missing=(), conflicting=())
    assert found.is_complete


def test_what_a_region_lacks_is_told_with_the_region() -> None:
    found = reconcile([good("a", 1.0), over("b", 2.0)], {PRIMARY: kept("a"), SECONDARY: kept("b")})
    assert found.missing == (Missing("a", SECONDARY), Missing("b", PRIMARY))
    assert not found.is_complete


def test_a_write_that_the_regions_hold_differently_conflicts() -> None:
    found = reconcile([good("a", 1.0)], {PRIMARY: kept("a"), SECONDARY: kept("a", SECONDARY)})
    assert found.conflicting == ("a",)
    assert not found.is_complete


def test_a_write_that_became_another_conflicts_though_all_regions_agree() -> None:
    wrong = {"a": {"body": "another's"}}
    assert reconcile([good("a", 1.0)], {PRIMARY: wrong, SECONDARY: wrong}).conflicting == ("a",)
