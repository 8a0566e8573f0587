"""The development database that RDS replaces: where other services refer to it, and what to write instead."""

import json
import re
from pathlib import Path

import pytest

from beanpod.deploy.bundles import plan_bundle
from tests.deploy.bundles.cases import change, copied, notes_of, problems_of, services_of, services_with
from tests.deploy.bundles.projects import COMPOSE, DATABASE, compose_stage, write

OVER = "compose.prod.yaml"


def test_a_database_by_another_name_is_found(tmp_path: Path) -> None:
    project = copied("db-by-another-name", tmp_path)
    names = {"A_HOST": "shop_postgres", "B_HOST": "pg", "C_HOST": "database.internal", "D_HOST": "dbhost"}
    for (variable, name), problem in zip(names.items(), problems_of(project), strict=True):
        refers = f"refers to {name} (service db), which RDS replaces: write {variable}: ${{RDS_HOSTNAME}} in {OVER}"
        assert problem == f"service web, environment.{variable}: {refers}, or put {variable} into [variables]"
    values = "".join(f"{variable}: '${{RDS_HOSTNAME}}', " for variable in names)
    write(project, {OVER: f"services: {{web: {{environment: {{{values}}}}}}}"})
    assert set(services_of(project)["web"]["environment"].values()) == {"${RDS_HOSTNAME}"}


def test_a_command_that_waits_for_the_database_is_found(tmp_path: Path) -> None:
    project = copied("db-in-the-command", tmp_path)
    places = [problem.partition(":")[0] for problem in problems_of(project)]
    assert places == ["service web, entrypoint", "service web, healthcheck.test"]
    above = """
services:
  web:
    entrypoint: ["./wait-for-it.sh", "${RDS_HOSTNAME}:${RDS_PORT}", "--"]
    healthcheck: {test: "nc -z ${RDS_HOSTNAME} ${RDS_PORT}"}
"""
    write(project, {OVER: above})
    assert services_of(project)["web"]["entrypoint"][1] == "${RDS_HOSTNAME}:${RDS_PORT}"


def test_the_development_databases_login_is_found(tmp_path: Path) -> None:
    project = copied("default-credentials", tmp_path)
    values = {"DB_NAME": "${RDS_DB_NAME}", "DB_PASSWORD": "${RDS_PASSWORD}", "DB_USER": "${RDS_USERNAME}"}
    for (variable, value), problem in zip(values.items(), problems_of(project), strict=True):
        is_login = f"environment.{variable}: is the login of service db, not that of RDS"
        assert f"{is_login}: write {variable}: {value} in {OVER}" in problem
        assert "only-for-development" not in problem
    write(project, {OVER: f"services: {{web: {{environment: {json.dumps(values)}}}}}"})
    assert services_of(project)["web"]["environment"].items() >= values.items()


def web_with(folder: Path, keys: str, others: str = "") -> Path:
    """A project with a database `db`, and a service with these keys."""
    text = f"""
services:
  web:
    build: .
    ports: ["80:8080"]
    {keys}
  db:
    image: postgres:17
    environment: {{POSTGRES_USER: ada, POSTGRES_PASSWORD: dev-only, POSTGRES_DB: shop}}
    ports: ["5432:5432"]
  {others}
"""
    return copied("db-by-another-name", folder, {"compose.yaml": text})


@pytest.mark.parametrize("name", ["postgres", "postgresql", "mysql"])
def test_the_scheme_of_a_url_is_not_the_database_of_that_name(name: str, tmp_path: Path) -> None:
    url = f"{name}://${{RDS_USERNAME}}:${{RDS_PASSWORD}}@${{RDS_HOSTNAME}}:${{RDS_PORT}}/${{RDS_DB_NAME}}"
    project = web_with(tmp_path, f"environment: {{DATABASE_URL: '{url}'}}")
    change(project, "  db:\n", f"  {name}:\n")
    change(project, '"db"', f'"{name}"', "beanpod.toml")
    assert services_of(project)["web"]["environment"]["DATABASE_URL"] == url
    change(project, "${RDS_HOSTNAME}", name)
    assert [f"refers to service {name}" in problem for problem in problems_of(project)] == [True]


