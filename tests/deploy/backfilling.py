"""Two buckets on the fake AWS, of which one has had objects for longer than a rule."""

from dataclasses import dataclass, field
from typing import Any

from builder.aws import Clients
from builder.deploy.backfill.jobs import plan_backfill, run_backfill
from builder.deploy.backfill.records import Backfill, BackfillOptions, Ended, Job, ReplicationSource
from builder.deploy.observe.objects import BucketPlace
from builder.terms import AccountId, Arn, Region, Site
from deploy.rig import ACCOUNT
from fake_aws import World, run_virtual

ROLE = Arn(f"arn:aws:iam::{ACCOUNT}:role/batch")
EAST, WEST, NORTH = Region("us-east-1"), Region("us-west-2"), Region("eu-north-1")


def place(name: str, region: Region) -> BucketPlace:
    return BucketPlace(site=Site(None, region), name=name, owner=AccountId(ACCOUNT))


HERE, THERE, BEYOND = place("here", EAST), place("there", WEST), place("beyond", NORTH)


def make_source(*destinations: BucketPlace) -> ReplicationSource:
    return ReplicationSource(component="uploads", bucket=HERE, destinations=destinations or (THERE,), role=ROLE)


@dataclass
class Buckets:
    """The world, and a job's run in it."""

    world: World = field(default_factory=World)
    jobs: list[Job] = field(default_factory=list)
    """Every state that was seen."""

    def __post_init__(self) -> None:
        for bucket in (HERE, THERE, BEYOND):
            properties: dict[str, Any] = {
                "BucketName": bucket.name,
                "VersioningConfiguration": {"Status": "Enabled"},
            }
            self.world.by_hand("AWS::S3::Bucket", properties, region=bucket.site.region)
        self.clients = Clients(self.world.session(ACCOUNT))

    def put(self, *keys: str, bucket: BucketPlace = HERE) -> None:
        for key in keys:
            self.clients.s3(bucket.site.region).put_object(Bucket=bucket.name, Key=key, Body=b"x" * 10)

    def add_rules(self, *destinations: BucketPlace, source: BucketPlace = HERE) -> None:
        self.world.buckets[source.name].replication = {
            "Role": ROLE,
            "Rules": [
                {
                    "ID": f"to-{each.name}",
                    "Status": "Enabled",
                    "Priority": number,
                    "DeleteMarkerReplication": {"Status": "Enabled"},
                    "Destination": {"Bucket": f"arn:aws:s3:::{each.name}"},
                }
                for number, each in enumerate(destinations or (THERE,), start=1)
            ],
        }

    def plan(self, source: ReplicationSource | None = None, **options: bool) -> Backfill:
        backfill_options = BackfillOptions(**options)
        return run_virtual(lambda: plan_backfill(self.clients, "tap-dev", source or make_source(), backfill_options))

    def run(self, source: ReplicationSource | None = None, **options: bool) -> Ended:
        backfill = self.plan(source, **options)
        return run_virtual(lambda: run_backfill(self.clients, backfill, self.jobs.append))

    def ids(self, bucket: BucketPlace) -> set[tuple[str, str]]:
        """The versions that are objects in a bucket."""
        return {
            (version.key, version.version_id)
            for version in self.world.buckets[bucket.name].versions
            if not version.marker
        }
