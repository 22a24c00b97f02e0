"""Thousands of records: their classes in Parquet files, shard by shard.

```python
efficientecg.archives.classify_archive("records/", "ptbxl-8lead", output="results/")
```

writes

```text
results/archive.json              what was asked for: what was begun with it goes on with it
results/findings/part-00000.parquet    a row each finding
results/bad/part-00000.parquet         a row each record that could not be classified, and why
```

A shard is so many records of the list, always the same ones, and its files appear whole or not at all. So a run that was stopped goes on
with the shards that are not there, and one that is done twice is there once. Needs pyarrow, and fsspec for what is not on a disk:
`pip install efficientecg[archives]`. `efficientecg.ray` does the same on the machines of a Ray cluster.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pickle
import posixpath
import queue
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from . import _native
from ._findings import Findings, _needs
from ._model import Model
from ._progress import progress as progress_bar
from ._records import Record, records_in
from .errors import Error, InputError, RunError

if TYPE_CHECKING:
    import pandas

Paths = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]]]
Source = Union[str, "os.PathLike[str]", bytes, Model]

SHARD = 500
"""Records of a shard unless told: some seconds of work."""
ATTEMPTS = 3
"""Workers that may die over one shard."""
# Files of records in a store; of WFDB's the header alone.
_ENDINGS = (".hea", ".edf", ".bdf", ".dcm", ".xml", ".csv", ".tsv", ".scp")


@dataclass(frozen=True)
class Archive:
    """What a run made: where, records in all, those that could not be classified, and findings."""

    output: str
    records: int
    bad: int
    findings: int

    def to_pandas(self, table: str = "findings") -> pandas.DataFrame:
        """The table `findings` or `bad` as a frame, in the order of the records."""
        parquet, (store, folder) = _needs("pyarrow.parquet"), _store(posixpath.join(self.output, table))
        # By number: a million shards have names of several lengths.
        paths = sorted(store.glob(f"{folder}/part-*.parquet"), key=lambda path: (len(path), path))
        parts = [parquet.read_table(file) for file in _opened(store, paths)]
        frame: pandas.DataFrame = _needs("pyarrow").concat_tables(parts).to_pandas()
        return frame


def _opened(store: Any, paths: Iterable[str]) -> Iterator[Any]:
    for path in paths:
        with store.open(path, "rb") as file:
            yield file


def _store(url: str) -> tuple[Any, str]:
    """The file system of a path or URL, and the path in it."""
    made: tuple[Any, str] = _needs("fsspec.core").url_to_fs(url)
    return made


def list_records(paths: Paths) -> list[str]:
    """The records of a folder, a pattern, a `.zip`, or a folder of a store (`s3://…`), sorted; a list as it is.

    >>> list_records("../demo")
    ['../demo/demo.hea']
    """
    if not isinstance(paths, (str, os.PathLike)):
        return [os.fspath(path) for path in paths]
    path = os.fspath(paths)
    if "://" not in path:
        return records_in(path)
    store, folder = _store(path)
    found = [store.unstrip_protocol(name) for name in store.find(folder) if name.lower().endswith(_ENDINGS)]
    if not found:
        raise InputError(f"{path}: expected records ({', '.join(_ENDINGS)}), found none; name the folder that holds them")
    return sorted(found)


def open_record(path: str, **how: Any) -> Record:
    """A record of a path or URL; of a store its files are copied to this machine meanwhile. `how` goes to `Record.open`.

    Of a store, a WFDB record has to be of one segment.
    """
    if "://" not in path:
        return Record.open(path, **how)
    store, inside = _store(path)
    try:
        with tempfile.TemporaryDirectory() as folder:
            name = posixpath.basename(inside)
            # The paths that are in the list are files; a header names those that lie beside it.
            data = store.cat_file(inside)
            for other in _beside(data) if name.endswith(".hea") else []:
                with open(os.path.join(folder, other), "wb") as file:
                    file.write(store.cat_file(posixpath.join(posixpath.dirname(inside), other)))
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
            return Record.open(os.path.join(folder, name), **how)
    except OSError as error:
        raise Error(f"{path}: expected the files of a record, found {error}; see that they are there") from error


def _beside(header: bytes) -> list[str]:
    """The files that a WFDB header names, all in its own folder."""
    lines = [line.split() for line in header.decode("latin-1").splitlines() if line.strip() and not line.startswith("#")]
    names = dict.fromkeys(line[0] for line in lines[1:])
    return [name for name in names if name not in (".", "..", "~") and "/" not in name and "\\" not in name]


@functools.lru_cache(maxsize=2)
def _model(source: str | bytes, precision: str) -> Model:
    """A model of this process, on one thread."""
    return Model(source, threads=1, precision=precision)


def _spec(model: Source) -> tuple[str | bytes, str]:
    """How a worker loads a model."""
    if isinstance(model, Model):
        source = model._source
        return (source if isinstance(source, bytes) else os.fspath(source)), model._how[1]
    return (model if isinstance(model, bytes) else os.fspath(model)), "f32"


def _one(path: str, model: Model, how: dict[str, Any]) -> Findings | str:
    """A record's findings, or what is wrong with it."""
    reading = {name: how[name] for name in ("fs", "leads", "units") if name in how}
    try:
        return model.classify(open_record(path, **reading), **{name: how[name] for name in how if name not in reading})
    except Error as error:
        return str(error)


