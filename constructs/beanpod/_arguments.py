"""Checks that arguments have the types of their annotations, before anything is built.

Python does not check them, and jsii's errors name neither the argument nor the construct. The decorator `checked` adds
the check to the constructor, the factories and the methods of a class. A token passes as the type of its encoding:
https://docs.aws.amazon.com/cdk/v2/guide/tokens.html
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from enum import Enum, StrEnum
from functools import cache, wraps
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import jsii
from aws_cdk import IResolvable, Size, Token
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

Class = TypeVar("Class", bound=type[Any])

_MODULES = {
    "aws_certificatemanager": "acm",
    "aws_cloudwatch": "cloudwatch",
    "aws_ec2": "ec2",
    "aws_elasticloadbalancingv2": "elbv2",
    "aws_iam": "iam",
    "aws_kms": "kms",
    "aws_logs": "logs",
    "aws_rds": "rds",
    "aws_s3": "s3",
    "aws_secretsmanager": "secretsmanager",
    "aws_ssm": "ssm",
}
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
    "Duration": "Duration.days(7)",
    "EnvironmentSecret": "EnvironmentSecret.from_secrets_manager(secret)",
    "IApplication": 'Application.from_application_name(self, "Application", "shop")',
    "IBucket": 's3.Bucket.from_bucket_name(self, "Bucket", "my-bucket")',
    "ICertificate": 'acm.Certificate.from_certificate_arn(self, "Certificate", "arn:aws:acm:...")',
    "IDatabase": 'Database(self, "Database", ...)',
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


class ArgumentError(TypeError, ValueError):
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
    signature = inspect.signature(function)
    parameters = list(signature.parameters)
    open_ended = any(it.kind is inspect.Parameter.VAR_KEYWORD for it in signature.parameters.values())

    @cache
    def hints() -> dict[str, Any]:
        return {name: hint for name, hint in get_type_hints(function).items() if name in parameters}

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        surplus = [] if open_ended else [name for name in named if name not in parameters]
        problems = [_unknown(name, parameters, renamed) for name in surplus]

        def admitted(name: str, value: Any) -> Any:
            return _admitted(name, value, hints()[name], problems) if name in hints() else value

        # Python itself reports missing and surplus positional arguments.
        positional = [admitted(*pair) for pair in zip(parameters, arguments, strict=False)]
        keywords = {name: admitted(name, value) for name, value in named.items()}
        if problems:
            given = dict(zip(parameters, arguments, strict=False)) | named
            _raise(_where(given, label), problems)
        return function(*positional, *arguments[len(positional) :], **keywords)

    return call


def _unknown(name: str, parameters: Sequence[str], renamed: Mapping[str, str]) -> str:
    near = renamed.get(name) or "".join(get_close_matches(name, parameters, n=1))
    return f"{name} is no argument" + (f": write {near}" if near else "")


def _raise(where: str, problems: Sequence[str]) -> None:
    if len(problems) == 1:
        raise ArgumentError(f"{where}: {problems[0]}")
    raise ArgumentError("\n  - ".join([f"{where}: {len(problems)} problems", *problems]))


def _where(given: Mapping[str, Any], label: str) -> str:
    """Return the path of the construct that is created or used, else the name of what was called."""
    scope, construct_id = given.get("scope"), given.get("construct_id")
    if isinstance(scope, Construct) and isinstance(construct_id, str):
        return f"{scope.node.path}/{construct_id}".lstrip("/")
    owner = given.get("self")
    method = label.partition(".")[2]
    return f"{owner.node.path}.{method}" if isinstance(owner, Construct) and method and _made(owner) else label


def _made(construct: Construct) -> bool:
    return hasattr(construct, "__jsii_ref__")


def _admitted(name: str, value: Any, hint: Any, problems: list[str]) -> Any:
    """Return `value` as the type of `hint`, a token in its encoding; add a problem if it has another type."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _one_of(name, value, get_args(hint), problems)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(name, value, hint, problems)
    if origin is not None and issubclass(origin, Sequence):
        return _sequence(name, value, hint, problems)
    if hint in _SCALARS and _implements(value, IResolvable) and hint is not bool:
        return Token.as_string(value) if hint is str else Token.as_number(value)
    if hint is ec2.SubnetSelection and isinstance(value, dict):
        # As the CDK's own constructs take a structure in Python.
        return _structure(name, value, hint, problems)
    if isinstance(hint, type) and issubclass(hint, StrEnum) and isinstance(value, str) and value in list(hint):
        return hint(value)
    if not _fits(value, hint):
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


def _mapping(name: str, value: Any, hint: Any, problems: list[str]) -> Any:
    keys, values = get_args(hint)
    if not isinstance(value, Mapping):
        problems.append(_problem(name, value, (hint,)))
        return value
    problems += [_problem(f"a key of {name}", key, (keys,)) for key in value if not _fits(key, keys)]
    return {key: _admitted(f'{name}["{key}"]', item, values, problems) for key, item in value.items()}


def _sequence(name: str, value: Any, hint: Any, problems: list[str]) -> Any:
    item_type = get_args(hint)[0]
    if _implements(value, IResolvable) and item_type is str:
        return Token.as_list(value)
    if not isinstance(value, list | tuple):
        problems.append(_problem(name, value, (hint,)))
        return value
    return [_admitted(f"{name}[{index}]", item, item_type, problems) for index, item in enumerate(value)]


