"""`plumb jobs`: the jobs of a cluster, one of them followed or stopped."""

import json
import time
from dataclasses import asdict

from rich.table import Table

from launch.cluster.jobs import ENDED, Job, Service, address_of
from launch.cluster.submit import follow as follow_job
from launch.pages.console import wide_console
from rl.errors import ConfigError


def jobs(id: str | None, address: str | None, *, follow: bool, stop: bool, as_json: bool) -> None:
    """Show a cluster's jobs, or one of them.

    Raises:
        ConfigError: the options contradict each other, or there is no such job.
        ClusterError: the cluster does not answer.
        JobError: the job that was followed failed.
    """
    if id is None and (follow or stop):
        raise ConfigError("which job? name it: plumb jobs ID; plumb jobs alone lists them")
    if follow and (stop or as_json):
        raise ConfigError("--follow shows a log: leave --stop and --json out")
    service = Service(address_of(address))
    if id is None:
        _show(service.jobs(), as_json=as_json)
        return
    job = service.job(id)
    if stop:
        if job.status not in ENDED:
            service.stop(id)
            job = service.ended(id)
        _say(f"{id} is {job.status.lower()}", job, as_json=as_json)
    elif follow:
        follow_job(service, id, lambda line: print(line, flush=True))
    else:
        _show([job], as_json=as_json)


def _say(line: str, job: Job, *, as_json: bool) -> None:
    print(json.dumps(asdict(job), indent=1) if as_json else line, flush=True)


def _show(found: list[Job], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(job) for job in found], indent=1))
        return
    if not found:
        print("no job was submitted yet")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("job", "status", "started", "took", "run_dir"):
        table.add_column(title)
    for job in found:
        began = "" if job.began is None else time.strftime("%F %T", time.localtime(job.began))
        where = job.metadata.get("run_dir", job.entrypoint[:60])
        table.add_row(job.id, job.status.lower(), began, _took(job), where)
    wide_console().print(table)
    for job in found:
        if job.status == "FAILED":
            print(f"{job.id}: {job.message}")


def _took(job: Job) -> str:
    if job.began is None:
        return ""
    minutes, seconds = divmod(round((job.ended or time.time()) - job.began), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
