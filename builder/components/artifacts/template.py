"""A private bucket for what stacks take by its digest: nobody overwrites it, and nothing in it goes by its age."""

from awacs.aws import Statement
from troposphere import Output, Ref, Template, s3

from builder.components.private_bucket import make_private_bucket, make_tls_only
from builder.components.skeleton import add, make_skeleton
from builder.config import LoadedConfig
from builder.topology import Stack, names


def make_template(loaded: LoadedConfig, _stack: Stack) -> Template:
    """Return the template that a local path in a template of one's own leads to.

    stacks: {worker: {template: cfn/worker.yaml}}     with `Code: ./src` in it
    """
    return make_bucket_template(loaded.config.project)


def make_bucket_template(project: str, *readers: Statement) -> Template:
    """Return the template of the bucket for a project, with what its policy says of others who read from it."""
    template = make_skeleton(f"{project}: bucket of the code and templates that stacks of this region take")
    # An older object is what a rollback reads. Versions keep it where somebody deletes or overwrites it by hand; only
    # `artifacts prune` and `destroy` take versions away.
    lifecycle = s3.LifecycleRule(
        Id="abort-uploads",
        Status="Enabled",
        AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=7),
    )
    bucket = make_private_bucket(names.artifacts_bucket_name(project, "${AWS::Region}"), [lifecycle])
    add(template, bucket, make_tls_only(*readers))
    template.add_output(Output("BucketName", Description="Name of this region's bucket", Value=Ref("Bucket")))
    return template
