"""`laconic bench`: what it measures is there, and is what can be known beforehand."""

import json
import unittest

from laconic import SystemTest, command

QUICK = ("--size", 20000, "--seconds", 0)


class Compressors(SystemTest):
    def measure(self, *arguments):
        done = self.succeed(command("bench", "compressors", *QUICK, "--json", *arguments))
        return json.loads(done.stdout)

    def test_every_row(self):
        table = self.measure()
        self.assertEqual(table["elements"], 20000)
        self.assertGreater(table["memcpy_seconds"], 0)
        self.assertGreater(len(table["rows"]), 5)
        for row in table["rows"]:
            with self.subTest(row["compressor"]):
                self.assertGreater(row["bits_per_element"], 0)
                self.assertGreaterEqual(row["gaussian_error"], 0)
                self.assertGreaterEqual(row["real_error"], 0)
                for figure in ("encode", "decode_add", "feedback"):
                    spread = row[figure + "_over_memcpy"]
                    self.assertGreater(spread["lower"], 0)
                    self.assertLessEqual(spread["lower"], spread["median"])
                    self.assertLessEqual(spread["median"], spread["upper"])

    def test_what_can_be_known(self):
        identity, top_k = self.measure("identity {}", "top_k { density: 0.01 }")["rows"]
        self.assertAlmostEqual(identity["bits_per_element"], 32 + 8 * 20 / 20000)
        self.assertIsNone(identity["index_bits_over_entropy"])
        self.assertEqual(identity["gaussian_error"], 0)
        # The largest 1 % of a Gaussian have 8.45 % of its square.
        self.assertAlmostEqual(top_k["gaussian_error"], 1 - 0.0845, delta=0.005)
        self.assertGreater(top_k["index_bits_over_entropy"], 1)
        self.assertLess(top_k["index_bits_over_entropy"], 1.1)

    def test_each_instruction_set(self):
        rows = self.measure("--target", "all", "top_k {}")["rows"]
        self.assertGreater(len({row["target"] for row in rows}), 1)
        self.assertEqual(len({row["bits_per_element"] for row in rows}), 1)

    def test_as_a_table(self):
        lines = self.succeed(command("bench", "compressors", *QUICK, "identity {}")).stdout.splitlines()
        self.assertTrue(lines[-1].startswith("identity {}"))
        self.assertIn("compressor", lines[-2])

    def test_what_is_refused(self):
        self.refuse(command("bench", "compressors", *QUICK, "top_j {}"), 2, "top_j", "top_k")
        self.refuse(command("bench", "compressors", *QUICK, "top_k { density: 2 }"), 2, "density")
        self.refuse(command("bench", "compressors", *QUICK, "--target", "Z80"), 2, "--target", "all")
        self.refuse(command("bench"), 2)


if __name__ == "__main__":
    unittest.main()
