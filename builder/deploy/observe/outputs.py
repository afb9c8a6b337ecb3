"""The deployment's public outputs, read from the stacks that hold them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from builder.assembly.components import OutputOf, one_of_each
from builder.aws import Clients, together
from builder.deploy.desired import Deployment
from builder.deploy.observe.stacks import SiteView, of_deployment
from builder.errors import BadInput, Failed, Stopped, gathered
from builder.template import read_template
from builder.terms import Endpoint, Region, StackId, System


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Every public output: in the manifest's order each is one of three."""

    values: Mapping[str, str]
    absent: Mapping[str, str] = field(default_factory=dict)
    """Why an output is not there and need not be: its condition is false."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why an output is not there that should be."""

    def check(self) -> None:
        """Raise Failed, or Several, unless every output is there that should be."""
        if errors := [_failed(name, why) for name, why in self.missing.items()]:
            raise gathered(errors)

    def value(self, name: str) -> str:
        """Return one output. Raises Failed, saying why, for one that is not there."""
        if name not in self.values:
            raise _failed(name, self.absent.get(name) or self.missing[name])
        return self.values[name]


async def observe_every_output(deployment: Deployment, clients: Clients) -> Outputs:
    """Return every public output, those that are not there with the reason. Raises Failed where nothing is deployed."""
    sites = dict.fromkeys(deployment.stack(stack_id).site for stack_id, _ in deployment.outputs.values())
    by_site = await together(SiteView(clients, site).every_stack() for site in sites)
    ours = {
        (stack.site, stack.name): stack.outputs
        for found in by_site
        for stack in of_deployment(found, deployment.name)
        if stack.facts.exists
    }
    if sites and not ours:
        raise not_deployed(deployment.name)
    return find_outputs(deployment, {stack.id: ours.get((stack.site, stack.name)) for stack in deployment.stacks})


def not_deployed(deployment: str) -> Failed:
    """Return the error for who asks about what does not stand anywhere."""
    what = "is not deployed: no region has a stack of it"
    return Failed(where=deployment, what=what, next_step="python -m builder deploy")


async def observe_outputs(deployment: Deployment, clients: Clients) -> Mapping[str, str]:
    """Return every public output that there is. Raises Failed, or Several, for what should be there and is not."""
    found = await observe_every_output(deployment, clients)
    found.check()
    return found.values


async def observe_system(deployment: Deployment, clients: Clients, *, only_primary: bool = False) -> System:
    """Return the deployment's components as they stand; of the primary's function alone without a call elsewhere.

    Raises BadInput where nobody says which region serves, or by which function; Failed for an output that should be
    there.
    """
    roles, name = deployment.roles, deployment.name
    if roles is None:
        raise BadInput(where=name, what="has no roles: its manifest does not say which region is the primary")
    parts = one_of_each(deployment.components, name)
    if parts.function is None:
        raise BadInput(where=name, what="has no component that is a function, by which it would be called")
    wanted = {
        f"{name}: {place}": of.output
        for place, of in parts.outputs.items()
        if not only_primary or place == f"function.url.{roles.primary}"
    }
    values = await observe_outputs(replace(deployment, outputs=wanted), clients)
    known = {output: values[place] for place, output in wanted.items() if place in values}

    def of_regions(bindings: Mapping[Region, OutputOf]) -> dict[Region, OutputOf]:
        return {region: of for region, of in bindings.items() if of.output in known}

    urls, table = of_regions(parts.function.url), parts.table.name if parts.table else None
    buckets = of_regions(parts.bucket.names) if parts.bucket else {}
    return System(
        name=name,
        primary=roles.primary,
        secondaries=roles.secondaries,
        endpoints={region: Endpoint(known[of.output], deployment.places[of.output[0]]) for region, of in urls.items()},
        health=parts.function.health,
        table=known.get(table.output) if isinstance(table, OutputOf) else table,
        buckets={region: known[of.output] for region, of in buckets.items()},
        copies=tuple(way for way in parts.bucket.replication if buckets.keys() >= set(way)) if parts.bucket else (),
    )


def find_outputs(deployment: Deployment, standing: Mapping[StackId, Mapping[str, str] | None]) -> Outputs:
    """Return the public outputs of stacks that show these; None for one that is not deployed."""
    values, absent, missing = {}, {}, {}
    for name, (stack_id, output) in deployment.outputs.items():
        shown = standing[stack_id]
        if shown is None:
            missing[name] = f"is the output {output} of {stack_id}, which is not deployed"
        elif output in shown:
            values[name] = shown[output]
        elif condition := _condition(deployment, stack_id, output):
            absent[name] = f"is the output {output} of {stack_id}, whose condition {condition} is false there"
        else:
            missing[name] = f"is the output {output} of {stack_id}, which is deployed without it"
    return Outputs(values=values, absent=absent, missing=missing)


def taken(value: str, output: OutputOf, where: StackId) -> str:
    """Return an output's value, as a parameter of another stack is given it.

    Raises Stopped where it may be masked: DescribeStacks shows each character beyond ASCII as a `?`
    (aws-cloudformation/cloudformation-coverage-roadmap#1220), and a masked text is never sent again.
    """
    if "?" in value:
        stack_id, name = output.output
        raise Stopped(
            where=where,
            what=f"takes the output {name} of {stack_id}, which shows as '{value}', where a `?` may stand for another "
            "character: it is not sent again",
            next_step=f"export it in {stack_id} and take it with Fn::ImportValue",
        )
    return value


def _condition(deployment: Deployment, stack_id: StackId, output: str) -> str | None:
    """Return the condition that an output is made under, by the template; None where it is made in any case."""
    stack = deployment.stack(stack_id)
    values = {name: value for name, value in stack.parameters.items() if isinstance(value, str)}
    template = read_template(stack.template, stack_id)
    body = template.outputs(template.defaults | values).by_name.get(output)
    return str(body["Condition"]) if isinstance(body, Mapping) and "Condition" in body else None


def _failed(name: str, why: str) -> Failed:
    return Failed(where=name, what=why, next_step="python -m builder deploy")
