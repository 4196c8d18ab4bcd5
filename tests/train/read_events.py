#!/usr/bin/env python3
"""Reads a run's TensorBoard files with the real thing and compares them with metrics.jsonl.

    python -m venv build/tensorboard-venv && build/tensorboard-venv/bin/pip install tensorboard
    build/tensorboard-venv/bin/python tests/train/read_events.py RUN

Every report and score has to be there once, also after a resume that took steps back.
"""

import json
import math
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

REPORTS = {
    "train/loss": "loss",
    "train/examples_per_second": "examples_per_second",
    "seconds/compute": "compute_seconds",
    "seconds/compress": "compress_seconds",
    "seconds/wait": "wait_seconds",
    "seconds/decode": "decode_seconds",
    "seconds/apply": "apply_seconds",
    "seconds/hidden": "hidden_seconds",
    "bytes/sent": "bytes_sent",
    "bytes/received": "bytes_received",
}
SCORES = ["loss", "accuracy", "gap", "distance", "robust_loss"]


def expected(run):
    """{tag: {step: value}} from metrics.jsonl; what is not known is in neither."""
    tags = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        found = (
            {f"score/{name}": row["score"][name] for name in SCORES}
            if "score" in row
            else {tag: row[name] for tag, name in REPORTS.items()}
        )
        for tag, value in found.items():
            if value is not None:
                tags.setdefault(tag, {})[row["step"]] = value
    return tags


def main():
    run = pathlib.Path(sys.argv[1])
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    want = expected(run)
    got = {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}
    if set(want) != set(got):
        sys.exit(f"tags differ: {sorted(set(want) ^ set(got))}")
    values = 0
    for tag, by_step in want.items():
        if [event.step for event in got[tag]] != sorted(by_step):
            sys.exit(f"{tag}: steps differ")
        for event in got[tag]:
            if not math.isclose(event.value, by_step[event.step], rel_tol=1e-6, abs_tol=1e-30):
                sys.exit(f"{tag} after {event.step} steps: {event.value}, not {by_step[event.step]}")
            values += 1
    print(f"{len(want)} tags, {values} values: as in metrics.jsonl")


if __name__ == "__main__":
    main()
