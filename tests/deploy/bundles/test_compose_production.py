"""The Compose file for Beanstalk that is made from a developer's."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from beanpod.deploy.bundles import plan_bundle
from beanpod.deploy.bundles.compose.services import Kind
from tests.deploy.bundles.projects import (
    COMPOSE,
    DATABASE,
    DIGEST,
    IMAGE,
    compose_bundle,
    compose_stage,
    composed,
    pushed,
    write,
)

LOGS = "${EB_LOG_BASE_DIR}"
WEB = '  web: {build: ., ports: ["80:8080"]}\n'

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


# Services beside the app, and whether they are databases without a volume.
STORES = {
    "{image: mongo:7}": True,
    "{image: 'mcr.microsoft.com/mssql/server:2022-latest'}": True,
    "{image: mongo:7, volumes: ['./compose.yaml:/docker-entrypoint-initdb.d']}": True,
    "{image: mongo:7, volumes: ['data:/data/db']}": False,
    "{image: 'timescale/timescaledb:2.20.0-pg17'}": True,
    "{image: 'percona:8.4'}": True,
    "{image: 'mongo-express'}": False,
    "{image: 'redis:8'}": False,
}


def test_a_database_without_a_volume_is_noted(tmp_path: Path) -> None:
    stores = "".join(f"  s{number}: {keys}\n" for number, keys in enumerate(STORES))
    notes = compose_bundle(tmp_path, f"services:\n{WEB}{stores}volumes: {{data: {{}}}}\n").notes
    noted = [note.partition(",")[0] for note in notes if ", volumes: the database has no volume" in note]
    assert noted == [f"service s{number}" for number, noted in enumerate(STORES.values()) if noted]


def test_a_developers_file_becomes_the_one_of_beanstalk(tmp_path: Path) -> None:
    files = {"compose__prod__yaml": PRODUCTION, "redis__conf": "save 60 1\n"}
    files["Dockerfile"] = "FROM busybox:stable AS dev\nCOPY . /app\nCMD httpd -f\n"
    bundle = compose_bundle(tmp_path, DEVELOPMENT, MANIFEST, **files)
    metadata = f"/var/lib/beanpod/{bundle.hash}/app:/run/beanpod:ro"
    assert composed(bundle) == {
        "services": {
            "app": {
                "image": IMAGE,
                "ports": ["80:8080", "9229:9229"],
                "environment": {"NODE_ENV": "production"},
                "env_file": [".env"],
                "volumes": ["uploads:/uploads", "/scratch", f"{LOGS}/app:/var/log/app", metadata],
                "depends_on": {"cache": {"condition": "service_started"}},
                "networks": {"default": {"aliases": ["guestbook"]}},
                "restart": "always",
            },
            "cache": {
                "image": "redis:7",
                "volumes": ["./redis.conf:/etc/redis.conf:ro", f"{LOGS}/cache:/var/log/app"],
                "command": "redis-server /etc/redis.conf",
                "labels": {"beanpod.files": ANY},
                "restart": "always",
            },
        },
        "volumes": {"uploads": None},
    }
    assert IMAGE.endswith(f"@{DIGEST}")
    assert bundle.files["redis.conf"].data == b"save 60 1\n"
    assert not {"root.txt", "schema.sql", ".env"} & bundle.files.keys()
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
    assert header == "# Generated by beanpod deploy from compose.yaml and compose.prod.yaml: edit that, not this file."
    assert comments == [f"# {note}" for note in bundle.notes]


LOG_FILES = 'volumes: ["./php.log:/var/log/php.log", "./logs:/etc/app/logs:ro"]'
HEALTHD = ["/var/log/nginx/healthd:/healthd"]
TMPFS = {"type": "tmpfs", "target": "/tmp", "tmpfs": {"size": 1}}
BUILD = "    build: .\n"
ENV, EXTRA = {"path": ".env", "required": False}, {"path": "extra.env", "required": False}
UNDEFINED = """container_name: ${STACK}_web
    image: ${REGISTRY}/shop:${TAG}
    platform: ${PLATFORM}
    pull_policy: ${PULL:-build}
    develop: {watch: [{action: sync, path: $SRC, target: /app}]}
    x-note: ${NOTE}"""
PASSED_ON = {
    "command": ["sh", "-c", "echo $$HOME"],
    "deploy": {"resources": {"limits": {"cpus": "0.5", "memory": "50M"}}},
    "extra_hosts": ["a:10.0.0.1"],
    "healthcheck": {"test": "true", "interval": "5s"},
    "init": True,
    "labels": {"a": "b"},
    "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
    "tmpfs": "/run",
    "ulimits": {"nofile": {"soft": 10, "hard": 20}, "nproc": 5},
}
# Keys of a service that is built, those of the file for production, and the keys that come of them, without the log
# folder and the metadata that every service has.
SERVICES: list[tuple[str, str, dict[str, Any]]] = [
    ('volumes: ["./logs:/app/logs"]', "", {"volumes": [f"{LOGS}/s0:/app/logs"]}),
    ('volumes: ["./nginx-logs:/var/log/nginx"]', "", {"volumes": [f"{LOGS}/s1:/var/log/nginx"]}),
    ('volumes: ["${EB_LOG_BASE_DIR}/app:/srv/out"]', "", {"volumes": [f"{LOGS}/app:/srv/out"]}),
    ('volumes: ["/var/log/nginx/healthd:/healthd"]', "", {"volumes": HEALTHD}),
    ("volumes: [{type: tmpfs, target: /tmp, tmpfs: {size: 1}}]", "", {"volumes": [TMPFS]}),
    ("volumes: [{type: bind, source: src, target: /a}, {type: volume, target: /a/cache}]", "", {"volumes": []}),
    (LOG_FILES, LOG_FILES, {"volumes": ["./php.log:/var/log/php.log", "./logs:/etc/app/logs:ro"]}),
    (
        'volumes: ["./settings.json:/settings.json"]',
        'volumes: ["./settings.json:/settings.json:ro"], env_file: [settings.env]',
        {"volumes": ["./settings.json:/settings.json:ro"], "env_file": ["settings.env", ".env"]},
    ),
    ("env_file: [{path: ./.env, required: false}, {path: dev.env, required: false}]", "", {"env_file": [ENV]}),
    ("tty: true", "env_file: [{path: extra.env, required: false}]", {"env_file": [EXTRA, ".env"], "tty": True}),
    ("env_file: [{path: .env, format: raw}]", "", {}),
    ("env_file: dev.env", "env_file: !override .env", {}),
    ("label_file: settings.env", "", {"label_file": ["./settings.env"]}),
    ("depends_on: {debugger: {condition: service_started, required: false}}", "", {}),
    (UNDEFINED, "", {}),
    ("build: {context: ., tags: ['${TAG}'], cache_from: ['${REGISTRY}/cache'], platforms: [$P], x-a: $A}", "", {}),
    (
        "\n    ".join(f"{key}: {json.dumps(value)}" for key, value in PASSED_ON.items()),
        "",
        PASSED_ON | {"restart": "always"},
    ),
    ("labels: [a=b, c]", "", {"labels": {"a": "b", "c": None}}),
]


def test_keys_of_services_become_those_of_beanstalk(tmp_path: Path) -> None:
    files = {"settings__json": "{}", "settings__env": "A=1\n", "dev__env": "A=1\nB=2\n", "php__log": ""}
    write(tmp_path, {"logs/x": ""})
    text = f"name: ${{STACK}}\nx-b: $B\nservices:\n{WEB}  debugger: {{image: x, profiles: [dev]}}\n"
    for number, (keys, _, _) in enumerate(SERVICES):
        text += f"  s{number}:\n    {keys}\n{'' if keys.startswith('build') else BUILD}"
    above = "services:\n" + "".join(f"  s{number}: {{{keys}}}\n" for number, (_, keys, _) in enumerate(SERVICES))
    bundle = compose_bundle(tmp_path, text, compose__prod__yaml=above, **files)
    for number, (_, _, expected) in enumerate(SERVICES):
        service = composed(bundle)["services"][f"s{number}"]
        logs, metadata = f"{LOGS}/s{number}:/var/log/app", f"/var/lib/beanpod/{bundle.hash}/s{number}:/run/beanpod:ro"
        assert metadata in service["volumes"]
        service["volumes"] = [volume for volume in service["volumes"] if volume not in (logs, metadata)]
        plain = {"image": IMAGE, "volumes": [], "env_file": [".env"], "restart": "on-failure"}
        assert service == {**plain, **expected}
    assert "settings.env" in bundle.files
    assert {
        "service s8, env_file: left out: dev.env, and with it A, B",
        "service s9, env_file: extra.env does not exist here and is not required; a hook may create it on the instance",
        "service s13, depends_on: debugger left out, as it is not required",
        "service s14, container_name: left out: the service is named s14",
    } <= set(bundle.notes)


WITH_A_DATABASE = """
services:
  app: {build: ., ports: ["80:80"], depends_on: [db]}
  db: {image: "mysql:8.4", secrets: [password]}
  depends: {image: tool, depends_on: [db]}
  links: {image: tool, links: [db:database]}
  named: {image: tool, depends_on: [db]}
  built: {build: ., depends_on: [db]}
  independent: {image: tool, environment: {RDS_HOSTNAME: db, RDS_PORT: , OWN: 1}, secrets: [password, token]}
  needed: {image: tool, depends_on: [db]}
  other: {image: tool, depends_on: [needed]}
  dropped: {image: tool, depends_on: [db]}
  with_it: {image: tool, depends_on: [db, dropped]}
