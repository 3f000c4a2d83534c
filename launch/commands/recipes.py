"""`plumb recipes`: the configs that come along."""

from dataclasses import dataclass
from typing import Annotated

import typer

from launch.commands.options import takes_options
from launch.errors import one_line_errors


@dataclass(frozen=True, kw_only=True)
class RecipesOptions:
    """What `plumb recipes` takes."""

    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="the one to show; none: all are listed")
    ] = None
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FORM|KEY.PATH=VALUE]...", help="a form of its hardware, and settings"
        ),
    ] = None
    whole: Annotated[
        bool, typer.Option("--all", help="every setting, and not only those that are no defaults")
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="print it as JSON")] = False


@takes_options
def recipes(options: RecipesOptions) -> None:
    """List the configs that come along, or show one with its data and its settings.

    Forms are overlays of hardware: plumb train takes them as further files. What is
    printed of a recipe is a config of its own.

    Examples:

      plumb recipes

      plumb recipes qwen3-8b-math 64gpus

      plumb recipes qwen3-8b-math 1gpu-lora train.steps=50 > mine.yaml
    """
    with one_line_errors():
        from launch.recipes.catalog import recipe_named
        from launch.recipes.showing import show, show_all
        from rl.errors import ConfigError

        if options.name is None:
            if options.whole:
                raise ConfigError("--all is of one recipe: name it")
            show_all(as_json=options.as_json)
            return
        show(
            recipe_named(options.name),
            options.changes or (),
            whole=options.whole,
            as_json=options.as_json,
        )
