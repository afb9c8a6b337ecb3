import pytest

from builder.deploy import observe_outputs
from builder.errors import Failed
from deploy.rig import Rig


def test_every_public_output_is_read_from_the_stack_that_holds_it(standing: Rig) -> None:
    outputs = standing.run(lambda: observe_outputs(standing.deployment, standing.clients))
    assert list(outputs) == [
        "primaryLambdaUrl",
        "secondaryLambdaUrl",
        "globalTableName",
        "primaryBucketName",
        "secondaryBucketName",
    ]
    assert outputs["globalTableName"] == "tap-dev-global"
    assert outputs["secondaryBucketName"] == "tap-dev-111122223333-us-west-2-an"


def test_what_is_not_deployed_has_no_outputs(rig: Rig) -> None:
    with pytest.raises(Failed, match="primaryLambdaUrl"):
        rig.run(lambda: observe_outputs(rig.deployment, rig.clients))
