from pathlib import Path

import pytest

from answer import Command
from builder.cli.wiring import Wiring
from builder.drill.verdict import Objectives
from builder.errors import BadInput


def test_the_option_wins_over_the_variable_and_that_over_the_file(project: Path) -> None:
    assert Wiring(environment={}).suffix == "dev"
    assert Wiring(environment={"ENVIRONMENT_SUFFIX": "qa"}).suffix == "qa"
    assert Wiring(env="prod", environment={"ENVIRONMENT_SUFFIX": "qa"}).suffix == "prod"


@pytest.mark.parametrize("suffix", ["Prod", "a_b", "-a", "a-", "ä"])
def test_a_suffix_that_no_name_could_hold_is_refused(suffix: str) -> None:
    with pytest.raises(BadInput, match="--env"):
        _ = Wiring(env=suffix, environment={}).suffix
    with pytest.raises(BadInput, match="ENVIRONMENT_SUFFIX"):
        _ = Wiring(environment={"ENVIRONMENT_SUFFIX": suffix}).suffix


def test_a_suffix_that_makes_a_name_too_long_is_refused_before_anything_is_asked(
    builder: Command, project: Path
) -> None:
    answer = builder("plan", "--env", "x" * 36)
    assert answer.code == 2
    assert "63" in answer.err


def test_an_assembly_alone_names_no_environment(project: Path) -> None:
    with pytest.raises(BadInput, match="names no environment"):
        _ = Wiring(assembly=Path("templates"), environment={}).suffix


def test_stale_templates_are_named(builder: Command, project: Path) -> None:
    config = project / "dr.yaml"
    config.write_text(config.read_text().replace("memory_mb: 256", "memory_mb: 512"))
    answer = builder("plan")
    assert answer.code == 2
    assert "manifest.json, us-east-1/service.yaml, us-west-2/service.yaml" in answer.err
    assert "next:  python -m builder render" in answer.err


def test_two_plans_are_never_told_by_the_same_id() -> None:
    assert Wiring(environment={}).seal().id != Wiring(environment={}).seal().id


def test_without_templates_the_manifest_is_what_dr_yaml_leads_to(project: Path) -> None:
    on_disk = Wiring(environment={}).manifest
    (project / "templates").rename(project / "elsewhere")
    assert Wiring(environment={}).manifest == on_disk


def test_an_environment_s_own_values_reach_its_deployment(project: Path) -> None:
    role = "arn:aws:iam::111122223333:role/cfn-exec"
    with (project / "dr.yaml").open("a") as config:
        config.write(f'\nenvironments:\n  prod: {{account: "111122223333", role_arn: "{role}"}}\n')
    prod = Wiring(env="prod", environment={})
    assert (prod.deployment.account, prod.role_arn) == ("111122223333", role)
    dev = Wiring(environment={})
    assert (dev.deployment.account, dev.role_arn) == (None, None)


def test_roles_of_other_accounts_are_taken_by_account(credentials: None) -> None:
    role = "arn:aws:iam::444455556666:role/deployer"
    assert Wiring(account_roles=(f"444455556666={role}",), environment={}).clients is not None


def test_an_account_has_one_role_and_it_is_a_role_of_that_account() -> None:
    role = "arn:aws:iam::444455556666:role/deployer"
    assert Wiring(account_roles=(f"444455556666={role}",) * 2, environment={}).roles == {"444455556666": role}
    with pytest.raises(BadInput, match=f"has two roles, {role} and {role}-2"):
        _ = Wiring(account_roles=(f"444455556666={role}", f"444455556666={role}-2"), environment={}).roles
    with pytest.raises(BadInput, match="is no role of account 777788889999"):
        _ = Wiring(account_roles=(f"777788889999={role}",), environment={}).roles


@pytest.mark.parametrize("said", ["444455556666", "4444=arn:aws:iam::4444:role/x", "444455556666=deployer"])
def test_a_role_that_is_not_said_in_full_is_a_wrong_input(said: str) -> None:
    with pytest.raises(BadInput, match="--account-role"):
        _ = Wiring(account_roles=(said,), environment={}).clients


def test_no_region_can_be_left_out_of_a_fleet(project: Path) -> None:
    with pytest.raises(BadInput, match="none can be left out") as caught:
        _ = Wiring(skip_regions=("us-east-1",), environment={}).fleet
    assert "without it" in caught.value.next_step


def test_a_fleet_that_was_not_rendered_is_asked_for_in_the_file(project: Path) -> None:
    with pytest.raises(BadInput, match="no fleet was rendered") as caught:
        _ = Wiring(environment={}).fleet
    assert "say `fleet:` in dr.yaml" in caught.value.next_step


def test_the_end_of_a_runtime_and_the_endpoint_are_known_to_whom_they_are_given() -> None:
    assert str(Wiring(environment={}).runtime_ends["nodejs22.x"]) == "2027-04-30"
    assert Wiring(environment={}).endpoint is None
    assert Wiring(environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}).endpoint == "http://127.0.0.1:4566"


def test_objectives_and_production_are_what_dr_yaml_says_of_them(project: Path) -> None:
    with (project / "dr.yaml").open("a") as config:
        config.write("\nenvironments: {prod: {production: true, account: '111122223333'}}\n")
    assert Wiring(environment={}).objectives == Objectives(5, 60, 5)
    assert Wiring(env="prod", environment={}).is_production
    assert not Wiring(environment={}).is_production
    taken = Wiring(assembly=project / "templates", env="prod", environment={})
    assert taken.objectives == Objectives(5, 60, 5)
    assert taken.is_production
    assert taken.pinned_account == "111122223333"


def test_without_dr_yaml_beside_an_assembly_nothing_is_promised_and_nobody_knows_whether_it_is_production(
    project: Path,
) -> None:
    (project / "dr.yaml").unlink()
    bare = Wiring(assembly=project / "templates", env="prod", environment={})
    assert bare.objectives == Objectives()
    assert bare.is_production is None
    assert bare.pinned_account is None


def test_what_stands_is_found_by_templates_that_are_stale_too(project: Path) -> None:
    config = project / "dr.yaml"
    config.write_text(config.read_text().replace("memory_mb: 256", "memory_mb: 512"))
    assert Wiring(environment={}).standing.name == "tap-dev"


def test_a_fleet_may_go_only_to_the_account_that_dr_yaml_has_its_sets_in(builder: Command, project: Path) -> None:
    with (project / "dr.yaml").open("a") as config:
        config.write("\nfleet: {permission_model: self-managed, accounts: ['444455556666'],")
        config.write(" administration_account: '111122223333'}\n")
    assert builder("render").code == 0
    assert Wiring(environment={}).fleet.account == "111122223333"
    assert Wiring(assembly=Path("templates"), env="dev", environment={}).fleet.account is None
