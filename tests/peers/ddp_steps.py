#!/usr/bin/env python3
"""A training step of PyTorch's DistributedDataParallel over Gloo, beside the same step without communication.

The FedAvg CNN as Laconic has it (1,663,370 parameters), SGD with momentum, one compute thread a rank. One process of
this a rank, which learns its rank, how many there are and where rank 0 is from netlab, from mpirun, or as torchrun
says it:

  tests/peers/setup && cluster/netlab up --hosts 4 --rate 100mbit --latency 0
  cluster/netlab run --each -- build/peers/bin/python tests/peers/ddp_steps.py --interface eth0

All settings take turns in one process group, a few steps of each after as many of no_sync (no communication at all).
A step lasts as long as on the slowest rank. Rank 0 prints a line of JSON for each setting: quartiles of a step's
seconds, and of their ratio to no_sync of the same turn.

powerSGD_hook hangs with default buckets, so it gets one for all. batched_powerSGD_hook fails in PyTorch 2.11 (it gives
matrices where a batch of them is wanted) and is mended here.
"""
import argparse
import contextlib
import json
import os
import statistics
import time

import torch
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks, powerSGD_hook
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

ONE_BUCKET_MB = 100
UNTIL_POWER_SGD = 2  # steps; the least that the hook allows
BLOCK_SECONDS, MOST_STEPS = 0.5, 8
NO_START_SECONDS = 1  # of such a step it matters little that ranks do not begin together


class FedAvgCnn(torch.nn.Module):
    """Pooling comes before ReLU, as in src/nn: the same values from a quarter of the work."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 32, 5, padding=2)
        self.conv2 = torch.nn.Conv2d(32, 64, 5, padding=2)
        self.linear1 = torch.nn.Linear(64 * 7 * 7, 512)
        self.linear2 = torch.nn.Linear(512, 10)

    def forward(self, x):
        for convolution in (self.conv1, self.conv2):
            # As ours: pooling in oneDNN's layout takes a tenth of the time.
            x = torch.relu(torch.max_pool2d(convolution(x.to_mkldnn()), 2, 2).to_dense())
        return self.linear2(torch.relu(self.linear1(x.flatten(1))))


def batch_of_one(orthogonalize):
    def wrapped(matrices, epsilon=0):
        orthogonalize(matrices if matrices.dim() == 3 else matrices.unsqueeze(0), epsilon)
    return wrapped


def power_sgd(hook, rank):
    state = powerSGD_hook.PowerSGDState(None, matrix_approximation_rank=rank, start_powerSGD_iter=UNTIL_POWER_SGD)
    return lambda model: model.register_comm_hook(state, hook)


def settings(bucket_mb):
    """By name: bucket_cap_mb, and what makes the setting out of a model."""
    one = ONE_BUCKET_MB
    return {
        "no_sync": (bucket_mb, None),
        "dense": (bucket_mb, None),
        "fp16": (bucket_mb, lambda model: model.register_comm_hook(None, default_hooks.fp16_compress_hook)),
        **{f"power_sgd_{rank}": (one, power_sgd(powerSGD_hook.powerSGD_hook, rank)) for rank in (1, 2)},
        **{f"batched_power_sgd_{rank}": (one, power_sgd(powerSGD_hook.batched_powerSGD_hook, rank)) for rank in (1, 2)},
    }


class Setting:
    def __init__(self, name, bucket_mb, register, batch):
        self.name = name
        self.model = DistributedDataParallel(FedAvgCnn(), bucket_cap_mb=bucket_mb)
        if register:
            register(self.model)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3, momentum=0.9)
        self.images, self.labels = torch.randn(batch, 1, 28, 28), torch.randint(10, (batch,))
        self.seconds, self.ratios = [], []
        for _ in range(UNTIL_POWER_SGD + 1):  # buckets are cut anew after the first
            started = time.monotonic()
            self.step()
        self.step_seconds = slowest([time.monotonic() - started])[0]

    def step(self):
        with self.model.no_sync() if self.name == "no_sync" else contextlib.nullcontext():
            self.optimizer.zero_grad()
            cross_entropy(self.model(self.images), self.labels).backward()
            self.optimizer.step()

    def block(self):
        """Seconds of a few steps, each of its slowest rank; all ranks as many."""
        dist.barrier()
        if self.step_seconds < NO_START_SECONDS:
            self.step()  # the first one waits for ranks that begin late
        mine = []
        for _ in range(min(MOST_STEPS, max(1, round(BLOCK_SECONDS / self.step_seconds)))):
            started = time.monotonic()
            self.step()
            mine.append(time.monotonic() - started)
        seconds = slowest(mine)
        self.seconds += seconds
        return statistics.median(seconds)


def slowest(seconds):
    most = torch.tensor(seconds, dtype=torch.float64)
    dist.all_reduce(most, op=dist.ReduceOp.MAX)
    return most.tolist()


def spread(values):
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return {"lower": lower, "median": median, "upper": upper}


def measure(arguments):
    alone, *others = [Setting(name, *settings(arguments.bucket_mb)[name], arguments.batch)
                      for name in ("no_sync", *(name for name in arguments.settings if name != "no_sync"))]
    busy = others
    while busy:  # times are those of the slowest rank, and so this ends for all at once
        reference = alone.block()
        for setting in busy:
            setting.ratios.append(setting.block() / reference)
        busy = [s for s in busy if len(s.ratios) < arguments.blocks or sum(s.seconds) < arguments.seconds]
    if dist.get_rank() != 0:
        return
    alone.ratios = [1, 1]
    for setting in (alone, *others):
        print(json.dumps({"setting": setting.name, "ranks": dist.get_world_size(), "steps": len(setting.seconds),
                          "seconds": spread(setting.seconds), "over_no_sync": spread(setting.ratios)}), flush=True)


def join():
    """A process group of what netlab, mpirun or torchrun started."""
    def known(*names):
        return next((os.environ[name] for name in names if name in os.environ), None)
    hosts = known("NETLAB_HOSTS")
    rank = known("RANK", "OMPI_COMM_WORLD_RANK", "NETLAB_HOST")
    ranks = known("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE") or (hosts and hosts.count(",") + 1)
    if rank is None or ranks is None:
        raise SystemExit("ddp_steps: start it by netlab run --each, mpirun or torchrun (--help)")
    os.environ.setdefault("MASTER_ADDR", hosts.split(",")[0] if hosts else "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "4100")
    dist.init_process_group("gloo", rank=int(rank), world_size=int(ranks))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="+", choices=settings(0), default=list(settings(0)), metavar="NAME",
                        help=f"of {', '.join(settings(0))}")
    parser.add_argument("--seconds", type=float, default=10, help="for each setting, but --blocks at least")
    parser.add_argument("--blocks", type=int, default=3, help="turns of each setting at least, 2 or more")
    parser.add_argument("--batch", type=int, default=32, help="a rank")
    parser.add_argument("--bucket-mb", type=float, default=25, help="bucket_cap_mb where it is not one for all")
    parser.add_argument("--interface", help="that Gloo is to use, like eth0")
    arguments = parser.parse_args()
    if arguments.interface:
        os.environ["GLOO_SOCKET_IFNAME"] = arguments.interface
    torch.set_num_threads(1)
    powerSGD_hook._orthogonalize = batch_of_one(powerSGD_hook._orthogonalize)
    join()
    assert sum(p.numel() for p in FedAvgCnn().parameters()) == 1_663_370
    measure(arguments)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
