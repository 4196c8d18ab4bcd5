#!/usr/bin/env python3
"""How much of an exchange lies behind the backward pass: gather of Top-k 1 % on 4 hosts of netlab at 100 Mbit/s.

configs/fashion_mnist_top_k.textproto (FedAvg CNN, batch 32 a rank) for some steps at each size of bucket, traced. Hidden
is what an exchange compressed, decoded or waited for before the gradient was complete, of all that it did; early are
the messages that were sent before. The same run with overlap off has to end with the same bits. Prints Markdown.
Bound: half of the exchange hidden at the size that hides most. Exit status 1: it is not, or bits differ.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cluster"))
from lab import NAME, NETLAB, lab  # noqa: E402

LACONIC = ROOT / "build" / "laconic"


def train(folder, steps, bucket_bytes, overlap=True):
    out = pathlib.Path(folder) / f"{bucket_bytes}-{overlap}"
    trace = out.with_suffix(".trace")
    subprocess.run([NETLAB, "run", "--name", NAME, "--", LACONIC, "launch", "--", "train",
                    ROOT / "configs" / "fashion_mnist_top_k.textproto", "--out", out, "--trace", trace, "--set",
                    f"steps={steps}", "--set", "report.score_every=0", "--set", f"exchange.bucket_bytes={bucket_bytes}",
                    "--set", f"exchange.overlap={str(overlap).lower()}"], check=True, capture_output=True)
    return json.loads((out / "summary.json").read_text()), json.loads(trace.read_text())["traceEvents"]


def early(events):
    """Part of the messages that were sent before their rank's gradient was complete."""
    ends = {(e["pid"], e["args"]["step"]): e["ts"] + e["dur"] for e in events if e["name"] == "gradient"}
    sends = [e["ts"] < ends[e["pid"], e["args"]["step"]] for e in events if e["name"] == "send" and e["ph"] == "b"]
    return sum(sends) / len(sends)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--buckets", type=int, nargs="+", default=[8 << 20, 4 << 20, 1 << 20, 1 << 18], metavar="BYTES")
    parser.add_argument("--steps", type=int, default=60)
    arguments = parser.parse_args()
    most, same = 0, True
    with lab("--offload", "on", hosts=4, rate="100mbit", latency="0ms"), tempfile.TemporaryDirectory() as folder:
        print("| bucket | step | exchange | hidden | early | same bits |\n|---|---|---|---|---|---|")
        for size in arguments.buckets:
            summary, events = train(folder, arguments.steps, size)
            plain, _ = train(folder, arguments.steps, size, overlap=False)
            shown = sum(summary[f"{what}_seconds"] for what in ("compress", "wait", "decode"))
            hidden = summary["hidden_seconds"] / (summary["hidden_seconds"] + shown)
            equal = summary["parameters_xxh3_by_rank"] == plain["parameters_xxh3_by_rank"]
            most, same = max(most, hidden), same and equal
            each = 1e3 / arguments.steps
            print(f"| {size} | {each * (shown + summary['compute_seconds'] + summary['apply_seconds']):.1f} ms | "
                  f"{each * (shown + summary['hidden_seconds']):.1f} ms | {100 * hidden:.0f} % | {100 * early(events):.0f} % "
                  f"| {'yes' if equal else 'NO'} |", flush=True)
    if most < 0.5 or not same:
        sys.exit("hidden_exchange: out of bounds")


if __name__ == "__main__":
    main()
