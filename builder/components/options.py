"""What every section of dr.yaml is made of: it has keys with values, and refuses unknown keys."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from builder.terms import AccountId

ACCOUNT_PATTERN = r"^[0-9]{12}$"
Account = Annotated[AccountId, StringConstraints(pattern=ACCOUNT_PATTERN)]


class Section(BaseModel):
    """Keys with values, and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")
