"""Requirements: each pinned and hashed, chosen for the runtime and not for the Python that reads them."""

from pathlib import Path

import pytest

from builder.packing.machine import Machine
from builder.packing.recipe import FILES, NPM, PIP, UV, choose_recipe
from builder.packing.requirements import pins_for, read_pins, text_of
from builder.packing.source import NoSource
from packing.packages import lock, make_module

A, B = "--hash=sha256:" + "a" * 64, "--hash=sha256:" + "b" * 64
LAMBDA = Machine("python3.13", "arm64")


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("requests", "requests without one version in requirements.txt, line 3"),
        ("requests>=2", "requests without one version"),
        ("requests==2.*", "requests without one version"),
        ("requests==2.32.3", "requests==2.32.3 without a hash in requirements.txt, line 3"),
        ("requests==2.32.3 # " + A, "without a hash"),
        ("-r other.txt", "-r in requirements.txt, line 3"),
        ("-e .", "-e in"),
        ("./here", "'./here' in"),
        ("requests @ https://x.test/requests-1-py3-none-any.whl", "without a hash"),
        ("--no-binary=:all:", "--no-binary in"),
    ],
)
def test_what_is_no_pin_with_a_hash_is_refused_with_its_line(line: str, place: str) -> None:
    with pytest.raises(NoSource) as caught:
        read_pins(f"# ours\n\n{line}\n", "3.13")
    assert place in str(caught.value)


def test_who_has_no_hashes_is_told_the_command_that_makes_them() -> None:
    with pytest.raises(NoSource, match=r"uv pip compile --universal --generate-hashes --python-version 3\.13 "):
        read_pins("requests==2.32.3\n", "3.13")


def test_lines_are_read_as_pip_reads_them() -> None:
    text = (
        "\ufeff--index-url https://x.test/simple\n--require-hashes\n"
        f"Some.Thing[more]==1.0 ; python_version >= '3.9' \\\n    {A} \\\n    {B}\n"
        f"other==2 {A}  # via us\n"
    )
    pins = read_pins(text, "3.13")
    assert pins.options == ("--index-url https://x.test/simple",)
    assert [(pin.name, len(pin.hashes)) for pin in pins.pins] == [("some-thing", 2), ("other", 1)]
    assert text_of(pins.pins, pins.options).splitlines() == [
        "--index-url https://x.test/simple",
        f"Some.Thing[more]==1.0 {A} {B}",
        f"other==2 {A}",
    ]


@pytest.mark.parametrize(
    ("marker", "there"),
    [
        ("sys_platform == 'win32'", False),
        ("platform_machine == 'aarch64'", True),
        ("platform_machine == 'x86_64'", False),
        ("python_version < '3.13'", False),
        ("python_full_version >= '3.13'", True),
        ("implementation_name == 'cpython' and os_name == 'posix'", True),
        ("extra == 'dev'", False),
    ],
)
def test_markers_are_held_against_the_runtime(marker: str, *, there: bool) -> None:
    pins = read_pins(f"thing==1 ; {marker} {A}\n", "3.13")
    assert bool(pins_for(pins.pins, LAMBDA)) is there


def test_two_versions_of_one_package_are_not_both_installed() -> None:
    pins = read_pins(f"thing==1 ; sys_platform == 'win32' {A}\nthing==2 {A}\n", "3.13")
    assert [str(pin.requirement.specifier) for pin in pins_for(pins.pins, LAMBDA)] == ["==2"]
    with pytest.raises(NoSource, match=r"thing in two versions for python3\.13 on arm64"):
        pins_for(read_pins(f"thing==1 {A}\nThing==2 {A}\n", "3.13").pins, LAMBDA)


class TestRecipe:
    @pytest.mark.parametrize(
        ("name", "text", "recipe"),
        [
            ("requirements.txt", f"thing==1 {A}\n", PIP),
            ("requirements.txt", "# none\n", FILES),
            ("README.md", "", FILES),
        ],
    )
    def test_follows_from_the_lock_file(self, tmp_path: Path, name: str, text: str, recipe: str) -> None:
        (tmp_path / name).write_text(text)
        assert choose_recipe(tmp_path, "python3.13") == recipe

    def test_of_uv_and_npm(self, tmp_path: Path) -> None:
        (tmp_path / "uv.lock").write_text("version = 1\n")
        (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = ['thing']\n")
        lock(tmp_path, {"left": make_module(tmp_path, "left")})
        assert choose_recipe(tmp_path, "python3.13") == UV
        assert choose_recipe(tmp_path, "nodejs24.x") == NPM

    @pytest.mark.parametrize(
        ("runtime", "files", "what"),
        [
            ("python3.13", {"requirements.txt": f"a==1 {A}", "uv.lock": ""}, "both requirements.txt and uv.lock"),
            ("python3.13", {"uv.lock": ""}, "no pyproject.toml"),
            ("python3.13", {"pyproject.toml": "[project]\ndependencies = ['a']"}, "no uv.lock that pins them: uv lock"),
            ("python3.13", {"pyproject.toml": "["}, "no TOML"),
            ("python3.13", {"poetry.lock": ""}, "poetry export"),
            ("python3.13", {"Pipfile.lock": "{}"}, "pipenv requirements --hash"),
            ("nodejs24.x", {"package.json": '{"dependencies": {"a": "1"}}'}, "npm install --package-lock-only"),
            (
                "nodejs24.x",
                {"package.json": '{"dependencies": {"a": "1"}}', "node_modules/a/index.js": ""},
                "no package-lock.json that pins them",
            ),
            ("nodejs24.x", {"yarn.lock": ""}, "yarn.lock, which is not read here"),
            ("nodejs24.x", {"package-lock.json": "{}"}, "no package.json"),
            ("nodejs24.x", {"package-lock.json": "{}", "package.json": "{}"}, "--lockfile-version 3"),
            ("nodejs24.x", {"package-lock.json": "x", "package.json": "{}"}, "no JSON"),
            (
                "nodejs24.x",
                {"package.json": "{}", "package-lock.json": '{"packages": {"node_modules/@a/b": {"version": "1"}}}'},
                "@a/b without integrity",
            ),
            (
                "nodejs24.x",
                {"package.json": "{}", "package-lock.json": '{"packages": {"node_modules/a": {"link": true}}}'},
                "as a link",
            ),
        ],
    )
    def test_what_nothing_could_be_built_from_is_refused(
        self, tmp_path: Path, runtime: str, files: dict[str, str], what: str
    ) -> None:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        with pytest.raises(NoSource, match=what):
            choose_recipe(tmp_path, runtime)
