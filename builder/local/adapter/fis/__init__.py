"""FIS: experiments that pause replication.

`templates` says what a template may be here, `experiments` keeps templates and runs; `api` is the service and its
resource type.
"""

from builder.local.adapter.fis import api, experiments

__all__ = ["api", "experiments"]
