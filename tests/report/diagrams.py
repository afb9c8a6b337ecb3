"""Diagrams made in a test, with names as nobody should choose them."""

from itertools import pairwise

from hypothesis import strategies as st

from builder.assembly.diagram import Arrow, ArrowKind, Diagram, DiagramNode

ODD = (
    "end",
    "1. one",
    "- list",
    'a "quoted" name',
    "</b><script>",
    "back\\slash",
    "%% no comment",
    "two\nlines",
    "#35;",
)


def make_diagram(*names: str) -> Diagram:
    """Return a diagram of nodes and places with these names; each node needs the one before."""
    nodes = tuple(
        DiagramNode(id=f"{number}", place=name, title=name, lines=(name,), holds_data=bool(number % 2))
        for number, name in enumerate(names)
    )
    arrows = tuple(Arrow(node.id, other.id, (ArrowKind.NEEDS,)) for other, node in pairwise(nodes))
    return Diagram(tuple(dict.fromkeys(node.place for node in nodes)), nodes, arrows)


odd_diagrams = st.lists(st.text(max_size=8) | st.sampled_from(ODD), max_size=5).map(lambda names: make_diagram(*names))
