# SPDX-License-Identifier: BSD-2-Clause
"""What a clock said against what was true, with the test's own uncertainty kept apart."""

import bisect
import statistics

KNOWN_NS = 1000


class Pairs:
    """A clock of this machine by its counter: a broken line through readings of both at once.
    Counters and times are whole numbers, of more digits than a float has."""

    def __init__(self):
        self.counters, self.times = [], []  # times: (ns, by how much that may be off)

    def add(self, counter, time_ns, error_ns):
        """One reading; they come in order."""
        if not self.counters or counter > self.counters[-1]:
            self.counters.append(counter)
            self.times.append((time_ns, error_ns))

    def covers(self, counter):
        """True if it lies between two readings."""
        return bool(self.counters) and self.counters[0] <= counter <= self.counters[-1]

    def gap(self, counter):
        """How many counts apart the readings are that it lies between."""
        index = min(max(bisect.bisect(self.counters, counter), 1), len(self.counters) - 1)
        return self.counters[index] - self.counters[index - 1]

    def per_ns(self):
        """Counts in a nanosecond."""
        return (self.counters[-1] - self.counters[0]) / (self.times[-1][0] - self.times[0][0])

    def at(self, counter):
        """(ns, by how much that may be off): between two readings; beyond the first or the last
        one as if the clock were never steered, which is so of a grandmaster's soft clock."""
        if not self.covers(counter):
            return self.beyond(counter)
        index = min(max(bisect.bisect(self.counters, counter), 1), len(self.counters) - 1)
        (left, right), (before, after) = self.counters[index - 1:index + 1], \
            self.times[index - 1:index + 1]
        return before[0] + (counter - left) * (after[0] - before[0]) // (right - left), \
            max(before[1], after[1]) + 1

    def beyond(self, counter):
        """at() outside of all readings: both ends make the line."""
        near, far = (0, -1) if counter < self.counters[0] else (-1, 0)
        span, ns = self.counters[near] - self.counters[far], self.times[near][0]
        away = counter - self.counters[near]
        errors = self.times[near][1] + self.times[far][1]
        return ns + away * (ns - self.times[far][0]) // span, \
            self.times[near][1] + errors * abs(away / span) + 1


class RawLine:
    """A guest's counter by its CLOCK_MONOTONIC_RAW, of which the kernel makes an exact line."""

    def __init__(self, looks):
        rows = [look for look in looks if look.kind == "raw"]
        width = statistics.median(look.after - look.before for look in rows)
        rows = [look for look in rows if look.after - look.before <= width]
        self.c0, self.r0 = rows[0].before, rows[0].time_ns
        # Each look says of the line that it passes between two counts: (from, to, ns).
        self.rows = [(look.before - self.c0, look.after - self.c0, look.time_ns - self.r0)
                     for look in rows]
        slope = self.rows[-1][2] / (self.rows[-1][0] or 1)
        low, high = slope * (1 - 1e-5), slope * (1 + 1e-5)
        for _ in range(60):  # the room for the line's height, a concave function of its slope
            third = (high - low) / 3
            if self.room(low + third) < self.room(high - third):
                low += third
            else:
                high -= third
        self.slope = (low + high) / 2
        self.error_ns = abs(self.room(self.slope)) / 2 + 1
        self.height = self.least(self.slope) + self.room(self.slope) / 2

    def least(self, slope):
        """The least height of a line of that slope, by the looks."""
        return max(ns - slope * after for _, after, ns in self.rows)

    def room(self, slope):
        """How much more it may be; below 0, no such line fits all looks."""
        return min(ns - slope * before for before, _, ns in self.rows) - self.least(slope)

    def counter(self, raw_ns):
        """(the guest's counter, by how many counts that may be off)."""
        return (self.c0 + round((raw_ns - self.r0 - self.height) / self.slope),
                int(self.error_ns / self.slope) + 1)


class Errors:
    """What looks at a guest's clock were off, by kind."""

    def __init__(self):
        self.rows = {}  # kind: [(error ns, the test's own uncertainty ns, bound ns or None)]

    def add(self, kind, error_ns, unsure_ns, bound_ns):
        """One look."""
        self.rows.setdefault(kind, []).append((error_ns, unsure_ns, bound_ns))

    def count(self, kind):
        """How many looks there were."""
        return len(self.rows.get(kind, []))

    def outside(self, kind):
        """Looks whose error exceeds the bound by more than the test's uncertainty."""
        return [row for row in self.rows.get(kind, [])
                if row[2] is not None and abs(row[0]) - row[1] > row[2]]

    def beyond(self, kind):
        """Looks whose error exceeds the bound, were the test exact."""
        return [row for row in self.rows.get(kind, []) if row[2] is not None and
                abs(row[0]) > row[2]]

    def text(self, kind):
        """A line for the log. Mean and maximum are of looks whose instant is known well: the guest
        is stopped in the midst of some, and what those show is not the clock."""
        rows = self.rows[kind]
        known = [row for row in rows if row[1] <= KNOWN_NS] or rows
        bounds = [row[2] for row in rows if row[2] is not None]
        told = f"; bound {min(bounds):.0f}..{max(bounds):.0f} ns, {len(self.beyond(kind))} beyond" \
            if bounds else ""
        return f"{kind}: {len(rows)} looks, {len(known)} known to " \
               f"{max(row[1] for row in known):.0f} ns: mean " \
               f"{statistics.fmean(abs(row[0]) for row in known):.0f} ns, max " \
               f"{max(abs(row[0]) for row in known):.0f} ns{told}"


def judge_look(look, offset, truth, line=None):
    """(error ns, the test's uncertainty ns) of a look: what it says minus what was true."""
    if look.raw_ns and line:
        at, unsure = line.counter(look.raw_ns)
        first, last = at - unsure, at + unsure
    else:
        first, last = look.before, look.after
    early, early_error = truth.at(first - offset[1])
    late, late_error = truth.at(last - offset[0])
    low, high = look.time_ns - late - late_error, look.time_ns - early + early_error
    return (low + high) / 2, (high - low) / 2
