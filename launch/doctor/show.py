"""`plumb doctor`: a table a machine, or JSON, and an exit code."""

import json
import os
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.markup import escape
from rich.table import Table

from launch.doctor.findings import worst
from launch.doctor.nodes import Machine, look_at_nodes, look_here
from launch.errors import plain
from launch.pages.console import wide_console
from rl.config_file import load_config

STYLES: Final = {"ok": "green", "warning": "yellow", "failure": "bold red"}


def doctor(
    config_path: Path | None, run_dir: Path | None, address: str | None, *, as_json: bool
) -> bool:
    """Examine this machine, or a cluster's; whether nothing failed.

    Raises:
        ConfigError: the config cannot be read.
        ClusterError: the cluster cannot be joined.
    """
    config = None if config_path is None else load_config(config_path)
    folder = run_dir or (config.run_dir if config else Path("runs"))
    from_environment = os.environ.get("RAY_ADDRESS")
    if address:
        machines = look_at_nodes(address, folder.absolute(), config)
    elif from_environment:
        machines = look_at_nodes(
            from_environment, folder.absolute(), config, named_by="RAY_ADDRESS"
        )
    else:
        machines = [Machine(socket.gethostname(), look_here(folder, config))]
    state = worst([one for machine in machines for one in machine.findings])
    if as_json:
        nodes = [asdict(machine) for machine in machines]
        print(json.dumps({"state": state, "machines": nodes}, indent=1))
    else:
        _show(machines)
    return state != "failure"


def _show(machines: list[Machine]) -> None:
    console = wide_console(markup=True)
    for machine in machines:
        console.print(f"[bold]{escape(machine.name)}[/]")
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="fold", max_width=24)
        table.add_column(overflow="fold")
        for one in machine.findings:
            told = escape(plain(one.detail))
            if one.remedy:
                told += f"\n[dim]-> {escape(plain(one.remedy))}[/]"
            state = f"[{STYLES[one.state]}]{one.state}[/]"
            table.add_row(state, escape(plain(one.subject)), told)
        console.print(table)
    found = [one.state for machine in machines for one in machine.findings]
    console.print(
        f"{found.count('ok')} ok, {found.count('warning')} warnings, "
        f"{found.count('failure')} failures"
    )