def _all(paths: Iterable[str], model: Model, how: dict[str, Any]) -> tuple[list[tuple[str, Findings]], list[tuple[str, str]]]:
    """Records with their findings, and those that could not be classified with what is wrong."""
    found: list[tuple[str, Findings]] = []
    bad: list[tuple[str, str]] = []
    for path in paths:
        made = _one(path, model, how)
        if isinstance(made, str):
            bad.append((path, made))
        else:
            found.append((path, made))
    return found, bad


def _columns(found: Sequence[tuple[str, Findings]], classes: Sequence[str]) -> dict[str, Any]:
    """Findings of some records as columns."""
    def joined(of: Any, kind: Any) -> Any:
        parts = [of(findings) for _, findings in found]
        return np.concatenate(parts) if parts else np.zeros(0, kind)

    columns: dict[str, Any] = {"record": [path for path, findings in found for _ in range(len(findings))]}
    columns["sample"] = joined(lambda f: f.sample, np.int64)
    columns["seconds"] = joined(lambda f: f.seconds, np.float64)
    columns["class"] = [None if label == "-" else label for _, f in found for label in f.labels]
    columns["reason"] = [reason for _, f in found for reason in f.reasons]
    for place, name in enumerate(classes):
        columns[name] = joined(lambda f, place=place: f.probabilities[:, place], np.float32)
    return columns


def classify_frame(frame: pandas.DataFrame, model: Source, **how: Any) -> pandas.DataFrame:
    """The findings of the records whose paths are the column `record` of a frame, for Dask, Spark and the like.

    A row each finding: `record`, `sample`, `seconds`, `class`, `reason`, each class's probability, and `error`, which a row of a record that
    could not be classified has and no other. `how` goes to `Model.classify`. A process loads the model once.
    """
    pandas = _needs("pandas")
    ready = _model(*_spec(model))
    found, bad = _all(map(str, frame["record"]), ready, how)
    columns = _columns(found, ready.classes)
    good = pandas.DataFrame(columns)
    good["error"] = None
    if not bad:
        return _typed(good, ready.classes)
    wrong = pandas.DataFrame({"record": [path for path, _ in bad], "error": [error for _, error in bad]})
    # Columns in which every row is empty would lose their types.
    wrong = wrong.reindex(columns=good.columns)
    return _typed(pandas.concat([good, wrong], ignore_index=True) if len(good) else wrong, ready.classes)


def frame_types(model: Source) -> dict[str, str]:
    """The columns of `classify_frame` and their types by pandas' names, which Dask and Spark want beforehand."""
    return _types(_model(*_spec(model)).classes)


def _types(classes: Sequence[str]) -> dict[str, str]:
    types = {"record": "string", "sample": "int64", "seconds": "float64", "class": "string", "reason": "string"}
    return {**types, **dict.fromkeys(classes, "float32"), "error": "string"}


def _typed(frame: Any, classes: Sequence[str]) -> Any:
    """A frame with the types that were announced; the sample of a record without findings is -1."""
    frame["sample"] = frame["sample"].fillna(-1)
    return frame.astype(_types(classes))


