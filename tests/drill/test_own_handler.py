"""An application of somebody's own, which knows no /items: drilled by the command line, with `probe: table`."""

import json
from pathlib import Path

import pytest

from answer import Command
from builder.drill import health
from builder.local import EmbeddedAws
from drill.conftest import ACCOUNT, on_stage
from local.account import Account

HANDLER = """
import json, os
import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def handler(event, _context):
    if event["rawPath"] != "/health":
        return {"statusCode": 404, "body": "{}"}
    TABLE.get_item(Key={"id": "anything"}, ConsistentRead=True)
    return {"statusCode": 200, "body": json.dumps({"shop": "open"})}
"""


@pytest.mark.alone
def test_a_project_with_a_handler_of_its_own_passes_both_drills(
    embedded: EmbeddedAws, project: Path, builder: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its functions start for the first time.
    monkeypatch.setattr(health, "WARM_S", 60.0)
    (project / "own").mkdir()
    (project / "own" / "index.py").write_text(HANDLER)
    config = (project / "dr.yaml").read_text().replace("source: lambda/python", "source: own")
    (project / "dr.yaml").write_text(config + "\ndrill: {probe: table}\n")
    with on_stage(embedded):
        for words in (["render"], ["--env", "own", "deploy", "--yes"]):
            done = builder(*words)
            assert done.code == 0, done
        brief = ["--rate", "3", "--patience", "60"]
        drills = {
            "replication": ["--seconds", "2"],
            "failover": ["--before", "6", "--outage", "2", "--after", "2", "--object-rate", "1"],
        }
        for what, options in drills.items():
            done = builder("--env", "own", "drill", what, *brief, *options)
            assert done.code == 0, (done.out, done.err)
        reports = [json.loads(path.read_text()) for path in (project / "drills").glob("*/report.json")]
        for report in reports:
            assert report["about"]["service"] == "GET /health answered 200, and nothing else of the application"
            assert "reserved values of id" in report["about"]["probe"]
            assert report["requests"]["lost"] == []
        assert {report["kind"] for report in reports} == set(drills)
        for region in ("us-east-1", "us-west-2"):
            assert Account(embedded.endpoint, ACCOUNT).dynamodb(region).scan(TableName="tap-own-global")["Count"] == 0
        assert builder("--env", "own", "destroy", "--yes").code == 0
