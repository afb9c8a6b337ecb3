"""By which key what a template makes is encrypted, and what a role needs to use it; nothing where dr.yaml says nothing.

Tables and topics name a key by its alias, buckets by the ARN of that: all known beforehand. Logs, variables and a
role's policy take a key by its own ARN only: of a managed key their stack is told its id, the same in every region.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from awacs.aws import Action, Allow, Condition, ForAnyValueStringEquals, Statement, StringEquals
from troposphere import Parameter, Ref, Sub, s3

from builder.config import Config
from builder.terms import Region
from builder.topology import names

HERE = "${AWS::Region}"


def key_name(config: Config, region: Region) -> str | Sub | None:
    """Return what a table's replica or a topic in a region names the key by; None where it is one of AWS's own."""
    if config.encryption is None:
        return None
    return config.encryption.own_key(region) or Sub(names.key_alias(config.project))


def bucket_key(config: Config, region: Region, written: str = "") -> str | Sub | None:
    """Return what a bucket names the key of a region by; None where it is one of AWS's own.

    S3 would look for a bare alias in the account of whoever puts an object. `written` is the region as it is written.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html
    """
    if config.encryption is None:
        return None
    own = config.encryption.own_key(region)
    return own if is_arn(own) else _arn(written or region, own or names.key_alias(config.project))


def bucket_encryption(key: str | Sub | None = None) -> s3.BucketEncryption:
    """Return how a bucket encrypts what is put into it: by a key, or by one of S3's own."""
    default = {"SSEAlgorithm": "AES256"} if key is None else {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    # One call of KMS for many objects; the encryption context is the bucket's ARN then, and no object's.
    bucket_key_enabled: dict[str, Any] = {} if key is None else {"BucketKeyEnabled": True}
    rule = s3.ServerSideEncryptionRule(
        ServerSideEncryptionByDefault=s3.ServerSideEncryptionByDefault(**default),
        **bucket_key_enabled,
    )
    return s3.BucketEncryption(ServerSideEncryptionConfiguration=[rule])


def key_id_parameter(config: Config) -> tuple[Parameter, ...]:
    """Return the parameter of a template that names a managed key of several regions by its own ARN."""
    if config.encryption is None or not config.encryption.is_managed:
        return ()
    return (Parameter("KeyId", Type="String", Description="Id of the system's key, the same in every region"),)


def function_key_parameters(config: Config, *, uses_data: bool) -> tuple[Parameter, ...]:
    """Return the parameter by which a template that is the same in every region names the region's key."""
    if config.encryption is None or not (config.encryption.functions or uses_data):
        return ()
    if config.encryption.by_alias:
        return (Parameter("KeyAlias", Type="String", Description="Alias of this region's key"),)
    return (Parameter("KeyArn", Type="String", Description="ARN of this region's key"),)


def function_key(config: Config) -> Ref | None:
    """Return the ARN of the key of a function's variables and logs; None where it is one of AWS's own."""
    return Ref("KeyArn") if config.encryption is not None and config.encryption.functions else None


def function_may_use_key(
    config: Config, sid: str, actions: Sequence[Action], context: Mapping[str, Any]
) -> tuple[Statement, ...]:
    """Return what lets a function's role use its region's key where the context is this: `kms:ViaService`, say."""
    if config.encryption is None:
        return ()
    if config.encryption.by_alias:
        return (_may_use(sid, actions, _arn(HERE, "key/*"), context, Ref("KeyAlias")),)
    return (_may_use(sid, actions, Ref("KeyArn"), context),)


def may_use_key(
    config: Config, sid: str, region: Region, actions: Sequence[Action], context: Mapping[str, Any]
) -> tuple[Statement, ...]:
    """Return the same for the key of a region that the template names."""
    if config.encryption is None:
        return ()
    own = config.encryption.own_key(region)
    if own is None:
        return (_may_use(sid, actions, _arn(region, "key/${KeyId}"), context),)
    if is_arn(own):
        return (_may_use(sid, actions, own, context),)
    return (_may_use(sid, actions, _arn(region, "key/*"), context, own),)


def _may_use(
    sid: str,
    actions: Sequence[Action],
    key: str | Ref | Sub,
    context: Mapping[str, Any],
    alias: str | Ref | None = None,
) -> Statement:
    tests: list[Any] = [StringEquals(dict(context))]
    if alias is not None:
        # Which key has it nobody knows beforehand.
        tests.append(ForAnyValueStringEquals("kms:ResourceAliases", [alias]))
    return Statement(Sid=sid, Effect=Allow, Action=list(actions), Resource=[key], Condition=Condition(tests))


def via(service: str, region: str = HERE) -> Sub:
    """Return the value of `kms:ViaService` for what a service does in somebody's name."""
    return Sub(f"{service}.{region}.${{AWS::URLSuffix}}")


def is_arn(key: str | None) -> bool:
    """Return whether a key is named by its own ARN, and not by an alias."""
    return key is not None and key.startswith("arn:")


def _arn(region: str, resource: str) -> Sub:
    return Sub(f"arn:${{AWS::Partition}}:kms:{region}:${{AWS::AccountId}}:{resource}")
