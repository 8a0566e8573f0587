"""The path of an app's health check, as its own files name it."""

import re
from pathlib import Path

from beanpod.deploy.bundles.files import text_of
from beanpod.project.source import source_files

# Not at port 2019, Caddy's admin API, which FrankenPHP's HEALTHCHECK asks: it listens in the container only.
_URL = re.compile(
    r"(?:https?://|(?<![\w/.-])(?=(?:localhost|127\.0\.0\.1)(?::[^/\s]+)?/))(?![^/\s\"']*:2019\b)"
    r"[^/\s\"']+(/[^\s\"'|;)}]*)?"
)
_NAME = r"_?(?:health|healthz|health[-_]?checks?|livez)"
_PATH = rf"(?:[\w-]+/)*{_NAME}/?"
_QUOTED = rf"""\s*["'`](?:GET )?(/{_PATH})["'`]"""
# Of the app itself: a router is often mounted below another path.
_ROUTE = re.compile(
    "|".join(
        (
            # app.get("/health", @app.route("/health"), app.MapHealthChecks("/health"), $app->get("/health"
            rf"\b(?:app|application|server|fastify)(?:\.|->)(?:get|route|use|all|api_route|MapGet|MapHealthChecks)\({_QUOTED}",
            # Go's mux.HandleFunc("GET /health" and r.Get("/health"
            rf"\b(?:app|e|http|mux|r|router)\.(?:GET|Get|Handle|HandleFunc)\({_QUOTED}",
            # Sinatra's get "/health" do, and Rails' get "/health" => or to:
            rf"^\s*get[ (]{_QUOTED}\)?\s*(?:do\b|\{{|=>|,\s*to:)",
            # url === "/health"
            rf"\b(?:path|pathname|url)\s*={{2,3}}{_QUOTED}",
        )
    ),
    re.MULTILINE,
)
# Next.js makes a route of each file, but of none below a name with an underscore: app/api/health/route.ts,
# pages/api/health.js
_ROUTE_FILE = re.compile(rf"(?:src/)?(?:app/(?!(?:.*/)?_)({_PATH})/route|pages/({_PATH}))\.[jt]s")
_COMMENT = re.compile(r"\s*(?://|#|/?\*)")
_DJANGO_ROUTE = re.compile(rf"""^\s*path\(\s*["']({_PATH})["']""", re.MULTILINE)


def checked_path(command: str) -> str | None:
    """Return the path that a command asks for over HTTP, such as `curl -f http://localhost:8000/healthz`."""
    url = _URL.search(command)
    return (url[1] or "/") if url else None


def health_route(folder: Path) -> str | None:
    """Return the path of the health check that the app's source in a folder answers; None where none is seen."""
    for path in source_files(folder):
        if found := _ROUTE_FILE.fullmatch(path.relative_to(folder).as_posix()):
            return f"/{found[1] or found[2]}"
        text = text_of(path)
        for found in _ROUTE.finditer(text):
            if not _COMMENT.match(text, text.rfind("\n", 0, found.start()) + 1):
                return found[found.lastindex or 0]
        # The project's own routes have its settings beside them; those of an app in it may be below another path.
        routes = text if path.name == "urls.py" and (path.parent / "wsgi.py").is_file() else ""
        if found := _DJANGO_ROUTE.search(routes):
            return f"/{found[1]}"
    return None
