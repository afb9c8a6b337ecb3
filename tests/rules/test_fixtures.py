"""Every rule, by the cfn-lint that a user runs, in the forms that docs/rules.md says."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import builder.rules
from builder.rules._rule import Rule
from rules.conftest import FIXTURES, ROOT, Found

RULES: list[type[Rule]] = [getattr(builder.rules, name) for name in builder.rules.__all__]
EACH = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)


@EACH
def test_the_bad_fixture_is_found(rule: type[Rule], cfnlint: Callable[[str], Found]) -> None:
    assert set(cfnlint("builder.rules")[f"bad/{rule.id}.yaml"]) == {rule.id}


@EACH
def test_the_good_fixture_is_clean(rule: type[Rule], cfnlint: Callable[[str], Found]) -> None:
    assert (FIXTURES / "good" / f"{rule.id}.yaml").is_file()
    assert f"good/{rule.id}.yaml" not in cfnlint("builder.rules")


def test_the_folder_finds_what_the_package_finds(cfnlint: Callable[[str], Found]) -> None:
    assert cfnlint("builder/rules") == cfnlint("builder.rules")


def test_no_fixture_is_without_its_rule() -> None:
    names = {path.stem for path in FIXTURES.glob("*/*.yaml")}
    assert names == {rule.id for rule in RULES}


def test_a_bare_cfnlint_in_the_root_has_the_rules_and_finds_nothing() -> None:
    command = str(Path(sys.executable).parent / "cfn-lint")
    listed = subprocess.run([command, "--list-rules"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert all(f"{rule.id}: {rule.shortdesc}" in listed.stdout for rule in RULES)
    done = subprocess.run([command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "")


@EACH
def test_a_rule_says_all_that_cfnlint_shows_of_it(rule: type[Rule]) -> None:
    # 9xxx is what cfn-lint leaves to rules of its users.
    assert re.fullmatch(r"[EWI]9\d{3}", rule.id)
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
