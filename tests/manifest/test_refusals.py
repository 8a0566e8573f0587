"""Wrong manifests: the line of each problem names the key as written, the value that came, and what to write.

The rules that the constructs share are in tests/test_rules.py.
"""

from __future__ import annotations

import pytest

from beanpod.manifest._layers import RENAMED
from tests.manifests import DATABASE, SERVICE, Finder, Reader

VPC = """[network.vpc]
vpc_id = "vpc-0a1b2c3d4e5f67890"
availability_zones = ["eu-central-1a", "eu-central-1b"]
"""
ONE_ZONE = VPC.replace(', "eu-central-1b"', "")
PUBLIC = 'public_subnet_ids = ["subnet-00000001", "subnet-00000002"]\n'
ISOLATED = 'isolated_subnet_ids = ["subnet-00000005", "subnet-00000006"]\n'
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b2c3d-0000-1111-2222-333344445555"
PRODUCTION = 'preset = "production"\n'
INTERNAL = 'environment.load_balancer.scheme = "internal"\n'
OPTION = 'options = [{ namespace = "aws:x", name = "A", value = "3" }]'


def environment(line: str, *, load_balanced: bool = False) -> str:
    kind = 'type = "LoadBalanced"\n' if load_balanced else ""
    return f"{SERVICE}[environment]\n{kind}{line}\n"


def database(lines: str, engine: str = "mysql") -> str:
    return f'{SERVICE}[database]\nengine = "{engine}"\n{lines}\n'


def github(lines: str) -> str:
    return f'{SERVICE}[delivery.github]\nrepository = "ada/guestbook"\n{lines}\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# nothing\n", 'service: missing: write name = "guestbook" and image = "ada/guestbook" under [service]'),
        ('[service]\nname = "a1"\n', 'service.image: missing: write image = "ada/guestbook"'),
        ("service = 3\n", "service = 3: write a table"),
        (f"{SERVICE}prot = 80\n", "service.prot = 80: unknown key: write port"),
        (f"{SERVICE}min_size = 2\n", "service.min_size = 2: unknown key: write it in [environment]"),
        (
            f'{SERVICE}region = "eu-central-1"\n',
            'service.region = "eu-central-1": unknown key: write it at the top of the file, before the first table',
        ),
        (f'{SERVICE}[service.variables]\nA = "1"\n', "service.variables: unknown key: write it as [variables]"),
        (f"color = 1\n{SERVICE}", "color = 1: unknown key: write one of account, alarms, "),
        (f"stage = 1\n{SERVICE}", "stage = 1: unknown key: write stages"),
        (f'name = "x"\n{SERVICE}', 'name = "x": unknown key: the name of a stage is that of its table'),
        (f"stages = 3\n{SERVICE}", "stages = 3: write a table, e.g. [stages.dev]"),
        (f"{SERVICE}[stages]\ndev = 3\n", "stages.dev = 3: write a table, e.g. [stages.dev]"),
        (f"{SERVICE}[stages.Prod]\n", 'stages.Prod = "Prod": write lower-case letters, digits and single hyphens'),
        (
            f"{SERVICE}[stages.dev]\n[stages.prod.environment]\nmax_sise = 3\n",
            "stages.prod.environment.max_sise = 3: unknown key: write max_size",
        ),
        (f'preset = "smal"\n{SERVICE}', 'preset = "smal": write "small"; known are "small" or "production"'),
        (f'preset = "x"\n{SERVICE}', 'preset = "x": write "small" or "production"'),
        (f"account = 123456789012\n{SERVICE}", 'account = 123456789012: write it in quotes: "123456789012"'),
        (f'account = "12345"\n{SERVICE}', 'account = "12345": write the twelve digits of an AWS account in quotes'),
        (f'region = "Frankfurt"\n{SERVICE}', 'region = "Frankfurt": write an AWS region, e.g. "eu-central-1"'),
        (
            database('password = "Tr0ub4dor"'),
            "database.password = ...: RDS makes it: leave it out; the app has it as RDS_PASSWORD",
        ),
        (f'{SERVICE}registry_password = "Tr0ub4dor"\n', "service.registry_password = ...: unknown key: "),
        (f'{SERVICE}[environment]\nDB_PASSWORD = "sesame"\n', "environment.DB_PASSWORD = ...: unknown key: "),
        (
            database("storage_gb = 30\nallocated_storage = 40"),
            "database.storage_gb = 30: renamed to allocated_storage, which is given as well: leave one of them out",
        ),
    ],
)
def test_shape_of_the_file(problems: Finder, text: str, problem: str) -> None:
    (found,) = problems(text)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("port = 0", "port = 0: write 1 or more"),
        ("port = 65536", "port = 65536: write at most 65,535"),
        ('port = "8080"', 'port = "8080": write it without quotes: 8080'),
        ("port = 80.5", "port = 80.5: write a whole number"),
        ("port = true", "port = true: write a whole number"),
        ("health_path = false", 'health_path = false: write it in quotes: "false"'),
        ('health_check_path = "health"', 'health_check_path = "health": must start with "/" and have no spaces: write'),
        ('dockerfile = "service/Dockerfile"', 'dockerfile = "service/Dockerfile": no such file: write its path from'),
        ('compose = "docker-compose.yml"', 'compose = "docker-compose.yml": no such file: write its path from the '),
        ('dockerfile = "/etc/passwd"', 'dockerfile = "/etc/passwd": write a path relative to the manifest with '),
        (
            'dockerfile = "Dockerfile"\ncompose = "compose.yaml"',
            'compose = "compose.yaml": service.dockerfile is given as well: write one of the two',
        ),
        ('compose = "compose.yaml"\ncontext = "."', 'context = ".": the compose file has it in the build of each'),
        ('target = "-x"', 'target = "-x": write the name of a stage of the Dockerfile, e.g. "runtime"'),
        (
            'args = { NPM_TOKEN = "npm_0123456789" }',
            "args.NPM_TOKEN = ...: looks like a secret, its name contains TOKEN, ",
        ),
        ("args = { PORT = 80 }", 'args.PORT = 80: write it in quotes: "80"'),
        ('args = { "MY ARG" = "x" }', 'args."MY ARG" = "x": not a name of a build argument: write letters, digits'),
    ],
)
def test_service(problems: Finder, line: str, problem: str) -> None:
    (found,) = problems(SERVICE + line)
    assert found.startswith(f"service.{problem}")


