import pytest

from assembly.stacks import make_bound, make_manifest
from builder.assembly.bound import Bound
from builder.assembly.finding import Finding
from builder.assembly.references import check_references
from builder.assembly.uses import Maker, Way, find_needs, find_uses
from builder.terms import StackId

SUFFIX = {"Suffix": "${EnvironmentSuffix}"}
HEAD = "Parameters: {Suffix: {Type: String}, Other: {Type: String}}\nResources:\n"


def stack(name: str, resources: str, needs: tuple[str, ...] = ()) -> Bound:
    indented = "".join(f"  {line.strip()}\n" for line in resources.strip().splitlines())
    return make_bound(name, HEAD + indented, needs, parameters=SUFFIX)


def findings_of(*bounds: Bound) -> list[Finding]:
    return list(check_references(make_manifest(*bounds), bounds))


def messages_of(*bounds: Bound) -> list[tuple[str, str]]:
    return [(finding.rule, finding.message) for finding in findings_of(*bounds)]


def table(name: str = "us-east-1/table", needs: tuple[str, ...] = ()) -> Bound:
    return stack(
        name, 'Table: {Type: AWS::DynamoDB::GlobalTable, Properties: {TableName: !Sub "tap-${Suffix}"}}', needs
    )


def app(value: str, needs: tuple[str, ...] = (), name: str = "us-west-2/app") -> Bound:
    return stack(name, f"Rule: {{Type: AWS::Events::Rule, Properties: {{Description: {value}}}}}", needs)


TABLE_ARN = "arn:aws:dynamodb:us-west-2:${AWS::AccountId}:table/tap-${Suffix}"


def needs(*bounds: Bound) -> dict[str, tuple[str, ...]]:
    return {
        str(stack_id): needed for stack_id, needed in find_needs(make_manifest(*bounds), find_uses(bounds)).of.items()
    }


class TestNeeds:
    @pytest.mark.parametrize(
        "value",
        [
            '!Sub "tap-${Suffix}"',
            f'!Sub "{TABLE_ARN}"',
            f'!Sub "{TABLE_ARN}/index/*"',
            f'[x, {{Name: !If [Is, !Sub "{TABLE_ARN}", x]}}]',
            '!Join ["-", [tap, !Ref Suffix]]',
        ],
    )
    def test_one_that_nobody_types_is_found_and_is_no_finding(self, value: str) -> None:
        assert messages_of(table(), app(value)) == []
        assert needs(table(), app(value)) == {"us-east-1/table": (), "us-west-2/app": ("us-east-1/table",)}

    def test_the_use_is_at_the_place_that_has_the_name(self) -> None:
        (use,) = find_uses([table(), app('!Sub "tap-${Suffix}"')])
        assert (use.stack, use.way, use.name) == ("us-west-2/app", Way.NAMED, "tap-${EnvironmentSuffix}")
        assert use.path == ("Resources", "Rule", "Properties", "Description")
        assert use.makers == (Maker(StackId("us-east-1/table"), "Table"),)

    def test_one_that_is_typed_or_on_the_way_is_not_added(self) -> None:
        typed = app('!Sub "tap-${Suffix}"', ("us-east-1/table",))
        assert needs(table(), typed)["us-west-2/app"] == ("us-east-1/table",)
        between = make_bound("us-west-2/between", needs=("us-east-1/table",))
        over = app('!Sub "tap-${Suffix}"', ("us-west-2/between",))
        assert needs(table(), between, over)["us-west-2/app"] == ("us-west-2/between",)

    def test_one_that_nothing_shows_may_have_other_reasons(self) -> None:
        assert needs(table(), app("x", ("us-east-1/table",)))["us-west-2/app"] == ("us-east-1/table",)

    @pytest.mark.parametrize(
        "value",
        [
            "tap",
            '!Sub "tap-${Suffix}-other"',
            '!Sub "arn:aws:s3:::tap-${Suffix}"',
            '!Sub "arn:aws:dynamodb:us-west-2:${AWS::AccountId}:table/tap-${Suffix}-other"',
            "!Ref Other",
        ],
    )
    def test_another_name_needs_nothing(self, value: str) -> None:
        assert needs(table(), app(value))["us-west-2/app"] == ()

    def test_a_name_that_the_stack_creates_itself_is_its_own(self) -> None:
        own = stack(
            "us-west-2/app",
            """
            Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub "tap-${Suffix}"}}
            Rule: {Type: AWS::Events::Rule, Properties: {Description: !Ref Table}}
            """,
        )
        assert needs(table(), own)["us-west-2/app"] == ()

    def test_the_one_that_comes_first_can_t_need_the_one_that_comes_after(self) -> None:
        both = table(needs=("us-west-2/app",)), app('!Sub "tap-${Suffix}"')
        assert messages_of(*both) == []
        assert needs(*both) == {"us-east-1/table": ("us-west-2/app",), "us-west-2/app": ()}

    def test_names_used_both_ways_need_a_word(self) -> None:
        names = """
            Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub "%s-${Suffix}", Tags: !Sub "%s-${Suffix}"}}
        """
        bound, other = stack("us-east-1/one", names % ("a", "b")), stack("us-east-1/other", names % ("b", "a"))
        assert [(rule, message[:60]) for rule, message in messages_of(bound, other)] == [
            ("X010", "us-east-1/one uses b-${EnvironmentSuffix}, which us-east-1/other"[:60]),
            ("X010", "us-east-1/other uses a-${EnvironmentSuffix}, which us-east-1/one"[:60]),
        ]
        assert needs(bound, other) == {"us-east-1/one": (), "us-east-1/other": ()}
        first = stack("us-east-1/one", names % ("a", "b"), needs=("us-east-1/other",))
        assert messages_of(first, other) == []

    @pytest.mark.parametrize(("region", "count"), [("us-east-1", 1), ("us-west-2", 0)])
    def test_a_name_that_is_good_in_its_region_only_is_looked_for_there(self, region: str, count: int) -> None:
        queue = stack(
            "us-east-1/queue", 'Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "tap-${Suffix}"}}'
        )
        bound = app('!Sub "tap-${Suffix}"', name=f"{region}/app")
        assert len(needs(queue, bound)[f"{region}/app"]) == count
        other = app(f'!Sub "arn:aws:sqs:{region}:1:tap-${{Suffix}}"', name="eu-west-1/app")
        assert len(needs(queue, other)["eu-west-1/app"]) == count


