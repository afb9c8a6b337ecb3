"""Output that needs no AWS: the diagram of an assembly, and the findings of linting; pure.

It is apart from the rest, which imports the whole deployer. In a diagram thick arrows carry data, and dashed or dotted
ones are needs. In Graphviz's DOT, `python -m builder graph --format dot | dot -Tsvg`, regions and nodes have their own
background, and lines are of a grey that is visible on white and on black, so that the picture can be on any page. In
Mermaid, which GitHub, GitLab and editors draw: no colours, for the viewer's theme has them, light or dark.
Sources: https://graphviz.org/doc/info/lang.html, https://mermaid.js.org/syntax/flowchart.html
"""

import dataclasses
import html
import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from builder.assembly.diagram import Arrow, ArrowKind, Diagram, DiagramNode
from builder.assembly.finding import Finding
from builder.report.screen import json_line

_FONT = 'fontname="Helvetica,Arial,sans-serif"'
_LINE = 'color="#7d8590", fontcolor="#6e7681"'
_DEFAULTS = (
    f'graph [label="dashed: needs", newrank=true, nodesep=0.6, ranksep=0.7, bgcolor=transparent, {_FONT}, {_LINE}]',
    f'node [style=filled, fillcolor="#ffffff", color="#59636e", fontcolor="#1f2328", fontsize=11, {_FONT}]',
    f"edge [arrowsize=0.8, fontsize=10, {_FONT}, {_LINE}]",
)
_REGION = 'style="filled,rounded", fillcolor="#eaeef2", fontcolor="#1f2328", margin=16'


def dot_diagram(shown: Diagram) -> str:
    """Return the diagram as a directed graph, a cluster for each place."""
    return "".join(f"{line}\n" for line in _dot_lines(shown))


def _dot_lines(shown: Diagram) -> Iterator[str]:
    ids = {node.id: f"n{number}" for number, node in enumerate(shown.nodes, start=1)}
    yield "digraph {"
    yield from (f"    {line}" for line in _DEFAULTS)
    for number, place in enumerate(shown.places, start=1):
        yield f"    subgraph cluster_{number} {{"
        yield f"        graph [label=<<b>{_xml(place)}</b>>, {_REGION}]"
        yield from (f"        {ids[node.id]} [{_dot_node(node)}]" for node in shown.nodes if node.place == place)
        yield "    }"
    yield from (f"    {ids[arrow.source]} -> {ids[arrow.target]} [{_dot_line(arrow)}]" for arrow in shown.arrows)
    yield "}"


def _dot_node(node: DiagramNode) -> str:
    label = "<br/>".join([f"<b>{_xml(node.title)}</b>", *map(_xml, node.lines)])
    return f"shape={'cylinder' if node.holds_data else 'box'}, label=<{label}>"


def _dot_line(arrow: Arrow) -> str:
    if arrow.links == (ArrowKind.NEEDS,):
        return "style=dashed"
    style = f'penwidth=2.5, label=" {", ".join(arrow.links)} "'
    return f"{style}, dir=both" if ArrowKind.ITEMS in arrow.links else style


def _xml(text: str) -> str:
    # Labels are XML, which cannot have most control characters.
    return html.escape("".join(character if character.isprintable() else " " for character in text))


# All characters that could end a label, begin a list or be taken for markup or an entity.
_SPECIAL = re.compile(r"^[-\d]|[^\w …./-]|_")


def mermaid_diagram(shown: Diagram) -> str:
    """Return the diagram as a flowchart, a subgraph for each place."""
    return "".join(f"{line}\n" for line in _mermaid_lines(shown))


def _mermaid_lines(shown: Diagram) -> Iterator[str]:
    # Words such as `end` and `default` are Mermaid's own, so ids are numbers.
    ids = {node.id: f"n{number}" for number, node in enumerate(shown.nodes, start=1)}
    yield "flowchart TB"
    for number, place in enumerate(shown.places, start=1):
        yield f'    subgraph r{number}["{_entities(place)}"]'
        yield from (f"        {ids[node.id]}{_shape(node)}" for node in shown.nodes if node.place == place)
        yield "    end"
    yield from (f"    {ids[arrow.source]} {_mermaid_line(arrow)} {ids[arrow.target]}" for arrow in shown.arrows)


def _mermaid_line(arrow: Arrow) -> str:
    label = ", ".join(arrow.links)
    if arrow.links == (ArrowKind.NEEDS,):
        return f"-. {label} .->"
    return f"<== {label} ==>" if ArrowKind.ITEMS in arrow.links else f"== {label} ==>"


def _shape(node: DiagramNode) -> str:
    label = f'"{"<br>".join([f"<b>{_entities(node.title)}</b>", *map(_entities, node.lines)])}"'
    return f"[({label})]" if node.holds_data else f"[{label}]"


def _entities(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"#{ord(match.group())};", text)


FINDING = "lint.finding"
"""The kind of event of a finding."""


def as_text(findings: Sequence[Finding]) -> str:
    """Return one line for each finding: place, rule, message; and their number."""
    lines = [f"{entry.file}:{entry.line}:{entry.column}: {entry.rule} {entry.message}" for entry in findings]
    count = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}" if findings else "no findings"
    return "\n".join([*lines, count])


def as_event(finding: Finding, at: datetime) -> str:
    """Return one finding as one line."""
    return json_line(FINDING, at, dataclasses.asdict(finding))
