"""`fleet`: the same system in many accounts by StackSets; one verb, one file."""

import click

from builder.cli.fleet_deploy import deploy
from builder.cli.fleet_destroy import destroy
from builder.cli.fleet_outputs import outputs
from builder.cli.fleet_plan import plan
from builder.cli.fleet_saved import execute, show
from builder.cli.fleet_status import status
from builder.cli.fleet_stop import stop
from builder.cli.options import global_options


@click.group()
@global_options
def fleet() -> None:
    """Plan, deploy and watch the system in many accounts, by StackSets."""


for _command in (plan, show, execute, deploy, status, outputs, destroy, stop):
    fleet.add_command(_command)
