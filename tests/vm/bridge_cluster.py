# SPDX-License-Identifier: BSD-2-Clause
"""A whole cluster: grandmaster, boundary clock, two hosts, two guests on each; and one moves."""

import itertools
import os
import statistics
import time

import bridge_plot
from bridge_guests import GRANDMASTER, HOST, UTC_NS, check, judge
from bridge_lab import harness, within
from bridge_truth import Pairs

SECONDS = 60
PERIOD_US = 20000
KINDS = ("library", "raw", "precise=/dev/ptp0")


class Cluster:
    """Everything, in network namespaces."""

    def __init__(self, lab):
        self.lab = lab
        spaces = {name: lab.namespace(name) for name in ("gm", "bc", "h1", "h2")}
        cables = [lab.cable(spaces["bc"], spaces[name], number)
                  for number, name in enumerate(("gm", "h1", "h2"), 1)]
        self.grandmaster = lab.host("gm", spaces["gm"], cables[:1], GRANDMASTER)
        self.boundary = lab.host("bc", spaces["bc"], cables, {
            **HOST, "clientOnly": "0", "clock_type": "BC", "soft_clock_offset": "-0.4",
            "soft_clock_frequency": "-20000"})
        self.boundary.watch.wait_for("synchronized", 60)
        self.hosts = {
            "h1": lab.host("h1", spaces["h1"], cables[1:2], HOST),
            "h2": lab.host("h2", spaces["h2"], cables[2:], {
                **HOST, "soft_clock_offset": "-1.1", "soft_clock_frequency": "-45000"})}
        self.guests = {}

    def boot(self):
        """Two guests on each host."""
        for host, name in itertools.product(self.hosts, ("a", "b")):
            arguments = self.hosts[host].attach(name, "--counter", "pingpong", "--qmp",
                                                f"{self.lab.folder}/{host}{name}-gnomond.qmp")
            self.guests[host + name] = self.lab.boot(host + name, arguments)
        for guest in self.guests.values():
            guest.wait_up()
            guest.run("drivers ptp_vmclock")
            guest.start_agent()


def in_step(cluster):
    """Every daemon, then every guest is in step."""
    for host in cluster.lab.hosts:
        if host is not cluster.grandmaster:
            took = host.watch.wait_for("synchronized", 60)
            print(f"# {host.name} is in step after {took:.1f} s")
    cluster.boot()
    for guest in cluster.guests.values():
        guest.find_offset()
        guest.wait_synchronized()
        guest.wait_agent("locked")


