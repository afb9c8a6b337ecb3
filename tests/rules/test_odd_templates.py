"""Whatever a template contains, a rule reports findings or none; it never raises."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from cfnlint.decode import decode_str
from cfnlint.template.template import Template
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.conftest import FIXTURES
from rules.test_fixtures import RULES

ODD = {
    "resources are a list": {"Resources": [{"Type": "AWS::S3::Bucket"}]},
    "no resources": {"Resources": None},
    "a resource is a text": {"Resources": {"Bucket": "AWS::S3::Bucket", "Table": None, "Url": 1}},
    "a type is no text": {"Resources": {"Bucket": {"Type": {"Ref": "Type"}}, "Table": {"Type": ["x"]}}},
    "properties are a list": {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": ["x"]}}},
    "properties are chosen": {
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"Fn::If": ["Is", {}, {}]}}}
    },
    "a condition is no text": {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Condition": ["Is"]}}},
    "a choice has two parts": {
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": {"Fn::If": ["Is", []]}}}}
    },
    "numbers are keys": {"Resources": {1: {"Type": "AWS::S3::Bucket", "Properties": {2: 3, "Tags": {4: 5}}}}},
    "parameters are a text": {"Parameters": "x", "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}},
}


def check(template: Any) -> None:
    try:
        cfn = Template(None, template, ["us-east-1"])
    except Exception:  # noqa: BLE001 - cfn-lint itself does not get as far as a rule
        return
    for rule in RULES:
        for match in rule().match(cfn):
            assert match.path[0] == "Resources"


@pytest.mark.parametrize("template", ODD.values(), ids=ODD)
def test_an_odd_template_breaks_no_rule(template: dict[str, Any]) -> None:
    check(template)


SEEDS: list[Any] = [decode_str(path.read_text())[0] for path in sorted(FIXTURES.glob("*/*.yaml"))]
JUNK = st.one_of(
    st.sampled_from(
        [
            None, [], {}, "", "x", 0, True, [None], [[]], [{}], {"Ref": 1}, {"Ref": "AWS::NoValue"}, {"Ref": "Nobody"},
            {"Fn::If": []}, {"Fn::If": ["Nowhere", 1, 2]}, {"Fn::If": "x"}, {"Fn::GetAtt": []}, {"Fn::GetAtt": "A.B"},
            {"Fn::Sub": []}, {"Fn::Sub": ["${A}", {}]}, {"Fn::Join": [",", "x"]}, {"Fn::Transform": {"Name": "M"}},
            {"Fn::Transform": {}, "a": 1},
        ]
    ),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), lambda x: st.lists(x, max_size=2)
                 | st.dictionaries(st.sampled_from(["Ref", "Fn::If", "Key", "Value", "Status"]), x, max_size=2)),
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_a_broken_template_breaks_no_rule(data: st.DataObject) -> None:
    template = copy.deepcopy(data.draw(st.sampled_from(SEEDS)))
    *steps, last = data.draw(st.sampled_from([place for place in places(template) if place]))
    holder = template
    for step in steps:
        holder = holder[step]
    holder[last] = data.draw(JUNK)
    check(template)


def test_the_seeds_are_templates() -> None:
    assert len(SEEDS) == 2 * len(RULES)
    assert all("Resources" in seed for seed in SEEDS)
