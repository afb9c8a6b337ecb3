"""W9022: a function whose role may create log groups."""

import re
from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._pattern import literal_start, may_be_same, pattern
from builder.rules._rule import Fault, Rule, fault
from builder.rules._statements import Statement, statements
from builder.rules._worlds import Scene, scenes

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
        "AWSLambdaBasicExecutionRole",
        "AWSLambdaBasicDurableExecutionRolePolicy",
        "AWSLambdaDynamoDBExecutionRole",
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

_NAMED_GROUP = re.compile(r":log-group:\$\{(\w+)(?:\.\w+)?\}")


class FunctionLogGroups(Rule):
    """With a log group in the template the function has no need of the action."""

    id = "W9022"
    shortdesc = "A function's role may create log groups"
    description = (
        "With logs:CreateLogGroup a late write brings a deleted log group back: it outlives the stack, keeps "
        "everything for ever, and the next deployment fails on its name. Declare the group and leave the action out."
    )
    source_url = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html"
    topics = ("resources", "lambda", "iam", "logs")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every place that gives the action to a function of this template."""
        for scene in scenes(cfn, *_TYPES):
            for function in scene.resources("AWS::Lambda::Function"):
                name = scene.referred(function.get("Properties", "Role"))
                role = scene.resource(name) if name else None
                if name is None or role is None or role.get("Type").text != "AWS::IAM::Role" or _at_edge(role):
                    continue
                for place in _places(name, role, function, scene):
                    yield fault(
                        place,
                        f"the role of function {function.path[-1]} may create log groups, so that a late write brings "
                        "a deleted one back: declare the group and leave logs:CreateLogGroup out",
                    )


def _at_edge(role: Node) -> bool:
    """Return whether functions at the edge have the role: they log in every region, to groups nobody can declare.

    Source: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-functions-logs.html
    """
    trusted = role.get("Properties", "AssumeRolePolicyDocument").walk()
    return any(node.text == "edgelambda.amazonaws.com" for node in trusted)


def _places(name: str, role: Node, function: Node, scene: Scene) -> Iterator[Node]:
    """Yield where the action is given; nothing where it may be denied as well."""
    found = [statement for document in _documents(name, role, scene) for statement in statements(document)]
    if any(statement.effect != "Allow" and statement.covers(_ACTION) is not False for statement in found):
        return
    yield from (
        statement.node for statement in found if statement.covers(_ACTION) and _reaches(statement, function, scene)
    )
    for arn in role.get("Properties", "ManagedPolicyArns").items() or ():
        if (pattern(arn) or "").rpartition("/")[2] in _MANAGED:
            yield arn


def _documents(name: str, role: Node, scene: Scene) -> Iterator[Node]:
    """Yield every policy document of a role that this template holds."""
    for policy in role.get("Properties", "Policies").items() or ():
        yield policy.get("PolicyDocument")
    for arn in role.get("Properties", "ManagedPolicyArns").items() or ():
        if attached := scene.referred(arn):
            yield scene.resource(attached).get("Properties", "PolicyDocument")
    for policy in scene.resources("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy"):
        properties = policy.get("Properties")
        holders = (properties.get("RoleName"), *(properties.get("Roles").items() or ()))
        if name in {scene.referred(holder) for holder in holders}:
            yield properties.get("PolicyDocument")


def _reaches(statement: Statement, function: Node, scene: Scene) -> bool:
    """Return whether a statement holds for the log group that this function writes to, so far as texts tell."""
    said = statement.node.get("Resource")
    for resource in said.items() or (said,):
        pointed = scene.referred(resource) or _sub_pointed(resource)
        if pointed is not None:
            if _is_own(pointed, function, scene):
                return True
            continue
        arn = pattern(resource)
        if arn is not None and (arn == "*" or may_be_same(_group_in(arn), _group(function, scene))):
            return True
    return False


def _sub_pointed(resource: Node) -> str | None:
    """Return what stands for the log group's whole name in an ARN, `...:log-group:${This}:*`."""
    match resource.value:
        case {"Fn::Sub": str(text)} if found := _NAMED_GROUP.search(text):
            return found.group(1)
        case _:
            return None


def _is_own(pointed: str, function: Node, scene: Scene) -> bool:
    """Return whether a log group of this template is, or may by its name be, the function's."""
    said = scene.referred(function.get("Properties", "LoggingConfig", "LogGroup"))
    group = scene.resource(pointed)
    if said is not None or group.get("Type").text != "AWS::Logs::LogGroup":
        return said == pointed
    return may_be_same(_name_of(group), _group(function, scene))


def _group(function: Node, scene: Scene) -> str:
    """Return the name of the log group a function writes to, as far as it is known."""
    said = function.get("Properties", "LoggingConfig", "LogGroup")
    if said.absent:
        return "/aws/lambda/" + literal_start(pattern(function.get("Properties", "FunctionName")) or "")
    pointed = scene.referred(said)
    return _name_of(scene.resource(pointed)) if pointed else pattern(said) or "*"


def _name_of(group: Node) -> str:
    return pattern(group.get("Properties", "LogGroupName")) or "*"


def _group_in(arn: str) -> str:
    """Return the part of an ARN that names a log group; any group where it names none."""
    return arn.partition("log-group:")[2] or "*"
