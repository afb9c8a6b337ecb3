"""What the parts of dr.yaml's schema are made of: sections that refuse unknown keys, and the words of several."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from builder.terms import AccountId

ACCOUNT_PATTERN = r"^[0-9]{12}$"

Account = Annotated[AccountId, StringConstraints(pattern=ACCOUNT_PATTERN)]


class Section(BaseModel):
    """Keys with values, and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")
