"""What tests on netlab share: is it to be had here, a lab for as long as a block runs, its verbs."""
import contextlib
import json
import os
import pathlib
import subprocess

CLUSTER = pathlib.Path(__file__).resolve().parents[2] / "cluster"
NETLAB = str(CLUSTER / "netlab")
NAME = f"test-{os.getpid()}"
PATIENCE = 10  # seconds for what should take milliseconds


def missing():
    """What netlab needs and this machine lacks, found out without netlab."""
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun cannot be opened"
    for words in (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]):
        if subprocess.run([*words, "true"], stderr=subprocess.DEVNULL).returncode == 0:
            return None
    return "neither root nor a user namespace"


def netlab(*words, check=True, name=NAME, timeout=60, **options):
    """Name is where the verb takes options: behind it."""
    verb, *rest = map(str, words)
    done = subprocess.run([NETLAB, verb, "--name", name, *rest], capture_output=True, text=True,
                          timeout=timeout, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"netlab {' '.join(map(str, words))}: status {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done


def start(*words, name=NAME, prefix=(), **options):
    verb, *rest = map(str, words)
    return subprocess.Popen([*prefix, NETLAB, verb, "--name", name, *rest], text=True, **options)


@contextlib.contextmanager
def lab(*options, hosts=2, rate="1gbit", latency="0", name=NAME):
    netlab("up", "--hosts", hosts, "--rate", rate, "--latency", latency, "--owner", os.getpid(),
           *options, name=name)
    try:
        yield
    finally:
        netlab("down", name=name)


def counters(*words, name=NAME):
    return json.loads(netlab("counters", "--json", *words, name=name).stdout)
