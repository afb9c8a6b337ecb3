from builder.fleet.sets import has_sets, read_definitions
from fleet.stack_sets import (
    ACCOUNTS,
    HOLDING,
    SERVICE_MANAGED,
    WEST,
    fleet_template,
    shipped_bodies,
)

VALUES = {"EnvironmentSuffix": "dev", "AWS::AccountId": "111122223333"}


def test_every_set_is_read_with_its_names_bound_and_its_body_as_it_is() -> None:
    definitions = {
        definition.stack_set.id: definition for definition in read_definitions(fleet_template(), VALUES, HOLDING)
    }
    assert {str(stack): definition.body for stack, definition in definitions.items()} == shipped_bodies()
    service = next(definition for stack, definition in definitions.items() if stack == "us-west-2/service")
    assert service.stack_set.name == "tap-dev-us-west-2-service"
    assert service.stack_set.needs == ("us-east-1/table",)
    assert service.stack_set.execution_role == "tap-dev-execution"
    assert service.parameters == {"EnvironmentSuffix": "dev", "Role": "secondary", "BornAs": "secondary"}
    (targets,) = service.targets
    assert (targets.accounts, targets.regions) == (ACCOUNTS, (WEST,))
    assert not service.stack_set.is_service_managed


def test_a_service_managed_set_says_whose_units_it_goes_to_and_who_calls() -> None:
    units = {"OrganizationalUnitIds": ["ou-1"], "Accounts": ["1"], "AccountFilterType": "DIFFERENCE"}
    model = {**SERVICE_MANAGED, "CallAs": "DELEGATED_ADMIN"}
    template = fleet_template({"us-west-2/a": "Resources: {}"}, units, model)
    (definition,) = read_definitions(template, VALUES, HOLDING)
    assert definition.stack_set.is_service_managed
    assert definition.stack_set.call_as == "DELEGATED_ADMIN"
    assert (definition.targets[0].units, definition.targets[0].filter) == (("ou-1",), "DIFFERENCE")


def test_a_set_by_hand_is_known_by_its_logical_id_and_a_body_in_a_bucket_is_not_known() -> None:
    template = """
    Resources:
      First: {Type: AWS::CloudFormation::StackSet, Properties: {StackSetName: a, TemplateURL: https://x}}
      Second: {Type: AWS::CloudFormation::StackSet, DependsOn: First, Properties: {StackSetName: b}}
      Third: {Type: AWS::SNS::Topic}
    """
    first, second = read_definitions(template, {}, HOLDING)
    assert (first.stack_set.id, first.body) == ("First", None)
    assert second.stack_set.needs == ("First",)


def test_only_a_template_with_a_set_holds_sets() -> None:
    assert has_sets(fleet_template())
    assert not has_sets("Resources: {Topic: {Type: AWS::SNS::Topic}}")


def test_accounts_may_come_from_a_parameter() -> None:
    targets = {"Accounts": {"Ref": "Who"}}
    (definition,) = read_definitions(
        fleet_template({"us-west-2/a": "Resources: {}"}, targets), {**VALUES, "Who": "1, 2"}, HOLDING
    )
    assert definition.targets[0].accounts == ("1", "2")