@dataclass(frozen=True)
class Job:
    """An archive's shards and what is done with each; a worker, on whatever machine, needs no more than `bare()` and a shard's paths."""

    output: str
    shards: tuple[tuple[str, ...], ...]
    model: tuple[str | bytes, str]
    how: tuple[tuple[str, Any], ...]

    def bare(self) -> Job:
        """Without the list of records, of which a worker gets those of one shard at a time."""
        return replace(self, shards=())

    def paths_of(self, shard: int) -> tuple[str, str]:
        """The files of a shard: findings and bad records."""
        name = f"part-{shard:05}.parquet"
        return posixpath.join(self.output, "findings", name), posixpath.join(self.output, "bad", name)

    def missing(self) -> list[int]:
        """The shards that are not there yet."""
        store, folder = _store(posixpath.join(self.output, "findings"))
        there = {posixpath.basename(path) for path in store.glob(f"{folder}/part-*.parquet")}
        return [shard for shard in range(len(self.shards)) if f"part-{shard:05}.parquet" not in there]

    def run(self, shard: int, records: Sequence[str] | None = None) -> int:
        """Classifies a shard's records on this thread and writes its files; how many records it has."""
        try:
            return self._run(shard, self.shards[shard] if records is None else records)
        except Error:
            raise
        except Exception as error:  # The disk is full, the store cannot be reached.
            raise RunError(f"shard {shard}: {type(error).__name__}: {error}") from error

    def _run(self, shard: int, records: Sequence[str]) -> int:
        model, pa = _model(*self.model), _needs("pyarrow")
        found, bad = _all(records, model, dict(self.how))
        text, number = pa.string(), pa.float32()
        fields = [("record", text), ("sample", pa.int64()), ("seconds", pa.float64()), ("class", text), ("reason", text)]
        schema = pa.schema([*fields, *((name, number) for name in model.classes)])
        wrong = {"record": [path for path, _ in bad], "error": [error for _, error in bad]}
        findings, apart = self.paths_of(shard)
        # The findings are last: where they are, the shard is done.
        _write(pa.table(wrong, pa.schema([("record", text), ("error", text)])), apart)
        _write(pa.table(_columns(found, model.classes), schema), findings)
        return len(records)

    def count(self, shards: Iterable[int] | None = None) -> int:
        """Records of these shards, or of all."""
        return sum(map(len, self.shards if shards is None else (self.shards[shard] for shard in shards)))

    def archive(self) -> Archive:
        """What is there, counted."""
        parquet, counts = _needs("pyarrow.parquet"), []
        for table in ("findings", "bad"):
            store, folder = _store(posixpath.join(self.output, table))
            files = _opened(store, store.glob(f"{folder}/part-*.parquet"))
            counts.append(sum(parquet.read_metadata(file).num_rows for file in files))
        return Archive(self.output, self.count(), counts[1], counts[0])


def _write(table: Any, path: str) -> None:
    """A file that appears whole or not at all."""
    store, inside = _store(path)
    store.makedirs(posixpath.dirname(inside), exist_ok=True)
    # Two workers may be at the same shard, where one was taken for dead.
    aside = f"{posixpath.dirname(inside)}/.{posixpath.basename(inside)}.{os.getpid()}-{os.urandom(4).hex()}"
    with store.open(aside, "wb") as file:
        _needs("pyarrow.parquet").write_table(table, file)
    if getattr(store, "protocol", "") in ("file", "local") or "file" in getattr(store, "protocol", ()):
        os.replace(aside, inside)
    else:
        store.mv(aside, inside)


