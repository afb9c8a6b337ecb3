import shutil
from pathlib import Path

import pytest

from builder.assembly import write_assembly
from builder.assembly.lint import lint_assembly, lint_text
from builder.assembly.render import make_assembly
from builder.errors import BadInput
from builder.terms import Region
from loaded_config import make_loaded_config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(linter: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped assembly, where no .cfnlintrc is near."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    return Path("templates")


def edit(folder: Path, path: str, old: str, new: str) -> None:
    text = (folder / path).read_text()
    assert old in text
    (folder / path).write_text(text.replace(old, new))


def findings_in(folder: Path) -> list[tuple[str, str]]:
    """Return the rule and the file of every finding, in order."""
    findings = lint_assembly(folder).findings
    return [(finding.rule, Path(finding.file).relative_to(folder).as_posix()) for finding in findings]


def test_what_render_writes_is_clean(folder: Path) -> None:
    linted = lint_assembly(folder)

    assert linted.findings == ()
    assert linted.files == tuple(sorted(str(path) for path in folder.rglob("*.yaml")))


def test_a_fleet_is_linted_with_the_system_its_execution_role_too(folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(ROOT / "tests" / "golden" / "fleet_self_managed" / "templates", folder)
    linted = lint_assembly(folder)

    assert linted.findings == ()
    assert linted.files == tuple(sorted(str(path) for path in folder.rglob("*.yaml") if "fleet" not in path.parts)) + (
        tuple(sorted(str(path) for path in (folder / "fleet").glob("*.yaml")))
    )

    edit(folder, "fleet/execution-role.yaml", "Effect: Allow", "Effect: Permit")
    edit(folder, "fleet/fleet.yaml", "SELF_MANAGED", "SELF-MANAGED")
    edit(folder, "us-west-2/storage.yaml", "Enabled", "On")

    assert {("E3030", "fleet/fleet.yaml"), ("X001", "fleet/fleet.yaml"), ("X001", "us-west-2/storage.yaml")} < {
        *findings_in(folder)
    }
    assert "fleet/execution-role.yaml" in {file for _, file in findings_in(folder)}


def test_each_fault_between_templates_is_found_once_where_it_stands(folder: Path) -> None:
    edit(folder, "us-west-2/storage.yaml", "tap-${EnvironmentSuffix}-", "top-${EnvironmentSuffix}-")
    edit(folder, "us-west-2/service.yaml", "MemorySize: 256", "MemorySize: 512")
    edit(folder, "manifest.json", '"FunctionUrl"', '"FunctionUri"')

    assert findings_in(folder) == [
        *[("X006", "manifest.json")] * 4,  # both URLs, also of the component, are of no output
        ("X007", "us-east-1/storage.yaml"),  # replicates to a bucket that the other region does not create
        ("X001", "us-west-2/service.yaml"),
        ("X002", "us-west-2/service.yaml"),  # is not what the other region runs
        ("X001", "us-west-2/storage.yaml"),
    ]


def test_a_role_that_names_another_bucket_than_the_rule_is_found(folder: Path) -> None:
    edit(folder, "us-east-1/storage.yaml", "us-west-2-an/*", "us-west-1-an/*")

    (first, second) = lint_assembly(folder).findings

    assert (first.rule, second.rule) == ("X001", "X009")
    assert "role ReplicationRole may not s3:ReplicateObject on arn:${AWS::Partition}:s3:::tap-" in second.message
    assert (folder / "us-east-1" / "storage.yaml").read_text().splitlines()[second.line - 1].strip().startswith("Role:")


@pytest.mark.linter
def test_each_template_is_held_against_its_own_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    regions = {"primary": "eu-central-1", "secondaries": ["eu-west-1"]}
    write_assembly(Path("templates"), make_assembly(make_loaded_config(regions=regions)))

    # Its table has no replica in us-east-1, where cfn-lint looks if not told.
    assert findings_in(Path("templates")) == []

    edit(Path("templates"), "eu-central-1/table.yaml", "- Region: eu-central-1", "- Region: eu-central-2")
    assert ("E9502", "eu-central-1/table.yaml") in findings_in(Path("templates"))


def test_what_a_rule_finds_in_bytes_that_two_regions_share_is_told_of_both(folder: Path) -> None:
    for region in ("us-east-1", "us-west-2"):
        edit(
            folder, f"{region}/service.yaml", "      MemorySize: 256\n", "      MemorySize: 256\n      MemoryType: x\n"
        )

    assert [finding for finding in findings_in(folder) if finding[0] != "X001"] == [
        ("E3002", "us-east-1/service.yaml"),
        ("E3002", "us-west-2/service.yaml"),
    ]


def test_a_finding_of_cfnlint_s_keeps_its_place_and_its_source(folder: Path) -> None:
    edit(folder, "us-east-1/table.yaml", "BillingMode: PAY_PER_REQUEST", "BillingMode: PROVISIONED")

    finding = {each.rule: each for each in lint_assembly(folder).findings}["E9504"]

    line = (folder / "us-east-1" / "table.yaml").read_text().splitlines()[finding.line - 1]
    assert line[finding.column - 1 : finding.end_column - 1] == "BillingMode"
    assert (finding.line, finding.severity) == (finding.end_line, "error")
    assert finding.path == ("Resources", "Table", "Properties", "BillingMode")
    assert finding.source.startswith("https://docs.aws.amazon.com/")


def test_information_counts(folder: Path) -> None:
    edit(folder, "us-east-1/table.yaml", "Parameters:\n", "Parameters:\n  Unused:\n    Type: String\n    Default: x\n")
    edit(folder, "us-east-1/table.yaml", "    DeletionPolicy: Delete\n    UpdateReplacePolicy: Delete\n", "")
    joined = "Outputs:\n  Joined:\n    Value: !Join ['', [a, !Ref 'AWS::Region']]\n"
    edit(folder, "us-east-1/table.yaml", "Outputs:\n", joined)

    rules = [rule for rule, _ in findings_in(folder) if rule != "X001"]
    assert {"W2001", "I1022", "W9531"} <= set(rules)
    # cfn-lint's own words for what W9531 says, once for each policy that lacks.
    assert "I3011" not in rules


@pytest.mark.parametrize("text", ["Resources: [\n", "- a list\n"])
def test_a_template_that_is_none_is_told_and_keeps_the_rest_from_being_guessed(folder: Path, text: str) -> None:
    (folder / "us-west-2" / "storage.yaml").write_text(text)

    rules = {rule for rule, _ in findings_in(folder)}

    assert "X001" in rules
    assert any(rule.startswith("E") for rule in rules)
    assert not rules & {"X007", "X010"}


def test_a_missing_template_or_manifest_is_bad_input(folder: Path) -> None:
    (folder / "us-east-1" / "table.yaml").unlink()
    with pytest.raises(BadInput, match=r"table\.yaml: cannot be read") as caught:
        lint_assembly(folder)
    assert caught.value.next_step == "python -m builder render"

    (folder / "manifest.json").write_text("{}")
    with pytest.raises(BadInput, match=r"manifest\.json: version: Field required"):
        lint_assembly(folder)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("append_rules: [nowhere.to.be.found]", "No module named 'nowhere'"),
        ("regions: 5", r"Invalid type for 'regions' in \.cfnlintrc"),
        ("regions: [", "did not find expected node content"),
    ],
)
def test_a_cfnlintrc_that_cfnlint_gives_up_on_is_bad_input(folder: Path, tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / ".cfnlintrc").write_text(text)
    with pytest.raises(BadInput, match=what):
        lint_assembly(folder)


