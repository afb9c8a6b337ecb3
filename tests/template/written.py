"""Templates as people write them, in YAML of every style, before and after their owner lets go of resources.

Each piece of text is written three times: as it stands, as it is released, and as it is without the resources. That
says to the byte what has to be kept. Which style a piece has is by chance.
"""

from collections.abc import Callable, Sequence
from random import Random

NAMES = ("Table", "Bucket", "Table2", "Tab", "TableArn", "Fn")
PLACEHOLDER = '{"Type": "AWS::CloudFormation::WaitConditionHandle"}'
_ATTRIBUTES = (None, "Arn", "StreamArn", "Outputs.Arn")
_COMMENTS = ("# ${Table}", "# !Ref Table", "# DependsOn: Table", "# Resources: {")

Piece = tuple[str | None, str | None, str | None]
"""A text as it is, released, and without the resources; None where it is not there."""


def literal(name: str, attribute: str | None) -> str:
    return f"<{name}|{attribute}>"


def _same(text: str) -> Piece:
    return text, text, text


def _join(pieces: Sequence[Piece], gap: str = "") -> Piece:
    before, after, gone = (gap.join(text for text in texts if text is not None) for texts in zip(*pieces, strict=True))
    return before, after, gone


def _around(before: str, piece: Piece, after: str = "") -> Piece:
    return _join([_same(before), piece, _same(after)])


