"""Ranks as processes that find each other by TCP: the bits of threads, and ends that say why."""

import errno
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

from laconic import DENSE, QUADRATIC, ROOT, SystemTest, command, ends_of, launched


def free_port():
    """Below the ports that the system gives to callers: a call of another test would take it before it is used."""
    while True:
        port = random.randrange(10000, 30000)
        try:
            for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                with socket.socket(family) as s:
                    s.bind((address, port))
            return port
        except OSError as e:
            if e.errno != errno.EADDRINUSE:
                raise


class Tcp(SystemTest):
    def start(self, file, ranks, *more, host="127.0.0.1", numbers=None, each=None):
        """One process a rank, each with what `each` says of its number; rank 0 says where files go."""
        rendezvous = f"{host}:{free_port()}"
        return [subprocess.Popen(
            command("train", file, "--transport", "tcp", "--rendezvous", rendezvous, "--ranks", ranks, "--rank", rank,
                    "--out", self.home / "run", *more, *(each(rank) if each else ())),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for rank in numbers or range(ranks)]

    def succeeds(self, processes):
        """All of them; the hash that all end with, and no files are left."""
        ends = ends_of(processes)
        self.assertEqual([status for status, _ in ends], [0] * len(ends), ends)
        found = self.one_hash(self.home / "run")
        shutil.rmtree(self.home / "run")
        return found

    def certificates(self):
        """By the commands in README, in a folder of their own. The flags of each rank."""
        folder = self.home / "certificates"
        folder.mkdir(exist_ok=True)
        commands = re.search(r"```sh\n(openssl req.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
        subprocess.run(["sh", "-ec", commands], cwd=folder, check=True, capture_output=True)
        return lambda rank: ("--tls-ca", folder / "ca.pem", "--tls-certificate", folder / f"rank{rank}.pem",
                             "--tls-key", folder / f"rank{rank}.key")

    def test_same_bits_over_every_transport(self):
        tls = self.certificates()
        for exchange, text in (("gather", QUADRATIC), ("dense", DENSE)):
            file = self.experiment(text)
            for ranks in (2, 3, 4):
                with self.subTest(exchange=exchange, ranks=ranks):
                    threads, mpi = (self.home / f"{name}{exchange}{ranks}" for name in ("threads", "mpi"))
                    self.succeed(command("train", file, "--ranks", ranks, "--out", threads))
                    self.succeed(launched(ranks, "train", file, "--out", mpi))
                    hashes = [self.one_hash(threads), self.one_hash(mpi), self.succeeds(self.start(file, ranks)),
                              self.succeeds(self.start(file, ranks, each=tls))]
                    self.assertEqual(hashes, [hashes[0]] * 4)

    def test_every_way_to_rank_0(self):
        file = self.experiment()
        for host, *more in (("localhost",), ("[::1]",), ("127.0.0.1", "--interface", "lo"),
                            ("[::1]", "--interface", "lo"), ("localhost", "--interface", "127.0.0.1")):
            with self.subTest(host, more=more):
                self.succeeds(self.start(file, 3, *more, host=host))

    def test_a_killed_rank_is_named(self):
        file = self.experiment(QUADRATIC.replace("steps: 200", "steps: 200000"))
        for killed in (2, 0):
            with self.subTest(killed=killed):
                processes = self.start(file, 3)
                self.wait_for_a_row(self.home / "run")
                began = time.monotonic()
                processes[killed].kill()
                ends = ends_of(processes)
                self.assertLess(time.monotonic() - began, 10)
                del ends[killed]
                for status, said in ends:
                    self.assertEqual(status, 4, said)
                    self.assertIn(f"rank {killed}", said)
                shutil.rmtree(self.home / "run")

    def test_a_stopped_rank_is_named(self):
        """It lives and does nothing, as on a machine that swaps: its heartbeats are missed."""
        processes = self.start(self.experiment(QUADRATIC.replace("steps: 200", "steps: 200000")), 3)
        self.wait_for_a_row(self.home / "run")
        began = time.monotonic()
        processes[1].send_signal(signal.SIGSTOP)
        ends = ends_of([processes[0], processes[2]])
        self.assertLess(time.monotonic() - began, 20)
        processes[1].send_signal(signal.SIGCONT)
        for status, said in ends + ends_of([processes[1]]):
            self.assertEqual(status, 4, said)
        for _, said in ends:
            self.assertRegex(said, "rank 1: .*not a sign of life")

    def test_two_ranks_with_one_number(self):
        began = time.monotonic()
        ends = ends_of(self.start(self.experiment(), 3, numbers=(0, 1, 1)))
        self.assertLess(time.monotonic() - began, 10)
        for status, said in ends:
            self.assertEqual(status, 4, ends)
            self.assertIn("two processes claim this rank", said)
            self.assertIn("rank 1", said)
        self.assertFalse((self.home / "run").exists())

    def test_a_rank_that_does_not_come_is_named(self):
        began = time.monotonic()
        ends = ends_of(self.start(self.experiment(), 4, "--set", "transport.deadline=2", numbers=(0, 1, 3)))
        self.assertLess(time.monotonic() - began, 10)
        for status, said in ends:
            self.assertEqual(status, 4, ends)
            self.assertIn("rank 2 did not come", said)

    def test_a_wrong_certificate(self):
        """Its rank is told at once, the others when they miss it."""
        right = self.certificates()
        subprocess.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x"
                       " -keyout certificates/rank1.key -out certificates/rank1.pem",
                       shell=True, cwd=self.home, check=True, capture_output=True)
        ends = ends_of(self.start(self.experiment(), 2, "--set", "transport.deadline=4", each=right))
        self.assertEqual([status for status, _ in ends], [4, 4], ends)
        self.assertRegex(ends[0][1], "rank 1 did not come .*certificate verify failed")
        self.assertRegex(ends[1][1], "rank 0: .*TLS: ")
        self.assertFalse((self.home / "run").exists())

    def test_no_certificate(self):
        """One side knows nothing of TLS, the other insists on it."""
        tls = self.certificates()
        for without in (0, 1):
            with self.subTest(without=without):
                ends = ends_of(self.start(self.experiment(), 2, "--set", "transport.deadline=4",
                                          each=lambda rank: () if rank == without else tls(rank)))
                self.assertEqual([status for status, _ in ends], [4, 4], ends)
                self.assertIn("TLS", ends[1 - without][1])
                self.assertFalse((self.home / "run").exists())

    def test_usage(self):
        file = self.experiment()
        tcp = ("train", file, "--transport", "tcp")
        here = (*tcp, "--rendezvous", "127.0.0.1:1", "--ranks", 2)
        self.refuse(command(*tcp), 2, "--rendezvous")
        self.refuse(command("train", file, "--rendezvous", "127.0.0.1:1"), 2, "--transport")
        self.refuse(command("train", file, "--ranks", 2, "--rank", 1), 2, "--transport")
        self.refuse(command(*here, "--rank", 2), 2, "--rank")
        for bad in ("127.0.0.1", "127.0.0.1:", ":4000", "::1:4000", "node1:0", "node1:70000", "node1:4000x"):
            self.refuse(command(*tcp, "--rendezvous", bad, "--ranks", 2, "--rank", 1), 2, "--rendezvous", bad)
        self.refuse(command(*here), 2, "--rank")
        mine = (*here, "--rank", 0)
        self.refuse(command(*mine, "--interface", "lol"), 2, "--interface", "'lo'")
        self.refuse(command(*mine, "--tls-ca", "ca.pem", "--tls-key", "own.key"), 2, "--tls-certificate")
        good = self.certificates()(0)
        for flag in good[::2]:
            files = dict(zip(good[::2], good[1::2])) | {flag: file}
            self.refuse(command(*mine, *(word for pair in files.items() for word in pair)), 2, flag, str(file))
        self.assertFalse((self.home / "out").exists())

    def test_the_port_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            where = f"127.0.0.1:{taken.getsockname()[1]}"
            for rank in (0, 1):  # who would listen there, and who finds somebody else
                self.refuse(command("train", self.experiment(), "--transport", "tcp", "--ranks", 2, "--rank", rank,
                                    "--rendezvous", where, "--set", "transport.deadline=3", "--out", self.home / "out"),
                            4, "rendezvous", where)
        self.assertFalse((self.home / "out").exists())


if __name__ == "__main__":
    unittest.main()
