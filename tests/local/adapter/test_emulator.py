import pytest

from builder.errors import Failed
from builder.local.adapter import emulator


@pytest.mark.slow
def test_the_emulator_installed_is_the_one_the_adapter_was_written_for() -> None:
    emulator.check()


@pytest.mark.parametrize("name", emulator.TOUCHED)
def test_a_touched_name_is_what_it_was(name: str) -> None:
    assert emulator.describe(name) == emulator.TOUCHED[name]


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "VERSION", "1.5.34")
    with pytest.raises(Failed, match=r"ministack 1\.5\.33 is installed") as raised:
        emulator.check()
    assert raised.value.next_step == "pip install 'ministack==1.5.34'"


@pytest.mark.parametrize(
    ("name", "actual"),
    [
        ("ministack.services.dynamodb:_tables", "AccountRegionScopedDict"),
        ("ministack.services.dynamodb:_update_table", r"\(data\)"),
        ("ministack.services.dynamodb:_no_such_name", "absent"),
        ("ministack.no_such_module:anything", "absent"),
    ],
)
def test_a_name_that_changed_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, actual: str) -> None:
    monkeypatch.setitem(emulator.TOUCHED, name, "something else")
    with pytest.raises(Failed, match=f"{name} is {actual}"):
        emulator.check()


def test_a_name_outside_of_the_table_cannot_be_reached() -> None:
    with pytest.raises(KeyError):
        emulator.touch("ministack.services.dynamodb:_lock")
