from collections.abc import Iterator

import pytest
from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from rules.findings import make_node, make_template

TEMPLATE = make_template("Resources: {X: {Type: AWS::S3::Bucket}}")


class Repeating(Rule):
    id = "W9999"
    topics = ("resources", "s3")

    def faults(self, cfn: Template) -> Iterator[Fault]:  # noqa: ARG002 - it says the same of any template
        yield Fault(("Resources", "X"), "one")
        yield Fault(("Resources", "X"), "two")
        yield Fault(("Resources", "X"), "one")


def test_a_fault_that_several_worlds_show_is_told_once() -> None:
    matches = Repeating().match(TEMPLATE)
    assert [(match.path, match.message) for match in matches] == [
        (["Resources", "X"], "one"),
        (["Resources", "X"], "two"),
    ]


def test_what_a_rule_is_about_is_what_cfnlint_calls_tags() -> None:
    assert Repeating().tags == ["resources", "s3"]


def test_a_fault_stands_where_its_node_does() -> None:
    assert fault(make_node("{A: [1]}").get("A"), "odd") == Fault(("A",), "odd")


def test_a_rule_says_something_of_its_own() -> None:
    with pytest.raises(NotImplementedError):
        Rule().match(TEMPLATE)
