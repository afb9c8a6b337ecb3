import json
from dataclasses import replace
from typing import Any

import pytest

from assembly.stacks import SHA, entry, manifest
from builder.assembly import Manifest, OutputOf
from builder.assembly.manifest import bind, read_manifest, write_manifest
from builder.assembly.render import make_assembly
from builder.deploy.change_sets.change_set import change_set_name
from builder.errors import BadInput
from builder.graph import make_order
from builder.template import OPEN_POLICY
from builder.terms import AccountId, LogicalId, Region, StackId
from loaded_config import make_loaded_config

Json = dict[str, Any]


def reread(made: Manifest) -> Manifest:
    return read_manifest(write_manifest(made), where="manifest.json")


def fault(data: bytes) -> str:
    with pytest.raises(BadInput) as caught:
        read_manifest(data, where="manifest.json")
    return str(caught.value)


def fault_of(made: Manifest) -> str:
    return fault(write_manifest(made))


def broken(**fields: object) -> bytes:
    """Return a good manifest's bytes with some keys of its only entry changed; None leaves one out."""
    whole: Json = json.loads(write_manifest(manifest(entry("us-east-1/table"))))
    whole["stacks"][0].update(fields)
    whole["stacks"][0] = {key: value for key, value in whole["stacks"][0].items() if value is not None}
    return json.dumps(whole).encode()


class TestReading:
    def test_gives_back_what_was_written(self) -> None:
        made = manifest(
            entry("us-east-1/keys", capabilities=("CAPABILITY_IAM",), tags={"team": "core"}),
            entry(
                "us-east-1/table",
                needs=("us-east-1/keys",),
                parameters={
                    "EnvironmentSuffix": "${EnvironmentSuffix}",
                    "Key": OutputOf((StackId("us-east-1/keys"), "KeyArn")),
                },
                termination_protection=True,
                stack_policy=OPEN_POLICY,
                existing=(LogicalId("Table"),),
            ),
            outputs={"globalTableName": (StackId("us-east-1/table"), "TableName")},
        )

        assert reread(made) == made

    def test_what_stands_already_is_written_only_where_there_is_any(self) -> None:
        taken_in = entry("us-east-1/table", existing=(LogicalId("Table"),))
        stacks = json.loads(write_manifest(manifest(entry("us-east-1/keys"), taken_in)))["stacks"]

        assert [stack.get("existing") for stack in stacks] == [None, ["Table"]]

    def test_gives_back_the_rendered_one(self) -> None:
        made = make_assembly(make_loaded_config(tags={"team": "core"})).manifest

        assert reread(made) == made


