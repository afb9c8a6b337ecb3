from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from answer import Command
from builder.cli.drill import _objectives
from builder.cli.options import Options
from builder.cli.project import Project
from builder.components.available import lifecycles
from builder.drill.verdict import Objectives
from builder.errors import BadInput


def opened(**options: Any) -> Project:
    """The project in the working directory, by what is said on the command line and in the environment."""
    return Project(Options(**{"environment": {}, **options}), datetime.now(UTC).date())


def test_the_option_wins_over_the_variable_and_that_over_the_file(project: Path) -> None:
    assert opened().suffix == "dev"
    assert opened(environment={"ENVIRONMENT_SUFFIX": "qa"}).suffix == "qa"
    assert opened(env="prod", environment={"ENVIRONMENT_SUFFIX": "qa"}).suffix == "prod"


@pytest.mark.parametrize("suffix", ["Prod", "a_b", "-a", "a-", "ä"])
def test_a_suffix_that_no_name_could_hold_is_refused(suffix: str) -> None:
    with pytest.raises(BadInput, match="--env"):
        _ = opened(env=suffix).suffix
    with pytest.raises(BadInput, match="ENVIRONMENT_SUFFIX"):
        _ = opened(environment={"ENVIRONMENT_SUFFIX": suffix}).suffix


def test_a_suffix_that_makes_a_name_too_long_is_refused_before_anything_is_asked(
    builder: Command, project: Path
) -> None:
    answer = builder("plan", "--env", "x" * 36)
    assert answer.code == 2
    assert "63" in answer.err


def test_an_assembly_alone_names_no_environment(project: Path) -> None:
    with pytest.raises(BadInput, match="names no environment"):
        _ = opened(assembly=Path("templates")).suffix


def test_stale_templates_are_named(builder: Command, project: Path) -> None:
    config = project / "dr.yaml"
    config.write_text(config.read_text().replace("memory_mb: 256", "memory_mb: 512"))
    answer = builder("plan")
    assert answer.code == 2
    assert "manifest.json, us-east-1/service.yaml, us-west-2/service.yaml" in answer.err
    assert "next:  python -m builder render" in answer.err


def test_without_templates_the_manifest_is_what_dr_yaml_leads_to(project: Path) -> None:
    on_disk = opened().manifest
    (project / "templates").rename(project / "elsewhere")
    assert opened().manifest == on_disk


def test_an_environment_s_own_values_reach_its_deployment(project: Path) -> None:
    role = "arn:aws:iam::111122223333:role/cfn-exec"
    with (project / "dr.yaml").open("a") as config:
        config.write(f'\nenvironments:\n  prod: {{account: "111122223333", role_arn: "{role}"}}\n')
    prod = opened(env="prod")
    assert (prod.deployment(()).account, prod.role_arn) == ("111122223333", role)
    dev = opened()
    assert (dev.deployment(()).account, dev.role_arn) == (None, None)


def test_an_account_has_one_role_and_it_is_a_role_of_that_account() -> None:
    role = "arn:aws:iam::444455556666:role/deployer"
    assert opened(account_roles=(f"444455556666={role}",) * 2).options.roles == {"444455556666": role}
    with pytest.raises(BadInput, match=f"has two roles, {role} and {role}-2"):
        _ = opened(account_roles=(f"444455556666={role}", f"444455556666={role}-2")).options.roles
    with pytest.raises(BadInput, match="is no role of account 777788889999"):
        _ = opened(account_roles=(f"777788889999={role}",)).options.roles


def test_no_region_can_be_left_out_of_a_fleet(project: Path) -> None:
    with pytest.raises(BadInput, match="none can be left out") as caught:
        _ = opened(skip_regions=("us-east-1",)).fleet(())
    assert "without it" in caught.value.next_step


def test_a_fleet_that_was_not_rendered_is_asked_for_in_the_file(project: Path) -> None:
    with pytest.raises(BadInput, match="no fleet was rendered") as caught:
        _ = opened().fleet(())
    assert "say `fleet:` in dr.yaml" in caught.value.next_step


def test_the_end_of_a_runtime_and_the_endpoint_are_known_to_whom_they_are_given() -> None:
    assert str(lifecycles()["nodejs22.x"].deprecated) == "2027-04-30"
    assert Options(environment={}).endpoint is None
    assert Options(environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}).endpoint == "http://127.0.0.1:4566"


def test_objectives_and_production_are_what_dr_yaml_says_of_them(project: Path) -> None:
    with (project / "dr.yaml").open("a") as config:
        config.write("\nenvironments: {prod: {production: true, account: '111122223333'}}\n")
    assert _objectives(opened()) == Objectives(5, 60, 5)
    assert opened(env="prod").is_production
    assert not opened().is_production
    taken = opened(assembly=project / "templates", env="prod")
    assert _objectives(taken) == Objectives(5, 60, 5)
    assert taken.is_production
    assert taken.pinned_account == "111122223333"


def test_without_dr_yaml_beside_an_assembly_nothing_is_promised_and_nobody_knows_whether_it_is_production(
    project: Path,
) -> None:
    (project / "dr.yaml").unlink()
    bare = opened(assembly=project / "templates", env="prod")
    assert _objectives(bare) == Objectives()
    assert bare.is_production is None
    assert bare.pinned_account is None


def test_what_stands_is_found_by_templates_that_are_stale_too(project: Path) -> None:
    config = project / "dr.yaml"
    config.write_text(config.read_text().replace("memory_mb: 256", "memory_mb: 512"))
    assert opened().deployment_as_is.name == "tap-dev"


@pytest.mark.slow
def test_a_fleet_may_go_only_to_the_account_that_dr_yaml_has_its_sets_in(builder: Command, project: Path) -> None:
    with (project / "dr.yaml").open("a") as config:
        config.write("\nfleet: {permission_model: self-managed, accounts: ['444455556666'],")
        config.write(" administration_account: '111122223333'}\n")
    assert builder("render").code == 0
    assert opened().fleet(()).account == "111122223333"
    assert opened(assembly=Path("templates"), env="dev").fleet(()).account is None