secrets: {password: {environment: RDS_PASSWORD}, token: {environment: TOKEN}}
"""


def test_only_tools_that_nothing_else_needs_are_removed_with_the_database(tmp_path: Path) -> None:
    manifest = f"{COMPOSE}[secrets]\nTOKEN = {{ generate = 32 }}\n{DATABASE}"
    bundle = compose_bundle(tmp_path, WITH_A_DATABASE, manifest, compose__prod__yaml="services: {named: {}}")
    services = composed(bundle)["services"]
    assert sorted(services) == ["app", "built", "independent", "named", "needed", "other"]
    # A service that is not built gets only the variables that it names.
    expected = {"RDS_HOSTNAME": "${RDS_HOSTNAME}", "RDS_PORT": "${RDS_PORT}", "OWN": 1}
    assert services["independent"]["environment"] == expected
    assert "env_file" not in services["independent"]
    assert composed(bundle)["secrets"] == {
        "password": {"environment": "RDS_PASSWORD"},
        "token": {"environment": "TOKEN"},
    }
    without = f'{manifest}[stages.dev.database]\nengine = "none"\n'
    secrets = WITH_A_DATABASE.replace("RDS_PASSWORD", "TOKEN").replace("RDS_PORT: , ", "")
    assert {"db", "links"} <= composed(compose_bundle(tmp_path, secrets, without))["services"].keys()


def test_a_pulled_app_is_kept_although_it_needs_the_database(tmp_path: Path) -> None:
    text = 'services:\n  app: {image: wiki, ports: ["8000:8080"], links: [db]}\n  db: {image: "mysql:8.4"}\n'
    app = composed(compose_bundle(tmp_path, text, f"{COMPOSE}{DATABASE}"))["services"]["app"]
    assert (app["ports"], "links" in app) == (["80:8080"], False)


def test_secrets_that_are_uploaded_or_built_in_are_noted(tmp_path: Path) -> None:
    args = "{NPM_TOKEN: npm-1234, NODE_ENV: production}"
    app = f"  app: {{build: {{context: ., args: {args}}}, secrets: [key]}}\n"
    bundle = compose_bundle(tmp_path, f"services:\n{WEB}{app}secrets: {{key: {{file: key.pem}}}}\n", key__pem="public")
    assert bundle.files["key.pem"].data == b"public"
    uploaded, built_in = (note for note in bundle.notes if "secret" in note)
    assert uploaded == (
        "secrets.key: key.pem is uploaded with the bundle; to avoid that, use [secrets] and write environment here"
    )
    looks = "service app, build.args.NPM_TOKEN: looks like a secret, its name contains TOKEN, and every"
    assert built_in.startswith(looks)
    assert "npm-1234" not in built_in


# Keys of a service, how another one depends on it, and its kind and restart policy on the instance.
RESTARTS = [
    ('build: ., restart: "no"', "", Kind.ONCE, "no"),
    ("build: ., restart: on-failure", "", Kind.ONCE, "on-failure"),
    ("build: ., restart: 'on-failure:3'", "", Kind.ONCE, "on-failure:3"),
    ("build: ., restart: always", "", Kind.SERVER, "always"),
    ("build: ., restart: unless-stopped", "", Kind.SERVER, "unless-stopped"),
    ("build: ., deploy: {restart_policy: {condition: none}}", "", Kind.ONCE, None),
    ("build: ., deploy: {restart_policy: {condition: on-failure, max_attempts: 2}}", "", Kind.ONCE, None),
    ("build: ., deploy: {restart_policy: {}}", "", Kind.SERVER, None),
    ("build: .", "", Kind.WORKER, "on-failure"),
    ("build: .", "service_started", Kind.WORKER, "on-failure"),
    ("build: .", "service_completed_successfully", Kind.JOB, "no"),
    ("build: .", "service_healthy", Kind.SERVER, "always"),
    ("build: ., expose: ['9000']", "", Kind.SERVER, "always"),
    ("build: ., ports: ['9000:9000']", "", Kind.SERVER, "always"),
    ("build: ., healthcheck: {test: [CMD, 'true']}", "", Kind.SERVER, "always"),
    ("build: ., healthcheck: {disable: true}", "", Kind.WORKER, "on-failure"),
    ("image: 'redis:7'", "service_started", Kind.SERVER, "always"),
    ("image: 'agent:1'", "", Kind.WORKER, "on-failure"),
    ("build: ., scale: 0", "", None, "on-failure"),
    ("build: ., deploy: {replicas: 0}", "", None, "on-failure"),
]


def test_services_get_the_restart_policy_of_their_kind(tmp_path: Path) -> None:
    rows = {f"s{number}": row for number, row in enumerate(RESTARTS)}
    awaited = ", ".join(f"{name}: {{condition: {how}}}" for name, (_, how, _, _) in rows.items() if how)
    text = f'services:\n  web: {{build: ., ports: ["80:8080"], restart: "no", depends_on: {{{awaited}}}}}\n'
    bundle = compose_bundle(tmp_path, text + "".join(f"  {name}: {{{keys}}}\n" for name, (keys, *_) in rows.items()))
    hook, again = (bundle.files[f".platform/{it}/postdeploy/98_beanpod_verify.sh"] for it in ("hooks", "confighooks"))
    assert hook.data == again.data
    lines = hook.data.decode().partition("services='")[2].partition("'")[0].splitlines()
    kinds = {name: kind for name, (_, _, kind, _) in rows.items() if kind}
    assert dict(line.split() for line in lines) == {"web": Kind.SERVER, **kinds}
    restarts = {name: service.get("restart") for name, service in composed(bundle)["services"].items()}
    assert restarts == {"web": "no", **{name: word for name, (_, _, _, word) in rows.items()}}


def test_what_is_built_comes_from_both_files(tmp_path: Path) -> None:
    above = "services:\n  web:\n    build: {target: !reset null, args: {FROM: b, COST: $$5}}\n"
    text = """
