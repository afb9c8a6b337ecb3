import re

import pytest
from hypothesis import given

from builder.assembly.diagram import Arrow, ArrowKind, Diagram
from builder.report import offline
from report.diagrams import ODD, make_diagram, odd_diagrams

# A label has words, entities and the two tags that are ours.
LABEL = r'"(?:#\d+;|</?b>|<br>|[^\W_]|[ …./-])*"'
LINES = (
    "flowchart TB",
    rf"    subgraph r\d+\[{LABEL}\]",
    rf"        n\d+(?:\[{LABEL}\]|\[\({LABEL}\)\])",
    "    end",
    r"    n\d+ (?:-\. [a-z]+ \.->|<?== [a-z, ]+ ==>) n\d+",
)


def lines(shown: Diagram) -> list[str]:
    return offline.mermaid_diagram(shown).splitlines()


def test_places_are_subgraphs_and_stacks_that_hold_data_are_drums() -> None:
    assert lines(make_diagram("table", "files")) == [
        "flowchart TB",
        '    subgraph r1["table"]',
        '        n1["<b>table</b><br>table"]',
        "    end",
        '    subgraph r2["files"]',
        '        n2[("<b>files</b><br>files")]',
        "    end",
        "    n2 -. needs .-> n1",
    ]


@pytest.mark.parametrize(
    ("links", "line"),
    [
        ((ArrowKind.NEEDS,), "n1 -. needs .-> n2"),
        ((ArrowKind.OBJECTS,), "n1 == objects ==> n2"),
        ((ArrowKind.OBJECTS, ArrowKind.NEEDS), "n1 == objects, needs ==> n2"),
        ((ArrowKind.ITEMS,), "n1 <== items ==> n2"),
    ],
)
def test_data_is_thick_and_a_need_alone_is_dotted(links: tuple[ArrowKind, ...], line: str) -> None:
    made = make_diagram("a", "b")

    shown = Diagram(made.places, made.nodes, (Arrow("0", "1", links),))

    assert lines(shown)[-1] == f"    {line}"


def test_a_name_is_text_whatever_is_in_it() -> None:
    shown = offline.mermaid_diagram(make_diagram(*ODD))

    assert "#34;quoted#34;" in shown
    assert "#60;/b#62;#60;script#62;" in shown
    assert "#35;35#59;" in shown
    assert "#49;. one" in shown
    assert "#45; list" in shown


@given(odd_diagrams)
def test_every_line_is_one_that_mermaid_knows(shown: Diagram) -> None:
    for line in offline.mermaid_diagram(shown).split("\n")[:-1]:
        assert any(re.fullmatch(known, line) for known in LINES), line


def test_a_count_is_shown_as_an_entity_like_every_sign() -> None:
    assert any(re.fullmatch(LINES[2], line) and "#215;7" in line for line in lines(make_diagram("topic ×7")))