class TestValues:
    @pytest.mark.parametrize(
        ("maker", "user", "way"),
        [
            (
                "Topic: {Type: AWS::SNS::Topic}\n@Outputs: {A: {Value: x, Export: {Name: !Sub 'x-${Suffix}'}}}",
                "User: {Type: AWS::SNS::Topic, Properties: {DisplayName: {'Fn::ImportValue': !Sub 'x-${Suffix}'}}}",
                Way.EXPORT,
            ),
            (
                "P: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub '/x/${Suffix}', Type: String, Value: v}}",
                "User: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '{{resolve:ssm:/x/${Suffix}:3}}'}}",
                Way.RESOLVED,
            ),
            (
                "S: {Type: AWS::SecretsManager::Secret, Properties: {Name: db}}",
                "User: {Type: AWS::SNS::Topic, Properties: {DisplayName: '{{resolve:secretsmanager:db:x}}'}}",
                Way.RESOLVED,
            ),
            (
                "M: {Type: AWS::CloudFormation::Macro, Properties: {Name: Wide, FunctionName: f}}",
                "User: {Type: AWS::SNS::Topic, Properties: {'Fn::Transform': {Name: Wide}}}",
                Way.MACRO,
            ),
            (
                "B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub 'x-${Suffix}'}}",
                (
                    "User: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: !Sub "
                    "'https://x-${Suffix}.s3.${AWS::Region}.${AWS::URLSuffix}/a.yaml'}}"
                ),
                Way.TEMPLATE,
            ),
            (
                "B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub 'x-${Suffix}'}}",
                (
                    "User: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: !Sub "
                    "'https://s3.amazonaws.com/x-${Suffix}/a.yaml'}}"
                ),
                Way.TEMPLATE,
            ),
            (
                "T: {Type: AWS::SNS::Topic}",
                (
                    "User: {Type: AWS::SNS::Topic, Properties: {DisplayName: {'Fn::GetStackOutput': "
                    "{StackName: 'NAME', OutputName: A, Region: us-east-1}}}}"
                ),
                Way.OUTPUT,
            ),
        ],
    )
    def test_what_a_stack_takes_is_a_need(self, maker: str, user: str, way: Way) -> None:
        body, _, section = maker.partition("@")
        bound = stack("us-east-1/one", body)
        bound = make_bound("us-east-1/one", HEAD + f"  {body.strip()}\n{section}\n", parameters=SUFFIX)
        other = stack("us-east-1/other", user.replace("NAME", bound.entry.name))
        uses = [use for use in find_uses([other, bound]) if use.makers]
        assert [(use.stack, use.way, use.makers[0].stack) for use in uses] == [
            ("us-east-1/other", way, "us-east-1/one")
        ]
        assert messages_of(other, bound) == []
        assert needs(other, bound)["us-east-1/other"] == ("us-east-1/one",)

    @pytest.mark.parametrize(
        ("user", "what"),
        [
            ("{'Fn::ImportValue': nowhere}", "export nowhere"),
            ("{'Fn::GetStackOutput': {StackName: nowhere, OutputName: A}}", "output nowhere.A in us-east-1"),
        ],
    )
    def test_what_nobody_makes_is_found_unless_its_template_waives_it(self, user: str, what: str) -> None:
        body = f"User: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: {user}}}}}"
        message = f"us-east-1/app takes the {what}, which no stack of the assembly makes"
        assert messages_of(stack("us-east-1/app", body)) == [("X010", message)]
        waived = "Metadata: {cfn-lint: {config: {ignore_checks: [X010]}}}\n"
        bound = make_bound("us-east-1/app", f"{waived}{HEAD}  {body}\n", parameters=SUFFIX)
        assert messages_of(bound) == []

    def test_what_aws_keeps_and_what_people_keep_is_no_finding(self) -> None:
        ami = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
        text = "Parameters: {Ami: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: %s}}\nResources:\n"
        secret = "  User: {Type: AWS::SNS::Topic, Properties: {DisplayName: '{{resolve:secretsmanager:db}}'}}\n"
        assert messages_of(make_bound("us-east-1/app", text % ami + secret)) == []
        assert messages_of(make_bound("us-east-1/app", text % "/mine" + secret)) == [
            ("X010", "us-east-1/app takes the SSM parameter /mine, which no stack of the assembly makes")
        ]

    def test_values_taken_in_a_circle_are_found_once(self) -> None:
        body = "T: {Type: AWS::SNS::Topic, Properties: {DisplayName: {'Fn::ImportValue': %s}}}"
        section = "\nOutputs: {A: {Value: x, Export: {Name: %s}}}\n"
        bound = make_bound("us-east-1/one", f"{HEAD}  {body % 'b'}{section % 'a'}", parameters=SUFFIX)
        other = make_bound("us-east-1/other", f"{HEAD}  {body % 'a'}{section % 'b'}", parameters=SUFFIX)
        what = "stacks take values of each other in a circle: us-east-1/one -> us-east-1/other -> us-east-1/one"
        assert messages_of(bound, other) == [("X010", what)]


