"""`plumb data`: what is done to data sets before they are trained on."""

import typer

from launch.commands.data.cluster import cluster
from launch.commands.data.consensus import consensus
from launch.commands.data.curate import curate
from launch.commands.data.difficulty import difficulty
from launch.commands.data.evolve import evolve
from launch.commands.data.forecast import forecast
from launch.commands.data.mix import mix
from launch.commands.data.report import report
from launch.commands.data.tag import tag
from launch.commands.data.tests import tests
from launch.commands.data.toolgraph import toolgraph
from launch.commands.data.validate import validate

data_app = typer.Typer(
    no_args_is_help=True, help="From public data sets to prompts worth training on."
)

for command in (
    curate, report, difficulty, mix, tag, forecast, cluster, consensus, evolve, tests, toolgraph,
    validate,
):  # fmt: skip
    data_app.command()(command)
