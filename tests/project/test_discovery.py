"""What `beanpod init` finds in the folders of real apps."""

import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from aws_cdk import App

from beanpod.deploy.bundles import plan_bundle
from beanpod.deploy.errors import UsageError
from beanpod.manifest import Manifest
from beanpod.project.choices import Choices, Question, missing, propose
from beanpod.project.discovery import discover
from beanpod.project.dockerfiles import dockerfile_for
from beanpod.project.files import write
from beanpod.project.init import next_steps, plan
from beanpod.project.manifest_text import production_compose
from stacks import add_stage
from tests.deploy.bundles.projects import write as write_files
from tests.project.apps import APPS, NOBODY, lay_out, look, proposed, write_manifest
from tests.unprivileged import WITHOUT_RIGHTS


def make_repository(folder: Path, remote: str, *, branch: str = "main") -> None:
    subprocess.run(["git", "init", "--quiet", "--initial-branch", branch, str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "remote", "add", "origin", remote], check=True)


@pytest.mark.parametrize("name", APPS)
def test_every_app_gets_a_project_that_can_be_deployed(name: str, tmp_path: Path) -> None:
    root = lay_out(name, tmp_path)
    production, manifest = production_compose(*look(root)), write_manifest(root)
    if production:
        (root / "compose.prod.yaml").write_text(production)
    assert manifest.stages == ("dev", "prod")
    for stage in manifest.stages:
        assert plan_bundle(manifest.stage(stage), root).preview().files
        app = App()
        add_stage(app, manifest, stage)
        app.synth()


DJANGO = Choices(compose="docker-compose.yml", port=8000, engine="postgres", version="16", compose_service="db")
LARAVEL: dict[str, Any] = {"compose": "docker-compose.yml", "port": 80, "health_check_path": "/up"}
REACT = Choices(compose="compose.yaml", port=80, engine="mariadb", version="11.8", compose_service="db")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("express", Choices(dockerfile="Dockerfile", port=3000)),
        ("next", Choices(dockerfile="Dockerfile", port=3000, health_check_path="/api/health", engine="postgres")),
        ("django", DJANGO),
        ("flask", Choices(dockerfile="Dockerfile", port=5000, engine="mysql")),
        ("fastapi", Choices(dockerfile="Dockerfile", port=80, health_check_path="/healthz")),
        ("spring", Choices(dockerfile="Dockerfile", port=8080, health_check_path="/actuator/health", engine="mysql")),
        ("laravel", Choices(**LARAVEL, engine="mysql", version="8.0", compose_service="mysql")),
        ("rails", Choices(dockerfile="Dockerfile", port=80, health_check_path="/up", engine="postgres")),
        ("go", Choices(dockerfile="Dockerfile", port=8080)),
        ("react-and-api", REACT),
    ],
)
def test_discovery_reads_the_files(name: str, expected: Choices, tmp_path: Path) -> None:
    _, choices = look(lay_out(name, tmp_path))
    assert choices == replace(expected, name=name, image="ada/shop")


@pytest.mark.parametrize(
    ("file", "text", "engine"),
    [
        ("Gemfile", "gem 'sinatra'\ngem 'pg', '~> 1.5'\n", "postgres"),
        ("Gemfile", "gem 'sinatra'\ngem 'pgvector'\n", None),
        ("Gemfile", "gem 'mysql2'\n# gem 'pg'\n", "mysql"),
        ("composer.json", '{"require": {"slim/slim": "4", "ext-pdo_mysql": "*"}}', "mysql"),
        ("Shop.csproj", '<PackageReference Include="Npgsql.EntityFrameworkCore.PostgreSQL" />', "postgres"),
        ("Shop.csproj", '<PackageReference Include="Pomelo.EntityFrameworkCore.MySql" />', "mysql"),
        ("mix.exs", '{:phoenix_ecto, "~> 4.5"},\n{:postgrex, ">= 0.0.0"},\n', "postgres"),
        ("Cargo.toml", 'sqlx = { version = "0.8", features = ["runtime-tokio", "mysql"] }', "mysql"),
        ("Cargo.toml", 'mysql = ["diesel/mysql"]\npostgresql = ["diesel/postgres"]', None),
    ],
)
def test_a_driver_shows_the_database_of_an_app_without_a_known_framework(
    file: str, text: str, engine: str | None, tmp_path: Path
) -> None:
    write_files(tmp_path, {"Dockerfile": "FROM debian\nEXPOSE 80\n", file: text})
    assert proposed(tmp_path).engine == engine


