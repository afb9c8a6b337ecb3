"""What exists already and is to be imported: tables and buckets as they are, and the stacks that hold them.

`record` has the result, `owner` the stack that holds it; `table` and `bucket` read AWS and state it as CloudFormation
does.
"""

from builder.deploy.observe.live.bucket import observe_live_bucket
from builder.deploy.observe.live.owner import OWNED_AS, Owner, observe_owner
from builder.deploy.observe.live.record import LiveResource
from builder.deploy.observe.live.table import observe_table

__all__ = ["OWNED_AS", "LiveResource", "Owner", "observe_live_bucket", "observe_owner", "observe_table"]
