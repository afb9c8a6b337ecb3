from dataclasses import replace

import pytest

from builder.config import LoadedConfig
from builder.config.model import EnvironmentConfig
from builder.errors import Failed
from builder.packing.read import Inline
from builder.rehearsal import rehearse_system
from rehearsal.transcript import Transcript


@pytest.mark.processes
def test_a_whole_life_is_lived_and_shown(loaded: LoadedConfig, transcript: Transcript) -> None:
    rehearse_system(loaded, "dev", transcript.stage())
    assert transcript.chapters == [
        "render",
        "lint",
        "an AWS of our own",
        "plan",
        "execute",
        "use",
        "plan again, nothing changed",
        "update: one more variable in the functions' environment",
        "drift: one thing is changed behind CloudFormation's back",
        "destroy, with all that is in it",
    ]
    shown = "\n".join(transcript.lines)
    assert """GET /items/from-us-east-1 in us-west-2: {"written_in": "us-east-1", "amount": 12.5}""" in shown
    assert """GET /items/from-us-west-2 in us-east-1: {"written_in": "us-west-2", "amount": 12.5}""" in shown
    assert "us-west-2-an/rehearsal/from-us-east-1.txt, metadata {'written-in': 'us-east-1'}" in shown
    assert "us-west-2/service: Modify Function" in shown
    assert "us-east-1/service/Function: MemorySize is 320 instead of 256" in shown
    assert "5 stacks: 1 drifted, 0 absent, 0 unknown; differences between regions: 1" in shown
    assert "5 stacks are gone, nothing is left" in shown


@pytest.mark.acceptance
@pytest.mark.processes
def test_a_productive_system_that_keeps_its_data_is_taken_down_whole(
    loaded: LoadedConfig, transcript: Transcript
) -> None:
    production = {"dev": EnvironmentConfig(production=True)}
    protected = loaded.config.model_copy(update={"protect": True, "environments": production})
    rehearse_system(replace(loaded, config=protected), "dev", transcript.stage())
    assert "lifted: us-east-1/table/Table/DeletionProtection" in transcript.lines
    assert "lifted: us-west-2/storage/StackPolicy" in transcript.lines
    (named,) = [line for line in transcript.lines if line.startswith("retained, and deleted by name: ")]
    assert "tap-dev-global" in named
    assert "5 stacks are gone, nothing is left" in transcript.lines


@pytest.mark.acceptance
@pytest.mark.processes
def test_urls_that_want_signed_requests_are_rehearsed_signed(loaded: LoadedConfig, transcript: Transcript) -> None:
    assert loaded.config.function
    function = loaded.config.function.model_copy(update={"url_auth": "AWS_IAM"})
    signed = replace(loaded, config=loaded.config.model_copy(update={"function": function}))
    rehearse_system(signed, "dev", transcript.stage())
    assert transcript.chapters[-1].startswith("destroy")


@pytest.mark.usefixtures("linter")
def test_a_template_with_findings_ends_the_rehearsal_before_anything_is_started(
    loaded: LoadedConfig, transcript: Transcript
) -> None:
    # Lambda's own limit is known to cfn-lint and not to this schema, which pydantic is asked to pass over here.
    assert loaded.config.function
    function = loaded.config.function.model_copy(update={"timeout_s": 100_000})
    broken = replace(loaded, config=loaded.config.model_copy(update={"function": function}))
    with pytest.raises(Failed, match="E3034"):
        rehearse_system(broken, "dev", transcript.stage())
    assert transcript.chapters == ["render", "lint"]


@pytest.mark.processes
def test_a_handler_that_does_not_answer_fails_the_rehearsal(loaded: LoadedConfig, transcript: Transcript) -> None:
    with pytest.raises(Failed, match="answers GET with"):
        rehearse_system(
            replace(loaded, code={"function": Inline("def handler(event, context):\n    raise ValueError\n")}),
            "dev",
            transcript.stage(),
        )
