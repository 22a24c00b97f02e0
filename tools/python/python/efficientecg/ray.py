"""Archives on the machines of a Ray cluster, by Ray Data: `pip install efficientecg[ray]`.

```python
efficientecg.ray.classify_archive("s3://bucket/records/", "ptbxl-8lead", output="s3://bucket/results/")
```

What it writes, and how it goes on after a stop, is as in `efficientecg.archives`: the files are the same, whichever of the two made them.
"""

from __future__ import annotations

import os
from typing import Any

from ._findings import _needs
from ._progress import progress as progress_bar
from .archives import SHARD, Archive, Job, Paths, Source, plan


class _Worker:
    """An actor: it loads the model with its first shard, and keeps it."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        shards = zip(batch["shard"], batch["paths"])
        return {"records": [self.job.run(int(shard), [str(path) for path in paths]) for shard, paths in shards]}


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
    (`ray.init`) is one of this machine. A shard whose actor dies is done again by another.
    """
    ray = _needs("ray")
    data = _needs("ray.data")
    job = plan(paths, model, output, shard, how, workers)
    missing = job.missing()
    if not ray.is_initialized():
        ray.init(include_dashboard=False, configure_logging=True, log_to_driver=False)
    count = workers or int(ray.cluster_resources().get("CPU", 1))
    count = max(1, min(count, len(missing)))
    total = job.count()
    done = total - job.count(missing)
    if missing:
        shards = data.from_items(
            [{"shard": number, "paths": list(job.shards[number])} for number in missing], override_num_blocks=len(missing)
        )
        worked = shards.map_batches(
            _Worker, fn_constructor_args=(job.bare(),), batch_size=1, num_cpus=1, compute=data.ActorPoolStrategy(size=count)
        )
        with progress_bar(progress, "records") as tell:
            for row in worked.iter_rows():
                done += int(row["records"])
                if tell is not None:
                    tell(done, total)
    return job.archive()


__all__ = ["classify_archive"]
