"""The same configuration ends with the same bits: on threads and under MPI, disturbed or not."""

import random
import signal
import subprocess
import time
import unittest

from laconic import DENSE, QUADRATIC, SMALL_CNN, SystemTest, command, launched, leftovers


class SameBits(SystemTest):
    def test_threads_and_mpi(self):
        for name, text in (("gather", QUADRATIC), ("dense", DENSE)):
            for ranks in (2, 4):
                with self.subTest(exchange=name, ranks=ranks):
                    file = self.experiment(text)
                    threads, mpi = self.home / f"t{name}{ranks}", self.home / f"m{name}{ranks}"
                    self.succeed(command("train", file, "--ranks", ranks, "--out", threads))
                    self.succeed(launched(ranks, "train", file, "--out", mpi))
                    self.assertEqual(self.one_hash(threads), self.one_hash(mpi))
                    a, b = self.summary(threads), self.summary(mpi)
                    self.assertEqual(a["bytes_sent_per_rank"]["values"], b["bytes_sent_per_rank"]["values"])
                    self.assertEqual(a["bytes_sent_per_rank"]["dense"], b["bytes_sent_per_rank"]["dense"])

    def test_mpirun_by_hand(self):
        file = self.experiment()
        self.succeed(command("train", file, "--ranks", 3, "--out", self.home / "t"))
        self.succeed(["mpirun", "--allow-run-as-root", "--oversubscribe", "-np", "3",
                      *command("train", file, "--out", self.home / "m")])
        self.assertEqual(self.one_hash(self.home / "t"), self.one_hash(self.home / "m"))


class RealTraining(SystemTest):
    """A LibTorch model on Fashion-MNIST, where floats are many and every thread could matter."""

    def test_threads_mpi_and_resumed(self):
        file = self.experiment(SMALL_CNN)
        for ranks in (2, 4):
            with self.subTest(ranks=ranks):
                threads, mpi = self.home / f"t{ranks}", self.home / f"m{ranks}"
                self.succeed(command("train", file, "--ranks", ranks, "--out", threads))
                self.refuse(launched(ranks, "train", file, "--out", mpi,
                                     "--set", "debug.throw_at={rank: 1 step: 8}"), 1, "step 8")
                self.succeed(launched(ranks, "train", file, "--out", mpi, "--resume"))
                self.assertEqual(self.one_hash(threads), self.one_hash(mpi))
                self.assertEqual(self.summary(mpi)["steps_executed"], 7)


class Resume(SystemTest):
    def test_killed_at_random_steps(self):
        """kill -9 of one rank at three random steps in one run; resumed each time."""
        file = self.experiment()
        whole, broken = self.home / "whole", self.home / "broken"
        self.succeed(command("train", file, "--ranks", 4, "--out", whole))
        dice = random.Random(17)
        resume = []
        for at in sorted(dice.sample(range(5, 199), 3)):
            rank = dice.randrange(4)
            began = time.monotonic()
            done = self.refuse(
                launched(4, "train", file, "--out", broken, *resume,
                         "--set", f"debug.kill_at={{rank: {rank} step: {at}}}"),
                4, f"rank {rank} ", "killed by signal 9")
            self.assertLess(time.monotonic() - began, 30, done.stderr)
            self.assertEqual(leftovers(broken), [])
            resume = ["--resume"]
        self.succeed(launched(4, "train", file, "--out", broken, "--resume"))
        self.assertEqual(self.one_hash(whole), self.one_hash(broken))
        summary = self.summary(broken)
        self.assertEqual(summary["steps"], 200)
        self.assertLess(summary["steps_executed"], 200)
        self.assertEqual(summary["bytes_sent_per_rank"]["values"],
                         self.summary(whole)["bytes_sent_per_rank"]["values"])

    def test_interrupted(self):
        """Ctrl-C ends a run at a step with a checkpoint there; on threads and under MPI."""
        text = QUADRATIC.replace("steps: 200", "steps: 20000").replace("every: 20", "every: 0")
        file = self.experiment(text)
        whole = self.home / "whole"
        self.succeed(command("train", file, "--ranks", 2, "--out", whole))
        for name, start in (("threads", command("train", file, "--ranks", 2)),
                            ("mpi", launched(2, "train", file))):
            with self.subTest(name):
                out = self.home / name
                process = subprocess.Popen([*start, "--out", str(out)], stderr=subprocess.PIPE,
                                           stdout=subprocess.DEVNULL, text=True)
                self.wait_for_a_row(out)
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=30)
                self.assertEqual(process.returncode, 130, said)
                self.assertIn("--resume", said.strip().splitlines()[-1])
                self.assertEqual(self.summary(out)["status"], "interrupted")
                self.succeed([*start, "--out", str(out), "--resume"])
                self.assertEqual(self.one_hash(whole), self.one_hash(out))

    def test_without_the_experiment(self):
        """The run directory knows what it is."""
        file, out = self.experiment(), self.home / "run"
        self.refuse(command("train", file, "--ranks", 2, "--out", out,
                            "--set", "debug.throw_at={rank: 1 step: 90}"), 1, "rank 1")
        self.succeed(command("train", "--resume", "--ranks", 2, "--out", out,
                             "--set", "debug.throw_at={rank: 7 step: 0}"))
        whole = self.home / "whole"
        self.succeed(command("train", file, "--ranks", 2, "--out", whole))
        self.assertEqual(self.one_hash(whole), self.one_hash(out))


if __name__ == "__main__":
    unittest.main()
