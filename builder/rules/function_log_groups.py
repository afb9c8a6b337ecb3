"""W9522: a function whose role may create log groups."""

import re
from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._statements import like, statements, written
from builder.rules._worlds import Scenario, scenarios

_ACTION = "logs:CreateLogGroup"
_TYPES = (
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::IAM::Role",
    "AWS::IAM::Policy",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::ManagedPolicy",
)
# AWS's own policies that hold the action.
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
_MANAGED = frozenset(
    {
        "AWSLambdaBasicDurableExecutionRolePolicy",
        "AWSLambdaBasicExecutionRole",
        "AWSLambdaDynamoDBExecutionRole",
        "AWSLambdaExecute",
        "AWSLambdaKinesisExecutionRole",
        "AWSLambdaMSKExecutionRole",
        "AWSLambdaSQSQueueExecutionRole",
        "AWSLambdaVPCAccessExecutionRole",
        "AdministratorAccess",
        "CloudWatchAgentServerPolicy",
        "CloudWatchFullAccess",
        "CloudWatchFullAccessV2",
        "CloudWatchLogsFullAccess",
        "PowerUserAccess",
    }
)
_MANAGED_ARN = re.compile(r"arn:(?:aws[a-z-]*|\$\{AWS::Partition\}):iam::aws:policy/(?:service-role/)?(\w+)")
_STREAMS = re.compile(r"(?::\*|:log-stream:.*)+$")


class FunctionLogGroups(Rule):
    """With a log group in the template the function has no need of the action."""

    id = "W9522"
    shortdesc = "A function's role may create log groups"
    description = (
        "With logs:CreateLogGroup a late write brings a deleted log group back: it outlives the stack, keeps "
        "everything for ever, and the next deployment fails on its name. Declare the group and leave the action out."
    )
    source_url = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html"
    topics = ("resources", "lambda", "iam", "logs")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every place that gives the action to a function of this template."""
        for scenario in scenarios(cfn, *_TYPES):
            for function in scenario.resources("AWS::Lambda::Function"):
                for place in _places(function, scenario):
                    yield fault(
                        place,
                        f"the role of function {function.path[-1]} may create log groups, so that a late write brings "
                        "a deleted one back: declare the group and leave logs:CreateLogGroup out",
                    )


def _places(function: Node, scenario: Scenario) -> Iterator[Node]:
    """Yield where the action is given; nothing where something may take it away again."""
    name = scenario.referred(function.get("Properties", "Role")) or ""
    role = scenario.resource(name)
    properties = role.get("Properties")
    is_role = role.get("Type").text == "AWS::IAM::Role"
    if not is_role or not properties.get("PermissionsBoundary").absent or _at_edge(role):
        return
    attached = [statement for document in _documents(name, role, scenario) for statement in statements(document)]
    if any(statement.effect != "Allow" and statement.covers(_ACTION) is not False for statement in attached):
        return
    groups = _groups(function, scenario)
    for statement in attached:
        if statement.covers(_ACTION) and not statement.conditional and _hold(statement.node.get("Resource"), groups):
            yield statement.node
    for arn in properties.get("ManagedPolicyArns").items() or ():
        managed = _MANAGED_ARN.fullmatch(written(arn.value) or "")
        if managed and managed[1] in _MANAGED:
            yield arn


def _at_edge(role: Node) -> bool:
    """Return whether functions at the edge have the role: they log in every region, to groups nobody can declare.

    Source: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-functions-logs.html
    """
    trusted = role.get("Properties", "AssumeRolePolicyDocument").walk()
    return any(node.text == "edgelambda.amazonaws.com" for node in trusted)


def _documents(name: str, role: Node, scenario: Scenario) -> Iterator[Node]:
    """Yield every policy document of a role that this template holds."""
    for policy in role.get("Properties", "Policies").items() or ():
        yield policy.get("PolicyDocument")
    for arn in role.get("Properties", "ManagedPolicyArns").items() or ():
        if attached := scenario.referred(arn):
            yield scenario.resource(attached).get("Properties", "PolicyDocument")
    for policy in scenario.resources("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy"):
        properties = policy.get("Properties")
        holders = (properties.get("RoleName"), *(properties.get("Roles").items() or ()))
        if name in {scenario.referred(holder) for holder in holders}:
            yield properties.get("PolicyDocument")


def _groups(function: Node, scenario: Scenario) -> frozenset[str]:
    """Return all ways to write the name of the log group a function writes to, '' for one that can't be known."""
    log_group = function.get("Properties", "LoggingConfig", "LogGroup")
    names = {"", written(log_group.value) or ""}
    if log_group.absent:
        name = written(function.get("Properties", "FunctionName").value)
        names |= {f"/aws/lambda/${{{function.path[-1]}}}", f"/aws/lambda/{name}" if name else ""}
    elif pointed := scenario.referred(log_group):
        names.add(written(scenario.resource(pointed).get("Properties", "LogGroupName").value) or "")
    declared = {
        f"${{{group.path[-1]}}}"
        for group in scenario.resources("AWS::Logs::LogGroup")
        if written(group.get("Properties", "LogGroupName").value) in names
    }
    return frozenset(names | declared)


def _hold(resources: Node, groups: frozenset[str]) -> bool:
    """Return whether a statement's resources surely hold a log group, by one of the ways to write its name."""
    patterns = [_group_in(written(resource.value) or "") for resource in resources.items() or (resources,)]
    return any(like(pattern, group) for pattern in patterns if pattern for group in groups)


def _group_in(arn: str) -> str:
    """Return the part of an ARN that names a log group, wildcards included; '' where there is none."""
    _, is_group, name = arn.partition(":log-group:")
    if is_group:
        return _STREAMS.sub("", name)
    if pointed := re.fullmatch(r"\$\{(\w+)\.Arn\}", arn):
        return f"${{{pointed[1]}}}"
    return "*" if arn == "*" or (":logs:" in arn and arn.endswith(":*")) else ""
