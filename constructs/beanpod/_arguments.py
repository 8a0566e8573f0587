"""Checks that arguments have the types of their annotations, before anything is built.

Python does not check them, and jsii's errors, by typeguard, name one argument at a time, without construct and remedy.
The decorator `checked` adds the check to the constructor, the factories and the methods of a class. A token passes as
the type of its encoding: https://docs.aws.amazon.com/cdk/v2/guide/tokens.html
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from enum import Enum, StrEnum
from functools import cache, wraps
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

import jsii
from aws_cdk import IResolvable, Size, Token
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from beanpod._checks import ConstructError

Class = TypeVar("Class", bound=type[Any])

_ALIASES = {"aws_certificatemanager": "acm", "aws_elasticloadbalancingv2": "elbv2"}
_SCALARS = {str: "a string", bool: "True or False", int: "a whole number", float: "a number"}
# An example of how to get a value of each type.
_EXAMPLES = {
    "ArtifactBucket": 'ArtifactBucket(self, "Artifacts")',
    "Construct": "self, or the stack it belongs to",
    "DatabaseEngine": 'DatabaseEngine.mysql("8.4")',
    "BatchSize": "BatchSize.percentage(25)",
    "DeployPermissions": "environment.deploy_permissions(artifacts)",
    "DeploymentStrategy": "DeploymentStrategy.rolling()",
    "DockerPlatform": "DockerPlatform.latest()",
    "Domain": 'Domain(name="shop.example.com", hosted_zone=...)',
    "Duration": "Duration.days(7) or Duration.minutes(5)",
    "EnvironmentSecret": "EnvironmentSecret.from_secrets_manager(secret)",
    "IApplication": 'Application.from_application_name(self, "Application", "shop")',
    "IBucket": 's3.Bucket.from_bucket_name(self, "Bucket", "my-bucket")',
    "ICertificate": 'acm.Certificate.from_certificate_arn(self, "Certificate", "arn:aws:acm:...")',
    "IDatabase": 'Database(self, "Database", ...)',
    "IHostedZone": 'route53.HostedZone.from_hosted_zone_attributes(self, "Zone", hosted_zone_id=..., zone_name=...)',
    "IGrantable": "the construct that gets the permission, such as a role",
    "IInstanceProfile": 'iam.InstanceProfile.from_instance_profile_name(self, "Profile", "my-profile")',
    "IIpAddresses": 'ec2.IpAddresses.cidr("10.0.0.0/16")',
    "IKey": 'kms.Key.from_key_arn(self, "Key", "arn:aws:kms:...")',
    "IOidcProvider": 'iam.OidcProviderNative.from_oidc_provider_arn(self, "Provider", "arn:aws:iam:...")',
    "IParameter": 'ssm.StringParameter.from_string_parameter_name(self, "Parameter", "/shop/key")',
    "IRole": 'iam.Role.from_role_name(self, "Role", "my-role")',
    "ISecret": 'secretsmanager.Secret.from_secret_complete_arn(self, "Secret", "arn:aws:secretsmanager:...")',
    "ISecurityGroup": 'ec2.SecurityGroup.from_security_group_id(self, "Group", "sg-...")',
    "IVpc": 'ec2.Vpc.from_lookup(self, "Vpc", vpc_id="vpc-...")',
    "InstanceType": 'ec2.InstanceType("t4g.micro")',
    "ManagedUpdates": 'ManagedUpdates(start="Tue:09:00")',
    "OptionSetting": 'OptionSetting(namespace="aws:...", name="...", value="...")',
    "RetentionDays": "logs.RetentionDays.ONE_MONTH",
    "Size": "Size.gibibytes(20)",
    "ScalingTrigger": "ScalingTrigger(upper_threshold=70)",
    "SubnetSelection": "ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)",
}
# Attributes that are often meant where a construct is given.
_PARTS = (
    *("role", "vpc", "bucket", "user", "key", "secret", "instance_profile", "secret_value_from_json"),
    *("value_as_string", "value_as_number", "value_as_list"),
)
# Never repeat a value that may be a password.
_SECRET = ("EnvironmentSecret", "ISecret")


class ArgumentError(TypeError, ConstructError):
    """An argument has a wrong type. Also a ValueError, as for every other invalid argument."""


def checked(cls: Class) -> Class:
    """Have the constructor, factories and public methods of a class check their arguments by their annotations.

    An attribute `_renamed_arguments` of the class holds former arguments of the constructor, and what to write instead.

    Raises:
        ArgumentError: With every problem found; nothing was built then.
    """
    for name, member in list(vars(cls).items()):
        if name.startswith("_") and name != "__init__":
            continue
        label = cls.__name__ if name == "__init__" else f"{cls.__name__}.{name}"
        renamed = getattr(cls, "_renamed_arguments", {}) if name == "__init__" else {}
        if isinstance(member, classmethod):
            setattr(cls, name, classmethod(_checking(member.__func__, label, renamed)))
        elif inspect.isfunction(member):
            setattr(cls, name, _checking(member, label, renamed))
    return cls


def _checking(function: Callable[..., Any], label: str, renamed: Mapping[str, str]) -> Callable[..., Any]:
    signature = _expanded(inspect.signature(function))
    names = list(signature.parameters)
    # Other annotations may name classes that are defined later.
    keys = {it.name: it.annotation for it in signature.parameters.values() if it.default is ...}
    hints = cache(lambda: get_type_hints(function) | keys)

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        surplus = [name for name in named if name not in names]
        problems = [_unknown(name, names, renamed) for name in surplus]
        # Python itself reports missing arguments.
        given = _bound(signature, label, arguments, {name: named[name] for name in named if name not in surplus})
        for name in names:
            if name in given.arguments and name in hints():
                given.arguments[name] = _admitted(name, given.arguments[name], hints()[name], problems)
        if problems:
            where = _where(given.arguments, label)
            one = len(problems) == 1
            raise ArgumentError(
                f"{where}: {problems[0]}" if one else "\n  - ".join([f"{where}: {len(problems)} problems", *problems])
            )
        return function(*given.args, **given.kwargs)

    vars(call)["__signature__"] = signature
    return call


def _bound(
    signature: inspect.Signature, label: str, arguments: Sequence[Any], named: Mapping[str, Any]
) -> inspect.BoundArguments:
    try:
        return signature.bind_partial(*arguments, **named)
    except TypeError as error:
        # The first is self or the class.
        _, *others = [it.name for it in signature.parameters.values() if it.kind is it.POSITIONAL_OR_KEYWORD]
        which = f"all but {' and '.join(others)}" if others else "each"
        raise ArgumentError(f"{label}: {error}: give {which} by name") from None


def _expanded(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature with the keys of a TypedDict in the place of `**kwargs: Unpack[...]`."""
    parameters = list(signature.parameters.values())
    if parameters and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD:
        (keys,) = get_args(parameters.pop().annotation)
        parameters += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=..., annotation=hint)
            for name, hint in get_type_hints(keys).items()
        ]
    return signature.replace(parameters=parameters)


