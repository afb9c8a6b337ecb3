"""The record of a promotion under way. It outlives the run that began it and every checkout of dr.yaml.

It is an SSM parameter of the region that becomes the primary, so that it can be read while the old primary is lost. It
has the decision and the stacks that wait for the lost region. It is written before the first change set of a promotion
is executed and deleted after the last. Every command that may change the table first reads it in all of its regions.

First the record, then what reads, writes and deletes it; last its text.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from builder.assembly.bound import bind_stack
from builder.aws import Clients, call, denied_operation, together
from builder.deploy.desired import Deployment
from builder.deploy.observe.stacks import LAG_S, READ_AGAIN_S, is_ours, observe_stack, unless_lagging
from builder.errors import AwsError, Failed, Stopped
from builder.resource_types import GLOBAL_TABLE
from builder.resource_types.fate import fate_on_deletion
from builder.template import read_template
from builder.terms import Region, Site, StackName

PROMOTION_VERSION = 1
_CHARACTERS = 4096
"""The most that the value of a standard parameter may have.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
"""
_RegionName = Annotated[Region, StringConstraints(pattern=r"^[a-z]{2,3}(-[a-z]+)+-[0-9]+$", max_length=32)]
_Time = Annotated[str, StringConstraints(pattern=r"^[0-9T:.+Z-]+$", max_length=40)]
# A terminal shows the line, so no character of it may move the cursor.
_Line = Annotated[str, StringConstraints(pattern=r"^[ -~]+$", max_length=400)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """The record of a promotion under way: another region of the deployment becomes its primary."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)
    version: int = PROMOTION_VERSION
    deployment: str
    to: _RegionName
    """The region that becomes the primary; the record is there."""
    came_from: _RegionName
    """The primary until then."""
    at: _Time
    """ISO time in UTC at which a person confirmed the promotion."""
    forced: bool = False
    """Whether the old primary was skipped, since it was lost."""
    postponed: tuple[_Line, ...] = ()
    """The stacks whose part of the promotion waits until the old primary answers again."""

    @property
    def site(self) -> Site:
        """The site of the record."""
        return Site(None, self.to)

    @property
    def is_same(self) -> tuple[str, Region, Region]:
        """What two records of one decision have in common, whichever stacks still wait."""
        return self.deployment, self.to, self.came_from

    @property
    def words(self) -> str:
        """The promotion under way, in a sentence without its full stop."""
        return f"{self.to} is being promoted to the primary in place of {self.came_from}, since {self.at}"


def parameter_name(deployment: str) -> str:
    """Return the name of the parameter that holds the record."""
    return f"/builder/{deployment}/promotion"


async def read_promotion(clients: Clients, deployment: str, regions: Iterable[Region]) -> Promotion | None:
    """Return the promotion under way, read concurrently from the records in these regions; None where there is none.

    Raises Stopped for a record that no promotion wrote, or that may not be read, and where two regions have one each.
    Raises AwsError for a region that does not answer: it may have a record.
    """
    return the_one(await together(_read(clients, deployment, region) for region in dict.fromkeys(regions)))


async def observe_promotion(
    clients: Clients, deployment: str, regions: Iterable[Region]
) -> tuple[Promotion | None, Mapping[Region, AwsError]]:
    """Return the promotion as the answering regions show it, and the error of each other region. Raises Stopped."""
    unseen: dict[Region, AwsError] = {}

    async def read(region: Region) -> Promotion | None:
        try:
            return await _read(clients, deployment, region)
        except AwsError as error:
            unseen[region] = error
            return None

    return the_one(await together(read(region) for region in dict.fromkeys(regions))), unseen


def the_one(records: Sequence[Promotion | None]) -> Promotion | None:
    """Return the only record, None where there is none; pure. Raises Stopped where there are several."""
    there = [record for record in records if record is not None]
    if len(there) > 1:
        name = parameter_name(there[0].deployment)
        promotions = "; ".join(record.words for record in there)
        removals = "\n       ".join(_remove(record.to, name) for record in there)
        raise Stopped(
            where=there[0].deployment,
            what=f"two promotions are under way, and one of them is of the past: {promotions}",
            next_step=f"delete the record of the one that nobody wants any more:\n       {removals}",
        )
    return there[0] if there else None


async def find_promotion(clients: Clients, deployment: Deployment) -> Promotion | None:
    """Return the promotion under way, read in the deployment's regions that are not skipped; None where there is none.

    No call is made where no stack has a global table: then there is nothing to promote. Raises what `read_promotion`
    raises, and Stopped where the assembly was made before the promotion.
    """
    if not has_global_table(deployment):
        return None
    promotion = await read_promotion(clients, deployment.name, regions_of_record(deployment))
    check_primary(promotion, deployment)
    return promotion


def regions_of_record(deployment: Deployment) -> tuple[Region, ...]:
    """Return the regions that may have a record of a promotion, without the skipped ones; pure."""
    of_system = deployment.roles.regions if deployment.roles else ()
    every = dict.fromkeys((*deployment.regions, *of_system, *deployment.empty_regions))
    return tuple(region for region in every if region not in deployment.skipped)


