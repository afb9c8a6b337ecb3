"""What is drilled: a deployment's two sides, as its outputs and its functions tell."""

from collections.abc import Mapping
from dataclasses import dataclass

from builder.aws import Clients, call, together
from builder.errors import BadInput, Failed
from builder.terms import AccountId, Arn, Place, Region, Site

_FUNCTION = "AWS::Lambda::Function"
_OUTPUTS = ("primaryLambdaUrl", "secondaryLambdaUrl", "globalTableName", "primaryBucketName", "secondaryBucketName")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two regions, and what of the system stands in it."""

    site: Site
    url: str
    bucket: str
    function: str
    arn: Arn
    """The function's."""
    signs: bool
    """Whether the URL takes signed requests only."""

    @property
    def region(self) -> Region:
        """Where it is."""
        return self.site.region


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment as a drill sees it."""

    deployment: str
    account: AccountId
    table: str
    primary: Side
    secondary: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both, the primary first."""
        return self.primary, self.secondary


async def observe_target(
    deployment: str, outputs: Mapping[str, str], services: Mapping[str, Place], clients: Clients
) -> Target:
    """Return the target; `services` says which stack each URL is an output of, by the output's name."""
    if lacking := [name for name in _OUTPUTS if name not in outputs]:
        raise BadInput(where=deployment, what=f"has no output {', '.join(lacking)}, by which a drill finds its way")
    primary, secondary = await together(
        _observe_side(role, outputs, services[f"{role}LambdaUrl"], clients) for role in ("primary", "secondary")
    )
    identity = await call(deployment, clients.sts(primary.region).get_caller_identity)
    return Target(deployment, AccountId(identity["Account"]), outputs["globalTableName"], primary, secondary)


async def _observe_side(role: str, outputs: Mapping[str, str], service: Place, clients: Clients) -> Side:
    where, here = f"{service.site.region}: {service.name}", clients.of(service.site)
    region = service.site.region
    held = await call(where, here.cloudformation(region).describe_stack_resources, StackName=service.name)
    functions = [one for one in held["StackResources"] if one["ResourceType"] == _FUNCTION]
    if len(functions) != 1:
        raise Failed(where=where, what=f"holds {len(functions)} functions, and a drill is of the one behind the URL")
    name = functions[0]["PhysicalResourceId"]
    function = await call(where, here.functions(region).get_function_configuration, FunctionName=name)
    url = await call(where, here.functions(region).get_function_url_config, FunctionName=name)
    return Side(
        site=service.site,
        url=outputs[f"{role}LambdaUrl"],
        bucket=outputs[f"{role}BucketName"],
        function=name,
        arn=Arn(function["FunctionArn"]),
        signs=url["AuthType"] == "AWS_IAM",
    )
