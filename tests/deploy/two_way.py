"""Deployments of buckets alone that replicate to each other, or one way."""

from functools import cache
from typing import Any

from builder.assembly.render import make_assembly
from builder.deploy import Deployment, make_deployment
from loaded_config import ABSENT, HANDLER, make_loaded_config

TWO = ("us-east-1", "us-west-2")
THREE = (*TWO, "eu-west-1")


@cache
def make_buckets(replication: str = "two-way", regions: tuple[str, ...] = TWO, **options: Any) -> Deployment:
    """The deployment of one bucket, called uploads, in these regions, the primary first."""
    made = make_assembly(
        make_loaded_config(
            HANDLER,
            regions={"primary": regions[0], "secondaries": list(regions[1:])},
            table=ABSENT,
            bucket=ABSENT,
            function=ABSENT,
            buckets={"uploads": {"replication": replication, **options}},
        )
    )
    return make_deployment(made.manifest, made.templates, "dev")
