"""Jobs of S3 Batch Operations."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Job:
    """One job, with the request that made it."""

    id: str
    account: str
    region: str
    created: datetime
    request: dict[str, Any]
    status: str = "New"
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    reasons: list[dict[str, str]] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether it does nothing any more."""
        return self.status in {"Complete", "Failed", "Cancelled"}

    @property
    def progress(self) -> dict[str, int]:
        """What is told of its tasks."""
        return {
            "TotalNumberOfTasks": self.total,
            "NumberOfTasksSucceeded": self.succeeded,
            "NumberOfTasksFailed": self.failed,
        }


@dataclass(slots=True)
class BatchOperations:
    """Jobs of all accounts and regions, and how they go."""

    jobs: dict[str, Job] = field(default_factory=dict)
    """By id."""
    step_s: float = 20.0
    """How long a job stays in each of its states, and takes for each task."""
    lag_s: float = 0.0
    """How long S3 does not know a job yet that it has created."""
    unreplicable: set[tuple[str, str]] = field(default_factory=set)
    """Bucket and key of objects whose replication fails, by a job and without one."""