services:
  web: {build: {context: ., target: dev, args: [FROM=a, FAST=true]}, ports: ["80:80"]}
  worker: {build: {context: ./worker, dockerfile: Dockerfile.worker, args: {A: "${NONE:-x}"}}}
"""
    write(tmp_path, {"worker/Dockerfile.worker": "FROM busybox:stable\n"})
    plan = plan_bundle(compose_stage(tmp_path, text, compose__prod__yaml=above), tmp_path)
    assert [(it.name, it.target, it.args, it.context.resolve(), it.dockerfile.resolve()) for it in plan.specs] == [
        ("web", None, {"FROM": "b", "FAST": "true", "COST": "$5"}, tmp_path, tmp_path / "Dockerfile"),
        ("worker", None, {"A": "x"}, tmp_path / "worker", tmp_path / "worker/Dockerfile.worker"),
    ]
    images: dict[str | None, str] = {"web": IMAGE, "worker": IMAGE.replace("ab", "cd")}
    bundle = plan.bundle(images, application="a", login_hooks=False)
    assert composed(bundle)["services"]["worker"]["image"] == images["worker"]
    cleanup = bundle.files[".platform/hooks/postdeploy/99_beanpod_cleanup.sh"].data
    assert all(image.encode() in cleanup for image in images.values())


@pytest.mark.parametrize(
    ("built", "named"),
    [
        ("ada/shop", "ada/shop"),
        ("ada/shop", "ada/shop:latest"),
        ("docker.io/library/shop:latest", "shop"),
        ("${REGISTRY:-ada}/shop:${TAG}", "ada/shop:${TAG}"),
        ("ghcr.io/ada/shop:1", "ghcr.io/ada/shop:1"),
    ],
)
def test_a_service_with_the_image_of_a_build_is_built_too(tmp_path: Path, built: str, named: str) -> None:
    text = f"""
