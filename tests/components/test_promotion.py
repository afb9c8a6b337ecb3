"""What another primary changes in the templates of everything built in: no key, bucket, function or address is another.

For every combination of options and every secondary, the rendered assembly before and after is compared resource by
resource, each property with the names that it comes to.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from builder.assembly import Assembly
from builder.assembly.bound import Bound, bind_entries
from builder.assembly.render import make_assembly
from builder.config import LoadedConfig
from builder.resource_types.facts import at_stake, create_only, fixed_properties, perhaps_create_only
from builder.terms import Region
from components.combinations import combinations, loaded_of
from components.pairwise import Row
from loaded_config import make_loaded_config
from samples import sampled

TABLE = "AWS::DynamoDB::GlobalTable"
ROWS = list(enumerate(combinations()))
IDS = [str(number) for number, _ in ROWS]
COMES_AND_GOES = frozenset(
    {TABLE, "AWS::IAM::Role", "AWS::CloudWatch::Alarm", "AWS::FIS::ExperimentTemplate"},
)
"""What leaves a region or enters one with the primary: roles of rules, alarms on one-way copies, the experiment."""


@dataclass(frozen=True)
class Made:
    """One resource of one stack, its names resolved."""

    type: str
    name: str | None
    properties: Mapping[str, Any]
    rest: Mapping[str, Any]


Place = tuple[str, str]
"""A stack and a logical id."""


def promoted(loaded: LoadedConfig, to: Region) -> LoadedConfig:
    """What the same dr.yaml asks for after a promotion."""
    before = loaded.config.regions
    changes = {
        "primary": to,
        "secondaries": tuple(before.primary if region == to else region for region in before.secondaries),
        "born": before.born or before.primary,
    }
    return replace(loaded, config=loaded.config.model_copy(update={"regions": before.model_copy(update=changes)}))


def contents(assembly: Assembly) -> dict[Place, Made]:
    return {
        (bound.entry.id, name): Made(
            str(body["Type"]),
            bound.name_of(body),
            {key: _resolved(bound, value) for key, value in body.get("Properties", {}).items()},
            {key: body.get(key) for key in ("DeletionPolicy", "UpdateReplacePolicy", "Condition")},
        )
        for bound in bind_entries(assembly.manifest, assembly.templates)
        for name, body in bound.made(bound.template.resources())
    }


def _resolved(bound: Bound, value: object) -> object:
    if isinstance(value, dict):
        text = bound.text(value)
        return text if text is not None else {key: _resolved(bound, inner) for key, inner in value.items()}
    return [_resolved(bound, inner) for inner in value] if isinstance(value, list) else value


def lasting(type_name: str) -> set[str]:
    """The properties that make another resource of it, or that AWS refuses to change."""
    paths = (*create_only(type_name), *perhaps_create_only(type_name), *fixed_properties(type_name))
    return {path.partition("/")[0] for path in paths}


def faults(before: Mapping[Place, Made], after: Mapping[Place, Made]) -> Iterator[str]:
    """Yield all that a promotion must not do, of two assemblies."""
    for place in before.keys() & after.keys():
        old, new = before[place], after[place]
        if old.type != new.type or old.rest != new.rest:
            yield f"{place}: {old.type} {old.rest} becomes {new.type} {new.rest}"
        if differ := {key for key in lasting(old.type) if old.properties.get(key) != new.properties.get(key)}:
            yield f"{place}: {old.type} would be another one by {', '.join(sorted(differ))}"
    left, entered = before.keys() - after.keys(), after.keys() - before.keys()
    for place in left | entered:
        made = before.get(place) or after[place]
        if made.type not in COMES_AND_GOES or (made.type != TABLE and at_stake(made.type)):
            yield f"{place}: {made.type} leaves or enters a stack"
    names = _names(before, left)
    moved = names & _names(after, entered)
    yield from (f"{name} moves, and is no table" for type_name, name, _ in moved if type_name != TABLE)
    if {name for name in names if name[0] == TABLE} != {name for name in moved if name[0] == TABLE}:
        yield f"of the tables that leave their stacks not all enter another: {names}, {moved}"


def _names(made: Mapping[Place, Made], places: Iterable[Place]) -> set[tuple[str, str, str]]:
    """The physical names of these, in the space in which each is unique: a table's is in all regions at once."""
    return {
        (made[place].type, name, "" if made[place].type == TABLE else place[0].partition("/")[0])
        for place in places
        if (name := made[place].name)
    }


