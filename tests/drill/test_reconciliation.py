from builder.drill.consistency import Conflict, MissingKey, Reconciliation, reconcile
from builder.drill.records import Write
from builder.terms import Region
from drill.hand_made import PRIMARY, SECONDARY, attempt, good, lost, over

THIRD = Region("eu-west-1")


def kept(name: str, region: str = PRIMARY, body: str = "") -> dict[str, dict[str, str]]:
    return {name: {"id": f"item#{name}", "body": body or f"body of {name}", "region": region}}


def version(number: int, *, acknowledged: bool = True, deletes: bool = False) -> Write:
    return Write(
        f"k.{number}",
        "item",
        "" if deletes else f"{number}",
        (attempt(PRIMARY, float(number), 201 if acknowledged else None),),
        key="k",
        number=number,
        deletes=deletes,
    )


def test_all_there_and_equal_is_complete() -> None:
    held = {PRIMARY: kept("a") | kept("b"), SECONDARY: kept("a") | kept("b")}
    reconciliation = reconcile([good("a", 1.0), over("b", 2.0), lost("c", 3.0)], held)
    assert reconciliation == Reconciliation(acknowledged=2, missing=(), conflicting=())
    assert reconciliation.is_complete


def test_what_a_region_lacks_is_told_with_the_region() -> None:
    reconciliation = reconcile([good("a", 1.0), over("b", 2.0)], {PRIMARY: kept("a"), SECONDARY: kept("b")})
    assert reconciliation.missing == (MissingKey("a", SECONDARY, PRIMARY), MissingKey("b", PRIMARY, SECONDARY))
    assert not reconciliation.is_complete


def test_a_write_that_the_regions_hold_differently_conflicts() -> None:
    reconciliation = reconcile([good("a", 1.0)], {PRIMARY: kept("a"), SECONDARY: kept("a", SECONDARY)})
    assert reconciliation.conflicting == (Conflict("a", (PRIMARY, SECONDARY), PRIMARY),)
    assert not reconciliation.is_complete


def test_a_write_that_became_another_conflicts_though_all_regions_agree() -> None:
    wrong = {"a": {"body": "another's"}}
    reconciliation = reconcile([good("a", 1.0)], {PRIMARY: wrong, SECONDARY: wrong})
    assert reconciliation.conflicting == (Conflict("a", (PRIMARY, SECONDARY), PRIMARY),)


def test_of_a_key_the_last_acknowledged_write_has_to_be_there() -> None:
    writes = [version(1), version(2)]
    assert reconcile(writes, {PRIMARY: kept("k", body="2"), SECONDARY: kept("k", body="2")}).is_complete
    reconciliation = reconcile(writes, {PRIMARY: kept("k", body="2"), SECONDARY: kept("k", body="1")})
    assert reconciliation.conflicting == (Conflict("k", (SECONDARY,), PRIMARY),)


def test_a_later_write_that_nobody_acknowledged_may_be_there_if_it_is_everywhere() -> None:
    writes = [version(1), version(2, acknowledged=False)]
    for body in ("1", "2"):
        assert reconcile(writes, {PRIMARY: kept("k", body=body), SECONDARY: kept("k", body=body)}).is_complete
    reconciliation = reconcile(writes, {PRIMARY: kept("k", body="1"), SECONDARY: kept("k", body="2")})
    assert reconciliation.conflicting == (Conflict("k", (PRIMARY, SECONDARY), PRIMARY),)


def test_what_was_deleted_has_to_be_gone() -> None:
    writes = [version(1), version(2, deletes=True)]
    assert reconcile(writes, {PRIMARY: {}, SECONDARY: {}}).is_complete
    reconciliation = reconcile(writes, {PRIMARY: {}, SECONDARY: kept("k", body="1")})
    assert reconciliation.conflicting == (Conflict("k", (SECONDARY,), PRIMARY),)


def test_what_may_have_been_deleted_may_be_gone_if_it_is_so_everywhere() -> None:
    writes = [version(1), version(2, acknowledged=False, deletes=True)]
    assert reconcile(writes, {PRIMARY: {}, SECONDARY: {}}).is_complete
    assert reconcile(writes, {PRIMARY: kept("k", body="1"), SECONDARY: {}}).left == 1


def test_an_object_has_to_be_where_its_bucket_is_replicated_to_and_nowhere_else() -> None:
    writes, held = [good("o", 1.0, what="object")], {PRIMARY: kept("o"), SECONDARY: {}, THIRD: {}}
    assert reconcile(writes, held).acknowledged == 0
    reconciliation = reconcile(writes, held, [(PRIMARY, THIRD)])
    assert (reconciliation.acknowledged, reconciliation.missing) == (1, (MissingKey("o", THIRD, PRIMARY),))
