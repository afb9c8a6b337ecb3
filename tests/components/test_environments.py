"""What differs between environments: parameters of one template, and what each environment gives them."""

from typing import Any

import pytest

from builder.assembly.manifest import ByEnvironment
from builder.components.environments import as_text, parameters_of
from builder.components.function.options import FunctionConfig
from components.templates import properties, template
from loaded_config import make_loaded_config


def parameters(environments: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return parameters_of(make_loaded_config(environments=environments, **sections).config, "function", "function")


def test_what_no_environment_says_otherwise_is_a_literal() -> None:
    assert parameters({"prod": {"account": "111122223333"}}) == {}
    assert template("us-east-1/service", environments={"prod": {"production": True}}) == template("us-east-1/service")


def test_each_environment_gives_its_own() -> None:
    function = {"memory_mb": 512, "environment": {"LOG_LEVEL": "info", "OTHER": "same"}}
    environments = {
        "prod": {"function": {"memory_mb": 1024, "environment": {"LOG_LEVEL": "warn"}}},
        "test": {"function": {"memory_mb": 128}},
    }

    assert parameters(environments, function=function) == {
        "EnvironmentLogLevel": ByEnvironment({"default": "info", "prod": "warn"}),
        "MemoryMb": ByEnvironment({"default": "512", "prod": "1024", "test": "128"}),
    }


def test_the_template_takes_it_as_a_parameter_within_the_bounds_of_the_file() -> None:
    environments = {"prod": {"function": {"memory_mb": 1024, "log_retention_days": 365}}}
    body = template("us-east-1/service", environments=environments)

    assert properties(body, "Function")["MemorySize"] == {"Ref": "MemoryMb"}
    assert properties(body, "LogGroup")["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    declared = body["Parameters"]
    assert {key: declared["MemoryMb"][key] for key in ("Type", "MinValue", "MaxValue")} == {
        "Type": "Number",
        "MinValue": 128,
        "MaxValue": 10240,
    }
    assert "365" in declared["LogRetentionDays"]["AllowedValues"]


def test_one_function_s_own_values_are_not_another_s() -> None:
    environments = {"prod": {"functions": {"api": {"memory_mb": 1024}}}}
    body = template("us-east-1/service", functions={"api": {}}, environments=environments)

    assert "MemoryMb" not in body["Parameters"]


def test_two_variables_never_share_a_parameter() -> None:
    variables = {"LOG_LEVEL": "a", "LOG__LEVEL": "b", "log_level": "c"}
    environments = {"prod": {"function": {"environment": dict.fromkeys(variables, "x")}}}
    given = parameters(environments, function={"environment": variables})

    assert [*given] == ["EnvironmentLogLevel", "EnvironmentLogLevel2", "EnvironmentLogLevel3"]
    assert [value.environments["default"] for value in given.values()] == ["a", "b", "c"]


def test_a_variable_may_be_called_as_the_suffix_is() -> None:
    environments = {"prod": {"function": {"environment": {"SUFFIX": "x"}}}}
    body = template("us-east-1/service", function={"environment": {"SUFFIX": "y"}}, environments=environments)

    assert properties(body, "Function")["Environment"]["Variables"]["SUFFIX"] == {"Ref": "EnvironmentSuffix2"}


def test_a_productive_environment_says_what_its_options_say_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FunctionConfig, "in_production", {"memory_mb": 2048})

    assert parameters({"prod": {"production": True}, "dev": {}}) == {
        "MemoryMb": ByEnvironment({"default": "256", "prod": "2048"})
    }
    assert parameters({"prod": {"production": True, "function": {"memory_mb": 300}}}) == {
        "MemoryMb": ByEnvironment({"default": "256", "prod": "300"})
    }


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (None, ""), (7, "7"), ("x", "x")])
def test_values_are_texts_as_cloudformation_takes_them(value: object, text: str) -> None:
    assert as_text(value) == text
