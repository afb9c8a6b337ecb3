"""E9505: attributes that a global table defines and no key uses."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources

_INDEXES = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")


class GlobalTableAttributes(Rule):
    """cfn-lint's own E3039 says so of `AWS::DynamoDB::Table` only."""

    id = "E9505"
    shortdesc = "A global table defines the attributes of its keys and no others"
    description = (
        "DynamoDB refuses a table whose AttributeDefinitions has an attribute that is in no key of the table or of "
        "an index; attributes that are not keys need no definition."
    )
    source_url = "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html"
    topics = ("resources", "dynamodb")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every definition that no key uses."""
        for table in resources(cfn, "AWS::DynamoDB::GlobalTable"):
            properties = table.get("Properties")
            used = _used(properties)
            for definition in properties.get("AttributeDefinitions").items() or ():
                name = definition.get("AttributeName")
                if used is not None and name.text is not None and name.text not in used:
                    yield fault(name, f"'{name.text}' is defined and in no key of the table or its indexes")


def _used(properties: Node) -> frozenset[str] | None:
    """Return every attribute that a key names; None where one can't be known, or the table has no KeySchema."""
    indexes = [properties.get(kind).items() for kind in _INDEXES]
    if not properties.get("KeySchema").present or None in indexes:
        return None
    # A vector index names its attributes in places of its own.
    vectors = [node for node in properties.get("VectorIndexes").walk() if node.path[-1] == "AttributeName"]
    keyed = [properties, *(index for listed in indexes for index in listed or ())]
    keys = [holder.get("KeySchema").items() for holder in keyed]
    if None in keys:
        return None
    names = [*vectors, *(key.get("AttributeName") for listed in keys for key in listed or ())]
    texts = frozenset(node.text for node in names)
    return None if None in texts else frozenset(text for text in texts if text is not None)
