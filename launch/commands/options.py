"""Options of commands: one class for all that a command takes, and those that several share.

A command is a function of one argument, `options`, a frozen dataclass whose fields are what typer
would take as parameters. So options are declared apart from what is done with them, in classes of
any length, and pass on as one value.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, get_type_hints

import typer

if TYPE_CHECKING:
    from data.asking import EndpointModel, Model

Options = TypeVar("Options")


def takes_options(does: Callable[[Options], None]) -> Callable[..., None]:
    """A command of typer whose parameters are the fields of the class that `does` takes."""
    hints = get_type_hints(does)
    kind: Any = hints["options"]
    types = get_type_hints(kind, include_extras=True)

    @wraps(does)
    def command(**given: Any) -> None:
        does(kind(**given))

    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [_parameter(field, types[field.name]) for field in _own_first(kind)]
    )
    command.__annotations__ = {**types, "return": None}
    return command


def _own_first(kind: Any) -> "list[Field[Any]]":
    """What a command alone takes, and then what it shares with others."""
    shared = {field.name for base in kind.__mro__[1:-1] for field in fields(base)}
    return sorted(fields(kind), key=lambda field: field.name in shared)


def _parameter(field: "Field[Any]", annotation: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


RunDir = Annotated[Path, typer.Argument(help="a run's folder, finished or still going")]
Records = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="a file or folder of records, such as plumb data curate wrote"
    ),
]
Folder = Annotated[Path, typer.Option(metavar="FOLDER", help="where the records are written")]
ReplaceFolder = Annotated[
    bool, typer.Option("--overwrite", help="replace what the folder holds of other work")
]
SandboxAt = Annotated[
    str,
    typer.Option(
        help="where programs run: docker, bubblewrap, auto (the first that works), or the "
        "URL of a plumb sandbox serve, or several with commas; its token is in PLUMB_SANDBOX_TOKEN"
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY.PATH=VALUE|MORE.yaml]...",
        help="settings that replace the config's, and further configs that are laid over it",
    ),
]
JobAddress = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Ray's job service, the dashboard of the head, such as http://head:8265",
        show_default="RAY_API_SERVER_ADDRESS",
    ),
]

_MODEL: Final = typer.Option(
    "--model",
    metavar="NAME=URL",
    help="an OpenAI-compatible endpoint and the model's name there, such as "
    "qwen3-32b=http://host:8000/v1; URL alone where it serves one model; may be repeated: one "
    "name at several addresses is one model",
)
Engines = Annotated[
    list[str] | None,
    typer.Option(
        "--engine",
        metavar="PATH",
        help="a model's folder or hub id, asked on a vLLM engine of its own, on this machine or "
        "on the cluster of RAY_ADDRESS; may be repeated",
    ),
]
Models = Annotated[list[str], _MODEL]
OptionalModels = Annotated[list[str] | None, _MODEL]
KeyEnv = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]VARIABLE",
        help="environment variable with the API key; NAME= says of which model",
    ),
]
Temperature = Annotated[
    float | None, typer.Option(help="of the models", show_default="the endpoint's own")
]
TopP = Annotated[
    float | None, typer.Option(help="of the models", show_default="the endpoint's own")
]
MaxTokens = Annotated[int, typer.Option(help="tokens of one answer")]
Concurrency = Annotated[int, typer.Option(help="questions open at once, for each model")]
Timeout = Annotated[float, typer.Option(help="seconds for one answer")]
Patience = Annotated[
    float, typer.Option(help="seconds for which an outage is waited out before the command ends")
]
Extra = Annotated[
    str | None,
    typer.Option(
        metavar="JSON",
        help="further fields of a request, such as "
        '\'{"chat_template_kwargs": {"enable_thinking": false}}\'',
    ),
]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """A run: what it is made of, and how it begins."""

    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG", help="YAML config, such as launch/configs/quickstart.yaml"
        ),
    ]
    overrides: Overrides = None
    resume: Annotated[
        bool, typer.Option("--resume", help="continue the run in run_dir from its last checkpoint")
    ] = False
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="delete what run_dir holds and start anew")
    ] = False
    retry: Annotated[
        bool,
        typer.Option(
            "--retry",
            help="continue the run in run_dir if it holds one, else start it: for schedulers that "
            "start a failed command again; in a Ray job the command does so itself",
        ),
    ] = False

    def flags(self) -> list[str]:
        """How it begins, as words of plumb train; raises ConfigError where they contradict."""
        from rl.errors import ConfigError

        given = {"--resume": self.resume, "--retry": self.retry, "--overwrite": self.overwrite}
        found = [flag for flag, is_set in given.items() if is_set]
        if self.overwrite and len(found) > 1:
            raise ConfigError(
                f"{found[0]} goes on with what --overwrite deletes: leave one of them out"
            )
        return found


@dataclass(frozen=True, kw_only=True)
class AskingOptions:
    """How models at endpoints are asked."""

    key_env: KeyEnv = None
    temperature: Temperature = None
    top_p: TopP = None
    max_tokens: MaxTokens = 4096
    concurrency: Concurrency = 32
    timeout: Timeout = 600.0
    patience: Patience = 120.0
    extra: Extra = None

    def served(self, named: list[str]) -> "list[EndpointModel]":
        """The models of --model."""
        from data.asking import models_of

        return models_of(named, self.key_env or (), **self.settings(), **self.sampling())

    def own(self, engines: list[str]) -> "Sequence[Model]":
        """The models of --engine."""
        from launch.datasets.asking import own_models

        return own_models(
            engines,
            max_tokens=self.max_tokens,
            concurrency=self.concurrency,
            **self.sampling(),
        )

    def sampling(self) -> dict[str, Any]:
        """How they sample."""
        return {"temperature": self.temperature, "top_p": self.top_p}

    def settings(self) -> dict[str, Any]:
        """Everything else; raises SourceError where --extra is no object."""
        from launch.datasets.asking import extra_fields

        return {
            "max_tokens": self.max_tokens,
            "concurrency": self.concurrency,
            "timeout": self.timeout,
            "patience": self.patience,
            "extra": extra_fields(self.extra),
        }