FLASK = {"requirements.txt": "flask\nPyMySQL\n", "app.py": '@app.get("/healthz")\nos.environ["DB_HOST"]'}


@pytest.mark.parametrize(
    ("dockerfile", "copy", "context"),
    [
        ("docker/Dockerfile", "COPY requirements.txt .", "."),
        ("docker/web/Dockerfile", "COPY . .", "."),
        ("packaging/docker/Dockerfile", "COPY . .", "."),
        ("apps/docker/Dockerfile", "COPY web/app.py .", "apps"),
        # A folder with an app, or with a page, of its own.
        ("Dockerfile", "COPY . .", None),
        ("site/Dockerfile", "COPY . .", None),
        ("docker/Dockerfile", "COPY nginx.conf .", None),
    ],
)
def test_a_dockerfile_beside_the_app_is_built_from_the_apps_folder(
    dockerfile: str, copy: str, context: str | None, tmp_path: Path
) -> None:
    more = {"docker/nginx.conf": "", "apps/web/app.py": ""}
    write_files(tmp_path, {**FLASK, **more, dockerfile: f"FROM python\n{copy}\nEXPOSE 80\n"})
    manifest = write_manifest(tmp_path)
    assert manifest.stage().service.context == context
    assert plan_bundle(manifest.stage(), tmp_path).preview().files
    variables = manifest.stage().variables
    assert (manifest.stage().service.health_check_path, "DB_HOST" in variables) == (
        ("/healthz", True) if context == "." or dockerfile == "Dockerfile" else ("/", False)
    )


@pytest.mark.parametrize(
    ("cdk_json", "named"), [('{"app": "npx infra"}', True), ('{"app": "python app.py"}', False), ("[]", False)]
)
def test_a_cdk_json_of_another_app_is_named(cdk_json: str, named: bool, tmp_path: Path) -> None:
    write_files(tmp_path, {"Dockerfile": "FROM debian\nEXPOSE 80\n", "cdk.json": cdk_json})
    project = plan(discover(tmp_path, environ=NOBODY), Choices(image="ada/shop"), ask=None)
    assert any("runs another CDK app, `npx infra`" in step for step in next_steps(project)) == named


@pytest.mark.parametrize(
    ("name", "settings", "path"),
    [
        ("properties", "server.port=8080\n", "/actuator/health"),
        ("properties", "server.servlet.context-path=/api\n", None),
        ("properties", "management.endpoints.web.base-path=/manage\n", None),
        ("properties", "management.server.port=9090\n", None),
        ("yml", "server:\n  servlet:\n    contextPath: /api\n", None),
        ("yml", "management:\n  endpoint:\n    health: {}\n\n  server:\n    port: 9090\n", None),
        ("yml", "management:\n  endpoint:\n    health: {}\nserver:\n  port: 8080\n", "/actuator/health"),
    ],
)
def test_springs_health_path_is_left_out_where_its_settings_move_it(
    name: str, settings: str, path: str | None, tmp_path: Path
) -> None:
    root = lay_out("spring", tmp_path)
    (root / f"src/main/resources/application.{name}").write_text(settings)
    assert proposed(root).health_check_path == path


def test_other_stacks_are_named(tmp_path: Path) -> None:
    write_files(tmp_path, {"Dockerfile": "FROM debian\nEXPOSE 80\n", "stacks/__init__.py": "LIFO = 1\n"})
    project = plan(discover(tmp_path, environ=NOBODY), Choices(image="ada/shop"), ask=None)
    assert any(step.startswith("stacks/__init__.py has no add_stage, which ") for step in next_steps(project))
    (tmp_path / "stacks/__init__.py").unlink()
    project = plan(discover(tmp_path, environ=NOBODY), Choices(image="ada/shop"), ask=None)
    assert not any("add_stage" in step for step in next_steps(project))


