"""The StackSets of a fleet: one for each stack and region of the system, so that a dead region can be left out."""

from collections.abc import Iterable
from typing import Any

from troposphere import Parameter, Ref, Sub, Tag, Tags, Template, cloudformation

from builder.assembly.assets import ACCOUNT, BUCKET_PARAMETER
from builder.assembly.components import OutputOf
from builder.assembly.manifest import ByEnvironment, NeutralValue, StackEntry
from builder.components.fleet.options import FleetConfig, OperationsConfig
from builder.components.skeleton import add, leave_unlinted, make_skeleton
from builder.config import Config
from builder.errors import BadInput
from builder.terms import StackId
from builder.topology import names

_STACK_SET_ARN = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:%s:stackset/${%s}"


def make_template(config: Config, fleet: FleetConfig, bodies: Iterable[tuple[StackEntry, str]]) -> Template:
    """Return the template that this piece of dr.yaml leads to, the given bodies in it.

    fleet: {permission_model: self-managed, accounts: ["444455556666"], operations: {max_concurrent: 10%}}

    Raises BadInput for what no StackSet can be given, and for names that would be the same.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
    """
    bodies = tuple(bodies)
    _check_titles([stack for stack, _ in bodies])
    template = make_skeleton(f"{config.project}: the StackSets that bring the system to many accounts")
    if fleet.auto_deployment.enabled:
        # The order is written twice: in AutoDeployment for StackSets, which names ARNs, and for CloudFormation.
        leave_unlinted(template, "W3005")
    for stack, body in bodies:
        for name in _by_environment(stack):
            title = _parameter_of(stack, name)
            template.add_parameter(Parameter(title, Type="String", Description=f"{name} of {stack.id}"))
        add(template, _stack_set(config, fleet, stack, body))
    return template


def environment_values(stacks: Iterable[StackEntry]) -> dict[str, ByEnvironment]:
    """Return the parameters of the template whose values differ between environments, by their names in it."""
    return {_parameter_of(stack, name): value for stack in stacks for name, value in _by_environment(stack).items()}


def _check_titles(stacks: Iterable[StackEntry]) -> None:
    """Raise BadInput where two things would have one name in the template, whose names have letters and digits only."""
    titles: dict[str, str] = {}
    for stack in stacks:
        places = {_logical_id(stack.id): str(stack.id)}
        places |= {_parameter_of(stack, name): f"{stack.id}: parameter {name}" for name in _by_environment(stack)}
        for title, where in places.items():
            other = titles.setdefault(title, where)
            if other != where:
                what = f"would be {title} in the fleet's template, and so would {other}"
                raise BadInput(where=where, what=what, next_step="give one of the two stacks another name in dr.yaml")


def _by_environment(stack: StackEntry) -> dict[str, ByEnvironment]:
    return {name: value for name, value in stack.parameters.items() if isinstance(value, ByEnvironment)}


def _parameter_of(stack: StackEntry, name: str) -> str:
    return f"{_logical_id(stack.id)}{name}"


def _value(stack: StackEntry, name: str, value: NeutralValue) -> str | Ref | Sub:
    """Return what a set's parameter is given. Raises BadInput for what no StackSet can be given."""
    match value:
        case ByEnvironment():
            return Ref(_parameter_of(stack, name))
        case str() if value == names.SUFFIX:
            return Ref("EnvironmentSuffix")
        case str() if name == BUCKET_PARAMETER:
            # The account is that of this template's stack, which administers the fleet and has the bucket.
            return _sub(value, names.SUFFIX, ACCOUNT)
        case str() if ACCOUNT in value:
            what = f"is of each account ({ACCOUNT}), and a StackSet gives the same to all"
            raise BadInput(
                where=f"{stack.id}: parameter {name}",
                what=what,
                next_step="compute it in the template, by Ref AWS::AccountId",
            )
        case str() if names.SUFFIX in value:
            return _sub(value, names.SUFFIX)
        case str():
            return value
        case OutputOf():
            what = f"is an output of {value.output[0]}, and a StackSet takes none: each account would have its own"
        case _:
            what = "is the value that the stack has, and a StackSet takes none from the stacks that it makes"
    raise BadInput(
        where=f"{stack.id}: parameter {name}",
        what=what,
        next_step="compute the name, or hand it over by an export or an SSM parameter that the template reads",
    )


