from pathlib import Path

import pytest

from builder.cli.plan_at_hand import read_saved
from builder.errors import BadInput


def test_a_saved_plan_is_read_with_the_name_of_its_file(tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    saved.write_bytes(b"{}")
    assert read_saved(saved, lambda data, where: (data, where), "plan") == (b"{}", str(saved))


def test_a_file_that_is_not_there_is_answered_with_the_verb_that_makes_it(tmp_path: Path) -> None:
    missing = tmp_path / "other.json"
    with pytest.raises(BadInput, match="cannot be read") as caught:
        read_saved(missing, lambda data, _: data, "fleet plan")
    assert caught.value.next_step == f"python -m builder fleet plan -o {missing}"
