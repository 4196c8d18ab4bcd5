#!/usr/bin/env python3
"""Allreduces on slow links: `laconic bench collectives` over tcp, one rank a host of cluster/netlab.

  latency   4-byte sums on 8 hosts at several latencies: the slope of time over latency, in latencies.
            Bound: within 10 % of the messages on the algorithm's critical path
  choice    1 MB on 8 hosts at 100 Mbit/s and three latencies: the algorithm that is fastest, and the one that the
            cost model takes for it. Bound: the same, or within 5 % of it
  model     all algorithms and lengths on six kinds of links: how far the cost model is from what was measured.
            Bounds: median error 15 %, 90th percentile 40 %, the best two in order for 90 % of lengths
  bytes     what the ledger counted against the interfaces' counters less headers, segmentation offload off.
            Bound: 0.5 % of the counter, for every algorithm

All ranks begin at one reading of a clock, and a sum lasts until the slowest is through; medians. In the hosts
net.ipv4.tcp_slow_start_after_idle is 0, and congestion control is cubic. Prints tables in Markdown. Needs what netlab
needs, and nothing else to run meanwhile. Exit status 1: a bound is broken.
"""
import argparse
import json
import pathlib
import statistics
import sys

from on_netlab import LACONIC, links, netlab, on_each, table

HEADERS = 14 + 20 + 32  # of Ethernet, IPv4, and TCP with time stamps: a packet's
LATENCIES_MS = (0.5, 2, 5, 10, 20)
# With one rank a host `hierarchical` is a ring, and `hierarchical_star` a star.
ALGORITHMS = ("ring", "recursive_doubling", "halving_doubling", "direct", "star", "tree", "tree_3", "naive")
broken = []


def bound(holds, what):
    """Marks a figure that is out of bounds."""
    if not holds:
        broken.append(what)
    return what if holds else f"**{what}**"


def bench(hosts, *arguments):
    """What rank 0 found, as `laconic bench collectives --json` says it."""
    words = [LACONIC, "bench", "collectives", "--json", "--transport", "tcp", "--rendezvous", "10.77.0.1:4000",
             "--rank", '"$NETLAB_HOST"', "--ranks", hosts, *arguments]
    return json.loads(on_each(hosts, "sh", "-c", " ".join(map(str, words))))


def median(row):
    return row["seconds"]["median"]


def latency(arguments):
    points, messages = {}, {}
    for milliseconds in LATENCIES_MS:
        with links(8, arguments.rate, f"{milliseconds}ms"):
            found = bench(8, *arguments.algorithms, "--min-bytes", 4, "--max-bytes", 4, "--seconds", arguments.seconds)
        for row in found["rows"]:
            points.setdefault(row["algorithm"], []).append((milliseconds / 1e3, median(row)))
            messages[row["algorithm"]] = row["messages"]
    rows = [("algorithm", *(f"{m:g} ms" for m in LATENCIES_MS), "slope", "messages")]
    for algorithm, line in points.items():
        slope = statistics.linear_regression(*zip(*line)).slope
        within = abs(slope / messages[algorithm] - 1) <= 0.1
        rows.append((algorithm, *(f"{1e3 * y:.2f} ms" for _, y in line), bound(within, f"{slope:.2f}"),
                     messages[algorithm]))
    table(*rows)


def choice(arguments):
    rows = [("latency", "fastest", "by the cost model", "time of the latter / of the former")]
    for milliseconds in (0.5, 5, 20):
        with links(8, "100mbit", f"{milliseconds}ms"):
            found = bench(8, *arguments.algorithms, "--min-bytes", "1MB", "--max-bytes", "1MB", "--seconds",
                          arguments.seconds)["rows"]
        fastest = min(found, key=median)
        chosen = min(found, key=lambda row: row["predicted_seconds"])
        ratio = median(chosen) / median(fastest)
        rows.append((f"{milliseconds:g} ms", f'{fastest["algorithm"]}, {median(fastest):.3f} s',
                     f'{chosen["algorithm"]}, {chosen["predicted_seconds"]:.3f} s',
                     bound(ratio <= 1.05, f"{ratio:.3f}")))
    table(*rows)


