"""Where a template goes: with the request, or where it is too large for that through a bucket of the stack's region."""

from typing import Any

from builder.aws import Clients, call
from builder.deploy.desired import DesiredStack
from builder.errors import BadInput

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
INLINE_BYTES = 51_200
BUCKET_BYTES = 1_048_576
REGION = "{region}"


async def place_template(clients: Clients, desired: DesiredStack, bucket: str | None) -> dict[str, Any]:
    """Return how CreateChangeSet is told the template, after putting it into the bucket where that is needed.

    Its key is its digest, so that what was reviewed can't be overwritten by a later template. `{region}` in the
    bucket's name stands for the stack's region, in which CloudFormation wants the bucket.
    Raises BadInput for a template that is too large.
    """
    template = desired.template.encode()
    if len(template) <= INLINE_BYTES:
        return {"TemplateBody": desired.template}
    if len(template) > BUCKET_BYTES:
        raise BadInput(
            where=desired.id,
            what=f"the template has {len(template):,} bytes; CloudFormation takes {BUCKET_BYTES:,} at most",
        )
    if bucket is None:
        raise BadInput(
            where=desired.id,
            what=f"the template has {len(template):,} bytes; CloudFormation takes {INLINE_BYTES:,} with the request",
            next_step=f"--artifacts-bucket NAME-{REGION}    hands it over through a bucket in each region",
        )
    client = clients.of(desired.site).s3(desired.region)
    name, key = bucket.replace(REGION, desired.region), f"{desired.sha256}.yaml"
    await call(f"{desired.id}: {name}", client.put_object, Bucket=name, Key=key, Body=template)
    # boto3 knows every partition's host names; the signature is of no use here.
    signed = client.generate_presigned_url("get_object", Params={"Bucket": name, "Key": key})
    return {"TemplateURL": signed.partition("?")[0]}
