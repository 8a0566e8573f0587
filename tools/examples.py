"""An example for each table of the manifest, which together have every key: shown in its reference, read by the tests.

Where an example has no service, it is an addition to this repository's own manifest.
"""

MANIFESTS: dict[str, tuple[str, ...]] = {
    "Top level": (
        """\
preset = "small"
account = "123456789012"
region = "eu-central-1"

[variables]
LOG_LEVEL = "info"
MAP_TOKEN = { plaintext = "pk.eyJ1IjoiYWRhIn0" }

[secrets]
SESSION_KEY = { generate = 32 }

[stages.dev]
allow_replacement = ["database"]

[stages.prod]
preset = "production"
variables = { LOG_LEVEL = "warning" }
""",
    ),
    "[service]": (
        """\
[service]
name = "shop"
image = "ada/shop"
dockerfile = "apps/api/Dockerfile"
context = "."
target = "runtime"
args = { NODE_ENV = "production" }
port = 3000
health_check_path = "/healthz"
""",
        """\
[service]
name = "shop"
image = "ghcr.io/ada/shop"
compose = "compose.yaml"
port = 3000
""",
    ),
    "[domain]": (
        """\
[stages.prod.domain]
name = "shop.example.com"
aliases = ["www.shop.example.com"]
hosted_zone = { name = "example.com", id = "Z0123456789ABC" }
""",
        """\
[service]
name = "shop"
image = "ada/shop"
compose = "compose.yaml"
port = 3000

[stages.prod]
preset = "production"
region = "eu-central-1"

[stages.prod.domain]
name = "shop.example.com"
certificate = "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b2c3d-0000-1111-2222-333344445555"
redirects_http = true
""",
    ),
    "[domain.hosted_zone]": (
        """\
[stages.prod.domain]
name = "shop.example.com"

[stages.prod.domain.hosted_zone]
name = "example.com"
id = "Z0123456789ABC"
""",
    ),
    "[secrets.NAME] with generate": (
        """\
[secrets]
SESSION_KEY = { generate = 32 }
""",
    ),
    "[secrets.NAME] with secretsmanager": (
        """\
[secrets.MAIL_PASSWORD]
secretsmanager = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mail-AbCd12"
field = "password"
""",
    ),
    "[secrets.NAME] with ssm": (
        """\
[secrets]
MAP_TOKEN = { ssm = "/shop/map-token" }
""",
    ),
    "[secrets.NAME] with database": (
        """\
[secrets]
DB_PASSWORD = { database = "password" }
""",
    ),
    "[network]": (
        """\
[stages.prod.network]
nat_gateways = 1
max_azs = 3
flow_logs = true
allow_from = ["203.0.113.0/24", "pl-0a1b2c3d4e5f67890", "sg-0a1b2c3d4e5f67890"]
""",
    ),
    "[network.vpc]": (
        """\
[stages.prod]
region = "eu-central-1"

[stages.prod.network.vpc]
vpc_id = "vpc-0a1b2c3d4e5f67890"
availability_zones = ["eu-central-1a", "eu-central-1b"]
public_subnet_ids = ["subnet-0a1b2c3d4e5f67890", "subnet-1a1b2c3d4e5f67890"]
private_subnet_ids = ["subnet-2a1b2c3d4e5f67890", "subnet-3a1b2c3d4e5f67890"]
isolated_subnet_ids = ["subnet-4a1b2c3d4e5f67890", "subnet-5a1b2c3d4e5f67890"]
""",
    ),
    "[environment]": (
        """\
[stages.prod.environment]
type = "LoadBalanced"
instance_types = ["t4g.small", "t4g.medium"]
min_size = 2
max_size = 6
private_instances = true
deployment_policy = "Rolling"
batch_size_type = "Fixed"
batch_size = 1
platform = "latest"
log_retention_days = 30
root_volume_size = 40
max_versions = 50
""",
        """\
[stages.prod.environment]
deployment_policy = "TrafficSplitting"
traffic_split_percent = 20
evaluation_minutes = 10
""",
    ),
    "[environment.scaling]": (
        """\
[stages.prod.environment.scaling]
measure = "RequestCount"
statistic = "Sum"
lower_threshold = 100
upper_threshold = 1000
period_minutes = 1
breach_duration_minutes = 3
""",
    ),
    "[environment.load_balancer]": (
        """\
[stages.prod.environment.load_balancer]
scheme = "internal"
idle_timeout_seconds = 300
stickiness_cookie_duration_seconds = 3600
access_logs_bucket = "shop-access-logs"
access_logs_prefix = "prod"
""",
    ),
    "[environment.health_check]": (
        """\
[stages.prod.environment.health_check]
interval_seconds = 30
timeout_seconds = 10
healthy_threshold_count = 2
unhealthy_threshold_count = 4
healthy_http_codes = "200-299"
""",
    ),
    "[environment.managed_updates]": (
        """\
[environment.managed_updates]
level = "patch"
start = "Sun:03:00"
""",
    ),
    "[[environment.options]]": (
        """\
[[environment.options]]
namespace = "aws:autoscaling:scheduledaction"
resource_name = "Evening"
name = "MinSize"
value = "1"
""",
    ),
    "[database]": (
        """\
[database]
engine = "mysql"
version = "8.4"
instance_type = "t4g.small"
allocated_storage = 50
max_allocated_storage = 200
backup_retention_days = 14
multi_az = false
deletion_protection = true
name = "shop"
username = "keeper"
""",
        """\
[service]
name = "shop"
image = "ada/shop"
compose = "compose.yaml"
port = 3000

[database]
engine = "postgres"
compose_service = "db"
""",
    ),
    "[delivery]": (
        """\
[delivery]
user = true
access_key_serial = 1
""",
        """\
[stages.dev.delivery]
stack = "Shop"
""",
    ),
    "[delivery.github]": (
        """\
[stages.prod.delivery.github]
repository = "ada@1001/guestbook@2002"
environment = "prod"
provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
""",
        """\
[stages.dev.delivery.github]
repository = "ada/guestbook"
branch = "main"
""",
    ),
    "[alarms]": (
        """\
[alarms]
email = "ops@example.com"
""",
    ),
}
