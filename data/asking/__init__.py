"""Asking models, so that an outage, a limit or a kill costs no answer that was given.

`EndpointModel` asks an OpenAI-compatible endpoint; `AnswerStore` keeps what came back, on disk;
`ask_models` brings both together, and goes on where it was stopped; `Asked` finds answers again.
"""

from data.asking.answers import Answer, Model, Request
from data.asking.asked import Asked
from data.asking.asking import answers_in, ask_models
from data.asking.endpoint import EndpointModel, ModelSettings
from data.asking.named import models_of
from data.asking.store import AnswerStore

__all__ = [
    "Answer",
    "AnswerStore",
    "Asked",
    "EndpointModel",
    "Model",
    "ModelSettings",
    "Request",
    "answers_in",
    "ask_models",
    "models_of",
]
