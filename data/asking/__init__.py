"""Asking models, so that an outage, a limit or a kill costs no answer that was given.

`EndpointModel` asks an OpenAI-compatible endpoint; `AnswerStore` keeps what came back, on disk;
`ask_all` brings both together, and goes on where it was stopped.
"""

from data.asking.answers import Answer, Model, Request
from data.asking.asking import ask_all, open_answers
from data.asking.endpoint import EndpointModel, ModelSettings
from data.asking.named import models_of
from data.asking.store import AnswerStore

__all__ = [
    "Answer",
    "AnswerStore",
    "EndpointModel",
    "Model",
    "ModelSettings",
    "Request",
    "ask_all",
    "models_of",
    "open_answers",
]
