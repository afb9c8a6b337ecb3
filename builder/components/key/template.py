"""The key of the system's home region, or a replica of it, with a policy to the action, and the alias of either."""

from typing import Any

from awacs import kms as actions
from awacs.aws import (
    Action,
    Allow,
    ArnEquals,
    ArnLike,
    AWSPrincipal,
    Bool,
    Condition,
    PolicyDocument,
    Principal,
    Statement,
    StringEquals,
)
from troposphere import GetAtt, Output, Parameter, Ref, Sub, Template, encode_to_dict, kms

from builder.components.key.stacks import key_home
from builder.components.skeleton import add, make_skeleton
from builder.config import Config, LoadedConfig
from builder.topology import Stack, names

# AWS's own default lets the account do `kms:*`. These are what keeps a key manageable: whoever may write its policy can
# give themselves all the rest, and KMS refuses a policy by which its author could not write it again. None of them
# encrypts or decrypts. SynchronizeMultiRegionKey is what KMS's own role does between a key and its replicas.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
# https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-auth-slr.html
_ADMINISTRATION = (
    actions.CancelKeyDeletion,
    actions.CreateAlias,
    actions.DeleteAlias,
    actions.DescribeKey,
    actions.DisableKey,
    actions.DisableKeyRotation,
    actions.EnableKey,
    actions.EnableKeyRotation,
    actions.GetKeyPolicy,
    actions.GetKeyRotationStatus,
    actions.ListGrants,
    actions.ListKeyPolicies,
    actions.ListKeyRotations,
    actions.ListResourceTags,
    actions.PutKeyPolicy,
    actions.ReplicateKey,
    actions.RevokeGrant,
    actions.RotateKeyOnDemand,
    actions.ScheduleKeyDeletion,
    actions.SynchronizeMultiRegionKey,
    actions.TagResource,
    actions.UntagResource,
    actions.UpdateAlias,
    actions.UpdateKeyDescription,
    actions.UpdatePrimaryRegion,
)
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
_USE = (
    actions.Encrypt,
    actions.Decrypt,
    actions.ReEncryptFrom,
    actions.ReEncryptTo,
    actions.GenerateDataKey,
    actions.GenerateDataKeyWithoutPlaintext,
)
# In the name of whoever asks them; each asks by a role of its own what the role may.
_SERVICES = ("dynamodb", "lambda", "s3", "sns")
# They keep a grant for what they do later, when nobody asks.
_GRANTED = ("dynamodb", "lambda")


def make_template(loaded: LoadedConfig, stack: Stack) -> Template:
    """Return the template that this piece of dr.yaml leads to, for the stack's region.

    encryption: {key: managed, pending_window_days: 30}
    """
    config = loaded.config
    if stack.region == key_home(config):
        template = make_skeleton(f"{config.project}: key of every region, whose material each replica shares")
        add(template, _primary(config), _alias(config))
    else:
        primary = Parameter("PrimaryKeyArn", Type="String", Description="ARN of the key that this one replicates")
        template = make_skeleton(
            f"{config.project}: replica of the key, good by itself while its home is down", primary
        )
        add(template, _replica(config), _alias(config))
    template.add_output(Output("KeyArn", Description="ARN of this region's key", Value=GetAtt("Key", "Arn")))
    template.add_output(Output("KeyId", Description="Id of the key, the same in every region", Value=Ref("Key")))
    return template


def _primary(config: Config) -> kms.Key:
    """Rotation is the primary's: KMS hands it on to the replicas.

    Source: https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
    """
    return kms.Key("Key", MultiRegion=True, EnableKeyRotation=True, **_of_either(config))


def _replica(config: Config) -> kms.ReplicaKey:
    return kms.ReplicaKey("Key", PrimaryKeyArn=Ref("PrimaryKeyArn"), **_of_either(config))


def _of_either(config: Config) -> dict[str, Any]:
    """Return what a key and its replicas do not share."""
    options = config.encryption
    return {
        "Description": Sub(f"{config.project}-${{EnvironmentSuffix}}: tables, buckets, logs and variables"),
        # As data: a replica of troposphere's takes nothing else.
        "KeyPolicy": encode_to_dict(_policy(config)),
        "PendingWindowInDays": options.pending_window_days if options else 30,
    }


def _alias(config: Config) -> kms.Alias:
    return kms.Alias("Alias", AliasName=Sub(names.key_alias(config.project)), TargetKeyId=Ref("Key"))


