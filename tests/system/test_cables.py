"""Ranks on hosts of netlab, by tcp: cables that are cut for a while and for good, cables that are measured, and every
way to say where rank 0 is.

Exit status 77 (skipped) where netlab cannot run: neither root nor a user namespace, or no TUN. With both, all
runs.
"""

import json
import os
import subprocess
import sys
import time
import unittest

from laconic import QUADRATIC, ROOT, SystemTest, command, ends_of

sys.path.insert(0, str(ROOT / "tests" / "cluster"))
from netlab_test import missing  # noqa: E402

NETLAB = str(ROOT / "cluster" / "netlab")
# Some ten seconds of it on these cables.
LONG = QUADRATIC.replace("steps: 200", "steps: 1500").replace("every: 20", "every: 0")
GIVEN_UP = 45  # seconds: a peer is dead after 10, last words take a few, and the machine may be busy


class Cables(SystemTest):
    HOSTS = 3

    def setUp(self):
        super().setUp()
        os.environ["NETLAB_NAME"] = f"cables-{os.getpid()}"
        self.netlab("up", "--hosts", self.HOSTS, "--rate", "100mbit", "--latency", "1ms", "--owner", os.getpid())
        self.addCleanup(self.netlab, "down")

    def netlab(self, *words):
        return subprocess.run([NETLAB, *map(str, words)], check=True, timeout=60, stdout=subprocess.PIPE, text=True).stdout

    def start(self, file, out, *more, rendezvous="10.77.0.1:4000"):
        """Rank R on host R."""
        return [subprocess.Popen([NETLAB, "run", "--host", str(rank), "--",
                                  *command("train", file, "--transport", "tcp", "--rendezvous", rendezvous, "--ranks",
                                           self.HOSTS, "--rank", rank, "--out", out, *more)],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                for rank in range(self.HOSTS)]

    def as_threads(self, text):
        out = self.home / "threads"
        self.succeed(command("train", self.experiment(text), "--ranks", self.HOSTS, "--out", out))
        return self.one_hash(out)

    def test_a_short_cut_is_survived(self):
        expected = self.as_threads(LONG)
        for how in ((), ("--silent",)):
            with self.subTest(cut=how):
                out = self.home / f"cut{len(how)}"
                processes = self.start(self.experiment(LONG), out)
                self.wait_for_a_row(out)
                self.netlab("link", "cut", 2, *how)
                time.sleep(2)
                self.assertEqual([process.poll() for process in processes], [None] * self.HOSTS)
                self.netlab("link", "join", 2)
                ends = ends_of(processes)
                self.assertEqual([status for status, _ in ends], [0] * self.HOSTS, ends)
                self.assertEqual(self.one_hash(out), expected)

    def test_a_cut_for_good_ends_every_rank(self):
        processes = self.start(self.experiment(LONG), self.home / "run")
        self.wait_for_a_row(self.home / "run")
        self.netlab("link", "cut", 2, "--silent")
        began = time.monotonic()
        ends = ends_of(processes)
        self.assertLess(time.monotonic() - began, GIVEN_UP)
        for rank, (status, said) in enumerate(ends):
            self.assertEqual(status, 4, ends)
            self.assertRegex(said, "rank 2: .*not a sign of life" if rank != 2 else "rank [01]: .*not a sign of life")

    def test_a_host_that_is_not_reached_is_named_at_the_deadline(self):
        self.netlab("link", "cut", 2)
        began = time.monotonic()
        ends = ends_of(self.start(self.experiment(), self.home / "run", "--set", "transport.deadline=6"))
        self.assertLess(time.monotonic() - began, GIVEN_UP)
        for rank, (status, said) in enumerate(ends):
            self.assertEqual(status, 4, ends)
            self.assertIn("rank 2 did not come to 10.77.0.1:4000" if rank != 2 else "not reached at 10.77.0.1:4000", said)
        self.assertFalse((self.home / "run").exists())

    def test_links_are_found_to_be_as_the_cables_are(self):
        self.netlab("set", "--direction", "out", "--rate", "20mbit", "h1")
        ranks = [subprocess.Popen([NETLAB, "run", "--host", str(rank), "--",
                                   *command("bench", "links", "--json", "--transport", "tcp", "--rendezvous",
                                            "10.77.0.1:4000", "--ranks", self.HOSTS, "--rank", rank)],
                                  stdout=subprocess.PIPE, text=True)
                 for rank in range(self.HOSTS)]
        found = json.loads([rank.communicate(timeout=60)[0] for rank in ranks][0])
        for sender in range(self.HOSTS):
            for receiver in range(self.HOSTS):
                if sender == receiver:
                    continue
                rate = 20e6 / 8 if sender == 1 else 100e6 / 8
                with self.subTest(sender=sender, receiver=receiver):
                    # Headers take 5 % of a cable, other processes of this machine now and then some more.
                    self.assertLess(found["bytes_per_second"][sender][receiver], rate)
                    self.assertGreater(found["bytes_per_second"][sender][receiver], 0.7 * rate)
                    self.assertGreater(found["latency_seconds"][sender][receiver], 0.9e-3)
                    self.assertLess(found["latency_seconds"][sender][receiver], 3e-3)

    def test_every_way_to_rank_0_gives_the_same_bits(self):
        expected = self.as_threads(QUADRATIC)
        link_local = self.netlab("run", "--", "ip", "-6", "-o", "address", "show", "dev", "eth0", "scope", "link")
        link_local = link_local.split("inet6 ")[1].split("/")[0]
        for rendezvous, *more in (("h0:4000",), ("[fd77::1]:4001",), ("10.77.0.1:4002", "--interface", "eth0"),
                                  ("[fd77::1]:4003", "--interface", "eth0"), (f"[{link_local}%eth0]:4004",)):
            with self.subTest(rendezvous, more=more):
                out = self.home / rendezvous[-4:]
                ends = ends_of(self.start(self.experiment(), out, *more, rendezvous=rendezvous))
                self.assertEqual([status for status, _ in ends], [0] * self.HOSTS, ends)
                self.assertEqual(self.one_hash(out), expected)


if __name__ == "__main__":
    if lacking := missing():
        print(f"test_cables: SKIPPED: {lacking}")
        sys.exit(77)
    unittest.main()
