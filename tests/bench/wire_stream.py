#!/usr/bin/env python3
"""wire_stream.py: one stream of 64 MB between two hosts of netlab: tcp and tcp with TLS against iperf3.

For each rate it makes a lab of two hosts; iperf3, tcp and tcp with TLS take turns. Each begins with a
connection of its own, whose set-up does not count. Printed are the goodputs, median and range, as parts
of the rate and of iperf3's in the same turn. Bounds: 0.98, with TLS 0.95. Exit status 1: one is broken.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
NETLAB = ROOT / "cluster" / "netlab"
BENCH = ROOT / "build" / "bin" / "bench_transport"
BYTES = 64 << 20
BOUNDS = {"iperf3": 1, "tcp": 0.98, "tcp with TLS": 0.95}
ADDRESS = "10.77.0.1"
PATIENCE = 120  # seconds for one stream


def on(host, *words):
    return [str(NETLAB), "run", "--host", str(host), "--", *map(str, words)]


def stream(server, client, ready=None):
    """Starts the server, once it says `ready` the client; gives what the client said."""
    serving = subprocess.Popen(on(0, *server), stdout=subprocess.PIPE, text=True)
    try:
        while ready and ready not in serving.stdout.readline():
            pass
        done = subprocess.run(on(1, *client), stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True)
        serving.wait(PATIENCE)
    finally:
        serving.kill()
        serving.communicate()
    return done.stdout


def iperf3():
    """Its receiver's goodput in bit/s."""
    said = stream(["iperf3", "-s", "-1", "--forceflush"], ["iperf3", "-c", ADDRESS, "-n", BYTES, "--json"], "listening")
    return json.loads(said)["end"]["sum_received"]["bits_per_second"]


def tcp(*folder):
    words = ["wire", "{}", f"{ADDRESS}:4000", *folder]
    said = stream(*([BENCH, *(word.format(rank) for word in words)] for rank in (0, 1)))
    return BYTES * 8 / float(said)


def certificates(folder):
    """A CA and one certificate for both ranks."""
    script = """
        new="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        openssl req -x509 $new -subj /CN=ca -keyout ca.key -out ca.pem -days 2
        openssl req $new -subj /CN=rank -keyout rank.key -out rank.csr
        openssl x509 -req -in rank.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out rank.pem -days 2"""
    subprocess.run(["sh", "-ec", script], cwd=folder, check=True, capture_output=True)


def bits(rate):
    return float(rate[:-4]) * {"gbit": 1e9, "mbit": 1e6}[rate[-4:]]


def measure(rate, arguments, folder):
    contestants = {"iperf3": iperf3, "tcp": tcp, "tcp with TLS": lambda: tcp(folder)}
    seen = {name: [] for name in contestants}
    subprocess.run([NETLAB, "up", "--hosts", "2", "--rate", rate, "--latency", arguments.latency,
                    "--owner", str(os.getpid())], check=True, stdout=subprocess.DEVNULL)
    try:
        for turn in range(arguments.turns):
            for name in list(contestants)[:: 1 if turn % 2 == 0 else -1]:
                seen[name].append(contestants[name]())
    finally:
        subprocess.run([NETLAB, "down"], check=True)
    good = True
    for name, values in seen.items():
        ratios = [mine / theirs for mine, theirs in zip(values, seen["iperf3"])]
        ratio = statistics.median(ratios)
        good &= ratio >= BOUNDS[name]
        print(f"| {rate} | {arguments.latency} | {name} | {statistics.median(values) / bits(rate) * 100:.2f} % "
              f"({min(values) / bits(rate) * 100:.2f} to {max(values) / bits(rate) * 100:.2f}) "
              f"| {ratio:.4f} ({min(ratios):.4f} to {max(ratios):.4f}) |", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", default="100mbit,1gbit", type=lambda text: text.split(","))
    parser.add_argument("--latency", default="0", help="one way (default: 0)")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    os.environ["NETLAB_NAME"] = f"wire-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="laconic-wire-") as folder:
        certificates(folder)
        print("| rate | latency | stream of 64 MB | goodput, of the rate | of iperf3's |\n|---|---|---|---|---|")
        good = [measure(rate, arguments, folder) for rate in arguments.rates]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