FOUND = [
    "environment: {ConnectionStrings__Default: 'Server=db;Port=5432;Database=shop;User Id=ada;Password=x'}",
    "environment: {ConnectionStrings__Default: 'Server=tcp:db,1433;Initial Catalog=shop'}",
    "environment: {CONN: 'Data Source=db;Initial Catalog=shop'}",
    "environment: {CONN: 'Host=db;Username=ada'}",
    "environment: {DSN: 'ada:x@tcp(db:3306)/shop?parseTime=true'}",
    "environment: {DSN: 'ada:x@tcp(db)/shop'}",
    "environment: {JDBC_URL: 'jdbc:postgresql://db:5432/shop'}",
    "environment: {JDBC_URL: 'jdbc:sqlserver://db;databaseName=shop'}",
    "environment: {X: 'host=db port=5432 dbname=shop user=ada'}",
    "environment: {X: \"dbname='shop' host='db'\"}",
    "environment: {X: 'mysql:host=db;dbname=shop'}",
    "environment: {X: 'postgresql+asyncpg://ada:x@db/shop'}",
    "environment: {X: 'postgres://ada:x@other,db:5432/shop'}",
    'environment: {X: \'{"host": "db"}\'}',
    "environment: {WAIT_HOSTS: 'cache:6379, db:5432'}",
    "environment: ['PGHOST=db']",
    "environment: {DB_HOST: '${DB_HOST:-db}'}",
    "environment: {DB_HOST: 'host.docker.internal'}",
    "command: ['sh', '-c', 'until pg_isready -h db; do sleep 1; done; serve']",
    "command: dockerize -wait tcp://db:5432 serve",
    "command: mysqladmin ping -hdb",
    "command: serve --host=0.0.0.0 --db-host=db",
    "command: ['psql', '--host', 'db']",
    "command: sh -c 'ping -c1 db && serve'",
    "command: bash -c 'echo > /dev/tcp/db/5432'",
    "healthcheck: {test: ['CMD', 'nc', '-z', 'db', '5432']}",
    "healthcheck: {test: 'curl -f http://db:8080'}",
    "post_start: [{command: ['wait-for', 'db:5432']}]",
]


# Values of the development file, and those that the messages tell to write into compose.prod.yaml.
WRITTEN = (
    (r"\$\{DB_HOST:-db\}|host\.docker\.internal|(?<![\w-])db(?![\w-])|(?<=-h)db", "${RDS_HOSTNAME}"),
    (r"\b(3306|5432|1433)\b", "${RDS_PORT}"),
    (r"\bshop\b", "${RDS_DB_NAME}"),
    (r"\bada\b", "${RDS_USERNAME}"),
    (r"(?<=:)x(?=@)|(?<=Password=)x", "${RDS_PASSWORD}"),
    (r"^post_start: ", "post_start: !override "),
)


def written(keys: str) -> str:
    for pattern, text in WRITTEN:
        keys = re.sub(pattern, lambda _, text=text: text, keys)  # type: ignore[misc]
    return keys


def test_the_development_database_is_found(tmp_path: Path) -> None:
    project = web_with(tmp_path, "tty: true")
    with (project / "compose.yaml").open("a") as file:
        file.write(services_with(FOUND))
    problems = {
        name: problem
        for problem in problems_of(project)
        for name in problem.split(", ")[0].split(" ")
        if name[-1].isdigit()
    }
    assert problems.keys() == {f"s{number}" for number in range(len(FOUND))}
    refers = (
        r"refers to (service db|host\.docker\.internal \(service db\)), which RDS replaces: write.*\$\{RDS_HOSTNAME\}"
    )
    for number, keys in enumerate(FOUND):
        problem = problems[f"s{number}"]
        assert re.search(refers, problem)
        assert ("!override" in problem) is keys.startswith("post_start")
    write(project, {OVER: f"services:\n{services_with(map(written, FOUND), 'tty: true')}"})
    services = services_of(project)
    assert all("${RDS_HOSTNAME}" in str(services[f"s{number}"]) for number in range(len(FOUND)))


