"""What a function's role may do beyond its logs: with what it uses, in its own region, and as `policy:` says.

Of a table or a bucket the actions on data that a mode takes, and no more: none that look at settings, or change any.
Sources:
- https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
- https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from awacs import dynamodb, kms, s3
from awacs.aws import Action, Allow, Condition, ConditionElement, Statement
from troposphere import Ref, Sub, iam

from builder.components.encryption import HERE, function_key, function_may_use_key, via
from builder.components.function.options import FunctionConfig, StatementConfig, UseMode, variable_of
from builder.components.function.stacks import bucket_parameter, existing_buckets, writes_to_table
from builder.components.options import BUCKET, FUNCTION, TABLE
from builder.components.skeleton import written
from builder.config import Config, LoadedConfig
from builder.errors import BadInput
from builder.topology import names

_ROLE_CHARACTERS = 10_240


def variables_of(config: Config, options: FunctionConfig) -> dict[str, str | Sub | Ref]:
    """Return the variables in which a function has the names of what it uses."""
    return {variable_of(kind, name): _physical(config, kind, name) for kind, name, _ in _used(config, options)}


def make_statements(config: Config, options: FunctionConfig) -> tuple[Statement, ...]:
    """Return what a function's role is allowed by `uses:` and `policy:`."""
    used = [
        statement
        for kind, name, mode in _used(config, options)
        for statement in _STATEMENTS[kind](_sid(name), _arn(config, kind, name), mode)
    ]
    statements = [*used, *(_own(statement, number) for number, statement in enumerate(options.policy, 1))]
    seen = {"WriteLogs", "ReadAndWriteItems", "DecryptVariables", "DecryptItems", "UseObjects"}
    for statement in statements:
        # IAM takes each once; `a-1b` and `a1b` lead to the same.
        while statement.properties["Sid"] in seen:
            statement.properties["Sid"] += "More"
        seen.add(statement.properties["Sid"])
    return tuple(statements)


