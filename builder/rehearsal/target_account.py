"""An account that a fleet comes to: the roles it needs there, deployed by the deployer itself."""

import hashlib
import json
from dataclasses import dataclass
from functools import partial

from builder.assembly import Assembly
from builder.assembly.manifest import SUFFIX, VERSION, Entry, Manifest
from builder.assembly.store import EXECUTION_ROLE
from builder.aws import Clients, Tempo
from builder.deploy import (
    Deployment,
    Removal,
    Trusted,
    destroy,
    execute_plan,
    find_standing,
    make_deployment,
    make_plan,
)
from builder.rehearsal.isolation import isolated
from builder.rehearsal.stage import ACCOUNT, Stage, expect_done
from builder.terms import AccountId, Region, StackId

# The name of the role that Organizations makes in every account that it creates.
EMPTIER = "OrganizationAccountAccessRole"
_EMPTIER_FILE = "emptier.yaml"
_EMPTIER_TEMPLATE = {
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": EMPTIER,
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"],
            },
        }
    }
}


@dataclass(frozen=True, slots=True)
class TargetAccount:
    """One account of a fleet on the embedded AWS."""

    stage: Stage
    fleet: Assembly
    suffix: str
    endpoint: str
    account: AccountId
    region: Region
    """Where the stacks of its roles are."""

    def clients(self) -> Clients:
        """Return clients of the account's own identity."""
        with isolated(self.endpoint, self.account, self.region):
            clients = Clients.of_profile(None, tempo=Tempo.quick())
            # Read here, where they are the account's; botocore keeps them.
            clients.credentials()
        return clients

    def let_in(self) -> None:
        """Deploy the execution role, and a role that may empty buckets. Raises Failed."""
        clients = self.clients()
        plan = self.stage.run(make_plan(self._deployment, clients, self.stage.seal(), lambda _: None))
        expect_done(
            self.stage.run(
                execute_plan(plan, Trusted(deployment=self._deployment, is_own=True), clients, lambda _: None)
            )
        )

    def shut_out(self) -> None:
        """Delete the roles again. Raises Failed."""
        clients, deployment = self.clients(), self._deployment
        standing = self.stage.run(find_standing(deployment.name, deployment.sites, clients))
        removal = Removal(standing=standing, needs={})
        work = partial(destroy, removal, clients, self.stage.seal().id)
        expect_done(self.stage.run(work(lambda _: None)))

    @property
    def _deployment(self) -> Deployment:
        templates = {
            EXECUTION_ROLE: self.fleet.beside[EXECUTION_ROLE],
            _EMPTIER_FILE: json.dumps(_EMPTIER_TEMPLATE, indent=2).encode(),
        }
        given = {
            EXECUTION_ROLE: {"EnvironmentSuffix": SUFFIX, "AdministratorAccountId": str(ACCOUNT)},
            _EMPTIER_FILE: dict[str, str](),
        }
        entries = tuple(self._entry(file, data, given[file]) for file, data in templates.items())
        manifest = Manifest(version=VERSION, project=f"{self.fleet.manifest.project}-access", stacks=entries)
        return make_deployment(manifest, templates, self.suffix)

    def _entry(self, file: str, template: bytes, parameters: dict[str, str]) -> Entry:
        kind = file.removesuffix(".yaml")
        return Entry(
            id=StackId(f"{self.region}/{kind}"),
            region=self.region,
            name=f"{self.fleet.manifest.project}-{SUFFIX}-{kind}",
            template=file,
            sha256=hashlib.sha256(template).hexdigest(),
            parameters=parameters,
            capabilities=("CAPABILITY_NAMED_IAM",),
        )