def test_the_templates_that_a_cfnlintrc_names_are_not_ours_to_lint(folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".cfnlintrc").write_text("templates: [nowhere/*.yaml]\n")
    assert findings_in(folder) == []


def test_rules_that_a_cfnlintrc_appends_are_asked_too_and_ours_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "never_table.py").write_text(
        "from cfnlint.rules import CloudFormationLintRule, RuleMatch\n"
        "class NeverTable(CloudFormationLintRule):\n"
        "    id, shortdesc, description, source_url = 'E9901', 'No tables', 'No tables.', 'https://x'\n"
        "    def match(self, cfn):\n"
        "        tables = cfn.get_resources('AWS::DynamoDB::GlobalTable')\n"
        "        return [RuleMatch(['Resources', name], 'no') for name in tables]\n"
    )
    for ours in ("builder.rules", str(ROOT / "builder" / "rules")):
        (tmp_path / ".cfnlintrc").write_text(f"append_rules: [more, {ours}]\n")
        assert findings_in(folder) == [("E9901", "us-east-1/table.yaml")]


def test_a_template_that_is_in_no_folder_is_held_against_its_region(folder: Path) -> None:
    table = (folder / "us-east-1" / "table.yaml").read_text()
    line = next(number for number, text in enumerate(table.splitlines(), start=1) if "Replicas:" in text)

    assert lint_text(table, Region("us-east-1")) == ()
    assert lint_text(table, Region("eu-west-1")) == (
        f"E9502 line {line}: no replica in eu-west-1, the region this template was checked for (--regions)",
    )
