"""The strangers: what each says of the templates or of the policies in them, as findings."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import shorten
from typing import Any

from strangers.policies import Policy
from strangers.verdict import Finding


def ask_checkov(folder: Path) -> tuple[Finding, ...]:
    """Return what checkov holds against the templates in a folder.

    Its checks are all in the package: nothing is downloaded. Raises RuntimeError where it did not read them all.
    """
    command = [sys.executable, "-m", "checkov.main", "--directory", str(folder)]
    options = ["--skip-download", "--compact", "--output", "json"]
    # 1 where there is something to say.
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=300)
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"checkov: {done.stderr}")
    return tuple(read_checkov(json.loads(done.stdout)))


def read_checkov(answer: Any) -> Iterator[Finding]:
    """Yield the findings in checkov's JSON, one report or a list with one for each kind of file."""
    for report in answer if isinstance(answer, list) else [answer]:
        if unread := report["results"]["parsing_errors"]:
            raise RuntimeError(f"checkov could not read {', '.join(unread)}")
        for check in report["results"]["failed_checks"]:
            place = f"{check['file_path'].lstrip('/')} {check['resource'].rpartition('.')[2]}"
            yield Finding("checkov", check["check_id"], place, check["check_name"])


def ask_parliament(policies: Iterable[Policy]) -> tuple[Finding, ...]:
    """Return what parliament, its community's auditors included, holds against policies.

    By its library, because its command writes a log under a fixed name into a folder of everybody's.
    """
    import parliament  # noqa: PLC0415 - not there where this module is tested

    return tuple(
        Finding("parliament", finding.issue, policy.place, shorten(f"{finding.detail or finding.location}", 200))
        for policy in policies
        for finding in parliament.analyze_policy_string(policy.document, include_community_auditors=True).findings
    )