def test_the_app_of_the_dockerfile_that_is_asked_for_is_found(tmp_path: Path) -> None:
    admin = {"package.json": '{"dependencies": {"express": "5", "pg": "8"}}', "Dockerfile": "FROM node\nEXPOSE 3000\n"}
    write_files(tmp_path / "admin", admin)
    write_files(tmp_path / "shop", {**FLASK, "Dockerfile.prod": "FROM python\nEXPOSE 80\n"})
    found, choices = look(tmp_path, dockerfile="shop/Dockerfile.prod")
    assert found.framework
    assert found.framework.name == "Flask"
    assert (choices.port, choices.engine, choices.health_check_path) == (80, "mysql", "/healthz")
    assert found.variables_read == ("DB_HOST",)


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
    assert proposed(tmp_path).port == 8000
    (tmp_path / "Dockerfile").write_text(f"FROM python:3.11-slim\nEXPOSE 9000\n{command}\n")
    assert proposed(tmp_path).port == 9000


@pytest.mark.parametrize(
    ("exposed", "ports"), [("80 443", (80,)), ("22 3000", (3000,)), ("443", (443,)), ("80 8080", (80, 8080))]
)
def test_exposed_ports_of_other_protocols_are_not_asked_about(
    exposed: str, ports: tuple[int, ...], tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM debian\nEXPOSE {exposed}\n")
    assert discover(tmp_path, environ=NOBODY).dockerfiles[0].ports == ports


def test_what_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    """Such as the data folder of a database, which belongs to the user of its container."""
    (tmp_path / "Dockerfile").write_text("FROM debian\nEXPOSE 8000\n")
    (tmp_path / "data").mkdir(mode=0)
    (tmp_path / "settings.py").touch(mode=0)
    command = [*WITHOUT_RIGHTS, sys.executable, "-P", "-m", "beanpod", "init", "--image", "ada/shop"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("services", "port"),
    [
        pytest.param("web: {build: ., ports: ['8000:8000']}\nredis: {image: 'redis:7', ports: ['6379:6379']}", 8000),
        pytest.param("web: {build: ., ports: ['8000:8000']}\nui: {image: dpage/pgadmin4, ports: ['5050:80']}", 8000),
        pytest.param("web: {build: ., ports: ['${PORT:-3000}:${PORT:-3000}']}", 3000),
        pytest.param("web: {build: ., ports: ['8000:8000']}\nproxy: {image: nginx, ports: ['80:80']}", 80),
        pytest.param("web: {build: ., ports: ['${PORT}:${PORT}']}\nui: {image: adminer, ports: ['8080:8080']}", None),
        pytest.param("web: {build: ., ports: ['3000:3000', '443:443']}\nsql: {image: sql, ports: ['1433:1433']}", 3000),
        pytest.param("web: {build: .}", 9000, id="no port is published, and the Dockerfile exposes one"),
    ],
)
def test_the_port_is_the_apps_and_no_other_services(services: str, port: int | None, tmp_path: Path) -> None:
    exposed = "EXPOSE 9000\n" if port == 9000 else ""
    (tmp_path / "Dockerfile").write_text(f"FROM python:3.11-slim\n{exposed}")
    (tmp_path / "compose.yaml").write_text("services:\n  " + services.replace("\n", "\n  "))
    assert proposed(tmp_path).port == port


CURL = "healthcheck: {test: [CMD, curl, -f, 'http://localhost:8000/healthz']}"


@pytest.mark.parametrize(
    ("files", "health_path"),
    [
        pytest.param({"app.py": '@app.route("/health")\n'}, "/health", id="flask"),
        pytest.param({"main.py": "@app.get('/api/healthz', tags=['ops'])\n"}, "/api/healthz", id="fastapi"),
        pytest.param({"src/app.ts": "app.get('/health-check', (req, res) => {\n"}, "/health-check", id="express"),
        pytest.param({"main.go": 'mux.HandleFunc("GET /livez", live)\n'}, "/livez", id="go"),
        pytest.param({"app.rb": "get '/' do\nend\nget('/health_check') { 'ok' }\n"}, "/health_check", id="sinatra"),
        pytest.param({"config/routes.rb": "  get '/healthz', to: 'health#show'\n"}, "/healthz", id="rails"),
        pytest.param({"spec/a.rb": "get '/health'\nexpect(ok)\n"}, None, id="a request of a test"),
        pytest.param({"Program.cs": 'app.MapHealthChecks("/health");\n'}, "/health", id="dotnet"),
        pytest.param({"src/app/api/health/route.ts": ""}, "/api/health", id="nextjs"),
        pytest.param({"shop/wsgi.py": "", "shop/urls.py": "    path('health/', ok),\n"}, "/health/", id="django"),
        # What is mounted below another path, a client, a test.
        pytest.param({"blog/urls.py": "    path('health/', ok),\n"}, None, id="urls of an app in a project"),
        pytest.param({"routes.js": "router.get('/health', ok)\n"}, None, id="router"),
        pytest.param({"api.js": "client.get('/health')\n", "tests/a.py": "@app.get('/health')"}, None, id="client"),
        pytest.param({"a.js": "// app.get('/health', ok)\n", "b.py": "# @app.get('/health')"}, None, id="comment"),
        pytest.param({"b.js": " *   app.get('/live')\napp.get('/healthz')\n"}, "/healthz", id="behind a comment"),
        pytest.param(
            dict.fromkeys(("__tests__/a.js", "mocks/b.js", "e2e/c.js", "a.test.js", "b.spec.js"), "app.get('/health')"),
            None, id="mocks and tests",
        ),
        pytest.param({"main_test.go": 'mux.HandleFunc("/healthz", live)\n'}, None, id="a test of go"),
        pytest.param({"app/_health/route.ts": "", "app/api/health/route.ts": ""}, "/api/health", id="nextjs, private"),
        pytest.param({"server.js": "if (req.url === '/health') {\n"}, "/health", id="no router"),
        pytest.param(
            {"Dockerfile": "FROM debian\nEXPOSE 80\nHEALTHCHECK CMD curl -f http://localhost:2019/metrics || exit 1\n"},
            None, id="at a port of the server's own",
        ),
        pytest.param(
            {"Dockerfile": "FROM debian\nHEALTHCHECK CMD nc -z localhost 80 && curl -f localhost:${PORT:-80}/up\n"},
            "/up", id="without http",
        ),
        pytest.param(
            {"Dockerfile": "FROM debian AS base\nHEALTHCHECK CMD curl localhost/ready\nFROM base\nEXPOSE 80\n"},
            "/ready", id="of a stage that it is based on",
        ),
        pytest.param(
            {"compose.yaml": f"services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    {CURL}"},
            "/healthz", id="of a service of the compose file",
        ),
        pytest.param(
            {"compose.yaml": "services:\n  web:\n    build: web\n    ports: ['8000:8000']\n  db: {image: 'mysql:8.4'}",
             "web/Dockerfile": "FROM python:3.11-slim\nHEALTHCHECK CMD curl -f http://localhost:8000/up\n"},
            "/up", id="of the Dockerfile that a compose file builds",
        ),
        pytest.param(
            {"compose.yaml": f"services:\n  web: {{build: ui, ports: ['80:80']}}\n  api:\n    build: .\n    {CURL}",
             "ui/Dockerfile": "FROM nginx\n", "app.py": '@app.route("/health")\n'},
            None, id="not of the service that users do not reach",
        ),
    ],
)  # fmt: skip
def test_the_health_path_is_that_of_the_apps_health_check(
    files: dict[str, str], health_path: str | None, tmp_path: Path
) -> None:
    write_files(tmp_path, {"Dockerfile": "FROM python:3.11-slim\nEXPOSE 8000\n", **files})
    assert proposed(tmp_path).health_check_path == health_path
    assert write_manifest(tmp_path).stage().service.health_check_path == (health_path or "/")


def test_a_manifest_that_is_there_keeps_its_health_path(tmp_path: Path) -> None:
    write_files(tmp_path, {"Dockerfile": "FROM python:3.11-slim\nEXPOSE 8000\n", "app.py": '@app.get("/health/live")'})
    for written, path in (("", "/health"), ('health_check_path = "/up"\n', "/up")):
        (tmp_path / "beanpod.toml").write_text(f'[service]\nname = "shop"\nimage = "ada/shop"\n{written}')
        assert proposed(tmp_path).health_check_path == path


def test_a_database_with_a_dockerfile_of_its_own_is_replaced_too(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "Dockerfile": "FROM python:3.11-slim\n",
            "Dockerfile.mysql": "FROM mysql:8.4\nCOPY my.cnf /etc/mysql/conf.d/\n",
            "my.cnf": "[mysqld]\n",
            "compose.yaml": "services:\n  web: {build: ., ports: ['8000:8000']}\n"
            "  store: {build: {context: ., dockerfile: Dockerfile.mysql}, ports: ['3306:3306']}\n",
        },
    )
    choices = proposed(tmp_path)
    assert (choices.engine, choices.version, choices.port) == ("mysql", "8.4", 8000)
    assert choices.compose_service == "store"
    stage = write_manifest(tmp_path).stage()
    assert [spec.name for spec in plan_bundle(stage, tmp_path).specs] == ["web"]


