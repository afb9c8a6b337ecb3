"""A diagram in Graphviz's DOT, `python -m builder graph --format dot | dot -Tsvg`; pure.

Regions and nodes bring their own ground, and lines are of a grey that stands out on white and on black, so that the
picture can lie on any page. Dashed arrows are needs, thick ones carry data.
Source: https://graphviz.org/doc/info/lang.html
"""

import html
from collections.abc import Iterator

from builder.assembly.diagram import Arrow, ArrowKind, Diagram, DiagramNode

_FONT = 'fontname="Helvetica,Arial,sans-serif"'
_LINE = 'color="#7d8590", fontcolor="#6e7681"'
_DEFAULTS = (
    f'graph [label="dashed: needs", newrank=true, nodesep=0.6, ranksep=0.7, bgcolor=transparent, {_FONT}, {_LINE}]',
    f'node [style=filled, fillcolor="#ffffff", color="#59636e", fontcolor="#1f2328", fontsize=11, {_FONT}]',
    f"edge [arrowsize=0.8, fontsize=10, {_FONT}, {_LINE}]",
)
_REGION = 'style="filled,rounded", fillcolor="#eaeef2", fontcolor="#1f2328", margin=16'


def diagram(shown: Diagram) -> str:
    """Return the diagram as a directed graph, a cluster for each place."""
    return "".join(f"{line}\n" for line in _lines(shown))


def _lines(shown: Diagram) -> Iterator[str]:
    ids = {node.id: f"n{number}" for number, node in enumerate(shown.nodes, start=1)}
    yield "digraph {"
    yield from (f"    {line}" for line in _DEFAULTS)
    for number, place in enumerate(shown.places, start=1):
        yield f"    subgraph cluster_{number} {{"
        yield f"        graph [label=<<b>{_escaped(place)}</b>>, {_REGION}]"
        yield from (f"        {ids[node.id]} [{_look(node)}]" for node in shown.nodes if node.place == place)
        yield "    }"
    yield from (f"    {ids[one.source]} -> {ids[one.target]} [{_line(one)}]" for one in shown.arrows)
    yield "}"


def _look(node: DiagramNode) -> str:
    label = "<br/>".join([f"<b>{_escaped(node.title)}</b>", *map(_escaped, node.lines)])
    return f"shape={'cylinder' if node.holds_data else 'box'}, label=<{label}>"


def _line(arrow: Arrow) -> str:
    if arrow.links == (ArrowKind.NEEDS,):
        return "style=dashed"
    look = f'penwidth=2.5, label=" {", ".join(arrow.links)} "'
    return f"{look}, dir=both" if ArrowKind.ITEMS in arrow.links else look


def _escaped(text: str) -> str:
    # Labels are XML, which has no way to write most control characters.
    return html.escape("".join(character if character.isprintable() else " " for character in text))