VERSIONED = ", VersioningConfiguration: {Status: Enabled}"
COPIES = "arn:${AWS::Partition}:s3:::tap-${Suffix}-copies"
WRITE = "{Effect: Allow, Action: [s3:ReplicateObject, s3:ReplicateDelete], Resource: !Sub '%s/*'}"


def copies(rest: str = VERSIONED) -> Bound:
    bucket = f'Bucket: {{Type: AWS::S3::Bucket, Properties: {{BucketName: !Sub "tap-${{Suffix}}-copies"{rest}}}}}'
    return stack("us-west-2/storage", bucket)


def source(
    rule: str = f"Status: Enabled, Destination: {{Bucket: !Sub '{COPIES}'}}",
    *,
    statement: str = WRITE % COPIES,
    role: str = "!GetAtt Role.Arn",
    more: str = "",
) -> Bound:
    replication = f"{{Role: {role}, Rules: [{{{rule}}}]}}"
    return stack(
        "us-east-1/storage",
        f"""
        Bucket: {{Type: AWS::S3::Bucket, Properties: {{ReplicationConfiguration: {replication}}}}}
        Role: {{Type: AWS::IAM::Role, Properties: {{Policies: [{{PolicyDocument: {{Statement: [{statement}]}}}}]}}}}
        {more}
        """,
        needs=("us-west-2/storage",),
    )