def test_a_compose_file_in_a_folder_below_is_deployed(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "docker/docker-compose.yml": (
                "services:\n"
                "  api: {build: {context: ../api}, ports: ['8000:8000'], environment: {DB_HOST: db}}\n"
                "  db: {image: 'postgres:16', environment: {POSTGRES_PASSWORD: secret}}\n"
            ),
            "docker/.env.example": "GREETING=hello # to all\nEMPTY=\nexport QUOTED='a # b'\nSPACE= x y \nNONE= # no\n",
            "tests/docker-compose.yml": "services: {app: {image: busybox}}\n",
            "api/Dockerfile": "FROM python:3.11-slim\nEXPOSE 8000\n",
            "cron/Dockerfile": "FROM python:3.11-slim\n",
        },
    )
    project = plan(discover(tmp_path, environ=NOBODY), Choices(image="ada/shop"), ask=None)
    assert (project.choices.compose, project.choices.port) == ("docker/docker-compose.yml", 8000)
    variables = {"GREETING": "hello", "EMPTY": "", "QUOTED": "a # b", "SPACE": "x y", "NONE": ""}
    assert project.found.variables == variables
    write(tmp_path, project.files)
    assert (tmp_path / "docker/compose.prod.yaml").is_file()
    stage = Manifest.read(tmp_path / "beanpod.toml", build_files=True).stage()
    assert plan_bundle(stage, tmp_path).web == "api"
    (tmp_path / "Dockerfile").write_text("FROM python:3.11-slim\nEXPOSE 9000\n")
    (tmp_path / "beanpod.toml").unlink()
    choices = proposed(tmp_path)
    assert (choices.dockerfile, choices.port, choices.engine) == ("Dockerfile", 9000, "postgres")
    named = {"dockerfile": "api/Dockerfile"}
    (tmp_path / "api/Dockerfile").write_text("FROM python:3.11-slim\n")
    assert (proposed(tmp_path, **named).port, proposed(tmp_path, dockerfile="cron/Dockerfile").port) == (8000, None)
    # Named, it is deployed all the same.
    given = Choices(compose="docker/docker-compose.yml")
    assert propose(discover(tmp_path, compose_file=given.compose, environ=NOBODY), given).compose_service == "db"


