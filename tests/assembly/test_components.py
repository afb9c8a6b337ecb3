"""Roles and components: as the renderer writes them, derived for manifests of version 1, and what they may say."""

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answer import ROOT
from assembly.stacks import entry, manifest
from builder.assembly import Manifest
from builder.assembly.components import (
    Alarms,
    Bucket,
    Component,
    FunctionComponent,
    OutputOf,
    Roles,
    Table,
    bind_components,
    choose,
    narrow_components,
    one_of_each,
    stacks_of_functions,
)
from builder.assembly.manifest import bind, make_schema, read_manifest, write_manifest
from builder.errors import BadInput
from builder.terms import Region, StackId

EAST, WEST, NORTH = Region("us-east-1"), Region("us-west-2"), Region("eu-north-1")
ASSEMBLIES = sorted([ROOT / "templates", *(ROOT / "tests" / "golden").glob("*/templates")])
WHOLE = [folder for folder in ASSEMBLIES if "globalTableName" in (folder / "manifest.json").read_text()]
"""Those that version 1 could say: with the reference system's table, function and bucket."""
Json = dict[str, Any]


def output(region: str, stack: str, name: str) -> OutputOf:
    return OutputOf((StackId(f"{region}/{stack}"), name))


URL, NAME = partial(output, stack="service", name="FunctionUrl"), partial(output, stack="storage", name="BucketName")


def as_first(made: Manifest) -> bytes:
    """Return the bytes that the renderer of manifest version 1 wrote."""
    data: Json = json.loads(write_manifest(made))
    first = {"version": 1, **{key: data[key] for key in ("project", "stacks", "outputs")}}
    return json.dumps(first, indent=2).encode() + b"\n"


def read(data: bytes) -> Manifest:
    return read_manifest(data, where="manifest.json")


@pytest.mark.parametrize("folder", WHOLE, ids=lambda folder: folder.parent.name)
def test_a_rendered_manifest_of_version_1_means_what_version_2_says(folder: Path) -> None:
    made = read((folder / "manifest.json").read_bytes())
    first = read(as_first(made))
    table = Component(table=Table(name=OutputOf(made.outputs["globalTableName"]), regions=made.roles.regions))  # type: ignore[union-attr]  # rendered
    assert first.roles == made.roles
    assert first.components == {**made.components, "table": table}
    assert list(first.components["function"].regions) == list(made.components["function"].regions)


@pytest.mark.parametrize("folder", ASSEMBLIES, ids=lambda folder: folder.parent.name)
def test_the_digest_is_of_what_is_deployed_and_that_of_version_1(folder: Path) -> None:
    made = read((folder / "manifest.json").read_bytes())
    assert made.digest() == read(as_first(made)).digest() == hashlib.sha256(as_first(made)).hexdigest()


@pytest.mark.parametrize("folder", ASSEMBLIES, ids=lambda folder: folder.parent.name)
def test_what_is_rendered_keeps_to_the_schema(folder: Path) -> None:
    schema = jsonschema.Draft202012Validator(json.loads(make_schema()))
    schema.validate(json.loads((folder / "manifest.json").read_bytes()))
    assert not schema.is_valid(json.loads(manifest_with("components", "items", be={})))
    assert not schema.is_valid(json.loads(manifest_with("roles", "primary", be=1)))


def test_the_documentation_s_example_is_one() -> None:
    page = (ROOT / "docs" / "assembly.md").read_text()
    example = json.loads("{" + page.split("## Roles and components")[1].split("```json\n")[1].split("```")[0] + "}")
    stacks = [entry(f"{region}/{kind}") for region in (EAST, WEST, "eu-west-1") for kind in ("app", "files")]
    made = read(json.dumps(json.loads(write_manifest(manifest(*stacks))) | example).encode())
    assert [component.kinds for component in made.components.values()] == [
        ("table",),
        ("function",),
        ("bucket",),
        ("alarms",),
    ]


def test_a_fleet_s_own_manifest_has_no_components() -> None:
    made = read((ROOT / "tests/golden/fleet_self_managed/templates/fleet/manifest.json").read_bytes())
    assert (made.roles, made.components) == (None, {})
    assert b'"roles"' not in write_manifest(made)


_STACKS = tuple(
    entry(f"{region}/{kind}") for region in (EAST, WEST, NORTH) for kind in ("service", "storage", "table", "own")
)


def first(**outputs: tuple[str, str]) -> Manifest:
    """Return a manifest of version 1 with these outputs, a name's dots written as two underscores."""
    manifest_outputs = {name.replace("__", "."): (StackId(stack), of) for name, (stack, of) in outputs.items()}
    return read(as_first(manifest(*_STACKS, outputs=manifest_outputs)))


U, B, T = "FunctionUrl", "BucketName", "TableName"