def clocks_of(guest, looks, kind, adjust_ns=0):
    """A guest's clock of that kind by the host's counter. Looks in whose midst the guest was
    stopped are left out: nobody knows when they were."""
    rows = [look for look in looks if look.kind == kind and not look.status]
    width = 3 * statistics.median(look.after - look.before for look in rows)
    pairs, middle = Pairs(), sum(guest.offset) // 2
    for look in rows:
        if look.after - look.before <= width:
            pairs.add((look.before + look.after) // 2 - middle, look.time_ns - adjust_ns, 0)
    return pairs


def differences(one, other, per_s):
    """[(s, ns)]: one minus the other at the instants of the first, where both were looked at."""
    rows, near = [], 3 * PERIOD_US * per_s / 1e6
    for counter, (ns, _) in zip(one.counters, one.times):
        if other.covers(counter) and other.gap(counter) < near:
            rows.append(((counter - one.counters[0]) / per_s, ns - other.at(counter)[0]))
    return rows


def table(rows):
    """Say it as a table."""
    print("# | pair | hosts | clock | mean of difference, ns | max, ns | both bounds: median, ns | "
          "max, ns |")
    print("# |---|---|---|---|---|---|---|")
    for row in rows:
        print("# | " + " | ".join(str(cell) for cell in row) + " |")


def minute(cluster):
    """Guests against each other, and against the grandmaster, for a minute."""
    count = SECONDS * 1000000 // PERIOD_US
    began = {name: guest.start_look(count, PERIOD_US, "library", "raw", "realtime",
                                    "precise=/dev/ptp0")
             for name, guest in cluster.guests.items()}
    looks = {name: cluster.guests[name].end_look(start, SECONDS * 3)
             for name, start in began.items()}
    time.sleep(0.2)
    truth = cluster.grandmaster.watch.pairs
    bounds = {}
    for name, guest in cluster.guests.items():
        guest.find_offset()
        errors = judge(guest, looks[name], {"grandmaster": truth})["grandmaster"]
        check(f"{name} against the grandmaster", errors)
        bounds[name] = [row[2] for row in errors.rows["library"]]
    compare(cluster, looks, bounds, truth.per_ns() * 1e9)


def compare(cluster, looks, bounds, per_s):
    """All pairs of guests: a table, a picture; a difference is no more than two bounds."""
    rows, panels, wrong = [], {}, []
    for kind, adjust in (("library", 0), ("realtime", UTC_NS)):
        clocks = {name: clocks_of(guest, looks[name], kind, adjust)
                  for name, guest in cluster.guests.items()}
        for one, other in itertools.combinations(clocks, 2):
            found = differences(clocks[one], clocks[other], per_s)
            worst = max(abs(ns) for _, ns in found)
            near = "one" if one[:2] == other[:2] else "two"
            most = max(bounds[one]) + max(bounds[other])
            usual = statistics.median(bounds[one]) + statistics.median(bounds[other])
            rows.append((f"{one}, {other}", near, kind,
                         f"{statistics.fmean(ns for _, ns in found):.0f}", f"{worst:.0f}",
                         f"{usual:.0f}", f"{most:.0f}"))
            panels.setdefault((kind, near), []).append((f"{one} minus {other}", found, False))
            unsure = sum((g.offset[1] - g.offset[0]) / 2 / per_s * 1e9
                         for g in (cluster.guests[one], cluster.guests[other]))
            if kind == "library" and worst - unsure > most:
                wrong.append(rows[-1])
    table(rows)
    names = {"library": "libgnomon", "realtime": "CLOCK_REALTIME kept by gnomon-guest"}
    bridge_plot.save(cluster.lab.out / "cluster.svg", [
        bridge_plot.Panel(f"{names[kind]}: guests of {near} host{'' if near == 'one' else 's'}",
                          "difference, ns", series)
        for (kind, near), series in sorted(panels.items())],
        "seconds; a difference is of the same instant")
    print(f"# plot: {cluster.lab.out / 'cluster.svg'}")
    if wrong:
        raise harness.Failure(f"guests further apart than both bounds: {wrong}")


class Journey:
    """A guest moves from one host to the other, looking at its clocks all the while."""

    def __init__(self, cluster):
        self.source, self.truth = cluster.guests["h1a"], cluster.grandmaster.watch.pairs
        lab, target = cluster.lab, cluster.hosts["h2"]
        path = f"{lab.folder}/journey"
        arguments = target.attach("moved", "--counter", "pingpong", "--qmp",
                                  f"{lab.folder}/moved-gnomond.qmp")
        self.guest = lab.boot("moved", arguments, incoming=f"unix:{path}")
        within(30, "a monitor of the new machine", lambda: os.path.exists(self.guest.qmp_path))
        self.source.find_offset()
        self.source.start_look(1200, 10000, *KINDS)
        time.sleep(2)
        monitor = self.source.qmp()
        self.left = self.truth.counters[-1]
        monitor.ask("migrate", uri=f"unix:{path}")
        within(120, "the migration's end",
               lambda: monitor.ask("query-migrate").get("status") in ("completed", "failed"))
        self.arrived = self.truth.counters[-1]
        told = monitor.ask("query-migrate")
        monitor.close()
        print(f"# migration: {told['status']}, stopped for {told.get('downtime')} ms of "
              f"{told.get('total-time')} ms")
        if told["status"] != "completed":
            raise harness.Failure(f"migration: {told}")
        self.source.close()

    def looks(self):
        """Those of both hosts: the look at its clocks ends where it did not begin."""
        looks = self.guest.end_look(0, 120)
        self.guest.wait_synchronized()
        return looks + self.guest.look(500, 5000, *KINDS)


    def markers(self, looks):
        """(markers of looks before it left, of those after it arrived, how many had no time)."""
        looks = [look for look in looks if look.kind == "library"]
        before = [look for look in looks if look.before - self.source.offset[1] < self.left]
        after = [look for look in looks if look.before - self.guest.offset[0] > self.arrived]
        return ({look.marker for look in before if not look.status},
                {look.marker for look in after if not look.status},
                sum(look.status != 0 for look in looks))


def moved(cluster):
    """Between two hosts a guest is told nothing, then the right time with a new marker."""
    journey = Journey(cluster)
    looks, guest = journey.looks(), journey.guest
    guest.find_offset()
    time.sleep(0.2)
    before, after, without = journey.markers(looks)
    print(f"# markers before {[f'{marker:016x}' for marker in before]}, {without} looks without a "
          f"time, markers after {[f'{marker:016x}' for marker in after]}")
    if not before or not after or not without or before & after:
        raise harness.Failure("not a marker, no time, another marker")
    reached = next(look.before for look in looks if look.marker in after and look.kind == "library")
    for where, part in ((journey.source, [look for look in looks if look.before < reached]),
                        (guest, [look for look in looks if look.before >= reached])):
        errors = judge(where, part, {"grandmaster": journey.truth})["grandmaster"]
        check(f"guest {where.name}, of h1 and then h2, against the grandmaster", errors)
    cluster.hosts["h1"].vm("detach", "a")
    guest.wait_agent("locked")
    print(f"# gnomon-guest: {guest.agent()['disruptions']} disruptions")


def run(lab, tap):
    """All scenarios."""
    cluster = Cluster(lab)
    if tap.case("cluster/in_step", in_step, cluster):
        tap.case("cluster/minute", minute, cluster)
        tap.case("cluster/moved", moved, cluster)