NOT_FOUND = [
    "command: flask db upgrade",
    "command: npx prisma db push",
    "command: rake db:migrate",
    "command: ['node', 'db']",
    "command: gunicorn -b 0.0.0.0:8080 db.wsgi",
    "environment: {X: 'http://a.example/db'}",
    "environment: {X: 'http://db.example:80/'}",
    "environment: {X: 'https://my-db/'}",
    "environment: {HOST: 0.0.0.0, PORT: 8080}",
    "environment: {APP_NAME: shop, USER: ada}",
    "environment: {CACHE_HOST: localhost}",
    "environment: {X: 'Server=cache;Database=db'}",
    "environment: {DB_HOST: '${RDS_HOSTNAME}', DB_PASSWORD: '${RDS_PASSWORD}', DB_PORT: 5432}",
    "environment: {DATABASE_URL: 'postgres://${RDS_USERNAME}:${RDS_PASSWORD}@${RDS_HOSTNAME}:${RDS_PORT}/${RDS_DB_NAME}'}",
    "environment: {IMAGE: 'db:1.2', UPGRADE_NAME: shop}",
    "environment: {DB_NAME: db, DATABASE_HOST: database}",
]


def test_a_similar_word_is_not_the_database(tmp_path: Path) -> None:
    project = web_with(tmp_path, "tty: true")
    with (project / "compose.yaml").open("a") as file:
        file.write(services_with(NOT_FOUND))
    assert len(services_of(project)) == len(NOT_FOUND) + 1


def test_localhost_is_the_database_with_network_mode_host(tmp_path: Path) -> None:
    project = web_with(tmp_path, "environment: {DB_HOST: localhost}")
    assert services_of(project)
    change(project, '    ports: ["80:8080"]\n', '    network_mode: host\n    expose: ["80"]\n')
    (problem,) = problems_of(project)
    assert "write DB_HOST: ${RDS_HOSTNAME}" in problem


URL = "DATABASE_URL: 'postgres://ada:dev-only@${RDS_HOSTNAME}:5432/shop'"


@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        ("DB_PASSWORD: $DB_PASSWORD", "for RDS write DB_PASSWORD: ${RDS_PASSWORD}"),
        (URL, "contains the login of service db, not that of RDS: write DATABASE_URL: postgres://${RDS_USERNAME}:"),
        ("PGPASSWORD: dev-only", "is the login of service db"),
        ("DB_HOST: myshop_db_1", "refers to myshop_db_1 (service db)"),
    ],
)
def test_a_variable_of_the_database_is_refused(tmp_path: Path, variable: str, problem: str) -> None:
    project = web_with(tmp_path, f"environment: {{{variable}}}")
    change(project, "services:\n", "name: myshop\nservices:\n")
    (found,) = problems_of(project)
    assert problem in found
    assert "dev-only" not in found


SAME_PASSWORD = "is also the password of service db: if it is for RDS"
ACCEPTED = {
    # The name of another project's container.
    "environment: {DB_HOST: myshop_db_1}": "",
    "environment: {PGADMIN_DEFAULT_PASSWORD: dev-only}": f"environment.PGADMIN_DEFAULT_PASSWORD: {SAME_PASSWORD}",
    "environment: {ADMIN_PASSWORD: dev-only}": f"environment.ADMIN_PASSWORD: {SAME_PASSWORD}, write ADMIN_PASSWORD:",
    "environment: {NODE_ENV: development}": "environment: NODE_ENV=development is for development: write another",
    "environment: {DJANGO_DEBUG: 'True'}": "environment: DJANGO_DEBUG=True is for development: write another",
    "environment: {DB_SSLMODE: disable}": "environment.DB_SSLMODE: turns off TLS, without which RDS accepts no",
    "environment: {DATABASE_SSL: 'false'}": "environment.DATABASE_SSL: turns off TLS, without which RDS accepts",
    "environment: {URL: 'jdbc:mysql://${RDS_HOSTNAME}/x?useSSL=false'}": "environment.URL: turns off TLS",
    "environment: {DB_SSLMODE: require, REDIS_SSL: 'false', URL: 'x?sslmode=disable'}": "",
    "command: npm run start:dev": "command: starts a server for development: write the command for ",
    "command: [flask, run, --debug]": "command: starts a server for development: write the command for production",
    "entrypoint: nodemon server.js": "entrypoint: starts a server for development: write the entrypoint for production",
    "environment: {NODE_ENV: production, DEBUG: 'app:*', APP_DEBUG: '0', ENVIRONMENT_NAME: dev}": "",
    "command: sh -c 'migrate > /dev/null && exec gunicorn app'": "",
}