def test_a_databases_dockerfile_is_not_the_apps(tmp_path: Path) -> None:
    write_files(tmp_path, {"api/Dockerfile": "FROM python:3.11-slim\n", "database/Dockerfile": "FROM postgres:17\n"})
    assert proposed(tmp_path).dockerfile == "api/Dockerfile"


def test_a_dockerfile_for_development_is_not_deployed_while_there_is_another(tmp_path: Path) -> None:
    files = dict.fromkeys(("docker/development/Dockerfile", "docker/production/Dockerfile"), "FROM python:3.11-slim\n")
    write_files(tmp_path, files)
    assert proposed(tmp_path).dockerfile == "docker/production/Dockerfile"


@pytest.mark.parametrize("image", ["${DB_IMAGE:-postgres:16}", "postgres:${PG:-16}", "postgres:16"])
def test_the_image_of_a_database_may_be_a_variable(image: str, tmp_path: Path) -> None:
    services = f"services:\n  web: {{build: ., ports: ['80:80']}}\n  db: {{image: '{image}'}}\n"
    write_files(tmp_path, {"Dockerfile": "FROM debian\n", "compose.yaml": services})
    choices = proposed(tmp_path)
    assert (choices.engine, choices.version, choices.compose_service) == ("postgres", "16", "db")
    # The version of another engine is none of this.
    choices = proposed(tmp_path, engine="mariadb")
    assert (choices.engine, choices.version, choices.compose_service) == ("mariadb", None, "db")


