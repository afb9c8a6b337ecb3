"""What is drilled: a deployment's sides, as its outputs and its functions tell."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from builder.aws import Clients, call, observe_caller, together
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
    """One region, and what of the system stands in it."""

    function: Function
    url: str
    bucket: str | None
    """None where no bucket of the region takes part in replication."""
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

    @property
    def needed_bucket(self) -> str:
        """Its bucket. Raises BadInput where it has none."""
        if self.bucket is None:
            raise BadInput(where=self.region, what="has no bucket that is a component of the deployment")
        return self.bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A deployment as a drill sees it."""

    deployment: str
    account: AccountId
    by: Arn
    """Who drills: the ARN of the caller's credentials."""
    table: str | None
    """The name of the table that replicates; None where the deployment has no table."""
    health: str = "/health"
    """The path below each URL that says whether the service there is well."""
    primary: Side
    secondaries: tuple[Side, ...]
    """At least one; the first is the one that clients go over to."""
    copies: tuple[tuple[Region, Region], ...] = ()
    """Each direction in which objects are replicated: from, to."""

    @property
    def sides(self) -> tuple[Side, ...]:
        """All of them, the primary first."""
        return self.primary, *self.secondaries

    @property
    def secondary(self) -> Side:
        """The secondary that clients go over to."""
        return self.secondaries[0]

    @property
    def clients_sides(self) -> tuple[Side, Side]:
        """The two that the drill's clients know, in the order that they are asked in; the rest is only watched."""
        return self.primary, self.secondaries[0]

    @property
    def needed_table(self) -> str:
        """Its table. Raises BadInput where it has none."""
        if self.table is None:
            raise BadInput(where=self.deployment, what="has no table that is a component of it")
        return self.table

    def side(self, region: Region) -> Side:
        """Return the side in a region; StopIteration if there is none."""
        return next(side for side in self.sides if side.region == region)

    def towards(self, region: Region) -> Self:
        """Return the same target with this secondary first. Raises BadInput for a region that is none."""
        chosen = [side for side in self.secondaries if side.region == region]
        if not chosen:
            known = ", ".join(side.region for side in self.secondaries)
            raise BadInput(where=f"--to {region}", what=f"is not a secondary of {self.deployment}: {known}")
        others = (side for side in self.secondaries if side.region != region)
        return replace(self, secondaries=(*chosen, *others))


async def observe_target(
    deployment: str, outputs: Mapping[str, str], services: Mapping[str, Place], clients: Clients
) -> Target:
    """Return the target; `services` says which stack each URL is an output of, by the output's name."""
    _check_named(deployment, outputs, _OUTPUTS)
    urls = ["primaryLambdaUrl", "secondaryLambdaUrl"]
    known = {services[url].site.region for url in urls}
    urls += [name for name in outputs if name.startswith("lambdaUrl.") and name.partition(".")[2] not in known]
    primary, *secondaries = await together(_observe_side(url, outputs, services[url], clients) for url in urls)
    caller = await observe_caller(clients, primary.region)
    return Target(
        deployment=deployment,
        account=caller.account,
        by=caller.arn,
        table=outputs["globalTableName"],
        primary=primary,
        secondaries=tuple(secondaries),
        copies=tuple((primary.region, side.region) for side in secondaries if side.bucket is not None),
    )


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


async def _observe_side(name: str, outputs: Mapping[str, str], service: Place, clients: Clients) -> Side:
    function = await _observe_function(service, clients)
    functions = clients.of(function.site).functions(function.region)
    url = await call(function.where, functions.get_function_url_config, FunctionName=function.name)
    bucket = name.replace("lambdaUrl", "bucketName").replace("LambdaUrl", "BucketName")
    return Side(function=function, url=outputs[name], bucket=outputs.get(bucket), signs=url["AuthType"] == "AWS_IAM")
