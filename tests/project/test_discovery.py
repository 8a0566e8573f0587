"""What `beanpod init` finds in the folders of real apps, and what it writes into their manifests."""

import base64
import json
import os
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from beanpod.deploy.bundles import plan_bundle
from beanpod.deploy.errors import UsageError
from beanpod.manifest import Manifest
from beanpod.project.choices import Choices, answered, missing, propose
from beanpod.project.discovery import Discovery, discover
from beanpod.project.dockerfiles import dockerfile_for
from beanpod.project.files import write
from beanpod.project.init import next_steps, plan
from beanpod.project.manifest_text import manifest_text, production_compose
from tests.deploy.bundles.projects import IMAGE, composed
from tests.deploy.bundles.projects import write as write_files
from tests.project.apps import APPS, lay_out
from tests.unprivileged import WITHOUT_RIGHTS

ROOT = Path(__file__).resolve().parents[2]
NOBODY = {"HOME": "/nonexistent"}


def look(root: Path, **given: Any) -> tuple[Discovery, Choices]:
    """Discover an app and complete the choices, with the first answer to each question."""
    found = discover(root, environ=NOBODY)
    choices = propose(found, Choices(image="ada/shop", **given))
    for question in list(missing(found, choices)):
        choices = answered(found, choices, question.option, question.choices[0])
    return found, choices


def make_repository(folder: Path, remote: str, *, branch: str = "main") -> None:
    subprocess.run(["git", "init", "--quiet", "--initial-branch", branch, str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "remote", "add", "origin", remote], check=True)


@pytest.mark.parametrize("name", APPS)
def test_every_app_gets_a_project_that_can_be_deployed(name: str, tmp_path: Path) -> None:
    root = lay_out(name, tmp_path)
    found, choices = look(root)
    (root / "beanpod.toml").write_text(manifest_text(found, choices))
    if production := production_compose(found, choices):
        (root / "compose.prod.yaml").write_text(production)
    manifest = Manifest.read(root / "beanpod.toml", build_files=True)
    assert manifest.stages == ("dev", "prod")
    for stage in manifest.stages:
        assert plan_bundle(manifest.stage(stage), root).preview().files


DJANGO = Choices(compose="docker-compose.yml", port=8000, engine="postgres", version="16", database_service="db")
LARAVEL: dict[str, Any] = {"compose": "docker-compose.yml", "port": 80, "health_path": "/up"}
REACT = Choices(compose="compose.yaml", port=80, engine="mariadb", version="11.8", database_service="db")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("express", Choices(dockerfile="Dockerfile", port=3000)),
        ("next", Choices(dockerfile="Dockerfile", port=3000, health_path="/api/health", engine="postgres")),
        ("django", DJANGO),
        ("flask", Choices(dockerfile="Dockerfile", port=5000, engine="mysql")),
        ("fastapi", Choices(dockerfile="Dockerfile", port=80, health_path="/healthz")),
        ("spring", Choices(dockerfile="Dockerfile", port=8080, health_path="/actuator/health", engine="mysql")),
        ("laravel", Choices(**LARAVEL, engine="mysql", version="8.0", database_service="mysql")),
        ("rails", Choices(dockerfile="Dockerfile", port=80, health_path="/up", engine="postgres")),
        ("go", Choices(dockerfile="Dockerfile", port=8080)),
        ("react-and-api", REACT),
    ],
)
def test_discovery_reads_the_files(name: str, expected: Choices, tmp_path: Path) -> None:
    _, choices = look(lay_out(name, tmp_path))
    assert choices == replace(expected, name=name, image="ada/shop")


def written(root: Path, **given: Any) -> dict[str, Any]:
    return tomllib.loads(manifest_text(*look(root, **given)))