@pytest.mark.parametrize("name", ["g", "Guestbook", "guest_book", "1guest", "guest-", "guest--book", "g" * 25])
def test_service_name(problems: Finder, name: str) -> None:
    (found,) = problems(f'[service]\nname = "{name}"\nimage = "ada/guestbook"\n')
    assert found.startswith(f'service.name = "{name}": write lower-case letters, digits and single hyphens between')
    assert found.endswith('a letter first, 2 to 24 characters, e.g. "guestbook"')


@pytest.mark.parametrize(
    "image", ["ada/guestbook", "ada-1/guest_book.web", "localhost:5000/guestbook", "ghcr.io/ada/guestbook/web"]
)
def test_image_that_is_a_repository(read: Reader, image: str) -> None:
    read(f'[service]\nname = "guestbook"\nimage = "{image}"\n')


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("ada/guestbook:latest", 'leave the tag out, a release adds it: write "ada/guestbook"'),
        ("localhost:5000/web:1", 'leave the tag out, a release adds it: write "localhost:5000/web"'),
        ("ada/guestbook@sha256:00", 'leave the digest out, a release adds it: write "ada/guestbook"'),
        ("Ada/Guestbook", 'a repository is written in lower case: write "ada/guestbook"'),
        ("guestbook", 'the user is missing: write "user/repository", e.g. "ada/guestbook"'),
        ("", 'the user is missing: write "user/repository", e.g. "ada/guestbook"'),
        ("ada/", 'the repository is missing: write "user/repository", e.g. "ada/guestbook"'),
        ("guestbook:latest", 'leave the tag out, a release adds it: write "user/guestbook"'),
        ("Guestbook@sha256:00", 'leave the digest out, a release adds it: write "user/guestbook"'),
        ("https://hub.docker.com/r/ada/guestbook", "an address, not a repository: write "),
        ("docker.io/ada/guestbook", "an address, not a repository: write "),
        ("hub/ada/guestbook", 'a Docker Hub repository has two parts, "user/repository"; '),
        ("localhost/guestbook", '"localhost" is a registry, and needs its port: write "localhost:5000/guestbook"'),
        ("ada/guest book", "not a repository: write lower-case letters and digits"),
        ("${DOCKER_USERNAME}/guestbook", "not a repository: write lower-case letters and digits"),
        ("{", 'the user is missing: write "user/repository", e.g. "ada/{"'),
        (f"ada/{'g' * 255}", "not a repository: write lower-case letters and digits"),
        ("ghcr.io/Ada/guestbook", "not a repository: write lower-case letters and digits"),
        ("localhost:99999/guestbook", '"localhost:99999" is not a registry: write its host and port'),
    ],
)
def test_image_that_is_no_repository(problems: Finder, image: str, words: str) -> None:
    (problem,) = problems(f'[service]\nname = "guestbook"\nimage = "{image}"\n')
    assert words in problem
    assert problem.startswith("service.image = ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (environment("type = 3"), 'type = 3: write "SingleInstance" or "LoadBalanced"'),
        (environment('type = "Loadbalanced"'), 'type = "Loadbalanced": write "LoadBalanced"; known are "SingleInst'),
        (
            environment("max_size = 3"),
            'max_size = 3: must be 1 for a single instance: write 1, or environment.type = "LoadBalanced"',
        ),
        (
            PRODUCTION + environment("max_size = 1"),
            "min_size = 2 (default): must be at most max_size (1): lower it, or raise max_size",
        ),
        (environment(f'certificate = "{CERTIFICATE}"'), f'certificate = "{CERTIFICATE[:76]}...: moved: write it in '),
        (environment('instance_types = ["small"]'), 'instance_types[0] = "small": must name EC2 instance types: write'),
        (environment("instance_types = []"), "instance_types = []: write at least 1"),
        (environment('instance_types = "t3.small"'), 'instance_types = "t3.small": write a list: ["t3.small"]'),
        (environment("instance_types = 3"), "instance_types = 3: write a list in brackets"),
        (environment('[environment.options]\nname = "A"'), "options: write it as [[environment.options]]"),
        (
            environment('instance_types = ["t3.small", "t3.small"]'),
            'instance_types = ["t3.small", "t3.small"]: "t3.small" is listed twice: write it once',
        ),
        (environment("log_retention_days = 10"), "log_retention_days = 10: write 1, 3, 5, 7, 14, 30, 60, 90, "),
        (environment('private_instances = "no"'), 'private_instances = "no": write true or false'),
        (
            environment("private_instances = true"),
            "private_instances = true: a single instance is reached at its own address: write false, or environment.t",
        ),
        (
            environment("load_balancer = { idle_timeout_seconds = 90 }"),
            "load_balancer.idle_timeout_seconds = 90: needs a load balancer: leave it out, or environment.type = ",
        ),
        (
            environment('load_balancer = { scheme = "private" }', load_balanced=True),
            'load_balancer.scheme = "private": write "public" or "internal"',
        ),
        (
            environment("load_balancer = { idle_timeout_seconds = 3601 }", load_balanced=True),
            "load_balancer.idle_timeout_seconds = 3601: write at most 3,600",
        ),
        (
            environment("health_check = { timeout_seconds = 20 }", load_balanced=True),
            "health_check.timeout_seconds = 20: must be less than the interval (15 s): a check would still run when",
        ),
        (environment("root_volume_size = 8"), "root_volume_size = 8: write 10 or more"),
        (environment("max_versions = 1"), "max_versions = 1: write 2 or more"),
        (environment("evaluation_minutes = 2"), "evaluation_minutes = 2: write 3 or more"),
        (environment('platform = "4.13"'), 'platform = "4.13": write "latest" or a platform version, e.g. "4.13.7"'),
        (
            environment('platform = "4.13.7"\nmanaged_updates = { level = "patch" }'),
            'platform = "4.13.7": must not be pinned beside managed updates, which would replace it: write managed',
        ),
        (
            environment('managed_updates = { start = "Tuesday 9:00" }'),
            'managed_updates.start = "Tuesday 9:00": must be a day and a time in UTC: write e.g. "Tue:09:00"',
        ),
        (environment("managed_updates = false"), "managed_updates = false: write a table"),
        (
            environment('managed_updates = { level = "major" }'),
            'managed_updates.level = "major": write "minor"; known are "minor", "patch" or "none"',
        ),
        (
            environment("scaling = { lower_threshold = 80 }"),
            "scaling.lower_threshold = 80: must be below upper_threshold (70): lower it, or raise upper_threshold",
        ),
        (
            environment("scaling = { breach_duration_minutes = 8 }"),
            "scaling.breach_duration_minutes = 8: must be a multiple of the period (5 minutes): Beanstalk would change",
        ),
        (environment("scaling = { lower_threshold = nan }"), "scaling.lower_threshold = nan: write a number"),
        (environment('scaling = { upper_threshold = "9" }'), 'scaling.upper_threshold = "9": write a number'),
        (
            environment('scaling = { measure = "RequestCount", lower_threshold = 100, upper_threshold = 1000 }'),
            'scaling.statistic: must be Sum with RequestCount: write "Sum": each request counts as 1, so that ',
        ),
        (
            environment('scaling = { measure = "RequestCount", statistic = "Sum", lower_threshold = 5 }'),
            "scaling.upper_threshold: must be given with RequestCount: the default is for percent of CPU, write",
        ),
        (
            environment(OPTION.replace("}]", '}, { namespace = "aws:x", name = "A", value = "4" }]')),
            "options[1]: sets aws:x A a second time: write it once",
        ),
        (
            environment(OPTION.replace("aws:x", "aws:autoscaling:asg").replace('"A"', '"minsize"')),
            "options[0]: aws:autoscaling:asg minsize is not spelt as Beanstalk spells it: write aws:autoscaling:asg M",
        ),
        (environment(OPTION.replace('"3"', "3")), 'options[0].value = 3: write it in quotes: "3"'),
        (environment(OPTION.replace(', value = "3"', "")), "options[0].value: missing: write value = ..."),
        (environment(OPTION.replace("aws:x", "x")), 'options[0].namespace = "x": write an option namespace, e.g. '),
        (environment(OPTION.replace('"A"', '""')), 'options[0].name = "": write at least one character'),
        (
            environment(
                OPTION.replace("aws:x", "aws:autoscaling:launchconfiguration").replace('"A"', '"SecurityGroups"')
            ),
            "options[0]: aws:autoscaling:launchconfiguration SecurityGroups is set already, by instance_security_grou",
        ),
        (
            environment(OPTION.replace("aws:x", "aws:elasticbeanstalk:application:environment")),
            "options[0]: aws:elasticbeanstalk:application:environment has a table: write it in [variables]",
        ),
        (
            environment(OPTION.replace("aws:x", "aws:elasticbeanstalk:application:environmentsecrets")),
            "options[0]: aws:elasticbeanstalk:application:environmentsecrets has a table: write it in [secrets]",
        ),
    ],
)
def test_environment(problems: Finder, text: str, problem: str) -> None:
    (found,) = problems(text)
    assert found.startswith(f"environment.{problem}")


