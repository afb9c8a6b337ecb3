"""What a rehearsal makes beforehand since it is taken for granted, and how another's assembly is linted.

Of `cdk bootstrap` it is as much as a CDK app's stacks and we ask for, the buckets and the version; of dr.yaml the
bucket that `artifacts_bucket` names.
"""

from collections.abc import Iterator
from typing import Any

from builder.assembly import Assembly, Manifest
from builder.assembly.manifest import bind
from builder.aws import Clients, call
from builder.deploy.change_sets.artifacts import bucket_for
from builder.errors import BadInput, Failed
from builder.rehearsal.stage import ACCOUNT, Chapter, Line, Tell, counted_findings, lint
from builder.terms import AccountId, Region, Site


def only_account(manifest: Manifest) -> AccountId:
    """Return the account of all stacks, ours where they name none. Raises BadInput where there are several."""
    accounts = tuple(dict.fromkeys(entry.account or ACCOUNT for entry in manifest.stacks))
    if len(accounts) > 1:
        raise BadInput(
            where="rehearse",
            what=f"the assembly has stacks in the accounts {', '.join(accounts)}, and a rehearsal has one",
            next_step="python -m builder local    runs the same AWS, for plan and execute with --account-role",
        )
    return accounts[0] if accounts else ACCOUNT


def lint_read(assembly: Assembly, tell: Tell) -> None:
    """Lint an assembly as it was read. Raises Failed for errors; warnings are its author's."""
    tell(Chapter("lint"))
    findings = lint(assembly)
    if fatal := [finding for finding in findings if finding.severity == "error"]:
        errors = "\n  ".join(f"{finding.file}:{finding.line}: {finding.rule} {finding.message}" for finding in fatal)
        raise Failed(where="lint", what=errors, next_step="python -m builder lint")
    tell(Line(counted_findings(findings)))


async def bootstrap(assembly: Assembly, account: AccountId, clients: Clients) -> tuple[str, ...]:
    """Make what a CDK app takes for granted in an account that has nothing yet; return a line for each thing made."""
    made = []
    for region, bucket in dict.fromkeys(_buckets(assembly, account)):
        await make_bucket(bucket, region, clients)
        made.append(f"{region}: bucket {bucket}, as cdk bootstrap makes it")
    for required in assembly.bootstraps:
        region, name, version = required.site.region, required.parameter, str(required.version)
        await call(name, clients.ssm(region).put_parameter, Name=name, Value=version, Type="String")
        made.append(f"{region}: {name} = {version}")
    return tuple(made)


async def make_buckets(assembly: Assembly, suffix: str, clients: Clients) -> tuple[str, ...]:
    """Make the bucket that dr.yaml names in each region; return a line for each."""
    manifest, made = assembly.manifest, []
    for region in manifest.regions:
        bucket = bucket_for(bind(manifest.artifacts_bucket or "", suffix), Site(None, region), ACCOUNT)
        await make_bucket(bucket, region, clients)
        made.append(f"{region}: bucket {bucket}, as dr.yaml takes it for granted")
    return tuple(made)


async def make_bucket(bucket: str, region: Region, clients: Clients) -> None:
    """Make a bucket; what is made is listed by the caller."""
    # us-east-1 is no constraint: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    constraint = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    settings: dict[str, Any] = {} if region == "us-east-1" else constraint
    await call(bucket, clients.s3(region).create_bucket, Bucket=bucket, **settings)


def _buckets(assembly: Assembly, account: AccountId) -> Iterator[tuple[Region, str]]:
    """Yield the buckets that are taken for granted, with their regions."""
    places = [(region, asset.bucket) for asset in assembly.assets if asset.bucket for region in asset.regions]
    if assembly.bootstraps and assembly.manifest.artifacts_bucket:
        places += [(region, assembly.manifest.artifacts_bucket) for region in assembly.manifest.regions]
    yield from ((region, bucket_for(bucket, Site(None, region), account)) for region, bucket in places)
