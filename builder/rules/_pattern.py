"""Names and ARNs that a deployment completes: what is known before it stands as it is, the rest as `${Name}`."""

import re

_HOLE = re.compile(r"\$\{([^!}][^}]*)\}")


def written(value: object) -> str | None:
    """Return a text with `${Name}` and `${Name.Attribute}` for what only a deployment knows; None for all else.

    Two texts with the same holes are the same text, whatever fills them. A secret resolved at deployment is no text.
    """
    match value:
        case str(text) | {"Fn::Sub": str(text)}:
            return None if "{{resolve:" in text else text
        case {"Fn::Sub": [str(text), dict(variables)]}:
            known = {name: written(variable) for name, variable in variables.items()}
            return None if None in known.values() else _HOLE.sub(lambda hole: known.get(hole[1]) or hole[0], text)
        case {"Fn::Join": [str(separator), list(parts)]}:
            texts = [written(part) for part in parts]
            return None if None in texts else separator.join(text for text in texts if text is not None)
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
        case _:
            return None


def like(pattern: str, text: str) -> bool:
    """Return whether a text is one that a pattern stands for, by the wildcards `*` and `?` of IAM's policies."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None