MANY = {f"t{number}": "x" for number in range(49)}


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "manifest.json: the file: Invalid JSON: EOF while parsing a value at line 1 column 0"),
            (b"[]", "manifest.json: the file: Input should be an object"),
            (broken(region=None), "manifest.json: stacks.0.region: Field required"),
            (broken(colour="red"), "manifest.json: stacks.0.colour: Unexpected keyword argument"),
            (broken(sha256="abc"), "manifest.json: stacks.0.sha256: String should match pattern '^[0-9a-f]{64}$'"),
            (broken(needs="us-east-1/table"), "manifest.json: stacks.0.needs: Input should be a valid array"),
        ],
    )
    def test_what_is_no_manifest(self, data: bytes, message: str) -> None:
        assert fault(data) == message

    @pytest.mark.parametrize("path", ["../table.yaml", "/etc/passwd", "a//b.yaml", "a/../b.yaml", "", ".hidden"])
    def test_a_template_outside_of_the_folder(self, path: str) -> None:
        assert fault(broken(template=path)).startswith("manifest.json: stacks.0.template: String should match")

    def test_a_stack_policy_that_is_none(self) -> None:
        assert fault_of(manifest(entry("us-east-1/table", stack_policy="[]"))) == (
            "manifest.json: stacks.0.stack_policy: is no stack policy: "
            "that is an object with a list Statement, which is not empty"
        )

    def test_what_stands_already_twice(self) -> None:
        twice = (LogicalId("Table"), LogicalId("Table"))

        assert fault_of(manifest(entry("us-east-1/table", existing=twice))) == (
            "manifest.json: stacks.0.existing: Table is there more than once"
        )

    def test_another_version(self) -> None:
        assert fault_of(manifest(version=3)) == (
            "manifest.json: version: 3 is neither 1 nor 2, which this builder reads"
        )

    def test_the_same_stack_twice(self) -> None:
        assert fault_of(manifest(entry("us-east-1/table"), entry("us-east-1/table", name="other"))) == (
            "manifest.json: stacks.1.id: us-east-1/table is there more than once"
        )

    def test_a_need_that_is_not_there(self) -> None:
        assert fault_of(manifest(entry("us-east-1/table", needs=("us-east-1/keys",)))) == (
            "manifest.json: stacks.0.needs: us-east-1/table needs us-east-1/keys, which is not in the assembly"
        )

    def test_an_output_of_a_stack_that_is_not_needed(self) -> None:
        taker = entry("us-east-1/table", parameters={"Key": OutputOf((StackId("us-east-1/keys"), "KeyArn"))})

        assert fault_of(manifest(entry("us-east-1/keys"), taker)) == (
            "manifest.json: stacks.1.parameters.Key: us-east-1/table takes an output of us-east-1/keys "
            "without needing it"
        )
        assert fault_of(manifest(taker)) == (
            "manifest.json: stacks.0.parameters.Key: us-east-1/table takes an output of us-east-1/keys, "
            "which is not in the assembly"
        )

    @pytest.mark.parametrize("name", ["1tap", "tap_dev", "-tap", "tap-${Role}", "", "${EnvironmentSuffix}_a"])
    def test_a_name_that_no_stack_can_have(self, name: str) -> None:
        assert fault_of(manifest(entry("us-east-1/table", name=name))) == (
            f"manifest.json: stacks.0.name: '{name}' of us-east-1/table cannot be a stack name: "
            "letters, digits and hyphens, a letter first"
        )

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("a" * 128, ""),
            ("a" * 129, "has 129 characters, and a stack's name 128"),
            ("a" * 91 + "${EnvironmentSuffix}", ""),
            (
                "a" * 92 + "${EnvironmentSuffix}",
                "has 129 characters with an environment suffix of 37, and a stack's name 128",
            ),
        ],
    )
    def test_a_name_that_is_too_long_for_the_longest_environment(self, name: str, message: str) -> None:
        made = manifest(entry("us-east-1/keys"), entry("us-east-1/table", name=name))
        if message:
            assert fault_of(made) == f"manifest.json: stacks.1.name: '{name}' of us-east-1/table {message}"
        else:
            assert reread(made) == made

    def test_two_stacks_of_one_name_in_one_place(self) -> None:
        account = AccountId("111122223333")
        stack, other = entry("us-east-1/a", name="same"), entry("us-east-1/b", name="same")
        assert fault_of(manifest(entry("us-east-1/c"), stack, other)) == (
            "manifest.json: stacks.2.name: 'same' in us-east-1 is both us-east-1/a's and us-east-1/b's: "
            "a stack's name is there once"
        )
        for apart in (replace(other, region=Region("us-west-2")), replace(other, account=account)):
            assert reread(manifest(stack, apart)) == manifest(stack, apart)
        both = (replace(stack, account=account), replace(other, account=account))
        assert "stacks.1.name: 'same' in us-east-1 is both" in fault_of(manifest(*both))

    @pytest.mark.parametrize("project", ["my_shop", "1tap", "", "tap.", "-tap", "täp"])
    def test_a_project_that_no_change_set_can_be_named_after(self, project: str) -> None:
        assert fault_of(replace(manifest(entry("us-east-1/table")), project=project)) == (
            f"manifest.json: project: no change set can be named after '{project}': "
            "letters, digits and hyphens, a letter first"
        )

    def test_a_project_that_is_too_long_for_the_longest_environment(self) -> None:
        fits = replace(manifest(entry("us-east-1/table")), project="p" * 64)
        assert reread(fits) == fits
        longest = change_set_name(f"{fits.project}-{'x' * 37}", "20261128-221500-abcdef", 10)
        assert len(longest) == 128
        assert fault_of(replace(fits, project="p" * 65)) == (
            f"manifest.json: project: '{'p' * 65}' has 65 characters, and change sets' names take 64"
        )

    @pytest.mark.parametrize(
        ("tags", "message"),
        [
            ({"team": ""}, "tags.team: '' cannot be the value of a stack's tag: 1 to 256 characters"),
            ({"": "core"}, "tags.: has 0 characters, and the name of a tag 1 to 128"),
            ({"t" * 129: "core"}, f"tags.{'t' * 129}: has 129 characters, and the name of a tag 1 to 128"),
            ({"aws:team": "core"}, "tags.aws:team: names that begin with aws: are not yours to give"),
            # With this one the stack would be taken for a fleet's, and never be found again.
            ({"builder:fleet": "x"}, "tags.builder:fleet: names that begin with builder: are not yours to give"),
            (
                {f"t{number}": "x" for number in range(49)},
                "tags: 49 tags, and a stack has room for 48 beside the builder's own",
            ),
            ({**{f"t{number}": "x" for number in range(47)}, "a:b": "v" * 219 + "${EnvironmentSuffix}"}, ""),
        ],
    )
    def test_tags_that_no_stack_can_have(self, tags: dict[str, str], message: str) -> None:
        made = manifest(entry("us-east-1/table", tags=tags))
        if message:
            assert fault_of(made) == f"manifest.json: stacks.0.{message}"
        else:
            assert reread(made) == made

    def test_a_public_output_of_a_stack_that_is_not_there(self) -> None:
        made = manifest(entry("us-east-1/table"), outputs={"url": (StackId("us-east-1/service"), "FunctionUrl")})

        assert fault_of(made) == (
            "manifest.json: outputs.url: is taken from us-east-1/service, which is not in the assembly"
        )

    def test_stacks_that_need_each_other(self) -> None:
        made = manifest(entry("us-east-1/a", needs=("us-east-1/b",)), entry("us-east-1/b", needs=("us-east-1/a",)))

        assert "manifest.json: stacks: need each other in a circle: us-east-1/" in fault_of(made)

    def test_everything_that_is_wrong_at_once(self) -> None:
        made = manifest(entry("us-east-1/table", name="1", needs=("us-east-1/keys",)), version=0)

        assert len(fault_of(made).splitlines()) == 3


