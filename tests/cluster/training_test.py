"""Whole runs across hosts with cables between them, by mpirun and by tcp, and what the cables carried.

Exit status 77 (skipped) where netlab cannot be had, as lab.missing() says.
"""

import json
import pathlib
import sys
import unittest

from lab import lab, missing, netlab

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from laconic import DENSE, EXECUTABLE, QUADRATIC, SystemTest, command  # noqa: E402
from test_exchanges import KINDS, with_exchange  # noqa: E402

HOSTS = 4
PATIENCE = 250  # seconds for a run, where its ranks share the processors with other tests

HEADERS = 14 + 20 + 32  # of a packet: Ethernet, IPv4, TCP with time stamps


def large(text, dimensions, steps):
    """Gradients so long that what MPI, TCP and the control channel add is small beside them."""
    return text.replace("steps: 200", f"steps: {steps}").replace("dimensions: 2000", f"dimensions: {dimensions}").replace(
        "bucket_bytes: 2048", f"bucket_bytes: {4 * dimensions}")


class OverCables(SystemTest):
    def mpirun(self, *arguments):
        return netlab("run", "--", *command("launch", "--", *arguments), timeout=PATIENCE)

    def tcp(self, *arguments):
        script = " ".join(['exec "$0" "$@" --transport tcp --rendezvous 10.77.0.1:4000',
                           f"--rank $NETLAB_HOST --ranks {HOSTS}"])
        return netlab("run", "--each", "--", "sh", "-c", script, EXECUTABLE, *arguments, timeout=PATIENCE)

    def counted(self, start, file, out):
        """The run, and what netlab counted meanwhile."""
        before = self.home / "before"
        before.write_text(netlab("counters", "--json").stdout)
        start("train", file, "--out", out)
        return json.loads(netlab("counters", "--json", "--since", before, "--run", out).stdout)

    def test_same_bits_as_threads(self):
        with lab(hosts=HOSTS, rate="100mbit", latency="0.2ms"):
            for name, text in (("gather", QUADRATIC), ("dense", DENSE)):
                text = text.replace("steps: 200", "steps: 40")
                file, threads = self.experiment(text), self.home / f"threads-{name}"
                self.succeed(command("train", file, "--ranks", HOSTS, "--out", threads))
                for how in (self.mpirun, self.tcp):
                    with self.subTest(exchange=name, over=how.__name__):
                        out = self.home / f"{name}-{how.__name__}"
                        how("train", file, "--out", out)
                        self.assertEqual(self.one_hash(threads), self.one_hash(out))
                        logs = sorted(path.name for path in (out / "logs").iterdir())
                        self.assertEqual(logs, [f"rank-{rank}.log" for rank in range(HOSTS)])
                        for rank in range(HOSTS):
                            self.assertGreater((out / "logs" / f"rank-{rank}.log").stat().st_size, 0)

    def check_ledger(self, how, file, name):
        """By the hosts' interfaces, each TCP segment by itself: counter - ledger - packets * header <= 0.5 %."""
        counters = self.counted(how, file, self.home / name)
        ledger, hosts = counters["run"]["ledger"], counters["hosts"]
        counter, packets = (sum(host["sent"][what] for host in hosts)
                            for what in ("interface_bytes", "interface_packets"))
        again = 1448 * sum(host["retransmitted"] for host in hosts)  # at most: a probe may be shorter
        beyond = counter - ledger - packets * HEADERS
        print(f"{name}: counter {counter}, ledger {ledger}, {packets} packets, beyond {100 * beyond / counter:.3f} %, "
              f"sent again {100 * again / counter:.3f} %", file=sys.stderr)
        self.assertLess(beyond - again, 0.005 * counter)
        self.assertGreater(beyond, -0.005 * counter)
        self.assertGreaterEqual(counters["run"]["beyond_ledger"], 0, "less on the cables than counted")
        self.one_hash(self.home / name)

    def test_the_ledger_is_what_the_cables_carried(self):
        file = self.experiment(large(DENSE, 100000, 5))
        with lab("--offload", "off", hosts=HOSTS, rate="100mbit"):
            for how in (self.mpirun, self.tcp):
                with self.subTest(over=how.__name__):
                    self.check_ledger(how, file, how.__name__)

    def test_so_it_is_for_every_exchange(self):
        with lab("--offload", "off", hosts=HOSTS, rate="1gbit"):
            more = {"gather": "gather {} compressor { top_k { density: 0.05 } }",
                    "linear_rand_k": "linear { rand_k { density: 0.05 } }"}
            for name, exchange in {**KINDS, **more}.items():
                with self.subTest(name):
                    file = self.experiment(large(with_exchange(exchange), 800000, 10), f"{name}.textproto")
                    self.check_ledger(self.tcp, file, name)


if __name__ == "__main__":
    if lacking := missing():
        print(f"training_test: SKIPPED: {lacking}")
        sys.exit(77)
    unittest.main()