SAIL = "services:\n  laravel.test: {build: {context: ./vendor/laravel/sail/runtimes/8.4}, ports: ['80:80']}\n"


def test_an_image_of_other_peoples_code_is_not_the_app(tmp_path: Path) -> None:
    write_files(tmp_path, {"docker-compose.yml": SAIL, "artisan": ""})
    with pytest.raises(UsageError, match=r"docker-compose\.yml does not run the app\. To begin with, for Laravel:"):
        plan(discover(tmp_path, environ=NOBODY), Choices(image="ada/shop"), ask=None)
    write_files(tmp_path, {"Dockerfile": "FROM php:8.4-apache\nEXPOSE 80\n"})
    choices = proposed(tmp_path)
    assert (choices.dockerfile, choices.compose) == ("Dockerfile", None)


def test_a_compose_file_without_the_app_is_for_development(tmp_path: Path) -> None:
    services = "redis: {image: 'redis:7', ports: ['6379:6379']}\n  ui: {image: kibana, ports: ['5601:5601']}\n"
    (tmp_path / "compose.yaml").write_text(f"services:\n  {services}")
    with pytest.raises(UsageError, match=r"no Dockerfile in .*, and compose\.yaml does not run the app: write one"):
        plan(discover(tmp_path, environ=NOBODY), Choices(image="ada/shop"), ask=None)


def test_a_file_by_another_name_is_named(tmp_path: Path) -> None:
    others = ["Dockerfile.prod", "Web.Dockerfile", "docker-compose.production.yml"]
    more = ["Dockerfile.prod.dockerignore", "compose.override.yaml"]
    write_files(tmp_path, dict.fromkeys((*others, *more), "FROM debian\n"))
    names = re.escape(", ".join(others))
    with pytest.raises(UsageError, match=rf"compose file in .*\. There is {names}: give one as --dockerfile or --com"):
        plan(discover(tmp_path, environ=NOBODY), Choices(image="ada/shop"), ask=None)


def test_a_compose_file_that_compose_refuses_is_named(tmp_path: Path) -> None:
    root = lay_out("django", tmp_path)
    (root / "docker-compose.yml").write_text("services:\n  web:\n    imag: x\n")
    found = discover(root, environ=NOBODY)
    assert found.compose is None
    assert found.compose_error.count("docker-compose.yml: ") == 1
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
    environments = {name: job["environment"]["name"] for name, job in deploy["jobs"].items()}
    assert environments == {"dev": "flask-dev", "prod": "flask-prod"}
    assert '# environment = "flask-dev"' in next(it.text for it in project.files if it.path == "beanpod.toml")
    assert any("as in `beanpod secrets --env flask-dev`" in step for step in next_steps(project))
    assert check["jobs"]["comment"]["steps"][0]["env"]["MARKER"] == "<!-- beanpod flask -->"
    write(project.found.root, project.files)
    # Of another service.
    write_files(tmp_path, {".github/dependabot.yml": "version: 2\n", ".github/workflows/deploy.yaml": "on: push\n"})
    (move,) = (step.split("`")[1] for step in next_steps(project) if "where GitHub reads" in step)
    subprocess.run(["sh", "-c", move], cwd=project.found.root, check=False)
    assert (tmp_path / ".github/workflows/check.yaml").is_file()
    left = [path.name for path in (project.found.root / ".github").rglob("*.*")]
    assert sorted(left) == ["dependabot.yml", "deploy.yaml"]
    (project.found.root / ".github/workflows/deploy.yaml").rename(tmp_path / ".github/workflows/deploy-flask.yaml")
    (project.found.root / ".github/dependabot.yml").unlink()
    again = plan(*look(project.found.root), ask=None)
    assert not any(file.path.startswith(".github") for file in again.files)
    assert not any(".github" in step for step in next_steps(again))


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


