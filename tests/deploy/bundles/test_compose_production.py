"""What becomes of a developer's compose file on Beanstalk."""

from pathlib import Path
from typing import Any

import pytest

from beanpod.deploy.bundles import plan_bundle
from tests.deploy.bundles.projects import (
    COMPOSE,
    DATABASE,
    DIGEST,
    IMAGE,
    compose_bundle,
    compose_stage,
    composed,
    write,
)

LOGS = "${EB_LOG_BASE_DIR}"

# As in many a repository: the source mounted into the app, a database, a tool for it, and a cache.
DEVELOPMENT = """
name: guestbook
x-database: &database
  RDS_HOSTNAME: db
  RDS_PASSWORD: development
services:
  app:
    build: {context: ., target: dev}
    container_name: guestbook
    ports: ["127.0.0.1:3000:8080", "9229:9229"]
    environment:
      <<: *database
      NODE_ENV: development
      LOG_LEVEL: ${LOG_LEVEL:-debug}
    volumes: [".:/app", "/app/node_modules", "uploads:/uploads", "/scratch"]
    depends_on:
      db: {condition: service_healthy}
      cache: {condition: service_started}
    develop: {watch: [{action: sync, path: ., target: /app}]}
  db:
    image: mysql:8.4
    environment: {MYSQL_ROOT_PASSWORD_FILE: /run/secrets/root}
    volumes: ["data:/var/lib/mysql", "./schema.sql:/docker-entrypoint-initdb.d/schema.sql"]
    secrets: [root]
    networks: [inner]
  adminer:
    image: adminer
    depends_on: [db]
    ports: ["8081:8080"]
    networks: [inner]
  cache:
    image: redis:7
    volumes: ["./redis.conf:/etc/redis.conf:ro"]
    command: redis-server /etc/redis.conf
  mail:
    image: mailpit
    profiles: [tools]
volumes: {data: , uploads: }
networks: {inner: }
secrets: {root: {file: ./root.txt}}
"""
PRODUCTION = "services:\n  app:\n    environment: {NODE_ENV: production}\n    build: {target: !reset null}\n"
MANIFEST = f'{COMPOSE}[variables]\nLOG_LEVEL = "info"\n{DATABASE}'


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """The compose file that comes of DEVELOPMENT and PRODUCTION."""
    files = {"compose__prod__yaml": PRODUCTION, "redis__conf": "save 60 1\n"}
    return composed(compose_bundle(tmp_path, DEVELOPMENT, MANIFEST, **files))


def service_of(root: Path, keys: str, manifest: str = COMPOSE, **files: str) -> Any:
    """The service that comes of one that publishes port 80 and has these keys."""
    text = f'services:\n  app:\n    build: .\n    ports: ["80:8080"]\n    {keys}\n'
    return composed(compose_bundle(root, text, manifest, **files))["services"]["app"]


def own_volumes(service: Any) -> list[Any]:
    """The volumes of a service of ours, without the last one: the stamp of the release."""
    volumes: list[Any] = service["volumes"][:-1]
    stamp = service["volumes"][-1]
    assert stamp.endswith(":/run/beanpod:ro")
    return volumes


def test_the_app_and_its_dependencies_are_kept(file: Any) -> None:
    assert list(file["services"]) == ["app", "cache"]
    assert list(file) == ["services", "volumes"]
    assert list(file["volumes"]) == ["uploads"]


def test_a_build_becomes_its_image_by_digest(file: Any) -> None:
    assert file["services"]["app"]["image"] == IMAGE
    assert IMAGE.endswith(f"@{DIGEST}")
    assert file["services"]["cache"]["image"] == "redis:7"
    for key in ("build", "container_name", "develop"):
        assert key not in file["services"]["app"]


def test_the_apps_port_is_published_as_80(file: Any) -> None:
    assert file["services"]["app"]["ports"] == ["80:8080", "9229:9229"]