def test_options_are_checked_together(problems: Finder, read: Reader) -> None:
    option = '{{ namespace = "aws:autoscaling:asg", name = "{}", value = "{}" }}'
    text = environment(f"options = [{option.format('MinSize', 5)}, {option.format('MaxSize', 8)}]", load_balanced=True)
    read(text)
    (found,) = problems(text.replace('"8"', '"4"'))
    assert found.startswith("environment.options[0]: aws:autoscaling:asg MinSize: min_size must be at most max_size (4")


ZONE = 'hosted_zone = { name = "example.com", id = "Z0123456789ABC" }'


def domain(lines: str, *, stage: str = PRODUCTION) -> str:
    return f'{stage}{SERVICE}[domain]\nname = "shop.example.com"\n{lines}\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (domain(ZONE).replace('name = "shop.example.com"', ""), '.name: missing: write name = "shop.example.com"'),
        (domain(ZONE, stage=""), ": needs a load balancer, which holds the certificate: leave it out, or environment."),
        (
            domain(
                f'{ZONE}\n[[environment.options]]\nnamespace = "aws:elasticbeanstalk:environment"\n'
                'name = "LoadBalancerType"\nvalue = "network"'
            ),
            "",
        ),
        (domain(""), ": needs hosted_zone or certificate: give the zone that `aws route53 list-hosted-zones --query "),
        (
            domain(f'{ZONE}\naliases = ["shop.example.com"]'),
            '.aliases[0] = "shop.example.com": must be another name than the others: leave it out',
        ),
        (
            domain('hosted_zone = { name = "example.com" }'),
            '.hosted_zone.id: missing: write id = "Z...", which `aws route53 list-hosted-zones-by-name --dns-name exam',
        ),
        (
            domain('hosted_zone = { name = "example.com", id = "/hostedzone/Z01" }'),
            '.hosted_zone.id = "/hostedzone/Z01": write the id of the zone without "/hostedzone/", e.g. "Z0123456789AB',
        ),
        (
            domain(f'certificate = "{CERTIFICATE}"', stage=f'region = "eu-west-1"\n{PRODUCTION}'),
            f".certificate = \"{CERTIFICATE[:76]}...: must be in the load balancer's region, eu-west-1: request one ",
        ),
        (domain('certificate = "mine"'), '.certificate = "mine": write the ARN of an ACM certificate, "arn:aws:'),
        (
            domain(f"{ZONE}\nredirects_http = true"),
            ".redirects_http = true: with a Dockerfile nginx on the instance redirects: leave it out, or write ",
        ),
    ],
)
def test_domain(problems: Finder, text: str, problem: str) -> None:
    (found,) = problems(text)
    assert found.startswith(f"domain{problem}" if problem else "environment.options[0]: aws:elasticbeanstalk:environ")


