"""The files of a CDK app's cloud assembly, as far as they are read; their other fields are ignored.

Source: https://github.com/aws/aws-cdk-cli/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactProperties:
    """The properties of an artifact of any type that are used here."""

    __pydantic_config__ = ConfigDict(extra="ignore", alias_generator=to_camel)
    template_file: str = ""
    stack_name: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    termination_protection: bool | None = None
    notification_arns: tuple[str, ...] = ()
    stack_template_asset_object_url: str | None = None
    requires_bootstrap_stack_version: int | None = None
    bootstrap_stack_version_ssm_parameter: str | None = None
    file: str = ""
    directory_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Part of a cloud assembly: a stack, its assets file, another cloud assembly, or what is not deployed."""

    __pydantic_config__ = ConfigDict(extra="ignore", alias_generator=to_camel)
    type: str
    environment: str | None = None
    dependencies: tuple[str, ...] = ()
    properties: ArtifactProperties = field(default_factory=ArtifactProperties)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingContext:
    """A value that should have been looked up in an account, and was not."""

    __pydantic_config__ = ConfigDict(extra="ignore")
    key: str
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudAssembly:
    """The manifest.json of a cloud assembly."""

    __pydantic_config__ = ConfigDict(extra="ignore", alias_generator=to_camel)
    version: str
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)
    missing: tuple[MissingContext, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """A file's path, relative to its assets file, or the program that makes it."""

    __pydantic_config__ = ConfigDict(extra="ignore")
    path: str | None = None
    packaging: str = "file"
    executable: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a file is uploaded, with placeholders for account, region and partition."""

    __pydantic_config__ = ConfigDict(extra="ignore", alias_generator=to_camel)
    bucket_name: str
    object_key: str
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that stacks take from a bucket."""

    __pydantic_config__ = ConfigDict(extra="ignore")
    source: FileSource
    destinations: Mapping[str, Destination]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFile:
    """The assets file of a stack."""

    __pydantic_config__ = ConfigDict(extra="ignore", alias_generator=to_camel)
    files: Mapping[str, File] = field(default_factory=dict)
    docker_images: Mapping[str, Any] = field(default_factory=dict)