def _policy(config: Config) -> PolicyDocument:
    """Return who may do what with the key, whatever of the system is written: an orphan still has to be read."""
    return PolicyDocument(
        Version="2012-10-17",
        Statement=[
            _allow("Administration", _account(), _ADMINISTRATION),
            _allow("UseThroughServices", _account(), _USE, StringEquals("kms:ViaService", _via(*_SERVICES))),
            _allow(
                "GrantsOfServices",
                _account(),
                (actions.CreateGrant,),
                StringEquals("kms:ViaService", _via(*_GRANTED)),
                Bool("kms:GrantIsForAWSResource", "true"),
            ),
            *_replication(),
            _own_roles(config),
            _allow("Variables", _account(), (actions.Decrypt,), ArnLike(*_of_functions(config))),
            _allow(
                "Logs",
                Principal("Service", Sub("logs.${AWS::Region}.${AWS::URLSuffix}")),
                _USE,
                ArnLike(*_of_log_groups(config)),
            ),
            # Without it an alarm tells an encrypted topic nothing, and nobody hears of that.
            # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
            _allow(
                "Alarms",
                Principal("Service", "cloudwatch.amazonaws.com"),
                (actions.Decrypt, actions.GenerateDataKey),
                StringEquals("aws:SourceAccount", Ref("AWS::AccountId")),
                ArnLike("aws:SourceArn", _of_alarms()),
            ),
        ],
    )


def _replication() -> tuple[Statement, Statement]:
    """What DynamoDB replicates with, a role that is there from the first global table on.

    It is named by a condition: KMS refuses a policy with a principal that does not exist yet.
    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables-security.html
    """
    role = "aws-service-role/replication.dynamodb.amazonaws.com/AWSServiceRoleForDynamoDBReplication"
    its_role = ArnEquals("aws:PrincipalArn", _role_arn(role))
    grant = Bool("kms:GrantIsForAWSResource", "true")
    return (
        _allow("ReplicationOfTables", AWSPrincipal("*"), (*_USE, actions.DescribeKey), its_role, _of_account()),
        _allow("GrantsOfReplication", AWSPrincipal("*"), (actions.CreateGrant,), its_role, _of_account(), grant),
    )


def _own_roles(config: Config) -> Statement:
    """What the deployment's own roles do with its tables and buckets, whatever their own policies say by now.

    A key that comes to a table at work comes before the roles of those who read it are told of it.
    """
    return _allow(
        "OwnRoles",
        AWSPrincipal("*"),
        (actions.Decrypt, actions.GenerateDataKey),
        ArnLike("aws:PrincipalArn", _role_arn(f"{names.of_deployment(config.project)}-*")),
        StringEquals({"kms:CallerAccount": Ref("AWS::AccountId"), "kms:ViaService": _via("dynamodb", "s3")}),
    )


def _of_account() -> StringEquals:
    return StringEquals("kms:CallerAccount", Ref("AWS::AccountId"))


def _role_arn(role: str) -> Sub:
    return Sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{role}")


def _allow(sid: str, who: Principal, may: tuple[Action, ...], *conditions: Any) -> Statement:  # noqa: ANN401 - awacs has no type for them
    """Return a statement of the key's own policy, in which `*` stands for the key itself."""
    only = {"Condition": Condition(list(conditions))} if conditions else {}
    return Statement(Sid=sid, Effect=Allow, Principal=who, Action=list(may), Resource=["*"], **only)


def _account() -> Principal:
    """Return the account: whom its own policies allow it."""
    return AWSPrincipal(Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root"))


def _via(*services: str) -> list[Sub]:
    return [Sub(f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}") for service in services]


def _of_functions(config: Config) -> tuple[str, Sub]:
    """Return what Lambda says of a function's variables when it decrypts them by the function's role."""
    functions = f"function:{names.of_deployment(config.project)}-*"
    arn = Sub(f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:{functions}")
    return ("kms:EncryptionContext:aws:lambda:FunctionArn", arn)


def _of_alarms() -> Sub:
    return Sub("arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*")


def _of_log_groups(config: Config) -> tuple[str, Sub]:
    """Return what CloudWatch Logs says of a log group.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    groups = f"log-group:/aws/lambda/{names.of_deployment(config.project)}-*"
    arn = Sub(f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:{groups}")
    return ("kms:EncryptionContext:aws:logs:arn", arn)
