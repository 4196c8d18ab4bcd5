"""`laconic bench`: what it measures is there, and is what can be known beforehand."""

import json
import math
import statistics
import unittest

from laconic import SystemTest, command, launched

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


class Links(SystemTest):
    def test_every_pair_and_direction(self):
        links = json.loads(self.succeed(command("bench", "links", "--ranks", 3, "--seconds", 0.3, "--json")).stdout)
        self.assertEqual(links["ranks"], 3)
        self.assertGreater(links["measured_in_seconds"], 0)
        self.assertIn("latency, ms", self.succeed(command("bench", "links", "--ranks", 2)).stdout)

    def test_of_threads_may_be_emulated(self):
        """A busy machine makes latencies longer, and nothing shorter or faster."""
        start = command("bench", "links", "--ranks", 3, "--json", "--link-rate", "50mbit", "--link-latency", "3ms")
        links = json.loads(self.succeed(start).stdout)
        self.assertEqual(links["hosts"], [0, 1, 2])
        self.assertFalse(links["shared_memory"])
        for sender in range(3):
            for receiver in {0, 1, 2} - {sender}:
                self.assertGreater(links["latency_seconds"][sender][receiver], 3e-3)
                self.assertLess(links["bytes_per_second"][sender][receiver], 1.1 * 50e6 / 8)
        self.refuse(command("bench", "links", "--ranks", 2, "--link-rate", "50"), 2, "--link-rate", "10mbit")
        self.refuse(command("bench", "links", "--ranks", 2, "--link-latency", "5 years"), 2, "--link-latency", "5ms")
        self.refuse(command("bench", "links", "--link-rate", "1gbit", "--transport", "tcp", "--rank", 0, "--rendezvous",
                            "h:1"), 2, "--link-rate", "threads")


class Collectives(SystemTest):
    QUICK = ("--max-bytes", 4096, "--factor", 32, "--seconds", 0)

    def check(self, start, ranks, *more):
        done = json.loads(self.succeed([*start, "--json", *map(str, self.QUICK), *more]).stdout)
        sizes = {}
        for row in done["rows"]:
            self.assertGreater(row["seconds"]["median"], 0)
            sizes.setdefault(row["algorithm"], set()).add(row["bytes"])
            if row["algorithm"] == "ring" and row["bytes"] == 4096:
                self.assertAlmostEqual(row["sent_bytes_per_rank"], 2 * (ranks - 1) / ranks * 4096)
        self.assertEqual(set(map(frozenset, sizes.values())), {frozenset({4, 128, 4096})})
        return sizes

    def test_every_algorithm_on_threads_and_mpi(self):
        threads = self.check(command("bench", "collectives", "--ranks", 4), 4)
        self.assertIn("halving_doubling", threads)
        mpi = self.check(launched(2, "bench", "collectives"), 2)
        self.assertEqual(set(mpi) - set(threads), {"mpi"})

    def test_what_is_drawn_and_what_is_refused(self):
        chart = self.home / "time.svg"
        said = self.succeed(command("bench", "collectives", "ring", "star", "--ranks", 2, *self.QUICK,
                                    "--svg", chart)).stdout
        self.assertIn("model: median error", said)
        self.assertIn("ring", chart.read_text())
        self.refuse(command("bench", "collectives", "rong", "--ranks", 2), 2, "rong", "ring")
        self.refuse(command("bench", "collectives", "--min-bytes", 6), 2, "--min-bytes")


class Exchanges(SystemTest):
    def measure(self, start, *more, least=2000):
        done = self.succeed([*start, "--json", "--max-size", "20000", "--factor", "8", "--min-size", str(least),
                             "--seconds", "0", *more])
        return json.loads(done.stdout)

    def test_every_row_on_threads_and_mpi(self):
        for start in (command("bench", "exchanges", "--ranks", 3), launched(2, "bench", "exchanges")):
            table = self.measure(start)
            self.assertEqual({row["floats"] for row in table["rows"]}, {20000, 2500})
            self.assertGreater(len({row["exchange"] for row in table["rows"]}), 8)
            for row in table["rows"]:
                with self.subTest(row["exchange"]):
                    self.assertGreater(row["seconds"]["median"], 0)
                    self.assertGreater(row["predicted_seconds"], 0)
                    self.assertGreater(row["sent_bytes_per_rank"], 0)
                    dense = row["exchange"].startswith("dense")
                    self.assertEqual(row["error"] < 1e-12, dense)

    def test_what_can_be_known(self):
        chart = self.home / "exchanges.svg"
        ring, gather = self.measure(command("bench", "exchanges", "--ranks", 4), "dense {}",
                                    "gather {} compressor { top_k { density: 0.01 indices: raw32 } }",
                                    "--svg", str(chart), least=20000)["rows"]
        self.assertAlmostEqual(ring["sent_bytes_per_rank"], 2 * 3 / 4 * 80000)
        self.assertAlmostEqual(gather["sent_bytes_per_rank"], 3 * (200 * 8 + 24), delta=3 * 24)
        self.assertIn("gather", chart.read_text())

    def test_what_is_refused(self):
        self.refuse(command("bench", "exchanges", "gathr {}"), 2, "gathr", "gather")
        self.refuse(command("bench", "exchanges", "gather {} compressor { top_k { density: 2 } }"), 2, "density")