NAME = "arn:${AWS::Partition}:s3:::tap-${EnvironmentSuffix}-copies"
MAY_NOT = ("X009", f"role Role may not s3:ReplicateObject on {NAME}/*")


class TestReplication:
    def test_to_a_versioned_bucket_by_a_role_that_may_is_right(self) -> None:
        assert messages_of(copies(), source()) == []

    def test_to_a_bucket_that_no_template_creates_is_found(self) -> None:
        rule = "Status: Enabled, Destination: {Bucket: !Sub 'arn:${AWS::Partition}:s3:::tap-${Suffix}-copy'}"
        (finding, *_) = findings_of(copies(), source(rule))
        assert (finding.rule, finding.message) == (
            "X007",
            "replicates to arn:${AWS::Partition}:s3:::tap-${EnvironmentSuffix}-copy, which no template creates",
        )
        assert (finding.file, finding.line) == ("us-east-1/storage.yaml", 3)

    @pytest.mark.parametrize("rest", ["", ", VersioningConfiguration: {Status: Suspended}"])
    def test_to_a_bucket_without_versions_is_found(self, rest: str) -> None:
        message = "replicates to tap-${EnvironmentSuffix}-copies, which us-west-2/storage creates without versions"
        assert messages_of(copies(rest), source()) == [("X008", message)]

    def test_to_a_bucket_whose_versions_can_t_be_known_is_left_alone(self) -> None:
        assert messages_of(copies(", VersioningConfiguration: {Status: !Ref Other}"), source()) == []
        assert messages_of(copies(", VersioningConfiguration: !If [Is, {Status: Enabled}, {}]"), source()) == []

    @pytest.mark.parametrize(
        "statement",
        [
            WRITE % "arn:${AWS::Partition}:s3:::tap-${Suffix}-copy",
            f"{{Effect: Allow, Action: s3:ReplicateObject, Resource: !Sub '{COPIES}'}}",
            f"{{Effect: Allow, Action: s3:ReplicateDelete, Resource: !Sub '{COPIES}/*'}}",
            f"{{Effect: Deny, Action: s3:ReplicateObject, Resource: !Sub '{COPIES}/*'}}",
        ],
    )
    def test_by_a_role_that_may_not_write_there_is_found(self, statement: str) -> None:
        assert messages_of(copies(), source(statement=statement)) == [MAY_NOT]

    @pytest.mark.parametrize(
        "statement",
        [
            "{Effect: Allow, Action: 's3:Replicate*', Resource: '*'}",
            f"{{Effect: Allow, Action: 's3:*', Resource: [x, !Sub '{COPIES}/*']}}",
            "{Effect: Allow, Action: s3:ReplicateObject, Resource: !Ref Other}",
            "{Effect: Allow, NotAction: s3:GetObject, Resource: '*'}",
            "!If [Is, {}, {}]",
        ],
    )
    def test_by_a_role_that_may_or_might_is_not(self, statement: str) -> None:
        assert messages_of(copies(), source(statement=statement)) == []

    @pytest.mark.parametrize(
        "more",
        [
            "Policy: {Type: AWS::IAM::Policy}",
            "Second: {Type: AWS::IAM::ManagedPolicy}",
        ],
    )
    def test_by_a_role_with_policies_beside_it_is_left_alone(self, more: str) -> None:
        assert messages_of(copies(), source(statement="{Effect: Allow, Action: x, Resource: x}", more=more)) == []

    def test_by_a_role_with_policies_from_elsewhere_is_left_alone(self) -> None:
        role = "Chosen: {Type: AWS::IAM::Role, Properties: {ManagedPolicyArns: [arn:aws:iam::1:policy/x]}}"
        assert messages_of(copies(), source(role="!GetAtt Chosen.Arn", more=role)) == []
        chosen = "Chosen: {Type: AWS::IAM::Role, Properties: {Policies: !If [Is, [], []]}}"
        assert messages_of(copies(), source(role="!GetAtt Chosen.Arn", more=chosen)) == []

    @pytest.mark.parametrize("role", ["arn:aws:iam::111122223333:role/copy", "!Ref Other", "!GetAtt Bucket.Arn"])
    def test_by_a_role_of_another_template_is_left_alone(self, role: str) -> None:
        assert messages_of(copies(), source(role=role, statement="{Effect: Allow, Action: x, Resource: x}")) == []

    @pytest.mark.parametrize(
        "rule",
        [
            "Status: Disabled, Destination: {Bucket: 'arn:aws:s3:::nobody'}",
            "Status: Enabled, Destination: {Bucket: 'arn:aws:s3:::theirs', Account: '111122223333'}",
            "Status: Enabled, Destination: {Bucket: !Ref Other}",
            "Status: Enabled, Destination: {Bucket: !ImportValue copies}",
        ],
    )
    def test_that_rests_or_leads_elsewhere_or_nobody_knows_where_is_left_alone(self, rule: str) -> None:
        assert [message for message in messages_of(copies(), source(rule)) if message[0] != "X010"] == []


