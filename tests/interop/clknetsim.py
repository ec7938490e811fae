#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gnomond under clknetsim, an LD_PRELOAD simulator of clocks, PHCs and networks.

It runs unmodified daemons in virtual time, so that gnomond and linuxptp's ptp4l can be compared on
the same clocks. It is not ours and not part of this project: GNOMON_CLKNETSIM names the directory
that holds clknetsim and clknetsim.so, and without it this test is skipped.

    clknetsim.py GNOMOND            the test
    clknetsim.py GNOMOND --table    time errors of both programs over ten seeds, for the docs
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

SKIP = 77
SETTLED = 100  # seconds from which the error counts
LENGTH = 1000
OFFSET, FREQUENCY, WANDER, DELAY = 0.1, 1e-4, 1e-9, 1e-7


def configuration(nodes, jitter):
    """clknetsim's configuration of a chain: node 1 is perfect, neighbours share a network."""
    rows = []
    for node in range(1, nodes + 1):
        if node > 1:
            rows.append(f"node{node}_offset = {OFFSET}")
            rows.append(f"node{node}_freq = (+ {FREQUENCY} (sum (* {WANDER} (normal))))")
        for other in (node - 1, node + 1):
            if 1 <= other <= nodes:
                rows.append(f"node{node}_delay{other} = (+ {DELAY} (* {jitter} (exponential)))")
    return "\n".join(rows) + "\n"


def interfaces(node, nodes):
    """A node's ports: network n joins the nodes n and n + 1."""
    names = []
    if node > 1:
        names += ["-i", f"eth{node - 2}"]
    if node < nodes:
        names += ["-i", f"eth{node - 1}"]
    return names


def offsets(path, nodes):
    """The true time error of the last node, once per second."""
    with open(path, encoding="ascii") as file:
        return [float(line.split()[nodes - 1]) for line in file]


def simulate(programs, seed, jitter=1e-7, options=()):
    """Run a chain, one program a node; the last node's time errors by the second."""
    tool, nodes = os.environ["GNOMON_CLKNETSIM"], len(programs)
    with tempfile.TemporaryDirectory(prefix="gnomon-clknetsim-") as folder:
        def path(name):
            return os.path.join(folder, name)
        with open(path("conf"), "w", encoding="ascii") as file:
            file.write(configuration(nodes, jitter))
        environment = dict(os.environ, CLKNETSIM_SOCKET=path("socket"),
                           CLKNETSIM_RANDOM_SEED=str(seed))
        clients = []
        for node, program in enumerate(programs, 1):
            mine = dict(environment, CLKNETSIM_NODE=str(node),
                        LD_PRELOAD=os.path.join(tool, "clknetsim.so"))
            argv = [program, "-m", "-q", *interfaces(node, nodes), *options]
            if node == 1:
                argv.append("--priority1=1")
            with open(path(f"log.{node}"), "w", encoding="ascii") as log:
                clients.append(subprocess.Popen(  # pylint: disable=consider-using-with
                    argv, env=mine, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        server = subprocess.run(
            [os.path.join(tool, "clknetsim"), "-s", path("socket"), "-n", str(nodes - 1), "-o",
             path("offsets"), "-l", str(LENGTH), path("conf"), str(nodes)],
            env=environment, capture_output=True, text=True, timeout=120, check=False)
        for client in clients:
            try:
                client.wait(5)
            except subprocess.TimeoutExpired:
                client.kill()
        if server.returncode:
            logs = "".join(open(path(f"log.{n}"), encoding="ascii").read()[-500:]
                           for n in range(1, nodes + 1))
            raise RuntimeError(f"clknetsim ended with {server.returncode}: {server.stderr}{logs}")
        return offsets(path("offsets"), nodes)


def rms(values):
    """Root mean square."""
    return (sum(v * v for v in values) / len(values)) ** 0.5


def settled_at(values, limit):
    """The second from which all errors stay below the limit."""
    late = [second for second, value in enumerate(values) if abs(value) >= limit]
    return late[-1] + 1 if late else 0


def table(gnomond, ptp4l):
    """Time error behind 0 to 3 boundary clocks, both programs, ten seeds."""
    print(f"{'':10} {'boundary clocks':>15} {'RMS':>9} {'min':>9} {'max':>9} {'within 2 us':>12}")
    for name, program in (("gnomond", gnomond), ("ptp4l", ptp4l)):
        for hops in range(4):
            runs = [simulate([program] * (hops + 2), seed) for seed in range(1, 11)]
            errors = sorted(rms(run[SETTLED:]) for run in runs)
            second = statistics.median(settled_at(run, 2e-6) for run in runs)
            print(f"{name:10} {hops:15} {statistics.median(errors):9.2e} {errors[0]:9.2e} "
                  f"{errors[-1]:9.2e} {second:10.0f} s")


def check(name, values, limit):
    """One row of the test; True if the clock kept within the limit and locked in time."""
    error, second = rms(values[SETTLED:]), settled_at(values, 20 * limit)
    good = error <= limit and second <= 60
    print(f"{'ok' if good else 'FAILED'}: {name}: RMS {error:.2e} s (limit {limit:.1e}), "
          f"within {20 * limit:.0e} s after {second} s")
    return good


def main():
    """The program; exit status 0, 1 or 77."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("gnomond")
    parser.add_argument("--ptp4l", default="/usr/sbin/ptp4l")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    tool = os.environ.get("GNOMON_CLKNETSIM")
    if not tool or not os.access(os.path.join(tool, "clknetsim"), os.X_OK):
        print("skipped: GNOMON_CLKNETSIM does not name a directory with clknetsim")
        return SKIP
    gnomond, ptp4l = os.path.abspath(arguments.gnomond), arguments.ptp4l
    if arguments.table:
        table(gnomond, ptp4l)
        return 0
    with tempfile.TemporaryDirectory(prefix="gnomon-name-") as folder:
        guise = os.path.join(folder, "ptp4l")
        os.symlink(gnomond, guise)
        good = [check("direct", simulate([gnomond] * 2, 1), 1.5e-7),
                check("direct, P2P", simulate([gnomond] * 2, 2, options=["-P"]), 1.5e-7),
                check("behind a boundary clock", simulate([gnomond] * 3, 3), 2.5e-7),
                check("started as ptp4l", simulate([guise] * 2, 4), 1.5e-7)]
        if os.access(ptp4l, os.X_OK):
            good += [check("from linuxptp", simulate([ptp4l, gnomond], 5), 1.5e-7),
                     check("linuxptp behind us", simulate([gnomond, gnomond, ptp4l], 6), 2.5e-7)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
