"""What every group of settings is: strict about its keys, and frozen."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A group of settings: frozen, and strict about its keys."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


class NamedSection(Section):
    """A section under a name of the user's choice, so that the nearest key is not looked for."""

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, value: Any) -> Any:
        for key in value if isinstance(value, Mapping) else ():
            if key not in cls.model_fields:
                raise ValueError(f"no setting {key!r}; valid here: {', '.join(cls.model_fields)}")
        return value
