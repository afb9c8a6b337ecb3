import inspect

import builder.errors as module
from builder.errors import AwsError, BadInput, BuilderError, ExitCode, Failed, Several, Stopped, gathered


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    classes = [each for _, each in inspect.getmembers(module, inspect.isclass) if issubclass(each, BuilderError)]
    drawn = {line.split("─ ")[-1].split()[0] for line in (module.__doc__ or "").splitlines() if "─ " in line}
    assert {each.__name__ for each in classes} == drawn | {"BuilderError"}


def test_an_error_says_where_what_and_what_next() -> None:
    error = Stopped(where="us-east-1/table", what="is busy", next_step="wait")
    assert (str(error), error.next_step, error.exit_code) == ("us-east-1/table: is busy", "wait", 4)


def test_one_error_is_itself_and_several_are_told_in_full_with_the_gravest_code() -> None:
    stopped, failed = Stopped(where="a", what="b", next_step="type c"), Failed(where="d", what="e")
    assert gathered([stopped]) is stopped
    several = gathered([stopped, failed])
    assert isinstance(several, Several)
    assert several.exit_code is ExitCode.FAILED
    assert "a: b" in str(several)
    assert "d: e" in str(several)
    assert several.next_step == "type c"
    assert "next:" not in str(several)
    # Errors of errors are told as what they are.
    assert Several([several, failed]).errors == (stopped, failed, failed)
    # What helps against the one does not against the other.
    text = str(gathered([stopped, failed, Stopped(where="f", what="g", next_step="type h")]))
    assert text.splitlines()[1:] == ["  a: b", "    next:  type c", "  d: e", "  f: g", "    next:  type h"]
    assert gathered([stopped, BadInput(where="f", what="g")]).exit_code is ExitCode.BAD_INPUT


def test_an_aws_error_keeps_the_code_on_the_wire() -> None:
    assert AwsError(where="a", code="Throttling", what="b").code == "Throttling"
