"""The command that goes on where another ended, as a person types it: its verb, its options, the global options.

What `--yes` answered is asked again, and what only shows more (`--full`, `--json`) is left to whoever types.
"""

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from builder.cli.options import Options

_OF_CHANGE_SETS = ("role_arn", "deployment_mode", "artifacts_bucket", "import_existing")
_OF_REMOVAL = ("retain", "role", "regions", "unprotect", "delete_retained", "allow")
_OF_VERB = {
    "execute": (*_OF_CHANGE_SETS, "allow", "stop"),
    "deploy": (*_OF_CHANGE_SETS, "remove_orphans", "allow", "stop", "overrides", "role"),
    "destroy": _OF_REMOVAL,
    "drop": _OF_REMOVAL,
    "promote": ("undrained", *_OF_CHANGE_SETS, "allow"),
    "stop": (),
}
"""The options that a verb is given again, of the system or of its fleet."""
_GLOBAL = ("config", "assembly", "project", "env", "profile", "skip_regions", "account_roles")
_TYPED_AS = {"regions": "region", "skip_regions": "skip-region", "account_roles": "account-role"}
_DEFAULTS = {"deployment_mode": "STANDARD", "config": Options().config}


def command_again(options: Options, verb: str, typed: Mapping[str, Any], *arguments: str | Path) -> str:
    """Return the command line of a verb that goes on with the same, by what another one was typed with.

    `verb` is as it is typed, `fleet deploy`; `typed` may have options that it does not take, which are left out.
    """
    own = {name: typed.get(name) for name in _OF_VERB[verb.removeprefix("fleet ")]}
    values = {**own, **{name: getattr(options, name) for name in _GLOBAL}}
    words = [word for name, value in values.items() if value != _DEFAULTS.get(name) for word in _words(name, value)]
    return f"python -m builder {verb} {shlex.join([*map(str, arguments), *words])}".rstrip()


def _words(name: str, value: str | Path | bool | Collection[str] | None) -> list[str]:  # noqa: FBT001 - a flag's value
    """Return an option with its value, once for each of several; nothing where it was not typed."""
    option = f"--{_TYPED_AS.get(name, name.replace('_', '-'))}"
    match value:
        case bool():
            return [option] if value else []
        case str() | Path():
            return [option, str(value)] if str(value) else []
        case None:
            return []
    return [word for item in value if item for word in (option, item)]
