import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from builder.components.fleet.options import FLEET_PATTERNS, FleetConfig
from builder.config.schema import SCHEMA

OPTIONS: dict[str, Any] = {"permission_model": "self-managed", "accounts": ["444455556666"]}


def operations(**options: Any) -> FleetConfig:
    return FleetConfig.model_validate({**OPTIONS, "operations": options})


def test_one_account_at_a_time_and_no_failure_is_what_nothing_said_means() -> None:
    fleet = FleetConfig.model_validate(OPTIONS)

    assert (fleet.operations.failure_tolerance, fleet.operations.max_concurrent) == (0, 1)
    assert fleet.operations.concurrency_mode == "strict"
    assert not fleet.auto_deployment.enabled


@pytest.mark.parametrize("amount", [1, 2000, "1%", "10%", "100%"])
def test_an_amount_is_a_count_or_a_percentage_as_it_was_written(amount: int | str) -> None:
    assert operations(max_concurrent=amount).operations.max_concurrent == amount


@pytest.mark.parametrize("amount", [True, 1.5, "1", "01%", "101%", "-1%", "1 %", "%", "", None, [], "10%\n"])
def test_an_amount_is_nothing_else(amount: object) -> None:
    with pytest.raises(ValidationError, match=FLEET_PATTERNS[r"^(100|[1-9][0-9]?)%$"]):
        operations(max_concurrent=amount)


def test_nobody_may_fail_but_somebody_must_be_changed() -> None:
    assert operations(failure_tolerance="0%").operations.failure_tolerance == "0%"
    for amount in (0, "0%"):
        with pytest.raises(ValidationError, match="count from 1"):
            operations(max_concurrent=amount)


def test_editors_are_told_of_both_kinds_of_amount() -> None:
    kinds = json.loads(SCHEMA.read_bytes())["$defs"]["OperationsConfig"]["properties"]["failure_tolerance"]["anyOf"]

    assert [kind["type"] for kind in kinds] == ["integer", "string"]


def test_only_a_self_managed_fleet_trusts_an_account_by_a_role_of_ours() -> None:
    options = {**OPTIONS, "administration_account": "111122223333"}

    assert FleetConfig.model_validate(options).trusted_account == "111122223333"
    assert FleetConfig.model_validate({**options, "permission_model": "service-managed"}).trusted_account is None


@pytest.mark.parametrize("region", ["me-south-1", "ap-northeast-3"])
def test_an_admin_region_need_not_have_what_the_system_needs(region: str) -> None:
    assert FleetConfig.model_validate({**OPTIONS, "admin_region": region}).admin_region == region


def test_a_role_may_hold_the_suffix() -> None:
    adapter = TypeAdapter(FleetConfig)

    assert adapter.validate_python({**OPTIONS, "execution_role": "exec-${EnvironmentSuffix}"}).execution_role
