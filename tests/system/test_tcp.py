"""Ranks as processes that find each other by TCP: the bits of threads, and ends that say why."""

import shutil
import socket
import subprocess
import time
import unittest

from laconic import QUADRATIC, SystemTest, command


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Tcp(SystemTest):
    def start(self, file, ranks, *more, port=None, numbers=None):
        """One process a rank; rank 0 says where the run's files go."""
        port = port or free_port()
        numbers = numbers or range(ranks)
        processes = []
        for rank in numbers:
            processes.append(subprocess.Popen(
                command("train", file, "--transport", "tcp", "--rendezvous", f"127.0.0.1:{port}",
                        "--ranks", ranks, "--rank", rank, "--out", self.home / "run", *more),
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
        return processes

    def end(self, processes, timeout=60):
        """(status, last line) of each."""
        ends = []
        for process in processes:
            said = process.communicate(timeout=timeout)[1].strip().splitlines()
            ends.append((process.returncode, said[-1] if said else ""))
        return ends

    def certificates(self):
        """A CA and one certificate, by the openssl command."""
        def openssl(*arguments):
            subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
        ca, key, request, own = (self.home / n for n in ("ca.pem", "key.pem", "request.pem", "own.pem"))
        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *new, "-keyout", self.home / "ca.key", "-out", ca, "-subj", "/CN=ca", "-days", 2)
        openssl("req", *new, "-keyout", key, "-out", request, "-subj", "/CN=rank")
        openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", self.home / "ca.key",
                "-CAcreateserial", "-out", own, "-days", 2)
        return ("--tls-ca", ca, "--tls-certificate", own, "--tls-key", key)

    def test_same_bits_as_threads(self):
        file = self.experiment()
        tls = self.certificates()
        for ranks in (2, 3, 4):
            threads = self.home / f"threads{ranks}"
            self.succeed(command("train", file, "--ranks", ranks, "--out", threads))
            for name, more in (("plain", ()), ("tls", tls)):
                with self.subTest(ranks=ranks, tcp=name):
                    ends = self.end(self.start(file, ranks, *more))
                    self.assertEqual([status for status, _ in ends], [0] * ranks, ends)
                    self.assertEqual(self.one_hash(threads), self.one_hash(self.home / "run"))
                shutil.rmtree(self.home / "run")

    def test_a_killed_rank_is_named(self):
        file = self.experiment(QUADRATIC.replace("steps: 200", "steps: 200000"))
        processes = self.start(file, 3)
        while not (self.home / "run" / "metrics.jsonl").exists():
            time.sleep(0.05)
        began = time.monotonic()
        processes[2].kill()
        ends = self.end(processes)
        self.assertLess(time.monotonic() - began, 10)
        for status, said in ends[:2]:
            self.assertEqual(status, 4, said)
            self.assertIn("rank 2", said)

    def test_two_ranks_with_one_number(self):
        ends = self.end(self.start(self.experiment(), 3, numbers=(0, 1, 1), port=free_port()))
        self.assertNotIn(0, [status for status, _ in ends], ends)

    def test_usage(self):
        file = self.experiment()
        self.refuse(command("train", file, "--transport", "tcp"), 2, "--rendezvous")
        self.refuse(command("train", file, "--rendezvous", "127.0.0.1:1"), 2, "--transport")
        self.refuse(command("train", file, "--transport", "tcp", "--rendezvous", "127.0.0.1:1",
                            "--ranks", 2, "--rank", 2), 2, "--rank")

    def test_the_port_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.refuse(command("train", self.experiment(), "--transport", "tcp", "--ranks", 2, "--rank", 0,
                                "--rendezvous", f"127.0.0.1:{taken.getsockname()[1]}",
                                "--out", self.home / "out"), 4, "rendezvous")
        self.assertFalse((self.home / "out").exists())


if __name__ == "__main__":
    unittest.main()
