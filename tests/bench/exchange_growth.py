#!/usr/bin/env python3
"""How gather and owner grow with ranks: `laconic bench exchanges` on threads over emulated links, without computation.

Links are slow enough to be what bounds, the more so with 64 ranks on few cores. Times are medians of the slowest rank;
a payload is the mean of the frames that gather sends. Bounds: time within 15 % of what the cost model said beforehand
from links that it had measured; owner sends less than 2 payloads a rank; gather N - 1 times what it sends between two.
Prints Markdown. Exit status 1: a bound is broken.
"""
import argparse
import json
import pathlib
import subprocess
import sys

LACONIC = pathlib.Path(__file__).resolve().parents[2] / "build" / "laconic"


def rows(ranks, arguments):
    compressor = f"compressor {{ top_k {{ density: {arguments.density} values: bf16 }} }}"
    size = str(arguments.floats)
    done = subprocess.run(
        [LACONIC, "bench", "exchanges", f"gather {{}} {compressor}", f"owner {{}} {compressor}", "--json", "--ranks",
         str(ranks), "--min-size", size, "--max-size", size, "--link-rate", arguments.rate, "--link-latency",
         arguments.latency, "--seconds", "0", "--limit", "1000"], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)["rows"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, nargs="+", default=(4, 8, 16, 32, 64), help="and 2")
    parser.add_argument("--floats", type=int, default=400_000)
    parser.add_argument("--density", type=float, default=0.05)
    parser.add_argument("--rate", default="4mbit")
    parser.add_argument("--latency", default="5ms")
    arguments = parser.parse_args()
    holds = True
    print("| ranks | exchange | measured | predicted | predicted / measured | sent a rank | payloads |\n"
          "|---|---|---|---|---|---|---|")
    between_two = None
    for ranks in (2, *arguments.ranks):
        gather, owner = rows(ranks, arguments)
        payload = gather["sent_bytes_per_rank"] / (ranks - 1)
        between_two = between_two or payload
        for name, row in (("gather", gather), ("owner", owner)):
            measured, predicted = row["seconds"]["median"], row["predicted_seconds"]
            payloads = row["sent_bytes_per_rank"] / payload
            print(f"| {ranks} | {name} | {1e3 * measured:.1f} ms | {1e3 * predicted:.1f} ms | {predicted / measured:.3f} "
                  f"| {row['sent_bytes_per_rank']:.0f} B | {payloads:.3f} |", flush=True)
            holds &= abs(predicted / measured - 1) <= 0.15
        holds &= owner["sent_bytes_per_rank"] < 2 * payload
        holds &= abs(payload / between_two - 1) < 0.01
    if not holds:
        sys.exit("exchange_growth: out of bounds")


if __name__ == "__main__":
    main()
