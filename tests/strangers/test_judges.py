from typing import Any

import pytest

from strangers.judges import read_checkov
from strangers.verdict import Finding

SAYS = "Ensure the S3 bucket has access logging enabled"
FAILED = {
    "check_id": "CKV_AWS_18",
    "check_name": SAYS,
    "file_path": "/us-east-1/storage.yaml",
    "resource": "AWS::S3::Bucket.Bucket",
}
FINDING = Finding("checkov", "CKV_AWS_18", "us-east-1/storage.yaml Bucket", SAYS)


def report(*failed: dict[str, Any], unread: tuple[str, ...] = ()) -> dict[str, Any]:
    """What checkov 3.3 writes, as far as it is read."""
    return {
        "check_type": "cloudformation",
        "results": {"failed_checks": list(failed), "parsing_errors": list(unread)},
        "summary": {"failed": len(failed)},
    }


def test_a_finding_of_checkov_s_says_template_and_logical_id() -> None:
    (finding,) = read_checkov(report(FAILED))

    assert (finding, finding.says) == (FINDING, SAYS)


def test_reports_of_several_kinds_of_files_are_all_read() -> None:
    assert list(read_checkov([report(FAILED), report(), report(FAILED)])) == [FINDING, FINDING]


def test_a_template_that_checkov_could_not_read_is_no_good_template() -> None:
    with pytest.raises(RuntimeError, match=r"could not read /a\.yaml"):
        list(read_checkov(report(FAILED, unread=("/a.yaml",))))
