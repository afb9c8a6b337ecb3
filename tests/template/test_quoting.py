"""What is written means the same to every reader: YAML 1.1 and 1.2, two libraries, and cfn-lint's own loader."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from builder.template import may_be_no_text, parse_template, write_template

Reader = Callable[[str], Any]


def ruamel(version: tuple[int, int], *, pure: bool) -> Reader:
    def read(text: str) -> Any:
        reader = YAML(typ="safe", pure=pure)
        reader.version = version
        return reader.load(io.StringIO(text))

    return read


def read_as_cfn_lint(text: str) -> Any:
    from cfnlint.decode.cfn_yaml import loads  # noqa: PLC0415 - takes a third of a second: who collects needs it not

    return loads(text)  # type: ignore[no-untyped-call]  # not ours


READERS: dict[str, Reader] = {
    "PyYAML": yaml.safe_load,
    "libyaml": lambda text: yaml.load(text, Loader=yaml.CSafeLoader),
    "ruamel.yaml, 1.1": ruamel((1, 1), pure=True),
    "ruamel.yaml, 1.2": ruamel((1, 2), pure=True),
    "cfn-lint": read_as_cfn_lint,
    "ours": lambda text: parse_template(text, "t.yaml"),
}
DIGITS = st.text("0123456789_", min_size=1, max_size=14)
SIGN = st.sampled_from(["", "-", "+"])
# What has the look of something else, and any text at all.
AMBIGUOUS = st.one_of(
    st.builds(lambda sign, digits: sign + digits, SIGN, DIGITS),
    st.builds(
        lambda sign, digits, e, other: f"{sign}{digits}{e}{other}", SIGN, DIGITS, st.sampled_from("eE.:"), DIGITS
    ),
    st.builds(lambda sign, base, digits: f"{sign}0{base}{digits}", SIGN, st.sampled_from("xobXOB"), DIGITS),
    st.builds("{}:{}:{}".format, DIGITS, DIGITS, DIGITS),
    st.dates().map(str),
    st.datetimes().map(str),
    st.sampled_from(["y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", ".nan", "-.INF"]).flatmap(
        lambda word: st.sampled_from([word, word.upper(), word.title()])
    ),
    st.sampled_from(["", "~", "=", "<<", "-", "--- ", "...", "?", "? a", "!Ref a", "&a", "*a", "%a"]),
    st.sampled_from(["@a", "`a", "a: b"]),
    st.sampled_from(["a #b", "#b", "a:", ": a", "[a", "{a", "a]", ", a", "|", ">", "'", '"', "\\", " a", "a ", "\t"]),
)
ANY = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)


def holding(text: str) -> dict[str, Any]:
    properties = {"Text": text, "List": [text, [text]], "Map": {text: text}, "Twice": [{"a": text}] * 2}
    return {"Description": text, "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": properties}}}


@pytest.mark.slow
@settings(deadline=None)
@given(st.one_of(AMBIGUOUS, ANY))
def test_every_reader_reads_every_text_as_it_was(text: str) -> None:
    written = write_template(holding(text)).decode()
    for name, read in READERS.items():
        assert read(written) == holding(text), name


@settings(deadline=None)
@given(st.one_of(AMBIGUOUS, ANY))
def test_no_template_has_aliases_and_a_text_in_one_line_has_ascii_alone(text: str) -> None:
    written = write_template(holding(text)).decode()
    assert not [event for event in yaml.parse(written, Loader=yaml.SafeLoader) if isinstance(event, yaml.AliasEvent)]
    assert written.isascii() or "\n" in text


@settings(deadline=None)
@given(AMBIGUOUS)
def test_a_text_beside_a_function_keeps_its_quotes(text: str) -> None:
    made = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Name": {"Fn::Sub": text}}}}}
    assert parse_template(write_template(made), "t.yaml") == made
    scalars = [event for event in yaml.parse(write_template(made)) if isinstance(event, yaml.ScalarEvent)]
    assert [scalar.style for scalar in scalars if scalar.tag == "!Sub" and may_be_no_text(text)] in ([], ["'"], ['"'])


@pytest.mark.parametrize(
    "text",
    [
        "012345678901",
        "089",
        "12e4567",
        "1e3",
        "0o14",
        "y",
        "N",
        "11.10",
        "0060",
        "1_000",
        "12:30",
        "0x1F",
        "2026-01-01",
    ],
)
def test_what_pyyaml_would_leave_bare_is_quoted(text: str) -> None:
    assert f"Text: '{text}'\n" in write_template(holding(text)).decode()


@pytest.mark.parametrize("text", ["tap-dev", "AWS::SNS::Topic", "us-east-1", "python3.14", "NONE", "arn:aws:s3:::a/*"])
def test_what_is_plainly_a_text_has_no_quotes(text: str) -> None:
    assert f"Text: {text}\n" in write_template(holding(text)).decode()


def test_a_text_beyond_ascii_is_escaped_unless_it_is_code() -> None:
    assert 'Text: "St\\xF6rung \\U0001F642"\n' in write_template(holding("Störung 🙂")).decode()
    assert "# Störung\n" in write_template(holding("# Störung\nreturn 1\n")).decode()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("012345670123", "012345670123"),
        ("0060", "0060"),
        ("11.10", "11.10"),
        ("11.1", 11.1),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("0x1F", "0x1F"),
        ("2026-01-01", "2026-01-01"),
        ("=", "="),
        ("<<", "<<"),
        ("-7", -7),
        ("no", False),
        ("y", "y"),
        ("~", None),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_template_is_read_as_cloudformation_takes_it(written: str, meant: object) -> None:
    read = parse_template(f"Resources: {{A: {{Text: {written}}}}}", "t.yaml")
    assert read == {"Resources": {"A": {"Text": meant}}}


def test_json_is_read_as_json() -> None:
    text = '{"Resources": {"A": {\n\t"Text": "\\ud83d\\ude42 \\/", "' + "k" * 2000 + '": 1}}}'
    assert parse_template(text, "t.json") == {"Resources": {"A": {"Text": "🙂 /", "k" * 2000: 1}}}
    assert parse_template("{Resources: {A: !Ref B}}", "t.yaml") == {"Resources": {"A": {"Ref": "B"}}}
