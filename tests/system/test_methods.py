"""Every method for saddle points: the same bits on threads, under MPI and over TCP, resumed or not."""

import unittest

from laconic import ROOT, SystemTest, command, launched
from test_tcp import free_port
import subprocess

UNBIASED = "exchange { gather {} compressor { rand_k { density: 0.1 unbiased: true shared: false } } error_feedback { on: false } }"
BOTH_WAYS = "exchange { star {} compressor { top_k { density: 0.1 } } }"
CONTRACTIVE = "exchange { gather {} compressor { top_k { density: 0.1 } } }"
METHODS = {
    "descent_ascent": ("rate: 0.001", CONTRACTIVE),
    "extragradient": ("", ""),
    "local_extragradient": ("", ""),
    "optimistic_gradient": ("", ""),
    "diana": ("participants: 2", UNBIASED),
    "masha1": ("batch: 3 rate: 0.001", UNBIASED),
    "masha2": ("participants: 2", BOTH_WAYS),
}

EXPERIMENT = """
name: "m"
steps: 60
problem { bilinear { pieces: 12 } }
method { %s { %s } }
%s
checkpoint { every: 20 }
report { score_every: 20 }
"""


# A whole transformer, if a small one, and a real text.
ADVERSARIAL = """
name: "a"
steps: 12
problem { adversarial_transformer { context: 16 width: 16 layers: 1 heads: 2 attack_steps: 2 } }
data { text { path: "%s" } }
method { %s }
%s
checkpoint { every: 4 }
report { score_every: 6 }
"""
ADAM = "rate: 2e-3 batch: 4 adamw { beta1: 0.5 weight_decay: 0 }"
ADVERSARIAL_METHODS = {
    "extragradient": (ADAM, "exchange { dense {} }"),
    "masha2": (ADAM + " sync_probability: 0.3 anchor_batch: 16", BOTH_WAYS),
}


class Methods(SystemTest):
    def over_tcp(self, file, out, ranks):
        port = free_port()
        processes = [subprocess.Popen(
            command("train", file, "--transport", "tcp", "--rendezvous", f"127.0.0.1:{port}",
                    "--ranks", ranks, "--rank", rank, "--out", out),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for rank in range(ranks)]
        for process in processes:
            said = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, 0, said)

    def test_same_bits_everywhere(self):
        for method, (options, exchange) in METHODS.items():
            with self.subTest(method):
                file = self.experiment(EXPERIMENT % (method, options, exchange))
                threads, mpi, tcp = (self.home / (method + how) for how in ("-t", "-m", "-c"))
                self.succeed(command("train", file, "--ranks", 3, "--out", threads))
                self.refuse(launched(3, "train", file, "--out", mpi,
                                     "--set", "debug.throw_at={rank: 1 step: 45}"), 1, "step 45")
                self.succeed(launched(3, "train", file, "--out", mpi, "--resume"))
                self.assertEqual(self.summary(mpi)["steps_executed"], 20)
                self.over_tcp(file, tcp, 3)
                self.assertEqual(self.one_hash(threads), self.one_hash(mpi))
                self.assertEqual(self.one_hash(threads), self.one_hash(tcp))

    def test_adversarial_training_has_the_same_bits_everywhere(self):
        for method, (options, exchange) in ADVERSARIAL_METHODS.items():
            with self.subTest(method):
                file = self.experiment(
                    ADVERSARIAL % (ROOT / "LICENSE", "%s { %s }" % (method, options), exchange))
                threads, mpi = (self.home / (method + how) for how in ("-t", "-m"))
                self.succeed(command("train", file, "--ranks", 2, "--out", threads))
                self.refuse(launched(2, "train", file, "--out", mpi,
                                     "--set", "debug.throw_at={rank: 1 step: 10}"), 1, "step 10")
                self.succeed(launched(2, "train", file, "--out", mpi, "--resume"))
                self.assertEqual(self.summary(mpi)["steps_executed"], 4)
                self.assertEqual(self.one_hash(threads), self.one_hash(mpi))
                summary = self.summary(threads)
                self.assertGreater(summary["robust_loss"], summary["final_loss"])
                self.assertLess(summary["final_loss"], 4.4)  # a guess among its 81 characters

    def test_a_score_is_known_and_the_log_says_what_theory_gave(self):
        out = self.home / "out"
        file = self.experiment(EXPERIMENT % ("masha1", "", UNBIASED))
        self.succeed(command("train", file, "--ranks", 3, "--out", out))
        summary = self.summary(out)
        self.assertGreater(summary["distance"], 0)
        self.assertGreater(summary["gap"], 0)
        log = (out / "logs" / "rank-0.log").read_text()
        self.assertIn("sync_probability 0.1 (by theory), rate ", log)

    def test_wrong_compressors_are_refused_before_any_work(self):
        out = self.home / "out"
        for method, exchange, said in (("masha1", CONTRACTIVE, "unbiased"),
                                       ("diana", CONTRACTIVE, "unbiased"),
                                       ("masha2", UNBIASED, "contractive"),
                                       ("extragradient", CONTRACTIVE, "extragradient")):
            file = self.experiment(EXPERIMENT % (method, "", exchange))
            self.refuse(command("train", file, "--ranks", 3, "--out", out), 2, said)
            self.assertFalse(out.exists())
        file = self.experiment(EXPERIMENT % ("diana", "participants: 4", UNBIASED))
        self.refuse(command("train", file, "--ranks", 3, "--out", out), 2, "participants")


if __name__ == "__main__":
    unittest.main()
