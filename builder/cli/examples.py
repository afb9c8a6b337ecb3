"""What people type: a few commands of each verb, shown at the end of its help."""

from collections.abc import Mapping, Sequence

EXAMPLES: Mapping[str, Sequence[str]] = {
    "init": ("init shop", "init shop --wheel dist/two_region_dr-0.1.0-py3-none-any.whl"),
    "render": ("render", "render --check"),
    "lint": ("lint", "lint --format sarif", "lint --assembly other/templates"),
    "graph": ("graph", "graph --format dot"),
    "policy": ("policy plan", "policy plan execute --explain", "--env prod policy plan execute --cloudformation-role"),
    "rehearse": ("rehearse", "rehearse --fleet"),
    "local": ("local", "local --port 0 --enforce-iam", "local --state .aws"),
    "plan": (
        "plan",
        "--env prod plan -o prod.json --markdown plan.md --html plan.html",
        "plan --skip-region us-east-1",
    ),
    "show": ("show plan.json", "show plan.json --full", "show plan.json --html plan.html"),
    "execute": ("execute plan.json", "execute plan.json --allow us-east-1/table/Table"),
    "discard": ("discard plan.json",),
    "deploy": ("deploy", "deploy --yes --allow 'us-east-1/table/*'", "deploy --skip-region us-east-1"),
    "outputs": ("outputs", "outputs primaryLambdaUrl", "outputs --json"),
    "call": ("call PUT /items/order-1 --data '{\"total\": 12.50}'", "call GET /items/order-1 --region us-west-2"),
    "destroy": ("--env demo destroy", "--env demo destroy --yes"),
    "status": ("status", "status --watch 10"),
    "drift": ("drift", "drift --json"),
    "drill": ("drill failover", "drill failover --help"),
    "drill replication": ("drill replication", "drill replication --rate 5"),
    "drill failover": ("drill failover", "drill failover --outage 60 --fis"),
    "drill restore": ("drill restore",),
    "drill history": ("drill history", "drill history evidence/2026 --html trends.html", "drill history --json"),
    "fleet": ("fleet plan", "fleet status --help"),
    "fleet plan": ("fleet plan", "fleet plan -o fleet-plan.json"),
    "fleet show": ("fleet show fleet-plan.json",),
    "fleet execute": ("fleet execute fleet-plan.json",),
    "fleet deploy": ("fleet deploy", "fleet deploy --yes"),
    "fleet status": ("fleet status", "fleet status --failed"),
    "fleet outputs": ("fleet outputs",),
    "fleet destroy": ("fleet destroy",),
    "fleet stop": ("fleet stop",),
}
"""By the verb's whole name; each without the `python -m builder` that it begins with."""
GLOBAL = "Global options (--env, --skip-region, --json, ...) go before or after the verb: python -m builder --help"


def epilog(verb: str) -> str:
    """Return what a verb's help ends with, in click's markup: its examples, and where the global options are told."""
    shown = "\n".join(f"  python -m builder {example}" for example in EXAMPLES.get(verb, ()))
    return f"\b\nExamples:\n{shown}\n\n{GLOBAL}" if shown else GLOBAL
