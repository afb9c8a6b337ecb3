"""Every option of a function switched on and off again on a deployment that lives, with data in the table beside it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from builder.assembly.build import build
from builder.assembly.render import make_assembly
from builder.config import load_config
from builder.deploy import Deployment, Done, Plan, make_deployment
from builder.local import EmbeddedAws
from packing.packages import make_wheel, requirements
from policy.guarded import Guarded

REGIONS = ("us-east-1", "us-west-2")
ANSWER = """
import json, os

def answer(more):
    variables = {name: value for name, value in os.environ.items() if name.endswith(("_TABLE", "_BUCKET"))}
    return {"statusCode": 200, "body": json.dumps({"from": more, **variables})}
"""
HANDLER = "\n\ndef handler(event, context):\n    return answer(%r)\n"
FILES = {
    "small/index.py": ANSWER + HANDLER % "small",
    "large/app/main.py": "from app.lib import answer\n" + HANDLER % "large",
    "large/app/lib.py": ANSWER,
    "packed/app/main.py": "import left\nfrom app.lib import answer\n" + HANDLER % "packed",
    "packed/app/lib.py": ANSWER,
}
SMALL: dict[str, Any] = {"runtime": "python3.13", "source": "small"}
LARGE = {**SMALL, "source": "large", "handler": "app.main.handler"}
PACKED = {**LARGE, "source": "packed"}
NEWS = "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:news"
VARIABLES = {"orders": "ORDERS_TABLE", "uploads": "UPLOADS_BUCKET"}
USES = {"orders": "read_write", "uploads": "read"}
OWN = [{"Action": ["sns:Publish"], "Resource": [NEWS]}]
MORE = {"reserved_concurrency": 5, "url": {"auth": "NONE"}, "policy": OWN}
STEPS: tuple[tuple[dict[str, Any], set[str]], ...] = (
    ({**LARGE, "uses": USES}, {"Function", "ExecutionRole"}),
    ({**PACKED, **MORE, "uses": {"orders": "read"}}, {"Function", "ExecutionRole", "FunctionUrl"}),
    ({**PACKED, "architecture": "arm64"}, {"Function", "ExecutionRole", "FunctionUrl"}),
    (SMALL, {"Function"}),
)
"""What is said of the function in turn, and what of its stack has to change at least."""


@pytest.fixture
def account(embedded: EmbeddedAws, account_id: str, monkeypatch: pytest.MonkeyPatch) -> Guarded:
    monkeypatch.setenv("AWS_ENDPOINT_URL", embedded.endpoint)
    return Guarded(account_id)


@pytest.fixture
def deployment(tmp_path: Path) -> Callable[[dict[str, Any]], Deployment]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    pin = make_wheel(tmp_path / "wheels", "left")
    (tmp_path / "packed" / "requirements.txt").write_text(requirements(tmp_path / "wheels", pin))

    def make(function: dict[str, Any], **more: Any) -> Deployment:
        config = {
            "project": "shop",
            "environment": "dev",
            "regions": {"primary": REGIONS[0], "secondaries": [REGIONS[1]]},
            "tables": {"orders": {}},
            "buckets": {"uploads": {}},
            "functions": {"api": function},
            **more,
        }
        (tmp_path / "dr.yaml").write_text(yaml.safe_dump(config))
        assembly = make_assembly(load_config(tmp_path / "dr.yaml"))
        assets = build(assembly.assets, tmp_path, tmp_path / "build", here=True)
        return make_deployment(assembly.manifest, assembly.templates, "dev", assets=assets)

    return make


def executed(account: Guarded, deployment: Deployment) -> Plan:
    plan = account.plan(account.admin, deployment)
    ended = account.execute(account.admin, plan)
    assert all(isinstance(outcome, Done) for outcome in ended), ended
    return plan


def changes(plan: Plan, region: str) -> dict[str, tuple[str, str | None]]:
    """Return what a plan changes of the function's stack in a region, and what is replaced."""
    return {
        change.logical_id: (change.action, change.replacement)
        for step in plan.steps
        if step.stack == f"{region}/api"
        for change in step.changes
    }


def called(account: Guarded, region: str) -> dict[str, str]:
    invoked = account.root.client("lambda", region).invoke(FunctionName=f"shop-dev-api-{region}")
    answer = json.loads(invoked["Payload"].read())
    assert answer.get("statusCode") == 200, answer
    body: dict[str, str] = json.loads(answer["body"])
    return body


@pytest.mark.acceptance
def test_each_option_comes_and_goes_in_place_and_the_function_answers_in_both_regions(
    account: Guarded, deployment: Callable[..., Deployment]
) -> None:
    executed(account, deployment(SMALL))
    account.root.client("dynamodb").put_item(TableName="shop-dev-orders", Item={"id": {"S": "kept"}})

    for function, least in STEPS:
        plan = executed(account, deployment(function))
        for region in REGIONS:
            seen = changes(plan, region)
            assert least <= seen.keys()
            # Permissions are never updated, and hold nothing.
            assert {name for name, change in seen.items() if "True" in change} <= {"UrlPermission", "InvokePermission"}
            assert "Remove" not in {action for action, _ in seen.values()}
            body = called(account, region)
            assert body.pop("from") == function["source"]
            assert body.keys() == {VARIABLES[name] for name in function.get("uses", ())}

    for region in REGIONS:
        client = account.root.client("dynamodb", region)
        assert client.get_item(TableName="shop-dev-orders", Key={"id": {"S": "kept"}}).get("Item")


def test_a_url_that_goes_is_an_address_that_is_lost(account: Guarded, deployment: Callable[..., Deployment]) -> None:
    executed(account, deployment(SMALL))
    plan = account.plan(account.admin, deployment({**SMALL, "url": False}))
    assert {hit.allow for hit in plan.guards} == {f"{region}/api/FunctionUrl" for region in REGIONS}
    assert changes(plan, "us-west-2")["UrlPermission"][0] == "Remove"


def test_concurrency_in_one_environment_alone_is_a_parameter(
    account: Guarded, deployment: Callable[..., Deployment]
) -> None:
    executed(account, deployment(SMALL))
    here = {"dev": {"functions": {"api": {"reserved_concurrency": 3}}}}
    for environments, reserved in ((here, 3), ({}, None)):
        executed(account, deployment(SMALL, environments=environments))
        for region in REGIONS:
            answer = account.root.client("lambda", region).get_function_concurrency(
                FunctionName=f"shop-dev-api-{region}"
            )
            assert answer.get("ReservedConcurrentExecutions") == reserved
