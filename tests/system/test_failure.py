"""Whatever goes wrong: the status that says what, one clear line, nothing half-written, no hang."""

import gzip
import shutil
import struct
import time
import unittest

from laconic import DENSE, QUADRATIC, SystemTest, command, launched, run

FASHION = "/usr/share/datasets/fashion-mnist"
NAMES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
         "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")

CLASSIFIER = """
name: "c"
steps: 3
problem { classifier { logistic {} } }
data { fashion_mnist { path: "PATH" } }
method { sync_sgd { batch: 8 schedule { rate: 0.1 } sgd {} } }
"""


class ARankThrows(SystemTest):
    def test_while_others_wait(self):
        """The others stand in a collective; all ends within 10 s, the first cause last."""
        for name, text in (("gather", QUADRATIC), ("dense", DENSE)):
            file = self.experiment(text)
            for how, start in (("threads", command("train", file, "--ranks", 4)),
                               ("mpi", launched(4, "train", file))):
                with self.subTest(exchange=name, over=how):
                    began = time.monotonic()
                    self.refuse([*start, "--out", str(self.home / (name + how)),
                                 "--set", "debug.throw_at={rank: 2 step: 50}"], 1, "rank 2", "step 50")
                    self.assertLess(time.monotonic() - began, 10)


class BadConfiguration(SystemTest):
    def test_fields(self):
        file = self.experiment()
        for override, *said in (
                ("exchange.compressor.top_k.density=0", "exchange.compressor.top_k.density", "(0, 1]"),
                ("exchange.compressor.top_k.density=2", "exchange.compressor.top_k.density", "(0, 1]"),
                ("exchange.compressor.top_k.densty=0.1", "densty", "density"),
                ("exchange.gathr={}", "gathr", "gather"),
                ("steps=0", "steps"),
                ("method.sync_sgd.batch=many", "method.sync_sgd.batch"),
                ("exchange.compressor.rand_k={unbiased: true}", "unbiased")):
            with self.subTest(override):
                out = self.home / "out"
                self.refuse(command("train", file, "--out", out, "--set", override), 2, *said)
                self.assertFalse(out.exists())

    def test_a_misspelt_field_in_the_file(self):
        file = self.experiment(QUADRATIC.replace("schedule", "scedule"))
        self.refuse(command("config", "check", file), 2, "scedule", "schedule")

    def test_usage(self):
        file = self.experiment()
        self.refuse(command("train", file, "--ranks", 0), 2, "--ranks")
        self.refuse(command("train", self.home / "nothing.textproto"), 2, "nothing.textproto")
        self.refuse(command("trian"), 2)
        self.refuse(command("launch", "-n", 0, "--", "train", file), 2)
        self.refuse(command("launch", "--", "train", file), 2, "-n", "--hostfile")

    def test_show_is_complete_and_reads_back(self):
        shown = self.succeed(command("config", "show", self.experiment())).stdout
        self.assertIn("decay: 1", shown)
        again = self.succeed(command("config", "show", self.experiment(shown, "again.textproto"))).stdout
        self.assertEqual(shown, again)

    def test_under_launch_too(self):
        file = self.experiment()
        self.refuse(launched(2, "train", file, "--out", self.home / "out",
                             "--set", "exchange.compressor.top_k.density=2"), 2, "density")
        self.assertFalse((self.home / "out").exists())


class BadPlaces(SystemTest):
    def test_a_run_is_never_overwritten(self):
        file, out = self.experiment(), self.home / "out"
        self.succeed(command("train", file, "--out", out))
        before = (out / "summary.json").read_bytes()
        self.refuse(command("train", file, "--out", out), 2, "--out", "--resume")
        self.assertEqual(before, (out / "summary.json").read_bytes())

    def test_out_cannot_be_written(self):
        (self.home / "file").write_text("x")
        for ranks in (1, 2):
            self.refuse(command("train", self.experiment(), "--ranks", ranks,
                                "--out", self.home / "file" / "out"), 2, "--out")
        self.refuse(launched(2, "train", self.experiment(), "--out", self.home / "file" / "out"), 2, "--out")

    def test_a_foreign_checkpoint(self):
        file, out = self.experiment(), self.home / "out"
        self.refuse(command("train", file, "--out", out, "--ranks", 2,
                            "--set", "debug.throw_at={rank: 0 step: 50}"), 1)
        self.refuse(command("train", file, "--out", out, "--resume", "--ranks", 3), 2, "2 ranks")
        self.refuse(command("train", file, "--out", out, "--resume", "--ranks", 2,
                            "--set", "method.sync_sgd.schedule.rate=0.01"), 2, "another experiment")
        self.refuse(command("train", file, "--out", self.home / "none", "--resume"), 2, "--resume")


class BadData(SystemTest):
    def folder(self):
        """Four small files of our own, which one test after the other breaks."""
        path = self.home / "data"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        for images, labels, n in ((NAMES[0], NAMES[1], 64), (NAMES[2], NAMES[3], 16)):
            pixels = bytes(i % 251 for i in range(n * 28 * 28))
            (path / images).write_bytes(gzip.compress(struct.pack(">IIII", 2051, n, 28, 28) + pixels))
            (path / labels).write_bytes(gzip.compress(struct.pack(">II", 2049, n) + bytes(i % 10 for i in range(n))))
        return path

    def train(self, path, *more):
        file = self.experiment(CLASSIFIER.replace("PATH", str(path)))
        return command("train", file, "--out", self.home / "out", *more)

    def test_good(self):
        self.succeed(self.train(self.folder(), "--ranks", 2))

    def test_missing_cut_short_and_out_of_range(self):
        path = self.folder()
        (path / NAMES[1]).unlink()
        self.refuse(self.train(path), 3, NAMES[1])

        path = self.folder()
        whole = (path / NAMES[0]).read_bytes()
        (path / NAMES[0]).write_bytes(whole[:len(whole) // 2])
        self.refuse(self.train(path), 3, NAMES[0])

        path = self.folder()
        (path / NAMES[1]).write_bytes(gzip.compress(struct.pack(">II", 2049, 64) + bytes([10] * 64)))
        self.refuse(self.train(path), 3, NAMES[1], "10")
        self.assertFalse((self.home / "out").exists())

    def test_a_loss_that_is_no_number(self):
        self.refuse(self.train(self.folder(), "--ranks", 2, "--set", "method.sync_sgd.schedule.rate=1e38",
                               "--set", "steps=200"), 1, "loss", "step")
        self.assertEqual(self.summary(self.home / "out")["status"], "failed")


if __name__ == "__main__":
    unittest.main()
