from dataclasses import replace

import pytest

from builder.assembly import UsePreviousValue
from builder.deploy.draft.draft import decide
from builder.deploy.draft.records import Adopt, Keep, NeedsChangeSet, Rebuild
from builder.deploy.observe.stacks import ObservedStack
from builder.errors import Stopped
from builder.terms import STATUSES, Arn, Operation, StackName
from deploy.rig import shipped

DEPLOYMENT = shipped()
TABLE = DEPLOYMENT.stack(DEPLOYMENT.stacks[2].id)


def observed(status: str = "CREATE_COMPLETE") -> ObservedStack:
    return ObservedStack(
        site=TABLE.site,
        name=TABLE.name,
        arn=Arn("arn:aws:cloudformation:us-east-1:111122223333:stack/tap-dev-table/1"),
        status=status,
        status_reason="because",
        change_set=None,
        created="2026-01-01T00:00:00+00:00",
        last_change="2026-01-01T00:00:00+00:00",
        parameters={"EnvironmentSuffix": "dev"},
        tags=TABLE.tags,
        outputs={},
        capabilities=(),
        termination_protection=False,
    )


def test_a_stack_that_is_not_there_is_created() -> None:
    assert decide(DEPLOYMENT, TABLE, None, None) == NeedsChangeSet("CREATE")


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_an_answer(status: str) -> None:
    operation = STATUSES[status].operation
    if operation in {Operation.WAIT, Operation.RECOVER, Operation.REFUSE}:
        with pytest.raises(Stopped, match=status):
            decide(DEPLOYMENT, TABLE, observed(status), TABLE.template)
    else:
        expected = {Operation.CREATE: NeedsChangeSet("CREATE"), Operation.REBUILD: Rebuild()}.get(operation, Keep())
        assert decide(DEPLOYMENT, TABLE, observed(status), TABLE.template) == expected


def test_a_stack_of_the_same_name_that_is_nobody_s_here_is_adopted() -> None:
    stack = replace(observed(), tags={"owner": "somebody"})
    assert decide(DEPLOYMENT, TABLE, stack, "Resources: {}") == Adopt()


@pytest.mark.parametrize(
    ("stack", "why"),
    [
        (replace(observed(), tags={"builder:deployment": "shop-dev"}), "of the deployment shop-dev"),
        (replace(observed(), tags={}, parent=Arn("arn:aws:cloudformation:r:1:stack/up/1")), "nested in arn:.*/up/1"),
        (replace(observed(), tags={"builder:fleet": "shop-fleet-dev"}), "an instance of a StackSet"),
        (
            replace(observed(), tags={}, name=StackName("StackSet-net-0a1b2c3d-1234-1234-1234-0123456789ab")),
            "an instance of a StackSet",
        ),
        (
            replace(observed(), tags={"aws:servicecatalog:provisionedProductArn": "arn"}),
            "kept by a service of AWS, by its tags aws:servicecatalog",
        ),
        (replace(observed("UPDATE_ROLLBACK_FAILED"), tags={}), "in UPDATE_ROLLBACK_FAILED it cannot be adopted"),
        (replace(observed("ROLLBACK_COMPLETE"), tags={}), "in ROLLBACK_COMPLETE it cannot be adopted"),
    ],
)
def test_a_stack_of_the_same_name_that_is_another_s_is_never_touched(stack: ObservedStack, why: str) -> None:
    with pytest.raises(Stopped, match=f"is there already.*{why}"):
        decide(DEPLOYMENT, TABLE, stack, "Resources: {}")


@pytest.mark.parametrize("status", STATUSES)
def test_what_is_adopted_takes_an_update_in_its_status(status: str) -> None:
    operation, stack = STATUSES[status].operation, replace(observed(status), tags={})
    if operation in {Operation.CREATE, Operation.UPDATE}:
        expected = Adopt() if operation is Operation.UPDATE else NeedsChangeSet("CREATE")
        assert decide(DEPLOYMENT, TABLE, stack, TABLE.template) == expected
    else:
        with pytest.raises(Stopped, match=f"in {status} it cannot be adopted"):
            decide(DEPLOYMENT, TABLE, stack, TABLE.template)


