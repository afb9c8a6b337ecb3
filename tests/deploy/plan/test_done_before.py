"""Names for `--allow` that hit nothing: which are known, and when one may be said in vain."""

import pytest

from builder.deploy.plan.done_before import KnownNames, StackNames, check_known, named_in_vain
from builder.errors import BadInput
from builder.terms import StackId

TABLE = StackNames(
    stack=StackId("r/table"), names=frozenset({"Table", "Suffix", "TerminationProtection"}), nested=frozenset({"Child"})
)
DONE = StackNames(stack=StackId("r/done"), names=frozenset({"Queue"}), is_done=True)
SET = StackNames(stack=StackId("r/set"), names=frozenset({"Bucket"}), is_done=True, is_forgotten=True)
KNOWN = KnownNames(stacks=(TABLE, DONE, SET), gone=frozenset({"r/tap-dev-old"}), plain=frozenset({"orders"}))


@pytest.mark.parametrize(
    ("allow", "is_known"),
    [
        ("r/table/Table", True),
        ("r/table/Suffix", True),
        ("r/table/TerminationProtection", True),
        ("r/table", True),  # an adoption is named by its stack
        ("r/table/Child/Orders", True),  # what is, or was, in a nested stack
        ("r/table/Table/Orders", False),
        ("r/table/Tabel", False),
        ("r/tab/Table", False),
        ("table", False),
        ("", False),
        ("r/table/*", True),
        ("**", True),
        ("q/**", False),
        ("r/table/theirs-1", False),  # nothing was executed there: a review would be there still
        ("r/done/theirs-1", True),
        ("r/done/theirs-1/Queue", False),
        ("r/done/Queues", False),
        ("r/done/Other", False),
        ("r/set/Gone", True),
        ("r/set/Bukcet", False),
        ("r/set/444455556666", True),
        ("r/set/eu-west-1", True),
        ("r/tap-dev-old/Anything", True),
        ("r/tap-dev-older/Anything", False),
        ("orders", True),
        ("order", False),
    ],
)
def test_what_is_known(allow: str, is_known: bool) -> None:  # noqa: FBT001 - a column of the table
    assert KNOWN.has(allow) == is_known


def test_a_name_or_a_pattern_that_hits_anything_is_not_in_vain() -> None:
    allow = ["r/table/Table", "r/table/Other", "r/*/Table", "s/**", "r/table/Other"]
    assert named_in_vain(["r/table/Table"], allow) == ("r/table/Other", "s/**")


def test_nobody_who_is_not_asked_says_again_what_no_run_of_this_assembly_took() -> None:
    fresh = KnownNames(stacks=(TABLE,), gone=frozenset({"r/old"}), is_begun=False)
    with pytest.raises(BadInput, match="nothing of this assembly was executed before"):
        check_known(["r/table/Table"], fresh, (), is_asked=False)
    check_known(["r/table/Table"], fresh, (), is_asked=True)
    # What is gone comes back by no update.
    check_known(["r/old/Table"], fresh, (), is_asked=False)
    for is_asked in (True, False):
        with pytest.raises(BadInput, match=r"did you mean r/table/Table\?"):
            check_known(["r/table/Tabel"], fresh, (), is_asked=is_asked)