def best_two_in_order(rows):
    """For how many lengths the model has the two fastest in order, or they are within 5 %, and of how many.

    With four ranks tree_3 is a star: what is predicted to take the same is in either order.
    """
    right = lengths = 0
    for length in sorted({row["bytes"] for row in rows}):
        first, second = [*sorted((row for row in rows if row["bytes"] == length), key=median), None][:2]
        if second is None:
            continue
        lengths += 1
        right += first["predicted_seconds"] <= 1.01 * second["predicted_seconds"] or median(second) <= 1.05 * median(first)
    return right, lengths


def model(arguments):
    rows = [("links", "sums", "median error", "90th percentile", "best two in order", "measured")]
    for rate in arguments.rates:
        for milliseconds in arguments.latencies:
            with links(arguments.hosts, rate, f"{milliseconds}ms"):
                found = bench(arguments.hosts, *arguments.algorithms, "--max-bytes", "16MB", "--factor",
                              arguments.factor, "--seconds", arguments.seconds, "--limit", arguments.limit)
            if arguments.save:
                (pathlib.Path(arguments.save) / f"{rate}-{milliseconds}ms.json").write_text(json.dumps(found))
            errors = [abs(row["predicted_seconds"] / median(row) - 1) for row in found["rows"]]
            tenths = statistics.quantiles(errors, n=10)
            right, lengths = best_two_in_order(found["rows"])
            rows.append((f"{rate}, {milliseconds} ms", len(errors),
                         bound(statistics.median(errors) <= 0.15, f"{statistics.median(errors):.1%}"),
                         bound(tenths[8] <= 0.4, f"{tenths[8]:.1%}"),
                         bound(right >= 0.9 * lengths, f"{right} of {lengths}"),
                         found["links_text"]))
    table(*rows)


def sent(hosts):
    """Bytes and packets that the interfaces have sent."""
    read = "cd /sys/class/net/eth0/statistics && cat tx_bytes tx_packets"
    numbers = [netlab("run", "--host", host, "--", "sh", "-c", read).stdout.split() for host in range(hosts)]
    return [sum(int(pair[i]) for pair in numbers) for i in (0, 1)]


def bytes_(arguments):
    rows = [("algorithm", "counter", "ledger", "packets", "left over")]
    with links(4, "1gbit", "0ms", "--offload", "off"):
        for algorithm in arguments.algorithms:
            before = sent(4)
            found = bench(4, algorithm, "--min-bytes", "4MB", "--max-bytes", "4MB", "--seconds", 0)
            counter, packets = (new - old for new, old in zip(sent(4), before))
            left = (counter - found["sent_bytes_all_ranks"] - packets * HEADERS) / counter
            rows.append((algorithm, counter, int(found["sent_bytes_all_ranks"]), packets,
                         bound(abs(left) <= 0.005, f"{left:.3%}")))
    table(*rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", choices=("latency", "choice", "model", "bytes"))
    parser.add_argument("algorithms", nargs="*", default=ALGORITHMS, help="default: all")
    parser.add_argument("--hosts", type=int, default=4, help="of `model`")
    parser.add_argument("--rate", default="1gbit", help="of `latency`")
    parser.add_argument("--rates", nargs="+", default=("1gbit", "100mbit", "10mbit"), help="of `model`")
    parser.add_argument("--latencies", nargs="+", default=("0", "20"), help="of `model`, milliseconds")
    parser.add_argument("--factor", type=int, default=4, help="of `model`: from one length to the next")
    parser.add_argument("--limit", type=float, default=5, help="of `model`: leave out what is predicted to last longer")
    parser.add_argument("--seconds", type=float, default=0.3, help="for each length and algorithm, at least 3 sums")
    parser.add_argument("--save", help="of `model`: a folder for all that was found, as JSON")
    arguments = parser.parse_args()
    {"latency": latency, "choice": choice, "model": model, "bytes": bytes_}[arguments.figure](arguments)
    if broken:
        sys.exit(f"allreduce_on_netlab: out of bounds: {', '.join(broken)}")


if __name__ == "__main__":
    main()
