"""Every rule, by the cfn-lint that a user runs, in the forms that docs/rules.md says."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import builder.rules
from builder.rules._rule import Rule
from rules.conftest import FIXTURES, ROOT, RuleIds

RULES: list[type[Rule]] = [getattr(builder.rules, name) for name in builder.rules.__all__]
EACH = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
BARE = ("--append-rules", "builder.rules", "--config-file", "/dev/null")


@EACH
def test_the_bad_fixture_is_found(rule: type[Rule], cfnlint: Callable[..., RuleIds]) -> None:
    assert cfnlint("*/*.yaml", *BARE)[f"bad/{rule.id}.yaml"] == {rule.id}


@EACH
def test_the_good_fixture_is_clean(rule: type[Rule], cfnlint: Callable[..., RuleIds]) -> None:
    assert (FIXTURES / "good" / f"{rule.id}.yaml").is_file()
    assert f"good/{rule.id}.yaml" not in cfnlint("*/*.yaml", *BARE)


def test_that_is_the_documented_form() -> None:
    page = (ROOT / "docs" / "rules.md").read_text()
    assert f"    cfn-lint TEMPLATE {' '.join(BARE[:2])}\n" in page


def test_so_are_the_folder_and_the_settings_of_this_repository(cfnlint: Callable[..., RuleIds]) -> None:
    expected = {f"bad/{rule}.yaml": {rule} for rule in ("E9511", "E9512", "E9513")}
    assert cfnlint("bad/E951[1-3].yaml", "--append-rules", "builder/rules", "--config-file", "/dev/null") == expected
    assert cfnlint("bad/E951[1-3].yaml") == expected


def test_no_fixture_is_without_its_rule() -> None:
    names = {path.stem for path in FIXTURES.glob("*/*.yaml")}
    assert names == {rule.id for rule in RULES}


@EACH
def test_a_rule_says_all_that_cfnlint_shows_of_it(rule: type[Rule]) -> None:
    # 9xxx is what cfn-lint leaves to its users; from 9001 up it numbers the lines of a --custom-rules file.
    assert re.fullmatch(r"[EWI]9[5-9]\d\d", rule.id)
    assert rule.shortdesc
    assert not rule.shortdesc.endswith(".")
    assert rule.description.endswith(".")
    assert rule.source_url.startswith("https://docs.aws.amazon.com/")
    assert rule().tags == ["resources", *rule.topics[1:]]
    assert (rule.__doc__ or "").strip()


def test_every_module_has_one_rule_and_the_package_lists_it() -> None:
    modules = sorted(path.stem for path in Path(builder.rules.__path__[0]).glob("[a-z]*.py"))
    assert sorted(rule.__module__.rpartition(".")[2] for rule in RULES) == modules
    assert len({rule.id for rule in RULES}) == len(RULES)