services:
  web: {{build: {{context: ., target: dev}}, image: "{built}", ports: ["80:8080"]}}
  worker: {{image: "{named}", pull_policy: never, command: work}}
  other: {{image: "ada/shop:2"}}
"""
    plan = plan_bundle(compose_stage(tmp_path, text, f'{COMPOSE}[variables]\nTAG = "7"\n'), tmp_path)
    assert [(spec.name, spec.target) for spec in plan.specs] == [("web", "dev"), ("worker", "dev")]
    assert plan.pulled == {"other": "ada/shop:2"}
    worker = composed(pushed(plan))["services"]["worker"]
    assert (worker["image"], worker["env_file"], worker["command"]) == (IMAGE, [".env"], "work")
    assert "pull_policy" not in worker


def test_a_seccomp_profile_is_in_the_bundle(tmp_path: Path) -> None:
    text = """
services:
  web: {build: ., ports: ["80:80"], security_opt: ["seccomp=./chrome.json", "no-new-privileges:true"]}
  agent: {image: agent, security_opt: ["seccomp:../shared/agent.json", "seccomp=unconfined"]}
"""
    manifest = COMPOSE.replace("compose.yaml", "deploy/compose.yaml")

    def services(profile: str) -> Any:
        write(tmp_path, {"deploy/compose.yaml": text, "deploy/Dockerfile": "FROM busybox:stable\n"})
        write(tmp_path, {"deploy/chrome.json": "{}", "shared/agent.json": profile})
        bundle = compose_bundle(tmp_path, "", manifest)
        assert {"deploy/chrome.json", "shared/agent.json"} <= bundle.files.keys()
        return composed(bundle)["services"]

    first, second = services("{}"), services('{"a": 1}')
    assert first["web"]["security_opt"] == ["seccomp=./deploy/chrome.json", "no-new-privileges:true"]
    assert first["agent"]["security_opt"] == ["seccomp=./shared/agent.json", "seccomp=unconfined"]
    assert first["agent"]["labels"] != second["agent"]["labels"]


def test_a_build_reads_variables_that_are_no_secrets(tmp_path: Path) -> None:
    values = {"API": "https://a.example/$1", "JSON": "{{}}", "HOST": "{database.host}"}
    variables = "".join(f'{name} = "{value}"\n' for name, value in values.items())
    args = "['A=${API:-http://localhost}', J=$JSON, 'H=${HOST:-db}', 'T=${TOKEN:-none}', 'P=${API:+set}', N=$$API]"
    text = f'services: {{web: {{build: {{context: ., args: {args}}}, ports: ["80:80"]}}}}'
    manifest = (
        f"{COMPOSE}[variables]\n{variables}[secrets]\nTOKEN = {{ generate = 32 }}\n[database]\nengine = 'mysql'\n"
    )
    (spec,) = plan_bundle(compose_stage(tmp_path, text, manifest), tmp_path).specs
    expected = {"A": "https://a.example/$1", "J": "{}", "H": "db", "T": "none", "P": "set", "N": "$API"}
    assert spec.args == expected


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
    files = ("deploy/conf.d/a.conf", "shared/page.html", "deploy/site.json")
    write(tmp_path, {"deploy/compose.yaml": text, **dict.fromkeys(files, "x")})
    bundle = compose_bundle(tmp_path, "", COMPOSE.replace("compose.yaml", "deploy/compose.yaml"))
    file = composed(bundle)
    assert set(files) <= bundle.files.keys()
    mounts = ["./deploy/conf.d:/etc/nginx/conf.d:ro", "./shared/page.html:/page.html:ro"]
    assert file["services"]["web"]["volumes"][:2] == mounts
    assert file["configs"] == {"site": {"file": "./deploy/site.json"}}


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


PROXY = """
services:
  proxy: {{image: "{image}", ports: ["80:80"]{depends_on}}}
  app: {{build: .}}
  migrate: {{build: .}}
