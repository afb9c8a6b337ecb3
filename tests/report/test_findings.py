from builder.assembly.finding import Finding
from builder.report import findings

FINDING = Finding("E3002", "error", "templates/a.yaml", 3, 5, "is wrong", "https://x")


def test_each_finding_is_a_line_and_the_last_line_counts_them() -> None:
    assert findings.as_text([FINDING]) == "templates/a.yaml:3:5: E3002 is wrong\n1 finding"
    assert findings.as_text([FINDING, FINDING]).endswith("\n2 findings")


def test_nothing_found_is_said_too() -> None:
    assert findings.as_text([]) == "no findings"
