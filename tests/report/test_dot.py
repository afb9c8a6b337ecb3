import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given

from builder.assembly.diagram import Arrow, ArrowKind, Diagram
from builder.report import offline
from report.diagrams import ODD, make_diagram, odd_diagrams

LABEL = re.compile(r"label=<(.*)>(?:\]|,)")


def labels(shown: Diagram) -> list[str]:
    """Return what stands in the labels, lines parted by a slash; Graphviz reads them as XML, as is done here."""
    matches = [LABEL.search(line) for line in offline.dot_diagram(shown).split("\n")]
    roots = [ET.fromstring(f"<l>{match[1].replace('<br/>', ' / ')}</l>") for match in matches if match]  # noqa: S314
    return ["".join(root.itertext()) for root in roots]


def test_places_are_clusters_and_stacks_that_hold_data_are_cylinders() -> None:
    shown = offline.dot_diagram(make_diagram("table", "files"))

    assert [line.split(" [")[0].strip() for line in shown.splitlines()] == [
        "digraph {",
        "graph",
        "node",
        "edge",
        "subgraph cluster_1 {",
        "graph",
        "n1",
        "}",
        "subgraph cluster_2 {",
        "graph",
        "n2",
        "}",
        "n2 -> n1",
        "}",
    ]
    assert "n1 [shape=box, label=<<b>table</b><br/>table>]" in shown
    assert "n2 [shape=cylinder, label=<<b>files</b><br/>files>]" in shown


@pytest.mark.parametrize(
    ("links", "style"),
    [
        ((ArrowKind.NEEDS,), "style=dashed"),
        ((ArrowKind.OBJECTS,), 'penwidth=2.5, label=" objects "'),
        ((ArrowKind.OBJECTS, ArrowKind.NEEDS), 'penwidth=2.5, label=" objects, needs "'),
        ((ArrowKind.ITEMS,), 'penwidth=2.5, label=" items ", dir=both'),
    ],
)
def test_data_is_thick_and_a_need_alone_is_dashed(links: tuple[ArrowKind, ...], style: str) -> None:
    made = make_diagram("a", "b")

    shown = Diagram(made.places, made.nodes, (Arrow("0", "1", links),))

    assert f"    n1 -> n2 [{style}]\n}}\n" in offline.dot_diagram(shown)


def test_the_picture_can_lie_on_any_page() -> None:
    assert "bgcolor=transparent" in offline.dot_diagram(make_diagram())


def test_a_name_is_text_whatever_is_in_it() -> None:
    assert labels(make_diagram(*ODD[:6]))[:6] == [
        "end",
        "end / end",
        "1. one",
        "1. one / 1. one",
        "- list",
        "- list / - list",
    ]
    assert 'a "quoted" name / a "quoted" name' in labels(make_diagram(*ODD))
    assert "</b><script> / </b><script>" in labels(make_diagram(*ODD))


@given(odd_diagrams)
def test_every_label_is_well_formed(shown: Diagram) -> None:
    assert len(labels(shown)) == len(shown.places) + len(shown.nodes)
