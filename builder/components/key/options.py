"""What dr.yaml may say under `encryption:`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, StringConstraints, Tag

from builder.components.options import RegionName, Section
from builder.errors import did_you_mean
from builder.terms import Region

RESOURCE_TYPES = ("AWS::KMS::Alias", "AWS::KMS::Key", "AWS::KMS::ReplicaKey")
"""What its templates are made of."""
MANAGED = "managed"
# https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
_ALIAS = r"^alias/[a-zA-Z0-9/_-]+$"
_KEY = r"^(alias/[a-zA-Z0-9/_-]+|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+)$"
KEY_PATTERNS = {
    _ALIAS: "the alias of a key looks like alias/shop",
    _KEY: "a key is an alias like alias/shop, or the ARN of a key like arn:aws:kms:us-east-1:111122223333:key/mrk-12ab",
}
"""What each pattern asks for, in words."""


def _kind_of_key(value: object) -> str:
    if isinstance(value, dict):
        return "[regions]"
    return f"[{MANAGED}]" if value == MANAGED else "[alias]"


def _key(value: object) -> object:
    if isinstance(value, dict) or (isinstance(value, str) and (value == MANAGED or value.startswith("alias/"))):
        return value
    shown = f"'{value}'" if isinstance(value, str) else "nothing" if value is None else str(value)
    hint = did_you_mean(value, [MANAGED]) if isinstance(value, str) else ""
    raise ValueError(f"{shown} is neither {MANAGED}, nor an alias like alias/shop, nor a key for each region{hint}")


def _check_own(name: str) -> str:
    if name.startswith("alias/aws/"):
        raise ValueError(f"'{name}': keys under alias/aws/ are AWS's own, whose policies nobody can change")
    return name


_Alias = Annotated[str, StringConstraints(pattern=_ALIAS, max_length=256), AfterValidator(_check_own)]
_OwnKey = Annotated[str, StringConstraints(pattern=_KEY, max_length=256), AfterValidator(_check_own)]
KEY_TAGS = frozenset({f"[{MANAGED}]", "[alias]", "[regions]"})
"""What pydantic puts into a place for the kind of key that it read; no key of the file is called so."""
_Key = Annotated[
    Annotated[Literal["managed"], Tag(f"[{MANAGED}]")]
    | Annotated[_Alias, Tag("[alias]")]
    | Annotated[dict[RegionName, _OwnKey], Tag("[regions]")],
    Discriminator(_kind_of_key),
]


class EncryptionConfig(Section):
    """The key that encrypts tables, buckets, logs and environment variables."""

    key: Annotated[
        _Key, BeforeValidator(_key, json_schema_input_type=Literal["managed"] | _Alias | dict[RegionName, _OwnKey])
    ] = Field(
        description="managed: a multi-Region key that the system creates; or your own: one alias, or a key for each "
        "region",
        examples=[MANAGED, "alias/shop", {"us-east-1": "alias/shop", "us-west-2": "alias/shop"}],
    )
    functions: bool = Field(
        default=True,
        strict=True,
        description="Whether the key encrypts functions' variables and logs too; false: AWS's own keys do",
    )
    pending_window_days: int = Field(
        default=30,
        strict=True,
        ge=7,
        le=30,
        description="Days from the deletion of a managed key's stack to that of the key, which can be cancelled "
        "until then",
    )

    @property
    def is_managed(self) -> bool:
        """Whether the key is the system's own."""
        return self.key == MANAGED

    @property
    def by_alias(self) -> bool:
        """Whether the keys are the user's, and named by aliases: which keys they are nobody knows beforehand."""
        keys = self.key.values() if isinstance(self.key, dict) else [self.key]
        return not self.is_managed and any(key.startswith("alias/") for key in keys)

    def own_key(self, region: Region) -> str | None:
        """Return the alias or ARN of a region's key where it is the user's."""
        if isinstance(self.key, dict):
            return self.key.get(region)
        return None if self.is_managed else self.key
