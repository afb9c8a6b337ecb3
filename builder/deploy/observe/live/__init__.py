"""Existing tables and buckets that are to be imported, as they are, and the stacks that have them.

`record` has the result, `owner` the stack that has the resource; `table` and `bucket` read AWS and return what a
CloudFormation template would state.
"""

from builder.deploy.observe.live.bucket import observe_live_bucket
from builder.deploy.observe.live.owner import OWNED_AS, Owner, observe_owner
from builder.deploy.observe.live.record import LiveResource
from builder.deploy.observe.live.table import observe_table

__all__ = ["OWNED_AS", "LiveResource", "Owner", "observe_live_bucket", "observe_owner", "observe_table"]
