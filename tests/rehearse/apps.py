"""Three small apps as their owners lay them out, each with a page that counts its visits in a database."""

DJANGO = {
    "manage.py": """\
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
execute_from_command_line(sys.argv)
""",
    "requirements.txt": "Django>=5.2,<6\npsycopg[binary]>=3.2\ngunicorn>=23\n",
    "mysite/__init__.py": "",
    "mysite/settings.py": """\
import os
from urllib.parse import unquote, urlsplit

_URL = urlsplit(os.environ["DATABASE_URL"])
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "mysite.urls"
INSTALLED_APPS = ["visits"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _URL.path[1:],
        "USER": _URL.username,
        "PASSWORD": unquote(_URL.password),
        "HOST": _URL.hostname,
        "PORT": _URL.port,
    }
}
""",
    "mysite/urls.py": """\
from django.http import HttpResponse
from django.urls import path

from visits.models import Visit


def page(request):
    Visit.objects.create()
    return HttpResponse(f"<title>Django</title><p>Visits: {Visit.objects.count()}")


urlpatterns = [path("", page), path("healthz", lambda request: HttpResponse("ok"))]
""",
    "mysite/wsgi.py": """\
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
application = get_wsgi_application()
""",
    "visits/__init__.py": "",
    "visits/models.py": """\
from django.db import models


class Visit(models.Model):
    id = models.BigAutoField(primary_key=True)
""",
    "visits/migrations/__init__.py": "",
    "visits/migrations/0001_initial.py": """\
from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [migrations.CreateModel("Visit", [("id", models.BigAutoField(primary_key=True))])]
""",
    "Dockerfile": """\
FROM python:3.11-slim
WORKDIR /code
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .
EXPOSE 8000
CMD ["gunicorn", "--bind", "0.0.0.0:8000", "mysite.wsgi"]
""",
    ".dockerignore": "*\n!manage.py\n!requirements.txt\n!mysite\n!visits\n",
    "docker-compose.yml": """\
services:
  db:
    image: postgres:17-alpine
    environment:
      POSTGRES_DB: mysite
      POSTGRES_USER: mysite
      POSTGRES_PASSWORD: secret
    volumes:
      - pgdata:/var/lib/postgresql/data
  migrate:
    build: .
    command: python manage.py migrate
    environment: &environment
      DATABASE_URL: postgres://mysite:secret@db:5432/mysite
      SECRET_KEY: ${SECRET_KEY}
    depends_on:
      - db
  web:
    build: .
    command: gunicorn --bind 0.0.0.0:8000 mysite.wsgi
    volumes:
      - .:/code
    ports:
      - "8000:8000"
    environment: *environment
    depends_on:
      migrate:
        condition: service_completed_successfully
volumes:
  pgdata:
""",
}
REDIS = {
    "requirements.txt": "flask>=3\ngunicorn>=23\nredis>=6\n",
    "app.py": """\
import os

from flask import Flask
from redis import Redis

app = Flask(__name__)
redis = Redis.from_url(os.environ["REDIS_URL"])


@app.get("/")
def page():
    redis.rpush("visits", "one")
    return f"<title>Redis</title><p>Visits: {int(redis.get('counted') or 0)}"


@app.get("/up")
def up():
    return {"redis": redis.ping()}
""",
    "worker.py": """\
import os

from redis import Redis

redis = Redis.from_url(os.environ["REDIS_URL"])
while True:
    if redis.blpop("visits", timeout=1):
        redis.incr("counted")
""",
    "nginx.conf": "events {}\nhttp { server { listen 80; location / { proxy_pass http://app:5000; } } }\n",
    "Dockerfile": """\
FROM python:3.11-slim
WORKDIR /code
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py worker.py ./
# Python as the first process of a container takes no SIGTERM: each release would wait 10 s for the worker.
STOPSIGNAL SIGINT
""",
    "compose.yaml": """\
services:
  nginx:
    image: nginx:stable
    ports: ["8080:80"]
    volumes:
      - ./nginx.conf:/etc/nginx/nginx.conf:ro
    # nginx looks the address of the app up once, when it starts.
    depends_on:
      app: {condition: service_started, restart: true}
  app:
    build: .
    command: gunicorn --bind 0.0.0.0:5000 app:app
    environment:
      REDIS_URL: redis://redis:6379/0
    depends_on: [redis]
  worker:
    build: .
    command: python worker.py
    environment:
      REDIS_URL: redis://redis:6379/0
    depends_on: [redis]
  redis:
    image: redis:7
    volumes:
      - data:/data
volumes:
  data:
""",
}
JAVA = {
    # The files that show a Spring Boot app; the app itself is plain Java, because Maven's packages are not at hand.
    "pom.xml": "<project><parent><artifactId>spring-boot-starter-parent</artifactId></parent></project>\n",
    "src/main/resources/application.properties": "spring.datasource.url=jdbc:mysql://localhost:3306/shop\n",
    "src/main/java/Shop.java": """\
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

public class Shop {
    // As Spring resolves ${RDS_PASSWORD} in a property.
    static String setting(String name) {
        return System.getenv(name).replace("${RDS_PASSWORD}", System.getenv("RDS_PASSWORD"));
    }

    static Connection connect() throws SQLException {
        // MariaDB's driver, which requests TLS only if it is told to.
        String url = setting("SPRING_DATASOURCE_URL").replace("jdbc:mysql:", "jdbc:mariadb:")
            + "?useSsl=true&trustServerCertificate=true";
        return DriverManager.getConnection(
            url, setting("SPRING_DATASOURCE_USERNAME"), setting("SPRING_DATASOURCE_PASSWORD"));
    }

    static String page() {
        try (Connection connection = connect(); Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE IF NOT EXISTS visits (id INT AUTO_INCREMENT PRIMARY KEY)");
            statement.execute("INSERT INTO visits VALUES ()");
            ResultSet count = statement.executeQuery("SELECT COUNT(*) FROM visits");
            count.next();
            return "<title>Java</title><p>Visits: " + count.getInt(1);
        } catch (SQLException error) {
            error.printStackTrace();
            return null;
        }
    }

    static void answer(HttpExchange exchange, String text) throws IOException {
        byte[] body = (text == null ? "no database" : text).getBytes();
        exchange.sendResponseHeaders(text == null ? 500 : 200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", exchange -> answer(exchange, page()));
        server.createContext("/healthz", exchange -> answer(exchange, "ok"));
        server.start();
        System.out.println("Listening on port 8080.");
    }
}
""",
    "Dockerfile": """\
FROM eclipse-temurin:17-jdk AS build
WORKDIR /app
COPY src src
RUN javac -d classes src/main/java/Shop.java

FROM eclipse-temurin:17-jre
RUN apt-get update -q && apt-get install -y -q --no-install-recommends curl libmariadb-java
COPY --from=build /app/classes /classes
EXPOSE 8080
HEALTHCHECK --interval=2s CMD curl -f http://localhost:8080/healthz || exit 1
CMD ["java", "-cp", "/classes:/usr/share/java/mariadb-java-client.jar", "Shop"]
""",
}
