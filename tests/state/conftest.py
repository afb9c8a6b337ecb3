"""The shipped system on the embedded AWS, in an account of the test's own."""

import asyncio

import boto3
import pytest

from builder.aws import Clients
from builder.deploy import Deployment, Done, PlanId, PlanRequest, TrustedInput, execute_plan, make_plan
from deploy.rig import shipped
from state.rig import StateRig


@pytest.fixture
def deployed(session: boto3.Session, account_id: str) -> StateRig:
    requests: list[str] = []
    clients = Clients(session, on_request=requests.append)
    deployment = shipped()

    async def deploy(deployment: Deployment) -> None:
        plan = await make_plan(
            deployment, clients, PlanId("plan", "2026-01-01T00:00:00+00:00"), lambda _: None, PlanRequest()
        )
        assert all(
            isinstance(outcome, Done)
            for outcome in await execute_plan(plan, TrustedInput(deployment=deployment), clients, lambda _: None)
        )

    asyncio.run(deploy(deployment))
    requests.clear()
    return StateRig(deployment, clients, requests, account_id)
