"""Stacks in stacks on the fake AWS: templates in its S3, and a deployment of one stack that nests them."""

from typing import Any

import yaml

from builder.deploy import Deployment
from builder.terms import Region, StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import Rig

PARENT = StackId("us-east-1/p")
BUCKET = "children"
NESTED = "AWS::CloudFormation::Stack"
TOPIC = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}}
TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
}
Resources = dict[str, Any]


def put(rig: Rig, key: str, resources: Resources, **sections: Any) -> str:
    """Put a template into the bucket; return its URL."""
    s3 = rig.clients.s3(Region("us-east-1"))
    s3.create_bucket(Bucket=BUCKET)
    text = yaml.safe_dump({**sections, "Resources": resources}, sort_keys=False, allow_unicode=True)
    s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    return f"https://{BUCKET}.s3.us-east-1.amazonaws.com/{key}"


def nest(url: str, **attributes: Any) -> dict[str, Any]:
    """A nested stack, as a resource."""
    given = attributes.pop("parameters", None)
    properties = {"TemplateURL": url, **({"Parameters": given} if given else {})}
    return {"Type": NESTED, "Properties": properties, **attributes}


def parent(resources: Resources, **sections: Any) -> Deployment:
    """The deployment of a parent with these resources."""
    return make_deployment(make_stack(PARENT, yaml.safe_dump({**sections, "Resources": resources}, sort_keys=False)))
