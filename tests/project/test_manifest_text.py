"""What `beanpod init` writes into the manifests of real apps, and beside their compose files."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from beanpod.deploy.bundles import plan_bundle
from beanpod.project.choices import Choices
from beanpod.project.discovery import discover
from beanpod.project.dockerfiles import dockerfile_for
from beanpod.project.init import next_steps, plan
from beanpod.project.manifest_text import manifest_text, production_compose
from tests.deploy.bundles.projects import IMAGE, composed
from tests.deploy.bundles.projects import write as write_files
from tests.project.apps import APPS, NOBODY, lay_out, look, write_manifest


def written(root: Path, **given: Any) -> dict[str, Any]:
    return tomllib.loads(manifest_text(*look(root, **given)))


def production(root: Path, **given: Any) -> Any:
    """The services of the compose file for production; None without one."""
    text = production_compose(*look(root, **given))
    return yaml.safe_load(text)["services"] if text else None


def test_spring_connects_to_the_database(tmp_path: Path) -> None:
    stage = write_manifest(lay_out("spring", tmp_path)).stage()
    values = {"host": "db.example", "port": "3306", "name": "spring", "username": "app"}
    assert stage.render_variables(values) == {
        "SPRING_DATASOURCE_URL": "jdbc:mysql://db.example:3306/spring",
        "SPRING_DATASOURCE_USERNAME": "app",
        "SPRING_DATASOURCE_PASSWORD": "${RDS_PASSWORD}",
    }


def test_variables_of_other_stores_are_not_the_databases(tmp_path: Path) -> None:
    source = "env('DB_HOST'); env('REDIS_DB', 0); env('REDIS_CACHE_DB'); env('MONGO_DB_NAME'); env('MONGO_DB_PASSWORD')"
    source += " env('CLICKHOUSE_DB'); env('COSMOS_DATABASE')"
    write_files(tmp_path, {"Dockerfile": "FROM debian\nEXPOSE 80\n", "settings.py": source})
    document = written(tmp_path, engine="postgres")
    assert document["variables"] == {"DB_HOST": "{database.host}"}
    assert "secrets" not in document


def test_what_only_looks_like_the_databases_name_is_none(tmp_path: Path) -> None:
    source = "env('DB_HOSTNAME'); env('POSTGRES_DB'); env('SPRING_DATASOURCE_DRIVER_CLASS_NAME'); env('PGWEB_PORT')"
    source += " env('DB_INSTANCE_NAME'); env('SQLITE_DB'); env('DB_SERVERNAME'); env('PGPASSFILE')"
    source += " env('STORE_IN_DATABASE'); env('DB_SCHEMA'); env('DB_APPLICATION_NAME'); env('DB_SSL_VERIFY_SERVER')"
    source += " env('SHOP_DB_NAME'); env('SHOP_DB_HOST'); env('DB_USERS_TABLE'); env('DB_LOGIN_TIMEOUT')"
    source += " env('DB_DRIVER_NAME'); env('DB_CONNECTION_NAME'); env('DB_NAMESPACE'); env('DB_PASS_THROUGH')"
    files = {"Dockerfile": "FROM debian\nEXPOSE 80\n", "settings.py": source, ".env.example": "POSTGRES_DB=postgres\n"}
    write_files(tmp_path, files)
    expected = {"POSTGRES_DB": "{database.name}", "DB_HOSTNAME": "{database.host}", "DB_SERVERNAME": "{database.host}"}
    expected |= {"SHOP_DB_NAME": "{database.name}", "SHOP_DB_HOST": "{database.host}"}
    document = written(tmp_path, engine="postgres")
    assert document["variables"] == expected
    assert "secrets" not in document


@pytest.mark.parametrize(
    ("dockerfile", "source"),
    [("FROM debian\nCMD serve --bind 0.0.0.0:${PORT}\n", ""), ("FROM debian\n", "listen(process.env.PORT || 3000)")],
)
def test_an_app_that_listens_where_port_says_is_told(tmp_path: Path, dockerfile: str, source: str) -> None:
    write_files(tmp_path, {"Dockerfile": dockerfile, "server.js": source})
    document = written(tmp_path)
    assert (document["service"]["port"], document["variables"]) == (8080, {"PORT": "8080"})
    write_files(tmp_path, {"Dockerfile": f"{dockerfile}EXPOSE 3000\n"})
    document = written(tmp_path)
    assert document["service"]["port"] == 3000
    assert "variables" not in document


def test_the_default_name_of_the_database_becomes_that_of_rds(tmp_path: Path) -> None:
    app = "{build: ., ports: ['80:80'], environment: {POSTGRES_DB: '${POSTGRES_DB:-postgres}'}}"
    compose = f"services:\n  web: {app}\n  db: {{image: 'postgres:17', environment: {{POSTGRES_PASSWORD: pw}}}}\n"
    write_files(tmp_path, {"Dockerfile": "FROM debian\n", "compose.yaml": compose})
    assert production(tmp_path) == {"web": {"environment": {"POSTGRES_DB": "${RDS_DB_NAME}"}}}


def test_a_secret_of_the_database_that_may_be_json_is_left_to_the_user(tmp_path: Path) -> None:
    source = "json.loads(os.environ['DB_SECRET']); os.environ['DB_SECRET_NAME']; os.environ['DB_PASSWORD']"
    write_files(tmp_path, {"Dockerfile": "FROM debian\nEXPOSE 80\n", "settings.py": source})
    text = manifest_text(*look(tmp_path, engine="postgres"))
    assert tomllib.loads(text)["secrets"] == {"DB_PASSWORD": {"database": "password"}}
    assert "\n# DB_SECRET: if it is JSON, " in text
    assert "variables" not in tomllib.loads(text)


def test_the_variables_of_other_peoples_code_are_not_read(tmp_path: Path) -> None:
    read = {
        "app.py": "os.environ['DB_HOST']",
        "env/lib/a.py": "os.environ['DB_PORT']",
        "deps/b.ex": 'get_env("DB_USER")',
    }
    write_files(tmp_path, {**read, "Dockerfile": "FROM debian\nEXPOSE 80\n", "env/pyvenv.cfg": "", "mix.exs": ""})
    assert written(tmp_path, engine="postgres")["variables"] == {"DB_HOST": "{database.host}"}


def test_the_variables_of_a_large_app_are_read(tmp_path: Path) -> None:
    files = {f"app/{number}.js": "" for number in range(600)}
    write_files(tmp_path, {**files, "Dockerfile": "FROM debian\nEXPOSE 80\n", "server/db.js": "process.env.DB_HOST"})
    assert written(tmp_path, engine="postgres")["variables"] == {"DB_HOST": "{database.host}"}


def test_spring_connects_to_mariadb_with_tls(tmp_path: Path) -> None:
    root = lay_out("spring", tmp_path)
    pom = (root / "pom.xml").read_text().replace("mysql-connector-j", "mariadb-java-client")
    (root / "pom.xml").write_text(pom)
    (root / "src/main/resources/application.properties").unlink(missing_ok=True)
    url = written(root)["variables"]["SPRING_DATASOURCE_URL"]
    assert url == "jdbc:mariadb://{database.host}:{database.port}/{database.name}?sslMode=trust"


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("settings.py", "HOST = os.environ['{}']; os.environ.get('{}', 'x'); config('{}'); env('{}'); getenv(\"{}\")"),
        ("base.py", "env.str('{}'); env.int('{}', 5432); env('{}'); config.get('{}'); env.str(\"{}\")"),
        (
            "db.ts",
            "configService.get('{}'), this.config.get<number>('{}'), config.getOrThrow('{}'), config('{}'), env('{}')",
        ),
        ("db.js", "connect(process.env.{}, process.env['{}'], process.env.{}, process.env.{} || process.env.{})"),
        ("main.go", 'os.Getenv("{}"), os.Getenv("{}"), os.Getenv("{}"), os.Getenv("{}"), os.Getenv("{}")'),
        ("database.yml", 'ENV["{}"], ENV.fetch("{}"), ENV[\'{}\'], ENV.fetch(\'{}\', 1), ENV["{}"]'),
        (
            "runtime.exs",
            'System.get_env("{}"); System.fetch_env!("{}"); get_env("{}", "x"); fetch_env("{}"); get_env("{}")',
        ),
        ("main.rs", 'env::var("{}"); std::env::var("{}"); env::var("{}"); env::var("{}"); env::var("{}")'),
        ("Program.cs", " ".join(['Environment.GetEnvironmentVariable("{}");'] * 5)),
        ("application-prod.yml", "url: ${{{}}}\nport: ${{{}}}\nname: ${{{}}}\nuser: ${{{}}}\npassword: ${{{}}}"),
        ("application.properties", "url=jdbc:${{{}}}:${{{}:5432}}/${{{}}}\nuser=${{{}}}\npassword=${{{}:x}}"),
    ],
)
def test_an_app_that_names_its_variables_otherwise_connects_to_rds(file: str, source: str, tmp_path: Path) -> None:
    text = source.format("DB_HOST", "PG_PORT", "POSTGRES_DB", "DB_USER", "DB_PASSWORD") + ' env("RDS_HOSTNAME")'
    others = {"Dockerfile": "FROM debian\nEXPOSE 8000\n", "node_modules/other.js": "process.env.MYSQL_HOST"}
    write_files(tmp_path, {f"src/{file}": text, **others})
    document = written(tmp_path, engine="postgres")
    assert document["variables"] == {
        "DB_HOST": "{database.host}",
        "PG_PORT": "{database.port}",
        "POSTGRES_DB": "{database.name}",
        "DB_USER": "{database.username}",
    }
    assert document["secrets"] == {"DB_PASSWORD": {"database": "password"}}
    assert write_manifest(tmp_path, engine="postgres").stages == ("dev", "prod")


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
    assert not {"variables", "secrets"} & written(tmp_path, compose_service="db").keys()


_URL = "${RDS_USERNAME}:${RDS_PASSWORD}@${RDS_HOSTNAME}:${RDS_PORT}/${RDS_DB_NAME}"
_NO_VERIFY = "?ssl=%7B%22rejectUnauthorized%22%3Afalse%7D"


@pytest.mark.parametrize(
    ("engine", "dependencies", "example", "url"),
    [
        ("postgres", '"express": "5"', "", f"postgresql://{_URL}"),
        ("postgres", '"pg": "8"', "", f"postgresql://{_URL}?sslmode=no-verify"),
        ("postgres", '"pg": "8"', "postgres://app:app@localhost/app", f"postgres://{_URL}?sslmode=no-verify"),
        ("postgres", '"pg": "8"', "sqlite:///app.db", f"postgresql://{_URL}?sslmode=no-verify"),
        ("mysql", '"mysql2": "3"', "mysql://localhost/app", f"mysql://{_URL}{_NO_VERIFY}"),
        ("mariadb", '"mariadb": "3"', "mariadb://app@localhost/app", f"mariadb://{_URL}"),
    ],
)
def test_a_url_with_the_password_is_made_by_the_start_command(
    engine: str, dependencies: str, example: str, url: str, tmp_path: Path
) -> None:
    files = {"Dockerfile": "FROM debian\nEXPOSE 80\n", "app.js": "connect(process.env.DATABASE_URL)"}
    files["package.json"] = f'{{"dependencies": {{{dependencies}}}}}'
    write_files(tmp_path, files | {".env.example": f"DATABASE_URL={example}\n" if example else ""})
    text = manifest_text(*look(tmp_path, engine=engine))
    assert f'# CMD ["sh", "-c", "export DATABASE_URL={url}; exec COMMAND"]\n' in text
    assert "variables" not in tomllib.loads(text)


@pytest.mark.parametrize(
    ("example", "url"),
    [
        ("", "tcp"),
        ("app:app@tcp(localhost:3306)/app?parseTime=true", "tcp?parseTime=true"),
        ("mysql://app:app@tcp(localhost:3306)/app", "mysql://tcp"),
        ("mysql://app:app@localhost/app", "mysql://"),
    ],
)
def test_the_url_of_gos_driver_for_mysql_is_its_own(example: str, url: str, tmp_path: Path) -> None:
    files = {"Dockerfile": "FROM debian\nEXPOSE 80\n", "main.go": 'os.Getenv("DATABASE_URL")'}
    files["go.mod"] = "module app\n\nrequire github.com/go-sql-driver/mysql v1.9.3\n"
    write_files(tmp_path, files | {".env.example": f"DATABASE_URL={example}\n"})
    text = manifest_text(*look(tmp_path, engine="mysql"))
    login, address = "${RDS_USERNAME}:${RDS_PASSWORD}@", "${RDS_HOSTNAME}:${RDS_PORT}"
    scheme, _, query = url.partition("tcp")
    expected = f"mysql://{_URL}"
    if url != scheme:
        more = f"{query}&" if query else "?"
        expected = f'\\"{scheme}{login}tcp({address})/${{RDS_DB_NAME}}{more}tls=skip-verify\\"'
    assert f'# CMD ["sh", "-c", "export DATABASE_URL={expected}; exec COMMAND"]\n' in text


def test_a_url_with_the_password_that_the_compose_file_does_not_give_is_written_there(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "Dockerfile": "FROM debian\n",
            "app.py": "os.environ['DATABASE_URL']",
            "compose.yaml": "services:\n  web: {build: ., ports: ['80:80']}\n",
        },
    )
    text = manifest_text(*look(tmp_path, engine="postgres"))
    assert f"# DATABASE_URL: postgresql://{_URL}\n" in text
    assert "CMD" not in text


def test_a_url_of_jdbc_is_left_to_the_app(tmp_path: Path) -> None:
    write_files(tmp_path, {"Dockerfile": "FROM debian\nEXPOSE 80\n", "App.java": 'System.getenv("DATABASE_JDBC_URL")'})
    text = manifest_text(*look(tmp_path, engine="postgres"))
    assert '# DATABASE_JDBC_URL = "jdbc:postgresql://{database.host}:{database.port}/{database.name}"\n' in text


@pytest.mark.parametrize(
    ("url", "dependencies", "query"),
    [
        ("postgres://app:secret@db/app?sslmode=disable", '"pg": "8"', "?sslmode=no-verify"),
        ("postgresql://app:secret@db/app", '"postgres": "3"', "?sslmode=require"),
        ("mysql://app:secret@db/app", '"mysql2": "3"', _NO_VERIFY),
        # They do not understand the query that the driver does.
        ("mysql://app:secret@db/app", '"mysql2": "3", "sequelize": "6"', ""),
        ("mysql://app:secret@db/app", '"mysql2": "3", "typeorm": "1"', ""),
        # Which of the two has the URL is not known.
        ("postgres://app:secret@db/app", '"pg": "8", "postgres": "3"', ""),
        ("mysql://app:secret@db/app", '"pg": "8"', ""),
    ],
)
def test_a_url_encrypts_where_the_driver_of_the_service_does_not_by_itself(
    url: str, dependencies: str, query: str, tmp_path: Path
) -> None:
    image = "mysql:8.4" if url.startswith("mysql") else "postgres:17"
    environment = f"environment: {{DATABASE_URL: '{url}'}}"
    services = f"  web: {{build: web, ports: ['80:80'], {environment}}}\n  worker: {{build: worker, {environment}}}\n"
    database = f"  db: {{image: '{image}', environment: {{POSTGRES_PASSWORD: secret, MYSQL_PASSWORD: secret}}}}\n"
    write_files(
        tmp_path,
        {
            "web/Dockerfile": "FROM node\n",
            "web/package.json": f'{{"dependencies": {{{dependencies}}}}}',
            "worker/Dockerfile": "FROM python\n",
            "worker/requirements.txt": "psycopg\n",
            "compose.yaml": f"services:\n{services}{database}",
        },
    )
    services = production(tmp_path)
    plain = f"{url.partition(':')[0]}://{_URL}"
    assert services["web"]["environment"] == {"DATABASE_URL": plain + query}
    assert services["worker"]["environment"] == {"DATABASE_URL": plain}


def test_a_compose_files_app_connects_to_rds(tmp_path: Path) -> None:
    url = "postgres://${RDS_USERNAME}:${RDS_PASSWORD}@${RDS_HOSTNAME}:${RDS_PORT}/${RDS_DB_NAME}"
    assert production(lay_out("django", tmp_path)) == {"web": {"environment": {"DATABASE_URL": url}}}
    assert production(lay_out("laravel", tmp_path))["app"]["environment"] == {
        "DB_DATABASE": "${RDS_DB_NAME}",
        "DB_HOST": "${RDS_HOSTNAME}",
        "DB_PASSWORD": "${RDS_PASSWORD}",
        "DB_PORT": "${RDS_PORT}",
        "DB_USERNAME": "${RDS_USERNAME}",
    }


@pytest.mark.parametrize(
    ("name", "value", "dependency", "expected"),
    [
        ("DB_SSLMODE", "disable", "mysql2", "require"),
        ("PGSSLMODE", "disable", "pg", "no-verify"),
        ("MYSQL_SSL_MODE", "DISABLED", "mysql2", "REQUIRED"),
    ],
)
def test_the_mode_of_tls_is_what_rds_accepts(
    name: str, value: str, dependency: str, expected: str, tmp_path: Path
) -> None:
    database = "  db: {image: 'postgres:17', environment: {POSTGRES_PASSWORD: secret}}\n"
    environment = f"environment: {{DB_HOST: db, {name}: {value}}}"
    files = {
        "Dockerfile": "FROM node\nEXPOSE 80\n",
        "package.json": f'{{"dependencies": {{"{dependency}": "3"}}}}',
        "compose.yaml": f"services:\n  web: {{build: ., ports: ['80:80'], {environment}}}\n{database}",
        ".env.example": f"{name}={value}\n",
    }
    write_files(tmp_path, files)
    assert production(tmp_path)["web"]["environment"] == {"DB_HOST": "${RDS_HOSTNAME}", name: expected}
    assert written(tmp_path, dockerfile="Dockerfile", engine="postgres")["variables"][name] == expected


def test_a_default_that_names_the_database_is_replaced(tmp_path: Path) -> None:
    root = lay_out("django", tmp_path)
    compose = yaml.safe_load((root / "docker-compose.yml").read_text())
    compose["services"]["web"]["environment"] = ["POSTGRES_HOST=${POSTGRES_HOST:-db}", "MODE=${MODE:-fast}"]
    (root / "docker-compose.yml").write_text(yaml.safe_dump(compose))
    assert production(root)["web"]["environment"] == {"POSTGRES_HOST": "${RDS_HOSTNAME}"}


def test_a_byte_order_mark_hides_nothing(tmp_path: Path) -> None:
    files = {"Dockerfile": "FROM debian\nEXPOSE 80\n", ".env.example": "\ufeffDB_HOST=x\n"}
    write_files(tmp_path, {**files, "package.json": '\ufeff{"dependencies": {"pg": "8"}}'})
    assert written(tmp_path)["variables"] == {"DB_HOST": "{database.host}"}


def test_rails_is_told_its_key_and_the_databases_url(tmp_path: Path) -> None:
    root = lay_out("rails", tmp_path)
    assert "RAILS_MASTER_KEY" not in manifest_text(*look(root))
    (root / "config/credentials.yml.enc").touch()
    text = manifest_text(*look(root))
    assert '\n# RAILS_MASTER_KEY = { ssm = "/rails/rails-master-key" }\n' in text
    assert f"export DATABASE_URL=postgresql://{_URL}; exec COMMAND" in text
    (root / "config/database.yml").write_text("host: <%= ENV['DB_HOST'] %>\n")
    assert "DATABASE_URL" not in manifest_text(*look(root))


def test_a_variable_for_the_kind_of_database_is_not_its_name(tmp_path: Path) -> None:
    write_files(tmp_path, {"Dockerfile": "FROM debian\nEXPOSE 80\n", ".env.example": "DB=sqlite\nDB_NAME=hc\n"})
    text = manifest_text(*look(tmp_path, engine="postgres"))
    assert tomllib.loads(text)["variables"] == {"DB_NAME": "{database.name}"}
    assert '# DB = "sqlite"' in text


def test_a_password_file_of_the_database_is_replaced(tmp_path: Path) -> None:
    text = "services:\n  web:\n    build: .\n    ports: ['80:80']\n    secrets: [own, pw]\n"
    text += "    environment: {DB_PASSWORD: /run/secrets/pw, JWT_SECRET: /run/secrets/own}\n"
    text += "  db: {image: 'postgres:17', secrets: [pw, root]}\n"
    text += "secrets: {pw: {file: pw.txt}, root: {file: pw.txt}, own: {file: pw.txt}}\n"
    write_files(tmp_path, {"Dockerfile": "FROM debian\n", "pw.txt": "x", "compose.yaml": text})
    written = production_compose(*look(tmp_path)) or ""
    assert written.partition("secrets:\n")[2] == "  pw: !override {environment: RDS_PASSWORD}\n"
    write_files(tmp_path, {"compose.prod.yaml": written})
    stage = write_manifest(tmp_path).stage()
    bundle = plan_bundle(stage, tmp_path).preview()
    assert composed(bundle)["secrets"]["pw"] == {"environment": "RDS_PASSWORD"}
    # The app reads the files that its variables name.
    assert "services:" not in written
    assert not stage.secrets


def test_a_tool_for_the_database_is_left_out_with_it(tmp_path: Path) -> None:
    tool = "{image: phpmyadmin, links: [db], environment: {PMA_HOST: db}}"
    app = "{build: ., ports: ['80:80'], environment: {DB_HOST: db}}"
    text = f"services:\n  web: {app}\n  tool: {tool}\n  db: {{image: 'mysql:8.4', ports: ['3306']}}\n"
    write_files(tmp_path, {"Dockerfile": "FROM debian\nCMD x\n", "compose.yaml": text})
    written = production_compose(*look(tmp_path)) or ""
    assert list(yaml.safe_load(written)["services"]) == ["web"]
    write_files(tmp_path, {"compose.prod.yaml": written})
    assert list(composed(plan_bundle(write_manifest(tmp_path).stage(), tmp_path).preview())["services"]) == ["web"]


def test_only_the_services_of_the_chosen_database_are_connected_to_rds(tmp_path: Path) -> None:
    database = "image: postgres:17\n    environment: {POSTGRES_PASSWORD: dev}"
    app = "build: .\n    environment: {DB_HOST: %s, DB_PASSWORD: dev}"
    services = {"shop": app % "orders", "blog": app % "posts", "orders": database, "posts": database}
    text = "".join(f"  {name}:\n    {keys}\n" for name, keys in services.items())
    (tmp_path / "compose.yaml").write_text(f"services:\n{text}")
    values = {"DB_HOST": "${RDS_HOSTNAME}", "DB_PASSWORD": "${RDS_PASSWORD}"}
    assert production(tmp_path, compose_service="orders", port=80) == {"shop": {"environment": values}}


def test_an_own_file_for_production_stays_the_only_one(tmp_path: Path) -> None:
    root = lay_out("django", tmp_path)
    (root / "docker-compose.prod.yml").write_text("services:\n  web:\n    restart: always\n")
    project = plan(discover(root, environ=NOBODY), Choices(image="ada/shop"), ask=None)
    assert "compose.prod.yaml" not in {file.path for file in project.files}
    steps = list(next_steps(project))
    assert "Complete docker-compose.prod.yml for Elastic Beanstalk: `beanpod check` says what is missing" in steps
    assert any("`beanpod init --compose docker-compose.prod.yml`" in step for step in steps)


def test_secrets_of_the_app_are_generated_and_others_are_references(tmp_path: Path) -> None:
    assert written(lay_out("django", tmp_path))["secrets"] == {"SECRET_KEY": {"generate": 64}}
    assert written(tmp_path / "django", dockerfile="Dockerfile")["secrets"] == {"SECRET_KEY": {"generate": 64}}
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


@pytest.mark.parametrize(
    "services",
    [
        "a: {build: ., ports: ['80:80'], environment: {JWT_SECRET: dev}}\n  b: {build: ., environment: [JWT_SECRET]}",
        "web: {build: ., ports: ['80:80'], environment: {JWT_SECRET: dev, API_SECRET: '${JWT_SECRET}'}}",
    ],
)
def test_a_secret_that_is_found_twice_is_written_once(services: str, tmp_path: Path) -> None:
    write_files(tmp_path, {"Dockerfile": "FROM debian\n", "compose.yaml": f"services:\n  {services}\n"})
    assert write_manifest(tmp_path).stage().secrets.keys() == {"JWT_SECRET"}


def test_variables_that_a_compose_file_requires_are_written(tmp_path: Path) -> None:
    compose = (
        "services:\n  web:\n    build: .\n    ports: ['80:80']\n    environment:\n"
        "      SECRET_KEY: ${SECRET_KEY:?Variable not set}\n      TITLE: ${TITLE?}\n"
        "      DB_PASSWORD: ${DB_PASSWORD:?}\n"
        "  db: {image: 'postgres:17'}\n"
    )
    write_files(tmp_path, {"Dockerfile": "FROM debian\n", "compose.yaml": compose})
    found, choices = look(tmp_path)
    text = manifest_text(found, choices)
    assert tomllib.loads(text)["secrets"] == {"SECRET_KEY": {"generate": 64}}
    assert '# TITLE = ""' in text
    assert 'DB_PASSWORD: "${RDS_PASSWORD}"' in (production_compose(found, choices) or "")


def test_what_an_example_file_names_reaches_the_services_of_a_compose_file_as_well(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "Dockerfile": "FROM debian\n",
            "compose.yaml": "services:\n  web: {build: ., ports: ['80:80'], env_file: .env, environment: {MODE: x}}\n",
            ".env.example": "DJANGO_SECRET_KEY=me\nDJANGO_ALLOWED_HOSTS=localhost\nSTRIPE_SECRET_KEY=\nMODE=dev\n"
            "COMPOSE_PROJECT_NAME=shop\nCOMPOSE_FILE=compose.yaml\n",
        },
    )
    text = manifest_text(*look(tmp_path))
    assert tomllib.loads(text)["secrets"] == {"DJANGO_SECRET_KEY": {"generate": 64}}
    assert '# DJANGO_ALLOWED_HOSTS = "localhost"\n' in text
    assert "\n# STRIPE_SECRET_KEY = { ssm = " in text
    assert "MODE" not in text
    assert "COMPOSE_" not in text


def test_what_only_the_build_reads_is_no_variable_of_the_container(tmp_path: Path) -> None:
    files = {
        "Dockerfile": "FROM node AS build\nARG SITE\nARG NODE_ENV=production\nFROM nginx\nEXPOSE 80\n",
        ".env.example": "NEXT_PUBLIC_API=https://api\nSITE=Shop\nNODE_ENV=development\nTITLE=x\nVITE_MAPS_API_KEY=x\n",
    }
    write_files(tmp_path, files)
    text = manifest_text(*look(tmp_path))
    assert '# args = { NEXT_PUBLIC_API = "https://api", SITE = "Shop" }  # for ARG lines of the Dockerfile' in text
    assert text.count("NEXT_PUBLIC_API") == text.count("SITE") == 1
    assert '# TITLE = "x"\n' in text
    # Not a secret, which reaches no page.
    assert "# VITE_MAPS_API_KEY is built into the pages" in text
    assert "ssm" not in text
    build = "build: {context: ., args: {SITE: Shop}}"
    write_files(tmp_path, {"compose.yaml": f"services:\n  web: {{{build}, ports: ['80:80']}}\n"})
    text = manifest_text(*look(tmp_path))
    assert "# The build reads NEXT_PUBLIC_API: give it in the compose file, as build.args" in text
    assert "SITE" not in text.replace("NEXT_PUBLIC_API", "")


def test_without_a_database_nothing_replaces_the_compose_files_own(tmp_path: Path) -> None:
    root = lay_out("django", tmp_path)
    found, choices = look(root, engine="none")
    assert (choices.compose_service, production_compose(found, choices)) == (None, None)
    assert "database" not in tomllib.loads(manifest_text(found, choices))


def test_a_dockerfile_can_be_deployed_in_place_of_the_compose_file(tmp_path: Path) -> None:
    document = written(lay_out("django", tmp_path), dockerfile="Dockerfile")
    assert document["service"]["dockerfile"] == "Dockerfile"
    assert "compose" not in document["service"]
    assert document["database"] == {"engine": "postgres"}


def test_an_app_behind_a_proxy_of_another_file_publishes_port_80(tmp_path: Path) -> None:
    compose = "services:\n  web: {build: ., labels: ['traefik.enable=true']}\n"
    write_files(tmp_path, {"Dockerfile": "FROM node:24-slim\nEXPOSE 3000\n", "compose.yaml": compose})
    assert production(tmp_path) == {"web": {"ports": ["80:3000"]}}
    stage = write_manifest(tmp_path).stage()
    (tmp_path / "compose.prod.yaml").write_text(production_compose(*look(tmp_path)) or "")
    assert plan_bundle(stage, tmp_path).web == "web"


def test_nothing_is_written_beside_a_compose_file_elsewhere(tmp_path: Path) -> None:
    text = "services:\n  web: {build: ., ports: ['80:80'], environment: {DB_HOST: db}}\n  db: {image: 'postgres:17'}\n"
    write_files(tmp_path, {"other/compose.yaml": text, "shop/Dockerfile": "FROM debian\n"})
    given = Choices(image="ada/shop", compose="../other/compose.yaml")
    project = plan(discover(tmp_path / "shop", compose_file=given.compose, environ=NOBODY), given, ask=None)
    assert not [file.path for file in project.files if "other" in file.path]
    assert (project.choices.engine, project.choices.compose_service, project.choices.port) == ("postgres", "db", 80)
    assert any("../other/compose.prod.yaml" in step for step in next_steps(project))


@pytest.mark.parametrize(
    ("expose", "ports", "port"),
    [("EXPOSE 8080\n", "5173:5173", 8080), ("", "5173:5173", 5173), ("EXPOSE 8080\n", "5173:8080", 8080)],
    ids=["another", "not exposed", "the same"],
)
def test_the_build_for_production_is_reached_at_the_port_that_it_exposes(
    tmp_path: Path, expose: str, ports: str, port: int
) -> None:
    files = {
        "compose.yaml": f"services:\n  web: {{build: {{context: ., target: dev}}, ports: ['{ports}']}}\n",
        "Dockerfile": f"FROM node:24 AS dev\nEXPOSE 5173\nFROM nginx:stable\n{expose}",
    }
    write_files(tmp_path, files)
    found, choices = look(tmp_path)
    (tmp_path / "compose.prod.yaml").write_text(production_compose(found, choices) or "")
    stage = write_manifest(tmp_path).stage()
    assert stage.service.port == port
    deployed = plan_bundle(stage, tmp_path).bundle({"web": IMAGE}, application="shop", login_hooks=False)
    assert composed(deployed)["services"]["web"]["ports"] == [f"80:{port}"]


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
    stage = write_manifest(tmp_path).stage()
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


@pytest.mark.parametrize("platform", ["linux/arm64", "linux/arm64/v8"])
def test_an_image_for_arm64_gets_such_instances_in_every_stage(platform: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM --platform={platform} node:24\nEXPOSE 3000\n")
    manifest = write_manifest(tmp_path)
    types = {name: manifest.stage(name).environment.instance_types for name in manifest.stages}
    assert types == {"dev": ("t4g.micro",), "prod": ("t4g.small",)}


@pytest.mark.parametrize(
    ("image", "hub"), [("ada/shop", True), ("ghcr.io/ada/shop", False), ("registry:5000/shop", False)]
)
def test_the_manifest_says_which_image_is_on_docker_hub(tmp_path: Path, image: str, *, hub: bool) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nEXPOSE 80\n")
    found, choices = look(tmp_path)
    assert ("on Docker Hub" in manifest_text(found, replace(choices, image=image))) == hub


def test_quotes_in_a_path_are_escaped(tmp_path: Path) -> None:
    write_files(tmp_path, {'the "shop"/Dockerfile': "FROM busybox:stable\n"})
    assert written(tmp_path)["service"]["dockerfile"] == 'the "shop"/Dockerfile'


def test_a_compose_file_that_only_runs_a_database_is_for_development(tmp_path: Path) -> None:
    root = lay_out("express", tmp_path)
    (root / "compose.yaml").write_text("services:\n  db:\n    image: postgres:17\n    ports: ['5432:5432']\n")
    document = written(root)
    assert document["service"]["dockerfile"] == "Dockerfile"
    assert document["database"]["engine"] == "postgres"


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
