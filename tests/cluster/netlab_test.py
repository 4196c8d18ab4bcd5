#!/usr/bin/env python3
"""System test of cluster/netlab: its cables carry what they say, and nothing of it outlives it.

Exit status 77 (skipped) where neither root nor a user namespace, or no TUN, is to be had; with both, all runs.
"""
import contextlib
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

from lab import CLUSTER, NAME, NETLAB, PATIENCE, counters, lab, missing, netlab, start


def switch_pid(name=NAME):
    return int(re.search(r" pid (\d+)", netlab("status", "--raw", name=name).stdout)[1])


def python(source, host=0, **options):
    """Runs a few lines of Python on a host."""
    return netlab("run", "--host", host, "--", sys.executable, "-c", textwrap.dedent(source), **options).stdout


def round_trip_ms(to, host=0):
    """Median of a datagram's round trip, by netlab-probe."""
    programs = os.environ.get("NETLAB_PROGRAMS", str(CLUSTER.parent / "build/bin"))
    probe = os.path.join(programs, "netlab-probe")
    echo = start("run", "--host", to, "--", probe, "echo", 7)
    try:
        time.sleep(0.2)
        done = netlab("run", "--host", host, "--", probe, "ping", f"10.77.0.{to + 1}", 7, 9)
        return int(done.stdout.split()[0]) / 1e6
    finally:
        echo.terminate()
        echo.wait()


def seconds_to_send(source, to, size):
    """Until all of it has been received and confirmed."""
    server = start("run", "--host", to, "--", sys.executable, "-c", textwrap.dedent(f"""
        import socket
        with socket.create_server(("", 4000)).accept()[0] as peer:
            left = {size}
            while left: left -= len(peer.recv(left))
            peer.sendall(b"x")
        """))
    try:
        return float(python(f"""
            import socket, time
            while True:
                try: peer = socket.create_connection(("h{to}", 4000)); break
                except ConnectionRefusedError: time.sleep(0.05)
            began = time.monotonic()
            peer.sendall(bytes({size}))
            peer.recv(1)
            print(time.monotonic() - began)
            """, host=source))
    finally:
        server.wait(PATIENCE)


def eventually(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE} s: {what}")
        time.sleep(0.01)


def namespaces(name=NAME):
    """The network namespaces of the hosts, as /proc names them."""
    return {line.split()[-1] for line in
            netlab("run", "--each", "--", "readlink", "/proc/self/ns/net", name=name).stdout.splitlines()}


def in_use(spaces):
    """Processes and mounts that keep one of the namespaces alive."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(process / "ns/net") in spaces:
                found.append(str(process))
            if any(space in (process / "mountinfo").read_text() for space in spaces):
                found.append(f"{process} (mount)")
            for descriptor in (process / "fd").iterdir():
                if os.readlink(descriptor) in spaces:
                    found.append(str(descriptor))
    return found


def is_listening(name=NAME):
    return f"@laconic-netlab/{os.geteuid()}/{name}\n" in pathlib.Path("/proc/net/unix").read_text()


def marked(mark):
    """Processes that have `mark` in their command line."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (process / "cmdline").read_bytes() and int(process.name) != os.getpid():
                found.append(process.name)
    return found


def files():
    return {str(path) for folder in ("/tmp", "/run", "/run/netns", "/dev/shm")
            for path in pathlib.Path(folder).glob("*") if re.search(r"netlab|ompi\.h\d|^h\d", path.name)}


