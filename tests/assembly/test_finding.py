import re

import pytest

from builder.assembly.finding import CHECKS, Finding, finding


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_says_what_cfnlint_says_of_a_rule(name: str) -> None:
    check = CHECKS[name]
    assert check.id == name
    assert re.fullmatch(r"X\d{3}", name)
    assert check.severity in {"error", "warning"}
    assert not check.shortdesc.endswith(".")
    assert check.description.endswith(".")
    assert check.source.startswith("https://docs.aws.amazon.com/")


def test_a_finding_has_the_severity_and_the_source_of_its_check() -> None:
    check = CHECKS["X011"]
    assert finding("X011", ("manifest.json", 3, 5), "odd") == Finding(
        "X011", "warning", "manifest.json", 3, 5, "odd", check.source
    )
