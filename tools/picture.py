"""The architecture as a picture, drawn from the synthesised templates: `python -m tools.picture FILE.svg`.

Every box is a resource of a template and every arrow a reference between two of them, so the picture cannot drift
from what is deployed.
"""

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

_WIDTH, _CARD, _GAP, _TOP, _MARGIN = 268, 46, 12, 96, 28
_GUTTER = 64
_COLUMN = _WIDTH + _GUTTER
_FONT = "font-family=\"system-ui, -apple-system, 'Segoe UI', sans-serif\""
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0 8 4 0 8z" fill="#94a3b8"/></marker></defs>'
)
_TITLES = {
    "network": ("Network", "VPC, security groups, all rules between them"),
    "database": ("Database", "retained; a snapshot is taken before removal"),
    "service": ("Service", "roles, application, environment, alarms"),
    "delivery": ("Delivery", "releases, and who may roll them out"),
}
_SHOWN = {
    "AWS::EC2::VPC": "VPC",
    "AWS::EC2::NatGateway": "NAT gateway",
    "AWS::EC2::SecurityGroup": "Security group",
    "AWS::RDS::DBInstance": "RDS instance",
    "AWS::SecretsManager::Secret": "Secret",
    "AWS::IAM::Role": "IAM role",
    "AWS::IAM::User": "IAM user",
    "AWS::ElasticBeanstalk::Application": "Beanstalk application",
    "AWS::ElasticBeanstalk::Environment": "Beanstalk environment",
    "AWS::CloudWatch::Alarm": "CloudWatch alarm",
    "AWS::SNS::Topic": "SNS topic",
    "AWS::S3::Bucket": "S3 bucket",
}
# What each colour is where the reader prefers dark ones.
_DARK = {
    "#ffffff": "#1a1d26",
    "#fff": "#262a36",
    "#cbd5e1": "#414858",
    "#0f172a": "#e5e9f0",
    "#475569": "#a9b4c4",
    "#64748b": "#9aa6b8",
    "#6d28d9": "#b79cf7",
    "#1d4ed8": "#8fb4fb",
    "#c2410c": "#f5a06a",
    "#15803d": "#7fd4a3",
}
_COLOURS = {"network": "#6d28d9", "database": "#1d4ed8", "service": "#c2410c", "delivery": "#15803d"}


@dataclass(frozen=True)
class Card:
    """A box of the picture: one resource and its place."""

    stack: str
    logical_id: str
    title: str
    name: str
    x: int
    y: int

    @property
    def middle(self) -> int:
        """Return the height at which arrows meet the card."""
        return self.y + _CARD // 2


def cards(templates: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], Card]:
    """Return a card for each important resource, one column for each stack.

    Args:
        templates: Template by stack name, in deployment order.
    """
    found = {}
    for column, (stack, template) in enumerate(templates.items()):
        row = 0
        for logical_id, resource in template["Resources"].items():
            if title := _SHOWN.get(resource["Type"]):
                x, y = _MARGIN + column * _COLUMN, _TOP + row * (_CARD + _GAP)
                found[stack, logical_id] = Card(stack, logical_id, title, _name(logical_id), x, y)
                row += 1
    return found


def references(templates: Mapping[str, Mapping[str, Any]]) -> set[tuple[tuple[str, str], tuple[str, str]]]:
    """Return the pairs of a resource and the one of an earlier stack that it refers to, by exports or by outputs."""
    exports = {}
    for stack, template in templates.items():
        for key, output in template.get("Outputs", {}).items():
            name = output.get("Export", {}).get("Name", f"{stack}.{key}")
            for logical_id in _referred(output["Value"]):
                exports[name] = (stack, _owner(template, logical_id))
    return {
        ((stack, _owner(template, logical_id)), exports[name])
        for stack, template in templates.items()
        for logical_id, resource in template["Resources"].items()
        for name in _imported(resource)
        if name in exports
    }