"""
RESTARTED = ", depends_on: {app: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}"


@pytest.mark.parametrize("image", ["nginx:stable", "caddy:2", "ghcr.io/ada/front@sha256:" + "ab" * 32])
def test_a_proxy_is_restarted_with_what_it_forwards_to(image: str, tmp_path: Path) -> None:
    text = "service proxy, depends_on.app: restart: true is added, because a release may change the address of that"
    for depends_on, added in ((RESTARTED, True), (RESTARTED.replace("_healthy", "_healthy, restart: true"), False)):
        bundle = compose_bundle(tmp_path, PROXY.format(image=image, depends_on=depends_on))
        on = composed(bundle)["services"]["proxy"]["depends_on"]
        assert (on["app"]["restart"], "restart" in on["migrate"]) == (True, False)
        assert any(note.startswith(text) for note in bundle.notes) is added


@pytest.mark.parametrize(
    ("image", "noted"),
    [
        ("nginxinc/nginx-unprivileged:1", True),
        ("bitnami/nginx@sha256:" + "ab" * 32, True),
        *((image, True) for image in ("nginx", "haproxy:3", "httpd:2.4", "openresty/openresty")),
        *((image, False) for image in ("caddy:2", "ada/shop:nginx", "nginx.example.com/shop:1")),
    ],
)
def test_a_proxy_that_depends_on_nothing_is_noted(image: str, noted: bool, tmp_path: Path) -> None:
    how = "{condition: service_started, restart: true}"
    remedy = f"if it forwards to app or migrate, write depends_on: {{app: {how}, migrate: {how}}}"
    text = f"service proxy: {remedy}, because a release may change the address, which this proxy looks up once"
    assert (text in compose_bundle(tmp_path, PROXY.format(image=image, depends_on="")).notes) is noted


def test_changed_files_make_a_new_container_of_a_service_that_is_not_built(tmp_path: Path) -> None:
    text = """
