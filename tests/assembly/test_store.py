import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builder.assembly import find_changes, read_assembly, write_assembly
from builder.assembly.render import make_assembly
from builder.errors import BadInput
from loaded_config import make_loaded_config

ASSEMBLY = make_assembly(make_loaded_config())
OTHER = make_assembly(make_loaded_config(bucket={"expire_noncurrent_days": 1}))
THREE = make_assembly(make_loaded_config(regions={"primary": "us-east-1", "secondaries": ["us-west-2", "eu-west-1"]}))
ALL_FILES = ("manifest.json", *sorted(ASSEMBLY.templates))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "templates"


@pytest.fixture
def sealed(folder: Path) -> Iterator[Path]:
    """The folder, in a parent that lets nothing be added or renamed."""
    write_assembly(folder, ASSEMBLY)
    folder.parent.chmod(0o500)
    yield folder
    folder.parent.chmod(0o700)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestWriting:
    def test_makes_the_folder_and_tells_every_file(self, folder: Path) -> None:
        assert write_assembly(folder / "deep", ASSEMBLY).written == ALL_FILES
        assert tree(folder / "deep").keys() == set(ALL_FILES)

    def test_twice_changes_nothing_the_second_time(self, folder: Path) -> None:
        write_assembly(folder, ASSEMBLY)
        before = folder.stat().st_ino

        assert write_assembly(folder, ASSEMBLY).paths == ()
        assert folder.stat().st_ino == before

    def test_tells_only_what_changed(self, folder: Path) -> None:
        write_assembly(folder, ASSEMBLY)

        assert write_assembly(folder, OTHER).written == (
            "manifest.json",
            "us-east-1/storage.yaml",
            "us-west-2/storage.yaml",
        )

    def test_goes_through_the_folder_once(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_assembly(folder, ASSEMBLY)
        gone_through: list[Path] = []
        every = Path.rglob

        def rglob(path: Path, pattern: str) -> Iterator[Path]:
            gone_through.append(path)
            return every(path, pattern)

        monkeypatch.setattr(Path, "rglob", rglob)
        assert write_assembly(folder, OTHER).paths
        assert gone_through == [folder]

    def test_removes_what_was_rendered_before_and_nothing_else(self, folder: Path) -> None:
        write_assembly(folder, THREE)
        (folder / "eu-west-1" / "own.yaml").write_text("mine")
        (folder / "notes.md").write_text("mine")
        (folder / "away").symlink_to("/nowhere")

        changes = write_assembly(folder, ASSEMBLY)

        assert changes.removed == ("eu-west-1/service.yaml", "eu-west-1/storage.yaml")
        assert (folder / "eu-west-1" / "own.yaml").read_text() == "mine"
        assert (folder / "notes.md").read_text() == "mine"
        assert (folder / "away").readlink() == Path("/nowhere")
        assert find_changes(folder, ASSEMBLY).paths == ()

    def test_keeps_what_was_changed_since_it_was_rendered(self, folder: Path) -> None:
        write_assembly(folder, THREE)
        (folder / "eu-west-1" / "service.yaml").write_text("edited by hand")

        assert write_assembly(folder, ASSEMBLY).removed == ("eu-west-1/storage.yaml",)
        assert (folder / "eu-west-1" / "service.yaml").read_text() == "edited by hand"

    def test_leaves_no_empty_folder(self, folder: Path) -> None:
        write_assembly(folder, THREE)
        write_assembly(folder, ASSEMBLY)

        assert not (folder / "eu-west-1").exists()

    @pytest.mark.parametrize("own", ["us-east-1/table.yaml", "manifest.json"])
    def test_does_not_overwrite_what_no_rendering_wrote(self, folder: Path, own: str) -> None:
        (folder / own).parent.mkdir(parents=True)
        (folder / own).write_text("{}" if own.endswith("json") else "mine")
        before = tree(folder)

        if own == "manifest.json":  # its name is render's, whatever is in it
            assert write_assembly(folder, ASSEMBLY).written == ALL_FILES
        else:
            with pytest.raises(BadInput, match=r"us-east-1/table\.yaml was not written by render") as caught:
                write_assembly(folder, ASSEMBLY)
            assert caught.value.next_step == "move it away, then: python -m builder render"
            assert tree(folder) == before

    def test_repairs_a_template_that_was_edited(self, folder: Path) -> None:
        write_assembly(folder, ASSEMBLY)
        (folder / "us-east-1" / "table.yaml").write_text("edited by hand")

        assert write_assembly(folder, ASSEMBLY).written == ("us-east-1/table.yaml",)

    def test_goes_on_after_a_merge_that_broke_the_manifest(self, folder: Path) -> None:
        write_assembly(folder, ASSEMBLY)
        for path in ("manifest.json", "us-east-1/storage.yaml"):
            (folder / path).write_text("<<<<<<< HEAD")

        write_assembly(folder, OTHER)

        assert read_assembly(folder) == OTHER

    def test_leaves_nothing_beside_the_folder(self, folder: Path) -> None:
        for assembly in (ASSEMBLY, OTHER):
            write_assembly(folder, assembly)

        assert list(folder.parent.iterdir()) == [folder]

    def test_that_fails_halfway_leaves_the_old_files(self, folder: Path) -> None:
        write_assembly(folder, ASSEMBLY)
        before = tree(folder)
        # A template cannot be written where another one is a file: the new tree is never whole.
        cursed = replace(OTHER, templates={**OTHER.templates, "us-east-1/table.yaml/x.yaml": b""})

        with pytest.raises(BadInput, match=r"templates: cannot be written \(File exists\)"):
            write_assembly(folder, cursed)

        assert tree(folder) == before
        assert list(folder.parent.iterdir()) == [folder]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_into_a_sealed_parent_leaves_the_old_files(self, sealed: Path) -> None:
        before = tree(sealed)

        with pytest.raises(PermissionError):
            write_assembly(sealed, OTHER)

        assert tree(sealed) == before

    def test_over_a_file_leaves_the_file(self, folder: Path) -> None:
        folder.write_text("not a folder")

        with pytest.raises(BadInput, match=r"templates: cannot be read \(Not a directory\)"):
            write_assembly(folder, ASSEMBLY)

        assert folder.read_text() == "not a folder"


class TestStaleFiles:
    def test_are_all_where_there_is_no_folder(self, folder: Path) -> None:
        assert find_changes(folder, ASSEMBLY).paths == ALL_FILES
        assert not folder.exists()

    def test_are_none_after_writing(self, folder: Path) -> None:
        write_assembly(folder, ASSEMBLY)

        assert find_changes(folder, ASSEMBLY).paths == ()

    def test_are_those_missing_or_changed_and_none_that_are_somebody_s_own(self, folder: Path) -> None:
        write_assembly(folder, ASSEMBLY)
        (folder / "manifest.json").unlink()
        (folder / "us-east-1" / "table.yaml").write_text("edited by hand")
        (folder / "notes.txt").write_text("mine")

        assert find_changes(folder, ASSEMBLY).paths == ("manifest.json", "us-east-1/table.yaml")


class TestReading:
    def test_gives_back_what_was_written(self, folder: Path) -> None:
        write_assembly(folder, ASSEMBLY)

        assert read_assembly(folder) == ASSEMBLY

    def test_refuses_a_folder_without_manifest(self, folder: Path) -> None:
        with pytest.raises(BadInput, match=r"manifest.json: cannot be read \(No such file or directory\)") as caught:
            read_assembly(folder)

        assert caught.value.next_step == "python -m builder render"

    def test_refuses_a_missing_template(self, folder: Path) -> None:
        write_assembly(folder, ASSEMBLY)
        (folder / "us-east-1" / "table.yaml").unlink()

        with pytest.raises(BadInput, match=r"table.yaml: cannot be read \(No such file or directory\)"):
            read_assembly(folder)

    def test_refuses_a_template_that_was_tampered_with(self, folder: Path) -> None:
        write_assembly(folder, ASSEMBLY)
        template = folder / "us-east-1" / "service.yaml"
        template.write_bytes(template.read_bytes() + b" ")

        with pytest.raises(BadInput, match=r"service.yaml: is not the file that the manifest was written with"):
            read_assembly(folder)
