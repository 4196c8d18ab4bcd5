#!/usr/bin/env python3
"""A sum of 100 MB of floats by two ranks of one machine, over a memcpy of as much by both ranks at once.

Ranks as threads (in_process), and by mpirun with the vectors in a window of the transport, beside MPI_Allreduce: by
its own choice, and by each algorithm of Open MPI's module "tuned", in a run of its own. Medians; ratios are of one
run. Bounds: hierarchical 1.4 times the memcpy, and 0.8 times the fastest MPI_Allreduce. Needs nothing else to run
meanwhile. Exit status 1: a bound is broken.
"""
import argparse
import json
import pathlib
import subprocess
import sys

LACONIC = pathlib.Path(__file__).resolve().parents[2] / "build" / "laconic"
MPIRUN = ("mpirun", "--allow-run-as-root", "--oversubscribe", "-np", "2")
TUNED = {"mpi, its own choice": (), **{
    f"mpi, {name}": ("--mca", "coll_tuned_use_dynamic_rules", "1", "--mca", "coll_tuned_allreduce_algorithm", number)
    for name, number in (("nonoverlapping", "2"), ("recursive doubling", "3"), ("ring", "4"), ("segmented ring", "5"),
                         ("Rabenseifner", "6"))}}


def medians(start, names, arguments):
    size = str(arguments.bytes)
    done = subprocess.run([*start, "bench", "collectives", *names, "memcpy", "--json", "--min-bytes", size, "--max-bytes",
                           size, "--seconds", str(arguments.seconds)], stdout=subprocess.PIPE, check=True, text=True)
    rows = json.loads(done.stdout)["rows"]
    return {row["algorithm"]: row["seconds"]["median"] for row in rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=100_000_000)
    parser.add_argument("--seconds", type=float, default=1, help="for each figure, at least 3 sums")
    arguments = parser.parse_args()

    ours = ("hierarchical", "ring")
    print("| sum | seconds | over memcpy | hierarchical over it |\n|---|---|---|---|")

    def row(name, figure, found):
        print(f"| {name} | {found[figure]:.4f} | {found[figure] / found['memcpy']:.2f} | "
              f"{found['hierarchical'] / found[figure]:.2f} |", flush=True)
        return found["hierarchical"] / found["memcpy"], found["hierarchical"] / found[figure], found[figure]

    mpi = []
    found = medians((LACONIC,), (*ours, "--ranks", "2"), arguments)
    bounded = [row(f"in_process, {name}", name, found)[0] for name in ours][:1]
    for tuned, words in TUNED.items():
        found = medians((*MPIRUN, *words, LACONIC), (*ours, "mpi"), arguments)
        if not words:
            bounded += [row(f"mpi, {name} of ours", name, found)[0] for name in ours][:1]
        mpi.append(row(tuned, "mpi", found))
    of_fastest = min(mpi, key=lambda entry: entry[2])[1]
    if max(bounded) > 1.4 or of_fastest > 0.8:
        sys.exit("shared_memory_sum: out of bounds")


if __name__ == "__main__":
    main()
