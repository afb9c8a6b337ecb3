"""Two regions' keys side by side: whatever comes when, no more is held than allowed and nothing is passed over."""

from hypothesis import given
from hypothesis import strategies as st

from builder.failback.matching import SOURCE, TARGET, Doubt, Matching

SHOWN = st.lists(st.tuples(st.sampled_from([SOURCE, TARGET]), st.integers(0, 12), st.binary(max_size=1)), max_size=40)


@given(shown=SHOWN, most=st.integers(1, 5))
def test_no_more_keys_are_held_than_allowed_and_each_is_matched_or_doubtful(
    shown: list[tuple[int, int, bytes]], most: int
) -> None:
    matching, doubts, seen = Matching[int](most), list[Doubt[int]](), dict[tuple[int, int], bytes]()
    for side, key, contents in shown:
        if (side, key) in seen:
            continue
        seen[side, key] = contents
        doubts += matching.take(side, [(key, contents)])
        assert max(matching.held) <= most
    doubts += matching.rest()
    assert matching.held == (0, 0)
    doubtful = {doubt.key for doubt in doubts}
    for side, key in seen:
        other = seen.get((1 - side, key))
        if other != seen[side, key]:
            assert key in doubtful
    # By one side alone, or by nobody: a key is told by the side that has it.
    for doubt in doubts:
        assert doubt.by is None or (doubt.by, doubt.key) in seen


def test_what_both_show_in_the_same_order_is_never_doubtful() -> None:
    matching = Matching[int](3)
    for first in range(0, 60, 3):
        page = [(key, b"x") for key in range(first, first + 3)]
        assert matching.take(SOURCE, page) == matching.take(TARGET, page) == []
    assert matching.rest() == []
