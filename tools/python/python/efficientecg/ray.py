"""Archives on the machines of a Ray cluster: `pip install efficientecg[ray]`.

```python
efficientecg.ray.classify_archive("s3://bucket/records/", "ptbxl-8lead", output="s3://bucket/results/")
```

What it writes, and how it goes on after a stop, is as in `efficientecg.archives`: the files are the same, whichever of the two made them.
Within a pipeline of Ray Data, map `efficientecg.archives.classify_frame` over its batches.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from ._findings import _needs
from ._progress import progress as progress_bar
from .archives import ATTEMPTS, SHARD, Archive, Job, Paths, Source, plan
from .errors import Error, RunError


class _Worker:
    """An actor: it loads the model with its first shard, and keeps it."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def start(self) -> int:
        """Answers once the actor has a core."""
        return 0

    def run(self, shard: int, paths: Sequence[str]) -> int:
        return self.job.run(shard, paths)


def classify_archive(
    paths: Paths,
    model: Source,
    output: str | os.PathLike[str] = "results/",
    *,
    workers: int | None = None,
    shard: int = SHARD,
    progress: bool = True,
    **how: Any,
) -> Archive:
    """Classifies records on a Ray cluster, an actor each core with the model loaded once, and writes Parquet.

    As `efficientecg.archives.classify_archive`, whose arguments it takes; `workers` is the number of actors, one for each core of the cluster
    unless told. Paths and the output must be reached from every machine: a store, or a folder that all share. A cluster that was not joined
    (`ray.init`) is one of this machine. A shard whose actor dies is done again, by an actor that Ray starts in its place.
    """
    ray = _needs("ray")
    job = plan(paths, model, output, shard, how, workers)
    missing = job.missing()
    if not ray.is_initialized():
        ray.init(include_dashboard=False, configure_logging=True, log_to_driver=False)
    count = workers or int(ray.cluster_resources().get("CPU", 0))
    if count < 1:
        raise RunError("Ray: expected a cluster with a core, found none; start its machines, or give `workers` where it grows by itself")
    kind = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=ATTEMPTS - 1)(_Worker)
    bare = ray.put(job.bare())
    actors = [kind.remote(bare) for _ in range(max(1, min(count, len(missing))))] if missing else []
    try:
        with progress_bar(progress, "records") as tell:
            done, total = job.count() - job.count(missing), job.count()
            for records in _work(ray, job, missing, actors):
                done += records
                if tell is not None:
                    tell(done, total)
    finally:
        for actor in actors:
            ray.kill(actor)
    return job.archive()


def _work(ray: Any, job: Job, missing: Sequence[int], actors: Sequence[Any]) -> Iterator[int]:
    """Gives each actor one shard after another, and yields the records of each that is done."""
    left = iter(missing)
    # An actor for which the cluster has no core yet does not answer, and gets no shard.
    running: dict[Any, tuple[Any, int | None]] = {actor.start.remote(): (actor, None) for actor in actors}
    undone = len(missing)
    while undone:
        (answer,), _ = ray.wait(list(running), num_returns=1)
        actor, shard = running.pop(answer)
        records = _answer(ray, answer, job, shard)
        following = next(left, None)
        if following is not None:
            running[actor.run.remote(following, list(job.shards[following]))] = (actor, following)
        else:
            # Its core is for an actor that is started again elsewhere.
            ray.kill(actor)
        if shard is not None:
            undone -= 1
            yield records


def _answer(ray: Any, answer: Any, job: Job, shard: int | None) -> int:
    """Records of the shard; an error in this package's words."""
    try:
        return int(ray.get(answer))
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, Error):
            raise error.cause from None
        raise RunError(f"a worker of Ray: {type(error.cause).__name__}: {error.cause}") from error
    except ray.exceptions.RayError as error:
        line = (str(error).splitlines() or [type(error).__name__])[0]
        if shard is None:
            raise RunError(f"a worker of Ray: expected one that starts, found: {line}") from error
        place = f"shard {shard}, from {job.shards[shard][0]}"
        if not isinstance(error, ray.exceptions.RayActorError):
            raise RunError(f"{place}: expected its records, found: {line}; correct the cluster and start again") from error
        raise RunError(
            f"{place}: expected a worker that lives, found {ATTEMPTS} that died: {line}; "
            "leave its records out one by one to find the one that does it, and report it"
        ) from error


__all__ = ["classify_archive"]
