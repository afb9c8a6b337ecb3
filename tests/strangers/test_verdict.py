from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from builder.assembly import read_assembly
from builder.template import read_template
from strangers.verdict import Accepted, Finding, differences, read_accepted

ROOT = Path(__file__).parents[2]
REASON = "A reason that somebody who reviews security accepts."
LISTED = Accepted("checkov", "CKV_1", "says", ("a.yaml One", "a.yaml Two"), REASON)
FINDINGS = [Finding("checkov", "CKV_1", "a.yaml One", "says"), Finding("checkov", "CKV_1", "a.yaml Two", "says")]


def test_what_is_found_and_listed_is_no_difference() -> None:
    assert differences([*FINDINGS, FINDINGS[0]], [LISTED]) == ()


def test_a_finding_that_is_not_listed_is_told_in_the_tool_s_words() -> None:
    other = Finding("parliament", "CKV_1", "a.yaml One", "is new")

    assert differences([*FINDINGS, other], [LISTED]) == ("not listed: parliament CKV_1 a.yaml One: is new",)


def test_a_listed_finding_that_is_gone_is_told() -> None:
    assert differences(FINDINGS[1:], [LISTED]) == ("not found any more: checkov CKV_1 a.yaml One",)


@pytest.mark.parametrize(
    "change", [{"reason": "because"}, {"places": []}, {"tool": "somebody"}, {"severity": "low"}], ids=str
)
def test_an_entry_without_a_reason_or_a_place_is_no_entry(tmp_path: Path, change: dict[str, object]) -> None:
    entry = {"tool": "checkov", "check": "CKV_1", "says": "says", "places": ["a.yaml One"], "reason": REASON}
    file = tmp_path / "accepted.yaml"
    file.write_text(yaml.safe_dump([entry]))
    assert read_accepted(file)[0].places == ("a.yaml One",)

    file.write_text(yaml.safe_dump([entry | change]))

    with pytest.raises(ValidationError):
        read_accepted(file)


def test_the_list_speaks_of_resources_that_there_are() -> None:
    templates = read_assembly(ROOT / "templates").templates
    resources = {(path, name) for path, data in templates.items() for name in read_template(data, path).resources()}

    places = {tuple(place.split()[:2]) for entry in read_accepted() for place in entry.places}
    # Those of combinations are held by the run itself, which looks at all of them.
    assert {place for place in places if place[0] != "combinations"} <= resources


def test_the_list_says_each_check_once() -> None:
    checks = [(entry.tool, entry.check) for entry in read_accepted()]

    assert len(set(checks)) == len(checks)