def _unknown(name: str, names: Sequence[str], renamed: Mapping[str, str]) -> str:
    near = renamed.get(name) or "".join(get_close_matches(name, names, n=1))
    return f"{name} is no argument" + (f": write {near}" if near else "")


def _where(given: Mapping[str, Any], label: str) -> str:
    """Return the path of the construct that is created or used, else the name of what was called."""
    scope, construct_id, owner = given.get("scope"), given.get("construct_id"), given.get("self")
    if isinstance(scope, Construct) and isinstance(construct_id, str):
        return f"{scope.node.path}/{construct_id}".lstrip("/")
    method = label.partition(".")[2]
    return f"{owner.node.path}.{method}" if isinstance(owner, Construct) and method and _made(owner) else label


def _made(construct: Construct) -> bool:
    return hasattr(construct, "__jsii_ref__")


def _admitted(name: str, value: Any, hint: Any, problems: list[str]) -> Any:
    """Return `value` as the type of `hint`, a token in its encoding; add a problem if it has another type."""
    if is_typeddict(hint):
        # Whoever gets its keys as arguments checks them.
        hint = dict
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _one_of(name, value, get_args(hint), problems)
    if origin is not None and isinstance(value, Mapping) and issubclass(origin, Mapping):
        keys, values = get_args(hint)
        problems += [_problem(f"a key of {name}", key, (keys,)) for key in value if not _fits(key, keys)]
        return {key: _admitted(f'{name}["{key}"]', item, values, problems) for key, item in value.items()}
    if origin is not None and issubclass(origin, Sequence):
        (item_hint,) = get_args(hint)[:1]
        if item_hint is str and _implements(value, IResolvable):
            return Token.as_list(value)
        if isinstance(value, list | tuple):
            return [_admitted(f"{name}[{place}]", item, item_hint, problems) for place, item in enumerate(value)]
    if hint in (str, int, float) and _implements(value, IResolvable):
        return Token.as_string(value) if hint is str else Token.as_number(value)
    if hint is ec2.SubnetSelection and isinstance(value, dict):
        # As the CDK's own constructs take a structure in Python.
        try:
            return ec2.SubnetSelection(**value)
        except TypeError as error:
            problems.append(f"{name} must be {_name(hint)}: {error}")
            return value
    if isinstance(hint, type) and issubclass(hint, StrEnum) and isinstance(value, str) and value in list(hint):
        return hint(value)
    if origin is not None or not _fits(value, hint):
        problems.append(_problem(name, value, (hint,)))
    return value


