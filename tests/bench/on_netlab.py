"""What the benchmarks on cluster/netlab share."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cluster"))
from lab import lab, netlab, start  # noqa: E402, F401

LACONIC = ROOT / "build" / "laconic"


def table(*rows):
    """In Markdown; the first row is the head."""
    for number, row in enumerate(rows):
        print("| " + " | ".join(map(str, row)) + " |")
        if number == 0:
            print("|" + "---|" * len(row))
    print(flush=True)


def links(hosts, rate, latency, *more):
    """A lab with warm connections."""
    return lab("--congestion", "cubic", *more, hosts=hosts, rate=rate, latency=latency)


def on_each(hosts, *words):
    """The command on all hosts at once; what the first one says."""
    ranks = [start("run", "--host", host, "--", "sh", "-c",
                   "sysctl -qw net.ipv4.tcp_slow_start_after_idle=0 && exec \"$@\"", "sh", *words, stdout=-1)
             for host in range(hosts)]
    said = [rank.communicate()[0] for rank in ranks]
    if any(rank.returncode for rank in ranks):
        sys.exit(f"{sys.argv[0]}: a rank failed")
    return said[0]
