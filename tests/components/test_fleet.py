from typing import Any

import pytest

from builder.assembly import OutputOf, StackEntry, UsePreviousValue
from builder.assembly.manifest import ByEnvironment
from builder.assembly.render import make_assembly
from builder.components.fleet.template import make_template
from builder.errors import BadInput
from builder.terms import Region, StackId
from components.fleet_config import ACCOUNTS, SELF_MANAGED, SERVICE_MANAGED, fleet_of
from components.templates import THREE, Json, properties
from loaded_config import make_loaded_config

AUTO = {**SERVICE_MANAGED, "auto_deployment": {"enabled": True, "retain_stacks": True}}


def fleet(options: dict[str, Any], **sections: Any) -> Json:
    config, fleet = fleet_of(options, **sections)
    entries = make_assembly(make_loaded_config(**sections)).manifest.stacks
    bodies = [(entry, f"body of {entry.id}\n") for entry in entries]
    made: Json = make_template(config, fleet, bodies).to_dict()
    return made


def test_there_is_a_set_for_each_stack_and_region_with_its_template_in_it() -> None:
    made = fleet(SELF_MANAGED)

    assert {name: stack_set["Properties"]["TemplateBody"] for name, stack_set in made["Resources"].items()} == {
        "UsWest2Storage": "body of us-west-2/storage\n",
        "UsEast1Storage": "body of us-east-1/storage\n",
        "UsEast1Table": "body of us-east-1/table\n",
        "UsEast1Service": "body of us-east-1/service\n",
        "UsWest2Service": "body of us-west-2/service\n",
    }
    for stack_set in made["Resources"].values():
        (group,) = stack_set["Properties"]["StackInstancesGroup"]
        assert group["Regions"] == [stack_set["Properties"]["TemplateBody"].split()[-1].split("/")[0]]


def test_sets_wait_for_each_other_as_the_stacks_do() -> None:
    made = fleet(SELF_MANAGED, regions=THREE)["Resources"]

    assert {name: stack_set["DependsOn"] for name, stack_set in made.items() if "DependsOn" in stack_set} == {
        "EuCentral1Storage": ["EuWest1Storage", "EuNorth1Storage"],
        "EuCentral1Service": ["EuCentral1Table"],
        "EuWest1Service": ["EuCentral1Table"],
        "EuNorth1Service": ["EuCentral1Table"],
    }


def test_a_set_hands_its_stacks_what_the_stack_takes() -> None:
    service = properties(fleet(SELF_MANAGED), "UsWest2Service")

    assert service["StackSetName"] == {"Fn::Sub": "tap-${EnvironmentSuffix}-us-west-2-service"}
    assert {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in service["Parameters"]} == {
        "EnvironmentSuffix": {"Ref": "EnvironmentSuffix"},
        "Role": "secondary",
        "BornAs": "secondary",
    }
    assert service["Capabilities"] == ["CAPABILITY_IAM"]
    assert "Capabilities" not in properties(fleet(SELF_MANAGED), "UsEast1Table")


def test_a_set_is_known_by_its_tags_and_none_changes_per_build() -> None:
    tags = properties(fleet(SELF_MANAGED, tags={"team": "core"}), "UsEast1Table")["Tags"]

    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "team": "core",
        "builder:fleet": {"Fn::Sub": "tap-${EnvironmentSuffix}"},
        "builder:stack": "us-east-1/table",
    }


def test_a_self_managed_set_names_the_accounts_and_both_roles() -> None:
    made = properties(fleet(SELF_MANAGED), "UsEast1Table")

    assert made["PermissionModel"] == "SELF_MANAGED"
    assert made["AdministrationRoleARN"] == {
        "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/tap-${EnvironmentSuffix}-stackset-administration"
    }
    assert made["ExecutionRoleName"] == {"Fn::Sub": "tap-${EnvironmentSuffix}-stackset-execution"}
    assert made["StackInstancesGroup"][0]["DeploymentTargets"] == {"Accounts": list(ACCOUNTS)}
    assert not {"CallAs", "AutoDeployment"} & made.keys()