@pytest.mark.parametrize(
    ("outputs", "roles", "components"),
    [
        ({}, None, {}),
        ({"topic": ("us-east-1/own", "Arn")}, None, {}),
        (
            {"globalTableName": ("us-east-1/table", T)},
            None,
            {"table": Component(table=Table(name=output(EAST, "table", T), regions=(EAST,)))},
        ),
        (
            {"primaryLambdaUrl": ("us-west-2/service", U)},
            Roles(primary=WEST),
            {"function": Component(function=FunctionComponent(url={WEST: URL(WEST)}))},
        ),
        # A table beside two URLs, no bucket; the secondary's is said first.
        (
            {
                "secondaryLambdaUrl": ("us-east-1/service", U),
                "primaryLambdaUrl": ("us-west-2/service", U),
                "globalTableName": ("us-west-2/table", T),
            },
            Roles(primary=WEST, secondaries=(EAST,)),
            {
                "table": Component(table=Table(name=output(WEST, "table", T), regions=(WEST, EAST))),
                "function": Component(function=FunctionComponent(url={WEST: URL(WEST), EAST: URL(EAST)})),
            },
        ),
        # Buckets alone, two ways out of the primary.
        (
            {
                "primaryBucketName": ("us-east-1/storage", B),
                "secondaryBucketName": ("us-west-2/storage", B),
                "bucketName__us-east-1": ("us-east-1/storage", B),
                "bucketName__us-west-2": ("us-west-2/storage", B),
                "bucketName__eu-north-1": ("eu-north-1/storage", B),
            },
            Roles(primary=EAST, secondaries=(WEST, NORTH)),
            {
                "bucket": Component(
                    bucket=Bucket(
                        names={EAST: NAME(EAST), WEST: NAME(WEST), NORTH: NAME(NORTH)},
                        replication=((EAST, WEST), (EAST, NORTH)),
                    )
                )
            },
        ),
        # Both in one region: there is nothing that takes over.
        (
            {"primaryLambdaUrl": ("us-east-1/service", U), "secondaryLambdaUrl": ("us-east-1/own", U)},
            Roles(primary=EAST),
            {"function": Component(function=FunctionComponent(url={EAST: URL(EAST)}))},
        ),
        # What `call` found by the end of the name, without anybody having a role.
        (
            {"adminLambdaUrl": ("us-west-2/own", "Url"), "otherLambdaUrl": ("us-west-2/service", U)},
            None,
            {"function": Component(function=FunctionComponent(url={WEST: output(WEST, "own", "Url")}))},
        ),
        # A stack's region counts, not what an output is called; a bucket of another kind is none that replicates.
        (
            {
                "primaryLambdaUrl": ("us-east-1/service", U),
                "lambdaUrl__eu-west-9": ("us-west-2/service", U),
                "logsBucketName": ("us-east-1/storage", B),
            },
            Roles(primary=EAST, secondaries=(WEST,)),
            {"function": Component(function=FunctionComponent(url={EAST: URL(EAST), WEST: URL(WEST)}))},
        ),
    ],
)
def test_a_manifest_of_version_1_that_others_wrote_is_read(
    outputs: dict[str, tuple[str, str]], roles: Roles | None, components: dict[str, Component]
) -> None:
    made = first(**outputs)
    assert (made.version, made.roles, made.components) == (2, roles, components)
    assert read(write_manifest(made)) == made


_NAMES = (
    *("primaryLambdaUrl", "secondaryLambdaUrl", "lambdaUrl.us-east-1", "lambdaUrl.eu-north-1", "myLambdaUrl"),
    *("globalTableName", "primaryBucketName", "secondaryBucketName", "bucketName.eu-north-1", "vpc"),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(_NAMES), st.sampled_from([stack.id for stack in _STACKS])))
def test_no_manifest_that_could_be_read_is_refused_for_what_is_derived(outputs: dict[str, StackId]) -> None:
    manifest_outputs = {name: (stack, "Out") for name, stack in outputs.items()}
    made = read(as_first(manifest(*_STACKS, outputs=manifest_outputs)))
    assert read(write_manifest(made)) == made
    for component in made.components.values():
        assert {of.output for of in component.outputs.values()} <= set(manifest_outputs.values())


SOUND: Json = {
    "roles": {"primary": EAST, "secondaries": [WEST]},
    "components": {
        "items": {"table": {"name": "tap-${EnvironmentSuffix}-items", "regions": [EAST, WEST]}},
        "api": {
            "function": {
                "url": {region: {"output": [f"{region}/service", "Url"]} for region in (EAST, WEST)},
                "health": "/up",
            }
        },
        "files": {
            "bucket": {
                "names": {region: {"output": [f"{region}/storage", "Name"]} for region in (EAST, WEST)},
                "replication": [[EAST, WEST], [WEST, EAST]],
            }
        },
        "pager": {
            "alarms": {
                "topic": "tap-${EnvironmentSuffix}-pager",
                "service": {EAST: ["tap-${EnvironmentSuffix}-errors"], WEST: ["tap-${EnvironmentSuffix}-errors"]},
                "replication": {EAST: ["tap-${EnvironmentSuffix}-late"]},
            }
        },
    },
}