class Links(unittest.TestCase):
    """The measurements proper; netlab-measure says what is compared with what."""

    def measure(self, *words):
        """What else the machine does can spoil one measurement, not three."""
        for _ in range(3):
            done = subprocess.run([str(CLUSTER / "netlab-measure"), "--seconds", "2", *words],
                                  capture_output=True, text=True, timeout=120)
            print(done.stdout, done.stderr, sep="", file=sys.stderr)
            if done.returncode == 0:
                return
        self.fail("out of bounds three times")

    def test_all_patterns_at_100mbit(self):
        self.measure("--rates", "100mbit", "--latencies", "5ms")

    def test_one_flow_at_1gbit(self):
        self.measure("--rates", "1gbit", "--latencies", "5ms", "--patterns", "one")

    def test_both_ways_at_10mbit_far_away(self):
        self.measure("--rates", "10mbit", "--latencies", "20ms", "--patterns", "both")

    def test_a_broken_bound_is_told(self):
        done = subprocess.run([str(CLUSTER / "netlab-measure"), "--seconds", "0.2", "--warmup", "0", "--rates",
                               "10mbit", "--latencies", "200ms", "--patterns", "one"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1, "a flow that has only just begun cannot fill the cable")
        self.assertIn("out of bounds", done.stderr)

    def test_topologies_add_up(self):
        with lab("--topology", "two-sites", "--between-rate", "100mbit", "--between-latency", "8ms",
                 hosts=3, latency="2ms"):
            self.assertLess(abs(round_trip_ms(1) - 4), 1.0)
            self.assertLess(abs(round_trip_ms(2) - 20), 2.0)
        with lab("--topology", "chain", hosts=3, latency="4ms"):
            self.assertLess(abs(round_trip_ms(1) - 8), 1.0)
            self.assertLess(abs(round_trip_ms(2) - 16), 2.0)

    def test_cables_change_while_it_runs(self):
        with lab(hosts=3):
            self.assertLess(round_trip_ms(1), 2)
            netlab("set", "--latency", "20ms", "--rate", "10mbit")
            self.assertLess(abs(round_trip_ms(1) - 40), 4)
            netlab("set", "--latency", "0", 1)
            self.assertLess(abs(round_trip_ms(1) - 20), 2)
            self.assertLess(abs(round_trip_ms(2) - 40), 4)
            netlab("set", "--latency", "60ms", "--direction", "out", "h1")
            self.assertLess(abs(round_trip_ms(1) - 50), 5)

    def test_one_direction_can_be_slower(self):
        with lab(rate="100mbit"):
            netlab("set", "--rate", "5mbit", "--direction", "out", "h1")
            self.assertGreater(seconds_to_send(1, 0, 1_000_000), 1.6)
            self.assertLess(seconds_to_send(0, 1, 1_000_000), 0.8)


class Hosts(unittest.TestCase):
    def test_each_host_has_its_name_address_and_number(self):
        with lab(hosts=3):
            done = netlab("run", "--each", "--", "sh", "-c",
                          "echo $(hostname) $NETLAB_HOST $NETLAB_HOSTS $(ls /sys/class/net)")
            addresses = "10.77.0.1,10.77.0.2,10.77.0.3"
            self.assertEqual(sorted(done.stdout.splitlines()),
                             [f"h{i}: h{i} {i} {addresses} eth0 lo" for i in range(3)])

    def test_hosts_reach_each_other_by_name_on_both_protocols(self):
        with lab():
            server = start("run", "--host", 1, "--", sys.executable, "-c", textwrap.dedent("""
                import socket
                server = socket.create_server(("", 4000), family=socket.AF_INET6, dualstack_ipv6=True)
                for _ in range(2):
                    with server.accept()[0] as peer: peer.sendall(peer.recv(100))
                """))
            time.sleep(0.3)
            for family in ("AF_INET", "AF_INET6"):
                echoed = python(f"""
                    import socket
                    where = socket.getaddrinfo("h1", 4000, socket.{family}, socket.SOCK_STREAM)[0]
                    with socket.socket(*where[:3]) as peer:
                        peer.connect(where[4]); peer.sendall(b"{family}"); print(peer.recv(100).decode())
                    """)
                self.assertEqual(echoed.strip(), family)
            self.assertEqual(server.wait(PATIENCE), 0)

    def test_exit_status_is_the_commands(self):
        with lab():
            for command, status in ((("true",), 0), (("sh", "-c", "exit 9"), 9), (("/nowhere",), 127),
                                    (("/etc/passwd",), 126), (("sh", "-c", "kill -TERM $$"), 143)):
                self.assertEqual(netlab("run", "--", *command, check=False).returncode, status, command)
            done = netlab("run", "--each", "--", "sh", "-c", "exit $((NETLAB_HOST * 5))", check=False)
            self.assertEqual(done.returncode, 5)
            self.assertIn("h1: exit status 5", done.stderr)
        self.assertEqual(netlab("run", "--", "true", check=False).returncode, 125)

    def test_signals_reach_the_command_once(self):
        with lab():
            run = start("run", "--", sys.executable, "-c", textwrap.dedent("""
                import signal, sys, time
                came = []
                signal.signal(signal.SIGTERM, lambda *_: came.append(1))
                print("ready", flush=True); time.sleep(1); sys.exit(len(came))
                """), stdout=subprocess.PIPE, start_new_session=True)
            run.stdout.readline()
            os.killpg(run.pid, signal.SIGTERM)  # as a shell or timeout(1) does, to the whole group
            self.assertEqual(run.wait(PATIENCE), 1)
            run.stdout.close()

    def test_counters_are_the_interfaces_and_hold_the_payload(self):
        """With offload off, what the kernel counts is what the switch does, less the check sequences."""
        size = 3_000_000
        for offload in ("on", "off"):
            with self.subTest(offload=offload), lab("--offload", offload), tempfile.NamedTemporaryFile("w") as before:
                seconds_to_send(1, 0, 1000)
                before.write(netlab("counters", "--json").stdout)
                before.flush()
                seconds_to_send(1, 0, size)
                table = netlab("counters", "--since", before.name).stdout
                since = counters("--since", before.name)
                sent, received = since["hosts"][1]["sent"], since["hosts"][0]["received"]
                for way in (sent, received):
                    self.assertEqual(way["payload"], size)
                    self.assertGreaterEqual(way["packets"], -(-size // 1448))
                    self.assertLess(way["bytes"] - way["payload"], 75 * way["packets"])
                self.assertIn(f" {size} ", table)
                self.assertEqual(since["hosts"][0]["sent"]["payload"], 1, "the confirmation")
                if offload == "off":
                    for way in (sent, received):
                        self.assertEqual(way["interface_packets"], way["packets"])
                        # Neighbour discovery is shorter than a frame may be, and padded on a wire.
                        self.assertAlmostEqual(way["interface_bytes"], way["bytes"] - 4 * way["packets"], delta=200)
                else:
                    self.assertLess(sent["interface_packets"], sent["packets"])

    def test_counters_of_another_lab_are_refused(self):
        with lab(), tempfile.NamedTemporaryFile("w") as before:
            before.write(netlab("counters", "--json").stdout)
            before.flush()
            netlab("down")
            netlab("up", "--hosts", 2, "--rate", "1gbit", "--latency", 0)
            self.assertIn("another lab", netlab("counters", "--since", before.name, check=False).stderr)
            self.assertIn("netlab counters --json",
                          netlab("counters", "--since", "/etc/passwd", check=False).stderr)

    def test_mpirun_starts_one_rank_a_host(self):
        with lab(hosts=4, rate="100mbit", latency="1ms"):
            done = netlab("run", "--", "mpirun", "-np", 4, "sh", "-c",
                          "echo $OMPI_COMM_WORLD_RANK $(hostname) $NETLAB_HOST")
            self.assertEqual(sorted(done.stdout.splitlines()), [f"{i} h{i} {i}" for i in range(4)])
            done = netlab("run", "--", "mpirun", "-np", 4, "sh", "-c", "exit $OMPI_COMM_WORLD_RANK", check=False)
            self.assertNotEqual(done.returncode, 0)

    def test_a_cut_cable_carries_nothing_and_a_connection_outlives_it(self):
        with lab(rate="100mbit", latency="1ms"):
            server = start("run", "--host", 1, "--", sys.executable, "-c", textwrap.dedent("""
                import socket
                with socket.create_server(("", 4000)).accept()[0] as peer:
                    while data := peer.recv(100): print(data.decode(), flush=True); peer.sendall(data)
                """), stdout=subprocess.PIPE)
            client = start("run", "--", sys.executable, "-c", textwrap.dedent("""
                import socket, sys, time
                while True:
                    try: peer = socket.create_connection(("h1", 4000)); break
                    except ConnectionRefusedError: time.sleep(0.05)
                for line in sys.stdin:
                    peer.sendall(line.strip().encode()); print(peer.recv(100).decode(), flush=True)
                """), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

            def say(word):
                client.stdin.write(word + "\n")
                client.stdin.flush()

            def carrier():
                return netlab("run", "--host", 1, "--", "cat", "/sys/class/net/eth0/carrier").stdout.strip()

            say("before")
            self.assertEqual(client.stdout.readline(), "before\n")
            for silent, seen in (([], "0"), (["--silent"], "1")):
                netlab("link", "cut", 1, *silent)
                self.assertEqual(carrier(), seen)
                self.assertIn("cut", netlab("status").stdout)
                say("during")
                self.assertEqual(select.select([client.stdout], [], [], 0.5)[0], [])
                netlab("link", "join", "h1")
                self.assertEqual(carrier(), "1")
                self.assertEqual(client.stdout.readline(), "during\n")
            client.stdin.close()
            for process in (client, server):
                self.assertEqual(process.wait(PATIENCE), 0)
                process.stdout.close()

    def test_two_labs_stand_side_by_side(self):
        other = NAME + "-other"
        with lab(latency="10ms"), lab(hosts=3, name=other):
            self.assertGreater(round_trip_ms(1), 19)
            self.assertEqual(len(netlab("run", "--each", "--", "true", name=other).stdout), 0)
            self.assertTrue(namespaces().isdisjoint(namespaces(other)))
            self.assertIn("is up already",
                          netlab("up", "--hosts", 2, "--rate", "1gbit", "--latency", 0, check=False).stderr)
            netlab("down", name=other)
            netlab("run", "--", "true")

    def test_mistakes_are_told(self):
        with lab():
            for words, told in (
                    (["up", "--hosts", 1, "--rate", "1gbit", "--latency", 0], "hosts '1': expected 2 to 64"),
                    (["up", "--hosts", 2, "--rate", "fast", "--latency", 0], "rate 'fast'"),
                    (["up", "--hosts", 2, "--rate", "1gbit"], "needs --hosts, --rate and --latency"),
                    (["up", "--hosts", 2, "--rate", "1gbit", "--latency", 0, "--topology", "ring"],
                     "expected star, two-sites or chain"),
                    (["up", "--hosts", 2, "--rate", "1gbit", "--latency", 0, "--between-rate", "1mbit"], "two-sites"),
                    (["up", "--hosts", 2, "--rate", "1gbit", "--latency", 0, "--owner", 999999999], "no process"),
                    (["link", "cut", "t0"], "no cable 't0'"), (["link", "cut"], "expected cut or join"),
                    (["set", "--latency", "5"], "time '5'"), (["set"], "needs --rate"),
                    (["set", "--direction", "out", 1], "needs --rate"),
                    (["set", "--rate", "1mbit", "--direction", "up"], "expected out or in"),
                    (["up", "--hosts", 2, "--rate", "1gbit", "--latency", 0, "--offload", "no"], "expected on or off"),
                    (["up", "--hosts", 2, "--rate", "1gbit", "--latency", 0, "--congestion", "fast"],
                     "--congestion 'fast': the machine allows reno"),
                    (["run", "ls"], "comes after --"), (["status", "--fast"], "no option '--fast'")):
                name = NAME + "-new" if words[0] == "up" else NAME
                done = netlab(*words, check=False, name=name)
                self.assertNotEqual(done.returncode, 0, words)
                self.assertIn(told, done.stderr, words)
                self.assertFalse(is_listening(NAME + "-new"), words)
            self.assertIn("no host 2", netlab("run", "--host", 2, "--", "true", check=False).stderr)

    @unittest.skipIf(subprocess.run(["unshare", "--user", "true"], stderr=subprocess.DEVNULL).returncode,
                     "this kernel lets nobody make user namespaces")
    def test_a_user_namespace_is_enough(self):
        script = f"""
            set -e
            {NETLAB} up --name {NAME}-user --hosts 2 --rate 1gbit --latency 1ms --owner $$
            {NETLAB} run --name {NAME}-user --each -- hostname
            """
        done = subprocess.run(["unshare", "--user", "--map-root-user", "bash", "-c", script],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(done.stdout.splitlines()[1:]), ["h0: h0", "h1: h1"])
        eventually("the lab goes with its owner", lambda: not marked(f"{NAME}-user"))


class Ends(unittest.TestCase):
    """After each way to end there is no process, namespace, device, socket or file of the lab."""

    def setUp(self):
        self.files = files()
        self.mark = f"{NAME}-mark"


    def busy_lab(self):
        netlab("up", "--hosts", 3, "--rate", "100mbit", "--latency", "1ms")
        spaces = namespaces()
        self.assertEqual(len(spaces), 3)
        runs = []
        for words in ((), ("--each",)):
            run = start("run", *words, "--", "bash", "-c",
                        f"(exec -a {self.mark} setsid sleep 1000) & echo ready; sleep 1000",
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            for _ in range(3 if words else 1):
                self.assertIn("ready", run.stdout.readline())
            runs.append(run)
        self.assertTrue(in_use(spaces))
        eventually("the daemons run", lambda: len(marked(self.mark)) >= 4)
        return spaces, runs

    def check_nothing_left(self, spaces):
        eventually("all namespaces are free", lambda: not in_use(spaces))
        eventually("all processes have ended", lambda: not marked(self.mark) and not marked(NAME))
        self.assertFalse(is_listening())
        self.assertEqual(files(), self.files)

    def end(self, runs):
        for run in runs:
            self.assertNotEqual(run.wait(PATIENCE), 0)
            run.stdout.close()
            run.stderr.close()

    def test_down(self):
        spaces, runs = self.busy_lab()
        netlab("down")
        self.end(runs)
        self.check_nothing_left(spaces)
        netlab("down")  # is no error

    def test_the_switch_is_killed(self):
        spaces, runs = self.busy_lab()
        os.kill(switch_pid(), signal.SIGKILL)
        for run in runs:
            _, errors = run.communicate(timeout=PATIENCE)
            self.assertEqual(run.returncode, 125)
            self.assertIn("has gone away", errors)
        self.check_nothing_left(spaces)

    def test_a_run_is_killed(self):
        spaces, runs = self.busy_lab()
        for run in runs:
            run.kill()
        self.end(runs)
        eventually("the runs have ended", lambda: not marked(self.mark))
        netlab("run", "--each", "--", "true")  # the lab stands
        netlab("down")
        self.check_nothing_left(spaces)

    def test_the_owner_is_killed(self):
        owner = subprocess.Popen(["sleep", "1000"])
        netlab("up", "--hosts", 2, "--rate", "100mbit", "--latency", 0, "--owner", owner.pid)
        spaces = namespaces()
        run = start("run", "--", "sleep", "1000", stderr=subprocess.DEVNULL)
        owner.kill()
        owner.wait()
        self.assertEqual(run.wait(PATIENCE), 125)
        self.check_nothing_left(spaces)

    def test_up_is_killed_halfway(self):
        for delay in (0.02, 0.05, 0.08, 0.12):
            up = start("up", "--hosts", 8, "--rate", "100mbit", "--latency", 0, stdout=subprocess.DEVNULL)
            time.sleep(delay)
            up.kill()
            finished = up.wait() == 0
            if finished:
                netlab("down")
            eventually(f"nothing is left of one killed after {delay} s", lambda: not marked(NAME))
            self.assertFalse(is_listening())

    def test_mpirun_is_killed(self):
        with lab(hosts=3, rate="100mbit"):
            run = start("run", "--", "mpirun", "-np", 3, "bash", "-c", f"echo ready; exec -a {self.mark} sleep 1000",
                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            for _ in range(3):
                self.assertIn("ready", run.stdout.readline())
            eventually("all ranks run", lambda: len(marked(self.mark)) >= 3)
            run.kill()
            run.wait()
            run.stdout.close()
            eventually("ranks and daemons have ended", lambda: not marked(self.mark) and not marked("orted"))
        self.assertEqual(files(), self.files)


if __name__ == "__main__":
    lacking = missing()
    if lacking:
        print(f"netlab_test: SKIPPED: {lacking}")
        sys.exit(77)
    unittest.main(verbosity=2)