def test_what_may_be_meant_for_development_is_noted(tmp_path: Path) -> None:
    project = web_with(tmp_path, "depends_on: [db]")
    # A database that has a profile is replaced as well.
    change(project, "image: postgres:17\n", "image: postgres:17\n    profiles: [dev]\n")
    with (project / "compose.yaml").open("a") as file:
        file.write(services_with(ACCEPTED))
    assert "db" not in services_of(project)
    for number, expected in enumerate(ACCEPTED.values()):
        notes = [note for note in notes_of(project, f"service s{number}, ") if "everybody" not in note]
        assert [note.startswith(f"service s{number}, {expected}") for note in notes] == [True] * bool(expected)


def test_an_uploaded_env_file_is_checked_for_the_database(tmp_path: Path) -> None:
    project = web_with(tmp_path, "env_file: [.env.prod]")
    write(project, {".env.prod": "# x\nSQL_HOST=db\nexport SQL_PASSWORD='dev-only'\nLEVEL=info\n"})
    write(project, {OVER: "services: {web: {env_file: [.env.prod]}}"})
    host, password = problems_of(project)
    assert host.startswith("service web, env_file: SQL_HOST in .env.prod refers to service db, which RDS replaces")
    assert "SQL_PASSWORD in .env.prod is the login of service db" in password
    assert "dev-only" not in password
    values = "{SQL_HOST: '${RDS_HOSTNAME}', SQL_PASSWORD: '${RDS_PASSWORD}'}"
    write(project, {OVER: f"services: {{web: {{env_file: [.env.prod], environment: {values}}}}}"})
    assert services_of(project)["web"]["env_file"] == [".env.prod", ".env"]


def test_the_login_is_read_from_the_databases_env_file(tmp_path: Path) -> None:
    project = web_with(tmp_path, "environment: {DB_PASSWORD: other}")
    assert services_of(project)
    change(project, "image: postgres:17\n", "image: postgres:17\n    env_file: db.env\n")
    change(project, ", POSTGRES_PASSWORD: dev-only", "")
    write(project, {"db.env": "POSTGRES_PASSWORD=other\n"})
    (problem,) = problems_of(project)
    assert "write DB_PASSWORD: ${RDS_PASSWORD}" in problem


@pytest.mark.parametrize("image", ["postgres:17", "pgvector/pgvector:pg17"])
def test_a_database_in_addition_to_rds_is_noted(image: str, tmp_path: Path) -> None:
    project = web_with(tmp_path, "depends_on: [db]")
    change(project, "image: postgres:17\n", f"image: {image}\n")
    change(project, 'compose_service = "db"\n', "", "beanpod.toml")
    assert notes_of(project, "in addition to RDS") == [
        'service db: runs in addition to RDS; to leave it out, write compose_service = "db" in [database]'
    ]


def test_a_login_that_another_database_takes_too_is_not_refused(tmp_path: Path) -> None:
    keys = "environment: {DB_USER: ada, DB_PASSWORD: dev-only, DB_NAME: posts, DB_HOST: other}"
    other = "other:\n    image: postgres:17\n    environment: {POSTGRES_USER: ada, POSTGRES_PASSWORD: dev-only}"
    assert set(services_of(web_with(tmp_path, keys, other))) == {"web", "other"}


def test_a_secret_that_is_in_the_file_is_noted(tmp_path: Path) -> None:
    written = "environment: {JWT_SECRET: hunter2, API_KEY: '${KEY:-abc}', OTHER: '${KEY:-}', DEBUG_TOKENS: 5, PORT: 80}"
    project = web_with(tmp_path, written)
    shown = "stands in the file in plain text: move it to [secrets], which wins over the file, such as"
    key, secret = notes_of(project, shown)
    assert secret == f"service web, environment: JWT_SECRET {shown} JWT_SECRET = {{ generate = 64 }}"
    # Another's key, which cannot be generated here.
    assert key == f'service web, environment: API_KEY {shown} API_KEY = {{ ssm = "/shop/api-key" }}'
    with (project / "beanpod.toml").open("a") as manifest:
        manifest.write("[secrets]\nJWT_SECRET = { generate = 64 }\n")
    assert notes_of(project, shown) == [key]