def check_size(loaded: LoadedConfig, name: str, role: iam.Role) -> None:
    """Raise BadInput unless the policies of a function's role fit IAM's limit.

    Counted by the longest region and environment, without white space; the little that only AWS knows is not.
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    config = loaded.config
    suffix = max((config.environment, *config.environments), key=len)
    policies = role.to_dict()["Properties"]["Policies"]
    text = json.dumps([policy["PolicyDocument"] for policy in policies], separators=(",", ":"))
    given = [existing_buckets(config, name, region) for region in config.regions.all]
    for placeholder, longest in {
        **{f"${{{parameter}}}": max((here[parameter] for here in given), key=len) for parameter in given[0]},
        '{"Fn::Sub":"': '"',
        '"}': '"',
        "${AWS::Partition}": "aws",
        "${AWS::AccountId}": "0" * 12,
        "${AWS::Region}": max(config.regions.all, key=len),
        names.SUFFIX: suffix,
    }.items():
        text = text.replace(placeholder, longest)
    if len(text) > _ROLE_CHARACTERS:
        place = (FUNCTION,) if name == FUNCTION else (f"{FUNCTION}s", name)
        raise BadInput(
            where=loaded.lines.where((*place, "uses" if config.functions_by_name[name].uses else "policy")),
            what=f"its role's policy would have {len(text):,} characters, and IAM takes {_ROLE_CHARACTERS:,} in a role",
            next_step="use fewer tables and buckets, or in fewer ways: several functions have a role each",
        )


def may_use_key(config: Config, name: str, options: FunctionConfig) -> Iterator[Statement]:
    """Yield what a function takes of the system's key: its variables, and what is in the tables and buckets it uses.

    A write of an item decrypts too, as an upload in parts does; an object is put under a new data key.
    Sources:
    - https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
    - https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    - https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    if function_key(config):
        physical = names.function_name(config.project, name, role="${BornAs}", region="${AWS::Region}")
        own = Sub(f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{physical}")
        context = {"kms:EncryptionContext:aws:lambda:FunctionArn": own}
        yield from function_may_use_key(config, "DecryptVariables", [kms.Decrypt], context)
    modes = [(kind, mode) for kind, _, mode in _used(config, options)]
    if writes_to_table(config, name) or any(kind == TABLE for kind, _ in modes):
        yield from function_may_use_key(config, "DecryptItems", [kms.Decrypt], {"kms:ViaService": via("dynamodb")})
    of_buckets = {mode for kind, mode in modes if kind == BUCKET}
    if of_buckets:
        actions = [kms.Decrypt, *([kms.GenerateDataKey] if of_buckets - {"read"} else [])]
        yield from function_may_use_key(config, "UseObjects", actions, {"kms:ViaService": via("s3")})


def _used(config: Config, options: FunctionConfig) -> Iterator[tuple[str, str, UseMode]]:
    for name, mode in options.uses.items():
        yield TABLE if name in config.tables_by_name else BUCKET, name, mode


def _physical(config: Config, kind: str, name: str) -> str | Sub | Ref:
    if kind == TABLE:
        return written(names.table_name(config, name))
    if config.buckets_by_name[name].existing:
        return Ref(bucket_parameter(name))
    return Sub(names.computed_bucket_name(config.project, name, HERE))


def _sid(name: str) -> str:
    # Shorter than a logical name can be: they count among what IAM takes of a role.
    return "".join(word.capitalize() for word in name.split("-"))


def _arn(config: Config, kind: str, name: str) -> str:
    if kind == TABLE:
        return names.table_arn(config, name)
    existing = config.buckets_by_name[name].existing
    physical = f"${{{bucket_parameter(name)}}}" if existing else names.computed_bucket_name(config.project, name, HERE)
    return f"arn:${{AWS::Partition}}:s3:::{physical}"


def _table(sid: str, arn: str, mode: UseMode) -> Iterator[Statement]:
    """Yield what a table is used by. A query and a scan are of an index too; which there are is the table's to say."""
    if mode != "write":
        items = [dynamodb.BatchGetItem, dynamodb.ConditionCheckItem, dynamodb.GetItem]
        yield _allow(f"Read{sid}", items, arn)
        yield _allow(f"Query{sid}", [dynamodb.Query, dynamodb.Scan], arn, f"{arn}/index/*")
    if mode != "read":
        changes = [dynamodb.BatchWriteItem, dynamodb.DeleteItem, dynamodb.PutItem, dynamodb.UpdateItem]
        yield _allow(f"Write{sid}", changes, arn)


def _bucket(sid: str, arn: str, mode: UseMode) -> Iterator[Statement]:
    """Yield what a bucket is used by. Who may not list is told 403 of an object that is not there, in place of 404.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    if mode != "write":
        yield _allow(f"List{sid}", [s3.ListBucket], arn)
        yield _allow(f"Read{sid}", [s3.GetObject], f"{arn}/*")
    if mode != "read":
        yield _allow(f"Write{sid}", [s3.AbortMultipartUpload, s3.DeleteObject, s3.PutObject], f"{arn}/*")


_STATEMENTS = {TABLE: _table, BUCKET: _bucket}


class _Operator(ConditionElement):
    """An operator of a condition with the keys that it compares, by whatever name IAM has for it."""

    def __init__(self, name: str, keys: Mapping[str, object]) -> None:
        super().__init__(dict(keys))
        self._name = name

    @property
    def condition(self) -> str:
        return self._name


def _allow(sid: str, actions: Sequence[Action], *arns: str) -> Statement:
    return Statement(Sid=sid, Effect=Allow, Action=[*actions], Resource=[Sub(arn) for arn in arns])


def _own(statement: StatementConfig, number: int) -> Statement:
    operators: list[ConditionElement] = [_Operator(name, keys) for name, keys in statement.Condition.items()]
    conditions = {"Condition": Condition(operators)} if operators else {}
    return Statement(
        Sid=statement.Sid or f"Own{number}",
        Effect=Allow,
        Action=[Action(*action.split(":")) for action in statement.Action],
        Resource=[Sub(arn) if "${" in arn else arn for arn in statement.Resource],
        **conditions,
    )