class TestManifest:
    def test_orders_each_stack_after_what_it_needs(self) -> None:
        stacks = make_assembly(make_loaded_config()).manifest.stacks
        order = make_order({stack.id: stack.needs for stack in stacks})

        assert order.index(StackId("us-west-2/storage")) < order.index(StackId("us-east-1/storage"))
        assert order.index(StackId("us-east-1/table")) < order.index(StackId("us-west-2/service"))

    def test_keeps_the_order_of_the_file_where_needs_allow_it(self) -> None:
        stacks = manifest(entry("b/x"), entry("a/x"), entry("c/x")).stacks

        assert make_order({stack.id: stack.needs for stack in stacks}) == ("b/x", "a/x", "c/x")

    def test_knows_its_regions_in_the_order_of_the_stacks(self) -> None:
        assert make_assembly(make_loaded_config()).manifest.regions == ("us-west-2", "us-east-1")

    def test_finds_an_entry_by_its_id(self) -> None:
        stack = entry("a/y")

        assert manifest(entry("a/x"), stack).entry(StackId("a/y")) is stack

    def test_has_a_digest_that_moves_with_any_template_and_no_environment(self) -> None:
        made = make_assembly(make_loaded_config()).manifest
        other = replace(made, stacks=(replace(made.stacks[0], sha256=SHA), *made.stacks[1:]))

        assert made.digest() == make_assembly(make_loaded_config(environment="prod")).manifest.digest()
        assert made.digest() != other.digest()

    def test_binds_the_suffix_into_a_text(self) -> None:
        assert bind("tap-${EnvironmentSuffix}-${EnvironmentSuffix}", "pr-1") == "tap-pr-1-pr-1"
