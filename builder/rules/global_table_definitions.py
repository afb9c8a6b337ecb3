"""E9507: keys of a global table, or of an index, whose attributes are not defined."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources

_INDEXES = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")


class GlobalTableDefinitions(Rule):
    """cfn-lint's own E3039 says so of `AWS::DynamoDB::Table` only."""

    id = "E9507"
    shortdesc = "A global table defines every attribute of its keys"
    description = (
        "DynamoDB refuses a table that has an attribute in its key, or in the key of an index, without its type in "
        "AttributeDefinitions."
    )
    source_url = "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html"
    topics = ("resources", "dynamodb")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every attribute of a key that is not defined."""
        for table in resources(cfn, "AWS::DynamoDB::GlobalTable"):
            properties = table.get("Properties")
            defined = _defined(properties)
            if defined is None:
                continue
            for name in _keys(properties):
                if name.text is not None and name.text not in defined:
                    yield fault(name, f"'{name.text}' is in a key, and AttributeDefinitions has no type of it")


def _defined(properties: Node) -> frozenset[str] | None:
    """Return the attributes that are defined; None where one can't be known."""
    listed = properties.get("AttributeDefinitions").items()
    names = [definition.get("AttributeName").text for definition in listed or ()]
    return None if listed is None or None in names else frozenset(name for name in names if name is not None)


def _keys(properties: Node) -> Iterator[Node]:
    indexes = (index for kind in _INDEXES for index in properties.get(kind).items() or ())
    for holder in (properties, *indexes):
        yield from (key.get("AttributeName") for key in holder.get("KeySchema").items() or ())