def test_a_stack_with_stack_sets_is_not_adopted() -> None:
    sets = "Resources: {Everywhere: {Type: AWS::CloudFormation::StackSet}}"
    with pytest.raises(Stopped, match=r"with StackSets in it \(Everywhere\) it is not adopted"):
        decide(DEPLOYMENT, TABLE, replace(observed(), tags={}), sets)
    with pytest.raises(Stopped, match=r"with StackSets in it \(Everywhere\) it is not adopted"):
        decide(DEPLOYMENT, replace(TABLE, template=sets), replace(observed(), tags={}), TABLE.template)


@pytest.mark.parametrize(
    "stack",
    [
        replace(observed(), parameters={"EnvironmentSuffix": "old"}),
        replace(observed(), parameters={"EnvironmentSuffix": "dev", "Extra": "1"}),
        replace(observed(), tags={**TABLE.tags, "cost": "1"}),
    ],
)
def test_other_parameters_or_tags_are_a_change(stack: ObservedStack) -> None:
    assert decide(DEPLOYMENT, TABLE, stack, TABLE.template) == NeedsChangeSet("UPDATE")


def test_a_comment_is_a_change_of_the_template() -> None:
    assert decide(DEPLOYMENT, TABLE, observed(), TABLE.template + "# new\n") == NeedsChangeSet("UPDATE")


def test_a_json_template_is_compared_by_what_it_says() -> None:
    as_json = replace(TABLE, template='{"Resources": {}, "Outputs": {}}')
    assert decide(DEPLOYMENT, as_json, observed(), {"Outputs": {}, "Resources": {}}) == Keep()
    assert decide(DEPLOYMENT, as_json, observed(), {"Resources": {}}) == NeedsChangeSet("UPDATE")
    assert decide(DEPLOYMENT, TABLE, observed(), {"Resources": {}}) == NeedsChangeSet("UPDATE")


@pytest.mark.parametrize(
    ("status", "command"),
    [
        ("UPDATE_FAILED", "python -m builder plan --recover"),
        ("UPDATE_ROLLBACK_FAILED", "python -m builder plan --recover"),
        ("DELETE_FAILED", "python -m builder destroy"),
        ("IMPORT_ROLLBACK_FAILED", "aws cloudformation describe-stack-events"),
    ],
)
def test_a_refusal_says_why_the_stack_is_so_and_what_to_type_next(status: str, command: str) -> None:
    with pytest.raises(Stopped, match="because") as caught:
        decide(DEPLOYMENT, TABLE, observed(status), TABLE.template)
    assert caught.value.next_step.startswith(command)


@pytest.mark.parametrize("status", STATUSES)
def test_a_stack_that_is_never_rolled_back_is_updated_from_where_a_failure_left_it(status: str) -> None:
    if status in {"CREATE_FAILED", "UPDATE_FAILED"}:
        assert decide(DEPLOYMENT, TABLE, observed(status), TABLE.template, unrolled=True) == NeedsChangeSet("UPDATE")
    elif STATUSES[status].operation is Operation.RECOVER:
        with pytest.raises(Stopped, match=status):
            decide(DEPLOYMENT, TABLE, observed(status), TABLE.template, unrolled=True)


class TestAPreviousValue:
    STAYS = replace(TABLE, parameters={"EnvironmentSuffix": UsePreviousValue()})

    def test_is_no_change(self) -> None:
        assert decide(DEPLOYMENT, self.STAYS, observed(), TABLE.template) == Keep()

    @pytest.mark.parametrize("stack", [None, observed("REVIEW_IN_PROGRESS"), observed("ROLLBACK_COMPLETE")])
    def test_is_refused_where_there_is_none(self, stack: ObservedStack | None) -> None:
        with pytest.raises(Stopped, match="parameter EnvironmentSuffix is to keep its previous value"):
            decide(DEPLOYMENT, self.STAYS, stack, None)

    def test_is_refused_of_a_parameter_that_the_stack_lacks(self) -> None:
        new = replace(TABLE, parameters={**TABLE.parameters, "New": UsePreviousValue()})
        with pytest.raises(Stopped, match=r"parameter New is to keep its previous value, and the stack .* has none$"):
            decide(DEPLOYMENT, new, observed(), TABLE.template)
