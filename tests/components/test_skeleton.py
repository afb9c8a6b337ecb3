import re

import pytest

from builder.components.skeleton import leave_unlinted, make_skeleton
from components.templates import THREE, Json, templates

ALL = [*templates().items(), *templates(regions=THREE).items()]


@pytest.mark.parametrize("made", [made for _, made in ALL], ids=[stack for stack, _ in ALL])
class TestEveryTemplate:
    def test_says_of_each_resource_that_it_goes_with_the_stack(self, made: Json) -> None:
        for resource in made["Resources"].values():
            assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Delete"

    def test_takes_the_environment_suffix_and_says_what_it_is(self, made: Json) -> None:
        suffix = made["Parameters"]["EnvironmentSuffix"]

        assert suffix["Type"] == "String"
        assert re.fullmatch(suffix["AllowedPattern"], "pr-123")
        assert not re.fullmatch(suffix["AllowedPattern"], "Dev_1")
        assert made["AWSTemplateFormatVersion"] == "2010-09-09"
        assert made["Description"].startswith("tap: ")

    def test_names_no_account_region_or_environment_of_its_own(self, made: Json) -> None:
        text = str({"Resources": made["Resources"], "Outputs": made["Outputs"]})

        assert not re.search(r"\b[0-9]{12}\b|tap-dev", text)


def test_a_rule_that_is_kept_from_a_template_is_named_in_it() -> None:
    made = make_skeleton("tap: nothing")

    leave_unlinted(made, "W3005")

    assert made.to_dict()["Metadata"] == {"cfn-lint": {"config": {"ignore_checks": ["W3005"]}}}
