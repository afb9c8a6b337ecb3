from typing import Any

import pytest

from builder.components.system import check_names
from builder.config import LoadedConfig
from builder.errors import BuilderError
from builder.topology import names
from loaded_config import make_loaded_config

LONG = {"primary": "us-east-1", "secondaries": ["ap-southeast-2"]}


def refusal(loaded: LoadedConfig, other_suffix: str | None = None) -> str:
    with pytest.raises(BuilderError) as caught:
        check_names(loaded, other_suffix)
    return str(caught.value)


def test_names_that_fit_pass() -> None:
    check_names(make_loaded_config(), "pr-12345")


def test_the_longest_region_decides() -> None:
    loaded, suffix = make_loaded_config(regions=LONG), "x" * 29

    check_names(loaded, suffix[1:])
    assert refusal(loaded, suffix) == (
        f"environment '{suffix}': the bucket 'tap-{suffix}-000000000000-ap-southeast-2-an' would have 64 characters"
        f" of 63: 'tap' and '{suffix}' can have 31 together"
    )


@pytest.mark.parametrize(("kind", "room"), [("buckets", 35), ("functions", 52)])
def test_a_component_s_own_name_counts_too(kind: str, room: int) -> None:
    def loaded(name: str) -> LoadedConfig:
        sections: dict[str, Any] = {kind: {name: {}}}
        return make_loaded_config(**sections)

    name = "n" * 60
    assert refusal(loaded(name)).endswith(f"'tap', 'dev' and '{name}' can have {room} together")
    check_names(loaded("n" * (room - len("tapdev"))))


def test_the_environment_of_the_file_is_told_at_its_key() -> None:
    assert refusal(make_loaded_config(environment="x" * 37)).startswith("dr.yaml:1: environment: the bucket 'tap-xxx")


def test_every_environment_with_values_of_its_own_is_checked_at_once() -> None:
    environments: dict[str, dict[str, str]] = {"prod": {}, "x" * 36: {}, "y" * 37: {}}

    answer = refusal(make_loaded_config(environments=environments))

    assert f"environments.{'x' * 36}: " in answer
    assert f"environments.{'y' * 37}: " in answer
    assert "prod" not in answer


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-2", "us-gov-west-1"])
def test_where_the_bucket_fits_every_other_name_does(region: str) -> None:
    room = 63 - len(
        names.computed_bucket_name("", "bucket", region)
        .replace(names.SUFFIX, "")
        .replace("${AWS::AccountId}", "0" * 12)
    )

    for project_length in range(1, room):
        project, suffix = "p" * project_length, "s" * (room - project_length)
        limits = {
            names.function_name(project, "function", role="secondary", region=region): 64,
            names.computed_table_name(project, "table"): 255,
            names.stack_name(project, "storage"): 128,
            names.stack_name(project, "fleet-administration"): 128,
            names.stack_set_name(project, region, "storage"): 128,
            names.administration_role_name(project): 64,
            names.execution_role_name(project): 64,
        }
        assert all(len(name.replace(names.SUFFIX, suffix)) <= limit for name, limit in limits.items())


def test_a_name_that_the_file_gives_to_a_fleet_s_role_is_one_that_iam_takes() -> None:
    fleet = {
        "permission_model": "self-managed",
        "accounts": ["444455556666"],
        "execution_role": f"{'r' * 58}-${{EnvironmentSuffix}}",
    }

    check_names(make_loaded_config(fleet=fleet), "fives")
    assert refusal(make_loaded_config(fleet=fleet), "sixsix") == (
        f"environment 'sixsix': the fleet's role '{'r' * 58}-sixsix' would have 65 characters of 64:"
        " take a shorter name or suffix"
    )
