"""The experiment by which a drill pauses replication out of the primary, and the role that it takes."""

from typing import Any

from awacs.aws import Action, Allow, BoolIfExists, Condition, PolicyDocument, Statement, StringEquals
from troposphere import GetAtt, Output, Ref, Sub, Template, fis, iam

from builder.components.alarms.stacks import guards
from builder.components.bucket.stacks import replicated_buckets
from builder.components.drill.options import MOST_STOP_ALARMS
from builder.components.encryption import HERE
from builder.components.options import BUCKET, TABLE
from builder.components.role import make_role
from builder.components.skeleton import add, make_skeleton
from builder.config import Config, LoadedConfig
from builder.topology import Stack, names

# A drill stops the experiment; where it can't any more, AWS ends it after so long.
_LONGEST = "PT10M"


def make_template(loaded: LoadedConfig, _stack: Stack) -> Template:
    """Return the template that this piece of dr.yaml leads to.

        drill: {fis: {stop_alarms: [checkout-errors]}}

    Alarms take nothing of the experiment's role: FIS watches them by its service-linked role.
    Source: https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html,
    https://docs.aws.amazon.com/fis/latest/userguide/stop-conditions.html,
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonFISServiceRolePolicy.html
    """
    config = loaded.config
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
    """What there is to pause: the tables, and the primary's buckets."""
    tables = {
        names.logical_name(name): _target("aws:dynamodb:global-table", _table_arn(config, name))
        for name in config.tables_by_name
    }
    return {
        **tables,
        **{
            names.logical_name(name): _target("aws:s3:bucket", _bucket_arn(config, name))
            for name in replicated_buckets(config)
        },
    }


def _actions(config: Config) -> dict[str, fis.ExperimentTemplateAction]:
    tables = {
        _pause(name, TABLE): _action("aws:dynamodb:global-table-pause-replication", Tables=names.logical_name(name))
        for name in config.tables_by_name
    }
    buckets = {
        _pause(name, BUCKET, str(number)): _action(
            "aws:s3:bucket-pause-replication", region=region, Buckets=names.logical_name(name)
        )
        for name in replicated_buckets(config)
        for number, region in enumerate(config.regions.secondaries, 1)
    }
    return {**tables, **buckets}


def _pause(name: str, kind: str, number: str = "") -> str:
    """Return the name of an action, which no other one has: a table may be called as another's bucket with a number."""
    if name == kind:
        return f"Pause{names.logical_name(name)}{number}"
    return "-".join(filter(None, ("Pause", names.logical_name(name), number)))


def _stop_conditions(config: Config) -> list[fis.ExperimentTemplateStopCondition]:
    """The alarms of the primary region that end the experiment; FIS wants `none` said where there is none.

    Those that dr.yaml names come first, as many of the built-in ones as FIS takes after them.
    """
    names_of_file = config.drill.fis.stop_alarms if config.drill.fis else ()
    named = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:"
    # A name that people give is no place for Sub's own variables.
    alarms = (*(name.replace("${", "${!") for name in names_of_file), *guards(config))
    return [
        fis.ExperimentTemplateStopCondition(Source="aws:cloudwatch:alarm", Value=Sub(named + name))
        for name in alarms[:MOST_STOP_ALARMS]
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
        *(_may_pause_tables(config) if config.tables_by_name else ()),
        *(_may_pause_buckets(config) if replicated_buckets(config) else ()),
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


def _may_pause_tables(config: Config) -> tuple[Statement, ...]:
    policy = ["GetResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy"]
    return (
        _allow(
            "FindTable", "dynamodb", ["DescribeTable"], [_table_arn(config, name) for name in config.tables_by_name]
        ),
        _allow(
            "PauseTable",
            "dynamodb",
            policy,
            [_table_arn(config, name, below) for name in config.tables_by_name for below in ("", "/stream/*")],
        ),
    )


def _may_pause_buckets(config: Config) -> tuple[Statement, ...]:
    buckets = [_bucket_arn(config, name) for name in replicated_buckets(config)]
    into = Condition(StringEquals("s3:DestinationRegion", list(config.regions.secondaries)))
    pausing = Condition(BoolIfExists("s3:isReplicationPauseRequest", "true"))
    return (
        _allow("FindBuckets", "s3", ["ListAllMyBuckets"], ["*"]),
        _allow("PauseBucket", "s3", ["PauseReplication"], buckets, Condition=into),
        _allow("ReadRules", "s3", ["GetReplicationConfiguration"], buckets),
        _allow("WriteRulesToPauseOnly", "s3", ["PutReplicationConfiguration"], buckets, Condition=pausing),
    )


def _allow(sid: str, service: str, actions: list[str], resources: list[Any], **rest: Condition) -> Statement:
    named = [Action(service, name) for name in actions]
    return Statement(Sid=sid, Effect=Allow, Action=named, Resource=resources, **rest)


def _table_arn(config: Config, name: str, below: str = "") -> Sub:
    return Sub(names.table_arn(config, name, below))


def _bucket_arn(config: Config, name: str) -> Sub:
    return Sub(names.bucket_arn(config, name, config.regions.primary, HERE))
