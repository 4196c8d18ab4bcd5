"""kill -9 of a rank at any moment: nothing is left over, and resumed the run ends with the bits of an undisturbed one.

Three times, or as often as LACONIC_KILLS says.
"""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import time
import unittest

from laconic import SMALL_CNN, SystemTest, launched, leftovers

RANKS = 4
KILLS = int(os.environ.get("LACONIC_KILLS", 3))
# A checkpoint often, so that some are killed while they write one.
OWNER = SMALL_CNN.replace("exchange { gather {}", "exchange { owner {}").replace("steps: 12", "steps: 100").replace(
    "every: 5", "every: 3")


def ranks_of(out):
    """Process by rank, of mpirun's children that have come to be Laconic."""
    found = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if str(out).encode() not in words or words[1] != b"train":
                continue
            for entry in (process / "environ").read_bytes().split(b"\0"):
                if entry.startswith(b"OMPI_COMM_WORLD_RANK="):
                    found[int(entry.split(b"=")[1])] = int(process.name)
        except (OSError, IndexError):  # it has ended meanwhile
            pass
    return found


class Killed(SystemTest):
    def killed_after(self, start, out, seconds, rank):
        """Whether the run was still there, so much later, to have that rank killed; then, that all of it ended well."""
        run = subprocess.Popen(start, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while len(ranks_of(out)) < RANKS and run.poll() is None:
            time.sleep(0.01)
        time.sleep(seconds)
        victim = ranks_of(out).get(rank)
        if victim is None or run.poll() is not None:
            run.communicate(timeout=60)
            return False
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        said = run.communicate(timeout=60)[1]
        if run.returncode == 0:  # it had done its work
            return False
        self.assertEqual(leftovers(out), [])
        self.assertLess(time.monotonic() - killed, 10)
        self.assertEqual(run.returncode, 4, said)
        self.assertIn("killed by signal 9", said.strip().splitlines()[-1])
        return True

    def test_a_rank_at_random_moments(self):
        file = self.experiment(OWNER)
        whole, broken = self.home / "whole", self.home / "broken"
        began = time.monotonic()
        self.succeed(launched(RANKS, "train", file, "--out", whole))
        seconds, dice = time.monotonic() - began, random.Random()
        expected, kills, ends = self.one_hash(whole), 0, 0
        start = launched(RANKS, "train", file, "--out", broken)
        while kills < KILLS:
            resume = ["--resume"] if broken.exists() else []
            if self.killed_after([*start, *resume], broken, dice.uniform(0, seconds), dice.randrange(RANKS)):
                kills += 1
                continue
            ends += 1
            self.assertEqual(self.one_hash(broken), expected)
            shutil.rmtree(broken)
        self.succeed([*start, *(["--resume"] if broken.exists() else [])])
        self.assertEqual(self.one_hash(broken), expected)
        print(f"{kills} kills, {ends + 1} runs to their end, all with {expected}")


if __name__ == "__main__":
    unittest.main()
