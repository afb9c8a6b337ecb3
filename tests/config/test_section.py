import pytest
from pydantic import ValidationError

from builder.components.options import Account, Section


class Part(Section):
    """Something of dr.yaml."""

    account: Account


def test_a_section_knows_its_keys_and_cannot_be_changed() -> None:
    part = Part.model_validate({"account": "111122223333"})

    with pytest.raises(ValidationError, match="frozen"):
        part.account = part.account
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Part.model_validate({"account": "111122223333", "acount": "1"})


@pytest.mark.parametrize("account", ["11112222333", "1111222233334", "11112222333a", "", "111122223333\n"])
def test_an_account_has_twelve_digits(account: str) -> None:
    with pytest.raises(ValidationError, match="string_pattern_mismatch"):
        Part.model_validate({"account": account})
