import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assembly.stacks import make_bound, make_manifest
from builder.assembly import Assembly, OutputOf
from builder.assembly.bound import Bound
from builder.assembly.components import Component, FunctionComponent
from builder.assembly.cross import ManifestLines, check_hashes, check_manifest, check_maps
from builder.assembly.manifest import write_manifest
from builder.assembly.render import make_assembly
from builder.terms import LogicalId, Region, StackId
from loaded_config import make_loaded_config

FOLDER = Path("templates")
SHIPPED = make_assembly(make_loaded_config())
WITH_ROLE = "Resources: {Role: {Type: AWS::IAM::Role, Properties: {%s}}}"


def messages_of(*bounds: Bound, outputs: dict[str, tuple[StackId, str]] | None = None) -> list[tuple[str, str]]:
    """Return check and message of all that is wrong with a manifest, in order."""
    manifest = make_manifest(*bounds, outputs=outputs or {})
    lines = ManifestLines("manifest.json", write_manifest(manifest).decode())
    return [(finding.rule, finding.message) for finding in check_manifest(manifest, bounds, lines)]


def hashes(assembly: Assembly) -> list[tuple[str, str, str]]:
    findings = check_hashes(FOLDER, assembly.manifest, assembly.templates)
    return [(finding.rule, finding.file, finding.message) for finding in findings]


class TestHashes:
    def test_of_a_fresh_assembly_are_right(self) -> None:
        assert hashes(SHIPPED) == []

    def test_a_template_that_was_edited_is_found(self) -> None:
        edited = replace(SHIPPED, templates={**SHIPPED.templates, "us-east-1/table.yaml": b"Resources: {}"})

        assert hashes(edited) == [
            ("X001", "templates/us-east-1/table.yaml", "is not the template that manifest.json was written with")
        ]

    def test_a_service_that_is_another_one_in_a_region_is_found_though_its_hash_is_right(self) -> None:
        changed = SHIPPED.templates["us-west-2/service.yaml"].replace(b"MemorySize: 256", b"MemorySize: 512")
        sha256 = hashlib.sha256(changed).hexdigest()
        stacks = tuple(
            replace(entry, sha256=sha256) if entry.id == "us-west-2/service" else entry
            for entry in SHIPPED.manifest.stacks
        )
        edited = Assembly(
            manifest=replace(SHIPPED.manifest, stacks=stacks),
            templates={**SHIPPED.templates, "us-west-2/service.yaml": changed},
        )

        assert changed != SHIPPED.templates["us-west-2/service.yaml"]
        assert hashes(edited) == [
            (
                "X002",
                "templates/us-west-2/service.yaml",
                "differs from us-east-1/service.yaml: function must be the same in every region",
            )
        ]

    def test_other_templates_may_differ_between_regions(self) -> None:
        assert SHIPPED.templates["us-east-1/storage.yaml"] != SHIPPED.templates["us-west-2/storage.yaml"]


class TestParameters:
    def test_one_that_the_template_does_not_have_is_found(self) -> None:
        assert messages_of(make_bound("a/app", parameters={"Stage": "prod"})) == [
            ("X003", "a/app: a/app.yaml has no parameter Stage")
        ]

    def test_one_without_default_that_is_not_given_is_found(self) -> None:
        template = "{Parameters: {Stage: {Type: String}, Size: {Type: String, Default: s}}, Resources: {}}"
        assert messages_of(make_bound("a/app", template)) == [
            ("X004", "a/app: parameter Stage has no default and is not given")
        ]
        assert messages_of(make_bound("a/app", template, parameters={"Stage": "prod"})) == []

    def test_one_bound_to_an_output_that_is_not_there_is_found(self) -> None:
        keys = make_bound("a/keys", "{Resources: {}, Outputs: {Arn: {Value: x}}}")
        template = "{Parameters: {Key: {Type: String}}, Resources: {}}"

        def app(output: str) -> Bound:
            bound = OutputOf(output=(StackId("a/keys"), output))
            return make_bound("a/app", template, ("a/keys",), parameters={"Key": bound})

        assert messages_of(keys, app("Arn")) == []
        assert messages_of(keys, app("KeyArn")) == [("X006", "a/app: parameter Key: a/keys has no output KeyArn")]


