"""Options of a verifier: what a config gives it, the same for every sample.

Guarantees: an option that the verifier does not have, and a value of the wrong kind, are refused
before anything is graded, in one line that names the option. Nothing else is imported until options
are looked at.
"""

import difflib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rewards.errors import OptionsError, VerifierDefinitionError
from rewards.verifier import SAMPLE_FIELDS, Verifier

if TYPE_CHECKING:
    from pydantic import BaseModel


def configure(verifier: Verifier[..., Any], options: Mapping[str, Any]) -> Verifier[..., Any]:
    """`verifier` with `options`: a class becomes an instance, a function has arguments fixed.

    Raises:
        OptionsError: An option is unknown, missing, or of the wrong kind.
        VerifierDefinitionError: The verifier is a class, but no pydantic model.
    """
    function = verifier.function
    if isinstance(function, type):
        return replace(verifier, function=_instance(verifier.name, function, options))
    if not options:
        return verifier
    names = [name for name in verifier.columns if name not in SAMPLE_FIELDS]
    _refuse_unknown(verifier.name, options, names)
    return replace(verifier, options=_checked(verifier, options))


def _instance(name: str, model: type, options: Mapping[str, Any]) -> Any:
    from pydantic import BaseModel

    if not issubclass(model, BaseModel):
        raise VerifierDefinitionError(
            f"verifier '{name}' is the class {model.__qualname__}, which is no pydantic model: "
            f"write `class {model.__name__}(pydantic.BaseModel)`, its fields are the options"
        )
    _refuse_unknown(name, options, model.model_fields)
    return _validated(name, model, options)


def _checked(verifier: Verifier[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a function, as its annotations want them."""
    from pydantic import ConfigDict, create_model

    try:
        hints = typing.get_type_hints(verifier.function)
    except NameError:  # a name that only type checkers import
        hints = {}
    wanted: dict[str, Any] = {name: (hints.get(name, Any), ...) for name in options}
    loose = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())
    model: type[BaseModel] = create_model("Options", __config__=loose, **wanted)
    checked = _validated(verifier.name, model, options)
    return {name: getattr(checked, name) for name in options}


def _validated(name: str, model: "type[BaseModel]", options: Mapping[str, Any]) -> "BaseModel":
    from pydantic import ValidationError

    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        faults = [
            f"option {'.'.join(map(str, fault['loc'])) or '(all)'}: {fault['msg']}"
            + ("" if fault["type"] == "missing" else f" (got {fault['input']!r:.80})")
            for fault in error.errors()
        ]
        raise OptionsError(f"verifier '{name}': {'; '.join(faults)}") from error


def _refuse_unknown(name: str, options: Mapping[str, Any], known: Iterable[str]) -> None:
    known = list(known)
    for option in options:
        if option not in known:
            near = difflib.get_close_matches(option, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has: {', '.join(known) or 'none'}"
            raise OptionsError(f"verifier '{name}' has no option '{option}'; {hint}")
