"""Exchanges as a user meets them: killed and resumed, chosen by themselves, traced."""

import json
import math
import random
import unittest

from laconic import QUADRATIC, SMALL_CNN, SystemTest, command, launched

KINDS = {
    "dense": 'dense { allreduce: "ring" }',
    "star": "star { hub: 1 } compressor { top_k { density: 0.05 } } down { compressor { top_k { density: 0.1 } } }",
    "owner": "owner {} compressor { top_k { density: 0.05 } }",
    "late": "owner {} compressor { top_k { density: 0.05 values: bf16 } } late: true",
    "linear": "linear { power_sgd {} }",
    "sparse_doubling": "sparse_doubling {} compressor { top_k { density: 0.05 values: bf16 } }",
    "hierarchical": "hierarchical { ranks_per_node: 2 } compressor { top_k { density: 0.05 } }",
    "momentum": "owner {} compressor { top_k { density: 0.02 } } local { momentum: 0.5 clip: 1e6 }",
}


def with_exchange(exchange, text=QUADRATIC):
    return text.replace("gather {} compressor { top_k { density: 0.05 } }", exchange)


class Killed(SystemTest):
    def test_and_resumed_at_random_steps(self):
        """kill -9 of a rank; resumed each time, it ends with the bits of a run that was left alone."""
        dice = random.Random(8)
        for name, exchange in KINDS.items():
            with self.subTest(name):
                file = self.experiment(with_exchange(exchange), name + ".textproto")
                whole, broken = self.home / (name + "-whole"), self.home / (name + "-broken")
                self.succeed(command("train", file, "--ranks", 3, "--out", whole))
                resume = []
                for at in sorted(dice.sample(range(5, 199), 2)):
                    self.refuse(launched(3, "train", file, "--out", broken, *resume, "--set",
                                         f"debug.kill_at={{rank: {dice.randrange(3)} step: {at}}}"), 4)
                    resume = ["--resume"]
                self.succeed(launched(3, "train", file, "--out", broken, *resume))
                self.assertEqual(self.one_hash(whole), self.one_hash(broken))


class Auto(SystemTest):
    def test_decides_says_so_and_is_followed(self):
        file = self.experiment(with_exchange("auto {} compressor { top_k { density: 0.05 } }"))
        first, again = self.home / "first", self.home / "again"
        said = self.succeed(launched(2, "train", file, "--out", first)).stderr
        self.assertIn("AUTO: ", said)
        self.assertIn("decided {", (first / "config.textproto").read_text())
        self.assertIn("times the", (first / "logs" / "rank-0.log").read_text())
        said = self.succeed(command("train", first / "config.textproto", "--ranks", 2, "--out", again)).stderr
        self.assertNotIn("AUTO: ", said)
        self.assertEqual(self.one_hash(first), self.one_hash(again))

    def test_residuals_are_judged_by_the_compressor_in_use(self):
        """Dense, the first that is allowed, would keep nothing back."""
        out = self.home / "run"
        file = self.experiment(with_exchange(
            'auto { allow { dense { allreduce: "ring" } } allow { gather {} compressor { top_k { density: 0.05 } } }'
            " decided { step: 0 choice: 1 } }"))
        self.succeed(command("train", file, "--ranks", 2, "--out", out))
        self.assertIn("residual", (out / "metrics.jsonl").read_text())
        self.assertNotIn("keeps back", (out / "logs" / "rank-0.log").read_text())


class Checksum(SystemTest):
    def test_is_switched_off_by_its_field(self):
        """4 bytes less for each of a step's frames, of which there is one a bucket, and the same run."""
        file = self.experiment()
        sent, hashes = {}, set()
        for checksum in ("true", "false"):
            out = self.home / checksum
            self.succeed(command("train", file, "--ranks", 2, "--out", out, "--set", "exchange.checksum=" + checksum))
            hashes.add(self.one_hash(out))
            sent[checksum] = self.summary(out)["bytes_sent_per_rank"]
        self.assertEqual(len(hashes), 1)
        buckets, steps = math.ceil(2000 * 4 / 2048), 200
        self.assertEqual(sent["true"].pop("framing") - sent["false"].pop("framing"), 4 * buckets * steps)
        for part in ("values", "indices"):
            self.assertEqual(sent["true"][part], sent["false"][part])


class Trace(SystemTest):
    def test_sending_begins_before_the_backward_pass_ends(self):
        file = self.experiment(SMALL_CNN)
        trace = self.home / "trace.json"
        self.succeed(command("train", file, "--ranks", 2, "--out", self.home / "run", "--trace", trace,
                             "--set", "exchange.bucket_bytes=40000"))
        events = json.loads(trace.read_text())["traceEvents"]
        self.assertEqual({e["pid"] for e in events}, {0, 1})
        gradients = {(e["pid"], e["args"]["step"]): e for e in events if e["name"] == "gradient"}
        self.assertEqual(len(gradients), 24)
        early = 0
        for e in events:
            if e["name"] != "send" or e["ph"] != "b":
                continue
            gradient = gradients[e["pid"], e["args"]["step"]]
            self.assertGreater(e["ts"], gradient["ts"])
            early += e["ts"] < gradient["ts"] + gradient["dur"]
        self.assertGreater(early, 24)
        ends = {e["id"] for e in events if e["ph"] == "e"}
        self.assertEqual(ends, {e["id"] for e in events if e["ph"] == "b"})


if __name__ == "__main__":
    unittest.main()