class TestOutputs:
    def test_one_that_is_not_there_is_found(self) -> None:
        app = make_bound("a/app", "{Resources: {}, Outputs: {Url: {Value: x}}}")

        assert messages_of(app, outputs={"url": (StackId("a/app"), "Url")}) == []
        assert messages_of(app, outputs={"url": (StackId("a/app"), "Uri")}) == [
            ("X006", "output url: a/app has no output Uri")
        ]

    def test_those_of_a_loop_are_known_and_what_a_macro_makes_is_left_alone(self) -> None:
        loop = """
            Transform: AWS::LanguageExtensions
            Parameters: {Names: {Type: CommaDelimitedList, Default: "A,B"}}
            Outputs: {'Fn::ForEach::Each': [Name, !Ref Names, {'Url${Name}': {Value: x}}]}
        """

        def of(output: str, **fields: Any) -> list[tuple[str, str]]:
            template = fields.pop("template", loop)
            return messages_of(make_bound("a/app", template, **fields), outputs={"url": (StackId("a/app"), output)})

        assert of("UrlB") == of("UrlC", parameters={"Names": "C"}) == []
        assert of("UrlC") == [("X006", "output url: a/app has no output UrlC")]
        assert of("Any", template=loop.replace("AWS::LanguageExtensions", "MyMacro")) == []

    def test_one_that_a_component_is_bound_to_is_found_at_its_own_line(self) -> None:
        region, stack = Region("us-east-1"), StackId("us-east-1/app")
        app = make_bound(stack, "{Resources: {}, Outputs: {Url: {Value: x}}}")

        def of(name: str) -> Component:
            return Component(function=FunctionComponent(url={region: OutputOf((stack, name))}))

        manifest = make_manifest(app, components={"api": of("Url"), "web": of("Uri")})
        text = write_manifest(manifest).decode()
        (finding,) = check_manifest(manifest, [app], ManifestLines("manifest.json", text))
        assert (finding.rule, finding.message) == (
            "X006",
            "components.web.function.url.us-east-1: us-east-1/app has no output Uri",
        )
        lines = [line.strip() for line in text.splitlines()]
        assert lines[finding.line - 1] == '"us-east-1": {'
        assert lines.index('"web": {') < finding.line - 1


class TestCapabilities:
    @pytest.mark.parametrize(
        ("properties", "capabilities", "message"),
        [
            ("", (), "a/app: Role is an IAM resource: needs CAPABILITY_IAM"),
            ("RoleName: x", ("CAPABILITY_IAM",), "a/app: Role has a name of its own: needs CAPABILITY_NAMED_IAM"),
            ("RoleName: x", (), "a/app: Role has a name of its own: needs CAPABILITY_NAMED_IAM"),
        ],
    )
    def test_that_are_missing_are_found(self, properties: str, capabilities: tuple[str, ...], message: str) -> None:
        bound = make_bound("a/app", WITH_ROLE % properties, capabilities=capabilities)
        assert messages_of(bound) == [("X005", message)]

    @pytest.mark.parametrize(
        ("template", "capabilities"),
        [
            ("Resources: {Topic: {Type: AWS::SNS::Topic}}", ()),
            ("Resources: {Role: {Type: AWS::IAM::Role}}", ("CAPABILITY_IAM",)),
            (WITH_ROLE % "", ("CAPABILITY_IAM",)),
            (WITH_ROLE % "", ("CAPABILITY_NAMED_IAM",)),
            (WITH_ROLE % "RoleName: x", ("CAPABILITY_NAMED_IAM",)),
        ],
    )
    def test_that_suffice_are_not(self, template: str, capabilities: tuple[str, ...]) -> None:
        assert messages_of(make_bound("a/app", template, capabilities=capabilities)) == []


