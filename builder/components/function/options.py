"""What dr.yaml may say under `function:`, and of each of `functions:`."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from builder.components.available import Runtime
from builder.components.options import BUCKET, COMPONENT_PATTERN, PATH_PATTERN, SELDOM, TABLE, Section
from builder.errors import did_you_mean

RESOURCE_TYPES = (
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Url",
    "AWS::Logs::LogGroup",
)
"""What its template is made of."""
_VARIABLE = r"^[a-zA-Z][a-zA-Z0-9_]+$"
_HANDLER = r"^[A-Za-z0-9_/-][A-Za-z0-9_./-]*\.[A-Za-z_$][A-Za-z0-9_$]*$"
_SID = r"^[A-Za-z0-9]{1,}$"
_ACTION = r"^[a-z0-9-]+:[A-Za-z0-9]+$"
_RESOURCE = r"^(\*|arn:[!-~]+)$"
FUNCTION_PATTERNS = {
    _VARIABLE: "only letters, digits and underscores, two at least and a letter first",
    _HANDLER: "a module and a function in it: index.handler, app.main.handler, src/api/index.handler",
    _SID: "only letters and digits, as IAM has it",
    _ACTION: "an action as IAM has it, s3:GetObject; without wildcards, each by its name",
    _RESOURCE: "an ARN, which may hold ${AWS::Region} and the like, or * for actions that are on nothing",
}
"""What each pattern asks for, in words."""
FUNCTION_SEPARATORS = {_VARIABLE: "_"}
_VariableName = Annotated[str, StringConstraints(pattern=_VARIABLE)]
_PLACEHOLDERS = ("EnvironmentSuffix", "AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::URLSuffix")
# CloudWatch Logs takes these periods and no others.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_RetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]


def _source(known: dict[str, Any]) -> str:
    return "lambda/nodejs" if str(known.get("runtime")).startswith("nodejs") else "lambda/python"


def _check_placeholders(text: str) -> str:
    """Return the text. Raises ValueError for a variable that the function's template does not have."""
    for name in re.findall(r"\$\{([^}]*)\}", text):
        if name not in _PLACEHOLDERS:
            known = ", ".join(f"${{{known}}}" for known in _PLACEHOLDERS)
            raise ValueError(f"'{text}' holds ${{{name}}}{did_you_mean(name, _PLACEHOLDERS)}: there are {known}")
    return text


def _url(written: object) -> object:
    """Return keys with values for `url: true`, none for `url: false`. Raises ValueError for `url:` without a word."""
    if written is None:
        raise ValueError("is empty: true or auth: for a URL, false for none, or leave it out")
    return {True: {}, False: None}.get(written, written) if isinstance(written, bool) else written


class UrlConfig(Section):
    """The URL of a function."""

    auth: Literal["AWS_IAM", "NONE"] = Field(
        default="AWS_IAM", description="Who may call the URL. AWS_IAM: signed requests only; NONE: anyone who knows it"
    )


class StatementConfig(Section):
    """An IAM policy statement."""

    Sid: Annotated[str, StringConstraints(pattern=_SID)] | None = Field(default=None, description="Id of the statement")
    Effect: Literal["Allow"] = Field(default="Allow", description="Always Allow")
    Action: tuple[Annotated[str, StringConstraints(pattern=_ACTION)], ...] = Field(
        min_length=1, description="Actions, each by its full name, without wildcards", examples=[["sns:Publish"]]
    )
    Resource: tuple[Annotated[str, StringConstraints(pattern=_RESOURCE), AfterValidator(_check_placeholders)], ...] = (
        Field(
            min_length=1,
            description="ARNs, which may hold ${EnvironmentSuffix}, ${AWS::Region} and other pseudo parameters",
            examples=[["arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:news"]],
        )
    )
    Condition: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Conditions of the statement",
        examples=[{"StringEquals": {"aws:ResourceTag/team": "shop"}}],
    )


UseMode = Literal["read", "write", "read_write"]


def variable_of(kind: str, name: str) -> str:
    """Return the variable in which a function that uses a table or a bucket has its physical name."""
    noun = kind.upper()
    return f"{noun}_NAME" if name in (TABLE, BUCKET) else f"{name.upper().replace('-', '_')}_{noun}"


class FunctionVarying(Section):
    """Options that may differ between environments."""

    memory_mb: int = Field(
        default=256, strict=True, ge=128, le=10240, description="Memory in MB; CPU power grows with it"
    )
    timeout_s: int = Field(default=10, strict=True, ge=1, le=900, description="Seconds until a call times out")
    reserved_concurrency: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        description="Concurrent calls that are reserved in each region, and the most that run at a time; 0 stops the "
        "function",
    )
    environment: dict[_VariableName, str] = Field(
        default_factory=dict,
        description="More environment variables; ROLE and REGIONS are always set, and TABLE_NAME if there is `table:`",
    )
    log_retention_days: _RetentionDays = Field(default=30, description="Days that log events are kept")


class FunctionConfig(FunctionVarying):
    """A function in each region, with a URL."""

    runtime: Runtime = Field(default="python3.14", description="Lambda runtime, of Python or of Node.js")
    architecture: Literal["x86_64", "arm64"] = Field(
        default="x86_64", description="Processor architecture that the function runs on and its packages are built for"
    )
    source: str = Field(
        default_factory=_source,
        min_length=1,
        description="Folder whose files are all its code; default: lambda/python or lambda/nodejs, by the runtime",
        examples=["services/api"],
    )
    handler: Annotated[str, StringConstraints(pattern=_HANDLER, max_length=128)] = Field(
        default="index.handler",
        description="Function that Lambda calls: a module in the folder, and a function in that",
        examples=["app.main.handler", "src/api/index.handler"],
    )
    url_auth: Literal["AWS_IAM", "NONE"] = Field(
        default="AWS_IAM", description="Short for `url: {auth: ...}`: AWS_IAM, or NONE"
    )
    url: Annotated[UrlConfig | None, BeforeValidator(_url, json_schema_input_type=bool | UrlConfig)] = Field(
        default=UrlConfig(),
        description="URL of the function. false: no URL, so that only calls with rights in the account reach it",
        examples=[{"auth": "NONE"}, False],
    )
    health: Annotated[str, StringConstraints(pattern=PATH_PATTERN)] = Field(
        default="/health",
        description="Path of its URL that returns 200 if the region is healthy; rehearsals and drills call it",
    )
    uses: dict[Annotated[str, StringConstraints(pattern=COMPONENT_PATTERN)], UseMode] = Field(
        default_factory=dict,
        description="Tables and buckets of its region that it may read, write or both; sets NAME_TABLE and NAME_BUCKET",
        examples=[{"orders": "read_write", "uploads": "read"}],
    )
    policy: tuple[Annotated[StatementConfig, SELDOM], ...] = Field(
        default=(), description="Policy statements of your own that are added to its role"
    )

    @property
    def auth(self) -> Literal["AWS_IAM", "NONE"] | None:
        """Who may call the URL; None where there is none."""
        if self.url is None:
            return None
        return self.url.auth if "url" in self.model_fields_set else self.url_auth
