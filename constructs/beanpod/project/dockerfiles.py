"""The shortest Dockerfile of most languages, for an app that has none yet."""

from pathlib import Path

from beanpod.project.frameworks import Framework

_DOCKERFILES = {
    "Node.js": """\
FROM node:24-slim
WORKDIR /app
COPY package*.json ./
RUN npm ci --omit=dev
COPY . .
EXPOSE 8080
CMD ["npm", "start"]
""",
    "Python": """\
FROM python:3.13-slim
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
EXPOSE 8080
CMD ["gunicorn", "--bind", "0.0.0.0:8080", "app:app"]
""",
    "Java": """\
FROM eclipse-temurin:21-jdk AS build
WORKDIR /app
COPY . .
RUN ./mvnw --batch-mode package -DskipTests

FROM eclipse-temurin:21-jre
COPY --from=build /app/target/*.jar /app.jar
EXPOSE 8080
CMD ["java", "-jar", "/app.jar"]
""",
    "PHP": """\
FROM php:8.4-apache
COPY . /var/www/html/
EXPOSE 80
""",
    "Ruby": """\
FROM ruby:3.4-slim
WORKDIR /app
COPY Gemfile Gemfile.lock ./
RUN bundle install
COPY . .
EXPOSE 8080
CMD ["bundle", "exec", "puma", "--port", "8080"]
""",
    "Go": """\
FROM golang:1.25 AS build
WORKDIR /app
COPY . .
RUN CGO_ENABLED=0 go build -o /server .

FROM alpine:3.22
COPY --from=build /server /server
EXPOSE 8080
CMD ["/server"]
""",
    ".NET": """\
FROM mcr.microsoft.com/dotnet/sdk:9.0 AS build
WORKDIR /app
COPY . .
RUN dotnet publish --configuration Release --output /out

FROM mcr.microsoft.com/dotnet/aspnet:9.0
WORKDIR /app
COPY --from=build /out .
EXPOSE 8080
CMD ["dotnet", "APP.dll"]
""",
}


def dockerfile_for(framework: Framework, folder: Path) -> str:
    """Return a Dockerfile to begin with: it builds the app in the usual way of its language, and listens on 8080.

    "" for a language whose builds have no usual way, such as Rust.

    Args:
        framework: The framework of the app, or only its language.
        folder: The app's folder.
    """
    text = _DOCKERFILES.get(framework.language, "")
    if framework.name == "FastAPI":
        uvicorn = '"uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8080"'
        text = text.replace('"gunicorn", "--bind", "0.0.0.0:8080", "app:app"', uvicorn)
    if framework.name == "Django":
        project = next((path.parent.name for path in sorted(folder.glob("*/wsgi.py"))), "PROJECT")
        text = text.replace("app:app", f"{project}.wsgi")
    if framework.language == "Java" and not (folder / "pom.xml").is_file():
        text = text.replace("./mvnw --batch-mode package -DskipTests", "./gradlew bootJar")
        text = text.replace("target/", "build/libs/")
    if framework.language == ".NET":
        text = text.replace("APP", next((path.stem for path in sorted(folder.glob("*.csproj"))), "APP"))
    return text
