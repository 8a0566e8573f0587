"""What all sections of the manifest share."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, SerializerFunctionWrapHandler, WrapSerializer

Value = TypeVar("Value")


class Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


def _read_only(values: Mapping[str, Value]) -> Mapping[str, Value]:
    return MappingProxyType(dict(values))


def _serialized(values: Mapping[str, Value], handler: SerializerFunctionWrapHandler) -> object:
    return handler(dict(values))


Table = Annotated[Mapping[str, Value], AfterValidator(_read_only), WrapSerializer(_serialized)]
