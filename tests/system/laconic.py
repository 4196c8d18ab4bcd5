"""Drives the executable as a user would: what the system tests share."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXECUTABLE = pathlib.Path(os.environ.get("LACONIC", ROOT / "build" / "laconic"))

# Small and quick, and yet real: the quadratic, on which every rank has a part of its own.
QUADRATIC = """
name: "q"
steps: 200
problem { quadratic { dimensions: 2000 } }
method { sync_sgd { batch: 0 schedule { rate: 0.02 } sgd { momentum: 0.5 } } }
exchange { gather {} compressor { top_k { density: 0.05 } } bucket_bytes: 2048 }
checkpoint { every: 20 }
"""

DENSE = QUADRATIC.replace(
    "gather {} compressor { top_k { density: 0.05 } }", 'dense { allreduce: "ring" }')

SMALL_CNN = """
name: "small_cnn"
steps: 12
problem { classifier { small_cnn {} } }
data { fashion_mnist {} }
method { sync_sgd { batch: 16 schedule { rate: 0.05 } sgd { momentum: 0.9 } } }
exchange { gather {} compressor { top_k { density: 0.05 } } }
checkpoint { every: 5 }
"""


def command(*arguments):
    return [str(EXECUTABLE), *map(str, arguments)]


def launched(ranks, *arguments):
    """The same under mpirun, by `laconic launch`."""
    return command("launch", "--allow-run-as-root", "-n", ranks, "--", *arguments)


def run(arguments, timeout=120, **more):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=timeout, **more)


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def ends_of(processes, timeout=120):
    """(status, last line on stderr) of each."""
    ends = []
    for process in processes:
        said = process.communicate(timeout=timeout)[1].strip().splitlines()
        ends.append((process.returncode, said[-1] if said else ""))
    return ends


def leftovers(out):
    """Processes of that run that are still there, given 10 s to go."""
    end = time.monotonic() + 10
    while True:
        found = run(["pgrep", "-f", f"laconic train.*{out}"]).stdout.split()
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.1)


class SystemTest(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="laconic-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)

    def experiment(self, text=QUADRATIC, name="experiment.textproto"):
        path = self.home / name
        path.write_text(text)
        return path

    def succeed(self, arguments, **more):
        done = run(arguments, **more)
        self.assertEqual(done.returncode, 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        return done

    def refuse(self, arguments, status, *said, **more):
        """Ends with that status, and its last line on stderr holds all of `said`."""
        done = run(arguments, **more)
        lines = done.stderr.strip().splitlines() or [""]
        self.assertEqual(done.returncode, status, f"{' '.join(arguments)}\n{done.stderr}")
        for part in said:
            self.assertIn(part, lines[-1], done.stderr)
        return done

    def wait_for_a_row(self, out):
        """Until a run is under way."""
        rows = pathlib.Path(out) / "metrics.jsonl"
        wait_for(lambda: rows.exists() and rows.stat().st_size > 0)

    def summary(self, out):
        return json.loads((pathlib.Path(out) / "summary.json").read_text())

    def one_hash(self, out):
        """The hash of the parameters, the same on every rank."""
        summary = self.summary(out)
        self.assertEqual(summary["status"], "done")
        self.assertEqual(set(summary["parameters_xxh3_by_rank"]), {summary["parameters_xxh3"]})
        return summary["parameters_xxh3"]