def manifest_with(*path: str | int, be: object) -> bytes:
    """Return a sound manifest's bytes with one thing changed."""
    whole: Json = json.loads(write_manifest(manifest(*(stack for stack in _STACKS if stack.region != NORTH))))
    whole |= json.loads(json.dumps(SOUND))
    place: Any = whole
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = be
    return json.dumps(whole).encode()


def test_what_people_say_of_stacks_of_their_own_is_read() -> None:
    made = read(manifest_with("project", be="tap"))
    assert made.components["items"].table == Table(name="tap-${EnvironmentSuffix}-items", regions=(EAST, WEST))
    assert made.components["api"].function == FunctionComponent(
        url={region: output(region, "service", "Url") for region in (EAST, WEST)}, health="/up"
    )
    assert read(write_manifest(made)) == made


@pytest.mark.parametrize(
    ("path", "be", "fault"),
    [
        (
            "roles.primary",
            "eu-west-9",
            "roles.primary: neither a stack nor a replica is in eu-west-9; they are in us-east-1, us-west-2",
        ),
        ("roles.secondaries", [WEST, WEST], "roles.secondaries.1: us-west-2 is roles.secondaries.0 already"),
        ("roles.secondaries", [EAST, WEST], "roles.secondaries.0: us-east-1 is roles.primary already"),
        ("roles.tertiary", "x", "roles.tertiary: Unexpected keyword argument"),
        ("version", 1, "version: 1 has neither roles nor components; with them it is 2"),
        ("components.1st", SOUND["components"]["items"], "components.1st: is no name for a component: letters"),
        (
            "components.items",
            {},
            "components.items: says nothing, and a component is a table, a function, a bucket or al",
        ),
        (
            "components.items.bucket",
            SOUND["components"]["files"]["bucket"],
            "components.items: says table and bucket, and a component is a table, a function, a bucket or alarms",
        ),
        ("components.items.queue", {}, "components.items.queue: Unexpected keyword argument"),
        (
            "components.items.table.regions",
            [EAST, "eu-west-9"],
            "components.items.table.regions: eu-west-9 is neither the primary nor a secondary; these are us-east-1, us",
        ),
        ("components.items.table.regions", [], "components.items.table.regions: names no region"),
        (
            "components.items.table.regions",
            [EAST, WEST, EAST],
            "components.items.table.regions: us-east-1 is there more than once",
        ),
        (
            "components.items.table.name",
            "my table",
            "components.items.table.name: 'my table' cannot be a table's name",
        ),
        (
            "components.items.table.name",
            "x" * 219 + "${EnvironmentSuffix}",
            "components.items.table.name: 'xxx",
        ),
        (
            "components.items.table.name",
            {"output": ["us-east-1/gone", "Name"]},
            "components.items.table.name: is taken from us-east-1/gone, which is not in the assembly",
        ),
        (
            "components.api.function.url.us-west-2",
            {"output": ["us-west-2/gone", "Url"]},
            "components.api.function.url.us-west-2: is taken from us-west-2/gone, which is not in the assembly",
        ),
        (
            "components.api.function.url.us-west-2",
            {"output": ["us-east-1/service", "Url"]},
            "components.api.function.url.us-west-2: is taken from us-east-1/service, which is in us-east-1",
        ),
        (
            "components.api.function.url.us-west-2",
            "https://shop.test",
            "components.api.function.url.us-west-2: Input should be an object",
        ),
        ("components.api.function.url", {}, "components.api.function.url: names no region"),
        ("components.api.function.health", "up", "components.api.function.health: 'up' is no path"),
        (
            "components.files.bucket.replication",
            [[EAST, NORTH]],
            "components.files.bucket.replication.0: the component has no bucket in eu-north-1",
        ),
        (
            "components.files.bucket.replication",
            [[EAST, WEST], [WEST, WEST]],
            "components.files.bucket.replication.1: leads from us-west-2 to itself",
        ),
        (
            "components.files.bucket.replication",
            [[EAST, WEST], [EAST, WEST]],
            "components.files.bucket.replication.1: us-east-1 to us-west-2 is there already",
        ),
        ("components.files.bucket.replication", [[EAST]], "components.files.bucket.replication.0.1: Field required"),
        (
            "components.pager.alarms",
            {"topic": "t", "service": {}},
            "components.pager.alarms.service: names no region",
        ),
        (
            "components.pager.alarms.replication",
            {NORTH: ["late"]},
            "components.pager.alarms.replication: eu-north-1 is neither the primary nor a secondary",
        ),
        (
            "components.pager.alarms.topic",
            "arn:aws:sns:us-east-1:111122223333:t",
            "components.pager.alarms.topic: 'arn:aws:sns:us-east-1:111122223333:t' cannot be a topic's name",
        ),
        (
            "components.pager.alarms.service.us-west-2",
            ["x" * 219 + "${EnvironmentSuffix}"],
            "components.pager.alarms.service.us-west-2: 'xxx",
        ),
        (
            "components.pager.alarms.service.us-east-1",
            ["tap-${EnvironmentSuffix}-late"],
            "components.pager.alarms.service.us-east-1: 'tap-${EnvironmentSuffix}-late' is there more than once",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(path: str, be: object, fault: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(manifest_with(*path.split("."), be=be))
    first_line = str(caught.value).splitlines()[0]
    assert first_line.startswith(f"manifest.json: {fault}")


def test_components_may_be_said_without_roles_and_then_name_regions_with_stacks() -> None:
    assert read(manifest_with("roles", be=None)).roles is None
    whole = json.loads(manifest_with("roles", be=None))
    whole["components"]["items"]["table"]["regions"] = [EAST, "eu-west-9"]
    with pytest.raises(BadInput, match=r"items.table.regions: eu-west-9 has no stack; these have us-east-1, us-west-2"):
        read(json.dumps(whole).encode())


SOUND_COMPONENTS = read(manifest_with("project", be="tap")).components


def test_a_table_s_name_is_bound_to_the_environment() -> None:
    bound = bind_components(SOUND_COMPONENTS, partial(bind, suffix="pr-1"))
    assert bound["items"].table == Table(name="tap-pr-1-items", regions=(EAST, WEST))
    assert bound["api"] == SOUND_COMPONENTS["api"]


def test_alarms_are_bound_to_the_environment_with_their_topic() -> None:
    bound = bind_components(SOUND_COMPONENTS, partial(bind, suffix="pr-1"))["pager"].alarms
    assert bound == Alarms(
        topic="tap-pr-1-pager",
        service={EAST: ("tap-pr-1-errors",), WEST: ("tap-pr-1-errors",)},
        replication={EAST: ("tap-pr-1-late",)},
    )
    assert bound.names(EAST) == ("tap-pr-1-errors", "tap-pr-1-late")
    assert bound.names(NORTH) == ()


def test_skipped_regions_are_left_out_and_what_only_they_tell_goes_with_them() -> None:
    stacks = [stack.id for stack in _STACKS if stack.region == WEST]
    left = narrow_components(SOUND_COMPONENTS, stacks, [EAST])
    assert {name: component.regions for name, component in left.items()} == dict.fromkeys(
        ("items", "api", "files", "pager"), (WEST,)
    )
    assert left["files"].bucket == Bucket(names={WEST: output(WEST, "storage", "Name")})
    bound = {"items": Component(table=Table(name=output(EAST, "table", "Name"), regions=(EAST, WEST)))}
    assert narrow_components(bound, stacks, [EAST]) == {}
    assert stacks_of_functions(left) == (StackId("us-west-2/service"),)


def test_of_several_of_a_kind_the_one_of_that_name_makes_the_system() -> None:
    api = SOUND_COMPONENTS["api"]
    assert one_of_each(SOUND_COMPONENTS, "tap-dev") == Component(
        table=SOUND_COMPONENTS["items"].table,
        function=api.function,
        bucket=SOUND_COMPONENTS["files"].bucket,
        alarms=SOUND_COMPONENTS["pager"].alarms,
    )
    other = Component(function=FunctionComponent(url={EAST: output(EAST, "own", "Url")}))
    assert one_of_each({"api": api, "function": other}, "tap-dev") == other
    with pytest.raises(BadInput, match="tap-dev: has 2 components that are a function, api, admin, and none of them"):
        one_of_each({"api": api, "admin": other}, "tap-dev")


def test_named_ones_stand_alone_of_their_kinds() -> None:
    admin = Component(function=FunctionComponent(url={EAST: output(EAST, "own", "Url")}))
    several = {**SOUND_COMPONENTS, "admin": admin}
    assert choose(several, (), "drill.components") == several
    assert [*choose(several, ("admin",), "--component")] == ["items", "files", "pager", "admin"]
    assert [*choose(several, ("api", "items"), "--component")] == ["items", "api", "files", "pager"]
    with pytest.raises(BadInput, match=r"--component: 'amin': there is no such component \(did you mean admin\?\)"):
        choose(several, ("amin",), "--component")
    with pytest.raises(BadInput, match="'api' and 'admin' are both a function: name one of a kind"):
        choose(several, ("api", "admin"), "--component")
