"""One case a refusal: what somebody writes, and the line that tells them what to write instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

SERVICE = '[service]\nname = "guestbook"\nimage = "ada/guestbook"\n'
DATABASE = '[database]\nengine = "mysql"\n'
VPC = """[network.vpc]
vpc_id = "vpc-0a1b2c3d4e5f67890"
availability_zones = ["eu-central-1a", "eu-central-1b"]
"""
ONE_ZONE = VPC.replace(', "eu-central-1b"', "")
PUBLIC = 'public_subnet_ids = ["subnet-00000001", "subnet-00000002"]\n'
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b2c3d-0000-1111-2222-333344445555"

Finder = Callable[[str], list[str]]


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
        (
            "",
            'service: missing: write name = "guestbook" and image = "ada/guestbook" under [service]',
        ),
        ('[service]\nname = "a1"\n', 'service.image: missing: write image = "ada/guestbook"'),
        ("service = 3\n", "service = 3: write a table"),
        (f"{SERVICE}prot = 80\n", "service.prot = 80: unknown key: write port"),
        (f"{SERVICE}min_size = 2\n", "service.min_size = 2: unknown key: write it in [environment]"),
        (
            f'{SERVICE}region = "eu-central-1"\n',
            'service.region = "eu-central-1": unknown key: write it at the top of the file, before the first table',
        ),
        (f'{SERVICE}[service.variables]\nA = "1"\n', "service.variables: unknown key: write it as [variables]"),
        (
            f"color = 1\n{SERVICE}",
            (
                "color = 1: unknown key: write one of account, alarms, database, delivery, environment, network, "
                "preset, region, secrets, service, stages, variables"
            ),
        ),
        (f"stage = 1\n{SERVICE}", "stage = 1: unknown key: write stages"),
        (f'name = "x"\n{SERVICE}', 'name = "x": unknown key: the name of a stage is that of its table'),
        (f"stages = 3\n{SERVICE}", "stages = 3: write a table, e.g. [stages.dev]"),
        (f"{SERVICE}[stages]\ndev = 3\n", "stages.dev = 3: write a table, e.g. [stages.dev]"),
        (
            f"{SERVICE}[stages.Prod]\n",
            (
                'stages.Prod = "Prod": write lower-case letters, digits and single hyphens between them, '
                'a letter first, at most 15 characters, e.g. "prod"'
            ),
        ),
        (
            f"{SERVICE}[stages.dev]\n[stages.prod.environment]\nmax_sise = 3\n",
            "stages.prod.environment.max_sise = 3: unknown key: write max_size",
        ),
        (f'preset = "smal"\n{SERVICE}', 'preset = "smal": write "small"; known are "small" or "production"'),
        (f'preset = "x"\n{SERVICE}', 'preset = "x": write "small" or "production"'),
        (
            f"account = 123456789012\n{SERVICE}",
            'account = 123456789012: write it in quotes: "123456789012"',
        ),
        (
            f'account = "12345"\n{SERVICE}',
            'account = "12345": write the twelve digits of an AWS account in quotes, e.g. "123456789012"',
        ),
        (
            f'region = "Frankfurt"\n{SERVICE}',
            'region = "Frankfurt": write an AWS region, e.g. "eu-central-1"',
        ),
    ],
)
def test_shape_of_the_file(problems: Finder, text: str, problem: str) -> None:
    assert problems(text or "# nothing\n") == [problem]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("port = 0", "port = 0: write 1 or more"),
        ("port = 65536", "port = 65536: write at most 65,535"),
        ('port = "8080"', 'port = "8080": write it without quotes: 8080'),
        ("port = 80.5", "port = 80.5: write a whole number"),
        ("port = true", "port = true: write a whole number"),
        ("health_path = false", 'health_path = false: write it in quotes: "false"'),
        (
            'health_path = "health"',
            'health_path = "health": write a path that starts with "/", without spaces, e.g. "/health"',
        ),
        (
            'dockerfile = "service/Dockerfile"',
            'dockerfile = "service/Dockerfile": no such file: write its path from the folder of the manifest',
        ),
        (
            'compose = "docker-compose.yml"',
            'compose = "docker-compose.yml": no such file: write its path from the folder of the manifest',
        ),
        (
            'dockerfile = "/etc/passwd"',
            (
                'dockerfile = "/etc/passwd": write a path relative to the manifest with forward slashes, '
                'e.g. "service/Dockerfile"'
            ),
        ),
        (
            'dockerfile = "Dockerfile"\ncompose = "compose.yaml"',
            'compose = "compose.yaml": service.dockerfile is given as well: write one of the two',
        ),
        (
            'compose = "compose.yaml"\ncontext = "."',
            'context = ".": the compose file has it in the build of each service: write it there',
        ),
        (
            'target = "-x"',
            'target = "-x": write the name of a stage of the Dockerfile, e.g. "runtime"',
        ),
        (
            'args = { NPM_TOKEN = "npm_0123456789" }',
            (
                "args.NPM_TOKEN = ...: looks like a secret, its name says TOKEN, and whoever may pull the image can "
                "read it there: leave it out, and read it from [secrets] while the container runs"
            ),
        ),
        ("args = { PORT = 80 }", 'args.PORT = 80: write it in quotes: "80"'),
        (
            'args = { "MY ARG" = "x" }',
            'args."MY ARG" = "x": no name of a build argument: write letters, digits and underscores, a letter first',
        ),
    ],
)
def test_service(problems: Finder, line: str, problem: str) -> None:
    assert problems(SERVICE + line) == [f"service.{problem}"]


@pytest.mark.parametrize("name", ["g", "Guestbook", "guest_book", "1guest", "guest-", "guest--book", "g" * 25])
def test_service_name(problems: Finder, name: str) -> None:
    assert problems(f'[service]\nname = "{name}"\nimage = "ada/guestbook"\n') == [
        (
            f'service.name = "{name}": write lower-case letters, digits and single hyphens between them, '
            'a letter first, 2 to 24 characters, e.g. "guestbook"'
        )
    ]


@pytest.mark.parametrize(
    "image",
    ["ada/guestbook", "ada-1/guest_book.web", "localhost:5000/guestbook", "ghcr.io/ada/guestbook/web"],
)
def test_image_that_is_a_repository(read: Callable[[str], object], image: str) -> None:
    read(f'[service]\nname = "guestbook"\nimage = "{image}"\n')


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("ada/guestbook:latest", 'leave the tag out, the deploy script adds it: write "ada/guestbook"'),
        ("localhost:5000/web:1", 'leave the tag out, the deploy script adds it: write "localhost:5000/web"'),
        ("ada/guestbook@sha256:00", 'leave the digest out, the deploy script adds it: write "ada/guestbook"'),
        ("Ada/Guestbook", 'a repository is written in lower case: write "ada/guestbook"'),
        ("guestbook", 'the user is missing: write "user/repository", e.g. "ada/guestbook"'),
        ("", 'the user is missing: write "user/repository", e.g. "ada/guestbook"'),
        ("ada/", 'the repository is missing: write "user/repository", e.g. "ada/guestbook"'),
        ("guestbook:latest", 'leave the tag out, the deploy script adds it: write "user/guestbook"'),
        ("Guestbook@sha256:00", 'leave the digest out, the deploy script adds it: write "user/guestbook"'),
        ("https://hub.docker.com/r/ada/guestbook", "an address, not a repository: write "),
        ("docker.io/ada/guestbook", "an address, not a repository: write "),
        ("hub/ada/guestbook", 'a Docker Hub repository has two parts, "user/repository"; '),
        ("localhost/guestbook", '"localhost" is a registry, and needs its port: write "localhost:5000/guestbook"'),
        ("ada/guest book", "not a repository: write lower-case letters and digits"),
        (f"ada/{'g' * 255}", "not a repository: write lower-case letters and digits"),
        ("ghcr.io/Ada/guestbook", "not a repository: write lower-case letters and digits"),
        ("localhost:99999/guestbook", '"localhost:99999" is no registry: write its host and port'),
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
        (
            environment('type = "Loadbalanced"'),
            'type = "Loadbalanced": write "LoadBalanced"; known are "SingleInstance" or "LoadBalanced"',
        ),
        (
            environment("max_size = 3"),
            'max_size = 3: a single instance is one: write 1, or environment.type = "LoadBalanced"',
        ),
        (
            environment("min_size = 2\nmax_size = 1", load_balanced=True),
            "min_size = 2: more than max_size, 1: lower it, or raise max_size",
        ),
        (
            f'preset = "production"\n{environment("max_size = 1")}',
            "max_size = 1: less than min_size, 2: raise it, or lower min_size",
        ),
        (
            environment('deployment_policy = "Rolling"'),
            (
                'deployment_policy = "Rolling": a single instance takes "AllAtOnce" or "Immutable": '
                'write one of them, or environment.type = "LoadBalanced"'
            ),
        ),
        (
            environment('deployment_policy = "TrafficSplitting"'),
            (
                'deployment_policy = "TrafficSplitting": a single instance takes "AllAtOnce" or "Immutable": '
                'write one of them, or environment.type = "LoadBalanced"'
            ),
        ),
        (
            environment(f'certificate = "{CERTIFICATE}"'),
            (
                f'certificate = "{CERTIFICATE[:76]}...: only a load balancer has a certificate: '
                'leave it out, or write environment.type = "LoadBalanced"'
            ),
        ),
        (
            'region = "eu-west-1"\n' + environment(f'certificate = "{CERTIFICATE}"', load_balanced=True),
            (
                f"certificate = \"{CERTIFICATE[:76]}...: the certificate must be in the stage's region, eu-west-1: "
                "write one of that region"
            ),
        ),
        (
            environment('certificate = "mine"', load_balanced=True),
            'certificate = "mine": write the ARN of an ACM certificate, "arn:aws:acm:REGION:ACCOUNT:certificate/ID"',
        ),
        (environment("batch_size = 101"), "batch_size = 101: more than a hundred percent: write 1 to 100"),
        (
            environment('batch_size = 3\nbatch_size_type = "Fixed"', load_balanced=True),
            "batch_size = 3: more than max_size, 2: write at most that",
        ),
        (
            environment('instance_types = ["t3.small", "t4g.small"]'),
            (
                'instance_types = ["t3.small", "t4g.small"]: Graviton (arm64) and x86 types cannot share an image: '
                "write types of one of them"
            ),
        ),
        (
            environment('instance_types = ["small"]'),
            'instance_types[0] = "small": write an EC2 instance type, e.g. "t3.small"',
        ),
        (environment("instance_types = []"), "instance_types = []: write at least 1"),
        (environment('instance_types = "t3.small"'), 'instance_types = "t3.small": write a list: ["t3.small"]'),
        (environment("instance_types = 3"), "instance_types = 3: write a list in brackets"),
        (environment('[environment.options]\nname = "A"'), "options: write it as [[environment.options]]"),
        (
            environment('instance_types = ["t3.small", "t3.small"]'),
            'instance_types = ["t3.small", "t3.small"]: "t3.small" stands there twice: write it once',
        ),
        (environment("log_retention_days = 10"), "log_retention_days = 10: write 1, 3, 5, 7, 14, 30, 60, 90, "),
        (environment('private_instances = "no"'), 'private_instances = "no": write true or false'),
        (
            environment("private_instances = true"),
            (
                "private_instances = true: a single instance is reached at its own address: write false, "
                'or environment.type = "LoadBalanced"'
            ),
        ),
        (
            environment("private_instances = true", load_balanced=True),
            (
                "private_instances = true: private instances reach Docker Hub through a NAT gateway: "
                "write network.nat_gateways = 1, or false"
            ),
        ),
        (environment("root_volume_gb = 8"), "root_volume_gb = 8: write 10 or more"),
        (environment("max_versions = 1"), "max_versions = 1: write 2 or more"),
        (environment("traffic_split_minutes = 2"), "traffic_split_minutes = 2: write 3 or more"),
        (
            environment('platform = "4.13"'),
            'platform = "4.13": write "latest" or a platform version, e.g. "4.13.7"',
        ),
        (
            environment('platform = "4.13.7"\nmanaged_updates = { level = "patch" }'),
            (
                'platform = "4.13.7": managed updates would leave it: write "latest", '
                'or managed_updates = { level = "none" }'
            ),
        ),
        (
            environment('managed_updates = { start = "Tuesday 9:00" }'),
            'managed_updates.start = "Tuesday 9:00": write a day and a time in UTC, e.g. "Tue:09:00"',
        ),
        (environment("managed_updates = false"), "managed_updates = false: write a table"),
        (
            environment('managed_updates = { level = "major" }'),
            'managed_updates.level = "major": write "minor"; known are "minor", "patch" or "none"',
        ),
        (
            environment("scaling = { lower_threshold = 80 }"),
            "scaling.lower_threshold = 80: must be below upper_threshold, 70: lower it, or raise that",
        ),
        (environment("scaling = { lower_threshold = nan }"), "scaling.lower_threshold = nan: write a number"),
        (environment('scaling = { upper_threshold = "9" }'), 'scaling.upper_threshold = "9": write a number'),
        (
            environment('scaling = { measure = "RequestCount", lower_threshold = 5 }'),
            "scaling.upper_threshold: a default for percent of CPU: write one for RequestCount, in count",
        ),
        (
            environment('options = [{ namespace = "aws:x", name = "A", value = 3 }]'),
            'options[0].value = 3: write it in quotes: "3"',
        ),
        (
            environment('options = [{ namespace = "aws:x", name = "A" }]'),
            "options[0].value: missing: write value = ...",
        ),
        (
            environment('options = [{ namespace = "x", name = "A", value = "3" }]'),
            'options[0].namespace = "x": write an option namespace, e.g. "aws:autoscaling:asg"',
        ),
        (
            environment('options = [{ namespace = "aws:x", name = "", value = "3" }]'),
            'options[0].name = "": write at least one character',
        ),
        (
            environment(
                'options = [{ namespace = "aws:x", name = "A", value = "" }, '
                '{ namespace = "aws:x", name = "A", value = "3" }]'
            ),
            "options[1]: aws:x A is set twice: write it once",
        ),
        (
            environment(
                'options = [{ namespace = "aws:elasticbeanstalk:application:environment", name = "A", value = "3" }]'
            ),
            "options[0]: aws:elasticbeanstalk:application:environment has a table: write it in [variables]",
        ),
        (
            environment(
                "options = ["
                '{ namespace = "aws:elasticbeanstalk:application:environmentsecrets", name = "A", value = "3" }]'
            ),
            "options[0]: aws:elasticbeanstalk:application:environmentsecrets has a table: write it in [secrets]",
        ),
    ],
)
def test_environment(problems: Finder, text: str, problem: str) -> None:
    (found,) = problems(text)
    assert found.startswith(f"environment.{problem}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{SERVICE}{DATABASE[:10]}", 'engine: missing: write engine = "mysql", "mariadb", "postgres" or "none"'),
        (
            database("", "oracle"),
            'engine = "oracle": write "mysql", "mariadb", "postgres" or "none"',
        ),
        (
            database("", "postgresql"),
            'engine = "postgresql": write "postgres"; known are "mysql", "mariadb", "postgres" or "none"',
        ),
        (database("version = 8.4"), 'version = 8.4: write it in quotes: "8.4"'),
        (
            database('version = "5.7"'),
            'version = "5.7": unsupported mysql version: write one of 8.0, 8.4, or a full one like 8.4.4',
        ),
        (
            database('version = "11"', "mariadb"),
            (
                'version = "11": unsupported mariadb version: write one of 10.6, 10.11, 11.4, 11.8, '
                "or a full one like 11.4.4"
            ),
        ),
        (
            database('version = "9.6"', "postgres"),
            (
                'version = "9.6": unsupported postgres version: write one of 13, 14, 15, 16, 17, 18, '
                "or a full one like 17.4"
            ),
        ),
        (
            database('instance_class = "t4g.micro"'),
            'instance_class = "t4g.micro": write an RDS instance class, e.g. "db.t4g.micro"',
        ),
        (database("storage_gb = 10"), "storage_gb = 10: write 20 or more"),
        (
            database("storage_gb = 100\nmax_storage_gb = 105"),
            "max_storage_gb = 105: must be a tenth more than storage_gb, 100: write 110 or more, or 0",
        ),
        (database("max_storage_gb = false"), "max_storage_gb = false: write a whole number"),
        (database("backup_days = 36"), "backup_days = 36: write at most 35"),
        (
            f'preset = "production"\n{database("backup_days = 0")}',
            'backup_days = 0: the production preset keeps backups: write 1 to 35, or preset = "small"',
        ),
        (
            database('name = "guest-book"'),
            'name = "guest-book": mysql takes a letter, then letters, digits or underscores, at most 64 characters',
        ),
        (
            database('name = "Mysql"'),
            'name = "Mysql": a word mysql keeps for itself: write another one, e.g. "mysql_app"',
        ),
        (
            database('username = "admin"', "postgres"),
            'username = "admin": a word postgres keeps for itself: write another one, e.g. "admin_app"',
        ),
        (
            database('username = "pg_ada"', "postgres"),
            'username = "pg_ada": postgres keeps names that start with pg_ for itself: write e.g. "app"',
        ),
        (
            database('username = "rdsadmin"', "mariadb"),
            'username = "rdsadmin": a word mariadb keeps for itself: write another one, e.g. "rdsadmin_app"',
        ),
        (
            database('username = "a_name_of_17_long"'),
            (
                'username = "a_name_of_17_long": mysql takes a letter, then letters, digits or underscores, '
                "at most 16 characters"
            ),
        ),
        (
            database('compose_service = "db"'),
            'compose_service = "db": there is no compose file: leave it out, or write service.compose',
        ),
    ],
)
def test_database(problems: Finder, text: str, problem: str) -> None:
    assert problems(text) == [f"database.{problem}"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{SERVICE}[network]\nmax_azs = 1\n", "max_azs = 1: write 2 or more"),
        (
            f"{SERVICE}[network]\nnat_gateways = 1\n",
            (
                "nat_gateways = 1: billed by the hour and used by nothing: write 0, "
                "or environment.private_instances = true"
            ),
        ),
        (
            f'preset = "production"\n{SERVICE}[network]\nnat_gateways = 0\n',
            (
                "nat_gateways = 0: private instances reach Docker Hub through a NAT gateway: write 1 or 2, "
                "or environment.private_instances = false"
            ),
        ),
        (
            f'preset = "production"\n{SERVICE}[network]\nnat_gateways = 3\n',
            "nat_gateways = 3: more than zones, 2: write at most that",
        ),
        (
            f"{SERVICE}[network]\nnat_gateways = 1\n{VPC}{PUBLIC}",
            "nat_gateways = 1: a VPC of your own has its own way out: leave it out",
        ),
        (f"{SERVICE}[network]\nvpc = 3\n", "vpc = 3: write a table"),
        (f"{SERVICE}{VPC.replace('vpc_id', 'vpcid')}{PUBLIC}", None),
        (
            f"{SERVICE}{VPC}",
            (
                "vpc.public_subnet_ids: needed, since the load balancer and public instances live there: "
                "write the subnets' ids"
            ),
        ),
        (
            f'preset = "production"\n{SERVICE}{VPC}{PUBLIC}',
            "vpc.private_subnet_ids: needed, since environment.private_instances is true: write the subnets' ids",
        ),
        (
            f'preset = "production"\n{SERVICE}{VPC}{PUBLIC.replace("public", "private")}',
            "vpc.public_subnet_ids: needed, since the load balancer lives there: write the subnets' ids",
        ),
        (
            f"{SERVICE}{DATABASE}{VPC}{PUBLIC}",
            (
                "vpc.isolated_subnet_ids: needed, since the database lives there, or in private_subnet_ids: "
                "write the subnets' ids"
            ),
        ),
        (
            (f'{SERVICE}{DATABASE}{ONE_ZONE}{PUBLIC}isolated_subnet_ids = ["subnet-00000003"]\n'),
            (
                'vpc.availability_zones = ["eu-central-1a"]: a load balancer and a database need two zones: '
                "write two or more"
            ),
        ),
        (
            f'region = "us-east-1"\n{SERVICE}{VPC}{PUBLIC}',
            (
                'vpc.availability_zones = ["eu-central-1a", "eu-central-1b"]: the stage\'s region is us-east-1: '
                "write zones of that region"
            ),
        ),
        (
            f'{SERVICE}{VPC}public_subnet_ids = ["subnet-00000001"]\n',
            (
                'vpc.public_subnet_ids = ["subnet-00000001"]: 1 subnets do not fit 2 zones: '
                "write as many in each zone, in order"
            ),
        ),
        (
            f"{SERVICE}{VPC}{PUBLIC}{PUBLIC.replace('public', 'private')}",
            (
                'vpc.private_subnet_ids = ["subnet-00000001", "subnet-00000002"]: '
                "subnet-00000001 stands in public_subnet_ids as well: write it in one of them"
            ),
        ),
    ],
)
def test_network(problems: Finder, text: str, problem: str | None) -> None:
    found = problems(text)
    if problem is None:
        assert found == [
            'network.vpc.vpc_id: missing: write vpc_id = "vpc-0a1b2c3d4e5f67890"',
            'network.vpc.vpcid = "vpc-0a1b2c3d4e5f67890": unknown key: write vpc_id',
        ]
    else:
        assert f"network.{problem}" in found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (github(""), 'delivery.github: not bound to anything: write branch = "main", or environment'),
        (
            github('branch = "main"\nenvironment = "prod"'),
            'delivery.github.environment = "prod": branch is given as well: write one of the two',
        ),
        (
            github('branch = "*"'),
            (
                'delivery.github.branch = "*": write the name of one branch without wildcards '
                'and without "refs/heads/", e.g. "main"'
            ),
        ),
        (
            github('branch = "refs/heads/main"'),
            (
                'delivery.github.branch = "refs/heads/main": write the name of one branch without wildcards '
                'and without "refs/heads/", e.g. "main"'
            ),
        ),
        (
            github('environment = "prod*"'),
            (
                'delivery.github.environment = "prod*": write the name of one GitHub environment '
                'without wildcards, e.g. "production"'
            ),
        ),
        (
            github('branch = "main"').replace('ada/guestbook"\nbranch', 'https://github.com/ada/x"\nbranch'),
            (
                'delivery.github.repository = "https://github.com/ada/x": write "owner/repository" '
                'without an address or wildcards, e.g. "ada/guestbook"'
            ),
        ),
        (
            github('branch = "main"\nprovider_arn = "x"'),
            (
                'delivery.github.provider_arn = "x": write '
                '"arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com"'
            ),
        ),
        (
            f"{SERVICE}[delivery]\naccess_key_serial = -1\n",
            "delivery.access_key_serial = -1: write 0 or more",
        ),
        (
            f'{SERVICE}[alarms]\nemail = "ada"\n',
            'alarms.email = "ada": write one address, e.g. "ops@example.org"',
        ),
    ],
)
def test_delivery_and_alarms(problems: Finder, text: str, problem: str) -> None:
    assert problems(text) == [problem]


def test_an_account_holds_one_provider_for_github(problems: Finder) -> None:
    assert problems(github('branch = "main"\n[stages.dev]\n[stages.prod]')) == [
        (
            "stages.prod.delivery.github.provider_arn: missing: stage dev makes the one provider that an account "
            "holds: write its ARN here, or another account"
        )
    ]


def test_stages_in_two_accounts_have_a_provider_each(read: Callable[[str], object]) -> None:
    read(github('branch = "main"\n[stages.dev]\naccount = "111111111111"\n[stages.prod]\naccount = "222222222222"'))


def test_all_problems_at_once_each_where_it_stands(problems: Finder) -> None:
    found = problems(
        """[service]
