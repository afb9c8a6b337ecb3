"""A diagram in Mermaid, which GitHub, GitLab and editors draw; pure.

No colours: the viewer's theme has them, light or dark. Dotted arrows are needs, thick ones carry data.
Source: https://mermaid.js.org/syntax/flowchart.html
"""

import re
from collections.abc import Iterator

from builder.assembly.diagram import Arrow, ArrowKind, Diagram, DiagramNode

# Whatever could end a label, begin a list or be taken for markup or an entity.
_SPECIAL = re.compile(r"^[-\d]|[^\w …./-]|_")


def diagram(shown: Diagram) -> str:
    """Return the diagram as a flowchart, a subgraph for each place."""
    return "".join(f"{line}\n" for line in _lines(shown))


def _lines(shown: Diagram) -> Iterator[str]:
    # Words as `end` and `default` mean something to Mermaid, so ids are numbers.
    ids = {node.id: f"n{number}" for number, node in enumerate(shown.nodes, start=1)}
    yield "flowchart TB"
    for number, place in enumerate(shown.places, start=1):
        yield f'    subgraph r{number}["{_escaped(place)}"]'
        yield from (f"        {ids[node.id]}{_shape(node)}" for node in shown.nodes if node.place == place)
        yield "    end"
    yield from (f"    {ids[one.source]} {_line(one)} {ids[one.target]}" for one in shown.arrows)


def _line(arrow: Arrow) -> str:
    label = ", ".join(arrow.links)
    if arrow.links == (ArrowKind.NEEDS,):
        return f"-. {label} .->"
    return f"<== {label} ==>" if ArrowKind.ITEMS in arrow.links else f"== {label} ==>"


def _shape(node: DiagramNode) -> str:
    label = f'"{"<br>".join([f"<b>{_escaped(node.title)}</b>", *map(_escaped, node.lines)])}"'
    return f"[({label})]" if node.holds_data else f"[{label}]"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"#{ord(match.group())};", text)
