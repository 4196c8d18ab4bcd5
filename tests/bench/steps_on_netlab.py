#!/usr/bin/env python3
"""Training steps on slow links: `laconic bench steps` over tcp, one rank a host of cluster/netlab.

Prints what a step takes over one without communication, which runs just before it in the same processes, as a table
in Markdown, a link after the other. In the hosts net.ipv4.tcp_slow_start_after_idle is 0, and congestion control is
cubic. Needs what netlab needs, and nothing else to run meanwhile. With --ddp, PyTorch's DDP runs the same model in the same
lab just before (needs tests/peers/setup), and rows say how many times longer each of its settings takes.

  tests/bench/steps_on_netlab.py --links 100mbit,0 10mbit,20
  tests/bench/steps_on_netlab.py --links 10mbit,20 'owner {} compressor { top_k { density: 0.003 } } late: true'
"""
import argparse
import json
import pathlib
import shlex
import sys

from on_netlab import LACONIC, links, netlab, on_each, table

ROOT = pathlib.Path(__file__).resolve().parents[2]


def bench(arguments, hosts):
    words = [LACONIC, "bench", "steps", ROOT / arguments.experiment, "--json", "--transport", "tcp", "--rendezvous",
             "10.77.0.1:4000", "--ranks", hosts, "--seconds", arguments.seconds, "--block", arguments.block,
             "--bucket-bytes", arguments.bucket_bytes, "--set", "transport.deadline=600", *arguments.exchanges]
    return json.loads(on_each(hosts, "sh", "-c", shlex.join(map(str, words)) + ' --rank "$NETLAB_HOST"'))


def ddp(arguments, hosts):
    """By setting."""
    said = on_each(hosts, ROOT / "build/peers/bin/python", ROOT / "tests/peers/ddp_steps.py", "--interface", "eth0",
                   "--seconds", arguments.seconds, *(["--settings", *arguments.ddp] if arguments.ddp else []))
    return {row["setting"]: row for row in map(json.loads, said.splitlines())}


def show_ddp(found, ours):
    """Beside our fastest."""
    best = min(ours, key=lambda row: row["seconds"]["median"])
    rows = [("PyTorch DDP, Gloo", "step, ms", "over no_sync (quartiles)", "over our fastest")]
    for name, row in found.items():
        ratio = row["over_no_sync"]
        rows.append((name, milliseconds(row["seconds"]["median"]),
                     f'{ratio["median"]:.2f} ({ratio["lower"]:.2f}-{ratio["upper"]:.2f})',
                     f'{row["seconds"]["median"] / best["seconds"]["median"]:.2f}'))
    table(*rows)


def milliseconds(seconds):
    return f"{1e3 * seconds:.3g}"


def show(found):
    rows = [("exchange", "bare step, ms", "step, ms", "ratio (quartiles)", "predicted, ms", "kB sent a rank", "rounds")]
    for row in found["rows"]:
        ratio = row["over_bare"]
        chosen = row["exchange"] == found["auto_choice"]
        rows.append((f'`{row["exchange"]}`{" *" if chosen else ""}', milliseconds(row["bare_seconds"]["median"]),
                     milliseconds(row["seconds"]["median"]),
                     f'{ratio["median"]:.2f} ({ratio["lower"]:.2f}-{ratio["upper"]:.2f})',
                     milliseconds(row["predicted_seconds"]), f'{row["sent_bytes_per_rank"] / 1e3:.1f}', row["rounds"]))
    table(*rows)
    over = found["auto_over_best"]
    print(f'{found["reason"]}\n\nIts choice (*) over the best: {over["median"]:.3f} '
          f'({over["lower"]:.3f}-{over["upper"]:.3f})\n', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exchanges", nargs="*", help="default: those of `laconic bench steps`")
    parser.add_argument("--links", nargs="+", default=["100mbit,0"], metavar="RATE,MS", help="latency one way")
    parser.add_argument("--uplink", metavar="RATE", help="of what leaves host 1, where its link is slower one way")
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--experiment", default="configs/fashion_mnist_dense.textproto")
    parser.add_argument("--bucket-bytes", type=int, default=1 << 20)
    parser.add_argument("--seconds", type=float, default=10, help="of steps by each exchange")
    parser.add_argument("--block", type=float, default=1)
    parser.add_argument("--ddp", nargs="*", metavar="SETTING", help="settings of tests/peers/ddp_steps.py; none: all")
    parser.add_argument("--save", help="a folder for all that was found, as JSON")
    arguments = parser.parse_args()
    for link in arguments.links:
        rate, latency = link.split(",")
        with links(arguments.hosts, rate, f"{latency}ms"):
            if arguments.uplink:
                netlab("set", "--direction", "out", "--rate", arguments.uplink, "h1")
            peer = None if arguments.ddp is None else ddp(arguments, arguments.hosts)
            found = bench(arguments, arguments.hosts)
        if arguments.save:
            (pathlib.Path(arguments.save) / f"steps-{rate}-{latency}ms.json").write_text(
                json.dumps({**found, "ddp": peer}))
        slower = f", {arguments.uplink} out of host 1" if arguments.uplink else ""
        print(f"### {arguments.hosts} hosts, {rate}, {latency} ms{slower}\n")
        show(found)
        if peer:
            show_ddp(peer, found["rows"])


if __name__ == "__main__":
    sys.exit(main())