def test_two_stages_need_two_names_in_route_53(read: Reader, problems: Finder) -> None:
    stages = f"[stages.one]\n{PRODUCTION}[stages.two]\n{PRODUCTION}"
    assert problems(domain(f"{ZONE}\n{stages}", stage="")) == [
        "stages.two.domain: shop.example.com is a name of stage one as well: write other names, one domain a stage"
    ]
    read(domain(f'certificate = "{CERTIFICATE}"\n{stages}', stage=""))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{SERVICE}{DATABASE[:10]}", 'engine: missing: write engine = "mysql", "mariadb", "postgres" or "none"'),
        (database("", "oracle"), 'engine = "oracle": write "mysql", "mariadb", "postgres" or "none"'),
        (database("", "postgresql"), 'engine = "postgresql": write "postgres"; known are "mysql", "mariadb", "pos'),
        (database("version = 8.4"), 'version = 8.4: write it in quotes: "8.4"'),
        (database('version = "5.7"'), 'version = "5.7": must be a version of mysql on RDS: write one of 8.0, 8.4, or'),
        (database('instance_type = "t4g"'), 'instance_type = "t4g": write an RDS instance class, e.g. "t4g.micro"'),
        (database('instance_class = "db.t2.micro"'), 'instance_class = "db.t2.micro": must be a class that can encr'),
        (database("allocated_storage = 10"), "allocated_storage = 10: write 20 or more"),
        (
            database("storage_gb = 100\nmax_storage_gb = 105"),
            "max_storage_gb = 105: must be at least a tenth more than allocated_storage (100 GiB): write 110 or more",
        ),
        (database("max_allocated_storage = false"), "max_allocated_storage = false: write a whole number"),
        (database("backup_retention_days = 36"), "backup_retention_days = 36: write at most 35"),
        (
            PRODUCTION + database("backup_days = 0"),
            'backup_days = 0: the production preset keeps backups: write 1 to 35, or preset = "small"',
        ),
        (database('compose_service = "db"'), 'compose_service = "db": there is no compose file: leave it out, or '),
    ],
)
def test_database(problems: Finder, text: str, problem: str) -> None:
    (found,) = problems(text)
    assert found.startswith(f"database.{problem}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{SERVICE}[network]\nmax_azs = 1\n", "max_azs = 1: write 2 or more"),
        (f"{SERVICE}[network]\nnat_gateways = 1\n", "nat_gateways = 1: must be 0 without private instances behind a l"),
        (
            environment("private_instances = true", load_balanced=True),
            "nat_gateways = 0 (default): private instances reach Docker Hub through a NAT gateway: write 1 or 2, or en",
        ),
        (
            f'{SERVICE}[network]\nallow_from = ["203.0.113.7/24"]\n',
            'allow_from[0] = "203.0.113.7/24": write the range as AWS does: "203.0.113.0/24"',
        ),
        (
            f"{SERVICE}[network]\nallow_from = []\n",
            "allow_from = []: it admits nobody: name who may connect, or leave it out for everybody",
        ),
        (
            f'{SERVICE}[network]\nallow_from = ["office"]\n',
            'allow_from[0] = "office": write a range, e.g. "203.0.113.0/24", or the id of a prefix list or a security ',
        ),
        (f"{SERVICE}[network]\nvpc = 3\n", "vpc = 3: write a table"),
        (f"{SERVICE}{VPC}", "vpc: must have public subnets (public_subnet_ids), got none: the load balancer or the "),
        (
            f"{PRODUCTION}{SERVICE}{VPC}{PUBLIC}",
            "vpc.private_subnet_ids: needed, since environment.private_instances is true: write the subnets' ids",
        ),
        (
            f"{PRODUCTION}{INTERNAL}{SERVICE}{VPC}{ISOLATED}",
            "vpc.private_subnet_ids: needed, since environment.private_instances is true: write the subnets' ids",
        ),
        (
            f"{PRODUCTION}{INTERNAL}environment.private_instances = false\n{SERVICE}{VPC}{ISOLATED}",
            "vpc: must have private subnets (private_subnet_ids), got none: the internal load balancer and the instan",
        ),
        (
            f'{SERVICE}{DATABASE}{ONE_ZONE}{PUBLIC}isolated_subnet_ids = ["subnet-00000003"]\n',
            'vpc.availability_zones = ["eu-central-1a"]: must cover two zones: RDS asks so even of a single-zone data',
        ),
        (
            f'region = "us-east-1"\n{SERVICE}{VPC}{PUBLIC}',
            'vpc.availability_zones = ["eu-central-1a", "eu-central-1b"]: the stage\'s region is us-east-1: write zon',
        ),
        (
            f'{SERVICE}{VPC}public_subnet_ids = ["subnet-00000001"]\n',
            'vpc.public_subnet_ids = ["subnet-00000001"]: 1 subnets do not fit 2 zones: write as many in each zone',
        ),
        (
            f'{SERVICE}{VPC}{PUBLIC}private_subnet_ids = ["subnet-00000001", "subnet-00000003"]\n',
            'vpc.private_subnet_ids = ["subnet-00000001", "subnet-00000003"]: subnet-00000001 is in public_subnet_ids',
        ),
    ],
)
def test_network(problems: Finder, text: str, problem: str) -> None:
    (found,) = problems(text)
    assert found.startswith(f"network.{problem}")