class Writer:
    """Writes one template; values begin with the space or the line break that follows their key."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.names = chance.sample(NAMES, chance.randint(1, 4))
        self.going = frozenset({"Table", "Bucket"} & {*self.names} or self.names[:1])

    def template(self) -> tuple[str, str, str]:
        """Return a template as it is, released, and without the resources."""
        chance, names = self.chance, self.names
        head = chance.choice(["", "# Orders.\n", "AWSTemplateFormatVersion: '2010-09-09'\n", "---\nDescription: A\n\n"])
        flow, has_outputs = chance.random() < 0.2, chance.random() < 0.7
        resources = self.flow_resources(names) if flow else self.block_resources(names)
        outputs = self.outputs() if has_outputs else _same("")
        before, after, gone = _join([_same(f"{head}Resources:"), resources, outputs])
        assert before is not None
        assert after is not None
        assert gone is not None
        last_goes = names[-1] in self.going and not (flow or has_outputs)
        # A last line without an end goes alone, and the one before it keeps its end.
        if chance.random() < 0.5 and (flow or has_outputs or last_goes):
            return before, after, f"{gone}\n" if last_goes else gone
        return f"{before}\n", f"{after}\n", f"{gone}\n"

    def block_resources(self, names: Sequence[str]) -> Piece:
        pieces: list[Piece] = []
        for place, name in enumerate(names):
            pieces += [_same("\n")] if self.chance.random() < 0.4 else []
            pieces += [_same(f"\n  {self.chance.choice(_COMMENTS)}")] if self.chance.random() < 0.3 else []
            if place == 0 and self.going.issuperset(names):
                pieces.append((None, None, f"\n  Placeholder: {PLACEHOLDER}"))
            key = f"\n  {self.key(name)}:"
            if self.chance.random() < 0.2:
                body = _join([_around(" {", _join(self.attributes(name, "", flow=True), ", "), "}"), self.comment()])
            else:
                body = _join([self.comment(), *self.attributes(name, "    ", flow=False)])
            before, after, _ = _around(key, body)
            pieces.append((before, after, None) if name in self.going else _around(key, body))
        return _join(pieces)

    def flow_resources(self, names: Sequence[str]) -> Piece:
        pieces = []
        for name in names:
            body = _around(f"{self.key(name)}: {{", _join(self.attributes(name, "", flow=True), ", "), "}")
            pieces.append((*body[:2], None) if name in self.going else body)
        if self.going.issuperset(names):
            pieces.append((None, None, f'"Placeholder": {PLACEHOLDER}'))
        return _around(" {", _join(pieces, ", "), "}")

    def attributes(self, name: str, margin: str, *, flow: bool) -> list[Piece]:
        """Return the attributes of a resource, each in lines of its own that begin with a break, or in braces."""
        going, chance = name in self.going, self.chance
        begin = "" if flow else f"\n{margin}"
        policies: dict[str, Piece | None] = {}
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if chance.random() < 0.4:
                there = chance.choice(["Retain", "Delete", "'Retain'", '"Snapshot"'])
                after = "Retain" if going and there.strip("'\"") != "Retain" else there
                policies[policy] = (f"{policy}: {there}", f"{policy}: {after}", f"{policy}: {after}")
        missing = [
            f"{policy}: Retain" for policy in ("DeletionPolicy", "UpdateReplacePolicy") if policy not in policies
        ]
        added = [(None, f"{begin}{pair}", f"{begin}{pair}") for pair in missing if going]
        others: list[Piece] = [_around(begin, piece) for piece in policies.values() if piece is not None]
        if chance.random() < 0.5:
            others.append(self.depends_on(begin, margin, flow=flow, going=going))
        for key in ("Properties", "Metadata"):
            if chance.random() < 0.8:
                value = self.mapping(f"{margin}  ", 1, flow=flow)
                others.append(_around(f"{begin}{key}:", self.kept(value) if going else value))
        chance.shuffle(others)
        place = chance.randint(0, len(others))
        kind = _around(f"{begin}Type: AWS::S3::Bucket", _same("") if flow else self.comment())
        if not flow and chance.random() < 0.3:
            kind = _around(f"{begin}{chance.choice(_COMMENTS)}", kind)
        return [*others[:place], kind, *added, *others[place:]]

    def depends_on(self, begin: str, margin: str, *, flow: bool, going: bool) -> Piece:
        names = self.chance.sample(NAMES, self.chance.randint(1, 3))
        stay = names if going else [name for name in names if name not in self.going]
        form = self.chance.choice(["one", "flow"] if flow else ["one", "flow", "block", "beside"])
        if form == "one":
            name, stay = names[0], stay if names[0] in stay else []
            whole = f"{begin}DependsOn: {name}"
        elif form == "flow":
            whole = f"{begin}DependsOn: [{', '.join(names)}]"
        else:
            indent = margin if form == "beside" else f"{margin}    "
            lines = {name: f"\n{indent}- {name}{self.comment()[0]}" for name in names}
            whole = f"{begin}DependsOn:{''.join(lines.values())}"
            left = f"{begin}DependsOn:{''.join(lines[name] for name in stay)}"
            return (whole, left, left) if stay else (whole, None, None)
        left = whole if form == "one" else f"{begin}DependsOn: [{', '.join(stay)}]"
        return (whole, left, left) if stay else (whole, None, None)

    def outputs(self) -> Piece:
        flow = self.chance.random() < 0.3
        pieces = []
        for name in ("First", "Second")[: self.chance.randint(1, 2)]:
            if flow:
                pieces.append(_around(f"{name}: {{Value:", self.leaf("", flow=True), "}"))
            else:
                pieces.append(_around(f"\n  {name}:\n    Value:", self.leaf("      ", flow=False)))
        return _around("\nOutputs: {", _join(pieces, ", "), "}") if flow else _around("\nOutputs:", _join(pieces))

    def mapping(self, margin: str, depth: int, *, flow: bool) -> Piece:
        if flow or self.chance.random() < 0.2:
            pairs = [_around(f"K{place}:", self.leaf("", flow=True)) for place in range(self.chance.randint(1, 3))]
            return _around(" {", _join(pairs, ", "), "}")
        pieces = []
        for place in range(self.chance.randint(1, 3)):
            pieces += [_same(f"\n{margin}{self.chance.choice(_COMMENTS)}")] if self.chance.random() < 0.2 else []
            pieces.append(_around(f"\n{margin}K{place}:", self.value(f"{margin}  ", depth)))
        return _join(pieces)

    def value(self, margin: str, depth: int) -> Piece:
        form = self.chance.choice(["leaf", "mapping", "list", "flow list"] if depth else ["leaf"])
        match form:
            case "mapping":
                return self.mapping(margin, depth - 1, flow=False)
            case "list":
                items = range(self.chance.randint(1, 3))
                return _join([_around(f"\n{margin}-", self.leaf(f"{margin}  ", flow=False)) for _ in items])
            case "flow list":
                items = range(self.chance.randint(1, 3))
                return _around(" [", _join([self.leaf("", flow=True) for _ in items], ","), "]")
        return self.leaf(margin, flow=False)

    def leaf(self, margin: str, *, flow: bool) -> Piece:
        """Return a text, or what refers to a resource."""
        write: Callable[..., Piece] = self.chance.choice([self.text, self.ref, self.get_att, self.sub, self.sub_list])
        return write(margin, flow=flow)

    def text(self, margin: str, *, flow: bool) -> Piece:
        if flow or self.chance.random() < 0.8:
            return _around(self.chance.choice([" Table", ' "${Table}"', " '!Ref Table'", " 12"]), self.end(flow=flow))
        return _same(f" |\n{margin}Ref: Table\n{margin}  ${{Table}}")

    def ref(self, margin: str, *, flow: bool) -> Piece:
        name = self.chance.choice([*NAMES, "AWS::Region"])
        forms = [f" !Ref {name}", f' !Ref "{name}"', f" {{Ref: {name}}}", f' {{"Ref": "{name}"}}']
        forms += [] if flow else [f"\n{margin}Ref: {name}"]
        return self.function(forms, name, None, flow=flow)

    def get_att(self, margin: str, *, flow: bool) -> Piece:
        name, attribute = self.chance.choice(NAMES), self.chance.choice(_ATTRIBUTES[1:])
        dotted = f"{name}.{attribute}"
        forms = [
            f" !GetAtt {dotted}",
            f" !GetAtt [{name}, {attribute}]",
            f' {{"Fn::GetAtt": ["{name}", "{attribute}"]}}',
        ]
        forms += [f" {{Fn::GetAtt: {dotted}}}", f" !GetAtt '{dotted}'"]
        if not flow:
            items = f"\n{margin}  - {name}\n{margin}  - {attribute}"
            forms += [f"\n{margin}Fn::GetAtt: {dotted}", f"\n{margin}Fn::GetAtt:{items}", f" !GetAtt{items}"]
        return self.function(forms, name, attribute, flow=flow)

    def function(self, forms: Sequence[str], name: str, attribute: str | None, *, flow: bool) -> Piece:
        form = self.chance.choice(forms)
        space = form[: len(form) - len(form.lstrip())]
        after = f'{space}"{literal(name, attribute)}"' if name in self.going else form
        return _join([(form, after, after), self.end(flow=flow)])

    def sub(self, margin: str, *, flow: bool) -> Piece:
        wrap = self.chance.choice([" !Sub", " {Fn::Sub:", *([] if flow else [f"\n{margin}Fn::Sub:"])])
        braces = "{" in wrap
        body = self.sub_text(margin + "  ", flow=flow or braces)
        return _join([_around(wrap, body, "}" if braces else ""), self.end(flow=flow) if braces else _same("")])

    def sub_list(self, margin: str, *, flow: bool) -> Piece:
        """Return Fn::Sub with variables of its own, of which one hides what is of the same name."""
        if flow or self.chance.random() < 0.5:
            own = _around(", {Table.Arn: x, Own:", self.leaf("", flow=True), "}]")
            body = _around(" [", _join([self.sub_text("", flow=True, hidden="Table.Arn"), own]))
            return _join([_around(" !Sub", body), self.end(flow=flow)])
        text = self.sub_text(f"{margin}    ", flow=False, hidden="Table.Arn")
        own = _around(f"\n{margin}- Table.Arn: x\n{margin}  Own:", self.leaf(f"{margin}    ", flow=False))
        return _around(self.chance.choice([" !Sub", f"\n{margin[:-1]}Fn::Sub:"]) + f"\n{margin}-", _join([text, own]))

    def sub_text(self, margin: str, *, flow: bool, hidden: str = "") -> Piece:
        style = self.chance.choice(["'", '"', *([] if flow else ["", "|", "|-", ">"])])
        pieces = [_same("it ")]
        for _ in range(self.chance.randint(0, 4)):
            name, attribute = self.chance.choice([*NAMES, "Own"]), self.chance.choice(_ATTRIBUTES)
            reference = f"{name}.{attribute}" if attribute else name
            after = literal(name, attribute) if name in self.going and reference != hidden else f"${{{reference}}}"
            pieces.append((f"${{{reference}}}", after, after))
            pieces.append(_same(self.chance.choice(["", "-", " and ", "$", "${!Table}", "é"])))
        if style in {"'", '"', ""}:
            pieces.append(_same({"'": "''", '"': '\\"\\u0024\\\\', "": ""}[style]))
            return _around(f" {style}", _join([*pieces, _same(".")]), style) if flow else self.closed(style, pieces)
        lines = _join([_same(f"\n{margin}"), *pieces, _same(f".\n{margin}${{!Table}}")])
        return _around(f" {style}", _join([self.comment(), lines]))

    def closed(self, style: str, pieces: Sequence[Piece]) -> Piece:
        return _join([_around(f" {style}", _join([*pieces, _same(".")]), style), self.comment()])

    def end(self, *, flow: bool) -> Piece:
        return _same("") if flow else self.comment()

    def comment(self) -> Piece:
        return _same(f"  {self.chance.choice(_COMMENTS)}" if self.chance.random() < 0.2 else "")

    def key(self, name: str) -> str:
        return self.chance.choice([name, name, f"'{name}'", f'"{name}"'])

    @staticmethod
    def kept(piece: Piece) -> Piece:
        return piece[0], piece[0], piece[0]
