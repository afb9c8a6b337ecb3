"""The experiment by which a drill pauses replication out of the primary, and the role that it takes."""

from typing import Any

from awacs.aws import Action, Allow, BoolIfExists, Condition, PolicyDocument, Statement, StringEquals
from troposphere import GetAtt, Output, Ref, Sub, Template, fis, iam

from builder.components.role import make_role
from builder.components.skeleton import add, make_skeleton
from builder.config import Config, Wanted
from builder.topology import Stack, names

# A drill stops the experiment; where it can't any more, AWS ends it after so long.
_LONGEST = "PT10M"


def make_template(wanted: Wanted, _stack: Stack) -> Template:
    """Return the template that this piece of dr.yaml leads to.

        drill: {fis: {stop_alarms: [checkout-errors]}}

    Alarms take nothing of the experiment's role: FIS watches them by its service-linked role.
    Source: https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html,
    https://docs.aws.amazon.com/fis/latest/userguide/stop-conditions.html,
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonFISServiceRolePolicy.html
    """
    config = wanted.config
    template = make_skeleton(f"{config.project}: experiment that pauses replication out of the primary, for drills")
    add(
        template,
        fis.ExperimentTemplate(
            "Experiment",
            Description=Sub(f"{config.project}-${{EnvironmentSuffix}}: replication out of the primary pauses"),
            RoleArn=GetAtt("ExperimentRole", "Arn"),
            StopConditions=_stop_conditions(config),
            Targets=_targets(config),
            Actions=_actions(config),
            Tags={"project": config.project, "environment": Ref("EnvironmentSuffix"), **config.tags},
        ),
        _role(config),
    )
    template.add_output(Output("ExperimentTemplateId", Description="The experiment", Value=Ref("Experiment")))
    return template


def _targets(config: Config) -> dict[str, fis.ExperimentTemplateTarget]:
    """What there is to pause: the table, the primary's bucket, or both."""
    return {
        **({"Table": _target("aws:dynamodb:global-table", _table_arn(config))} if config.table else {}),
        **({"Bucket": _target("aws:s3:bucket", _bucket_arn(config))} if config.bucket else {}),
    }


def _actions(config: Config) -> dict[str, fis.ExperimentTemplateAction]:
    table = {"PauseTable": _action("aws:dynamodb:global-table-pause-replication", Tables="Table")}
    bucket = {
        f"PauseBucket{number}": _action("aws:s3:bucket-pause-replication", region=region, Buckets="Bucket")
        for number, region in enumerate(config.regions.secondaries, 1)
    }
    return {**(table if config.table else {}), **(bucket if config.bucket else {})}


def _stop_conditions(config: Config) -> list[fis.ExperimentTemplateStopCondition]:
    """The alarms of the primary region that end the experiment; FIS wants `none` said where there is none."""
    alarms = config.drill.fis.stop_alarms if config.drill.fis else ()
    named = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:"
    return [
        # A name is no place for Sub's own variables.
        fis.ExperimentTemplateStopCondition(Source="aws:cloudwatch:alarm", Value=Sub(named + name.replace("${", "${!")))
        for name in alarms
    ] or [fis.ExperimentTemplateStopCondition(Source="none")]


def _target(kind: str, arn: Sub) -> fis.ExperimentTemplateTarget:
    return fis.ExperimentTemplateTarget(ResourceType=kind, ResourceArns=[arn], SelectionMode="ALL")


def _action(name: str, *, region: str = "", **targets: str) -> fis.ExperimentTemplateAction:
    parameters = {"duration": _LONGEST, **({"region": region} if region else {})}
    return fis.ExperimentTemplateAction(ActionId=name, Parameters=parameters, Targets=targets)


def _role(config: Config) -> iam.Role:
    """A table's replication is paused by its resource policy and its stream's, a bucket's by its replication rules.

    Source: https://docs.aws.amazon.com/fis/latest/userguide/cross-region-scenario.html,
    https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html#global-table-pause-replication
    """
    statements = [
        *(_may_pause_table(config) if config.table else ()),
        *(_may_pause_bucket(config) if config.bucket else ()),
    ]
    return make_role(
        config,
        "ExperimentRole",
        "fis.amazonaws.com",
        iam.Policy(
            PolicyName="pause-replication",
            PolicyDocument=PolicyDocument(Version="2012-10-17", Statement=statements),
        ),
    )


def _may_pause_table(config: Config) -> tuple[Statement, ...]:
    policy = ["GetResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy"]
    return (
        _allow("FindTable", "dynamodb", ["DescribeTable"], [_table_arn(config)]),
        _allow("PauseTable", "dynamodb", policy, [_table_arn(config), _table_arn(config, "/stream/*")]),
    )


def _may_pause_bucket(config: Config) -> tuple[Statement, ...]:
    bucket = [_bucket_arn(config)]
    into = Condition(StringEquals("s3:DestinationRegion", list(config.regions.secondaries)))
    pausing = Condition(BoolIfExists("s3:isReplicationPauseRequest", "true"))
    return (
        _allow("FindBuckets", "s3", ["ListAllMyBuckets"], ["*"]),
        _allow("PauseBucket", "s3", ["PauseReplication"], bucket, Condition=into),
        _allow("ReadRules", "s3", ["GetReplicationConfiguration"], bucket),
        _allow("WriteRulesToPauseOnly", "s3", ["PutReplicationConfiguration"], bucket, Condition=pausing),
    )


def _allow(sid: str, service: str, actions: list[str], resources: list[Any], **rest: Condition) -> Statement:
    named = [Action(service, name) for name in actions]
    return Statement(Sid=sid, Effect=Allow, Action=named, Resource=resources, **rest)


def _table_arn(config: Config, below: str = "") -> Sub:
    table = names.table_name(config.project)
    return Sub(f"arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/{table}{below}")


def _bucket_arn(config: Config) -> Sub:
    return Sub(f"arn:${{AWS::Partition}}:s3:::{names.bucket_name(config.project, '${AWS::Region}')}")