def test_source_mounts_are_removed_and_data_volumes_kept(file: Any) -> None:
    assert own_volumes(file["services"]["app"]) == ["uploads:/uploads", "/scratch", f"{LOGS}/app:/var/log/app"]


def test_development_values_of_the_stages_variables_are_removed(file: Any) -> None:
    app = file["services"]["app"]
    assert app["environment"] == {"NODE_ENV": "production"}
    assert app["env_file"] == [".env"]


def test_the_database_is_removed_with_what_only_it_needs(file: Any) -> None:
    assert file["services"]["app"]["depends_on"] == {"cache": {"condition": "service_started"}}
    assert not {"networks", "secrets"} & file.keys()


def test_every_service_is_restarted_and_has_a_log_folder(file: Any) -> None:
    for name, service in file["services"].items():
        assert service["restart"] == "always"
        assert f"{LOGS}/{name}:/var/log/app" in service["volumes"]


def test_a_mounted_file_is_added_to_the_bundle(tmp_path: Path, file: Any) -> None:
    assert "./redis.conf:/etc/redis.conf:ro" in file["services"]["cache"]["volumes"]
    stage = compose_stage(tmp_path, DEVELOPMENT, MANIFEST)
    bundle = plan_bundle(stage, tmp_path).bundle({"app": IMAGE}, application="a", login_hooks=False)
    assert bundle.files["redis.conf"].data == b"save 60 1\n"
    assert not {"root.txt", "schema.sql", ".env"} & bundle.files.keys()


def test_notes_are_in_the_bundle_and_in_the_file(tmp_path: Path) -> None:
    bundle = compose_bundle(tmp_path, DEVELOPMENT, MANIFEST, compose__prod__yaml=PRODUCTION, redis__conf="")
    keeper = "a named volume (kept across releases, lost with the instance), EFS, S3 or the database"
    assert bundle.notes == (
        "compose.prod.yaml: merged into compose.yaml, as docker compose does with two --file options",
        "service mail: left out: it has a profile",
        "service db: left out: replaced by RDS",
        (
            "service db, volumes: left out: ./schema.sql is not run on RDS, which starts empty: "
            "load it with a migration of the app"
        ),
        "service adminer: left out with db; to keep it, name it in compose.prod.yaml",
        "service app, container_name: left out: other services still reach it as guestbook",
        (
            "service app, volumes: left out: . on /app, because the image already contains it. "
            f"What the container writes there is lost at the next release: store data in {keeper}"
        ),
        (
            "service app, volumes: /scratch is an anonymous volume, which is removed with its container: "
            f"store data in {keeper}"
        ),
        (
            "volume uploads: on the instance's disk: kept across releases, but lost when the instance is replaced, "
            "as by platform updates (by managed_updates): store data in EFS, S3 or the database"
        ),
        "service app, ports: container port 8080 is published as port 80 of the instance",
    )
    header, *comments = bundle.files["docker-compose.yml"].data.decode().partition("services:")[0].splitlines()
    assert (
        header == "# Generated by the deploy script from compose.yaml and compose.prod.yaml: edit that, not this file."
    )
    assert comments == [f"# {note}" for note in bundle.notes]


def test_what_is_built_comes_from_both_files(tmp_path: Path) -> None:
    above = "services:\n  app:\n    build: {target: !reset null, args: {FROM: b, COST: $$5}}\n"
    text = 'services:\n  app:\n    build: {context: ., target: dev, args: [FROM=a, FAST=true]}\n    ports: ["80:80"]\n'
    (spec,) = plan_bundle(compose_stage(tmp_path, text, compose__prod__yaml=above), tmp_path).specs
    assert (spec.name, spec.target) == ("app", None)
    assert spec.args == {"FROM": "b", "FAST": "true", "COST": "$5"}
    assert (spec.context.resolve(), spec.dockerfile.resolve()) == (tmp_path, tmp_path / "Dockerfile")


