"""A system of somebody's own templates lives the same life."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from answer import ROOT
from builder.assembly.render import make_assembly
from builder.config import LoadedConfig, load_config
from builder.errors import BadInput, Failed
from builder.rehearsal import rehearse_fleet, rehearse_system
from builder.rehearsal.life import make_change, with_stand_ins
from builder.rehearsal.stage import render_and_lint
from builder.template import read_template
from rehearsal.transcript import Transcript

EXAMPLE = ROOT / "docs" / "examples" / "own" / "dr.yaml"
TOPIC = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties: {DisplayName: Told}\n"
Write = Callable[..., LoadedConfig]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a dr.yaml of the project `own` in two regions, with its templates, and reads it."""

    def written(sections: str, **templates: str) -> LoadedConfig:
        for name, text in templates.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        regions = "regions: {primary: us-east-1, secondaries: [us-west-2]}"
        (tmp_path / "dr.yaml").write_text(f"project: own\nenvironment: dev\n{regions}\n{sections}")
        return load_config(tmp_path / "dr.yaml")

    return written


@pytest.mark.processes
def test_the_example_lives_its_whole_life(transcript: Transcript) -> None:
    rehearse_system(load_config(EXAMPLE), "dev", transcript.stage())
    assert transcript.chapters == [
        "render",
        "lint",
        "an AWS of our own",
        "plan",
        "execute",
        "use",
        "plan again, nothing changed",
        "update: one more output in the template of network",
        "drift: one thing is changed behind CloudFormation's back",
        "destroy, with all that is in it",
    ]
    shown = "\n".join(transcript.lines)
    assert "cfn-lint, information included: no findings" in shown
    assert "6 change sets stand in review" in shown
    assert "us-west-2/service: its change set is made during the execution: takes an output of us-west-2/" in shown
    assert "put an item into shop-dev-orders in us-west-2, key customer, placed_at\ngot it in us-east-1" in shown
    assert "api: GET /health in us-west-2 -> 200" in shown
    assert "us-west-2/network: outputs alone" in shown
    assert "8 stacks: 1 drifted" in shown
    assert "8 stacks are gone, nothing is left" in shown


@pytest.mark.processes
def test_protected_stacks_nothing_to_use_and_nothing_to_change_by_hand_are_said_in_words(
    write: Write, transcript: Transcript
) -> None:
    secret = "Transform: AWS::LanguageExtensions\nParameters:\n  Secret: {Type: String, NoEcho: true, MinLength: 12}\n"
    vpc = f"{secret}Resources:\n  Vpc:\n    Type: AWS::EC2::VPC\n    Properties: {{CidrBlock: 10.0.0.0/16}}\n"
    topic = "Parameters: {Unused: {Type: String, Default: x}}\nResources: {Topic: {Type: AWS::SNS::Topic}}\n"
    sections = "termination_protection: true\nartifacts_bucket: mine-{region}\nstacks:\n"
    sections += "  net: {template: vpc.yaml, parameters: {Secret: {previous: true}}}\n"
    sections += "  note: {template: topic.yaml, regions: primary, termination_protection: false}\n"
    rehearse_system(write(sections, vpc=vpc, topic=topic), "dev", transcript.stage())
    shown = "\n".join(transcript.lines)
    assert "us-west-2/net: Secret would keep what the stack has; none stands, so by a stand-in" in shown
    assert "us-west-2: bucket mine-us-west-2, as dr.yaml takes it for granted" in shown
    assert "1 change set stands in review, and no stack exists yet" in shown
    assert "no component says what could be called or written to" in shown
    assert "nothing is: no template says anything of what is changed by hand here (Value of AWS::SSM::Param" in shown
    assert "lifted: us-east-1/net/TerminationProtection\nlifted: us-west-2/net/TerminationProtection" in shown
    assert "3 stacks are gone" in shown
    counts = "cfn-lint: no errors, 1 warning, 0 for information; they are told by: python -m builder lint"
    assert counts in transcript.lines


@pytest.mark.usefixtures("linter")
def test_an_error_in_a_template_of_one_s_own_ends_the_rehearsal(write: Write, transcript: Transcript) -> None:
    broken = write("stacks: {note: {template: topic.yaml}}", topic=TOPIC.replace("Told", "{a: b}"))
    with pytest.raises(Failed, match="E3012"):
        render_and_lint(broken, transcript.append)


def test_the_change_is_one_more_output_in_a_stack_that_no_other_takes_anything_of(write: Write) -> None:
    loaded = write(
        "stacks:\n  a: {template: topic.yaml, regions: primary}\n  b: {template: topic.yaml, needs: [us-east-1/a]}\n"
        "  c: {template: topic.yaml, regions: primary, needs: [b]}\n  d: {template: topic.yaml}",
        topic=TOPIC + "Outputs: {Rehearsed1: {Value: mine}}\n",
    )
    assembly = make_assembly(loaded)
    change = make_change(loaded, assembly)
    assert change.stacks == ("us-east-1/d", "us-west-2/d")
    for old, new in zip(assembly.manifest.stacks, change.assembly.manifest.stacks, strict=True):
        is_changed = new.id in change.stacks
        assert (old.sha256 != new.sha256) is is_changed
        outputs = {"Rehearsed1": {"Value": "mine"}} | ({"Rehearsed2": {"Value": "yes"}} if is_changed else {})
        assert read_template(change.assembly.templates[new.template]).section("Outputs") == outputs


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("Type: String", "rehearsed"),
        ("Type: String, MinLength: 12", "rehearsedddd"),
        ("Type: String, MaxLength: 4", "rehe"),
        ("Type: String, AllowedValues: [b, a]", "b"),
        ("Type: String, Default: c", "c"),
        ("Type: Number", "1"),
        ("Type: Number, MinValue: 7", "7"),
    ],
)
def test_what_keeps_its_previous_value_gets_one_that_its_parameter_takes(
    write: Write, declared: str, value: str
) -> None:
    loaded = write(
        "stacks: {note: {template: topic.yaml, parameters: {Kept: {previous: true}}}}",
        topic=f"Parameters:\n  Kept: {{{declared}}}\n{TOPIC}",
    )
    assembly = with_stand_ins(make_assembly(loaded))
    assert {entry.parameters["Kept"] for entry in assembly.manifest.stacks} == {value}


def test_a_fleet_s_life_takes_the_built_in_function(write: Write, transcript: Transcript) -> None:
    loaded = write("stacks: {note: {template: topic.yaml}}", topic=TOPIC)
    with pytest.raises(BadInput, match="built-in function with its table"):
        rehearse_fleet(replace(loaded), "dev", transcript.stage())
