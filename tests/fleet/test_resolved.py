from builder.fleet.difference import resolve_template
from builder.terms import Region

WEST = Region("us-west-2")
TEMPLATE = """
Parameters: {Role: {Type: String, Default: primary}, Days: {Type: Number}}
Mappings: {Sizes: {primary: {Memory: 512}, secondary: {Memory: 256}}}
Conditions:
  IsPrimary: !Equals [!Ref Role, primary]
  IsSecondary: !Not [!Condition IsPrimary]
  Both: !And [!Condition IsPrimary, !Condition IsSecondary]
  Any: !Or [!Condition IsPrimary, !Condition IsSecondary]
  Unknown: !Equals [!ImportValue x, y]
  Maybe: !And [!Condition Any, !Condition Unknown]
Resources:
  OnlyPrimary: {Type: T, Condition: IsPrimary}
  OnlySecondary: {Type: T, Condition: IsSecondary}
  Never: {Type: T, Condition: Both}
  Open: {Type: T, Condition: Maybe}
  Thing:
    Type: T
    Properties:
      Memory: !FindInMap [Sizes, !Ref Role, Memory]
      Unmapped: !FindInMap [Sizes, !ImportValue x, Memory]
      Name: !If [IsPrimary, !Sub 'a-${AWS::Region}-${AWS::AccountId}', b]
      Other: !If [IsPrimary, !Ref AWS::NoValue, c]
      Asked: !If [Unknown, !Ref Role, d]
      List: [!If [IsPrimary, !Ref AWS::NoValue, e], !Ref Days, !GetAtt Thing2.Id]
"""


def resources(**parameters: str) -> dict[str, object]:
    resolved: dict[str, object] = resolve_template(TEMPLATE, {"Days": "7", **parameters}, WEST).data["Resources"]
    return resolved


def test_conditions_are_decided_and_what_none_makes_is_not_there() -> None:
    assert set(resources()) == {"OnlyPrimary", "Open", "Thing"}
    assert set(resources(Role="secondary")) == {"OnlySecondary", "Open", "Thing"}


def test_parameters_and_maps_are_put_in_and_what_cannot_be_known_stays() -> None:
    assert resources()["Thing"] == {
        "Type": "T",
        "Properties": {
            "Memory": "512",
            "Unmapped": {
                "Fn::FindInMap": [{"primary": {"Memory": "512"}, "secondary": {"Memory": "256"}}, None, "Memory"]
            },
            "Name": "a-us-west-2-${AWS::AccountId}",
            "Asked": {"Fn::If": [{"Fn::Equals": [{"Fn::ImportValue": "x"}, "y"]}, "primary", "d"]},
            "List": ["7", {"Fn::GetAtt": ["Thing2", "Id"]}],
        },
    }
    assert resources(Role="secondary")["Thing"]["Properties"]["Other"] == "c"  # type: ignore[index]  # JSON