PARENTS = """
    Parameters: {Zone: {Type: String, Default: ""}, Stage: {Type: String, Default: ""}}
    Conditions:
      HasZone: !Not [!Equals [!Ref Zone, ""]]
      IsProd: !Equals [!Ref Stage, prod]
"""
TAKES = "{Fn::ImportValue: !Sub '${Zone}-Id'}"


class TestConditions:
    """A parent stack that may be left out: what only its condition takes is taken where it is given."""

    @pytest.mark.parametrize(
        "body",
        [
            f"Resources: {{R: {{Type: AWS::Events::Rule, Condition: HasZone, Properties: {{Name: {TAKES}}}}}}}",
            f"Resources: {{R: {{Type: AWS::Events::Rule, Properties: {{Name: !If [HasZone, {TAKES}, x]}}}}}}",
            f"Resources: {{R: {{Type: AWS::SNS::Topic}}}}\n    Outputs: {{O: {{Condition: HasZone, Value: {TAKES}}}}}",
        ],
    )
    def test_what_no_condition_lets_be_takes_nothing(self, body: str) -> None:
        maker = "Resources: {T: {Type: AWS::SNS::Topic}}\nOutputs: {Id: {Value: x, Export: {Name: zone-Id}}}"
        zone = make_bound("us-east-1/zone", maker)
        without = make_bound("us-east-1/app", PARENTS + f"    {body}")
        assert messages_of(zone, without) == []
        assert needs(zone, without)["us-east-1/app"] == ()
        given = make_bound("us-east-1/app", PARENTS + f"    {body}", parameters={"Zone": "zone"})
        assert needs(zone, given)["us-east-1/app"] == ("us-east-1/zone",)
        assert [rule for rule, _ in messages_of(given)] == ["X010"]

    @pytest.mark.parametrize(("stage", "count"), [("dev", 1), ("prod", 0), ("${EnvironmentSuffix}", 0)])
    def test_an_export_is_made_where_its_condition_may_hold(self, stage: str, count: int) -> None:
        output = "{Condition: IsProd, Value: x, Export: {Name: x}}"
        body = f"    Resources: {{T: {{Type: AWS::SNS::Topic}}}}\n    Outputs: {{I: {output}}}"
        maker = make_bound("us-east-1/zone", PARENTS + body, parameters={"Stage": stage})
        assert len(messages_of(maker, app("{Fn::ImportValue: x}", name="us-east-1/app"))) == count

    def test_a_condition_on_a_value_in_ssm_is_open(self) -> None:
        in_ssm = PARENTS.replace("Zone: {Type: String", "Zone: {Type: AWS::SSM::Parameter::Value<String>")
        rule = "{Type: AWS::Events::Rule, Condition: HasZone, Properties: {Name: {Fn::ImportValue: x}}}"
        body = f"    Resources: {{R: {rule}}}"
        assert [use.name for use in find_uses([make_bound("us-east-1/app", in_ssm + body)])] == ["", "x"]