def test_every_service_with_a_build_is_built(tmp_path: Path) -> None:
    write(tmp_path, {"worker/Dockerfile.worker": "FROM busybox:stable\n"})
    text = """
services:
  web: {build: ., ports: ["80:80"]}
  worker: {build: {context: ./worker, dockerfile: Dockerfile.worker, args: {A: "${NONE:-x}"}}}
"""
    web, worker = plan_bundle(compose_stage(tmp_path, text), tmp_path).specs
    assert (web.name, worker.name) == ("web", "worker")
    assert worker.dockerfile == tmp_path / "worker" / "Dockerfile.worker"
    assert worker.args == {"A": "x"}
    stage = compose_stage(tmp_path, text)
    images: dict[str | None, str] = {"web": IMAGE, "worker": IMAGE.replace("ab", "cd")}
    bundle = plan_bundle(stage, tmp_path).bundle(images, application="a", login_hooks=False)
    assert composed(bundle)["services"]["worker"]["image"] == images["worker"]
    cleanup = bundle.files[".platform/hooks/postdeploy/99_beanpod_cleanup.sh"].data
    assert all(f"{image}".encode() in cleanup for image in images.values())


def test_a_compose_file_in_a_folder_keeps_its_paths(tmp_path: Path) -> None:
    text = """
services:
  web:
    image: nginx:1
    ports: ["80:80"]
    volumes: ["./conf.d:/etc/nginx/conf.d:ro", "../shared/page.html:/page.html:ro"]
    configs: [{source: site, target: /site}]
configs: {site: {file: ./site.json}}
"""
    write(tmp_path, {"deploy/compose.yaml": text, "deploy/conf.d/a.conf": "a", "shared/page.html": "p"})
    write(tmp_path, {"deploy/site.json": "{}"})
    manifest = COMPOSE.replace("compose.yaml", "deploy/compose.yaml")
    bundle = compose_bundle(tmp_path, "", manifest)
    assert {"deploy/conf.d/a.conf", "shared/page.html", "deploy/site.json"} <= bundle.files.keys()
    file = composed(bundle)
    assert file["services"]["web"]["volumes"][:2] == [
        "./deploy/conf.d:/etc/nginx/conf.d:ro",
        "./shared/page.html:/page.html:ro",
    ]
    assert file["configs"] == {"site": {"file": "./deploy/site.json"}}


def test_the_database_is_kept_if_the_stage_has_none(tmp_path: Path) -> None:
    text = 'services:\n  app: {build: ., ports: ["80:80"], depends_on: [db]}\n  db: {image: "mysql:8.4"}\n'
    manifest = f'{COMPOSE}{DATABASE}[stages.dev.database]\nengine = "none"\n'
    assert list(composed(compose_bundle(tmp_path, text, manifest))["services"]) == ["app", "db"]


TOOL = "  tool: {image: tool, depends_on: [db]}\n"
APP = '  app: {build: ., ports: ["80:80"], depends_on: [db]}\n  db: {image: "mysql:8.4"}\n'


@pytest.mark.parametrize(
    ("services", "above", "kept"),
    [
        (TOOL, "", False),
        ("  tool: {image: tool, links: [db:database]}\n", "", False),
        (TOOL, "services: {tool: {}}", True),
        ("  tool: {build: ., depends_on: [db]}\n", "", True),
        ("  tool: {image: tool}\n", "", True),
        (f"{TOOL}  other: {{image: other, depends_on: [tool]}}\n", "", True),
        (f"{TOOL}  other: {{image: other, depends_on: [db, tool]}}\n", "", False),
    ],
    ids=["depends", "links", "named for production", "built", "independent", "needed", "needed by what leaves"],
)
def test_only_a_tool_that_nothing_else_needs_is_removed_with_the_database(
    tmp_path: Path, services: str, above: str, kept: bool
) -> None:
    files = {"compose__prod__yaml": above} if above else {}
    bundle = compose_bundle(tmp_path, f"services:\n{APP}{services}", f"{COMPOSE}{DATABASE}", **files)
    assert ("tool" in composed(bundle)["services"]) == kept


