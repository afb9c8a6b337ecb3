"""dr.yaml as text: what YAML's own pitfalls lead to."""

import pytest

from builder.config.document import NotYaml, read_document
from config.project import GOOD, Project

# The bytes of a file and the only thing that is said of it, less `dr.yaml:`.
UNREADABLE = {
    "nothing": (b"", "1: the file is empty, and should hold keys with values, the first of them project: NAME"),
    "comments only": (
        b"# nothing yet\n",
        "1: the file is empty, and should hold keys with values, the first of them project: NAME",
    ),
    "a list": (
        b"- project: tap\n",
        "1: the file holds a list, and should hold keys with values, the first of them project: NAME",
    ),
    "a text": (
        b"project tap\n",
        "1: the file holds a single value, and should hold keys with values, the first of them project: NAME",
    ),
    "a null": (b"---\n~\n", "2: the file is empty, and should hold keys with values, the first of them project: NAME"),
    "a tab": (b"regions:\n\tprimary: us-east-1\n", "2: not YAML: a tab, where only spaces can be"),
    "an open bracket": (
        b"regions: [us-east-1\nproject: tap\n",
        "2: not YAML: did not find expected ',' or ']' (while parsing a flow sequence that begins on line 1)",
    ),
    "an open quote": (
        b"project: 'tap\n",
        "2: not YAML: found unexpected end of stream (while scanning a quoted scalar that begins on line 1)",
    ),
    "two colons in a line": (b"project: tap: x\n", "1: not YAML: mapping values are not allowed in this context"),
    "keys out of line": (
        b"project: tap\n environment: dev\n",
        "2: not YAML: mapping values are not allowed in this context",
    ),
    "two documents": (
        b"project: tap\n---\nproject: top\n",
        "2: a second document begins here (---), and only one is read",
    ),
    "latin-1": (b"project: tap # f\xfcr\n", "1: the byte 0xfc is not UTF-8: save the file in that encoding"),
    "UTF-16": (
        b"\xff\xfep\x00r\x00o\x00j\x00e\x00c\x00t\x00:\x00 \x00t\x00a\x00p\x00\n\x00",
        "1: the byte 0xff is not UTF-8: save the file in that encoding",
    ),
    "a zero byte": (b"project: tap\nx: \x00\n", "2: the control character '\\x00' cannot be in YAML"),
    "an unknown escape": (
        b'project: "\\q"\n',
        "1: not YAML: found unknown escape character (while parsing a quoted scalar that begins on line 1)",
    ),
    "deep nesting": (b"x: " + b"[" * 5000, "1: more than 20 levels, one inside the other"),
    "a percent sign": (
        b"%project tap\n",
        "1: not YAML: found unknown directive name (while scanning a directive that begins on line 1)",
    ),
    "half a surrogate": (
        b'project: "\\ud800"\n',
        (
            "1: not YAML: found invalid Unicode character escape code"
            " (while parsing a quoted scalar that begins on line 1)"
        ),
    ),
}


@pytest.mark.parametrize(("raw", "message"), UNREADABLE.values(), ids=list(UNREADABLE))
def test_what_is_no_yaml_is_told_with_its_line(dr: Project, raw: bytes, message: str) -> None:
    dr.write(raw)

    assert dr.errors() == [message]


def test_an_alias_does_not_hide_what_else_is_wrong(dr: Project) -> None:
    dr.write("project: *tap\n")

    assert dr.errors() == [
        "1: environment: is required, for example environment: dev",
        "1: project: *tap: write the value out, aliases are not read here",
        "1: regions: is required, for example regions: {primary: us-east-1, secondaries: [us-west-2]}",
    ]


@pytest.mark.parametrize(
    "text", [GOOD, f"\N{ZERO WIDTH NO-BREAK SPACE}{GOOD}", GOOD.replace("\n", "\r\n"), f"---\n{GOOD}...\n"]
)
def test_marks_line_ends_and_document_marks_change_nothing(dr: Project, text: str) -> None:
    dr.write(text)

    assert dr.errors() == []


def test_an_anchor_that_nobody_uses_is_no_fault(dr: Project) -> None:
    dr.edit("[us-west-2]", "&secondaries [us-west-2]")

    assert dr.errors() == []


def test_plain_words_are_read_as_yaml_reads_them() -> None:
    document = read_document(b"a: [yes, 0x10, 1.5, ~, 2024-13-45, 0b_, 'yes', 1e3]\n")

    assert document.data == {"a": [True, 16, 1.5, None, "2024-13-45", "0b_", "yes", "1e3"]}


def test_a_key_is_what_is_written() -> None:
    assert read_document(b"no: 1\n1: 2\n~: 3\n").data == {"no": 1, "1": 2, "~": 3}


def test_every_value_has_its_line_and_its_words() -> None:
    document = read_document(b"a:\n  b: 1\n  c:\n    - 0x2\n    - {d: e}\n")

    assert document.lines == {(): 1, ("a",): 1, ("a", "b"): 2, ("a", "c"): 3, ("a", "c", 0): 4, ("a", "c", 1): 5} | {
        ("a", "c", 1, "d"): 5
    }
    assert document.words == {("a", "b"): "1", ("a", "c", 0): "0x2", ("a", "c", 1, "d"): "e"}


def test_the_first_of_two_equal_keys_counts() -> None:
    document = read_document(b"a: 1\na: {b: !x 2}\n")

    assert document.data == {"a": 1}
    assert [fault.what for fault in document.faults] == [
        "is there twice; the first is on line 1",
        "the tag !x has no meaning here",
    ]


def test_nesting_ends_before_the_stack_does() -> None:
    with pytest.raises(NotYaml, match="more than 20 levels"):
        read_document(b"[" * 100_000)


@pytest.mark.parametrize("raw", [b"? {a: b}\n: c\n", b"? *x\n: c\n", b"? [a]\n: [b]\n"])
def test_a_key_of_many_words_is_a_fault(raw: bytes) -> None:
    (fault, *_) = read_document(raw).faults

    assert fault.what == "a key is one word, not a list, a mapping or an alias"