def plan(
    paths: Paths, model: Source, output: str | os.PathLike[str], shard: int, how: dict[str, Any], workers: int | None = None
) -> Job:
    """The job, and the note of it in the output; an error where another was begun there."""
    if workers is not None and workers < 1:
        raise InputError(f"workers: expected 1 or more, found {workers}; correct it, or leave it out")
    if not shard > 0:
        raise InputError(f"shard: expected records of a shard, 1 or more, found {shard}; correct it")
    # Workers may run in another folder.
    records = [path if "://" in path else os.path.abspath(path) for path in list_records(paths)]
    if not records:
        raise InputError("paths: expected records, found none; name some")
    if len(set(records)) != len(records):
        twice = next(path for path, count in Counter(records).items() if count > 1)
        raise InputError(f"paths: expected each record once, found {twice} again; leave one out")
    target = os.fspath(output) if "://" in os.fspath(output) else os.path.abspath(output)
    source, precision = _spec(model)
    ready = Model(source, threads=1, precision=precision)
    weights = source if isinstance(source, bytes) else source.encode()
    if isinstance(source, str) and source not in dict(_native.builtin_models()):
        source = os.path.abspath(source)
        # What the file holds: its path may hold another network tomorrow.
        place = Path(source)
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        weights = b"".join(file.read_bytes() for file in files if file.is_file())
    shards = tuple(tuple(records[first : first + shard]) for first in range(0, len(records), shard))
    job = Job(target, shards, (source, precision), tuple(sorted(how.items())))
    asked = json.dumps([records, hashlib.sha256(weights).hexdigest(), precision, shard, sorted(how.items())], default=str)
    note = {
        "model": ready.name, "classes": ready.classes, "records": len(records), "shard": shard,
        "version": _native.__version__, "asked": hashlib.sha256(asked.encode()).hexdigest(),
    }  # fmt: skip
    store, folder = _store(target)
    store.makedirs(folder, exist_ok=True)
    path = posixpath.join(folder, "archive.json")
    if store.exists(path):
        begun = json.loads(store.cat_file(path))
        if begun.get("asked") != note["asked"] or begun.get("version") != note["version"]:
            raise InputError(
                f"{target}: expected an output of the same records, model and settings, found one of "
                f"{begun.get('records')} records by {begun.get('model')} {begun.get('version')}; name another folder, or delete it"
            )
    else:
        with store.open(path, "wb") as file:
            file.write(json.dumps(note, indent=1).encode())
    return job


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
    """Classifies records on this machine's cores, a process each, and writes Parquet.

    `paths` is a folder, a pattern, a `.zip`, a list, or a folder of a store that fsspec knows; `output` a folder of a disk or such a store.
    `workers` is the number of processes, one a core unless told; `shard` the records of a file. `how` goes to `Model.classify`: `lead_map`,
    `any_quality` and so on. A run that was stopped goes on where it was; one of other records, another model or other settings is refused.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = classify_archive("../demo", "mitbih-beats", folder, workers=1, progress=False)
    ...     made.records, made.bad, made.findings
    (1, 0, 110)
    """
    job = plan(paths, model, output, shard, how, workers)
    missing = job.missing()
    left: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in missing:
        left.put(number)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = min(cores if workers is None else workers, len(missing))
    total = job.count()
    done = total - job.count(missing)
    failed: list[BaseException] = []
    with progress_bar(progress, "records") as tell:
        lock = threading.Lock()

        def told(records: int) -> None:
            nonlocal done
            with lock:
                done += records
                if tell is not None:
                    tell(done, total)

        def serve() -> None:
            try:
                _serve(job, left, told, failed)
            except BaseException as error:  # Told to the caller below.
                failed.append(error)

        told(0)
        threads = [threading.Thread(target=serve, daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]
    return job.archive()


def _serve(job: Job, left: queue.SimpleQueue[int], told: Any, failed: list[BaseException]) -> None:
    """Gives a worker one shard after another; starts another worker where one dies."""
    worker: subprocess.Popen[bytes] | None = None
    attempts = 0
    try:
        shard = _next(left, failed)
        while shard is not None:
            if worker is None:
                worker = _start(job)
            answer = _ask(worker, shard, job.shards[shard])
            if answer is None:
                code = worker.wait()
                worker, attempts = None, attempts + 1
                if attempts == ATTEMPTS:
                    first = job.shards[shard][0]
                    raise RunError(
                        f"shard {shard}, from {first}: expected a worker that lives, found {ATTEMPTS} that ended with {code}; "
                        "leave its records out one by one to find the one that does it, and report it"
                    )
                continue
            if isinstance(answer, BaseException):
                raise answer
            told(answer)
            attempts, shard = 0, _next(left, failed)
    finally:
        if worker is not None:
            assert worker.stdin is not None
            worker.stdin.close()
            worker.wait()


def _next(left: queue.SimpleQueue[int], failed: list[BaseException]) -> int | None:
    try:
        return None if failed else left.get_nowait()
    except queue.Empty:
        return None


def _start(job: Job) -> subprocess.Popen[bytes]:
    """A worker that has its job."""
    command = [sys.executable, "-c", "from efficientecg.archives import _work; _work()"]
    # It imports what its parent has.
    paths = os.pathsep.join(path for path in sys.path if path)
    worker = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}
    )
    assert worker.stdin is not None
    try:
        pickle.dump(job.bare(), worker.stdin)
        worker.stdin.flush()
    except BrokenPipeError:
        pass  # Told when it is asked.
    return worker


def _ask(worker: subprocess.Popen[bytes], shard: int, records: Sequence[str]) -> Any:
    """Records of the shard, an exception, or None of a worker that died."""
    assert worker.stdin is not None and worker.stdout is not None
    try:
        pickle.dump((shard, records), worker.stdin)
        worker.stdin.flush()
        return pickle.load(worker.stdout)
    except (BrokenPipeError, EOFError, pickle.UnpicklingError):
        return None


def _work() -> None:
    """A worker: a job, then shards, until its parent hangs up."""
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    job: Job = pickle.load(sys.stdin.buffer)
    while True:
        try:
            shard, records = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer: Any = job.run(shard, records)
        except Error as error:
            answer = error
        pickle.dump(answer, answers)
        answers.flush()


__all__ = ["ATTEMPTS", "SHARD", "Archive", "Job", "classify_archive", "classify_frame", "frame_types", "list_records", "open_record"]