def test_public_instances_of_an_internal_load_balancer_need_public_subnets(problems: Finder) -> None:
    private = 'private_subnet_ids = ["subnet-00000003", "subnet-00000004"]\n'
    text = f"{PRODUCTION}{INTERNAL}environment.private_instances = false\n{SERVICE}{VPC}{private}"
    (found,) = problems(text)
    assert found.startswith("environment.private_instances = false: the VPC has no public subnets: write true, or ")


def test_stages_of_two_services_need_two_prefixes(problems: Finder, read: Reader) -> None:
    two = """[service]
name = "shop-a"
image = "ada/shop"
[stages.b]
region = "eu-central-1"
[stages.a-b]
service.name = "shop"
"""
    (found,) = problems(two)
    assert found == (
        "stages.a-b: its stacks would be those of stage b, since both are called shop-a-b-...: write another "
        "service.name, or another account or region"
    )
    read(f'{two}region = "us-east-1"\n')
    read(f'{two}account = "111111111111"\n'.replace("[stages.a-b]", 'account = "222222222222"\n[stages.a-b]'))
    read(two.replace('"shop"', '"other"'))


def test_stages_of_one_account_are_not_deployed_by_one_stack(problems: Finder, read: Reader) -> None:
    place = 'account = "111111111111"\nregion = "eu-central-1"\n'
    one = f'{place}{SERVICE}[delivery]\nstack = "Shop"\n[stages.dev]\n[stages.prod]\n'
    (found,) = problems(one)
    assert found == (
        'stages.prod.delivery.stack: "Shop" is the stack of stage dev as well, which a release of prod would change: '
        "write another stack, account or region"
    )
    read(f'{one}region = "us-east-1"\n')
    read(f'{one}delivery.stack = "ShopProd"\n')
    # The credentials decide, which may be of two accounts.
    read(one.replace(place, ""))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (github(""), "delivery.github.branch: must be given, or environment: a token of GitHub names one of them"),
        (github('branch = "*"'), 'delivery.github.branch = "*": must be the short name of one branch, without wild'),
        (
            github('branch = "main"\nprovider_arn = "x"'),
            'delivery.github.provider_arn = "x": write "arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubuserco',
        ),
        (f"{SERVICE}[delivery]\naccess_key_serial = -1\n", "delivery.access_key_serial = -1: write 0 or more"),
        (f'{SERVICE}[alarms]\nemail = "ada"\n', 'alarms.email = "ada": write one address, e.g. "ops@example.org"'),
        (
            github('branch = "main"\n[stages.dev]\n[stages.prod]'),
            "stages.prod.delivery.github.provider_arn: missing: stage dev makes the one provider that an account holds",
        ),
    ],
)
def test_delivery_and_alarms(problems: Finder, text: str, problem: str) -> None:
    (found,) = problems(text)
    assert found.startswith(problem)


