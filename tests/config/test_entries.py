import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from builder.config.entries import add_entries, entries_text
from builder.errors import BadInput

QUEUE: dict[str, object] = {
    "template": "cfn/queue.yaml",
    "name": "legacy-queue",
    "regions": ["us-east-1"],
    "parameters": {"Depth": "1000", "Plain": "fifo", "Secret": {"previous": True}},
    "needs": ["network"],
    "tags": {"cost:center": "0060", "team": "core"},
    "termination_protection": True,
}
TEXT = """\
  queue:
    template: cfn/queue.yaml
    name: legacy-queue
    regions: [us-east-1]
    parameters:
      Depth: "1000"
      Plain: fifo
      Secret: {previous: true}
    needs: [network]
    tags:
      "cost:center": "0060"
      team: core
    termination_protection: true
"""
SMALL: dict[str, object] = {"template": "a.yaml"}


def added(text: str, **entries: dict[str, object]) -> str:
    return add_entries(text.encode(), "stacks", entries, "dr.yaml").decode()


def test_an_entry_is_written_as_people_write_it() -> None:
    assert added("project: tap # ours\n", queue=QUEUE) == f"project: tap # ours\n\nstacks:\n{TEXT}"
    assert entries_text("stacks", {"queue": QUEUE}) == f"stacks:\n{TEXT}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1", "a: 1\n\nstacks:\n  q:\n    template: a.yaml\n"),
        ("a: 1\n\n", "a: 1\n\nstacks:\n  q:\n    template: a.yaml\n"),
        ("a: 1\r\n", "a: 1\r\n\r\nstacks:\r\n  q:\r\n    template: a.yaml\r\n"),
        ("\ufeffa: 1\n", "\ufeffa: 1\n\nstacks:\n  q:\n    template: a.yaml\n"),
        ("stacks:\na: 1\n", "stacks:\n  q:\n    template: a.yaml\na: 1\n"),
        ("stacks: # mine\n", "stacks: # mine\n  q:\n    template: a.yaml\n"),
        (
            "stacks:\n    p: {}  # first\n    # of the team's\n\n# the rest\na: 1\n",
            "stacks:\n    p: {}  # first\n    # of the team's\n    q:\n      template: a.yaml\n\n# the rest\na: 1\n",
        ),
        (
            "stacks:\n  p:\n    note: |\n      a\n\n      b\n\n",
            "stacks:\n  p:\n    note: |\n      a\n\n      b\n  q:\n    template: a.yaml\n\n",
        ),
        ('stacks:\n  p: {template: "b"}', 'stacks:\n  p: {template: "b"}\n  q:\n    template: a.yaml\n'),
    ],
)
def test_all_else_stays_as_it_was_written(before: str, after: str) -> None:
    assert added(before, q=SMALL) == after


def test_what_is_there_already_is_not_written_again() -> None:
    before = "stacks:\n  q: {template: 'a.yaml'}\n"
    assert added(before, q=SMALL) == before
    assert added(before, q=SMALL, r=SMALL) == f"{before}  r:\n    template: a.yaml\n"


def test_what_says_something_else_is_not_overwritten() -> None:
    with pytest.raises(BadInput, match="stacks has q already, and says something else of it") as caught:
        added("stacks:\n  q: {template: b.yaml}\n", q=SMALL)
    assert "  q:\n    template: a.yaml" in caught.value.next_step


@pytest.mark.parametrize(
    "text",
    [
        "stacks: {}\n",
        "stacks: {p: {template: b}}\n",
        "stacks: [p]\n",
        "stacks: ~\n",
        "stacks: text\n",
        "{project: tap}\n",
        "- project\n",
        "",
    ],
)
def test_a_form_that_takes_no_lines_is_refused_with_the_entries(text: str) -> None:
    with pytest.raises(BadInput, match="block style") as caught:
        added(text, q=SMALL)
    assert "  q:\n    template: a.yaml" in caught.value.next_step


@pytest.mark.parametrize("text", ["a: 1\n...\n", "stacks:\n  p: |+\n    a\n\n\n", "a: {b: 1}\nstacks:\n    p: 1\n"])
def test_odd_forms_say_the_same_afterwards_or_are_refused(text: str) -> None:
    try:
        made = added(text, q=SMALL)
    except BadInput:
        return
    before, after = yaml.safe_load(text), yaml.safe_load(made)
    assert after == {**before, "stacks": {**before.get("stacks", {}), "q": SMALL}}


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cn", "Co")), min_size=1, max_size=20)


@given(st.dictionaries(TEXTS.filter(lambda key: key != "<<"), TEXTS, min_size=1, max_size=4))
def test_every_text_is_read_as_it_was(parameters: dict[str, str]) -> None:
    made = added("a: 1\n", q={"template": "a.yaml", "parameters": parameters})
    assert yaml.safe_load(made)["stacks"]["q"]["parameters"] == parameters
