"""Who is given what: options to assembly, deployment, clients, clock. Nobody below asks the environment."""

import os
import re
import secrets
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from builder.errors import BadInput, BuilderError
from builder.terms import AccountId, Region, Site, counted

if TYPE_CHECKING:
    from builder.assembly import Assembly, Manifest
    from builder.aws import Clients, Tempo
    from builder.config import Config, EnvironmentConfig, Wanted
    from builder.deploy import Brake, Deployment, Options, Seal, Trusted
    from builder.drill.records import ProbeSpec
    from builder.drill.verdict import Objectives
    from builder.report.console import Console

T = TypeVar("T")
_SUFFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Wiring:
    """What the global options said, and what follows from it, made when first asked for."""

    config: Path = Path("dr.yaml")
    env: str | None = None
    assembly: Path | None = None
    project: str | None = None
    """Said by who has neither dr.yaml nor an assembly any more."""
    profile: str | None = None
    account_roles: tuple[str, ...] = ()
    skip_regions: tuple[str, ...] = ()
    json_events: bool = False
    verbose: bool = False
    tempo: "Tempo | None" = None
    """Another pace than AWS's, where whoever makes the wiring knows that it is not AWS."""
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @cached_property
    def console(self) -> "Console":
        """Where to write."""
        from builder.report.console import Console

        return Console(json_events=self.json_events, now=_now, environment=self.environment)

    @cached_property
    def wanted(self) -> "Wanted":
        """What dr.yaml asks for. Raises BadInput."""
        from builder.config import read_wanted
        from builder.report.screen import say
        from builder.topology.limits import check_names

        suffix = self._said_suffix()
        wanted = read_wanted(self.config, _now().date())
        check_names(wanted, suffix)
        for warning in wanted.warnings:
            say(f"warning: {warning}", err=True)
        return wanted

    @property
    def templates(self) -> Path:
        """The assembly's folder."""
        return self.assembly or self.config.parent / "templates"

    @cached_property
    def rendered(self) -> "Assembly":
        """The assembly that dr.yaml leads to now."""
        from builder.assembly.render import make_assembly

        return make_assembly(self.wanted)

    @cached_property
    def current(self) -> "Assembly":
        """The assembly on disk. Raises BadInput where it is not what dr.yaml leads to; --assembly is taken as it is."""
        from builder.assembly import find_changes, read_assembly

        if self.assembly is None and (stale := find_changes(self.templates, self.rendered).paths):
            raise BadInput(
                where=str(self.templates),
                what=f"is stale against {self.config.name}: {', '.join(stale)}",
                next_step="python -m builder render",
            )
        return read_assembly(self.templates)

    @cached_property
    def at_hand(self) -> "Assembly":
        """The assembly on disk, stale or not; where there is none, the one that dr.yaml leads to."""
        from builder.assembly import read_assembly

        if self.assembly is None and not self.templates.is_dir():
            return self.rendered
        return read_assembly(self.templates)

    @property
    def manifest(self) -> "Manifest":
        """The manifest of what is at hand."""
        return self.at_hand.manifest

    @cached_property
    def suffix(self) -> str:
        """The environment suffix: --env, else ENVIRONMENT_SUFFIX, else dr.yaml's. Raises BadInput."""
        said = self._said_suffix()
        if said is None and not self._has_config:
            where = "--project" if self.assembly is None else "--assembly"
            raise BadInput(where=where, what="names no environment", next_step="--env SUFFIX, or ENVIRONMENT_SUFFIX")
        return said or self.wanted.config.environment

    def warn_stale(self) -> None:
        """Say where dr.yaml has an edit that was not rendered: what is answered is of what was rendered last."""
        from builder.assembly import find_changes

        if self.assembly is not None or self.project is not None or not self.templates.is_dir():
            return
        try:
            stale = find_changes(self.templates, self.rendered).paths
        except BuilderError:
            return  # of a dr.yaml that cannot be read nothing follows; whatever needs it says what is wrong
        if stale:
            told = f"{self.templates} is stale against {self.config.name} ({counted(len(stale), 'file')})"
            self.console.warn(f"note: {told}: python -m builder render")

    @cached_property
    def deployment(self) -> "Deployment":
        """The current assembly bound to the environment, without what is in skipped regions."""
        return self._bound(self.current)

    @cached_property
    def standing(self) -> "Deployment":
        """The same of what is at hand: what stands was deployed from it, though dr.yaml may have moved on."""
        return self._bound(self.at_hand)

    def trusted(self, options: "Options") -> "Trusted":
        """Return what a saved plan has to follow from: the assembly at hand, whole, and what the command line says."""
        from builder.deploy import Trusted

        return Trusted(deployment=self._whole(self.at_hand), options=options)

    def trusted_fleet(self, options: "Options") -> "Trusted":
        """Return the same for a fleet's plan."""
        from builder.assembly import read_assembly
        from builder.deploy import Trusted, make_deployment
        from builder.fleet import unrolled_stacks

        assembly = read_assembly(self._fleet_folder)
        deployment = make_deployment(assembly.manifest, assembly.templates, self.suffix, account=self.fleet_account)
        return Trusted(deployment=deployment, options=replace(options, unrolled=unrolled_stacks(deployment)))

    def _whole(self, assembly: "Assembly") -> "Deployment":
        from builder.deploy import make_deployment

        return make_deployment(assembly.manifest, assembly.templates, self.suffix, account=self.pinned_account)

    def _bound(self, assembly: "Assembly") -> "Deployment":
        from builder.deploy import narrow

        return narrow(self._whole(assembly), [Region(region) for region in self.skip_regions])

    @cached_property
    def fleet_assembly(self) -> "Assembly":
        """The fleet's assembly, a folder of the system's own. Raises BadInput."""
        from builder.assembly import read_assembly

        self._check_no_region_skipped()
        _ = self.current  # a stale system would be a stale fleet
        return read_assembly(self._fleet_folder)

    @property
    def _fleet_folder(self) -> Path:
        from builder.assembly.store import FLEET_FOLDER

        self._check_no_region_skipped()
        folder = self.templates / FLEET_FOLDER
        if not folder.is_dir():
            raise BadInput(
                where=str(folder),
                what="is not there: no fleet was rendered",
                next_step=f"say `fleet:` in {self.config.name}, then: python -m builder render",
            )
        return folder

    @cached_property
    def fleet(self) -> "Deployment":
        """The fleet's assembly bound to the environment."""
        from builder.deploy import make_deployment

        assembly = self.fleet_assembly
        return make_deployment(assembly.manifest, assembly.templates, self.suffix, account=self.fleet_account)

    @property
    def fleet_name(self) -> str:
        """The deployment's name that a fleet's stacks are found by, whatever is rendered now. Raises BadInput."""
        from builder.assembly.store import fleet_project
        from builder.deploy import deployment_name

        self._check_no_region_skipped()
        project = self.project or (self.wanted.config.project if self.assembly is None else self.manifest.project)
        return deployment_name(fleet_project(project), self.suffix)

    @property
    def fleet_sites(self) -> tuple[Site, ...]:
        """Where dr.yaml has a fleet's StackSets now; they may stand elsewhere too. Nowhere without the file."""
        return (Site(None, self.wanted.config.admin_region),) if self._has_config else ()

    @property
    def fleet_account(self) -> AccountId | None:
        """The only account that a self-managed fleet's StackSets may be in, where dr.yaml names one."""
        fleet = self.wanted.config.fleet if self._has_config else None
        return fleet.trusted_account if fleet else None

    @property
    def role_arn(self) -> str | None:
        """The role that CloudFormation assumes, where dr.yaml names one for the environment."""
        said = self._promised_environment if self.assembly is None else None
        return said.role_arn if said else None

    @property
    def has_config_file(self) -> bool:
        """Whether there is a dr.yaml. A folder or a broken link of that name is one, which nobody can read: what it
        would forbid is not allowed by that."""
        return os.path.lexists(self.config)

    @cached_property
    def promised(self) -> "Config | None":
        """What dr.yaml says, also where an assembly is taken as it is; None where there is no such file beside it."""
        if self.assembly is not None and not self.has_config_file:
            return None
        return self.wanted.config

    @property
    def pinned_account(self) -> AccountId | None:
        """The only account that dr.yaml allows the environment to be in, also where an assembly is taken as it is."""
        said = self._promised_environment
        return said.account if said else None

    @property
    def is_production(self) -> bool | None:
        """Whether dr.yaml says that people depend on the environment; None where there is no dr.yaml to say it."""
        if self.promised is None:
            return None
        said = self._promised_environment
        return bool(said and said.production)

    def asks_in_production(self, *, said: bool) -> bool:
        """Return whether --yes does not answer for a deletion: people depend on the environment, and nobody `said` so.

        A dr.yaml of the same project counts also where the project is named by itself.
        """
        if said or not self.has_config_file:
            return False
        config = self.wanted.config
        if self.project not in {None, config.project}:
            return False
        found = config.environments.get(self.suffix)
        return bool(found and found.production)

    @property
    def answer_to_destroy(self) -> str:
        """What answers the question about a deletion without a terminal."""
        if self.asks_in_production(said=False):
            return f"--yes --yes-in-production    {self.config} marks environments.{self.suffix} as production"
        return "--yes answers it"

    @property
    def objectives(self) -> "Objectives":
        """What dr.yaml promises; nothing where there is none."""
        from builder.drill.verdict import Objectives

        return Objectives(**self.promised.objectives.model_dump()) if self.promised else Objectives()

    @property
    def probe(self) -> "ProbeSpec":
        """By what dr.yaml has a drill's probes kept; by the handlers of this project where there is none."""
        from builder.drill.records import Paths

        said = self.promised.drill.probe if self.promised else "handler"
        return said if isinstance(said, str) else Paths(**said.model_dump())

    @property
    def roles(self) -> dict[AccountId, str]:
        """The roles by which other accounts are reached. Raises BadInput, also for two of one account."""
        found: dict[AccountId, str] = {}
        for account, role in map(_account_role, self.account_roles):
            if found.setdefault(account, role) != role:
                what = f"account {account} has two roles, {found[account]} and {role}: which is meant?"
                raise BadInput(where="--account-role", what=what)
        return found

    @cached_property
    def clients(self) -> "Clients":
        """AWS, by the profile or boto3's own search for credentials."""
        from builder.aws import Clients

        told = self.console.warn if self.verbose else None
        return Clients.of_profile(self.profile, self.roles, told=told, tempo=self.tempo)

    @property
    def endpoint(self) -> str | None:
        """Where every AWS call goes instead of AWS itself; function URLs are reached there too."""
        return self.environment.get("AWS_ENDPOINT_URL")

    @property
    def has_own_endpoint(self) -> bool:
        """Whether CloudFormation is asked somewhere else than at AWS."""
        return bool(self.environment.get("AWS_ENDPOINT_URL_CLOUDFORMATION") or self.endpoint)

    @cached_property
    def runtime_ends(self) -> dict[str, date]:
        """The last day of every Lambda runtime with security updates."""
        from builder.config.runtimes import lifecycles

        return {name: life.deprecated for name, life in lifecycles().items()}

    def seal(self) -> "Seal":
        """Return a new plan's id and time."""
        from builder.deploy import Seal

        now = _now()
        return Seal(id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}", at=now.isoformat(timespec="seconds"))

    async def check_credentials(self, deployment: "Deployment", clients: "Clients | None" = None) -> None:
        """Return if the credentials are those that the deployment wants. Raises BadInput."""
        from builder.deploy import check_credentials

        sites = deployment.sites
        await check_credentials(deployment.name, deployment.account, sites, clients or self.clients)

    def run(self, work: Coroutine[Any, Any, T], brake: "Brake | None" = None, *, stands: str = "") -> T:
        """Run the work to its end. Ctrl-C once pulls the brake, where there is one, else cancels; twice leaves.

        `stands` says where the work stands then.
        """
        from builder.cli.interrupt import run_interruptibly

        def first() -> bool:
            told = "clearing up; once more leaves at once"
            if brake is not None:
                brake.pulled = True
                told = "nothing more is started, what runs is watched to its end; once more leaves"
            # The terminal may be what is gone.
            with suppress(OSError):
                self.console.warn(f"interrupted: {told}")
            return brake is not None

        return run_interruptibly(work, first, partial(self.console.leave, stands))

    @property
    def _has_config(self) -> bool:
        return self.assembly is None and self.project is None

    def _check_no_region_skipped(self) -> None:
        if self.skip_regions:
            raise BadInput(
                where="--skip-region",
                what="a fleet reaches every region through the one that holds its StackSets; none can be left out",
                next_step="the same without it    what fails in a lost region is done by a later `fleet deploy`, alone",
            )

    @property
    def _promised_environment(self) -> "EnvironmentConfig | None":
        return self.promised.environments.get(self.suffix) if self.promised else None

    def _said_suffix(self) -> str | None:
        for source, said in (("--env", self.env), ("ENVIRONMENT_SUFFIX", self.environment.get("ENVIRONMENT_SUFFIX"))):
            if said:
                if not _SUFFIX.fullmatch(said):
                    raise BadInput(
                        where=source, what=f"'{said}': an environment suffix has lower-case letters, digits and hyphens"
                    )
                return said
        return None


def _account_role(said: str) -> tuple[AccountId, str]:
    account, equals, role = said.partition("=")
    if not re.fullmatch(r"[0-9]{12}", account) or not equals or not role.startswith("arn:"):
        raise BadInput(
            where="--account-role",
            what=f"'{said}' is not an account and a role's ARN",
            next_step="--account-role 444455556666=arn:aws:iam::444455556666:role/deployer",
        )
    # Whoever assumes a role is in its account: stacks would go there under the name of another.
    if role.split(":")[4:5] != [account]:
        raise BadInput(
            where="--account-role",
            what=f"{role} is no role of account {account}",
            next_step=f"--account-role {account}=arn:aws:iam::{account}:role/NAME",
        )
    return AccountId(account), role
