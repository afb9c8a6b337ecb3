"""What rules find in a template written down in a test, in this process."""

from textwrap import dedent

from cfnlint.decode import decode_str
from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Rule


def make_template(text: str, *regions: str) -> Template:
    template, faults = decode_str(dedent(text))
    assert not faults, faults
    assert template is not None
    return Template(None, template, list(regions or ("us-east-1",)))


def make_node(text: str, **world: bool) -> Node:
    """Return a value written in YAML, looked at in a world."""
    return Node(make_template(f"Resources: {text}").template["Resources"], (), world)


def find(rule: type[Rule], text: str, *regions: str) -> list[str]:
    """Return the places, as paths, that a rule finds in a template checked for the regions; us-east-1 by default."""
    cfn = make_template(text, *regions)
    assert not cfn.transform()
    return sorted("/".join(map(str, match.path)) for match in rule().match(cfn))


def resource_template(kind: str, properties: str) -> str:
    """Return a template of one resource, X, with properties in YAML's flow style, and a condition that may hold."""
    return f"""
Parameters: {{Name: {{Type: String}}}}
Conditions: {{IsNamed: !Equals [!Ref Name, tap]}}
Resources: {{X: {{Type: {kind}, Properties: {properties}}}}}
"""


def find_in(rule: type[Rule], kind: str, properties: str, *regions: str) -> list[str]:
    """Return the places a rule finds in a template of one resource, as paths below its properties."""
    places = find(rule, resource_template(kind, properties), *regions)
    return [place.removeprefix("Resources/X/Properties").removeprefix("/") for place in places]
