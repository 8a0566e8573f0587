"""What Route 53 answers for a name: the names that its records lead to."""

from moto.route53.models import FakeZone, RecordSet, route53_backends


def target(name: str) -> str | None:
    """Return the name that a CNAME record or an alias in a public hosted zone leads to, without its final dot.

    The zone with the longest name answers, and a wildcard record for what has none. None without such a record.
    """
    name = _plain(name)
    zones = [
        zone
        for account in list(route53_backends.values())
        for backend in list(account.values())
        for zone in backend.zones.values()
        if not zone.private_zone and f".{name}".endswith(f".{_plain(zone.name)}")
    ]
    if not zones:
        return None
    longest = max(len(zone.name) for zone in zones)
    # Several zones may have the name; on AWS, the one that the domain is delegated to answers.
    found = [_leads_to(record) for zone in zones if len(zone.name) == longest for record in _records(zone, name)]
    return next((leads for leads in found if leads), None)


def _records(zone: FakeZone, name: str) -> list[RecordSet]:
    exact = [record for record in zone.rrsets if _plain(record.name) == name]
    return exact or [record for record in zone.rrsets if _plain(record.name) == f"*.{name.partition('.')[2]}"]


def _leads_to(record: RecordSet) -> str | None:
    if record.alias_target:
        return _plain(record.alias_target["DNSName"]).removeprefix("dualstack.")
    return _plain(record.records[0]) if record.type == "CNAME" else None


def _plain(name: str) -> str:
    # Route 53 shows an asterisk by its code.
    return name.lower().rstrip(".").replace("\\052", "*")