class Steps(SystemTest):
    """On a problem of 3,000 floats: 4 ranks, so a ring sends 18,000 bytes a step."""

    def measure(self, *arguments, ranks=("--ranks", 4)):
        file = self.experiment("problem { quadratic { dimensions: 3000 } } steps: 100000")
        done = self.succeed(command("bench", "steps", file, *ranks, "--json", "--seconds", 0, "--block", 0.05,
                                    *arguments))
        return json.loads(done.stdout)

    def test_every_row(self):
        table = self.measure()
        self.assertGreater(len(table["rows"]), 8)
        self.assertIn(table["auto_choice"], [row["exchange"] for row in table["rows"]])
        for row in table["rows"]:
            with self.subTest(row["exchange"]):
                self.assertGreaterEqual(row["rounds"], 3)
                self.assertGreater(row["bare_seconds"]["median"], 0)
                self.assertGreater(row["over_bare"]["median"], 1)
                self.assertGreater(row["sent_bytes_per_rank"], 0)

    def test_what_can_be_known(self):
        ring, late = self.measure("dense {}", "dense {} late: true")["rows"]
        for row in (ring, late):
            self.assertAlmostEqual(row["sent_bytes_per_rank"], 18000)

    def test_as_a_table(self):
        file = self.experiment("problem { quadratic {} } steps: 100000")
        said = self.succeed(command("bench", "steps", file, "--ranks", 2, "--seconds", 0, "--block", 0,
                                    "dense {}", "gather {}")).stdout
        for line in ("gather {}", "dense {}", "\n* ", "what AUTO would take"):
            self.assertIn(line, said)

    def test_what_is_refused(self):
        file = self.experiment("problem { quadratic {} } steps: 10")
        self.refuse(command("bench", "steps", file, "gathr {}"), 2, "gathr", "gather")
        self.refuse(command("bench", "steps", self.home / "none.textproto"), 2, "none.textproto")
        self.refuse(command("bench", "steps"), 2, "experiment")


BILINEAR = """
name: "NAME"
steps: 4000
problem { bilinear { dimensions: 10 condition: 4 } }
method { METHOD {} }
"""
RAND_K = """
exchange { gather {} compressor { rand_k { density: 0.2 unbiased: true shared: false } }
           error_feedback { on: false } }
"""