name = "guestbook"
image = "ada/guestbook:1"
[environment]
min_size = "3"
[stages.dev]
[stages.prod.environment]
type = "LoadBalanced"
root_volume_gb = 1
batch_size = 101
"""
    )
    assert [problem.split(" = ")[0] for problem in found] == [
        "service.image",
        "environment.min_size",
        "stages.prod.environment.root_volume_gb",
        "stages.prod.environment.batch_size",
    ]


LONG = f'LONG = "{"x" * 5000}"'


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (database('version = "5.5"').replace('"guestbook"', '"Guest Book"', 1), ["service.name", "database.version"]),
        (database('username = "root"').replace("name = ", "nmae = ", 1), ["service.name", "service.nmae", "username"]),
        (database('name = "sys"').replace('"guestbook"', '"Guest Book"', 1), ["service.name", "database.name"]),
        (database('enigne = "x"\nversion = "5.5"'), ["database.enigne", "database.version"]),
        (
            f"{database('')}[databse]\nversion = 1\n[variables]\nA = 3\n{LONG}\n",
            ["databse", "variables.A", "variables"],
        ),
        (f"{database('version = 8.4')}[variables]\n{LONG}\n", ["database.version", "variables"]),
        (environment('max_size = "3"\nbatch_size = 101', load_balanced=True), ["max_size", "batch_size"]),
    ],
)
def test_one_slip_does_not_hide_another(problems: Finder, text: str, keys: list[str]) -> None:
    found = [problem.split(":")[0].split(" = ")[0] for problem in problems(text)]
    assert sorted(key for key in keys if any(it == key or it.endswith(f".{key}") for it in found)) == sorted(keys)
    assert len(found) == len(keys)


def test_problem_of_a_shared_key_names_the_stage_that_has_it(problems: Finder) -> None:
    assert problems(f'{SERVICE}[environment]\nmax_size = 3\n[stages.dev]\n[stages.prod]\npreset = "production"\n') == [
        'environment.max_size = 3: a single instance is one: write 1, or environment.type = "LoadBalanced" (stage dev)'
    ]


def test_wrong_value_does_not_cause_a_second_problem(problems: Finder) -> None:
    found = problems(environment('type = "Loadbalanced"\nmin_size = 3\nmax_size = 5'))
    assert [problem.split(" = ")[0] for problem in found] == ["environment.type"]


def test_long_keys_and_numbers_are_cut(problems: Finder) -> None:
    (key, number) = problems(f"{'x' * 200} = 1\nregion = 0x{'f' * 5000}\n{SERVICE}")
    assert "region = a number of very many digits: write a string in quotes" in (key + number)
    assert f'"{"x" * 77}..." = 1: unknown key' in (key + number)


def test_too_many_instance_types(problems: Finder) -> None:
    types = ", ".join(f'"t{number}.small"' for number in range(41))
    (problem,) = problems(environment(f"instance_types = [{types}]"))
    assert problem.endswith("...: write at most 40")