SAM = "Transform: AWS::Serverless-2016-10-31\nResources: {%s}"
CODE = "Runtime: python3.13, Handler: index.handler, InlineCode: x"
ROLE = "Role: arn:aws:iam::111122223333:role/run"


FUNCTION = "Run: {Type: AWS::Serverless::Function, Properties: {%s}}"
STEPS = "AutoPublishAlias: live, DeploymentPreference: {Type: AllAtOnce%s}"
DAILY = "Events: {Daily: {Type: %s, Properties: {ScheduleExpression: rate(1 day)%s}}}"
MACHINE = "Run: {Type: AWS::Serverless::StateMachine, Properties: {%s}}"


class TestCapabilitiesOfSam:
    @pytest.mark.parametrize(
        "resources",
        [
            FUNCTION % CODE,
            FUNCTION % f"{CODE}, {ROLE}, {STEPS % ''}",
            FUNCTION % f"{CODE}, {ROLE}, {DAILY % ('ScheduleV2', '')}",
            MACHINE % "DefinitionUri: x",
            MACHINE % f"{ROLE}, {DAILY % ('Schedule', '')}",
        ],
    )
    def test_roles_that_the_transform_makes_count(self, resources: str) -> None:
        message = "us-east-1/app: SAM makes a role for Run: needs CAPABILITY_IAM"
        assert messages_of(make_bound("us-east-1/app", SAM % resources)) == [("X005", message)]
        assert messages_of(make_bound("us-east-1/app", SAM % resources, capabilities=("CAPABILITY_IAM",))) == []

    @pytest.mark.parametrize(
        "template",
        [
            SAM % (FUNCTION % f"{CODE}, {ROLE}"),
            SAM % (FUNCTION % f"{CODE}, {ROLE}, {STEPS % ', Role: r'}"),
            SAM % (FUNCTION % f"{CODE}, {ROLE}, {STEPS % ', Enabled: false'}"),
            SAM % (FUNCTION % f"{CODE}, {ROLE}, {DAILY % ('Schedule', '')}"),
            SAM % (FUNCTION % f"{CODE}, {ROLE}, {DAILY % ('ScheduleV2', ', RoleArn: r')}"),
            f"Globals: {{Function: {{{ROLE}}}}}\n{SAM % (FUNCTION % CODE)}",
            SAM % "Run: {Type: AWS::Serverless::Function, Properties: {'Fn::Transform': {Name: AWS::Include}}}",
            SAM % "Table: {Type: AWS::Serverless::SimpleTable}",
            f"Resources: {{{FUNCTION % CODE}}}",  # without the transform
        ],
    )
    def test_nothing_is_said_where_it_makes_none(self, template: str) -> None:
        assert messages_of(make_bound("us-east-1/app", template)) == []


MAPS = """\
Mappings: {Images: {us-east-1: {Ami: ami-1, Key: k}, eu-west-1: {Ami: ami-2}}, Sizes: {prod: {Mb: 512}}}
Parameters: {Stage: {Type: String, Default: %s}, Where: {Type: String, Default: us-west-2}, Any: {Type: String}}
Conditions: {IsOne: !Equals [!Ref Any, one]}
Resources: {P: {Type: AWS::SSM::Parameter%s, Properties: {Type: String, Value: %s}}}
"""


def unmapped(region: str, value: str, more: str = "", stage: str = "prod") -> list[str]:
    bound = make_bound(f"{region}/app", MAPS % (stage, more, value))
    return [f"{finding.rule} {finding.line} {finding.message.partition(': ')[2]}" for finding in check_maps(bound)]


