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
    told: list[str] = []
    clients = Clients(session, on_request=told.append)
    deployment = shipped()

    async def deploy(wanted: Deployment) -> None:
        plan = await make_plan(
            wanted, clients, PlanId("plan", "2026-01-01T00:00:00+00:00"), lambda _: None, PlanRequest()
        )
        assert all(
            isinstance(one, Done)
            for one in await execute_plan(plan, TrustedInput(deployment=wanted), clients, lambda _: None)
        )

    asyncio.run(deploy(deployment))
    told.clear()
    return StateRig(deployment, clients, told, account_id)
