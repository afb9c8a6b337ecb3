"""What rules say of a template written down in a test, in this process."""

from textwrap import dedent

from cfnlint.decode import decode_str
from cfnlint.template.template import Template

from builder.rules._rule import Rule


def make_template(text: str, *regions: str) -> Template:
    template, faults = decode_str(dedent(text))
    assert not faults, faults
    assert template is not None
    return Template(None, template, list(regions or ("us-east-1",)))


def find(rule: type[Rule], text: str, *regions: str) -> list[str]:
    """Return the places, as paths, that a rule finds in a template checked for the regions; us-east-1 by default."""
    cfn = make_template(text, *regions)
    assert not cfn.transform()
    return sorted("/".join(map(str, match.path)) for match in rule().match(cfn))