@pytest.mark.slow
@pytest.mark.parametrize(("number", "row"), sampled(ROWS, every=20), ids=sampled(IDS, every=20))
def test_nothing_that_holds_data_or_an_address_is_another_one_and_only_tables_move(number: int, row: Row) -> None:
    loaded = loaded_of(row)
    before = contents(make_assembly(loaded))
    assert before, number
    for to in loaded.config.regions.secondaries:
        after = contents(make_assembly(promoted(loaded, to)))
        assert list(faults(before, after)) == [], to


def test_a_fault_is_seen() -> None:
    loaded = make_loaded_config()
    before = contents(make_assembly(loaded))
    unborn = promoted(loaded, Region("us-west-2"))
    regions = unborn.config.regions.model_copy(update={"born": None})
    after = contents(make_assembly(replace(unborn, config=unborn.config.model_copy(update={"regions": regions}))))
    text = "\n".join(faults(before, after))
    assert "AWS::Lambda::Function would be another one by FunctionName" in text
    assert "AWS::Logs::LogGroup would be another one by LogGroupName" in text


EVERYTHING: dict[str, Any] = {
    "encryption": {"key": "managed"},
    "drill": {"fis": True},
    "alarms": {},
    "buckets": {"mirror": {"replication": "two-way"}, "notes": {"replication": "none"}, "log": {"backfill": True}},
    "tables": {"orders": {"key": {"id": "S"}}},
    "functions": {"api": {"uses": {"orders": "read_write", "mirror": "read"}}},
}


def stacks(loaded: LoadedConfig) -> dict[str, tuple[object, ...]]:
    """Every stack of the assembly: its template's bytes, its parameters, what it is to have."""
    made = make_assembly(loaded)
    return {
        entry.id: (made.templates[entry.template], entry.parameters, entry.tags, entry.interim)
        for entry in made.manifest.stacks
    }


def test_which_stacks_change_is_a_table() -> None:
    loaded = make_loaded_config(**EVERYTHING)
    before, after = stacks(loaded), stacks(promoted(loaded, Region("us-west-2")))
    changed = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    assert before.keys() - after.keys() == {"us-east-1/table", "us-east-1/orders", "us-east-1/drill"}
    assert after.keys() - before.keys() == {"us-west-2/table", "us-west-2/orders", "us-west-2/drill"}
    # The key stays at home, a pair that replicates both ways and one that does not are nothing to it.
    assert {name.partition("/")[2] for name in changed} == {"service", "api", "storage", "log", "alarms"}
    assert len(changed) == 10


@pytest.mark.parametrize("secondaries", [["us-west-2"], ["us-west-2", "eu-west-1", "ap-south-1"]])
def test_back_again_every_template_is_as_before(secondaries: list[str]) -> None:
    loaded = make_loaded_config(regions={"primary": "us-east-1", "secondaries": secondaries}, **EVERYTHING)
    for to in secondaries:
        there = promoted(loaded, Region(to))
        assert stacks(promoted(there, Region("us-east-1"))) == stacks(loaded)
        mirror = {name: stack for name, stack in stacks(loaded).items() if name.endswith(("/mirror", "/key", "/notes"))}
        assert {name: stack for name, stack in stacks(there).items() if name in mirror} == mirror


def test_functions_url_and_log_group_are_called_as_on_the_first_day() -> None:
    loaded = make_loaded_config(**EVERYTHING)
    kinds = {"AWS::Lambda::Function", "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::KMS::Alias", "AWS::Lambda::Url"}

    def named(loaded: LoadedConfig) -> dict[Place, str | None]:
        made = contents(make_assembly(loaded))
        return {place: resource.name for place, resource in made.items() if resource.type in kinds}

    assert named(promoted(loaded, Region("us-west-2"))) == named(loaded)
    assert named(loaded)["us-west-2/service", "Function"] == "tap-${EnvironmentSuffix}-secondary"
