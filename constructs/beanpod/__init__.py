"""AWS CDK constructs that take a Dockerised web app to a running Elastic Beanstalk environment with a database.

`DockerService` composes everything; each other construct is usable alone.
"""

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

# The stub has the names. Each is loaded when it is asked for: a release has no aws_cdk (PEP 562).
_STUB = ast.parse(Path(__file__).with_suffix(".pyi").read_text("utf-8"))
_MODULES = {it.name: str(of.module) for of in _STUB.body if isinstance(of, ast.ImportFrom) for it in of.names}
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(_MODULES[name])
    except ModuleNotFoundError as error:
        if error.name not in ("aws_cdk", "constructs"):
            raise
        raise ImportError("aws-cdk-lib is not installed: run pip install 'beanpod[cdk]'") from None
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
