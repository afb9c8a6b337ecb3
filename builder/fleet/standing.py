"""The sets that stand, found by the tag of the stacks that hold them: so a changed or lost assembly hides none."""

from builder.aws import Clients, together
from builder.deploy import Standing
from builder.deploy.observe import observe_template
from builder.fleet.definition import read_definitions
from builder.fleet.records import Holding, StackSet
from builder.terms import AccountId, Region


def pseudo_parameters(account: AccountId, region: Region, stack_name: str) -> dict[str, str]:
    """Return what CloudFormation puts in for its own parameters, as far as a template of sets may need them."""
    return {"AWS::AccountId": account, "AWS::Region": region, "AWS::StackName": stack_name}


async def observe_sets(standing: tuple[Standing, ...], clients: Clients) -> tuple[StackSet, ...]:
    """Return the sets that the stacks' deployed templates have, in their order."""
    # One that is being deleted has no sets with instances any more, and soon no template.
    deployed = [one for one in standing if one.stack.facts.exists and one.stack.status != "DELETE_IN_PROGRESS"]
    templates = await together(observe_template(clients, one.stack) for one in deployed)
    return tuple(
        definition.stack_set
        for one, template in zip(deployed, templates, strict=True)
        for definition in read_definitions(
            template,
            {**one.stack.parameters, **pseudo_parameters(one.stack.account, one.stack.region, one.stack.name)},
            Holding(one.id, one.stack.site),
        )
    )