def _sub(value: str, *filled: str) -> str | Sub:
    """Return a text in which CloudFormation fills these words and no others."""
    if not any(word in value for word in filled):
        return value
    text = value.replace("${", "${!")
    for word in filled:
        text = text.replace(f"${{!{word[2:]}", word)
    return Sub(text)


def _logical_id(stack: StackId) -> str:
    return "".join(part.title() for part in stack.replace("/", "-").split("-"))


def _stack_set(config: Config, fleet: FleetConfig, stack: StackEntry, body: str) -> cloudformation.StackSet:
    made = cloudformation.StackSet(
        _logical_id(stack.id),
        StackSetName=Sub(names.stack_set_name(config.project, stack.region, stack.id.partition("/")[2])),
        Description=f"{config.project}: {stack.id} of every account",
        **(_self_managed(config, fleet) if fleet.is_self_managed else _service_managed(fleet, stack)),
        Parameters=[
            cloudformation.Parameter(ParameterKey=key, ParameterValue=_value(stack, key, value))
            for key, value in stack.parameters.items()
        ],
        StackInstancesGroup=[cloudformation.StackInstances(DeploymentTargets=_targets(fleet), Regions=[stack.region])],
        OperationPreferences=_preferences(fleet.operations),
        # Operations that do not concern the same instances run side by side; the others wait instead of failing.
        ManagedExecution=cloudformation.ManagedExecution(Active=True),
        Tags=_tags(config, stack),
        TemplateBody=body,
    )
    if stack.capabilities:
        made.Capabilities = list(stack.capabilities)
    if stack.needs:
        made.DependsOn = [_logical_id(need) for need in stack.needs]
    return made


def _self_managed(config: Config, fleet: FleetConfig) -> dict[str, Any]:
    administration = fleet.administration_role or names.administration_role_name(config.project)
    return {
        "PermissionModel": "SELF_MANAGED",
        "AdministrationRoleARN": Sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{administration}"),
        "ExecutionRoleName": Sub(fleet.execution_role or names.execution_role_name(config.project)),
    }


def _service_managed(fleet: FleetConfig, stack: StackEntry) -> dict[str, Any]:
    auto = cloudformation.AutoDeployment(Enabled=fleet.auto_deployment.enabled)
    if fleet.auto_deployment.enabled:
        auto.RetainStacksOnAccountRemoval = fleet.auto_deployment.retain_stacks
        if stack.needs:
            auto.DependsOn = [_stack_set_arn(fleet, need) for need in stack.needs]
    return {"PermissionModel": "SERVICE_MANAGED", "CallAs": fleet.call_as.upper(), "AutoDeployment": auto}


def _stack_set_arn(fleet: FleetConfig, stack: StackId) -> Sub:
    # A delegated administrator's StackSets are in the management account:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
    return Sub(_STACK_SET_ARN % (fleet.administration_account or "${AWS::AccountId}", _logical_id(stack)))


def _targets(fleet: FleetConfig) -> cloudformation.DeploymentTargets:
    targets = cloudformation.DeploymentTargets()
    if fleet.organizational_units:
        targets.OrganizationalUnitIds = list(fleet.organizational_units)
    if fleet.accounts:
        targets.Accounts = list(fleet.accounts)
    if fleet.account_filter != "none":
        targets.AccountFilterType = fleet.account_filter.upper()
    return targets


def _preferences(operations: OperationsConfig) -> cloudformation.OperationPreferences:
    return cloudformation.OperationPreferences(
        **_amount("FailureTolerance", operations.failure_tolerance),
        **_amount("MaxConcurrent", operations.max_concurrent),
        ConcurrencyMode=f"{operations.concurrency_mode.upper()}_FAILURE_TOLERANCE",
        RegionConcurrencyType=operations.region_concurrency.upper(),
    )


def _amount(name: str, amount: int | str) -> dict[str, Any]:
    if isinstance(amount, str):
        return {f"{name}Percentage": int(amount.removesuffix("%"))}
    return {f"{name}Count": amount}


def _tags(config: Config, stack: StackEntry) -> Tags:
    """Return the tags, which StackSets passes on to every stack and its resources: none that changes per build."""
    return Tags(
        *(Tag(key, value) for key, value in config.tags.items()),
        Tag("builder:fleet", Sub(f"{config.project}-{names.SUFFIX}")),
        Tag("builder:stack", stack.id),
    )
