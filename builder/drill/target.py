"""What is drilled: a deployment's two sides, as its outputs and its functions tell."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from builder.aws import Clients, call, observe_account, together
from builder.errors import BadInput, Failed
from builder.terms import AccountId, Arn, Place, Region, Site

_FUNCTION = "AWS::Lambda::Function"
_OUTPUTS = ("primaryLambdaUrl", "secondaryLambdaUrl", "globalTableName", "primaryBucketName", "secondaryBucketName")


@dataclass(frozen=True, slots=True)
class Function:
    """The function behind a URL: what a fault is made on."""

    site: Site
    name: str
    arn: Arn

    @property
    def region(self) -> Region:
        """Where it is."""
        return self.site.region

    @property
    def where(self) -> str:
        """Its place and name, for errors."""
        return f"{self.region}: {self.name}"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two regions, and what of the system stands in it."""

    function: Function
    url: str
    bucket: str
    signs: bool
    """Whether the URL takes signed requests only."""

    @property
    def site(self) -> Site:
        """Where it is, and in which account."""
        return self.function.site

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
    _check_named(deployment, outputs, _OUTPUTS)
    primary, secondary = await together(
        _observe_side(role, outputs, services[f"{role}LambdaUrl"], clients) for role in ("primary", "secondary")
    )
    account = await observe_account(clients, primary.region)
    return Target(deployment, account, outputs["globalTableName"], primary, secondary)


async def observe_primary(deployment: str, services: Mapping[str, Place], clients: Clients) -> Function:
    """Return the primary's function alone, without a call to any other region."""
    _check_named(deployment, services, _OUTPUTS[:1])
    return await _observe_function(services["primaryLambdaUrl"], clients)


def _check_named(deployment: str, outputs: Collection[str], wanted: Sequence[str]) -> None:
    if lacking := [name for name in wanted if name not in outputs]:
        raise BadInput(where=deployment, what=f"has no output {', '.join(lacking)}, by which a drill finds its way")


async def _observe_function(service: Place, clients: Clients) -> Function:
    where, here, region = f"{service.site.region}: {service.name}", clients.of(service.site), service.site.region
    held = await call(where, here.cloudformation(region).describe_stack_resources, StackName=service.name)
    functions = [one for one in held["StackResources"] if one["ResourceType"] == _FUNCTION]
    if len(functions) != 1:
        raise Failed(where=where, what=f"holds {len(functions)} functions, and a drill is of the one behind the URL")
    name = functions[0]["PhysicalResourceId"]
    function = await call(where, here.functions(region).get_function_configuration, FunctionName=name)
    return Function(service.site, name, Arn(function["FunctionArn"]))


async def _observe_side(role: str, outputs: Mapping[str, str], service: Place, clients: Clients) -> Side:
    function = await _observe_function(service, clients)
    functions = clients.of(function.site).functions(function.region)
    url = await call(function.where, functions.get_function_url_config, FunctionName=function.name)
    return Side(
        function=function,
        url=outputs[f"{role}LambdaUrl"],
        bucket=outputs[f"{role}BucketName"],
        signs=url["AuthType"] == "AWS_IAM",
    )
