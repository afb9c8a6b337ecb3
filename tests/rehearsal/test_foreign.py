"""The life of an assembly that was not rendered here."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from answer import ROOT
from builder.assembly import Assembly, Manifest
from builder.assembly.cdk import read_cloud_assembly
from builder.errors import BadInput, Failed
from builder.rehearsal import ACCOUNT, rehearse_assembly
from builder.rehearsal.foreign import lint_read, only_account
from builder.terms import AccountId
from rehearsal.transcript import Transcript

APPS = ROOT / "tests" / "assembly" / "cdk"


@pytest.mark.processes
def test_a_cdk_app_s_life_begins_with_what_it_takes_for_granted(tmp_path: Path, transcript: Transcript) -> None:
    folder = Path(shutil.copytree(APPS / "two_regions", tmp_path / "cdk.out"))
    assembly = read_cloud_assembly(folder, "shop").assembly
    rehearse_assembly(assembly, folder, tmp_path / "build", "dev", transcript.stage())
    assert transcript.chapters == [
        "lint",
        "an AWS of our own",
        "plan",
        "execute",
        "use",
        "plan again, nothing changed",
        "update: one more output in the template of shop-service",
        "drift: one thing is changed behind CloudFormation's back",
        "destroy, with all that is in it",
    ]
    for region in ("us-east-1", "us-west-2"):
        assert (
            f"{region}: bucket cdk-hnb659fds-assets-{ACCOUNT}-{region}, as cdk bootstrap makes it" in transcript.lines
        )
        assert f"{region}: /cdk-bootstrap/hnb659fds/version = 6" in transcript.lines
    assert "3 stacks are gone, nothing is left" in transcript.lines


def in_accounts(*accounts: str | None) -> Manifest:
    manifest = read_cloud_assembly(APPS / "two_regions", "shop").assembly.manifest
    named = zip(manifest.stacks, accounts, strict=False)
    return replace(
        manifest,
        stacks=tuple(replace(stack, account=AccountId(account) if account else None) for stack, account in named),
    )


def test_the_account_is_the_stacks_own() -> None:
    assert only_account(in_accounts("111122223333", "111122223333")) == AccountId("111122223333")
    assert only_account(in_accounts(None)) == ACCOUNT
    with pytest.raises(BadInput, match="111122223333, 444455556666"):
        only_account(in_accounts("111122223333", "444455556666"))


@pytest.mark.usefixtures("linter")
def test_errors_of_templates_end_it_before_anything_is_started(transcript: Transcript) -> None:
    assembly = read_cloud_assembly(APPS / "synthesizers", "shop").assembly
    broken = {path: data.replace(b"AWS::SQS::Queue", b"AWS::SQS::Cue") for path, data in assembly.templates.items()}
    with pytest.raises(Failed, match="E3006"):
        lint_read(Assembly(assembly.manifest, broken), transcript.stage().tell)
