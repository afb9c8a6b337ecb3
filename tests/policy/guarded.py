"""The shipped system on an embedded AWS that enforces IAM, in an account of its own, by people with policies."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import boto3
import botocore.loaders
import botocore.session

from builder.assembly.bound import Bound
from builder.aws import Clients
from builder.deploy import (
    Deployment,
    FoundStacks,
    Outcome,
    Plan,
    PlanId,
    PlanRequest,
    Removal,
    TrustedInput,
    delete_deployment,
    discard_plan,
    execute_plan,
    find_deployed,
    find_deployment,
    make_plan,
)
from builder.policy import PolicyCaller, PolicyContext, PolicyRequest, Verb, make_document, make_rights
from deploy.rig import shipped
from policy.system import CALLER, SHIPPED

T = TypeVar("T")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
_REGION = "us-east-1"
# Reading the services' models takes longer than a life here: once for all.
_LOADER = botocore.loaders.create_loader()


@dataclass
class Guarded:
    """One account: its root does anything, anybody else what a policy of ours says."""

    account: str
    caller: PolicyCaller = CALLER
    people: int = 0
    plans: int = 0
    deployment: Deployment = field(default_factory=shipped)
    bounds: tuple[Bound, ...] = SHIPPED

    def __post_init__(self) -> None:
        self.root = self._session(self.account, "test")
        self.admin = Clients(self.root)

    def _session(self, key: str, secret: str) -> boto3.Session:
        core = botocore.session.Session()
        core.register_component("data_loader", _LOADER)
        core.set_credentials(key, secret)
        return boto3.Session(botocore_session=core, region_name=_REGION)

    @property
    def context(self) -> PolicyContext:
        return PolicyContext("aws", self.account, "dev")

    def document(self, *verbs: Verb, of_service_role: bool = False, without: Iterable[str] = ()) -> dict[str, Any]:
        request = PolicyRequest(verbs=verbs, caller=self.caller, of_service_role=of_service_role)
        rights = make_rights(self.bounds, self.context, request)
        return make_document(
            replace(rights, granted=tuple(grant for grant in rights.granted if grant.action not in set(without)))
        )

    def person(self, *verbs: Verb, without: Iterable[str] = ()) -> Clients:
        """Somebody with the policy for these verbs, less some actions."""
        return Clients(self._session(*self.keys(*verbs, without=without)))

    def keys(self, *verbs: Verb, without: Iterable[str] = ()) -> tuple[str, str]:
        """The keys of somebody with the policy for these verbs, less some actions."""
        self.people += 1
        iam, name = self.root.client("iam"), f"person-{self.people}"
        iam.create_user(UserName=name)
        document = json.dumps(self.document(*verbs, without=without))
        iam.put_user_policy(UserName=name, PolicyName="least", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def service_role(self, *verbs: Verb, without: Iterable[str] = ()) -> str:
        """CloudFormation's role with its policy for these verbs, less some actions; made or changed."""
        iam = self.root.client("iam")
        if not self.caller.role_arn:
            made = iam.create_role(RoleName="cfn-exec", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
            self.caller = replace(self.caller, role_arn=made)
        document = json.dumps(self.document(*verbs, of_service_role=True, without=without))
        iam.put_role_policy(RoleName="cfn-exec", PolicyName="least", PolicyDocument=document)
        return str(self.caller.role_arn)

    def plan(self, by: Clients, deployment: Deployment | None = None, request: PlanRequest | None = None) -> Plan:
        self.plans += 1
        plan_id = PlanId(f"plan-{self.plans}", "2026-01-01T00:00:00+00:00")
        self.planned = deployment or self.deployment
        return _run(lambda: make_plan(self.planned, by, plan_id, _quiet, request or PlanRequest()))

    def trusted(self, plan: Plan) -> TrustedInput:
        """What its execution trusts: the assembly that the last plan was made from, and the plan's own role."""
        return TrustedInput(deployment=self.planned, options=plan.options)

    def discard(self, by: Clients, plan: Plan) -> None:
        _run(lambda: discard_plan(plan, by))

    def execute(self, by: Clients, plan: Plan) -> tuple[Outcome, ...]:
        return _run(lambda: execute_plan(plan, self.trusted(plan), by, _quiet))

    def destroy(self, by: Clients) -> tuple[Outcome, ...]:
        needs = {stack.id: stack.needs for stack in self.deployment.stacks}

        async def all_of_it() -> tuple[Outcome, ...]:
            stacks = await find_deployed(self.deployment.name, self.deployment.sites, by)
            return await delete_deployment(Removal(stacks=stacks, needs=needs), by, "destroy", _quiet)

        return _run(all_of_it)

    def find_deployment(self, by: Clients) -> FoundStacks:
        return _run(lambda: find_deployment(self.deployment.name, self.deployment.sites, (), by))

    def bucket(self, region: str = _REGION) -> str:
        return f"tap-dev-{self.account}-{region}-an"


def _quiet(_: object) -> None:
    pass


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(work())
