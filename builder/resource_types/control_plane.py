"""Where the control planes are that change a resource in another region than the one they stand in; pure.

Sources: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/global-services.html and
https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/appendix-a---partitional-service-guidance.html
"""

from dataclasses import dataclass

from builder.terms import Region


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """What a change of a resource hangs on."""

    name: str
    region: Region


_NAMES = {
    "AWS::CloudFront::": "CloudFront's control plane",
    "AWS::IAM::": "IAM's control plane",
    "AWS::Organizations::": "Organizations' control plane",
    "AWS::Route53::": "Route 53's control plane",
    "AWS::S3::Bucket": "the control plane of S3's bucket configuration",
}
"""By the beginning of the type's name."""
_HOMES = {"cn-": Region("cn-north-1"), "us-gov-": Region("us-gov-west-1")}
_HOME = Region("us-east-1")


def control_plane_of(type_name: str, region: Region) -> ControlPlane | None:
    """Return the control plane that creating, changing or deleting such a resource in a region hangs on elsewhere.

    None where it is the region's own.
    """
    name = next((name for prefix, name in _NAMES.items() if type_name.startswith(prefix)), None)
    if name is None:
        return None
    return ControlPlane(name, next((home for prefix, home in _HOMES.items() if region.startswith(prefix)), _HOME))
