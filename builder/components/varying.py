"""The options of a component as its template has them: literals, or parameters where environments differ."""

import typing
from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic.fields import FieldInfo
from troposphere import AWS_NO_VALUE, Equals, If, Not, Parameter, Ref, Template

from builder.components.environments import Option, varying_options
from builder.config import Config

_BOUNDS = (("MinValue", "ge"), ("MaxValue", "le"))


class Varying:
    """One component's options for its template, which gets a parameter for each varying option that is used."""

    def __init__(
        self, config: Config, kind: str, name: str, template: Template, *, only: Collection[str] | None = None
    ) -> None:
        self._options = config.options(kind, name)
        self._varying = {
            (option.name, option.key): option
            for option in varying_options(config, kind, name)
            if only is None or option.name in only
        }
        self._template = template
        # Every one of them is declared, whether or not the template asks: its stack is given all.
        for option in self._varying.values():
            template.add_parameter(_declare(option, type(self._options).model_fields[option.name]))

    def varies(self, field: str) -> bool:
        """Return whether any environment says another value of an option."""
        return any(name == field for name, _ in self._varying)

    def of(self, field: str) -> Any:  # noqa: ANN401 - whatever the option holds
        """Return an option's value, or a reference to the parameter that holds it, for a property of a resource.

        Of keys with values each by itself. None, and what may be nothing in some environment, is AWS::NoValue there.
        """
        value = getattr(self._options, field)
        if isinstance(value, Mapping):
            return {key: self._of(field, key, inner) for key, inner in value.items()}
        return self._of(field, None, value)

    def _of(self, field: str, key: str | None, value: object) -> Any:  # noqa: ANN401
        option = self._varying.get((field, key))
        if option is None:
            return value
        if all(each is not None for each in option.values.values()):
            return Ref(option.parameter)
        condition = f"Has{option.parameter}"
        self._template.conditions.setdefault(condition, Not(Equals(Ref(option.parameter), "")))
        return If(condition, Ref(option.parameter), Ref(AWS_NO_VALUE))


def _declare(option: Option, field: FieldInfo) -> Parameter:
    """Return the parameter of an option, with the bounds that dr.yaml holds it to."""
    annotation: Any = field.annotation
    properties: dict[str, Any] = {"Type": "String", "Description": field.description or option.name}
    if option.key is not None:
        properties["Description"] = f"Environment variable {option.key}"
    elif annotation is bool:
        properties["AllowedValues"] = ["true", "false"]
    elif annotation is int:
        properties["Type"] = "Number"
        bounds = ((title, getattr(bound, name, None)) for bound in field.metadata for title, name in _BOUNDS)
        properties |= {title: limit for title, limit in bounds if limit is not None}
    elif typing.get_origin(annotation) is Literal:
        properties["AllowedValues"] = [str(value) for value in typing.get_args(annotation)]
    return Parameter(option.parameter, **properties)
