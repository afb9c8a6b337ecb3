"""What dr.yaml may say under `function:`, and of each of `functions:`."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from builder.components.available import Runtime
from builder.components.options import Section

RESOURCE_TYPES = (
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Url",
    "AWS::Logs::LogGroup",
)
"""What its template is made of."""
_VARIABLE = r"^[a-zA-Z][a-zA-Z0-9_]+$"
FUNCTION_PATTERNS = {_VARIABLE: "only letters, digits and underscores, two at least and a letter first"}
"""What each pattern asks for, in words."""
FUNCTION_SEPARATORS = {_VARIABLE: "_"}
_VariableName = Annotated[str, StringConstraints(pattern=_VARIABLE)]
# CloudWatch Logs takes these periods and no others.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_RetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]


def _source(known: dict[str, Any]) -> str:
    return "lambda/nodejs" if str(known.get("runtime")).startswith("nodejs") else "lambda/python"


class FunctionVarying(Section):
    """What may differ between environments."""

    memory_mb: int = Field(default=256, strict=True, ge=128, le=10240, description="Memory; processor time follows it")
    timeout_s: int = Field(default=10, strict=True, ge=1, le=900, description="Seconds until a request is given up")
    environment: dict[_VariableName, str] = Field(
        default_factory=dict,
        description="More environment variables; ROLE and REGIONS are there already, and TABLE_NAME beside `table:`",
    )
    log_retention_days: _RetentionDays = Field(default=30, description="Days that log lines are kept")


class FunctionConfig(FunctionVarying):
    """The function of each region, and the URL in front of it."""

    runtime: Runtime = Field(default="python3.14", description="Lambda runtime: index.py for Python, index.js for Node")
    source: str = Field(
        default_factory=_source,
        min_length=1,
        description="Folder of index.py or index.js; lambda/python or lambda/nodejs where nothing is said",
    )
    url_auth: Literal["AWS_IAM", "NONE"] = Field(
        default="AWS_IAM", description="Who may call the URL: AWS_IAM signed requests only, NONE anyone who knows it"
    )

    @property
    def handler_file(self) -> str:
        """The handler's file, relative to the folder of dr.yaml."""
        return f"{self.source}/index.{'js' if self.runtime.startswith('nodejs') else 'py'}"