def test_messages_name_the_file_for_production(tmp_path: Path) -> None:
    project = web_with(tmp_path, "environment: {DB_HOST: db}")
    (project / "compose.yaml").rename(project / "docker-compose.prod.yml")
    change(project, "compose.yaml", "docker-compose.prod.yml", "beanpod.toml")
    (problem,) = problems_of(project)
    assert "write DB_HOST: ${RDS_HOSTNAME} in docker-compose.prod.yml" in problem
    change(project, "{DB_HOST: db}", "{DB_HOST: '${RDS_HOSTNAME}'}", "docker-compose.prod.yml")
    assert services_of(project)["web"]["environment"] == {"DB_HOST": "${RDS_HOSTNAME}"}


def test_the_engine_of_a_database_is_not_its_name(tmp_path: Path) -> None:
    text = """
services:
  web:
    build: .
    ports: ["80:8080"]
    environment: {DB_CONNECTION: postgres, DB_DIALECT: postgres, KC_DB: postgres, DB_TYPE: postgres}
    mem_limit: 256m
    command: serve --limits postgres:256m,postgres:100ms
  postgres: {image: "postgres:17", environment: {POSTGRES_DB: postgres}}
"""
    project = copied("db-by-another-name", tmp_path, {"compose.yaml": text})
    change(project, '"db"', '"postgres"', "beanpod.toml")
    assert services_of(project)["web"]["environment"]["DB_CONNECTION"] == "postgres"
    change(project, "DB_TYPE: postgres", "DB_NAME: postgres, DB_HOST: postgres")
    places = [problem.partition(":")[0] for problem in problems_of(project)]
    assert places == [f"service web, environment.DB_{name}" for name in ("HOST", "NAME")]


def test_a_proxy_that_waits_for_the_database_as_well_is_no_tool_for_it(tmp_path: Path) -> None:
    proxy = "  proxy: {image: 'nginx:stable', ports: ['8000:80'], depends_on: [app, db]}\n"
    text = f"services:\n  app: {{build: .}}\n{proxy}  db: {{image: 'mysql:8.4'}}\n"
    assert plan_bundle(compose_stage(tmp_path, text, f"{COMPOSE}port = 80\n{DATABASE}"), tmp_path).web == "proxy"


_LOGIN = "${RDS_USERNAME}:${RDS_PASSWORD}@"
_AT_RDS = f"{_LOGIN}${{RDS_HOSTNAME}}:${{RDS_PORT}}/${{RDS_DB_NAME}}"


@pytest.mark.parametrize(
    ("file", "url", "instead"),
    [
        ('{"dependencies": {"pg": "8"}}', "postgres://ada:pw@db/shop", f"postgres://{_AT_RDS}?sslmode=no-verify "),
        (
            '{"dependencies": {"pg": "8"}}',
            "postgres://ada:pw@db/shop?schema=public&sslmode=disable",
            f"postgres://{_AT_RDS}?schema=public&sslmode=no-verify ",
        ),
        ('{"dependencies": {"express": "5"}}', "postgres://ada:pw@db/shop", f"postgres://{_AT_RDS} "),
        ("[]", "postgres://ada:pw@db/shop", f"postgres://{_AT_RDS} "),
        ("", "db:3306", "${RDS_HOSTNAME}:${RDS_PORT} "),
        ("", "http://db:80", "http://${RDS_HOSTNAME}:${RDS_PORT} "),
        ("", "jdbc:mariadb://db/shop", "jdbc:mariadb://${RDS_HOSTNAME}:${RDS_PORT}/${RDS_DB_NAME}?sslMode=trust "),
        (
            "",
            "ada:pw@tcp(db:3306)/shop?parseTime=true",
            f"{_LOGIN}tcp(${{RDS_HOSTNAME}}:${{RDS_PORT}})/${{RDS_DB_NAME}}?parseTime=true&tls=skip-verify ",
        ),
        (
            "",
            "mysql://ada:pw@tcp(db:3306)/shop",
            f"mysql://{_LOGIN}tcp(${{RDS_HOSTNAME}}:${{RDS_PORT}})/${{RDS_DB_NAME}}?tls=skip-verify ",
        ),
    ],
)
def test_the_proposed_url_of_rds_is_one_with_which_the_driver_encrypts(
    tmp_path: Path, file: str, url: str, instead: str
) -> None:
    project = web_with(tmp_path, f"environment: {{DATABASE_URL: '{url}'}}")
    (project / "package.json").write_text(file)
    (problem,) = problems_of(project)
    assert f"write DATABASE_URL: {instead}" in problem
    assert f"or put DATABASE_URL into {'[secrets]' if '@' in instead else '[variables]'}" in problem