def has_global_table(deployment: Deployment) -> bool:
    """Return whether a stack of the deployment, left out ones included, has a table that a promotion moves; pure."""
    return any(GLOBAL_TABLE in stack.template for stack in (*deployment.stacks, *deployment.left_out))


def check_primary(promotion: Promotion | None, deployment: Deployment) -> None:
    """Raise Stopped if a region other than the assembly's primary is being promoted; pure."""
    primary = deployment.roles.primary if deployment.roles else None
    if promotion is None or primary == promotion.to:
        return
    raise Stopped(
        where=deployment.name,
        what=f"{promotion.words}, and here {primary or 'no region'} is the primary: the stacks as they would be made "
        "from here are those of before, and would revert it",
        next_step="take the dr.yaml and templates/ that the promotion wrote, which are to be committed; or\n"
        f"       python -m builder promote {promotion.to}    writes them here too, and goes on with it",
    )


async def check_none(clients: Clients, deployment: str, regions: Iterable[Region]) -> None:
    """Raise Stopped if a promotion is under way: a deletion would find stacks that do not list all of their data."""
    if promotion := await read_promotion(clients, deployment, regions):
        name = parameter_name(deployment)
        raise Stopped(
            where=deployment,
            what=f"{promotion.words}: its tables are in no stack now, and would stay behind, or are in one of before, "
            "and would be deleted with it in every region",
            next_step="python -m builder deploy    carries it to its end; then the same again\n"
            f"       {_remove(promotion.to, name)}    where nobody carries it on: its tables are yours to delete then",
        )


async def write_promotion(clients: Clients, promotion: Promotion) -> None:
    """Write the record over an earlier one of the same decision; write nothing where it is the same.

    Returns once a read shows the record as it was written. Raises Stopped where another promotion has a record.
    """
    name, value = parameter_name(promotion.deployment), _text(promotion)
    where = f"{promotion.to}: {name}"
    ssm, loop = clients.ssm(promotion.to), asyncio.get_running_loop()
    began, is_confirmed = loop.time(), False
    while True:
        record = await _read(clients, promotion.deployment, promotion.to)
        if record == promotion:
            return
        if record is not None and record.is_same != promotion.is_same:
            raise _others(where, record)
        if is_confirmed:
            raise _overwritten(where, "the record of the promotion was written, and does not stand there")
        try:
            await call(
                where,
                ssm.put_parameter,
                Name=name,
                Value=value,
                Type="String",
                Overwrite=record is not None,
                Description="A secondary of this deployment is being promoted: python -m builder status",
            )
            # A read that shows less lags behind; that is certain only after this write.
            clients.memory.parameters[promotion.site, name] = value
            is_confirmed = True
        except AwsError as error:
            # The answer to an earlier request was lost, a read lags behind, or somebody else writes it too.
            if error.code not in _BUSY or loop.time() - began > LAG_S:
                raise
            await asyncio.sleep(READ_AGAIN_S)


async def delete_promotion(clients: Clients, promotion: Promotion) -> None:
    """Delete the record; do nothing where it does not exist. Return once no read shows it any more.

    Raises Stopped where another promotion has a record.
    """
    name = parameter_name(promotion.deployment)
    where = f"{promotion.to}: {name}"
    record = await _read(clients, promotion.deployment, promotion.to)
    if record is not None and record.is_same != promotion.is_same:
        raise _others(where, record)
    ssm, loop = clients.ssm(promotion.to), asyncio.get_running_loop()
    began = loop.time()
    while True:
        try:
            await call(where, ssm.delete_parameter, Name=name)
            break
        except AwsError as error:
            if error.code == _ABSENT:
                break
            if error.code not in _BUSY or loop.time() - began > LAG_S:
                raise
            await asyncio.sleep(READ_AGAIN_S)
    clients.memory.parameters[promotion.site, name] = None
    if await _read(clients, promotion.deployment, promotion.to) is not None:
        raise _overwritten(where, "the record of the promotion was deleted, and is there again")


_ABSENT = "ParameterNotFound"
_BUSY = frozenset({"ParameterAlreadyExists", "TooManyUpdates"})
_RECORD = TypeAdapter(Promotion)


async def _read(clients: Clients, deployment: str, region: Region) -> Promotion | None:
    """Return the record in a region, None where there is none. Repeat a read that contradicts what was written."""
    name, site = parameter_name(deployment), Site(None, region)
    written, ssm = clients.memory.parameters, clients.ssm(region)

    async def read() -> str | None:
        try:
            answer = await call(f"{region}: {name}", ssm.get_parameter, Name=name)
        except AwsError as error:
            if error.code == _ABSENT:
                return None
            raise
        return str(answer["Parameter"]["Value"])

    def is_contradicted(shown: str | None) -> bool:
        return (site, name) in written and shown != written[site, name]

    try:
        shown = await unless_lagging(read, is_contradicted)
    except AwsError as error:
        if denied_operation(error):
            raise Stopped(
                where=f"{region}: {name}",
                what=f"it cannot be known whether a promotion is under way: {error.what}",
            ) from error
        raise
    if is_contradicted(shown):
        del written[site, name]  # somebody else's doing after all
    return None if shown is None else _parsed(shown, deployment, region)