@pytest.mark.parametrize(
    ("remote", "host"),
    [
        ("https://gitlab.com/ada/shop.git", "GitLab"),
        ("ssh://git@gitlab.example.com:2222/ada/shop.git", "GitLab"),
        ("git@bitbucket.org:ada/shop.git", "Bitbucket"),
        ("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop", "AWS CodeCommit"),
        ("codecommit::eu-west-1://work@shop", "AWS CodeCommit"),
        ("git@ssh.dev.azure.com:v3/ada/shop/shop", "Azure DevOps"),
    ],
)
def test_no_workflows_of_github_are_written_for_another_host(remote: str, host: str, tmp_path: Path) -> None:
    make_repository(tmp_path, remote)
    found, choices = look(lay_out("flask", tmp_path))
    assert (found.repository, found.other_host) == (None, host)
    project = plan(found, choices, ask=None)
    assert not any(file.path.startswith(".github") or "GitHub" in file.text for file in project.files)
    assert any(step.startswith(f"Write a pipeline for {host} ") for step in next_steps(project))


@pytest.mark.parametrize("remote", ["git@github.example.com:ada/gitlab.git", "/home/ada/gitlab/shop.git", "../shop"])
def test_workflows_of_github_are_written_where_the_host_is_not_known_to_be_another(remote: str, tmp_path: Path) -> None:
    make_repository(tmp_path, remote)
    found, choices = look(lay_out("flask", tmp_path))
    assert (found.repository, found.other_host) == (None, None)
    files = [file.path for file in plan(found, choices, ask=None).files]
    assert ".github/workflows/deploy.yaml" in files


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("My Shop", "my-shop"),
        ("42", "app"),
        ("9lives", "lives"),
        ("a" * 40, "a" * 24),
        ("nestjs-realworld-example-application", "nestjs-realworld-example"),
        ("spring-petclinic-microservices", "spring-petclinic"),
        ("my-" + "a" * 40, "my-" + "a" * 21),
        ("상점", "app"),
    ],
)
def test_a_folder_makes_a_valid_service_name(folder: str, name: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    assert proposed(tmp_path / folder).name == name


@pytest.mark.parametrize(("user", "image"), [("ada", "ada/go"), ("Ada", "ada/go"), ("ada@example.org", None)])
def test_dockers_login_begins_the_image(user: str, image: str | None, tmp_path: Path) -> None:
    auth = base64.b64encode(f"{user}:secret".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": auth}}}))
    root = lay_out("go", tmp_path)
    found = discover(root, environ={"DOCKER_CONFIG": str(tmp_path)})
    assert propose(found, Choices()).image == image


@pytest.mark.parametrize(
    ("script", "user"),
    [('echo \'{"https://index.docker.io/v1/":"ada"}\'', "ada"), ("exec sleep 100", None)],
    ids=["answers", "waits"],
)
def test_dockers_login_may_be_in_a_credential_helper(script: str, user: str | None, tmp_path: Path) -> None:
    helper = tmp_path / "docker-credential-vault"
    helper.write_text(f"#!/bin/sh\n{script}\n")
    helper.chmod(0o755)
    config = {"auths": {"https://index.docker.io/v1/": {}}, "credsStore": "vault"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    environ = {"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert discover(tmp_path, environ=environ).docker_user == user


def questions(root: Path, **given: Any) -> list[Question]:
    found = discover(root, environ=NOBODY)
    return list(missing(found, propose(found, Choices(**given))))


@pytest.mark.parametrize("services", ["{web: {build: .}}", "{web: {build: .}, a: {build: a, ports: ['1:1', '2:2']}}"])
def test_a_port_that_is_none_is_asked_for_again(services: str, tmp_path: Path) -> None:
    """Users may reach another one than the compose file publishes, as that of `ports: ["${PORT}:${PORT}"]`."""
    write_files(tmp_path, {"Dockerfile": "FROM scratch\n", "compose.yaml": f"services: {services}\n"})
    (question,) = questions(tmp_path, image="ada/shop")
    answers = ("", "web", "80:8000", "0", "65536", "8000")
    assert [answer for answer in answers if question.problem(answer) is None] == ["8000"]


def test_init_asks_only_what_the_files_do_not_show(tmp_path: Path) -> None:
    root = lay_out("react-and-api", tmp_path)
    assert [question.option for question in questions(root)] == ["--image"]
    compose = root / "compose.yaml"
    compose.write_text(compose.read_text().replace("3000:80", "3000:3000"))
    (question,) = questions(root, image="ada/shop")
    assert (question.option, question.choices) == ("--port", ("4000", "3000"))
    compose.unlink()
    (question,) = questions(root, image="ada/shop")
    assert question.choices == ("api/Dockerfile", "frontend/Dockerfile")


@pytest.mark.parametrize(
    ("file", "text", "language"),
    [
        ("Gemfile", "gem 'sinatra'\n", "Ruby"),
        ("composer.json", "{}", "PHP"),
        ("shop.csproj", "<Project/>", ".NET"),
        ("mix.exs", "", "Elixir"),
        ("Cargo.toml", "", "Rust"),
    ],
)
def test_a_language_without_a_known_framework_is_enough(file: str, text: str, language: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text)
    framework = discover(tmp_path, environ=NOBODY).framework
    assert framework is not None
    assert framework.language == language
    assert "APP" not in dockerfile_for(framework, tmp_path)


@pytest.mark.parametrize("branch", ["8.0", "main-2", "trunk"])
def test_the_workflow_has_the_branch_as_text(branch: str, tmp_path: Path) -> None:
    make_repository(tmp_path, "git@github.com:ada/shop.git", branch=branch)
    texts = {file.path: file.text for file in plan(*look(lay_out("go", tmp_path)), ask=None).files}
    assert yaml.safe_load(texts[".github/workflows/deploy.yaml"])[True]["push"]["branches"] == [branch]


def test_the_remotes_main_is_deployed_where_another_branch_is_checked_out(tmp_path: Path) -> None:
    make_repository(tmp_path, "git@github.com:ada/shop.git")
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    commands = ((*author, "commit", "--quiet", "--allow-empty", "-m", "Begin"), ("switch", "-qc", "add-beanpod"))
    for command in (*commands, ("update-ref", "refs/remotes/origin/main", "main")):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    assert discover(tmp_path, environ=NOBODY).branch == "main"


def test_a_path_that_a_manifest_cannot_have_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode("café".encode("latin-1"))
    write_files(folder, {"Dockerfile": "FROM debian\nEXPOSE 80\n"})
    with pytest.raises(UsageError, match=r"caf\\udce9/Dockerfile: a name that is not UTF-8: rename it"):
        plan(discover(tmp_path, environ=NOBODY), Choices(image="ada/shop"), ask=None)


def test_an_odd_branch_is_not_written_into_the_workflow(tmp_path: Path) -> None:
    make_repository(tmp_path, "git@github.com:ada/shop.git", branch="it's-${{x}},#1")
    assert discover(tmp_path, environ=NOBODY).branch is None


@pytest.mark.parametrize("manifest", ["service = 3", "[service]\nname = 3\ncompose = ['a']\nport = true", "[service"])
def test_a_wrong_manifest_says_nothing(manifest: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nEXPOSE 8000\n")
    (tmp_path / "beanpod.toml").write_text(manifest)
    _, choices = look(tmp_path, name="shop")
    assert (choices.name, choices.port, choices.compose) == ("shop", 8000, None)


def test_the_projects_own_requirements_are_not_the_apps(tmp_path: Path) -> None:
    write_files(tmp_path, {"Dockerfile": "FROM node\n", "package.json": '{"dependencies": {"next": "15"}}'})
    for _ in range(2):
        found = discover(tmp_path, environ=NOBODY)
        assert found.framework is not None
        assert found.framework.name == "Next.js"
        write(tmp_path, plan(found, Choices(image="ada/shop"), ask=None).files)
