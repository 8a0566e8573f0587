"""Ten apps as their owners lay them out: the files that `beanpod init` reads, with the content that is usual there."""

from pathlib import Path
from typing import Any

from beanpod.manifest import Manifest
from beanpod.project.choices import Choices, answered, missing, propose
from beanpod.project.discovery import Discovery, discover
from beanpod.project.manifest_text import manifest_text
from tests.deploy.bundles.projects import write as write_files

NOBODY = {"HOME": "/nonexistent"}
APPS: dict[str, dict[str, str]] = {
    "express": {
        "package.json": '{"scripts": {"start": "node server.js"}, "dependencies": {"express": "^5.1.0"}}',
        "server.js": "const app = require('express')();\napp.get('/', (q, a) => a.send('hello'));\napp.listen(3000);\n",
        "Dockerfile": "FROM node:24-slim\nWORKDIR /app\nCOPY package*.json ./\nRUN npm install\nCOPY . .\nEXPOSE 3000\n"
        'CMD ["npm", "start"]\n',
    },
    "next": {
        "package.json": '{"dependencies": {"next": "15.4.1", "react": "19.1.0", "pg": "^8.16.0"}}',
        "next.config.js": "module.exports = { output: 'standalone' };\n",
        "Dockerfile": "FROM node:24-slim AS build\nWORKDIR /app\nCOPY . .\nRUN npm ci && npm run build\n\n"
        "FROM node:24-slim\nWORKDIR /app\nCOPY --from=build /app/.next/standalone ./\nEXPOSE 3000\n"
        'HEALTHCHECK CMD wget -qO- http://localhost:3000/api/health || exit 1\nCMD ["node", "server.js"]\n',
        ".env.example": "NEXT_PUBLIC_TITLE=Shop\nSTRIPE_SECRET_KEY=\nDATABASE_URL=postgres://app:app@localhost/app\n",
    },
    "django": {
        "manage.py": "import sys\n",
        "mysite/settings.py": "import os\nSECRET_KEY = os.environ['SECRET_KEY']\n",
        "mysite/wsgi.py": "application = None\n",
        "requirements.txt": "Django==5.2\npsycopg[binary]==3.2\ngunicorn==23.0\n",
        "Dockerfile": "FROM python:3.13-slim\nWORKDIR /code\nCOPY requirements.txt .\n"
        "RUN pip install -r requirements.txt\n"
        'COPY . .\nEXPOSE 8000\nCMD ["gunicorn", "--bind", "0.0.0.0:8000", "mysite.wsgi"]\n',
        "docker-compose.yml": """\
services:
  db:
    image: postgres:16-alpine
    environment:
      POSTGRES_DB: mysite
      POSTGRES_USER: mysite
      POSTGRES_PASSWORD: secret
    volumes:
      - pgdata:/var/lib/postgresql/data
  web:
    build: .
    command: gunicorn --bind 0.0.0.0:8000 mysite.wsgi
    volumes:
      - .:/code
    ports:
      - "8000:8000"
    environment:
      DATABASE_URL: postgres://mysite:secret@db:5432/mysite
      SECRET_KEY: ${SECRET_KEY}
      DJANGO_SETTINGS_MODULE: mysite.settings
    depends_on:
      - db
volumes:
  pgdata:
""",
    },
    "flask": {
        "app.py": "from flask import Flask\napp = Flask(__name__)\n",
        "requirements.txt": "flask==3.1\ngunicorn\nPyMySQL\n",
        "Dockerfile": "FROM python:3.13-slim\nCOPY . /app\nWORKDIR /app\nRUN pip install -r requirements.txt\n"
        'CMD ["gunicorn", "-b", "0.0.0.0:5000", "app:app"]\n',
    },
    "fastapi": {
        "app/main.py": "from fastapi import FastAPI\napp = FastAPI()\n",
        "requirements.txt": "fastapi[standard]>=0.115\n",
        "Dockerfile": "FROM python:3.13\nWORKDIR /code\nCOPY ./requirements.txt /code/requirements.txt\n"
        "RUN pip install -r /code/requirements.txt\nCOPY ./app /code/app\n"
        "HEALTHCHECK --interval=30s CMD curl -f http://localhost:80/healthz || exit 1\n"
        'EXPOSE 80\nCMD ["fastapi", "run", "app/main.py", "--port", "80"]\n',
    },
    "spring": {
        "pom.xml": "<project><parent><artifactId>spring-boot-starter-parent</artifactId></parent><dependencies>\n"
        "<dependency><artifactId>spring-boot-starter-actuator</artifactId></dependency>\n"
        "<dependency><artifactId>mysql-connector-j</artifactId></dependency></dependencies></project>\n",
        "src/main/resources/application.properties": "spring.datasource.url=jdbc:mysql://my-mysql:3306/test\n"
        "spring.datasource.username=root\nspring.datasource.password=1234\n",
        "Dockerfile": "FROM eclipse-temurin:17-jdk AS build\nWORKDIR /app\nCOPY . .\nRUN ./mvnw package\n\n"
        "FROM eclipse-temurin:17-jre\nCOPY --from=build /app/target/*.jar /app.jar\nEXPOSE 8080\n"
        'ENTRYPOINT ["java", "-jar", "/app.jar"]\n',
    },
    "laravel": {
        "artisan": "#!/usr/bin/env php\n",
        "composer.json": '{"require": {"laravel/framework": "^12.0"}}',
        "package.json": '{"devDependencies": {"vite": "^7.0"}}',
        "bootstrap/app.php": "<?php return Application::configure()->withRouting(health: '/up')->create();\n",
        ".env.example": "APP_KEY=\nDB_CONNECTION=mysql\nDB_HOST=127.0.0.1\nDB_PASSWORD=\n",
        "docker/nginx.conf": "server { listen 80; location / { fastcgi_pass app:9000; } }\n",
        "Dockerfile": 'FROM php:8.4-fpm\nCOPY . /var/www\nEXPOSE 9000\nCMD ["php-fpm"]\n',
        "docker-compose.yml": """\
services:
  app:
    build: .
    environment:
      APP_KEY: ${APP_KEY}
      DB_CONNECTION: mysql
      DB_HOST: mysql
      DB_PORT: 3306
      DB_DATABASE: laravel
      DB_USERNAME: sail
      DB_PASSWORD: password
    depends_on: [mysql]
  nginx:
    image: nginx:stable
    ports: ["8080:80"]
    volumes:
      - ./docker/nginx.conf:/etc/nginx/conf.d/default.conf:ro
    depends_on: [app]
  mysql:
    image: mysql:8.0
    environment:
      MYSQL_DATABASE: laravel
      MYSQL_USER: sail
      MYSQL_PASSWORD: password
      MYSQL_ROOT_PASSWORD: password
""",
    },
    "rails": {
        "Gemfile": "source 'https://rubygems.org'\ngem 'rails', '~> 8.0'\ngem 'pg', '~> 1.1'\n",
        "Gemfile.lock": "",
        "config/routes.rb": 'Rails.application.routes.draw do\n  get "up" => "rails/health#show"\nend\n',
        "package.json": '{"dependencies": {"esbuild": "^0.25"}}',
        "Dockerfile": "ARG RUBY_VERSION=3.4\nFROM ruby:$RUBY_VERSION-slim AS base\nWORKDIR /rails\n\n"
        "FROM base AS build\nCOPY . .\n\nFROM base\nCOPY --from=build /rails /rails\n"
        'EXPOSE 80\nCMD ["./bin/thrust", "./bin/rails", "server"]\n',
    },
    "go": {
        "go.mod": "module example.com/shop\n\ngo 1.25\n",
        "main.go": "package main\n",
        "Dockerfile": "FROM golang:1.25 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /shop\n\n"
        'FROM debian:bookworm-slim\nCOPY --from=build /shop /shop\nEXPOSE 8080\nCMD ["/shop"]\n',
    },
    "react-and-api": {
        "frontend/package.json": '{"dependencies": {"react": "^19.1.0"}}',
        "frontend/Dockerfile": "FROM node:24-slim AS build\nWORKDIR /app\nCOPY . .\nRUN npm run build\n\n"
        "FROM nginx:stable\nCOPY --from=build /app/dist /usr/share/nginx/html\nEXPOSE 80\n",
        "api/package.json": '{"dependencies": {"express": "^5.1.0", "mysql2": "^3.14.0"}}',
        "api/Dockerfile": 'FROM node:24-slim\nCOPY . /app\nEXPOSE 4000\nCMD ["node", "/app/index.js"]\n',
        "compose.yaml": """\
services:
  frontend:
    build: ./frontend
    ports: ["3000:80"]
    depends_on: [api]
  api:
    build: ./api
    ports: ["4000:4000"]
    environment:
      - DB_HOST=db
      - DB_USER=app
      - DB_PASSWORD=app
      - DB_NAME=shop
      - JWT_SECRET
    depends_on:
      db:
        condition: service_healthy
  db:
    image: mariadb:11
    environment:
      MARIADB_DATABASE: shop
      MARIADB_USER: app
      MARIADB_PASSWORD: app
      MARIADB_ROOT_PASSWORD: root
    healthcheck:
      test: ["CMD", "healthcheck.sh", "--connect"]
""",
    },
}


def lay_out(name: str, folder: Path) -> Path:
    """Write the files of an app into a folder of its name, and return that."""
    write_files(folder / name, APPS[name])
    return folder / name


def proposed(root: Path, **given: Any) -> Choices:
    """What the files in a folder show, with what is given."""
    return propose(discover(root, environ=NOBODY), Choices(**given))


def look(root: Path, **given: Any) -> tuple[Discovery, Choices]:
    """Discover an app and complete the choices, with the first answer to each question."""
    found = discover(root, dockerfile=given.get("dockerfile"), environ=NOBODY)
    choices = propose(found, Choices(image="ada/shop", **given))
    for question in list(missing(found, choices)):
        choices = answered(found, choices, question.option, question.choices[0])
    return found, choices


def write_manifest(root: Path, **given: Any) -> Manifest:
    """Write the manifest of an app, and read it."""
    (root / "beanpod.toml").write_text(manifest_text(*look(root, **given)))
    return Manifest.read(root / "beanpod.toml", build_files=True)
