"""The global table, with all its replicas, in one stack of the primary region."""

from typing import Any

from troposphere import GetAtt, Output, Ref, Sub, Tags, Template, dynamodb

from builder.components.encryption import key_name
from builder.components.options import TABLE
from builder.components.skeleton import add, make_skeleton
from builder.components.table.options import TableConfig
from builder.components.varying import Varying
from builder.config import Config, Wanted
from builder.terms import Region
from builder.topology import Stack, names


def make_template(wanted: Wanted, stack: Stack) -> Template:
    """Return the template that this piece of dr.yaml leads to.

        regions: {primary: us-east-1, secondaries: [us-west-2]}
        table: {point_in_time_recovery: true}

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
    """
    config, options = wanted.config, wanted.config.tables_by_name[stack.of]
    template = make_skeleton(f"{config.project}: DynamoDB global table, a replica in every region")
    values = Varying(config, TABLE, stack.of, template)
    add(
        template,
        dynamodb.GlobalTable(
            "Table",
            TableName=Sub(names.table_name(config.project, stack.of)),
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[dynamodb.AttributeDefinition(AttributeName="id", AttributeType="S")],
            KeySchema=[dynamodb.KeySchema(AttributeName="id", KeyType="HASH")],
            # Replication runs over the stream: required as soon as there are two replicas.
            StreamSpecification=dynamodb.StreamSpecification(StreamViewType="NEW_AND_OLD_IMAGES"),
            Replicas=[_replica(config, options, values, region) for region in config.regions.all],
            **_encryption(config),
        ),
    )
    template.add_output(Output("TableName", Description="Name of the table in every region", Value=Ref("Table")))
    template.add_output(Output("TableArn", Description="ARN of the primary's replica", Value=GetAtt("Table", "Arn")))
    return template


def _encryption(config: Config) -> dict[str, Any]:
    """Return how all replicas are encrypted, each by the key that it names; nothing for DynamoDB's own."""
    if config.encryption is None:
        return {}
    return {"SSESpecification": dynamodb.GlobalTableSSESpecification(SSEEnabled=True, SSEType="KMS")}


def _replica(config: Config, options: TableConfig, values: Varying, region: Region) -> dynamodb.ReplicaSpecification:
    key = key_name(config, region)
    encryption: dict[str, Any] = {}
    if key is not None:
        encryption = {"SSESpecification": dynamodb.ReplicaSSESpecification(KMSMasterKeyId=key)}
    # What is off is said only where it was written, or differs: then nobody asks what leaving it out would mean.
    is_said = "deletion_protection" in options.model_fields_set or values.varies("deletion_protection")
    return dynamodb.ReplicaSpecification(
        **({"DeletionProtectionEnabled": values.of("deletion_protection")} if is_said else {}),
        Region=region,
        PointInTimeRecoverySpecification=dynamodb.PointInTimeRecoverySpecification(
            PointInTimeRecoveryEnabled=options.point_in_time_recovery
        ),
        **encryption,
        # CloudFormation's stack tags reach the replica of the stack's own region only, so they are said here.
        Tags=Tags({"project": config.project, "environment": Ref("EnvironmentSuffix"), **config.tags}),
    )
