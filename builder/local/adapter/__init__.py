"""What the emulator lacks of the AWS this project deploys to, added from outside, one module per gap.

Nothing of the emulator is edited: its tables of resource handlers and actions are given ours in their place.
"""

from builder.local.adapter import bucket, emulator, global_table

__all__ = ["install"]


def install() -> None:
    """Put every piece in place, once per process, after the environment is set; raises Failed on another version."""
    emulator.check()
    handlers = emulator.touch("ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS")
    handlers["AWS::DynamoDB::GlobalTable"].update(global_table.HANDLERS)
    bucket.install(handlers["AWS::S3::Bucket"])