def test_spring_connects_to_the_database(tmp_path: Path) -> None:
    root = lay_out("spring", tmp_path)
    (root / "beanpod.toml").write_text(manifest_text(*look(root)))
    stage = Manifest.read(root / "beanpod.toml").stage()
    values = {"host": "db.example", "port": "3306", "name": "spring", "username": "app"}
    assert stage.render_variables(values) == {
        "SPRING_DATASOURCE_URL": "jdbc:mysql://db.example:3306/spring",
        "SPRING_DATASOURCE_USERNAME": "app",
        "SPRING_DATASOURCE_PASSWORD": "${RDS_PASSWORD}",
    }


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("settings.py", "HOST = os.environ['{}']; os.environ.get('{}', 'x'); config('{}'); env('{}'); getenv(\"{}\")"),
        (
            "db.js",
            "connect(process.env.{}, process.env['{}'], process.env.{}, process.env.{} || process.env.{})",
        ),
        ("main.go", 'os.Getenv("{}"), os.Getenv("{}"), os.Getenv("{}"), os.Getenv("{}"), os.Getenv("{}")'),
        ("database.yml.rb", 'ENV["{}"], ENV.fetch("{}"), ENV[\'{}\'], ENV.fetch(\'{}\', 1), ENV["{}"]'),
        ("application-prod.yml", "url: ${{{}}}\nport: ${{{}}}\nname: ${{{}}}\nuser: ${{{}}}\npassword: ${{{}}}"),
        ("application.properties", "url=jdbc:${{{}}}:${{{}:5432}}/${{{}}}\nuser=${{{}}}\npassword=${{{}:x}}"),
    ],
)
def test_an_app_that_names_its_variables_otherwise_connects_to_rds(file: str, source: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nEXPOSE 8000\n")
    (tmp_path / "src").mkdir()
    text = source.format("DB_HOST", "PG_PORT", "POSTGRES_DB", "DB_USER", "DB_PASSWORD") + ' env("RDS_HOSTNAME")'
    (tmp_path / "src" / file).write_text(text)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/other.js").write_text("process.env.MYSQL_HOST")
    found, choices = look(tmp_path, engine="postgres")
    document = tomllib.loads(manifest_text(found, choices))
    assert document["variables"] == {
        "DB_HOST": "{database.host}",
        "PG_PORT": "{database.port}",
        "POSTGRES_DB": "{database.name}",
        "DB_USER": "{database.username}",
    }
    assert document["secrets"] == {"DB_PASSWORD": {"database": "password"}}
    (tmp_path / "beanpod.toml").write_text(manifest_text(found, choices))
    assert Manifest.read(tmp_path / "beanpod.toml").stages == ("dev", "prod")


def test_a_service_that_reads_other_variables_than_the_compose_file_names_connects_to_rds(tmp_path: Path) -> None:
    services = "  web: {build: ., ports: ['80:80'], environment: {DB_USER: app}}\n  db: {image: 'postgres:17', "
    services += "environment: {POSTGRES_DB: app}}\n"
    names = ("APP_DB_HOST", "APP_DB_PASSWORD", "DB_USER", "POSTGRES_DB")
    write_files(
        tmp_path,
        {
            "Dockerfile": "FROM debian\n",
            "app.py": "\n".join(f"os.environ['{name}']" for name in names),
            "compose.yaml": f"services:\n{services}",
        },
    )
    document = written(tmp_path)
    assert document["variables"] == {"APP_DB_HOST": "{database.host}", "POSTGRES_DB": "{database.name}"}
    assert document["secrets"] == {"APP_DB_PASSWORD": {"database": "password"}}
    (tmp_path / "compose.yaml").write_text(f"services:\n{services}  other: {{image: 'mysql:8.4'}}\n")
    assert not {"variables", "secrets"} & written(tmp_path, database_service="db").keys()


@pytest.mark.parametrize(
    "command",
    [
        'CMD ["sh", "-c", "python manage.py migrate && gunicorn core.wsgi --bind 0.0.0.0:${APP_PORT:-8000} -w 4"]',
        'CMD ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8000"]',
        "CMD uvicorn app:app --host 0.0.0.0 --port=8000",
        'ENTRYPOINT ["gunicorn"]\nCMD ["--bind", "[::]:8000", "app:app"]',
    ],
)
def test_without_expose_the_command_names_the_port(command: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM python:3.11-slim\n{command}\n")
    assert propose(discover(tmp_path, environ=NOBODY), Choices()).port == 8000
    (tmp_path / "Dockerfile").write_text(f"FROM python:3.11-slim\nEXPOSE 9000\n{command}\n")
    assert propose(discover(tmp_path, environ=NOBODY), Choices()).port == 9000


def test_what_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    """Such as the data folder of a database, which belongs to the user of its container."""
    (tmp_path / "Dockerfile").write_text("FROM debian\nEXPOSE 8000\n")
    (tmp_path / "data").mkdir(mode=0)
    (tmp_path / "settings.py").touch(mode=0)
    command = [*WITHOUT_RIGHTS, sys.executable, "-P", "-m", "beanpod", "init", "--image", "ada/shop"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_url_with_the_password_is_left_to_the_app(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nEXPOSE 8000\n")
    (tmp_path / "app.js").write_text("connect(process.env.DATABASE_URL)")
    text = manifest_text(*look(tmp_path, engine="postgres"))
    assert "# DATABASE_URL: make it of RDS_HOSTNAME, RDS_PORT, RDS_DB_NAME, RDS_USERNAME, RDS_PASSWORD where" in text
    assert "variables" not in tomllib.loads(text)


def test_a_compose_files_app_connects_to_rds(tmp_path: Path) -> None:
    django = production_compose(*look(lay_out("django", tmp_path)))
    assert django is not None
    url = "postgres://${RDS_USERNAME}:${RDS_PASSWORD}@${RDS_HOSTNAME}:${RDS_PORT}/${RDS_DB_NAME}"
    assert f'DATABASE_URL: "{url}"' in django
    laravel = production_compose(*look(lay_out("laravel", tmp_path)))
    assert laravel is not None
    lines = [line.strip() for line in laravel.splitlines() if line.startswith("      ")]
    assert lines == [
        'DB_DATABASE: "${RDS_DB_NAME}"',
        'DB_HOST: "${RDS_HOSTNAME}"',
        'DB_PASSWORD: "${RDS_PASSWORD}"',
        'DB_PORT: "${RDS_PORT}"',
        'DB_USERNAME: "${RDS_USERNAME}"',
    ]


def test_a_default_that_names_the_database_is_replaced(tmp_path: Path) -> None:
    root = lay_out("django", tmp_path)
    compose = yaml.safe_load((root / "docker-compose.yml").read_text())
    compose["services"]["web"]["environment"] = ["POSTGRES_HOST=${POSTGRES_HOST:-db}", "MODE=${MODE:-fast}"]
    (root / "docker-compose.yml").write_text(yaml.safe_dump(compose))
    production = yaml.safe_load(production_compose(*look(root)) or "")
    assert production["services"]["web"]["environment"] == {"POSTGRES_HOST": "${RDS_HOSTNAME}"}


def test_only_the_services_of_the_chosen_database_are_connected_to_rds(tmp_path: Path) -> None:
    database = "image: postgres:17\n    environment: {POSTGRES_PASSWORD: dev}"
    app = "build: .\n    environment: {DB_HOST: %s, DB_PASSWORD: dev}"
    services = {"shop": app % "orders", "blog": app % "posts", "orders": database, "posts": database}
    text = "".join(f"  {name}:\n    {keys}\n" for name, keys in services.items())
    (tmp_path / "compose.yaml").write_text(f"services:\n{text}")
    found = discover(tmp_path, environ=NOBODY)
    choices = propose(found, Choices(image="ada/shop", database_service="orders", port=80))
    production = yaml.safe_load(production_compose(found, choices) or "")
    values = {"DB_HOST": "${RDS_HOSTNAME}", "DB_PASSWORD": "${RDS_PASSWORD}"}
    assert production["services"] == {"shop": {"environment": values}}


def test_an_own_file_for_production_stays_the_only_one(tmp_path: Path) -> None:
    root = lay_out("django", tmp_path)
    (root / "docker-compose.prod.yml").write_text("services:\n  web:\n    restart: always\n")
    project = plan(discover(root, environ=NOBODY), Choices(image="ada/shop"), ask=None)
    assert "compose.prod.yaml" not in {file.path for file in project.files}
    assert "Complete docker-compose.prod.yml for Elastic Beanstalk: `beanpod check` says what is missing" in [
        *next_steps(project)
    ]


def test_secrets_of_the_app_are_generated_and_others_are_references(tmp_path: Path) -> None:
    assert written(lay_out("django", tmp_path))["secrets"] == {"SECRET_KEY": {"generate": 64}}
    assert written(lay_out("laravel", tmp_path))["secrets"] == {"APP_KEY": {"ssm": "/laravel/app-key"}}
    assert "secrets" not in written(lay_out("next", tmp_path))
    assert '# STRIPE_SECRET_KEY = { ssm = "/next/stripe-secret-key" }' in manifest_text(*look(tmp_path / "next"))


def test_a_secret_in_the_compose_file_is_generated_in_its_place(tmp_path: Path) -> None:
    compose = (
        "services:\n  web:\n    build: .\n    ports: ['80:80']\n    environment:\n"
        "      JWT_SECRET: change-me\n      SECRET_KEY: ${SECRET_KEY:-dev}\n      STRIPE_SECRET_KEY: sk_x\n"
        "      DB_PASSWORD: pw\n  cache: {image: 'redis:7', environment: {APP_SECRET: pw}}\n"
    )
    write_files(tmp_path, {"Dockerfile": "FROM debian\n", "compose.yaml": compose})
    text = manifest_text(*look(tmp_path))
    assert tomllib.loads(text)["secrets"] == {"JWT_SECRET": {"generate": 64}, "SECRET_KEY": {"generate": 64}}
    assert "\n# STRIPE_SECRET_KEY = { ssm = " in text


def test_what_an_example_file_names_reaches_the_services_of_a_compose_file_as_well(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "Dockerfile": "FROM debian\n",
            "compose.yaml": "services:\n  web: {build: ., ports: ['80:80'], env_file: .env, environment: {MODE: x}}\n",
            ".env.example": "DJANGO_SECRET_KEY=me\nDJANGO_ALLOWED_HOSTS=localhost\nSTRIPE_SECRET_KEY=\nMODE=dev\n",
        },
    )
    text = manifest_text(*look(tmp_path))
    assert tomllib.loads(text)["secrets"] == {"DJANGO_SECRET_KEY": {"generate": 64}}
    assert '# DJANGO_ALLOWED_HOSTS = "localhost"\n' in text
    assert "\n# STRIPE_SECRET_KEY = { ssm = " in text
    assert "MODE" not in text


def test_without_a_database_nothing_replaces_the_compose_files_own(tmp_path: Path) -> None:
    root = lay_out("django", tmp_path)
    found, choices = look(root, engine="none")
    assert (choices.database_service, production_compose(found, choices)) == (None, None)
    assert "database" not in tomllib.loads(manifest_text(found, choices))


def test_a_dockerfile_can_be_deployed_in_place_of_the_compose_file(tmp_path: Path) -> None:
    document = written(lay_out("django", tmp_path), dockerfile="Dockerfile")
    assert document["service"]["dockerfile"] == "Dockerfile"
    assert "compose" not in document["service"]
    assert document["database"] == {"engine": "postgres"}


def test_a_compose_file_that_only_runs_a_database_is_for_development(tmp_path: Path) -> None:
    root = lay_out("express", tmp_path)
    (root / "compose.yaml").write_text("services:\n  db:\n    image: postgres:17\n    ports: ['5432:5432']\n")
    document = written(root)
    assert document["service"]["dockerfile"] == "Dockerfile"
    assert document["database"]["engine"] == "postgres"


@pytest.mark.parametrize(
    ("services", "port"),
    [
        pytest.param("web: {build: ., ports: ['8000:8000']}\nredis: {image: 'redis:7', ports: ['6379:6379']}", 8000),
        pytest.param("web: {build: ., ports: ['8000:8000']}\nui: {image: dpage/pgadmin4, ports: ['5050:80']}", 8000),
        pytest.param("web: {build: ., ports: ['${PORT:-3000}:${PORT:-3000}']}", 3000),
        pytest.param("web: {build: ., ports: ['8000:8000']}\nproxy: {image: nginx, ports: ['80:80']}", 80),
        pytest.param("web: {build: ., ports: ['${PORT}:${PORT}']}\nui: {image: adminer, ports: ['8080:8080']}", None),
        pytest.param("web: {build: .}", 9000, id="no port is published, and the Dockerfile exposes one"),
    ],
)
def test_the_port_is_the_apps_and_no_other_services(services: str, port: int | None, tmp_path: Path) -> None:
    exposed = "EXPOSE 9000\n" if port == 9000 else ""
    (tmp_path / "Dockerfile").write_text(f"FROM python:3.11-slim\n{exposed}")
    (tmp_path / "compose.yaml").write_text("services:\n  " + services.replace("\n", "\n  "))
    assert propose(discover(tmp_path, environ=NOBODY), Choices()).port == port


def test_a_database_with_a_dockerfile_of_its_own_is_replaced_too(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.11-slim\n")
    (tmp_path / "Dockerfile.mysql").write_text("FROM mysql:8.4\nCOPY my.cnf /etc/mysql/conf.d/\n")
    (tmp_path / "my.cnf").write_text("[mysqld]\n")
    (tmp_path / "compose.yaml").write_text(
        "services:\n"
        "  web: {build: ., ports: ['8000:8000']}\n"
        "  store: {build: {context: ., dockerfile: Dockerfile.mysql}, ports: ['3306:3306']}\n"
    )
    found, choices = look(tmp_path)
    assert (choices.engine, choices.version, choices.port) == ("mysql", "8.4", 8000)
    assert choices.database_service == "store"
    (tmp_path / "beanpod.toml").write_text(manifest_text(found, choices))
    stage = Manifest.read(tmp_path / "beanpod.toml", build_files=True).stage()
    assert [spec.name for spec in plan_bundle(stage, tmp_path).specs] == ["web"]


def test_an_app_behind_a_proxy_of_another_file_publishes_port_80(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM node:24-slim\nEXPOSE 3000\n")
    (tmp_path / "compose.yaml").write_text("services:\n  web: {build: ., labels: ['traefik.enable=true']}\n")
    found, choices = look(tmp_path)
    (tmp_path / "beanpod.toml").write_text(manifest_text(found, choices))
    production = production_compose(found, choices) or ""
    assert yaml.safe_load(production) == {"services": {"web": {"ports": ["80:3000"]}}}
    (tmp_path / "compose.prod.yaml").write_text(production)
    stage = Manifest.read(tmp_path / "beanpod.toml", build_files=True).stage()
    assert plan_bundle(stage, tmp_path).web == "web"


def test_a_compose_file_in_a_folder_below_is_deployed(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "docker/docker-compose.yml": (
                "services:\n"
                "  api: {build: {context: ../api}, ports: ['8000:8000'], environment: {DB_HOST: db}}\n"
                "  db: {image: 'postgres:16', environment: {POSTGRES_PASSWORD: secret}}\n"
            ),
            "docker/.env.example": "GREETING=hello\n",
            "tests/docker-compose.yml": "services: {app: {image: busybox}}\n",
            "api/Dockerfile": "FROM python:3.11-slim\nEXPOSE 8000\n",
            "cron/Dockerfile": "FROM python:3.11-slim\n",
        },
    )
    project = plan(discover(tmp_path, environ=NOBODY), Choices(image="ada/shop"), ask=None)
    assert (project.choices.compose, project.choices.port) == ("docker/docker-compose.yml", 8000)
    assert project.found.variables == {"GREETING": "hello"}
    write(tmp_path, project.files)
    assert (tmp_path / "docker/compose.prod.yaml").is_file()
    stage = Manifest.read(tmp_path / "beanpod.toml", build_files=True).stage()
    assert plan_bundle(stage, tmp_path).web == "api"
    (tmp_path / "Dockerfile").write_text("FROM python:3.11-slim\nEXPOSE 9000\n")
    (tmp_path / "beanpod.toml").unlink()
    choices = propose(discover(tmp_path, environ=NOBODY), Choices())
    assert (choices.dockerfile, choices.engine) == ("Dockerfile", "postgres")
    # Named, it is deployed all the same.
    given = Choices(compose="docker/docker-compose.yml")
    assert propose(discover(tmp_path, compose_file=given.compose, environ=NOBODY), given).database_service == "db"


def test_nothing_is_written_beside_a_compose_file_elsewhere(tmp_path: Path) -> None:
    text = "services:\n  web: {build: ., ports: ['80:80'], environment: {DB_HOST: db}}\n  db: {image: 'postgres:17'}\n"
    write_files(tmp_path, {"other/compose.yaml": text, "shop/Dockerfile": "FROM debian\n"})
    given = Choices(image="ada/shop", compose="../other/compose.yaml")
    project = plan(discover(tmp_path / "shop", compose_file=given.compose, environ=NOBODY), given, ask=None)
    assert not [file.path for file in project.files if "other" in file.path]


def test_what_is_built_for_development_is_built_for_production(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "compose.yaml": (
                "services:\n"
                "  api: {build: {context: api, dockerfile: Dockerfile.dev}, ports: ['80:80'], command: npm run dev}\n"
                "  client: {build: {context: ., target: development}, command: serve}\n"
                "  worker: {build: {context: ., dockerfile: worker/local.Dockerfile}}\n"
                "  cache: {build: {context: ., target: prod}}\n"
            ),
            "api/Dockerfile.dev": "FROM node:24\n",
            "api/Dockerfile": "FROM node:24-slim\n",
            "Dockerfile": "FROM node:24 AS development\nFROM node:24-slim\n",
            "worker/local.Dockerfile": "FROM node:24\n",
        },
    )
    found, choices = look(tmp_path)
    (tmp_path / "beanpod.toml").write_text(manifest_text(found, choices))
    stage = Manifest.read(tmp_path / "beanpod.toml", build_files=True).stage()
    (tmp_path / "Dockerfile").write_text("FROM node:24 AS development\nFROM node:24-slim AS prod\n")
    by_name = "is for development by its name: write build:"
    assert [note for note in plan_bundle(stage, tmp_path).notes if by_name in note] == [
        f"service api, build.dockerfile: Dockerfile.dev {by_name} {{dockerfile: Dockerfile}} in compose.prod.yaml",
        f"service client, build.target: development {by_name} {{target: prod}} in compose.prod.yaml",
    ]
    (tmp_path / "compose.prod.yaml").write_text(production_compose(found, choices) or "")
    deployed = plan_bundle(stage, tmp_path)
    assert {spec.name: (spec.dockerfile.name, spec.target) for spec in deployed.specs} == {
        "api": ("Dockerfile", None),
        "client": ("Dockerfile", "prod"),
        "worker": ("local.Dockerfile", None),
        "cache": ("Dockerfile", "prod"),
    }
    assert not [note for note in deployed.notes if by_name in note]
    images = dict.fromkeys((spec.name for spec in deployed.specs), IMAGE)
    services = composed(deployed.bundle(images, application="shop", login_hooks=False))["services"]
    assert {name: service.get("command") for name, service in services.items()} == {
        "api": None,
        "client": "serve",
        "worker": None,
        "cache": None,
    }


def test_a_databases_dockerfile_is_not_the_apps(tmp_path: Path) -> None:
    for folder, base in (("api", "python:3.11-slim"), ("database", "postgres:17")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Dockerfile").write_text(f"FROM {base}\n")
    assert propose(discover(tmp_path, environ=NOBODY), Choices()).dockerfile == "api/Dockerfile"


def test_a_dockerfile_for_development_is_not_deployed_while_there_is_another(tmp_path: Path) -> None:
    for folder in ("docker/development", "docker/production"):
        write_files(tmp_path, {f"{folder}/Dockerfile": "FROM python:3.11-slim\n"})
    assert propose(discover(tmp_path, environ=NOBODY), Choices()).dockerfile == "docker/production/Dockerfile"


def test_a_compose_file_without_the_app_is_for_development(tmp_path: Path) -> None:
    services = "redis: {image: 'redis:7', ports: ['6379:6379']}\n  ui: {image: kibana, ports: ['5601:5601']}\n"
    (tmp_path / "compose.yaml").write_text(f"services:\n  {services}")
    with pytest.raises(UsageError, match=r"no Dockerfile in .*, and compose\.yaml does not run the app: write one"):
        plan(discover(tmp_path, environ=NOBODY), Choices(image="ada/shop"), ask=None)


def test_a_compose_file_that_compose_refuses_is_named(tmp_path: Path) -> None:
    root = lay_out("django", tmp_path)
    (root / "docker-compose.yml").write_text("services:\n  web:\n    imag: x\n")
    found = discover(root, environ=NOBODY)
    assert found.compose is None
    assert found.compose_error.startswith("docker-compose.yml: ")
    assert "imag" in found.compose_error


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/ada/My_Shop.git",
        "https://token@github.com/ada/My_Shop",
        "git@github.com:ada/My_Shop.git",
        "ssh://git@github.com/ada/My_Shop.git",
    ],
)
def test_the_repository_names_the_service(remote: str, tmp_path: Path) -> None:
    make_repository(tmp_path, remote, branch="trunk")
    found = discover(tmp_path, environ=NOBODY)
    assert (found.repository, found.branch) == ("ada/My_Shop", "trunk")
    assert propose(found, Choices()).name == "my-shop"


def test_a_folder_of_a_repository_names_the_service_and_its_manifest(tmp_path: Path) -> None:
    make_repository(tmp_path, "git@github.com:ada/mono.git")
    (tmp_path / "services").mkdir()
    found, choices = look(lay_out("flask", tmp_path / "services"))
    project = plan(found, choices, ask=None)
    assert (choices.name, found.repository) == ("flask", "ada/mono")
    deploy, check, dependabot = (
        yaml.safe_load(next(file.text for file in project.files if file.path == f".github/{path}"))
        for path in ("workflows/deploy.yaml", "workflows/check.yaml", "dependabot.yml")
    )
    assert deploy["jobs"]["dev"]["steps"][1]["with"]["manifest"] == "services/flask/beanpod.toml"
    places = {name: job.get("defaults") for name, job in check["jobs"].items()}
    inside = {"run": {"working-directory": "services/flask"}}
    assert places == {"test": inside, "diff": inside, "comment": None}
    install, compare = (step["run"] for step in check["jobs"]["diff"]["steps"][-2:])
    assert "for side in . ../../build/base/services/flask; do" in install
    assert "--against ../../build/base/services/flask --output lines > ../../build/difference.md" in compare
    assert [update["directory"] for update in dependabot["updates"]] == ["/", "/services/flask"]
    # Another service of the repository has workflows of its own, which neither cancels nor replaces these.
    groups = [deploy["jobs"]["dev"]["concurrency"]["group"], deploy["jobs"]["prod"]["concurrency"]["group"]]
    assert groups == ["deploy-flask-dev", "deploy-flask-prod"]
    assert check["concurrency"]["group"] == "check-flask-${{ github.event.pull_request.number }}"
    assert (deploy["name"], check["name"]) == ("Deploy flask", "Check flask")
    assert any("Move .github to the root of the repository" in step for step in next_steps(project))


def test_a_folder_of_a_repository_may_be_named_in_any_encoding(tmp_path: Path) -> None:
    make_repository(tmp_path, "git@github.com:ada/mono.git")
    root = lay_out("flask", tmp_path).rename(tmp_path / os.fsdecode("café".encode("latin-1")))
    found = discover(root, environ=NOBODY)
    assert (found.repository, found.prefix) == ("ada/mono", "caf\ufffd/")


def test_a_compose_file_without_docker_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay_out("django", tmp_path)
    (root / "compose.yaml").write_text("services: {web: {build: .}}\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = discover(root, environ=NOBODY)
    assert found.compose_error.startswith("compose.yaml: docker compose is missing: install Docker Compose ")


def test_an_image_for_arm64_gets_such_instances_in_every_stage(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM --platform=linux/arm64 node:24\nEXPOSE 3000\n")
    (tmp_path / "beanpod.toml").write_text(manifest_text(*look(tmp_path)))
    manifest = Manifest.read(tmp_path / "beanpod.toml")
    types = {name: manifest.stage(name).environment.instance_types for name in manifest.stages}
    assert types == {"dev": ("t4g.micro",), "prod": ("t4g.small",)}


def test_a_remote_elsewhere_is_no_repository_on_github(tmp_path: Path) -> None:
    make_repository(tmp_path, "https://gitlab.com/ada/shop.git")
    assert discover(tmp_path, environ=NOBODY).repository is None


@pytest.mark.parametrize(
    ("folder", "name"),
    [("My Shop", "my-shop"), ("42", "app"), ("9lives", "lives"), ("a" * 40, "a" * 24), ("상점", "app")],
)
def test_a_folder_makes_a_valid_service_name(folder: str, name: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    assert propose(discover(tmp_path / folder, environ=NOBODY), Choices()).name == name


def test_dockers_login_begins_the_image(tmp_path: Path) -> None:
    auth = base64.b64encode(b"ada:secret").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": auth}}}))
    root = lay_out("go", tmp_path)
    found = discover(root, environ={"DOCKER_CONFIG": str(tmp_path)})
    assert propose(found, Choices()).image == "ada/go"


def test_dockers_login_may_be_in_a_credential_helper(tmp_path: Path) -> None:
    helper = tmp_path / "docker-credential-vault"
    helper.write_text('#!/bin/sh\necho \'{"https://index.docker.io/v1/":"ada"}\'\n')
    helper.chmod(0o755)
    config = {"auths": {"https://index.docker.io/v1/": {}}, "credsStore": "vault"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    environ = {"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert discover(tmp_path, environ=environ).docker_user == "ada"


@pytest.mark.parametrize(
    ("image", "hub"), [("ada/shop", True), ("ghcr.io/ada/shop", False), ("registry:5000/shop", False)]
)
def test_the_manifest_says_which_image_is_on_docker_hub(tmp_path: Path, image: str, *, hub: bool) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nEXPOSE 80\n")
    found = discover(tmp_path, environ=NOBODY)
    assert ("on Docker Hub" in manifest_text(found, propose(found, Choices(image=image)))) == hub


def test_a_port_that_is_none_is_asked_for_again(tmp_path: Path) -> None:
    """Of a compose file without ports, anything may be answered."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "compose.yaml").write_text("services: {web: {build: .}}\n")
    found = discover(tmp_path, environ=NOBODY)
    (question,) = missing(found, propose(found, Choices(image="ada/shop")))
    answers = ("", "web", "80:8000", "0", "65536", "8000")
    assert [answer for answer in answers if question.problem(answer) is None] == ["8000"]


def test_init_asks_only_what_the_files_do_not_show(tmp_path: Path) -> None:
    found = discover(lay_out("react-and-api", tmp_path), environ=NOBODY)
    questions = list(missing(found, propose(found, Choices())))
    assert [question.option for question in questions] == ["--image"]
    compose = (tmp_path / "react-and-api/compose.yaml").read_text().replace("3000:80", "3000:3000")
    (tmp_path / "react-and-api/compose.yaml").write_text(compose)
    found = discover(tmp_path / "react-and-api", environ=NOBODY)
    (question,) = missing(found, propose(found, Choices(image="ada/shop")))
    assert (question.option, question.choices) == ("--port", ("4000", "3000"))
    monorepo = lay_out("react-and-api", tmp_path / "two")
    (monorepo / "compose.yaml").unlink()
    found = discover(monorepo, environ=NOBODY)
    (question,) = missing(found, propose(found, Choices(image="ada/shop")))
    assert question.choices == ("api/Dockerfile", "frontend/Dockerfile")


@pytest.mark.parametrize("name", [name for name in APPS if name != "react-and-api"])
def test_an_app_without_a_dockerfile_is_shown_one(name: str, tmp_path: Path) -> None:
    root = lay_out(name, tmp_path)
    for file in ("Dockerfile", "docker-compose.yml"):
        (root / file).unlink(missing_ok=True)
    found = discover(root, environ=NOBODY)
    assert found.framework is not None
    text = dockerfile_for(found.framework, root)
    assert text.startswith("FROM ")
    assert "EXPOSE" in text


@pytest.mark.parametrize(
    ("file", "text", "language"),
    [("Gemfile", "gem 'sinatra'\n", "Ruby"), ("composer.json", "{}", "PHP"), ("shop.csproj", "<Project/>", ".NET")],
)
def test_a_language_without_a_known_framework_is_enough(file: str, text: str, language: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text)
    framework = discover(tmp_path, environ=NOBODY).framework
    assert framework is not None
    assert framework.language == language
    assert "APP" not in dockerfile_for(framework, tmp_path)


def test_quotes_in_a_path_are_escaped(tmp_path: Path) -> None:
    (tmp_path / 'the "shop"').mkdir()
    (tmp_path / 'the "shop"/Dockerfile').write_text("FROM busybox:stable\n")
    assert written(tmp_path)["service"]["dockerfile"] == 'the "shop"/Dockerfile'


def test_an_odd_branch_is_not_written_into_the_workflow(tmp_path: Path) -> None:
    make_repository(tmp_path, "git@github.com:ada/shop.git", branch="it's-${{x}},#1")
    assert discover(tmp_path, environ=NOBODY).branch is None


@pytest.mark.parametrize("manifest", ["service = 3", "[service]\nname = 3\ncompose = ['a']\nport = true", "[service"])
def test_a_wrong_manifest_says_nothing(manifest: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nEXPOSE 8000\n")
    (tmp_path / "beanpod.toml").write_text(manifest)
    _, choices = look(tmp_path, name="shop")
    assert (choices.name, choices.port, choices.compose) == ("shop", 8000, None)