def _structure(name: str, value: dict[str, Any], hint: Any, problems: list[str]) -> Any:
    try:
        return hint(**value)
    except TypeError as error:
        problems.append(f"{name} must be {_name(hint)}: {error}")
        return value


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of one type that is no union, list or mapping."""
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
    wanted = " or ".join(_name(hint) for hint in hints)
    secret = any(getattr(hint, "__name__", "") in _SECRET for hint in hints)
    got = "a string" if secret and isinstance(value, str) else _described(value)
    remedy = _remedy(name, value, hints)
    return f"{name} must be {wanted}, got {got}" + (f": {remedy}" if remedy else "")


def _name(hint: Any) -> str:
    if hint in _SCALARS:
        return _SCALARS[hint]
    arguments = get_args(hint)
    if arguments and issubclass(get_origin(hint), Mapping):
        return f"a dict of strings to {_plural(arguments[1])}"
    if arguments:
        return f"a list of {_plural(arguments[0])}"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return "one of " + ", ".join(f"{hint.__name__}.{member.name}" for member in hint)
    module = _MODULES.get(hint.__module__.rpartition(".")[2])
    name = f"{module}.{hint.__name__}" if module else hint.__name__
    vowel = name[0] in "AEIOU" or module in ("acm", "ec2", "elbv2", "iam", "rds", "s3", "ssm")
    return f"an {name}" if vowel else f"a {name}"


def _plural(hint: Any) -> str:
    if get_origin(hint) in (Union, UnionType):
        return _plural(get_args(hint)[0])
    return "strings" if hint is str else _name(hint).split(" ", 1)[-1]


def _described(value: Any) -> str:
    if isinstance(value, str):
        shown = value if len(value) <= 60 else f"{value[:57]}..."
        return f'"{shown}"'
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if inspect.isroutine(value):
        return f"the function {value.__name__}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, Enum):
        return str(value)
    names = [name.strip("_").removesuffix("Proxy") for name in (type(it).__name__ for it in _delegates(value))]
    kind = names[-1] if names else type(value).__name__
    path = next((it.node.path for it in (value, *_delegates(value)) if isinstance(it, Construct) and _made(it)), "")
    return " ".join(filter(None, (kind, path)))


def _remedy(name: str, value: Any, hints: tuple[Any, ...]) -> str:
    """Return what to write instead."""
    argument = name.split("[")[0]
    if found := [part for part, meant in _parts(argument, value, hints) if _any_fits(meant, hints)]:
        return f"write its .{argument}" if argument in found else "write " + " or ".join(f"its .{it}" for it in found)
    if inspect.isroutine(value):
        return f"call it, write {value.__qualname__}(...)"
    hint = hints[0]
    if hint is str and isinstance(value, int | float) and not isinstance(value, bool):
        return f'write "{value:g}"' if isinstance(value, float) else f'write "{value}"'
    if hint is str and isinstance(value, bool):
        return f'write "{str(value).lower()}"'
    if hint in (int, float) and isinstance(value, str) and value.strip().isdecimal():
        return f"write {value.strip()}"
    if hint is bool:
        return "write True or False"
    if isinstance(hint, type) and issubclass(hint, Enum) and not isinstance(value, int):
        return _member(value, hint)
    if (origin := get_origin(hint)) is not None:
        return _container(value, hint, origin)
    if hint is str and hasattr(value, "to_string") and not isinstance(value, Construct):
        return f'write "{value.to_string()}"'
    if hint is ec2.InstanceType and isinstance(value, str):
        return f'write ec2.InstanceType("{value}")'
    if hint is Size and isinstance(value, int):
        return f"write Size.gibibytes({value})"
    example = _EXAMPLES.get(getattr(hint, "__name__", ""))
    return f"write {example}" if example else ""


def _parts(argument: str, value: Any, hints: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """Attributes of a construct or of another object of ours that may be what was meant."""
    ours = type(value).__module__.split(".")[0] == "beanpod"
    own = [name for name in vars(value) if not name.startswith("_")] if ours and hints[0] not in _SCALARS else []
    for part in dict.fromkeys((argument, *_PARTS, *own)):
        # What a CDK object has no answer for, such as a string parameter's number, is an error of Node's.
        with suppress(AttributeError, RuntimeError):
            yield part, getattr(value, part)


def _any_fits(value: Any, hints: tuple[Any, ...]) -> bool:
    """Whether an attribute is what is asked for."""
    plain = [hint for hint in hints if get_origin(hint) is None]
    return not callable(value) and any(_fits(value, hint) for hint in plain)


def _member(value: Any, hint: type[Enum]) -> str:
    words = {name.replace("_", "").lower(): name for name in hint.__members__}
    words |= {str(member.value).lower(): name for name, member in hint.__members__.items()}
    near = get_close_matches(str(value).replace("_", "").replace("-", "").lower(), words, n=1, cutoff=0.4)
    name = words[near[0]] if near else next(iter(hint.__members__))
    module = _MODULES.get(hint.__module__.rpartition(".")[2])
    return f"write {module + '.' if module else ''}{hint.__name__}.{name}"


def _container(value: Any, hint: Any, origin: Any) -> str:
    if issubclass(origin, Mapping):
        return 'write {"NAME": ...}'
    if isinstance(value, str) and get_args(hint)[0] is str:
        return f'write ["{value}"]'
    return "write it in a list: [...]"
