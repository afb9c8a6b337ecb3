"""What stands already and is to be taken in: tables and buckets as they are, and which stacks have them.

`record` is what a look comes to, `owner` who has it; `table` and `bucket` look, and say it in CloudFormation's words.
"""

from builder.deploy.observe.live.bucket import observe_live_bucket
from builder.deploy.observe.live.owner import OWNED_AS, Owner, observe_owner
from builder.deploy.observe.live.record import LiveResource
from builder.deploy.observe.live.table import observe_table

__all__ = ["OWNED_AS", "LiveResource", "Owner", "observe_live_bucket", "observe_owner", "observe_table"]
