"""What is built in, in every pair of its options: rendered, linted, deployed on the fake, and nothing to do again."""

import itertools
from dataclasses import replace

import pytest

from answer import ROOT
from builder.assembly.render import make_assembly
from builder.components.function.stacks import writes_to_table
from builder.deploy import Done, make_deployment
from builder.packing.read import Inline
from builder.rehearsal import rehearse_system
from builder.rehearsal.stage import lint
from builder.rehearsal.there_before import check_there, make_there, there_before
from builder.terms import AccountId
from builder.topology.names import table_name
from components.combinations import AT_LEAST, FACTORS, OWN_KEY, combinations, loaded_of
from components.pairwise import Row
from deploy.rig import ACCOUNT, Rig
from rehearsal.transcript import Transcript
from samples import sampled

HANDLERS = {"python": "python/index.py", "nodejs": "nodejs/index.js"}
WELL = {
    "python": "def handler(event, context):\n    return {'statusCode': 200, 'body': '{}'}\n",
    "nodejs": "exports.handler = async () => ({statusCode: 200, body: '{}'});\n",
}
"""A handler that is well and nothing more, by the beginning of a runtime's name."""
ROWS = list(enumerate(combinations()))
# Keys of one's own nobody makes on the embedded AWS.
LIVED = sampled([(number, row) for number, row in ROWS if OWN_KEY not in str(row["encryption"])][::5][:15], every=15)
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
    loaded = loaded_of(row)
    assembly = make_assembly(loaded)
    suffix = "prod" if number % 2 else "dev"
    rig = Rig(deployment=make_deployment(assembly.manifest, assembly.templates, suffix))
    # The user's own keys stand before.
    rig.world.names.update(("AWS::KMS::Alias", ACCOUNT, region, OWN_KEY) for region in loaded.config.regions.all)
    things = there_before(rig.deployment, AccountId(ACCOUNT))
    rig.run(lambda: make_there(things, rig.clients))
    rig.world.settle()
    outcomes = rig.deploy(allow=[thing.where for thing in things])
    assert [outcome for outcome in outcomes if not isinstance(outcome, Done)] == []
    assert len(rig.run(lambda: check_there(things, rig.clients))) == len(things)
    assert len(rig.statuses()) == len(assembly.manifest.stacks)
    again = rig.plan()
    assert (again.change_sets, again.deferred) == ((), ())


@pytest.mark.parametrize(("number", "row"), sampled(ROWS, every=50), ids=sampled(IDS, every=50))
@pytest.mark.usefixtures("linter")
def test_each_is_linted_without_a_finding(number: int, row: Row) -> None:
    findings = lint(make_assembly(loaded_of(row)))
    assert [f"{finding.file}:{finding.line}: {finding.rule} {finding.message}" for finding in findings] == [], number


@pytest.mark.acceptance
@pytest.mark.processes
@pytest.mark.parametrize(("number", "row"), LIVED, ids=[str(number) for number, _ in LIVED])
def test_some_live_their_whole_life_with_data_in_every_region(number: int, row: Row) -> None:
    loaded, suffix, transcript = loaded_of(row), "prod" if number % 2 else "dev", Transcript()
    handlers = {
        name: (ROOT / "lambda" / HANDLERS[kind]).read_text() if writes_to_table(loaded.config, name) else WELL[kind]
        for name, kind in ((name, each.runtime[:6]) for name, each in loaded.config.functions_by_name.items())
    }
    code = {name: Inline(text) for name, text in handlers.items()}
    rehearse_system(replace(loaded, code=code), suffix, transcript.stage())
    shown = "\n".join(transcript.lines)
    orders = table_name(loaded.config, "orders").replace("${EnvironmentSuffix}", suffix)
    for region in loaded.config.regions.all:
        assert (f"api: GET /health in {region} -> 200" in shown) is (loaded.config.functions["api"].auth is not None)
        assert f"put an item into {orders} in {region}" in shown
    assert "nothing is left" in shown