services:
  app: {build: ., ports: ["80:8080"], volumes: ["./app.conf:/app.conf:ro"]}
  cache: {image: redis:7, volumes: ["./conf.d:/conf.d:ro"], configs: [site], labels: [a=b]}
  inline: {image: redis:7, configs: [inline]}
  bound: {image: redis:7, volumes: ["bound:/conf.d:ro", "kept:/data"]}
  other: {image: redis:7, volumes: ["kept:/data"]}
configs: {site: {file: ./site.json}, inline: {content: a}}
volumes: {bound: {driver_opts: {type: none, o: bind, device: ./conf.d}}, kept: }
"""

    def labels(text: str = text, **changed: str) -> Any:
        services = composed(compose_bundle(tmp_path, text, app__conf="x", **changed))["services"]
        return {name: service.get("labels") for name, service in services.items()}

    write(tmp_path, {"conf.d/a.conf": "a"})
    first = labels(site__json="{}")
    label = {"beanpod.files": ANY}
    labelled = {"cache": {"a": "b"} | label, **dict.fromkeys(("inline", "bound"), label)}
    assert first == {"app": None, "other": None, **labelled}
    assert labels() == first
    write(tmp_path, {"conf.d/a.conf": "changed"})
    all_labels = [first, labels(), labels(site__json="changed"), labels(text.replace("content: a", "content: b"))]
    changes = {name: len({one[name]["beanpod.files"] for one in all_labels}) for name in labelled}
    assert changes == {"cache": 3, "inline": 2, "bound": 2}
