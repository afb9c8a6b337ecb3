"""The templates of the user's own stacks, files as they are or what Python makes, held to what dr.yaml says."""

from collections.abc import Iterator, Mapping, Sequence

from builder.assembly.components import OutputOf
from builder.assembly.manifest import ByEnvironment
from builder.components.own.python import PythonCall, run_python
from builder.components.own.values import fault_of_value
from builder.config import LoadedConfig
from builder.config.document import ConfigFault, KeyPath
from builder.errors import BadInput, did_you_mean, gathered
from builder.template import Template, read_template
from builder.terms import StackId
from builder.topology import Stack, Topology

SUFFIX = "EnvironmentSuffix"


def _python_calls(loaded: LoadedConfig, stacks: Sequence[Stack]) -> dict[StackId, PythonCall]:
    """Return the call that makes the template of each stack that Python makes."""
    config = loaded.config
    return {
        stack.id: PythonCall(
            file=config.stacks[stack.name].template,
            context={
                "project": config.project,
                "component": stack.name,
                "region": stack.region,
                "role": config.regions.role(stack.region) if stack.region in config.regions.all else None,
                "regions": list(config.regions.all),
                "options": config.stacks[stack.name].options,
            },
        )
        for stack in stacks
        if config.stacks[stack.name].template.endswith(".py")
    }


def make_templates(loaded: LoadedConfig, stacks: Sequence[Stack], run: int = 0) -> dict[StackId, tuple[str, bytes]]:
    """Return for each stack the file that its template comes from, and the template; `run` as `run_python` has it.

    Raises BadInput, or Several, for a file that is or makes none.
    """
    calls = _python_calls(loaded, stacks)
    made = dict(zip(calls, run_python(tuple(calls.values()), loaded.folder, run), strict=True))
    files = {stack.id: loaded.config.stacks[stack.name].template for stack in stacks}
    return {stack: (file, made[stack] if stack in made else loaded.files[file]) for stack, file in files.items()}


def path_of(stack: Stack, file: str, template: bytes) -> str:
    """Return where in the assembly a template is: its own ending stays, since readers go by it."""
    ending = file.rpartition(".")[2]
    if ending == "py":
        ending = "json" if template.lstrip().startswith(b"{") else "yaml"
    return f"{stack.region}/{stack.name}.{ending}"


def read_own(loaded: LoadedConfig, made: Mapping[StackId, tuple[str, bytes]]) -> dict[StackId, Template]:
    """Return the templates as data. Raises BadInput, or Several, once for each file that is none."""
    read: dict[StackId, Template] = {}
    errors: dict[tuple[str, bytes], BadInput] = {}
    for stack, (file, data) in made.items():
        if (file, data) in errors:
            continue
        try:
            read[stack] = _read(data, file)
        except BadInput as error:
            place = loaded.lines.where(("stacks", stack.partition("/")[2], "template"))
            errors[file, data] = BadInput(where=place, what=f"{file} {error.what}")
    if errors:
        raise gathered(list(errors.values()))
    return read


def _read(data: bytes, file: str) -> Template:
    template = read_template(data, file)
    if not template.section("Resources"):
        raise BadInput(where=file, what="is no template: it has no Resources")
    return template


def faults_of_values(
    stacks: Sequence[Stack], files: Mapping[StackId, str], templates: Mapping[StackId, Template]
) -> Iterator[ConfigFault]:
    """Yield every value that a template does not take, and every one that it wants and is not given.

    `templates` has those of the built-in stacks too: their outputs can be bound to.
    """
    for stack in stacks:
        place: KeyPath = ("stacks", stack.name)
        template, file = templates[stack.id], files[stack.id]
        declared = template.parameters
        for name, value in stack.parameters.items():
            there = (*place, "parameters", name)
            if name not in declared:
                yield ConfigFault(there, f"{file} has no parameter {name}{did_you_mean(name, declared)}")
            elif isinstance(value, OutputOf):
                yield from _lacking(there, value.output, files, templates)
            else:
                texts = value.environments if isinstance(value, ByEnvironment) else {"": value}
                for environment, text in texts.items():
                    hidden = name in template.no_echo
                    if isinstance(text, str) and (what := fault_of_value(declared[name], text, is_hidden=hidden)):
                        yield ConfigFault((*there, "environments", environment) if environment else there, what)
        for name in declared:
            if name not in stack.parameters and name != SUFFIX and template.default(name) is None:
                what = f"{file} declares {name} without a default: say it under `parameters:`"
                yield ConfigFault((*place, "parameters"), what)


def faults_of_outputs(
    topology: Topology, files: Mapping[StackId, str], templates: Mapping[StackId, Template]
) -> Iterator[ConfigFault]:
    """Yield every output of the deployment, and of what is looked at, that its stack does not have."""
    for name, source in topology.outputs.items():
        yield from _lacking(("outputs", name), source, files, templates)
    for name, component in topology.components.items():
        for output in component.outputs.values():
            yield from _lacking(("components", name, *component.kinds), output.output, files, templates)


def _lacking(
    place: KeyPath, source: tuple[StackId, str], files: Mapping[StackId, str], templates: Mapping[StackId, Template]
) -> Iterator[ConfigFault]:
    stack, output = source
    if stack not in templates:
        return
    declared = templates[stack].outputs(templates[stack].defaults)
    if declared.complete and output not in declared.by_name:
        hint = did_you_mean(output, declared.by_name) or f" (it has {', '.join(declared.by_name) or 'none'})"
        yield ConfigFault(place, f"{files.get(stack, stack)} has no output {output}{hint}")
