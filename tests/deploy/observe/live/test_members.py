"""What DescribeTable may answer, by botocore's model, against what is known of it."""

from collections.abc import Iterator

import botocore.session
from botocore.model import ListShape, Shape, StructureShape

from builder.deploy.observe.live.members import FACTS, JUDGED, STATED, unknown_members
from deploy.observe.live.seen import EAST, WEST, described, index, members

# Of botocore 1.44: the pinned one does not know it yet.
NEWER = {"DisassociationProtectionEnabled"}


def leaves(shape: Shape, path: str = "", above: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the path of every member that holds a value."""
    if isinstance(shape, ListShape):
        yield from leaves(shape.member, path, above)
    elif isinstance(shape, StructureShape) and shape.name not in above:
        for name, member in shape.members.items():
            yield from leaves(member, f"{path}.{name}" if path else name, (*above, shape.name))
    else:
        yield path


def model() -> list[str]:
    table = botocore.session.get_session().get_service_model("dynamodb").shape_for("TableDescription")
    return list(leaves(table))


def test_each_member_of_a_table_is_said_judged_or_no_template_s_business() -> None:
    known = {*STATED, *JUDGED, *FACTS}
    assert len(known) == len(STATED) + len(JUDGED) + len(FACTS)
    paths = model()
    assert len(paths) > 80

    of = {path: [member for member in known if path == member or path.startswith(f"{member}.")] for path in paths}

    assert {path: matches for path, matches in of.items() if len(matches) != 1} == {}
    assert known - {member for matches in of.values() for member in matches} <= NEWER


def test_a_member_that_nobody_knows_is_told_by_its_path_once() -> None:
    table = described(
        EAST,
        Replicas=members(EAST, WEST, Tide="HIGH"),
        GlobalSecondaryIndexes=[index("by_status", "status", Depth={"Metres": 3})],
        Colour="green",
        Shade={},
    )

    assert unknown_members(table) == ("Replicas.Tide", "GlobalSecondaryIndexes.Depth.Metres", "Colour")