def test_stages_in_two_accounts_have_a_provider_each(read: Reader) -> None:
    read(github('branch = "main"\n[stages.dev]\naccount = "111111111111"\n[stages.prod]\naccount = "222222222222"'))


def keys(found: list[str]) -> list[str]:
    return [problem.split(":")[0].split(" = ")[0] for problem in found]


def test_all_wrong_values_at_once_then_all_broken_rules(problems: Finder) -> None:
    text = """[service]
name = "guestbook"
image = "ada/guestbook:1"
[environment]
min_size = "3"
[databse]
[variables]
A = 3
[stages.dev]
[stages.prod.environment]
type = "LoadBalanced"
root_volume_gb = 1
batch_size = 101
batch_size_type = "Fixed"
deployment_policy = "Sometimes"
"""
    assert sorted(keys(problems(text))) == [
        "databse",
        "environment.min_size",
        "service.image",
        "stages.prod.environment.deployment_policy",
        "stages.prod.environment.root_volume_gb",
        "variables.A",
    ]
    for wrong, right in (("guestbook:1", "guestbook"), ('"3"', "3"), ("[databse]", ""), ("A = 3", 'A = ""')):
        text = text.replace(wrong, right)
    text = text.replace("root_volume_gb = 1", "").replace("Sometimes", "AllAtOnce")
    assert sorted(keys(problems(text))) == [
        "environment.min_size",
        "environment.min_size",
        "stages.prod.environment.batch_size",
        "variables.A",
    ]


