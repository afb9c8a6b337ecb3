"""The session of one command: its clients, the screen, what is made of the project's files, and how work is run.

Ctrl-C, SIGTERM and a terminal that goes end work in two steps: once, it ends at a good place; twice, the process leaves
at once.
"""

import os
import secrets
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from builder.cli.options import Options
from builder.cli.project import Project
from builder.errors import BuilderError, ExitCode
from builder.report.screen import say

if TYPE_CHECKING:
    import asyncio
    import signal

    from builder.assembly import Assembly
    from builder.aws import Clients, Tempo
    from builder.cli.project import Assets
    from builder.deploy import Deployment, PlanId
    from builder.report.console import Console

T = TypeVar("T")
_THREADS = 32
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Session:
    """What a command works with, each part made when it is first asked for."""

    options: Options
    tempo: "Tempo | None" = None
    """Another pace than AWS's, where whoever opens the session knows that it is not AWS."""

    @cached_property
    def project(self) -> Project:
        """What the project's files say; first shows what of it may be meant otherwise."""
        project = Project(self.options, _now().date())
        # Where they cannot be read, whatever needs them says why.
        with suppress(BuilderError):
            for warning in project.warnings:
                say(f"warning: {warning}", err=True)
        return project

    @cached_property
    def deployment(self) -> "Deployment":
        """The fresh assembly bound to the environment, without what is in skipped regions; its assets are made."""
        return self.project.deployment(self.build(self.project.assembly_fresh))

    @cached_property
    def fleet(self) -> "Deployment":
        """The fleet's assembly bound to the environment; its assets are made."""
        return self.project.fleet(self.build(self.project.fleet_assembly))

    def build(self, assembly: "Assembly") -> "Assets":
        """Return an assembly's assets, the bytes made in build/ that can be; where all calls go to this machine, its
        packages, which is said.

        Raises BadInput, and Failed, as `build` does.
        """
        from builder.assembly.build import Built, build
        from builder.aws.call import is_here

        here = self.options.endpoint is not None and is_here(self.options.endpoint)
        built = build(assembly.assets, self.project.root, self.project.build_folder, here=here)
        for asset in built:
            if isinstance(asset, Built) and asset.here and asset.fresh:
                say(f"note: {asset.asset.source} has the packages of this machine: functions run here", err=True)
        return built

    @cached_property
    def console(self) -> "Console":
        """Where to write."""
        from builder.report.console import Console

        return Console(json_events=self.options.json_events, now=_now, environment=self.options.environment)

    @cached_property
    def clients(self) -> "Clients":
        """AWS, by the profile or boto3's own search for credentials."""
        from builder.aws import Clients

        log = self.console.warn if self.options.verbose else None
        return Clients.of_profile(self.options.profile, self.options.roles, on_request=log, tempo=self.tempo)

    def plan_id(self) -> "PlanId":
        """Return a new plan's id and time."""
        from builder.deploy import PlanId

        now = _now()
        return PlanId(id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}", at=now.isoformat(timespec="seconds"))

    def warn_stale(self) -> None:
        """Say where dr.yaml has an edit that was not rendered."""
        if note := self.project.stale_note:
            self.console.warn(note)

    async def check_credentials(self, deployment: "Deployment", clients: "Clients | None" = None) -> None:
        """Raise BadInput unless the credentials are those that the deployment takes."""
        from builder.deploy import check_credentials

        sites = deployment.sites
        await check_credentials(deployment.name, deployment.account, sites, clients or self.clients)

    def run(self, work: Coroutine[Any, Any, T], stop: "asyncio.Event | None" = None, *, state: str = "") -> T:
        """Run the work to its end. Ctrl-C once sets `stop`, where there is one, else cancels; twice leaves.

        `state` tells whoever leaves in which state things are then.
        """

        def first() -> bool:
            note = "clearing up; once more leaves at once"
            if stop is not None:
                stop.set()
                note = "nothing more is started, what runs is watched to its end; once more leaves"
            # The terminal may be what is gone.
            with suppress(OSError):
                self.console.warn(f"interrupted: {note}")
            return stop is not None

        return run_interruptibly(work, first, partial(self.console.leave, state))


def run_interruptibly(work: Coroutine[Any, Any, T], first: Callable[[], bool], second: Callable[[], None]) -> T:
    """Run the work to its end, AWS calls concurrently on threads, and return what it returns.

    On the first signal `first` says whether the work goes on to a good place by itself; if not it is cancelled, and
    cleans up. On the second `second` is told, and the process ends. Raises KeyboardInterrupt for cancelled work.
    """
    import asyncio

    return asyncio.run(_run(work, first, second))


async def _run(work: Coroutine[Any, Any, T], first: Callable[[], bool], second: Callable[[], None]) -> T:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="aws") as pool:
        loop.set_default_executor(pool)
        task = asyncio.ensure_future(work)
        signals = 0

        def interrupt() -> None:
            nonlocal signals
            signals += 1
            if signals > 1:
                # The terminal that is told may be gone.
                with suppress(OSError):
                    second()
                # Calls under way hold their threads, and Python would wait for them: there is no other way out at once.
                os._exit(ExitCode.INTERRUPTED)
            if not first():
                task.cancel()

        heeded = _heeded()
        for number in heeded:
            loop.add_signal_handler(number, interrupt)
        try:
            return await task
        except asyncio.CancelledError as error:
            raise KeyboardInterrupt from error
        finally:
            for number in heeded:
                loop.remove_signal_handler(number)


def _heeded() -> "tuple[signal.Signals, ...]":
    """Return the signals to heed: those that the platform has and nobody has put off, as nohup does SIGHUP."""
    import signal

    known = [signal.Signals[name] for name in _SIGNALS if name in signal.Signals.__members__]
    return tuple(number for number in known if signal.getsignal(number) is not signal.SIG_IGN)
