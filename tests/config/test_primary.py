"""Another primary in dr.yaml: two names change places, `born` is written, and not a byte else."""

import re
from dataclasses import dataclass

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from builder.config import Config
from builder.config.document import read_document
from builder.config.primary import with_primary
from builder.errors import BadInput, BuilderError
from builder.terms import Region

EAST, WEST, SOUTH = Region("us-east-1"), Region("us-west-2"), Region("sa-east-1")


def promoted(text: str, to: Region = WEST) -> str:
    return with_primary(text.encode(), to, "dr.yaml").decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "regions:\n  primary: us-east-1 # Virginia\n  secondaries: [us-west-2]\n\ntable: {}\n",
            "regions:\n  primary: us-west-2 # Virginia\n  born: us-east-1\n  secondaries: [us-east-1]\n\ntable: {}\n",
        ),
        (
            "regions: {primary: us-east-1, secondaries: [us-west-2]}\n",
            "regions: {primary: us-west-2, born: us-east-1, secondaries: [us-east-1]}\n",
        ),
        (
            "regions: {secondaries: [ sa-east-1 , us-west-2 ] , primary: us-east-1 }",
            "regions: {secondaries: [ sa-east-1 , us-east-1 ] , primary: us-west-2, born: us-east-1 }",
        ),
        (
            'regions:\n    secondaries:\n    - "us-west-2" # Oregon\n    - sa-east-1\n    primary: us-east-1',
            (
                'regions:\n    secondaries:\n    - "us-east-1" # Oregon\n    - sa-east-1\n    primary: us-west-2\n'
                "    born: us-east-1"
            ),
        ),
        (
            "regions:\r\n  primary: 'us-east-1'\r\n  secondaries: [us-west-2]\r\n",
            "regions:\r\n  primary: 'us-west-2'\r\n  born: 'us-east-1'\r\n  secondaries: [us-east-1]\r\n",
        ),
        (
            '\ufeff{"project": "tap", "regions": {"primary": "us-east-1", "secondaries": ["us-west-2"]}}',
            (
                '\ufeff{"project": "tap", "regions": {"primary": "us-west-2", "born": "us-east-1", '
                '"secondaries": ["us-east-1"]}}'
            ),
        ),
        (
            "# Größe: 東京 us-east-1\nregions:\n  primary:\n    us-east-1\n  born:\n  secondaries: [us-west-2]\n",
            (
                "# Größe: 東京 us-east-1\nregions:\n  primary:\n    us-west-2\n  born: us-east-1\n"
                "  secondaries: [us-east-1]\n"
            ),
        ),
        (
            "regions: {primary: us-east-1, born: ~, secondaries: [us-west-2]}\n",
            "regions: {primary: us-west-2, born: us-east-1, secondaries: [us-east-1]}\n",
        ),
        (
            "regions:\n  born: sa-east-1\n  primary: us-east-1\n  secondaries: [us-west-2, sa-east-1]\n",
            "regions:\n  born: sa-east-1\n  primary: us-west-2\n  secondaries: [us-east-1, sa-east-1]\n",
        ),
    ],
)
def test_the_two_names_change_places_and_all_else_stays(before: str, after: str) -> None:
    assert promoted(before) == after


def test_back_again_only_born_has_been_added() -> None:
    before = "regions:\n  primary: us-east-1\n  secondaries: [us-west-2] # two\n"
    there = promoted(before)
    assert promoted(there, EAST) == before.replace("us-east-1\n", "us-east-1\n  born: us-east-1\n", 1)


@pytest.mark.parametrize(
    "text",
    [
        "regions:\n  primary: &here us-east-1\n  secondaries: [us-west-2]\n",
        "regions:\n  primary: us-east-1\n  secondaries: [!!str us-west-2]\n",
        "regions:\n  primary: >-\n    us-east-1\n  secondaries: [us-west-2]\n",
        'regions:\n  primary: "us\\x2deast-1"\n  secondaries: [us-west-2]\n',
        'regions:\n  primary: us-east-1\n  secondaries: ["us-\\\n    west-2"]\n',
        "regions:\n  ? primary\n  : us-east-1\n  secondaries: [us-west-2]\n",
        "base: &base {primary: us-east-1}\nregions:\n  <<: *base\n  secondaries: [us-west-2]\n",
        "regions:\n  primary: us-east-1\n  primary: us-east-1\n  secondaries: [us-west-2]\n",
        "regions: us-east-1\n",
        "- regions\n",
        "",
        "regions: [\n",
        "regions:\n  primary: us-east-1\n  secondaries: us-west-2\n",
    ],
)
def test_what_no_machine_changes_safely_is_refused_with_words(text: str) -> None:
    with pytest.raises(BuilderError) as refused:
        promoted(text)
    assert refused.value.exit_code == 2
    assert "dr.yaml" in str(refused.value)


def test_what_is_to_be_written_by_hand_is_told() -> None:
    with pytest.raises(BadInput, match="not changed by a machine") as refused:
        promoted("regions:\n  primary: &here us-east-1\n  secondaries: [sa-east-1, us-west-2]\n")
    section = refused.value.next_step.partition("\n")[2]
    assert yaml.safe_load(section) == {
        "regions": {"primary": WEST, "secondaries": [SOUTH, EAST], "born": EAST},
    }