def _parsed(value: str, deployment: str, region: Region) -> Promotion:
    """Return the record in a parameter's value; pure. Raises Stopped if it is invalid: anybody may write it."""
    name, fault = parameter_name(deployment), _version_fault(value)
    if not fault:
        try:
            record = _RECORD.validate_json(value)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            # A key may be any text: characters that would move a terminal's cursor are escaped.
            place = ".".join(str(part) for part in first["loc"]).encode("unicode_escape").decode()
            fault = f"{place}: {first['msg']}"
        else:
            if not (fault := _fault(record, deployment, region)):
                return record
    raise Stopped(
        where=f"{region}: {name}",
        what=f"is no record of a promotion that this builder knows: {fault}",
        next_step=f"aws ssm get-parameter --region {region} --name {name}    shows it\n"
        f"       {_remove(region, name)}    once it is known that no promotion is under way",
    )


def _version_fault(value: str) -> str:
    """Return why a value of this version cannot be read; empty where this builder reads the version."""
    try:
        record = json.loads(value)
    except (ValueError, RecursionError):
        return "it is not JSON"
    version = record.get("version") if isinstance(record, dict) else None
    if isinstance(version, bool) or not isinstance(version, int):
        return "it says no version"
    return (
        "" if version == PROMOTION_VERSION else f"its version is {version}, and this builder reads {PROMOTION_VERSION}"
    )


def _fault(record: Promotion, deployment: str, region: Region) -> str:
    """Return why no promotion can have written this record in the region; empty where one can."""
    if record.deployment != deployment:
        return f"it is of another deployment than {deployment}"
    if record.to != region:
        return f"it promotes {record.to}, and stands in {region}"
    if record.came_from == record.to:
        return "it promotes a region in its own place"
    return ""


def _text(promotion: Promotion) -> str:
    """Return the value of the parameter. Raises Failed where it is too long for one."""
    text = _RECORD.dump_json(promotion).decode()
    if len(text) > _CHARACTERS:
        raise Failed(
            where=parameter_name(promotion.deployment),
            what=f"the record of the promotion would have {len(text):,} characters: a parameter takes {_CHARACTERS:,}",
        )
    return text


def check_same(promotion: Promotion | None, to: Region) -> None:
    """Raise Stopped if another region is being promoted; pure."""
    if promotion is not None and promotion.to != to:
        raise _others(f"{promotion.to}: {parameter_name(promotion.deployment)}", promotion)


def unretained(deployment: Deployment, promotion: Promotion) -> tuple[StackName, ...]:
    """Return the names of the old primary's stacks whose deletion would delete a table; pure.

    They have the names of the promoted region's stacks, whose templates are the same; an older checkout has them too.
    """
    return tuple(
        stack.name
        for stack in (*deployment.stacks, *deployment.left_out)
        if stack.region in {promotion.to, promotion.came_from} and GLOBAL_TABLE in stack.template
        for bound in (bind_stack(read_template(stack.template, stack.id), stack.name, stack.region, stack.parameters),)
        if any(fate_on_deletion(bound.binding.value(body)) != "Retain" for _, body in bound.resources(GLOBAL_TABLE))
    )


async def find_old_primary(clients: Clients, deployment: Deployment) -> Region | None:
    """Return the secondary that has a deployed table stack which the assembly puts into its primary.

    None where there is none: then there is nothing to promote.
    """
    roles = deployment.roles
    if roles is None:
        return None
    tables = [stack for stack in deployment.stacks if stack.region == roles.primary and GLOBAL_TABLE in stack.template]
    places = [(region, stack.name) for region in roles.secondaries for stack in tables]
    deployed = await together(observe_stack(clients, Site(None, region), name) for region, name in places)
    ours = (
        region
        for (region, _), stack in zip(places, deployed, strict=True)
        if stack is not None and stack.facts.exists and is_ours(stack, deployment.name)
    )
    return next(ours, None)


def _others(where: str, promotion: Promotion) -> Stopped:
    return Stopped(
        where=where,
        what=f"another promotion is under way: {promotion.words}",
        next_step="python -m builder deploy    with the dr.yaml of that promotion carries it to its end",
    )


def _overwritten(where: str, what: str) -> Stopped:
    next_step = "python -m builder status    shows what is under way"
    return Stopped(where=where, what=f"{what}: somebody else promotes a region, or ended it", next_step=next_step)


def _remove(region: Region, name: str) -> str:
    return f"aws ssm delete-parameter --region {region} --name {name}"