def test_a_pulled_app_is_kept_although_it_needs_the_database(tmp_path: Path) -> None:
    text = 'services:\n  app: {image: wiki, ports: ["8000:8080"], links: [db]}\n  db: {image: "mysql:8.4"}\n'
    app = composed(compose_bundle(tmp_path, text, f"{COMPOSE}{DATABASE}"))["services"]["app"]
    assert app["ports"] == ["80:8080"]
    assert "links" not in app


def test_another_service_gets_only_the_variables_that_it_names(tmp_path: Path) -> None:
    text = f"services:\n{APP}  worker:\n    image: worker\n    environment: {{RDS_HOSTNAME: db, RDS_PORT: , OWN: 1}}\n"
    worker = composed(compose_bundle(tmp_path, text, f"{COMPOSE}{DATABASE}"))["services"]["worker"]
    assert worker["environment"] == {"RDS_HOSTNAME": "${RDS_HOSTNAME}", "RDS_PORT": "${RDS_PORT}", "OWN": 1}
    assert "env_file" not in worker


def test_a_job_that_others_wait_for_is_not_restarted(tmp_path: Path) -> None:
    text = """
services:
  app:
    build: .
    ports: ["80:80"]
    restart: "no"
    depends_on: {migrate: {condition: service_completed_successfully}}
  migrate: {build: .}
  other: {build: ., restart: on-failure}
"""
    services = composed(compose_bundle(tmp_path, text))["services"]
    assert services["app"]["restart"] == "no"
    assert services["migrate"]["restart"] == "no"
    assert services["other"]["restart"] == "on-failure"


@pytest.mark.parametrize(
    ("volumes", "expected"),
    [
        ('["./logs:/app/logs"]', [f"{LOGS}/app:/app/logs"]),
        ('["./nginx-logs:/var/log/nginx"]', [f"{LOGS}/app:/var/log/nginx"]),
        ('["${EB_LOG_BASE_DIR}/app:/srv/out"]', [f"{LOGS}/app:/srv/out"]),
        ('["/var/log/nginx/healthd:/healthd"]', ["/var/log/nginx/healthd:/healthd", f"{LOGS}/app:/var/log/app"]),
        (
            "[{type: tmpfs, target: /tmp, tmpfs: {size: 1}}]",
            [{"type": "tmpfs", "target": "/tmp", "tmpfs": {"size": 1}}, f"{LOGS}/app:/var/log/app"],
        ),
    ],
    ids=["logs", "log folder", "own", "instance", "memory"],
)
def test_logs_are_written_where_beanstalk_collects_them(tmp_path: Path, volumes: str, expected: list[Any]) -> None:
    assert own_volumes(service_of(tmp_path, f"volumes: {volumes}")) == expected


def test_the_file_for_production_may_mount_project_files_into_our_image(tmp_path: Path) -> None:
    above = 'services: {app: {volumes: ["./settings.json:/app/settings.json:ro"], env_file: [settings.env]}}'
    files = {"compose__prod__yaml": above, "settings__json": "{}", "settings__env": "A=1\n"}
    app = service_of(tmp_path, 'volumes: ["./settings.json:/app/settings.json"]', **files)
    assert app["volumes"][0] == "./settings.json:/app/settings.json:ro"
    assert app["env_file"] == ["settings.env", ".env"]


def test_optional_development_env_files_are_removed(tmp_path: Path) -> None:
    files = "[{path: ./.env, required: false}, {path: dev.env, required: false}]"
    app = service_of(tmp_path, f"env_file: {files}", dev__env="A=1\n")
    assert app["env_file"] == [{"path": ".env", "required": False}]


def test_an_optional_production_env_file_may_be_created_on_the_instance(tmp_path: Path) -> None:
    extra = {"path": "extra.env", "required": False}
    above = "services: {app: {env_file: [{path: extra.env, required: false}]}}"
    assert service_of(tmp_path, "tty: true", compose__prod__yaml=above)["env_file"] == [extra, ".env"]