def draw(templates: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the picture as SVG."""
    placed = cards(templates)
    height = max(card.y for card in placed.values()) + _CARD + _MARGIN
    width = len(templates) * _COLUMN - _GUTTER + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {_FONT} role="img">',
        "<title>The stacks of one stage, and what refers to what</title>",
        f"<style>@media (prefers-color-scheme: dark) {{ {''.join(_dark_rules())}}}</style>",
        _TIP,
        f'<rect width="{width}" height="{height}" rx="14" fill="#ffffff"/>',
        *_columns(templates, height),
        *_arrows(templates, placed),
        *(_card(card) for card in placed.values()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _dark_rules() -> Iterator[str]:
    for light, dark in _DARK.items():
        yield f'[fill="{light}"] {{ fill: {dark} }} [stroke="{light}"] {{ stroke: {dark} }} '


def _columns(templates: Mapping[str, Any], height: int) -> Iterator[str]:
    for column, stack in enumerate(templates):
        title, what = _TITLES[_part(stack)]
        x, colour = _MARGIN + column * _COLUMN, _COLOURS[_part(stack)]
        yield (
            f'<rect x="{x - 14}" y="14" width="{_WIDTH + 28}" height="{height - 28}" rx="12" fill="{colour}"'
            f' fill-opacity="0.05" stroke="{colour}" stroke-opacity="0.35"/>'
        )
        yield f'<text x="{x}" y="46" font-size="19" font-weight="650" fill="{colour}">{title}</text>'
        yield f'<text x="{x}" y="68" font-size="11.5" fill="#475569">{escape(what)}</text>'


def _arrows(templates: Mapping[str, Any], placed: Mapping[tuple[str, str], Card]) -> Iterator[str]:
    for source, target in sorted(references(templates)):
        if source in placed and target in placed:
            start, end = placed[source], placed[target]
            yield (
                f'<path d="M{start.x} {start.middle} {_route(start, end, placed.values())}"'
                ' fill="none" stroke="#94a3b8" stroke-width="1.3" marker-end="url(#tip)"/>'
            )


def _route(start: Card, end: Card, placed: Iterable[Card]) -> str:
    """Return the rest of an arrow's path: in the gutters, and below the cards of the columns that it crosses."""
    right = end.x + _WIDTH + 2
    crossed = [card.y + _CARD + 2 * _GAP for card in placed if end.x < card.x < start.x]
    if not crossed:
        return _curve(start.x, start.middle, right, end.middle)
    lane = max(end.middle, *crossed)
    left = right + _GUTTER - 2
    return f"{_curve(start.x, start.middle, start.x - _GUTTER, lane)} H{left} {_curve(left, lane, right, end.middle)}"


def _curve(x1: int, y1: int, x2: int, y2: int) -> str:
    middle = (x1 + x2) // 2
    return f"C{middle} {y1} {middle} {y2} {x2} {y2}"


def _card(card: Card) -> str:
    colour = _COLOURS[_part(card.stack)]
    return (
        f'<g><rect x="{card.x}" y="{card.y}" width="{_WIDTH}" height="{_CARD}" rx="8" fill="#fff" stroke="#cbd5e1"/>'
        f'<rect x="{card.x}" y="{card.y + 9}" width="4" height="{_CARD - 18}" rx="2" fill="{colour}"/>'
        f'<text x="{card.x + 16}" y="{card.y + 20}" font-size="13" font-weight="600" fill="#0f172a">'
        f"{escape(card.title)}</text>"
        f'<text x="{card.x + 16}" y="{card.y + 36}" font-size="11" fill="#64748b">{escape(card.name)}</text></g>'
    )


def _owner(template: Mapping[str, Any], logical_id: str) -> str:
    """Return the owner of a policy or an attachment; any other resource itself."""
    properties = template["Resources"].get(logical_id, {}).get("Properties", {})
    for key in ("Users", "Roles", "Bucket", "SecretId"):
        for owner in _referred(properties.get(key)):
            return owner
    return logical_id


def _part(stack: str) -> str:
    return stack.rsplit("-", 1)[-1]


def _name(logical_id: str) -> str:
    """Return the construct path that a logical id was made of, without the CDK's hash."""
    words = logical_id[:-8] if len(logical_id) > 8 else logical_id
    return words if len(words) <= 38 else words[:37] + "…"


def _referred(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("Ref"), str):
            yield value["Ref"]
        if isinstance(value.get("Fn::GetAtt"), list):
            yield value["Fn::GetAtt"][0]
        for item in value.values():
            yield from _referred(item)
    elif isinstance(value, list):
        for item in value:
            yield from _referred(item)


def _imported(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("Fn::ImportValue"), str):
            yield value["Fn::ImportValue"]
        if isinstance(output := value.get("Fn::GetStackOutput"), dict):
            yield f"{output['StackName']}.{output['OutputName']}"
        for item in value.values():
            yield from _imported(item)
    elif isinstance(value, list):
        for item in value:
            yield from _imported(item)


def main(path: str) -> None:
    """Synthesise the manifest's last stage, the fullest one, and write its picture."""
    from aws_cdk import App

    from beanpod.manifest import Manifest
    from stacks import add_stage

    manifest = Manifest.read(Path("beanpod.toml"))
    with tempfile.TemporaryDirectory() as scratch:
        app = App(outdir=scratch)
        stacks = [stack.stack_name for stack in add_stage(app, manifest, manifest.stages[-1])]
        assembly = app.synth()
        templates = {name: assembly.get_stack_by_name(name).template for name in stacks}
    Path(path).write_text(draw(templates), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
