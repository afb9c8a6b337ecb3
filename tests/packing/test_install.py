"""Dependencies: installed as the lock file says, the same bytes by whatever installs them, and for Lambda's machine."""

import base64
import hashlib
import io
import json
import platform
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from builder.packing import install
from builder.packing.archive import identify, write_function
from builder.packing.machine import Machine, is_here
from builder.packing.recipe import NPM, PIP
from builder.packing.source import MOST_BYTES, NoSource, Recipe, asset_id, read_archive
from packing.packages import hash_of, lock, make_module, make_wheel, requirements

pytestmark = pytest.mark.processes

HANDLER = "import left\n\ndef handler(event, context): ...\n"
X86, ARM = Recipe(PIP, "python3.13", "x86_64"), Recipe(PIP, "python3.13", "arm64")
NODE = Recipe(NPM, "nodejs24.x", "arm64")


def write(folder: Path, text: str, **more: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.py").write_text(HANDLER)
    (folder / "requirements.txt").write_text(text)
    for name, content in more.items():
        (folder / name).write_text(content)
    return folder


def made(folder: Path, recipe: Recipe = X86, *, here: bool = False) -> bytes:
    archive = io.BytesIO()
    write_function(folder, recipe, archive, entries=["index.py"] if recipe.name == PIP else [], here=here)
    return archive.getvalue()


def names(archive: bytes) -> list[str]:
    return [file.name for file in read_archive(io.BytesIO(archive))]


def text(archive: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read(name).decode()


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pip":
        monkeypatch.setattr(install, "_uv", lambda: None)
    return str(request.param)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    return tmp_path / "wheels"


def by_tags(wheels: Path, name: str, *tags: str, needs: tuple[str, ...] = ()) -> str:
    lines = [make_wheel(wheels, name, tag=tag, needs=needs) for tag in tags]
    return " ".join([lines[0], *(f"--hash={hash_of(line)}" for line in lines[1:])])


class TestPython:
    def test_uv_and_pip_make_the_same_bytes(
        self, tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        right = make_wheel(wheels, "right")
        left = make_wheel(wheels, "left", needs=("right>=1",))
        folder = write(tmp_path / "code", requirements(wheels, left, right))
        by_uv = made(folder)
        monkeypatch.setattr(install, "_uv", lambda: None)
        assert made(folder) == by_uv
        assert names(by_uv) == [
            *("index.py", "requirements.txt"),
            *("left-1.0.dist-info/METADATA", "left-1.0.dist-info/WHEEL", "left-1.0.dist-info/entry_points.txt"),
            "left/__init__.py",
            *("right-1.0.dist-info/METADATA", "right-1.0.dist-info/WHEEL", "right-1.0.dist-info/entry_points.txt"),
            "right/__init__.py",
        ]

    def test_the_wheel_is_that_of_the_architecture_and_the_newest_platform_it_runs_on(
        self, tmp_path: Path, wheels: Path, installer: str
    ) -> None:
        tags = [
            f"cp313-cp313-{old}_{machine}"
            for machine in ("x86_64", "aarch64")
            for old in ("manylinux2014", "manylinux_2_28")
        ]
        pin = by_tags(
            wheels, "left", *tags, "cp313-cp313-manylinux_2_39_x86_64", "cp313-cp313-win_amd64", "py3-none-any"
        )
        folder = write(tmp_path / installer, requirements(wheels, pin))
        assert "cp313-cp313-manylinux_2_28_x86_64" in text(made(folder), "left/__init__.py")
        assert "cp313-cp313-manylinux_2_28_aarch64" in text(made(folder, ARM), "left/__init__.py")

    def test_markers_are_of_the_runtime_not_of_the_python_at_hand(self, tmp_path: Path, wheels: Path) -> None:
        right = make_wheel(wheels, "right")
        left = make_wheel(wheels, "left", needs=("right ; python_version >= '3.13'", "win ; sys_platform == 'win32'"))
        pin, _, digest = right.partition(" ")
        folder = write(
            tmp_path / "code",
            requirements(
                wheels,
                left,
                f"{pin} ; python_full_version >= '3.13' {digest}",
                f"gone==1 ; python_version < '3.13' {digest}",
            ),
        )
        assert "right/__init__.py" in names(made(folder))

    def test_what_has_no_wheel_is_told_by_its_name(self, tmp_path: Path, wheels: Path, installer: str) -> None:
        pin = by_tags(wheels, "only-mac".replace("-", "_"), "cp313-cp313-macosx_11_0_arm64")
        folder = write(tmp_path / installer, requirements(wheels, pin))
        with pytest.raises(
            NoSource, match=r"has only.mac(==1\.0)?, of which there is no wheel for python3\.13 on arm64"
        ):
            made(folder, ARM)

    def test_other_bytes_than_were_pinned_are_not_installed(self, tmp_path: Path, wheels: Path, installer: str) -> None:
        pin = make_wheel(wheels, "left")
        folder = write(tmp_path / installer, requirements(wheels, f"{pin[:-4]}0000"))
        with pytest.raises(NoSource, match=r"(?i)hash"):
            made(folder)

    def test_what_a_package_needs_and_nobody_pins_is_told(self, tmp_path: Path, wheels: Path) -> None:
        left = make_wheel(wheels, "left", needs=("missing>=2", "more ; extra == 'more'"))
        with pytest.raises(NoSource, match=r"needs missing>=2 for left 1\.0, and requirements\.txt does not have it"):
            made(write(tmp_path / "code", requirements(wheels, left)))
        right = make_wheel(wheels, "right")
        other = make_wheel(wheels, "left", needs=("right>=2",))
        with pytest.raises(NoSource, match=r"needs right>=2 for left 1\.0, and requirements\.txt has 1\.0"):
            made(write(tmp_path / "code", requirements(wheels, other, right)))
        extra = make_wheel(wheels, "left", needs=("more ; extra == 'more'",))
        assert made(write(tmp_path / "code", requirements(wheels, extra)))
        with pytest.raises(NoSource, match="needs more for left"):
            made(write(tmp_path / "code", requirements(wheels, extra.replace("left==", "left[more]=="))))

    def test_a_file_of_both_is_refused(self, tmp_path: Path, wheels: Path) -> None:
        pin = make_wheel(wheels, "left")
        folder = write(tmp_path / "code", requirements(wheels, pin))
        (folder / "left").mkdir()
        (folder / "left" / "__init__.py").write_text("")
        with pytest.raises(NoSource, match=r"has left/__init__\.py, which a package of requirements\.txt brings too"):
            made(folder)

    def test_what_the_handler_imports_is_looked_for_among_the_packages(self, tmp_path: Path, wheels: Path) -> None:
        pin = make_wheel(wheels, "right")
        with pytest.raises(NoSource, match=r"index\.py, line 1: imports left"):
            made(write(tmp_path / "code", requirements(wheels, pin)))

    def test_more_than_lambda_takes_is_told_with_what_is_large(self, tmp_path: Path, wheels: Path) -> None:
        pin = make_wheel(wheels, "left", files={"left/data.bin": b""})
        folder = write(tmp_path / "code", requirements(wheels, pin))
        with (folder / "large.bin").open("wb") as large:
            large.truncate(MOST_BYTES)
        with pytest.raises(NoSource, match=r"262,144,000 bytes that Lambda unpacks \(large\.bin has 262,144,000, "):
            made(folder)

    def test_for_this_machine_packages_are_this_pythons(self, tmp_path: Path, wheels: Path) -> None:
        here = f"cp{sys.version_info.major}{sys.version_info.minor}"
        tags = (f"{here}-{here}-manylinux2014_{platform.machine()}", "cp313-cp313-manylinux2014_x86_64")
        folder = write(tmp_path / "code", requirements(wheels, by_tags(wheels, "left", *dict.fromkeys(tags))))
        recipe = Recipe(PIP, "python3.14", "arm64")
        archive = made(folder, recipe, here=True)
        assert tags[0] in text(archive, "left/__init__.py")
        assert identify(io.BytesIO(archive), recipe, here=True) is not None
        assert identify(io.BytesIO(archive), recipe) is None

    def test_uv_lock_is_read_by_uv(self, tmp_path: Path, wheels: Path) -> None:
        pin = make_wheel(wheels, "left")
        name = "left-1.0-py3-none-any.whl"
        folder = tmp_path / "code"
        folder.mkdir()
        (folder / "index.py").write_text(HANDLER)
        (folder / "pyproject.toml").write_text(
            '[project]\nname = "f"\nversion = "1"\nrequires-python = ">=3.13"\ndependencies = ["left"]\n'
            f'[tool.uv]\nfind-links = ["{wheels}"]\nno-index = true\n'
        )
        (folder / "uv.lock").write_text(
            'version = 1\nrevision = 3\nrequires-python = ">=3.13"\n\n[[package]]\nname = "f"\nversion = "1"\n'
            'source = { virtual = "." }\ndependencies = [{ name = "left" }]\n\n[package.metadata]\n'
            'requires-dist = [{ name = "left" }]\n\n[[package]]\nname = "left"\nversion = "1.0"\n'
            f'source = {{ registry = "{wheels}" }}\n'
            f'wheels = [{{ path = "{name}", hash = "{hash_of(pin)}" }}]\n'
        )
        recipe = Recipe("uv 1", "python3.13", "x86_64")
        archive = io.BytesIO()
        write_function(folder, recipe, archive, entries=["index.py"])
        assert "left/__init__.py" in names(archive.getvalue())


class TestNode:
    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.js").write_text("const left = require('left');\nexports.handler = async () => left.NAME;\n")
        modules = {
            "left": make_module(folder, "left"),
            "@acme/right": make_module(folder, "@acme/right"),
            "native-arm": make_module(folder, "native-arm", optional=True, os=["linux"], cpu=["arm64"], libc=["glibc"]),
            "native-x64": make_module(folder, "native-x64", optional=True, os=["linux"], cpu=["x64"], libc=["glibc"]),
            "native-musl": make_module(
                folder, "native-musl", optional=True, os=["linux"], cpu=["arm64"], libc=["musl"]
            ),
        }
        lock(folder, modules)
        return folder

    def test_packages_are_those_of_the_lock_file_for_the_architecture(self, tmp_path: Path) -> None:
        folder = self.write(tmp_path / "code")
        shutil.copytree(folder, tmp_path / "other")
        (tmp_path / "other" / "node_modules").mkdir()
        (tmp_path / "other" / "node_modules" / "stale.js").write_text("")
        archive = made(folder, NODE)
        assert made(tmp_path / "other", NODE) == archive
        modules = {name.split("/")[1] for name in names(archive) if name.startswith("node_modules/")}
        assert modules == {"left", "@acme", "native-arm"}
        assert not [name for name in names(archive) if ".bin" in name or ".package-lock" in name]

    def test_bytes_other_than_the_lock_file_s_are_not_installed(self, tmp_path: Path) -> None:
        folder = self.write(tmp_path / "code")
        lock = json.loads((folder / "package-lock.json").read_text())
        # Not those of the other package: npm takes bytes from its cache by their digest, under whatever name.
        digest = base64.b64encode(hashlib.sha512(b"other bytes").digest()).decode()
        lock["packages"]["node_modules/left"]["integrity"] = f"sha512-{digest}"
        (folder / "package-lock.json").write_text(json.dumps(lock))
        with pytest.raises(NoSource, match="EINTEGRITY"):
            made(folder, NODE)

    def test_a_lock_file_that_is_not_package_json_s_is_told(self, tmp_path: Path) -> None:
        folder = self.write(tmp_path / "code")
        package = json.loads((folder / "package.json").read_text())
        package["dependencies"]["more"] = "file:vendor/left-1.0.0.tgz"
        (folder / "package.json").write_text(json.dumps(package))
        with pytest.raises(NoSource, match="in sync"):
            made(folder, NODE)

    def test_scripts_are_not_run_and_that_is_said(self, tmp_path: Path) -> None:
        folder = tmp_path / "code"
        module = make_module(folder, "left", hasInstallScript=True, scripts={"install": "touch /tmp/ran; exit 1"})
        lock(folder, {"left": module})
        assert write_function(folder, NODE, io.BytesIO()) == ("the install scripts of left were not run",)


class TestIdentity:
    def test_an_archive_says_of_what_it_was_made_and_whether_it_is_whole(self, tmp_path: Path, wheels: Path) -> None:
        folder = write(tmp_path / "code", requirements(wheels, make_wheel(wheels, "left")))
        archive = made(folder)
        own = tuple(file for file in read_archive(io.BytesIO(archive)) if not file.name.startswith("left"))
        assert identify(io.BytesIO(archive), X86) == asset_id(own, X86)
        for other in (ARM, Recipe(PIP, "python3.14", "x86_64"), Recipe("pip 2", "python3.13", "x86_64")):
            assert identify(io.BytesIO(archive), other) is None

    @pytest.mark.parametrize("change", ["module", "missing", "added", "comment", "count"])
    def test_what_was_changed_afterwards_says_nothing(self, tmp_path: Path, wheels: Path, change: str) -> None:
        archive = made(write(tmp_path / "code", requirements(wheels, make_wheel(wheels, "left"))))
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            content = {info: opened.read(info) for info in opened.infolist()}
            comment = opened.comment
        if change == "comment":
            comment = b""
        if change == "count":
            comment = comment.replace(b'"own_files": 2', b'"own_files": 1')
        to = io.BytesIO()
        with zipfile.ZipFile(to, "w") as packed:
            for info, data in content.items():
                if info.filename == "left/__init__.py" and change == "missing":
                    continue
                packed.writestr(info, b"evil" if info.filename == "left/__init__.py" and change == "module" else data)
            if change == "added":
                packed.writestr("evil.py", b"")
            packed.comment = comment
        assert identify(io.BytesIO(to.getvalue()), X86) != identify(io.BytesIO(archive), X86)


def test_this_machine_is_lambdas_only_with_its_python_and_processor() -> None:
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    other = "arm64" if platform.machine() == "x86_64" else "x86_64"
    assert not is_here(Machine("python3.99", "x86_64"))
    assert not is_here(Machine(runtime, other))
    assert not is_here(Machine("nodejs24.x", other))
