from pathlib import Path

from conftest import Command


def test_a_rehearsal_ends_in_0_and_says_what_it_did(builder: Command, project: Path) -> None:
    answer = builder("rehearse")
    assert answer.code == 0, answer
    assert "rehearsal passed in" in answer.out
    assert "no account was touched" in answer.out


def test_a_rehearsal_that_fails_ends_in_1(builder: Command, project: Path) -> None:
    (project / "lambda/python/index.py").write_text("def handler(event, context):\n    return {'statusCode': 500}\n")
    answer = builder("rehearse")
    assert answer.code == 1
    assert answer.err.startswith("error: https://")