def test_roles_can_have_names_of_their_own() -> None:
    options = {**SELF_MANAGED, "administration_role": "admin", "execution_role": "exec-${EnvironmentSuffix}"}
    made = properties(fleet(options), "UsEast1Table")

    assert made["AdministrationRoleARN"] == {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/admin"}
    assert made["ExecutionRoleName"] == {"Fn::Sub": "exec-${EnvironmentSuffix}"}


def test_a_service_managed_set_names_units_and_no_roles() -> None:
    options = {**SERVICE_MANAGED, "accounts": [ACCOUNTS[0]], "account_filter": "difference"}
    made = properties(fleet(options), "UsEast1Service")

    assert (made["PermissionModel"], made["CallAs"]) == ("SERVICE_MANAGED", "SELF")
    assert made["AutoDeployment"] == {"Enabled": False}
    assert made["StackInstancesGroup"][0]["DeploymentTargets"] == {
        "OrganizationalUnitIds": ["ou-ab12-11112222"],
        "Accounts": [ACCOUNTS[0]],
        "AccountFilterType": "DIFFERENCE",
    }
    assert not {"AdministrationRoleARN", "ExecutionRoleName"} & made.keys()


@pytest.mark.parametrize(
    ("administered", "owner"),
    [
        ({}, "${AWS::AccountId}"),
        ({"call_as": "delegated_admin", "administration_account": "111122223333"}, "111122223333"),
    ],
    ids=["by the management account", "by a delegated administrator"],
)
def test_an_account_that_joins_gets_its_stacks_in_the_same_order(administered: dict[str, Any], owner: str) -> None:
    made = fleet({**AUTO, **administered})

    assert properties(made, "UsWest2Service")["AutoDeployment"] == {
        "Enabled": True,
        "RetainStacksOnAccountRemoval": True,
        "DependsOn": [
            {"Fn::Sub": f"arn:${{AWS::Partition}}:cloudformation:${{AWS::Region}}:{owner}:stackset/${{UsEast1Table}}"}
        ],
    }
    assert "DependsOn" not in properties(made, "UsEast1Table")["AutoDeployment"]


@pytest.mark.parametrize(
    ("operations", "made"),
    [
        ({}, ("FailureToleranceCount", 0, "MaxConcurrentCount", 1, "STRICT_FAILURE_TOLERANCE", "SEQUENTIAL")),
        (
            {
                "failure_tolerance": "10%",
                "max_concurrent": "25%",
                "concurrency_mode": "soft",
                "region_concurrency": "parallel",
            },
            ("FailureTolerancePercentage", 10, "MaxConcurrentPercentage", 25, "SOFT_FAILURE_TOLERANCE", "PARALLEL"),
        ),
    ],
    ids=["default", "percentages"],
)
def test_the_preferences_are_said_as_the_api_does(operations: dict[str, Any], made: tuple[Any, ...]) -> None:
    tolerance, tolerated, concurrency, concurrent, mode, regions = made

    assert properties(fleet({**SELF_MANAGED, "operations": operations}), "UsEast1Table")["OperationPreferences"] == {
        tolerance: tolerated,
        concurrency: concurrent,
        "ConcurrencyMode": mode,
        "RegionConcurrencyType": regions,
    }


def test_what_cannot_run_at_once_is_queued() -> None:
    assert all(
        stack_set["Properties"]["ManagedExecution"] == {"Active": True}
        for stack_set in fleet(SELF_MANAGED)["Resources"].values()
    )


def given(**values: Any) -> Json:
    """Return the StackSets' template over one stack of one's own with these values."""
    return made_of({"own-queue": values})


def made_of(stacks: dict[str, Json]) -> Json:
    """Return the StackSets' template over stacks of one's own, by their names, with the values of each."""
    config, fleet = fleet_of(SELF_MANAGED)
    entries = [
        StackEntry(
            id=StackId(f"us-east-1/{name}"),
            region=Region("us-east-1"),
            name="x",
            template="x",
            sha256="0" * 64,
            parameters=values,
        )
        for name, values in stacks.items()
    ]
    made: Json = make_template(config, fleet, [(entry, "body\n") for entry in entries]).to_dict()
    return made


_VALUE = ByEnvironment({"default": "10"})


@pytest.mark.parametrize(
    ("stacks", "title"),
    [
        ({"a1b": {}, "a1-b": {}}, "UsEast1A1B"),
        ({"net": {"WorkCidr": _VALUE}, "net-work": {"Cidr": _VALUE}}, "UsEast1NetWorkCidr"),
        ({"net": {"Work": _VALUE}, "net-work": {}}, "UsEast1NetWork"),
    ],
)
def test_two_things_of_one_name_in_the_fleet_s_template_are_refused(stacks: dict[str, Json], title: str) -> None:
    with pytest.raises(BadInput, match=f"would be {title} in the fleet's template, and so would us-east-1/"):
        made_of(stacks)


def test_a_value_is_completed_by_the_fleet_s_own_stack_and_by_nothing_else() -> None:
    made = given(Suffix="${EnvironmentSuffix}", Name="a-${EnvironmentSuffix}-${Other}", Plain="${Other}")

    assert {
        parameter["ParameterKey"]: parameter["ParameterValue"]
        for parameter in properties(made, "UsEast1OwnQueue")["Parameters"]
    } == {
        "Suffix": {"Ref": "EnvironmentSuffix"},
        "Name": {"Fn::Sub": "a-${EnvironmentSuffix}-${!Other}"},
        "Plain": "${Other}",
    }


def test_a_value_by_environment_is_a_parameter_of_the_fleet_s_own_stack() -> None:
    value = ByEnvironment({"prod": "1000", "default": "10"})
    made = given(Depth=value)

    assert properties(made, "UsEast1OwnQueue")["Parameters"] == [
        {"ParameterKey": "Depth", "ParameterValue": {"Ref": "UsEast1OwnQueueDepth"}}
    ]
    assert made["Parameters"]["UsEast1OwnQueueDepth"]["Type"] == "String"


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (
            OutputOf((StackId("us-east-1/network"), "Vpc")),
            "is an output of us-east-1/network, and a StackSet takes none",
        ),
        (UsePreviousValue(), "is the value that the stack has, and a StackSet takes none"),
    ],
)
def test_what_no_stack_set_can_be_given_is_refused(value: OutputOf | UsePreviousValue, what: str) -> None:
    with pytest.raises(BadInput, match=rf"us-east-1/own-queue: parameter Net: {what}"):
        given(Net=value)
