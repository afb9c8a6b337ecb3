"""The project: what dr.yaml and the assembly say, read from their files alone, each when it is first asked for."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from builder.cli.options import Options
from builder.errors import BadInput, BuilderError, Stopped
from builder.terms import AccountId, Region, Site, counted

if TYPE_CHECKING:
    from builder.assembly import Assembly, Manifest
    from builder.assembly.build import Built, NotBuilt
    from builder.assembly.cdk import CdkAssembly
    from builder.config import Config, EnvironmentConfig, LoadedConfig
    from builder.deploy import Deployment

    Assets = tuple[Built | NotBuilt, ...]
    """What stacks take from buckets, made or not: `Session.build` makes them."""


@dataclass(frozen=True)
class Project:
    """What the files say that the options name, and what follows from it for one environment."""

    options: Options
    today: date
    content: bytes | None = None
    """What dr.yaml would say that is not written yet; then the assembly is the one that this leads to."""

    @cached_property
    def loaded(self) -> "LoadedConfig":
        """What dr.yaml says, with the handlers beside it. Raises BadInput."""
        from builder.components.system import check_names
        from builder.config import load_config

        suffix = self.options.suffix
        loaded = load_config(self.options.config, self.today, self.content)
        check_names(loaded, suffix)
        return loaded

    @property
    def warnings(self) -> tuple[str, ...]:
        """What dr.yaml, and a CDK app's assembly, say that may be meant otherwise. Raises BadInput."""
        if self.by_tag_alone:
            return ()
        notes = self._cloud_assembly.notes if self.is_cdk else ()
        return (*notes, *(self.loaded.warnings if self.config else ()))

    @property
    def has_config_file(self) -> bool:
        """Whether there is a dr.yaml. A folder or a broken link of that name is one, which nobody can read: what it
        would forbid is not allowed by that."""
        return os.path.lexists(self.options.config)

    @property
    def config(self) -> "Config | None":
        """What dr.yaml says, also where an assembly is taken as it is; None where there is no such file beside it."""
        if self.options.assembly is not None and not self.has_config_file:
            return None
        return self.loaded.config

    @cached_property
    def suffix(self) -> str:
        """The environment suffix: --env, else ENVIRONMENT_SUFFIX, else dr.yaml's. Raises BadInput."""
        suffix = self.options.suffix
        if suffix is None and not self._takes_config:
            where = "--assembly" if self.options.assembly else "--project"
            raise BadInput(where=where, what="names no environment", next_step="--env SUFFIX, or ENVIRONMENT_SUFFIX")
        return suffix or self.loaded.config.environment

    @property
    def environment(self) -> "EnvironmentConfig | None":
        """What dr.yaml says of the environment."""
        return self.config.environments.get(self.suffix) if self.config else None

    @property
    def role_arn(self) -> str | None:
        """The role that CloudFormation assumes, where dr.yaml names one for the environment."""
        environment = self.environment if self.options.assembly is None else None
        return environment.role_arn if environment else None

    @property
    def pinned_account(self) -> AccountId | None:
        """The only account that dr.yaml allows the environment to be in, also where an assembly is taken as it is."""
        return self.environment.account if self.environment else None

    @property
    def is_production(self) -> bool | None:
        """Whether dr.yaml says that people depend on the environment; None where there is no dr.yaml to say it."""
        if self.config is None:
            return None
        return bool(self.environment and self.environment.production)

    @property
    def deletes_production(self) -> bool:
        """Whether a deletion is of an environment that dr.yaml marks as production.

        A dr.yaml of the same project counts also where the project is named by itself.
        """
        if not self.has_config_file:
            return False
        config = self.loaded.config
        if self.options.project not in {None, config.project}:
            return False
        environment = config.environments.get(self.suffix)
        return bool(environment and environment.production)

    @property
    def templates(self) -> Path:
        """The assembly's folder."""
        return self.options.assembly or self.options.config.parent / "templates"

    @property
    def is_cdk(self) -> bool:
        """Whether the assembly is what a CDK app was synthesized to."""
        if self.options.assembly is None:
            return False
        from builder.assembly.cdk import is_cloud_assembly

        return is_cloud_assembly(self.options.assembly)

    @property
    def by_tag_alone(self) -> bool:
        """Whether the deployment is named, and no file says what it has."""
        return self.options.project is not None and not self.is_cdk

    @property
    def build_folder(self) -> Path:
        """Where the bytes of assets are made: beside the assembly's folder."""
        from builder.assembly.build import BUILD_FOLDER

        return self.templates.parent / BUILD_FOLDER

    @property
    def root(self) -> Path:
        """What the sources of assets are relative to: the folder of dr.yaml, else that of the assembly's folder; the
        assembly of a CDK app has its own."""
        if self.is_cdk:
            from builder.assembly.cdk import find_root

            return find_root(self.templates)
        return self.options.config.parent if self.has_config_file else self.templates.parent

    @cached_property
    def assembly_made(self) -> "Assembly":
        """The assembly that dr.yaml leads to now."""
        from builder.assembly.render import make_assembly

        self.check_unnamed()
        return make_assembly(self.loaded)

    @property
    def promotions(self) -> "tuple[Project, ...]":
        """The same project with each secondary as the primary, as dr.yaml would say it. Raises BadInput."""
        from builder.config.primary import with_primary

        if not self._takes_config:
            where = "--assembly" if self.options.assembly else "--project"
            raise BadInput(where=where, what="a promotion is written into dr.yaml, and this says not to read one")
        raw = self.options.config.read_bytes() if self.content is None else self.content
        secondaries, where = self.loaded.config.regions.secondaries, str(self.options.config)
        return tuple(replace(self, content=with_primary(raw, to, where)) for to in secondaries)

    @cached_property
    def assembly_fresh(self) -> "Assembly":
        """The assembly on disk. Raises BadInput where it is not what dr.yaml leads to; --assembly is taken as it is."""
        from builder.assembly import find_changes

        if self.content is not None:
            return self.assembly_made
        if self.options.assembly is None and (stale := find_changes(self.templates, self.assembly_made).paths):
            raise BadInput(
                where=str(self.templates),
                what=f"is stale against {self.options.config.name}: {', '.join(stale)}",
                next_step="python -m builder render",
            )
        return self._assembly

    @cached_property
    def assembly_as_is(self) -> "Assembly":
        """The assembly on disk, stale or not; where there is none, the one that dr.yaml leads to."""
        if self.content is not None:
            return self.assembly_made
        if self.options.assembly is None and not self.templates.is_dir():
            return self.assembly_made
        return self._assembly

    @cached_property
    def _assembly(self) -> "Assembly":
        """The assembly on disk, a CDK app's by the project that is named for it. Raises BadInput."""
        from builder.assembly import read_assembly

        self.check_unnamed()
        return self._cloud_assembly.assembly if self.is_cdk else read_assembly(self.templates)

    @cached_property
    def _cloud_assembly(self) -> "CdkAssembly":
        from builder.assembly.cdk import read_cloud_assembly

        project = self.options.project
        if project is None:
            raise BadInput(
                where=str(self.templates),
                what="is a CDK app's assembly, which does not say what the deployment is called",
                next_step="--project NAME    the deployment is then NAME-ENV, by which its stacks are found again",
            )
        return read_cloud_assembly(self.templates, project)

    def check_unnamed(self) -> None:
        """Raise BadInput where a project is named beside files that name theirs."""
        if self.by_tag_alone:
            raise BadInput(
                where="--project",
                what="names the deployment of a CDK app's assembly, or what is found by its tag alone",
                next_step="the same without it    dr.yaml, and an assembly of ours, name their project themselves",
            )

    @property
    def manifest(self) -> "Manifest":
        """The manifest of the assembly as it is."""
        return self.assembly_as_is.manifest

    @property
    def stale_note(self) -> str | None:
        """Where dr.yaml has an edit that was not rendered: what is answered is of what was rendered last."""
        from builder.assembly import find_changes

        if not self._takes_config or not self.templates.is_dir():
            return None
        try:
            stale = find_changes(self.templates, self.assembly_made).paths
        except BuilderError:
            return None  # of a dr.yaml that cannot be read nothing follows; whatever needs it says what is wrong
        note = f"{self.templates} is stale against {self.options.config.name} ({counted(len(stale), 'file')})"
        return f"note: {note}: python -m builder render" if stale else None

    def deployment(self, assets: "Assets") -> "Deployment":
        """Return the fresh assembly bound to the environment, without what is in skipped regions; with its assets."""
        return self._narrowed(self.assembly_fresh, assets)

    @cached_property
    def deployment_as_is(self) -> "Deployment":
        """The same of the assembly as it is: what is deployed came from it, though dr.yaml may have changed since."""
        return self._narrowed(self.assembly_as_is)

    @property
    def deployment_as_is_with_assets(self) -> "Deployment":
        """The same, with the names of what it takes from buckets; nothing is made."""
        from builder.assembly.build import NotBuilt

        assembly = self.assembly_as_is
        return self._narrowed(assembly, tuple(NotBuilt(asset, "is not made") for asset in assembly.assets))

    def sites_of_others(self, account: AccountId, reaches: Callable[[AccountId], bool]) -> tuple[Site, ...]:
        """Return where other environments may take something from the same bucket, as far as dr.yaml tells.

        Raises Stopped for an account of which nothing can be seen.
        """
        if self.config is None or self.config.artifacts_bucket is None:
            return ()
        sites = []
        for name, environment in self.config.environments.items():
            if environment.account in {None, account}:
                continue
            if not reaches(AccountId(str(environment.account))):
                raise Stopped(
                    where=f"environments.{name}",
                    what=f"is in account {environment.account}, and may take something from the same bucket",
                    next_step=f"--account-role {environment.account}=ARN    a role by which its templates are read",
                )
            sites += [Site(AccountId(str(environment.account)), region) for region in self.manifest.regions]
        return tuple(sites)

    def whole(self, assets: "Assets") -> "Deployment":
        """Return what a saved plan has to follow from: the assembly as it is, in all its regions, with its assets."""
        return self._bound(self.assembly_as_is, self.pinned_account, assets)

    @cached_property
    def fleet_assembly(self) -> "Assembly":
        """The fleet's assembly, a folder of the system's own. Raises BadInput."""
        self._check_no_region_skipped()
        _ = self.assembly_fresh  # a stale system would be a stale fleet
        return self.fleet_assembly_as_is

    @cached_property
    def fleet_assembly_as_is(self) -> "Assembly":
        """The fleet's assembly, whether or not the system's is stale. Raises BadInput."""
        from builder.assembly import read_assembly
        from builder.assembly.store import FLEET_FOLDER

        self._check_no_region_skipped()
        folder = self.templates / FLEET_FOLDER
        if not folder.is_dir():
            raise BadInput(
                where=str(folder),
                what="is not there: no fleet was rendered",
                next_step=f"say `fleet:` in {self.options.config.name}, then: python -m builder render",
            )
        return read_assembly(folder)

    def fleet(self, assets: "Assets") -> "Deployment":
        """Return the fleet's assembly bound to the environment; with its assets."""
        return self._bound(self.fleet_assembly, self.fleet_account, assets)

    def fleet_as_is(self, assets: "Assets" = ()) -> "Deployment":
        """Return the same of the fleet's assembly as it is, from which a saved plan has to follow."""
        return self._bound(self.fleet_assembly_as_is, self.fleet_account, assets)

    @property
    def fleet_name(self) -> str:
        """The deployment's name that a fleet's stacks are found by, whatever is rendered now. Raises BadInput."""
        from builder.assembly.store import fleet_project
        from builder.deploy import deployment_name

        self._check_no_region_skipped()
        project = self.options.project or (
            self.loaded.config.project if self.options.assembly is None else self.manifest.project
        )
        return deployment_name(fleet_project(project), self.suffix)

    @property
    def fleet_sites(self) -> tuple[Site, ...]:
        """Where dr.yaml has a fleet's StackSets now; they may stand elsewhere too. Nowhere without the file."""
        return (Site(None, self.loaded.config.admin_region),) if self._takes_config else ()

    @property
    def fleet_account(self) -> AccountId | None:
        """The only account that a self-managed fleet's StackSets may be in, where dr.yaml names one."""
        fleet = self.loaded.config.fleet if self._takes_config else None
        return fleet.trusted_account if fleet else None

    @property
    def _takes_config(self) -> bool:
        return self.options.assembly is None and self.options.project is None

    def _bound(self, assembly: "Assembly", account: AccountId | None, assets: "Assets" = ()) -> "Deployment":
        from builder.deploy import make_deployment

        bound = make_deployment(assembly.manifest, assembly.templates, self.suffix, account=account, assets=assets)
        return replace(bound, bootstraps=assembly.bootstraps)

    def _narrowed(self, assembly: "Assembly", assets: "Assets" = ()) -> "Deployment":
        from builder.deploy import narrow

        whole = self._bound(assembly, self.pinned_account, assets)
        return narrow(whole, [Region(region) for region in self.options.skip_regions])

    def _check_no_region_skipped(self) -> None:
        if self.options.skip_regions:
            raise BadInput(
                where="--skip-region",
                what="a fleet reaches every region through the one that holds its StackSets; none can be left out",
                next_step="the same without it    what fails in a lost region is done by a later `fleet deploy`, alone",
            )
