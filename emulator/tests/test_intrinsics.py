"""Templates and their functions, without a stack."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from beanpod_emulator.cloudformation.exceptions import ValidationError
from beanpod_emulator.cloudformation.intrinsics import NO_VALUE, Evaluator
from beanpod_emulator.cloudformation.template import Template, parameter_texts, parse, references


@dataclass
class Made:
    physical_id: str
    attributes: dict[str, Any] = field(default_factory=dict)

    def attribute(self, name: str) -> Any:
        return self.attributes[name]


def _evaluator(**sections: Any) -> Evaluator:
    template = Template("", {"Resources": {}, **sections})
    return Evaluator(
        template=template,
        values={"Stage": "prod", "Zones": ["a", "b"], "AWS::Region": "eu-west-1", "AWS::NoValue": NO_VALUE},
        resources={"Bucket": Made("my-bucket", {"Arn": "arn:aws:s3:::my-bucket"})},
        import_value=lambda name: f"imported {name}",
        stack_output=lambda where: f"{where['StackName']}.{where['OutputName']} in {where.get('Region')}",
        zones=lambda region: [f"{region}a", f"{region}b"],
    )


CONDITIONS = {
    "Yes": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
    "No": {"Fn::Not": [{"Condition": "Yes"}]},
    "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
    "Either": {"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]},
}


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ("text", "text"),
        ({"Ref": "Stage"}, "prod"),
        ({"Ref": "Bucket"}, "my-bucket"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "arn:aws:s3:::my-bucket"),
        ({"Fn::GetAtt": "Bucket.Arn"}, "arn:aws:s3:::my-bucket"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}, 1, True]]}, "a-prod-1-true"),
        ({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b"),
        ({"Fn::Split": [",", "a,b"]}, ["a", "b"]),
        ({"Fn::Select": ["1", {"Fn::GetAZs": ""}]}, "eu-west-1b"),
        ({"Fn::Select": [0, {"Fn::GetAZs": "us-east-1"}]}, "us-east-1a"),
        ({"Fn::Sub": "${Stage}/${Bucket.Arn}/${!Kept}"}, "prod/arn:aws:s3:::my-bucket/${Kept}"),
        ({"Fn::Sub": ["${Name}-${Stage}", {"Name": {"Ref": "Bucket"}}]}, "my-bucket-prod"),
        ({"Fn::If": ["Yes", "then", "else"]}, "then"),
        ({"Fn::If": ["No", "then", "else"]}, "else"),
        ({"Fn::If": ["Both", "then", "else"]}, "else"),
        ({"Fn::If": ["Either", "then", "else"]}, "then"),
        ({"Keep": 1, "Drop": {"Fn::If": ["No", 2, {"Ref": "AWS::NoValue"}]}}, {"Keep": 1}),
        ([1, {"Ref": "AWS::NoValue"}], [1]),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "Class"]}, "large"),
        ({"Fn::FindInMap": ["Sizes", "dev", "Class", {"DefaultValue": "small"}]}, "small"),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::ImportValue": {"Fn::Sub": "${Stage}-vpc"}}, "imported prod-vpc"),
        (
            {"Fn::GetStackOutput": {"StackName": {"Ref": "Stage"}, "OutputName": "Vpc", "Region": "us-east-1"}},
            "prod.Vpc in us-east-1",
        ),
        ({"Fn::Base64": "hello"}, "aGVsbG8="),
        ({"Fn::ToJsonString": {"a": {"Ref": "Stage"}}}, '{"a": "prod"}'),
        ({"Fn::Length": {"Ref": "Zones"}}, 2),
    ],
)
def test_function_gives_its_value(node: Any, value: Any) -> None:
    evaluator = _evaluator(Conditions=CONDITIONS, Mappings={"Sizes": {"prod": {"Class": "large"}}})
    assert evaluator.evaluate(node) == value


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"Ref": "Nobody"}, r"Unresolved resource dependencies \[Nobody\]"),
        ({"Fn::GetAtt": ["Nobody", "Arn"]}, r"Unresolved resource dependencies \[Nobody\]"),
        ({"Fn::If": ["Unwritten", 1, 2]}, "Unresolved condition Unwritten"),
        ({"Fn::Select": [5, ["a"]]}, "cannot select nonexistent value at index 5"),
        ({"Fn::FindInMap": ["Sizes", "dev", "Class"]}, "Unable to get mapping for Sizes::dev::Class"),
        ({"Fn::Transform": {"Name": "AWS::Include"}}, "does not know the function Fn::Transform"),
    ],
)
def test_function_that_has_no_value_is_refused(node: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        _evaluator(Conditions={}, Mappings={"Sizes": {}}).evaluate(node)


def test_unknown_condition_function_is_refused() -> None:
    with pytest.raises(ValidationError, match="unsupported condition"):
        _evaluator().holds({"Fn::Xor": [1, 2]})


YAML = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Version: 2012-10-17
      Name: !Sub "${Stage}-role"
      Arn: !GetAtt Bucket.Arn
      Zone: !Select [0, !GetAZs ""]
      Tag: !If [IsProd, !Ref Stage, !Ref "AWS::NoValue"]
"""


def test_yaml_short_tags_become_functions_and_policy_dates_stay_text() -> None:
    properties = parse(YAML)["Resources"]["Role"]["Properties"]
    assert properties == {
        "Version": "2012-10-17",
        "Name": {"Fn::Sub": "${Stage}-role"},
        "Arn": {"Fn::GetAtt": "Bucket.Arn"},
        "Zone": {"Fn::Select": [0, {"Fn::GetAZs": ""}]},
        "Tag": {"Fn::If": ["IsProd", {"Ref": "Stage"}, {"Ref": "AWS::NoValue"}]},
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{}", "At least one Resources member must be defined"),
        ("[1]", "unsupported structure"),
        ("a: [", "YAML not well-formed"),
    ],
)
def test_text_that_is_no_template_is_refused(body: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        parse(body)


def test_a_yaml_boolean_is_the_text_that_cloudformation_makes_of_it() -> None:
    body = "Parameters: {Flag: {Type: String, Default: true, AllowedValues: [true, false]}}\nResources: {A: {Type: T}}"
    template = Template.from_body(body)
    assert parameter_texts(template, {}) == {"Flag": "true"}
    assert parameter_texts(template, {"Flag": "false"}) == {"Flag": "false"}


def test_references_are_found_in_every_function() -> None:
    node = [
        {"Ref": "A"},
        {"Fn::GetAtt": ["B", "Arn"]},
        {"Fn::GetAtt": "C.Arn"},
        {"Fn::Sub": ["${D} ${E.Arn} ${Own} ${!Literal}", {"Own": {"Ref": "F"}}]},
    ]
    assert references(node) == {"A", "B", "C", "D", "E", "F"}


def test_resources_come_after_what_they_need_and_a_circle_is_refused() -> None:
    straight = {"A": {"Properties": {"Of": {"Ref": "B"}}}, "B": {"DependsOn": "C"}, "C": {}}
    assert Template("", {"Resources": straight}).order == ["C", "B", "A"]
    circle = Template("", {"Resources": straight | {"C": {"DependsOn": ["A"]}}})
    with pytest.raises(ValidationError, match=r"Circular dependency between resources: \[A, B, C\]"):
        _ = circle.order
