"""What an AWS::Lambda::Function does to Lambda as its stack creates, updates and deletes it.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html
"""

from typing import TYPE_CHECKING, Any

from fake_aws.functions.records import Function
from fake_aws.kms import effects as kms
from fake_aws.refusals import AwsRefusal

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import Resource
    from fake_aws.cloudformation.types import Place
    from fake_aws.world import World


def create(world: "World", place: "Place", resource: "Resource") -> None:
    """Begin to make the function, if its code is where it is said to be."""
    _check_code(world, place, resource)
    _check_key(world, place, resource)
    name = resource.physical_id or ""
    function = Function(name, place.arn("lambda", f"function:{name}"), world.datetime(), {})
    world.functions[_key(place, resource)] = function
    _configure(function, resource)


def update(world: "World", place: "Place", resource: "Resource", _: dict[str, Any]) -> None:
    """Configure the function anew, if its code is where it is said to be."""
    _check_code(world, place, resource)
    _check_key(world, place, resource)
    function = world.functions[_key(place, resource)]
    function.modified = world.datetime()
    _configure(function, resource)


def delete(world: "World", place: "Place", resource: "Resource") -> None:
    """Delete the function, if it is not gone already."""
    world.functions.pop(_key(place, resource), None)


def settle(world: "World", place: "Place", resource: "Resource") -> None:
    """Let the function be ready."""
    if (function := world.functions.get(_key(place, resource))) is not None:
        function.active = True


def _check_key(world: "World", place: "Place", resource: "Resource") -> None:
    """Refuse a key of the variables that is not there, or is named by its alias."""
    named = resource.properties.get("KmsKeyArn")
    if named is None:
        return
    if ":alias/" in named:
        raise AwsRefusal(
            "InvalidParameterValueException",
            'Resource handler returned message: "Lambda was unable to configure access to your environment variables'
            " because the KMS key is invalid for CreateGrant. Please check your KMS key settings. KMS Exception:"
            ' InvalidArnException KMS Message: Key Aliases are not supported for this operation." (HandlerErrorCode:'
            " InvalidRequest)",
        )
    kms.find(world, place, named)


def _check_code(world: "World", place: "Place", resource: "Resource") -> None:
    code = resource.properties.get("Code", {})
    if "S3Bucket" not in code:
        return
    bucket = world.buckets.get(code["S3Bucket"])
    missing = ("NoSuchBucket", "The specified bucket does not exist")
    if bucket is not None and bucket.region != place.region:
        missing = ("PermanentRedirect", "The bucket is in this region: " + bucket.region)
    elif bucket is not None:
        if bucket.current(code["S3Key"]) is not None:
            return
        missing = ("NoSuchKey", "The specified key does not exist.")
    raise AwsRefusal(
        "InvalidParameterValueException",
        'Resource handler returned message: "Error occurred while GetObject.'
        f' S3 Error Code: {missing[0]}. S3 Error Message: {missing[1]} (Service: Lambda, Status Code: 400)"',
    )


def _configure(function: Function, resource: "Resource") -> None:
    function.properties = resource.properties
    reserved = resource.properties.get("ReservedConcurrentExecutions")
    function.reserved = None if reserved is None else int(reserved)
    function.tags = resource.all_tags


def _key(place: "Place", resource: "Resource") -> tuple[str, str, str]:
    return (place.account, place.region, resource.physical_id or "")
