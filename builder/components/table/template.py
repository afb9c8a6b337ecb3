"""The global table, with all its replicas, in one stack of the primary region."""

from collections.abc import Mapping
from typing import Any

from troposphere import GetAtt, Output, Ref, Tags, Template, dynamodb

from builder.components.encryption import key_name
from builder.components.options import TABLE
from builder.components.skeleton import add, make_skeleton, written
from builder.components.table.options import IndexConfig, TableConfig
from builder.components.varying import Varying
from builder.config import Config, LoadedConfig
from builder.terms import Region
from builder.topology import Stack, names


def make_template(loaded: LoadedConfig, stack: Stack) -> Template:
    """Return the template that this piece of dr.yaml leads to.

        regions: {primary: us-east-1, secondaries: [us-west-2]}
        tables:
          orders: {key: {customer: S, placed_at: S}, ttl: expires_at, indexes: {by_status: {key: {status: S}}}}

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
    """
    config, options = loaded.config, loaded.config.tables_by_name[stack.of]
    template = make_skeleton(f"{config.project}: DynamoDB global table, a replica in every region")
    values = Varying(config, TABLE, stack.of, template)
    add(
        template,
        dynamodb.GlobalTable(
            "Table",
            TableName=written(names.table_name(config, stack.of)),
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=_definitions(options),
            KeySchema=_key_schema(options.key),
            **_indexes(options),
            # Replication runs over the stream: required as soon as there are two replicas.
            StreamSpecification=dynamodb.StreamSpecification(StreamViewType=options.stream),
            **_expiry(options),
            Replicas=[_replica(config, options, values, region) for region in config.regions.all],
            **_encryption(config),
        ),
    )
    template.add_output(Output("TableName", Description="Name of the table in every region", Value=Ref("Table")))
    template.add_output(Output("TableArn", Description="ARN of the primary's replica", Value=GetAtt("Table", "Arn")))
    return template


def _definitions(options: TableConfig) -> list[dynamodb.AttributeDefinition]:
    """Return every attribute of a key, once; DynamoDB refuses any other."""
    keys = (options.key, *(index.key for index in options.indexes.values()))
    types = {name: kind for key in keys for name, kind in key.items()}
    return [dynamodb.AttributeDefinition(AttributeName=name, AttributeType=kind) for name, kind in types.items()]


def _key_schema(key: Mapping[str, str]) -> list[dynamodb.KeySchema]:
    return [
        dynamodb.KeySchema(AttributeName=name, KeyType=kind) for name, kind in zip(key, ("HASH", "RANGE"), strict=False)
    ]


def _indexes(options: TableConfig) -> dict[str, Any]:
    if not options.indexes:
        return {}
    return {
        "GlobalSecondaryIndexes": [
            dynamodb.GlobalTableGlobalSecondaryIndex(
                IndexName=name, KeySchema=_key_schema(index.key), Projection=_projection(index)
            )
            for name, index in options.indexes.items()
        ]
    }


def _projection(index: IndexConfig) -> dynamodb.Projection:
    if isinstance(index.projection, str):
        return dynamodb.Projection(ProjectionType=index.projection.upper())
    return dynamodb.Projection(ProjectionType="INCLUDE", NonKeyAttributes=[*index.projection])


def _expiry(options: TableConfig) -> dict[str, Any]:
    if options.ttl is None:
        return {}
    return {"TimeToLiveSpecification": dynamodb.TimeToLiveSpecification(AttributeName=options.ttl, Enabled=True)}


def _encryption(config: Config) -> dict[str, Any]:
    """Return how all replicas are encrypted, each by the key that it names; nothing for DynamoDB's own."""
    if config.encryption is None:
        return {}
    return {"SSESpecification": dynamodb.GlobalTableSSESpecification(SSEEnabled=True, SSEType="KMS")}


def _replica(config: Config, options: TableConfig, values: Varying, region: Region) -> dynamodb.ReplicaSpecification:
    key = key_name(config, region)
    more: dict[str, Any] = {}
    if key is not None:
        more["SSESpecification"] = dynamodb.ReplicaSSESpecification(KMSMasterKeyId=key)
    # What is off is written only where dr.yaml has it, or where environments differ.
    if "deletion_protection" in options.model_fields_set or values.varies("deletion_protection"):
        more["DeletionProtectionEnabled"] = values.of("deletion_protection")
    return dynamodb.ReplicaSpecification(
        Region=region,
        PointInTimeRecoverySpecification=_recovery(options),
        **more,
        # CloudFormation's stack tags reach the replica of the stack's own region only, so they are set here.
        Tags=Tags({"project": config.project, "environment": Ref("EnvironmentSuffix"), **config.tags}),
    )


def _recovery(options: TableConfig) -> dynamodb.PointInTimeRecoverySpecification:
    settings: dict[str, Any] = {"PointInTimeRecoveryEnabled": bool(options.point_in_time_recovery)}
    if options.recovery_days is not None:
        settings["RecoveryPeriodInDays"] = options.recovery_days
    return dynamodb.PointInTimeRecoverySpecification(**settings)