@pytest.mark.parametrize(
    ("to", "words"),
    [
        (EAST, "us-east-1 is the primary already"),
        (Region("us-west-1"), r"is no secondary \(did you mean us-west-2\?\)"),
    ],
)
def test_only_a_secondary_becomes_the_primary(to: Region, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        promoted("regions: {primary: us-east-1, secondaries: [us-west-2]}\n", to)


REGIONS = ["us-east-1", "us-west-2", "sa-east-1", "eu-central-1", "ap-northeast-1"]
COMMENTS = st.sampled_from(["", "", " # here", " # us-east-1, 'us-west-2' {", "\t# Größe 東京 \U0001f30d"])
BREAKS = st.sampled_from(["\n", "\r\n"])
OTHERS = st.lists(
    st.sampled_from(
        [
            "table: {point_in_time_recovery: true}",
            "tags: {home: us-east-1, 'us-west-2': \"us-east-1\"}",
            "# primary: us-east-1",
            "objectives:\n  rto_seconds: 60 # us-west-2\n",
            "encryption:\n  key:\n    us-east-1: alias/a\n    us-west-2: alias/b\n    sa-east-1: alias/c\n",
            "bucket:",
        ]
    ),
    max_size=4,
    unique=True,
)


@dataclass
class Style:
    """How one file is written."""

    draw: st.DrawFn

    def text(self, value: str) -> str:
        return self.draw(st.sampled_from(["{}", "'{}'", '"{}"'])).format(value)

    def comment(self) -> str:
        return self.draw(COMMENTS)

    def margin(self) -> str:
        return " " * self.draw(st.integers(1, 5))

    def flow_list(self, values: list[str]) -> str:
        gap = self.draw(st.sampled_from(["", " ", "  "]))
        return "[" + f"{gap},{gap or ' '}".join(f"{gap}{self.text(value)}" for value in values) + f"{gap}]"

    def regions(self, primary: str, secondaries: list[str], born: str | None) -> str:
        entries = {"primary": self.text(primary), "secondaries": ""}
        if born is not None:
            entries["born"] = self.text(born)
        elif self.draw(st.booleans()):
            entries["born"] = self.draw(st.sampled_from(["", "~", "null"]))
        names = self.draw(st.permutations(list(entries)))
        if self.draw(st.booleans()):
            entries["secondaries"] = self.flow_list(secondaries)
            gap = self.draw(st.sampled_from(["", " ", "\n    "]))
            pairs = ",".join(f"{gap}{self.text(name)}: {entries[name]}" for name in names)
            return f"regions: {{{pairs}{gap}}}{self.comment()}"
        margin = self.margin()
        lines = [f"regions:{self.comment()}"]
        for name in names:
            if name == "secondaries" and self.draw(st.booleans()):
                deeper = margin + self.draw(st.sampled_from(["", "  "]))
                lines.append(f"{margin}{name}:{self.comment()}")
                lines += [f"{deeper}- {self.text(value)}{self.comment()}" for value in secondaries]
            else:
                value = self.flow_list(secondaries) if name == "secondaries" else entries[name]
                lines.append(f"{margin}{self.text(name)}: {value}{self.comment()}")
            if self.draw(st.booleans()):
                lines.append(f"{margin}# between {name}")
        return "\n".join(lines)


@st.composite
def files(draw: st.DrawFn) -> tuple[str, str]:
    """Return a file and the secondary that is promoted."""
    style = Style(draw)
    primary, *secondaries = draw(st.permutations(REGIONS))[: draw(st.integers(2, 4))]
    born = draw(st.sampled_from([None, None, primary, *secondaries]))
    others = draw(OTHERS)
    at = draw(st.integers(0, len(others)))
    section = style.regions(primary, secondaries, born)
    text = "\n".join(["project: tap", "environment: dev", *others[:at], section, *others[at:]])
    text += draw(st.sampled_from(["", "\n", "\n\n# the end"]))
    text = draw(st.sampled_from(["", "\ufeff"])) + text.replace("\n", draw(BREAKS))
    return text, draw(st.sampled_from(secondaries))


@given(files())
def test_any_file_says_the_same_but_for_the_swap_and_keeps_its_bytes(case: tuple[str, str]) -> None:
    text, to = case
    made = promoted(text, Region(to))
    before, after = read_document(text.encode()).data, read_document(made.encode()).data
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    old = before["regions"]
    place = old["secondaries"].index(to)
    swapped = [*old["secondaries"][:place], old["primary"], *old["secondaries"][place + 1 :]]
    expected = {**old, "primary": to, "secondaries": swapped, "born": old.get("born") or old["primary"]}
    assert after == {**before, "regions": expected}
    assert _added(text, made) in {"", "born:@", ",born:@", "@"}
    assert Config.model_validate(after).regions.born_as(Region(old["primary"])) == Config.model_validate(
        before
    ).regions.born_as(Region(old["primary"]))
    # Back again, each name is where it was.
    assert read_document(promoted(made, Region(old["primary"])).encode()).data == {
        **before,
        "regions": {**old, "born": expected["born"]},
    }


def _added(before: str, after: str) -> str:
    """Return what one place has more, in the order of `,born:@` and without blanks and quotes; `@` is any region.

    What is gone there can only be a null.
    """
    for name in REGIONS:
        before, after = before.replace(name, "@"), after.replace(name, "@")
    first = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
    most = min(len(before), len(after)) - first
    last = next((at for at in range(most) if before[-1 - at] != after[-1 - at]), most)
    gone, added = before[first : len(before) - last], after[first : len(after) - last]
    assert gone in {"", "~", "null"}
    return "".join(sorted(re.sub(r"[\s\"']", "", added), key=",born:@".index))
