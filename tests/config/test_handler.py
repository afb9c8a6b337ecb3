import pytest

from builder.packing.read import Inline
from config.project import Project

PLACE = "12: function.source: "


def error_of(dr: Project) -> str:
    (only,) = dr.errors()
    assert only.startswith(PLACE)
    return only.removeprefix(PLACE)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def handler(event:\n    pass\n", "line 1: '(' was never closed (as Python 3"),
        ("import os\nreturn 1\n", "line 2: 'return' outside function (as Python 3"),
        (b"# f\xfcr\n", "line 1: is not UTF-8"),
        (b"#\n#\n# \xff\n", "line 3: is not UTF-8"),
        ("def main(event, context): ...\n", "has no `handler`, which is what Lambda calls"),
        ("", "has no `handler`, which is what Lambda calls"),
    ],
)
def test_a_python_file_that_cannot_run_is_refused(dr: Project, source: str | bytes, why: str) -> None:
    dr.handler(source)

    assert why in error_of(dr)


@pytest.mark.parametrize("source", ["handler = 1\n\0", "handler = " + "(" * 1000, "handler = " + "-" * 100_000 + "1"])
def test_what_makes_the_parser_give_up_is_refused_too(dr: Project, source: str) -> None:
    dr.handler(source)

    assert error_of(dr).startswith("lambda/python/index.py")


def test_a_warning_of_the_compiler_is_no_fault(dr: Project) -> None:
    dr.handler("handler = '\\d'\n")

    assert dr.errors() == []


def test_line_ends_of_windows_do_not_reach_the_template(dr: Project) -> None:
    dr.handler("handler = 1\r\n")

    assert dr.read().code["function"] == Inline("handler = 1\n")


class TestNode:
    @pytest.fixture
    def node(self, dr: Project) -> Project:
        dr.edit("python3.14\n  source: lambda/python", "nodejs24.x\n  source: lambda/nodejs")
        return dr

    def test_is_read_from_index_js(self, node: Project) -> None:
        node.handler("exports.handler = async () => 1;\n", "lambda/nodejs/index.js")

        assert node.read().code["function"] == Inline("exports.handler = async () => 1;\n")

    def test_needs_a_handler(self, node: Project) -> None:
        node.handler("exports.main = 1;\n", "lambda/nodejs/index.js")

        assert error_of(node) == "lambda/nodejs/index.js has no `handler`, which is what Lambda calls"

    def test_is_the_default_source_of_its_runtime(self, dr: Project) -> None:
        dr.edit("python3.14\n  source: lambda/python", "nodejs24.x")
        dr.handler("exports.handler = 1;\n", "lambda/nodejs/index.js")

        config = dr.read().config
        assert config.function
        assert config.function.source == "lambda/nodejs"


class TestNearest:
    def test_is_the_folder_that_has_the_runtimes_file(self, dr: Project) -> None:
        dr.edit("python3.14", "nodejs24.x")
        dr.handler("exports.handler = 1;\n", "lambda/nodejs/index.js")

        assert error_of(dr) == (
            "cannot read lambda/python/index.js (No such file or directory) (did you mean lambda/nodejs?)"
        )

    def test_is_the_folder_where_the_file_itself_was_named(self, dr: Project) -> None:
        dr.edit("source: lambda/python", "source: lambda/python/index.py")

        assert error_of(dr).endswith("(Not a directory) (did you mean lambda/python?)")

    def test_is_not_guessed_where_there_is_none(self, dr: Project) -> None:
        dr.edit("source: lambda/python", "source: elsewhere/far/away")

        assert error_of(dr) == "cannot read elsewhere/far/away/index.py (No such file or directory)"


@pytest.mark.parametrize("source", ['"lambda\\0"', "x" * 300, "x" * 300 + "/python"])
def test_a_path_that_no_system_can_open_is_refused(dr: Project, source: str) -> None:
    dr.edit("source: lambda/python", f"source: {source}")

    assert error_of(dr).startswith("cannot read ")
