import pytest

from builder.config import LoadedConfig
from builder.deploy import Cancelled, Done, StackFailed
from builder.errors import Failed
from builder.rehearsal.stage import expect_done, render_and_lint, with_variable
from builder.terms import StackId
from rehearsal.transcript import Transcript


def test_work_is_run_with_its_progress_shown() -> None:
    async def work(emit: object) -> bool:
        return callable(emit)

    assert Transcript().stage().watch(work)


@pytest.mark.usefixtures("linter")
def test_what_is_rendered_is_linted(loaded: LoadedConfig) -> None:
    transcript = Transcript()
    assembly = render_and_lint(loaded, transcript.append)
    assert len(assembly.manifest.stacks) == 5
    assert transcript.chapters == ["render", "lint"]
    assert transcript.lines[-1] == "cfn-lint, information included: no findings"


def test_one_stack_that_did_not_end_well_fails_the_rehearsal() -> None:
    done = Done(StackId("a/b"), "CREATE_COMPLETE")
    expect_done([done])
    broke = StackFailed(StackId("a/c"), status="ROLLBACK_COMPLETE", resource="Table", reason="limit")
    with pytest.raises(Failed, match=r"limit(.|\n)*a/c failed"):
        expect_done([done, broke, Cancelled(StackId("a/d"), "a/c failed")])


def test_a_variable_more_leaves_those_that_are_there(loaded: LoadedConfig) -> None:
    twice = with_variable(with_variable(loaded, "FIRST", "1"), "SECOND", "2")
    assert twice.config.function
    assert loaded.config.function
    assert twice.config.function.environment == {**loaded.config.function.environment, "FIRST": "1", "SECOND": "2"}
    assert "FIRST" not in loaded.config.function.environment
