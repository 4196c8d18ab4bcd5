#!/usr/bin/env python3
"""Laconic's dense ring over tcp beside Gloo's allreduce (torch.distributed), on the same hosts of cluster/netlab.

Both in turn, several times, each in new processes. All ranks begin together, and a sum lasts until the slowest rank
is through; the first sum does not count. Prints medians in Markdown. Bounds: ours takes at most as long as Gloo's, and
at most 1.10 times what the bytes that each rank has to send take at the rate of its cable. Exit status 1: one is
broken.

  tests/peers/setup && tests/peers/gloo_allreduce.py
"""
import argparse
import os
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build" / "peers" / "bin" / "python"


def gloo_rank(arguments):
    """One rank of Gloo's; rank 0 says its sums' seconds."""
    import torch
    import torch.distributed as dist
    os.environ.update(MASTER_ADDR="10.77.0.1", MASTER_PORT="4100", GLOO_SOCKET_IFNAME="eth0")
    dist.init_process_group("gloo", rank=int(os.environ["NETLAB_HOST"]), world_size=arguments.hosts)
    torch.set_num_threads(1)
    vector, seconds = torch.zeros(arguments.floats), []
    for _ in range(arguments.sums + 1):
        dist.barrier()
        start = time.monotonic()  # one clock: hosts of netlab are one machine
        starts = torch.tensor([start], dtype=torch.float64)
        dist.all_reduce(vector)
        ends = torch.tensor([time.monotonic()], dtype=torch.float64)
        dist.all_reduce(starts, op=dist.ReduceOp.MAX)
        dist.all_reduce(ends, op=dist.ReduceOp.MAX)
        seconds.append((ends - starts).item())
    if dist.get_rank() == 0:
        print(*seconds[1:])
    dist.destroy_process_group()


def compare(arguments):
    sys.path.insert(0, str(ROOT / "tests" / "bench"))
    from allreduce_on_netlab import bench, links, on_each, table
    size, ours, theirs = 4 * arguments.floats, [], []
    with links(arguments.hosts, f"{arguments.mbit}mbit", arguments.latency):
        for _ in range(arguments.rounds):
            found = bench(arguments.hosts, "ring", "--min-bytes", size, "--max-bytes", size, "--limit", 1000,
                          "--seconds", 0)
            ours.append(found["rows"][0]["seconds"]["median"])
            said = on_each(arguments.hosts, PYTHON, __file__, "--rank", "--hosts", str(arguments.hosts), "--floats",
                           str(arguments.floats))
            theirs.append(statistics.median(map(float, said.split())))
    least = 2 * (arguments.hosts - 1) / arguments.hosts * size / (arguments.mbit * 1e6 / 8)
    ratios = sorted(a / b for a, b in zip(ours, theirs))
    of_least = statistics.median(ours) / least
    table((f"{arguments.hosts} hosts, {arguments.mbit} Mbit/s, {size} bytes", "seconds", "ours over it"),
          ("Laconic, ring over tcp", f"{statistics.median(ours):.3f}", ""),
          ("Gloo", f"{statistics.median(theirs):.3f}",
           f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"),
          ("payload / rate", f"{least:.3f}", f"{of_least:.3f}"))
    if statistics.median(ratios) > 1 or of_least > 1.1:
        sys.exit("gloo_allreduce: out of bounds")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--mbit", type=int, default=100, help="rate of every cable")
    parser.add_argument("--latency", default="0ms")
    parser.add_argument("--floats", type=int, default=1_660_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sums", type=int, default=3, help="of Gloo's, each round")
    parser.add_argument("--rank", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    (gloo_rank if arguments.rank else compare)(arguments)


if __name__ == "__main__":
    main()