def test_pull_policy_and_platform_of_a_build_are_removed(tmp_path: Path) -> None:
    app = service_of(tmp_path, "image: mine:latest\n    pull_policy: build\n    platform: linux/arm64")
    assert app["image"] == IMAGE
    assert not {"pull_policy", "platform"} & app.keys()


def test_an_environment_secret_is_a_compose_secret(tmp_path: Path) -> None:
    manifest = f"{COMPOSE}[secrets]\nTOKEN = {{ generate = 32 }}\n"
    text = 'services:\n  app: {build: ., ports: ["80:80"], secrets: [token]}\nsecrets: {token: {environment: TOKEN}}\n'
    file = composed(compose_bundle(tmp_path, text, manifest))
    assert file["secrets"] == {"token": {"environment": "TOKEN"}}


def test_a_secret_file_is_noted_as_uploaded(tmp_path: Path) -> None:
    text = 'services:\n  app: {build: ., ports: ["80:80"], secrets: [key]}\nsecrets: {key: {file: key.pem}}\n'
    bundle = compose_bundle(tmp_path, text, key__pem="public")
    assert bundle.files["key.pem"].data == b"public"
    assert bundle.notes == (
        "secrets.key: key.pem is uploaded with the bundle; to avoid that, use [secrets] and write environment here",
    )


def test_a_source_mount_in_the_long_syntax_is_removed(tmp_path: Path) -> None:
    volumes = "[{type: bind, source: src, target: /app/src}, {type: volume, target: /app/src/cache}]"
    assert own_volumes(service_of(tmp_path, f"volumes: {volumes}")) == [f"{LOGS}/app:/var/log/app"]


SECRET = "planted-in-many-places"


def test_no_secret_of_the_developer_is_in_the_bundle(tmp_path: Path) -> None:
    write(tmp_path, {".env": f"RDS_PASSWORD={SECRET}\nTOKEN={SECRET}\n", "root.txt": SECRET, "redis.conf": ""})
    write(tmp_path, {"src/.env": SECRET, ".docker/config.json": SECRET})
    text = DEVELOPMENT.replace("RDS_PASSWORD: development", f"RDS_PASSWORD: {SECRET}")
    manifest = f"{MANIFEST}[secrets]\nTOKEN = {{ generate = 32 }}\n"
    bundle = compose_bundle(tmp_path, text.replace("redis-server", "run ${TOKEN}"), manifest)
    assert b"run ${TOKEN}" in bundle.data
    assert SECRET.encode() not in bundle.data
    assert SECRET not in repr(bundle)


def test_problems_of_removed_services_are_ignored(tmp_path: Path) -> None:
    text = """
services:
  app: {build: ., ports: ["80:8080"], environment: ["RDS_PASSWORD=${MYSQL_PASSWORD}"], command: "run ${MODE}"}
  db:
    image: mysql:${MYSQL_VERSION}
    environment: {MYSQL_PASSWORD: "${MYSQL_PASSWORD:?set it}"}
    ports: ["${MYSQL_PORT}:3306", "nonsense"]
    volumes: ["${MYSQL_DATA}:/var/lib/mysql", "/somewhere/else:/backup"]
    env_file: mysql.env
  tool: {image: x, profiles: [tools], command: $TOOL}
"""
    above = "services: {app: {command: serve}}"
    file = composed(compose_bundle(tmp_path, text, f"{COMPOSE}{DATABASE}", compose__prod__yaml=above))
    assert list(file["services"]) == ["app"]
    assert file["services"]["app"]["command"] == "serve"


def test_a_password_secret_from_the_environment_is_that_of_rds(tmp_path: Path) -> None:
    text = """
services:
  app: {build: ., ports: ["80:8080"], secrets: [password]}
  db: {image: "mysql:8.4", secrets: [password]}
secrets: {password: {environment: RDS_PASSWORD}}
"""
    file = composed(compose_bundle(tmp_path, text, f"{COMPOSE}{DATABASE}"))
    assert file["secrets"] == {"password": {"environment": "RDS_PASSWORD"}}