def test_a_valid_stage_is_checked_beside_one_with_wrong_values(problems: Finder) -> None:
    text = f"{SERVICE}[stages.dev.environment]\nmax_size = 2\n[stages.prod.environment]\nmax_size = true\n"
    assert keys(problems(text)) == ["stages.dev.environment.max_size", "stages.prod.environment.max_size"]


def test_problem_of_a_shared_key_names_the_stage_that_has_it(problems: Finder) -> None:
    (found,) = problems(f"{SERVICE}[environment]\nmax_size = 3\n[stages.dev]\n[stages.prod]\n{PRODUCTION}")
    assert found.startswith("environment.max_size = 3: must be 1 for a single instance: ")
    assert found.endswith(" (stage dev)")


@pytest.mark.parametrize(("earlier", "name"), RENAMED.items(), ids=str)
def test_earlier_names_are_read_and_named_as_written(problems: Finder, earlier: tuple[str, ...], name: str) -> None:
    section, key = ".".join(earlier[:-1]), earlier[-1]
    for written in (key, name):
        lines = DATABASE if section == "database" else f"[{section}]\n"
        text = SERVICE if section == "service" else SERVICE + lines
        (found,) = problems(f'{text}{written} = "x"\n')
        assert found.startswith(f'{section}.{written} = "x": ')
        assert "unknown" not in found
    stage = f'[stages.prod.{section}]\n{key} = "x"\n'
    assert keys(problems(SERVICE + (DATABASE if section == "database" else "") + stage)) == [
        f"stages.prod.{section}.{key}"
    ]


def test_long_keys_and_numbers_are_cut(problems: Finder) -> None:
    (key, number) = problems(f"{'x' * 200} = 1\nregion = 0x{'f' * 5000}\n{SERVICE}")
    assert "region = a number of very many digits: write a string in quotes" in (key + number)
    assert f'"{"x" * 77}..." = 1: unknown key' in (key + number)


def test_too_many_instance_types(problems: Finder) -> None:
    types = ", ".join(f'"t{number}.small"' for number in range(41))
    (problem,) = problems(environment(f"instance_types = [{types}]"))
    assert problem.endswith("...: write at most 40")