class Methods(SystemTest):
    def bench(self, *arguments):
        files = []
        for method, exchange in (("extragradient", ""), ("masha1", RAND_K)):
            text = BILINEAR.replace("NAME", method).replace("METHOD", method) + exchange
            files.append(self.experiment(text, method + ".textproto"))
        return self.succeed(command("bench", "methods", *files, "--ranks", 3, "--seeds", "1,2",
                                    "--out", self.home / "trials", *arguments))

    def test_a_table_of_what_it_took_which_is_kept(self):
        first = self.bench()
        rows = [line.split() for line in first.stdout.splitlines()
                if line.startswith(("extragradient ", "masha1 "))][:2]
        self.assertEqual([row[3] for row in rows][0], "1.00")
        self.assertGreater(float(rows[1][3]), 0)
        kept = {file: file.stat().st_mtime_ns for file in (self.home / "trials").iterdir()}
        self.assertGreater(len(kept), 8)
        self.assertEqual(self.bench().stdout, first.stdout)
        self.assertEqual(kept, {file: file.stat().st_mtime_ns for file in kept})
        for file in kept:  # of another version, or torn: made anew
            file.write_text('{"of": 1, "trial": {}}' if "rate0" in file.name else "{")
        self.assertEqual(self.bench().stdout, first.stdout)

    def test_the_table_says_what_the_best_trials_sent(self):
        table = self.bench("--seeds", "1,2,3").stdout
        rows = {line.split()[0]: line.split() for line in table.split("Rounds by rate")[0].splitlines() if line}
        best = {}
        for file in sorted((self.home / "trials").iterdir()):
            method, seed, _, power = file.stem.split("-", 3)
            trial = json.loads(file.read_text())["trial"]
            if not trial["reached"]:
                continue
            steps, _, _ = best.setdefault(method, {}).get(seed, (math.inf, None, None))
            if trial["steps"] < steps:
                best[method][seed] = trial["steps"], float(power.removeprefix("rate")), trial
        for method, by_seed in best.items():
            def median(of):
                return statistics.median(of(trial) for _, _, trial in by_seed.values())
            row = rows[method]
            self.assertEqual(float(row[1]), statistics.median(power for _, power, _ in by_seed.values()))
            values = median(lambda trial: (trial["sent"]["values"] + trial["sent"]["dense"]) / 4)
            self.assertEqual(int(row[2]), values)
            self.assertEqual(int(row[-2]), median(lambda trial: trial["steps"]))
            self.assertEqual(int(row[-1]), median(lambda trial: trial["calls"]))
        # Extragradient converges below 1/L and nowhere above on a problem that is nearly bilinear.
        for power, reached in ((0, True), (1, False)):
            file = self.home / f"trials/extragradient-seed1-ranks3-rate{power}.json"
            self.assertEqual(json.loads(file.read_text())["trial"]["reached"], reached, power)

    def test_the_best_is_not_at_an_edge(self):
        said = self.bench("--from", -3, "--to", -3).stderr
        rates = {line.split("rate ")[1].split(":")[0] for line in said.splitlines() if "extragradient" in line}
        self.assertIn("2^0/L", rates)
        self.assertIn("2^1/L", rates)

    def test_nothing_beyond_the_grid_where_that_is_asked_for(self):
        said = self.bench("--from", -3, "--to", -3, "--only-grid").stderr
        rates = {line.split("rate ")[1].split(":")[0] for line in said.splitlines() if "rate" in line}
        self.assertEqual(rates, {"2^-3/L"})

    def test_trials_end_when_patience_does(self):
        def rounds_of_the_worse(*arguments):
            said = self.bench("--from", -2, "--to", -1, "--only-grid", *arguments).stderr
            lines = [line for line in said.splitlines() if line.startswith("extragradient seed 1 ")]
            best, worse = (int(line.split(" after ")[1].split()[0]) for line in lines)
            self.assertIn("2^-1/L: reached", lines[0])
            return worse / best
        self.assertAlmostEqual(rounds_of_the_worse("--patience", 1), 1, delta=0.02)
        self.assertAlmostEqual(rounds_of_the_worse(), 1.5, delta=0.02)

    def test_rates_between_powers_of_2_around_the_best(self):
        def rates(said, method):
            return {float(line.split("rate 2^")[1].split("/L")[0]) for line in said.splitlines() if method in line}
        coarse, fine = self.bench(), self.bench("--refine", 2)
        for method in ("extragradient", "masha1"):
            self.assertTrue(all(rate.is_integer() for rate in rates(coarse.stderr, method)))
            between = rates(fine.stderr, method) - rates(coarse.stderr, method)
            self.assertEqual({rate % 1 for rate in between} - {0.25, 0.5, 0.75}, set())
            self.assertTrue({rate % 1 for rate in between} & {0.25, 0.75})

    def test_experiments_with_fields_of_their_own(self):
        file = self.experiment(BILINEAR.replace("NAME", "masha1").replace("METHOD", "masha1") + RAND_K)
        sparser = f"{file},exchange.compressor.rand_k.density=0.1,name=sparser"
        start = ("bench", "methods", "--ranks", 3, "--out", self.home / "trials")
        table = self.succeed(command(*start, file, sparser)).stdout
        rows = {line.split()[0]: line.split() for line in table.split("Rounds by rate")[0].splitlines() if line}
        self.assertGreater(int(rows["sparser"][-2]), int(rows["masha1"][-2]))  # rounds
        self.refuse(command(*start, file, file), 2, "masha1", "name=")
        self.refuse(command(*start, file, f"{file},name=x,stps=3"), 2, "stps", "steps")

    def test_a_chart_beside_the_table(self):
        self.bench("--svg", self.home / "methods.svg")
        chart = (self.home / "methods.svg").read_text()
        self.assertEqual(chart.count("<polyline"), 2)
        for said in ("extragradient", "masha1", "bytes sent"):
            self.assertIn(said, chart)

    def test_curves_are_thinned_evenly(self):
        self.bench("--from", -1, "--to", -1, "--target", 1e-30, "--set", "steps=1700")
        curve = json.loads((self.home / "trials/extragradient-seed1-ranks3-rate-1.json").read_text())["trial"]["curve"]
        self.assertEqual(curve[0], [0, 1])
        self.assertLess(len(curve), 402)
        steps = {after[0] - before[0] for before, after in zip(curve[:-2], curve[1:-1])}
        self.assertEqual(len(steps), 1)

    def test_says_what_diverged(self):
        said = self.bench("--from", 3, "--to", 3).stderr
        self.assertIn("rate 2^3/L: diverged", said)
        self.assertNotIn("rate 2^0/L: diverged", said)

    def test_refuses_a_measure_that_is_not_known(self):
        file = self.experiment("steps: 9 problem { matrix_game {} } method { extragradient {} }")
        self.refuse(command("bench", "methods", file, "--ranks", 2, "--out", self.home / "trials"),
                    2, "--measure")


class Rounds(SystemTest):
    def test_every_size_and_method(self):
        done = self.succeed(command("bench", "rounds", "--ranks", 3, "--seconds", 0,
                                    "--dense", "20,40", "--diagonal", "300"))
        rows = [line.split() for line in done.stdout.splitlines()
                if line.startswith(("dense", "diagonal"))]
        self.assertEqual([row[:2] for row in rows],
                         [["dense", "20"]] * 3 + [["dense", "40"]] * 3 + [["diagonal", "300"]] * 3)
        for row in rows:
            read, bare, ours, ratio = map(float, row[-5:-1])
            self.assertGreater(min(read, bare, ours, ratio), 0)


if __name__ == "__main__":
    unittest.main()
