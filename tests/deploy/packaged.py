"""A deployment whose stacks take code and a nested template from buckets that others of its stacks make."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from builder.assembly import Manifest, StackEntry
from builder.assembly.assets import BUCKET_PARAMETER, Asset, merged
from builder.assembly.build import build
from builder.assembly.package import package
from builder.deploy import Deployment, make_deployment
from builder.terms import Region, StackId
from deploy.rig import ACCOUNT

EAST, WEST = Region("us-east-1"), Region("us-west-2")
BUCKET = "shop-${EnvironmentSuffix}-artifacts-${AWS::AccountId}-{region}-an"
BUCKETS = b"""\
Parameters: {EnvironmentSuffix: {Type: String}}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {BucketName: !Sub "shop-${EnvironmentSuffix}-artifacts-${AWS::AccountId}-${AWS::Region}-an"}
"""
WORKER = b"""\
Resources:
  Worker:
    Type: AWS::Lambda::Function
    Properties: {Code: src, Runtime: python3.13, Handler: app.handler, Role: "arn:aws:iam::111122223333:role/worker"}
"""
NESTING = b"""\
Resources:
  Network: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: network.yaml}}
"""
NETWORK = b"Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}}\n"


def bucket(region: str = EAST) -> str:
    """The bucket's name in a region."""
    return f"shop-dev-artifacts-{ACCOUNT}-{region}-an"


def sources(root: Path, code: str = "def handler(event, context): ...\n") -> Path:
    """The files that the templates name."""
    (root / "src").mkdir(exist_ok=True)
    (root / "src" / "app.py").write_text(code)
    (root / "network.yaml").write_bytes(NETWORK)
    return root


def packaged(
    root: Path, stacks: Mapping[str, bytes], own_bucket: str | None = None, regions: tuple[Region, ...] = (EAST,)
) -> Deployment:
    """The deployment of these templates in both regions, with stacks that make the buckets unless one is there."""
    texts: dict[str, bytes] = {}
    entries: list[StackEntry] = []
    assets: list[Asset] = []
    given = own_bucket or BUCKET
    for region in regions:
        named = {**({} if own_bucket else {"artifacts": BUCKETS}), **stacks}
        for name, template in named.items():
            made = package(template, Path(f"{name}.yaml"), root, region)
            assets += made.assets
            path = f"{region}/{name}.yaml"
            texts[path] = made.data
            suffix = {"EnvironmentSuffix": "${EnvironmentSuffix}"} if name == "artifacts" else {}
            takes = {BUCKET_PARAMETER: given.replace("{region}", region)} if made.assets else {}
            entries.append(
                StackEntry(
                    id=StackId(f"{region}/{name}"),
                    region=region,
                    name=f"shop-${{EnvironmentSuffix}}-{name}",
                    template=path,
                    sha256=hashlib.sha256(made.data).hexdigest(),
                    parameters={**suffix, **takes},
                )
            )
    manifest = Manifest(version=2, project="shop", stacks=tuple(entries), artifacts_bucket=given)
    return make_deployment(manifest, texts, "dev", assets=build(merged(assets), root, root / "build"))