class TestMaps:
    @pytest.mark.parametrize(
        ("value", "missing"),
        [
            ("!FindInMap [Images, !Ref AWS::Region, Ami]", "us-west-2"),
            ("!FindInMap [Images, !Sub '${AWS::Region}', Ami]", "us-west-2"),
            ("!FindInMap [Images, !Ref Where, Ami]", "us-west-2"),
            ("!Join ['', [a, !FindInMap [Images, !Ref AWS::Region, Ami]]]", "us-west-2"),
            ("!FindInMap [Images, us-west-2, !FindInMap [Sizes, prod, Mb]]", "us-west-2"),
        ],
    )
    def test_that_lack_the_stack_s_region_are_found(self, value: str, missing: str) -> None:
        assert unmapped("us-west-2", value) == [f"X012 4 map Images has no {missing}"]

    def test_what_lacks_below_the_region_is_found_too(self) -> None:
        assert unmapped("eu-west-1", "!FindInMap [Images, !Ref AWS::Region, Key]") == [
            "X012 4 map Images has no eu-west-1.Key"
        ]

    @pytest.mark.parametrize(
        ("region", "value"),
        [
            ("us-east-1", "!FindInMap [Images, !Ref AWS::Region, Key]"),
            ("eu-west-1", "!FindInMap [Images, !Ref AWS::Region, Ami]"),
            ("us-west-2", "!FindInMap [Images, !Ref AWS::Region, Ami, DefaultValue: none]"),
            ("us-west-2", "!FindInMap [Images, !Ref Any, Ami]"),
            ("us-west-2", "!FindInMap [!Ref Any, !Ref AWS::Region, Ami]"),
            ("us-west-2", "!FindInMap [Nothing, !Ref AWS::Region, Ami]"),  # cfn-lint says so
            ("us-west-2", "!If [IsOne, !FindInMap [Images, !Ref AWS::Region, Ami], none]"),
            ("us-east-1", "!FindInMap [Images, !Ref AWS::Region, !Ref Any]"),
            ("us-west-2", "!FindInMap [Sizes, !Ref Stage, Mb]"),
        ],
    )
    def test_nothing_is_said_of_what_is_there_and_of_what_is_unknown(self, region: str, value: str) -> None:
        assert unmapped(region, value) == []

    def test_nothing_is_said_of_what_a_condition_may_leave_out(self) -> None:
        assert unmapped("us-west-2", "!FindInMap [Images, !Ref AWS::Region, Ami]", ", Condition: IsOne") == []

    def test_a_map_of_something_else_is_left_to_cfn_lint(self) -> None:
        assert unmapped("us-west-2", "!FindInMap [Sizes, !Ref Stage, Mb]", stage="dev") == []


class TestTags:
    @pytest.mark.parametrize("tags", [{"BuildId": "17"}, {"source": "0123456789abcdef0123456789abcdef01234567"}])
    def test_that_change_with_every_build_are_found(self, tags: dict[str, str]) -> None:
        (key,) = tags
        assert messages_of(make_bound("a/app", tags=tags)) == [
            ("X011", f"a/app: tag {key} changes with every build, and every resource with it")
        ]

    def test_that_stay_are_not(self) -> None:
        assert messages_of(make_bound("a/app", tags={"team": "core"})) == []


def test_what_cannot_be_taken_in_is_found() -> None:
    assert messages_of(make_bound("a/app", existing=(LogicalId("Table"),))) == [
        ("X013", "a/app: existing: a/app.yaml makes no Table")
    ]


def test_a_fault_of_the_manifest_stands_at_its_stack_or_output() -> None:
    good, bad = make_bound("a/one"), make_bound("a/two", tags={"BuildId": "17"})
    manifest = make_manifest(good, bad, outputs={"url": (StackId("a/one"), "Url")})
    written = write_manifest(manifest).decode()

    findings = list(check_manifest(manifest, (good, bad), ManifestLines("manifest.json", written)))

    lines = written.splitlines()
    assert [(finding.file, lines[finding.line - 1][finding.column - 1 :].rstrip(",")) for finding in findings] == [
        ("manifest.json", '"id": "a/two"'),
        ("manifest.json", '"url": ['),
    ]


def test_what_is_not_written_as_expected_stands_at_the_beginning() -> None:
    assert ManifestLines("manifest.json", "{}").of('"id": "a/one"') == ("manifest.json", 1, 1)
