"""What is wrong between the keys of dr.yaml, found in the plain data, so that one bad value hides no other fault."""

from collections.abc import Iterator
from typing import Any

from builder.config.fault import Fault
from builder.config.fleet_between import fleet_faults
from builder.config.regions import known_regions

BUILDER_VARIABLES = ("TABLE_NAME", "ROLE", "REGIONS")
# All names and values of a function's variables together.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_VARIABLES_BYTES = 4096

_Said = dict[str, Any]


def faults_between(said: _Said) -> Iterator[Fault]:
    """Yield what is wrong between keys, each fault at the key that is to change."""
    regions = _section(said, "regions")
    primary, secondaries = regions.get("primary"), regions.get("secondaries")
    yield from _regions(primary, secondaries if isinstance(secondaries, list) else [])
    yield from _variables(_section(_section(said, "function"), "environment"))
    for name in _section(said, "tags"):
        if name.lower().startswith(("aws:", "builder:")):
            yield Fault(("tags", name), f"names that begin with {name.partition(':')[0]}: are not yours to give")
    for name, environment in _section(said, "environments").items():
        if isinstance(environment, dict):
            yield from _environment(name, environment, primary)
    if isinstance(fleet := said.get("fleet", {}), dict):
        yield from fleet_faults(fleet, primary)
    elif fleet is None:
        yield Fault(("fleet",), "is empty: say its permission_model, self-managed or service-managed, or leave it out")


def _section(said: _Said, name: str) -> _Said:
    found = said.get(name)
    return found if isinstance(found, dict) else {}


def _regions(primary: object, secondaries: list[object]) -> Iterator[Fault]:
    # A global table, a replication rule and an IAM role all end at the partition's border.
    partitions = known_regions()
    known = [region for region in (primary, *secondaries) if isinstance(region, str) and region in partitions]
    for place, region in enumerate(secondaries):
        if region not in known:
            continue
        if region == primary:
            yield Fault(("regions", "secondaries", place), f"'{region}' is the primary already")
        elif region in secondaries[:place]:
            yield Fault(("regions", "secondaries", place), f"'{region}' is there twice")
        elif (partition := partitions[str(region)]) != (home := partitions[known[0]]):
            what = f"'{region}' is in the partition {partition}, '{known[0]}' in {home}"
            yield Fault(("regions", "secondaries", place), f"{what}: nothing replicates from one to the other")


def _variables(variables: _Said) -> Iterator[Fault]:
    place = ("function", "environment")
    for name in variables:
        if name in BUILDER_VARIABLES:
            yield Fault((*place, name), "is set by the builder")
        elif name.startswith(("AWS_", "LAMBDA_")):
            yield Fault((*place, name), "names that begin with AWS_ or LAMBDA_ are Lambda's own")
    size = sum(len(str(text).encode()) for pair in variables.items() for text in pair)
    if size > _VARIABLES_BYTES:
        yield Fault(place, f"{size:,} bytes of names and values, and Lambda takes {_VARIABLES_BYTES:,}")


def _environment(name: str, said: _Said, primary: object) -> Iterator[Fault]:
    parts = str(said.get("role_arn")).split(":")
    if len(parts) < 6:
        return
    _, partition, _, _, owner, _ = parts[:6]
    account = said.get("account")
    if isinstance(account, str) and account != owner:
        yield Fault(
            ("environments", name, "role_arn"),
            f"is a role of account {owner}, and the environment is of {account}",
        )
    home = known_regions().get(primary) if isinstance(primary, str) else None
    if home and partition != home:
        yield Fault(("environments", name, "role_arn"), f"begins with arn:{partition}:, and '{primary}' is in {home}")
