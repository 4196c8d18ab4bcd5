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

HOSTS = 4
PATIENCE = 250  # seconds for a run, where its ranks share the processors with other tests

# A gradient of 400 kB, so that what MPI, TCP and the control channel add is small beside it.
LARGE_DENSE = DENSE.replace("steps: 200", "steps: 5").replace("dimensions: 2000", "dimensions: 100000").replace(
    "bucket_bytes: 2048", "bucket_bytes: 400000")


class OverCables(SystemTest):
    def mpirun(self, *arguments):
        return netlab("run", "--", *command("launch", "--", *arguments), timeout=PATIENCE)

    def tcp(self, *arguments):
        script = " ".join(['exec "$0" "$@" --transport tcp --rendezvous h0:4000',
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

    def test_the_ledger_is_what_the_cables_carried(self):
        """By the hosts' interfaces, each TCP segment by itself: counter - ledger - packets * header <= 0.5 %."""
        ipv4, ipv6 = 14 + 20 + 32, 14 + 40 + 32  # Ethernet, IP, TCP with time stamps
        file = self.experiment(LARGE_DENSE)
        with lab("--offload", "off", hosts=HOSTS, rate="100mbit"):
            for how, header in ((self.mpirun, ipv4), (self.tcp, ipv6)):  # a name is IPv6 before it is IPv4
                with self.subTest(over=how.__name__):
                    counters = self.counted(how, file, self.home / how.__name__)
                    ledger, hosts = counters["run"]["ledger"], counters["hosts"]
                    counter, packets = (sum(host["sent"][what] for host in hosts)
                                        for what in ("interface_bytes", "interface_packets"))
                    again = 1448 * sum(host["retransmitted"] for host in hosts)
                    beyond = counter - ledger - packets * header - again
                    print(f"{how.__name__}: counter {counter}, ledger {ledger}, {packets} packets, "
                          f"beyond {100 * beyond / counter:.3f} %", file=sys.stderr)
                    self.assertLess(abs(beyond), 0.005 * counter)
                    self.assertGreaterEqual(counters["run"]["beyond_ledger"], 0, "less on the cables than counted")


if __name__ == "__main__":
    if lacking := missing():
        print(f"training_test: SKIPPED: {lacking}")
        sys.exit(77)
    unittest.main()