def _one_of(name: str, value: Any, hints: tuple[Any, ...], problems: list[str]) -> Any:
    if value is None and NoneType in hints:
        return None
    wanted = tuple(hint for hint in hints if hint is not NoneType)
    if len(wanted) == 1:
        return _admitted(name, value, wanted[0], problems)
    for hint in wanted:
        tried: list[str] = []
        admitted = _admitted(name, value, hint, tried)
        if not tried:
            return admitted
        if tried[0].startswith(f"{name}["):
            # The right container, of something else.
            problems += tried
            return value
    problems.append(_problem(name, value, wanted))
    return value


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a value is of one type that is no union, list or mapping."""
    if hint is Any or hint is object:
        return True
    if hint in (int, float):
        whole = hint is float or isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return isinstance(value, int | float) and not isinstance(value, bool) and (whole or Token.is_unresolved(value))
    if getattr(hint, "_is_protocol", False):
        return _implements(value, hint)
    return isinstance(hint, type) and any(isinstance(it, hint) for it in (value, *_delegates(value)))


def _delegates(value: Any) -> Sequence[Any]:
    """Return the object behind a jsii interface proxy, such as the one of an imported resource."""
    return getattr(value, "_delegates", ())


def _implements(value: Any, interface: Any) -> bool:
    of_cdk = not interface.__module__.startswith("beanpod.")
    if of_cdk and any(isinstance(it, jsii.proxy_for(interface)) for it in (value, *_delegates(value))):
        return True
    known = (one for cls in type(value).__mro__ for one in vars(cls).get("__jsii_ifaces__", ()))
    return any(interface in one.__mro__ for one in known)


def _problem(name: str, value: Any, hints: tuple[Any, ...]) -> str:
    wanted = " or ".join(map(_name, hints))
    secret = isinstance(value, str) and any(getattr(hint, "__name__", "") in _SECRET for hint in hints)
    remedy = _remedy(name.split("[")[0], value, hints)
    return f"{name} must be {wanted}, got {'a string' if secret else _described(value)}" + (
        f": write {remedy}" if remedy else ""
    )


def _qualified(hint: Any) -> str:
    """Return the name of a type as apps write it, such as `iam.IRole`."""
    module = hint.__module__.rpartition(".")[2]
    alias = _ALIASES.get(module, module.removeprefix("aws_"))
    return f"{alias}.{hint.__name__}" if module.startswith("aws_") and module != "aws_cdk" else str(hint.__name__)


def _name(hint: Any) -> str:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if arguments := get_args(hint):
        mapping = issubclass(get_origin(hint), Mapping)
        return f"a dict of strings to {_plural(arguments[1])}" if mapping else f"a list of {_plural(arguments[0])}"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return "one of " + ", ".join(f"{hint.__name__}.{member.name}" for member in hint)
    name = _qualified(hint)
    return f"{'an' if re.match(r'[AEIOU]|(acm|ec2|elbv2|iam|rds|s3|ssm)[.]', name) else 'a'} {name}"


def _plural(hint: Any) -> str:
    if get_origin(hint) in (Union, UnionType):
        return _plural(get_args(hint)[0])
    return "strings" if hint is str else _name(hint).split(" ", 1)[-1]


def _described(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if inspect.isroutine(value):
        return f"the function {value.__name__}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, Enum):
        return str(value)
    names = [type(it).__name__.strip("_").removesuffix("Proxy") for it in (value, *_delegates(value))]
    path = next((it.node.path for it in (value, *_delegates(value)) if isinstance(it, Construct) and _made(it)), "")
    return f"{names[-1]} {path}".strip()


def _remedy(argument: str, value: Any, hints: tuple[Any, ...]) -> str:
    """Return what to write instead; "" if that is not known."""
    hint = hints[0]
    if found := [part for part, meant in _parts(argument, value, hint) if _any_fits(meant, hints)]:
        return " or ".join(f"its .{part}" for part in ([argument] if argument in found else found))
    if inspect.isroutine(value):
        return f"{value.__qualname__}(...)"
    if hint is bool:
        return "True or False"
    if hint is str and isinstance(value, bool | int | float):
        return f'"{str(value).lower()}"' if isinstance(value, bool | int) else f'"{value:g}"'
    if hint in (int, float) and isinstance(value, str) and value.strip().isdecimal():
        return value.strip()
    if isinstance(hint, type) and issubclass(hint, Enum) and (near := _member(value, hint)):
        return near
    if (origin := get_origin(hint)) is not None:
        if issubclass(origin, Mapping):
            return '{"NAME": ...}'
        return f'["{value}"]' if isinstance(value, str) and get_args(hint)[0] is str else "it in a list: [...]"
    if hint is str and hasattr(value, "to_string") and not isinstance(value, Construct):
        return f'"{value.to_string()}"'
    if hint is ec2.InstanceType and isinstance(value, str):
        return f'ec2.InstanceType("{value}")'
    if hint is ec2.SubnetSelection and isinstance(value, list | tuple):
        return "ec2.SubnetSelection(subnets=...)"
    if hint is Size and isinstance(value, int):
        return f"Size.gibibytes({value})"
    return _EXAMPLES.get(getattr(hint, "__name__", ""), "")


def _parts(argument: str, value: Any, hint: Any) -> Iterator[tuple[str, Any]]:
    """Yield attributes of a construct or of another object of ours that may be what was meant."""
    ours = type(value).__module__.split(".")[0] == "beanpod"
    own = [name for name in vars(value) if not name.startswith("_")] if ours and hint not in _SCALARS else []
    for part in dict.fromkeys((argument, *_PARTS, *own)):
        # What a CDK object has no answer for, such as a string parameter's number, is an error of Node's.
        with suppress(AttributeError, RuntimeError):
            yield part, getattr(value, part)


def _any_fits(value: Any, hints: tuple[Any, ...]) -> bool:
    return not callable(value) and any(_fits(value, hint) for hint in hints if get_origin(hint) is None)


def _member(value: Any, hint: type[Enum]) -> str:
    """Return the member of an enumeration whose name or value is most like a text or another member; "" if none is."""
    words = {name.replace("_", "").lower(): name for name in hint.__members__}
    words |= {str(member.value).lower(): name for name, member in hint.__members__.items()}
    text = re.sub(r"[_-]", "", str(value)).lower() if isinstance(value, str | Enum) else ""
    near = get_close_matches(text, words, n=1, cutoff=0.4)
    return f"{_qualified(hint)}.{words[near[0]]}" if near else ""
