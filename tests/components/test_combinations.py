"""What is built in, in every pair of its options: rendered, linted, deployed on the fake, and nothing to do again."""

import itertools

import pytest

from builder.assembly.render import make_assembly
from builder.deploy import Done, make_deployment
from builder.rehearsal.stage import lint
from components.combinations import AT_LEAST, FACTORS, OWN_KEY, combinations, wanted_of
from components.pairwise import Row
from deploy.rig import ACCOUNT, Rig
from samples import sampled

ROWS = list(enumerate(combinations()))
IDS = [str(number) for number, _ in ROWS]


def test_every_two_values_meet() -> None:
    rows = combinations()
    assert len(rows) >= AT_LEAST
    for first, second in itertools.combinations(FACTORS, 2):
        met = [(row[first], row[second]) for row in rows]
        assert all((a, b) in met for a in FACTORS[first] for b in FACTORS[second]), (first, second)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "row"), sampled(ROWS, every=10), ids=sampled(IDS, every=10))
def test_each_is_deployed_and_then_there_is_nothing_to_do(number: int, row: Row) -> None:
    wanted = wanted_of(row)
    assembly = make_assembly(wanted)
    suffix = "prod" if number % 2 else "dev"
    rig = Rig(deployment=make_deployment(assembly.manifest, assembly.templates, suffix))
    # The user's own keys stand before.
    rig.world.names.update(("AWS::KMS::Alias", ACCOUNT, region, OWN_KEY) for region in wanted.config.regions.all)
    assert [outcome for outcome in rig.deploy() if not isinstance(outcome, Done)] == []
    assert len(rig.statuses()) == len(assembly.manifest.stacks)
    again = rig.plan()
    assert (again.change_sets, again.deferred) == ((), ())


@pytest.mark.parametrize(("number", "row"), sampled(ROWS, every=20), ids=sampled(IDS, every=20))
@pytest.mark.usefixtures("linter")
def test_each_is_linted_without_a_finding(number: int, row: Row) -> None:
    findings = lint(make_assembly(wanted_of(row)))
    assert [f"{found.file}:{found.line}: {found.rule} {found.message}" for found in findings] == [], number
