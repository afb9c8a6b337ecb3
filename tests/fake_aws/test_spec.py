"""SPEC.md and the code name the same operations, and botocore knows them all."""

import re
from pathlib import Path

import botocore.session
import pytest

from fake_aws.services import SERVICES

_IMPLEMENTED = {f"{service}:{name}" for service, operations in SERVICES.items() for name in operations}


def test_every_heading_is_an_operation_and_every_operation_has_a_heading() -> None:
    spec = (Path(__file__).parent / "SPEC.md").read_text()
    headings = re.findall(r"^## (.+)$", spec, re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert set(headings) == _IMPLEMENTED


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_known_parameter_is_in_botocores_model(service: str) -> None:
    model = botocore.session.Session().get_service_model(service)
    for name, operation in SERVICES[service].items():
        shape = model.operation_model(name).input_shape
        assert operation.knows <= set(shape.members if shape else ()), name
