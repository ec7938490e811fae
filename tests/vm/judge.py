# SPDX-License-Identifier: BSD-2-Clause
"""What the guest said, and comparisons that say so and remember what was wrong."""

import re

OFF, WAS, ON = "tx_type 0 rx_filter 0", "tx_type 0 rx_filter 4", "tx_type 1 rx_filter 12"

LEADER_PPB, FOLLOWER_PPB = 50000.0, 7000.0

# TIMINCA counts 2^-23 of the frequency: between two Syncs the clock moves by 7.5 ns at least.
OFFSET_NS = 10
DELAY_NS = 10
CROSS_NS = 50  # where readings of one clock are brought to the time of another, on top
UTC_NS = -37 * 10**9  # what a clock of UTC shows besides one of the PTP timescale
FREQUENCY_PPB = 400
SETTLED = 80  # updates, of 16 per second

NATIVE = re.compile(r" info sync .*servo=s(\d) offset_ns=(\S+) frequency_ppb=(\S+) "
                    r"mean_delay_ns=(\S+)")
PTP4L = re.compile(r"master offset\s+(-?\d+) s(\d) freq\s+([+-]?\d+) path delay\s+(-?\d+)")
LINE = re.compile(r"@ (\w+) (leader |follower |last )?([\w ]+): ?(.*)")

LOST = "tx-timestamp-lost|timed out while polling"
FAULT = "FAULTY|clock-error|send-failed|link-error"
INSANE = "clock-insane|clockcheck"


class Log:
    """What the guest said, by scenario, program and subject."""

    def __init__(self, text):
        self.said = {}
        for line in text.splitlines():
            match = LINE.match(line.strip())
            if match:
                scenario, who, what, value = match.groups()
                key = (scenario, (who or "").strip(), what)
                self.said.setdefault(key, []).append(value.strip())

    def all(self, scenario, who, what):
        """Every value, in order."""
        return self.said.get((scenario, who, what), [])


class Judge:
    """Of one scenario: compares, says so, and remembers what was wrong."""

    def __init__(self, log, scenario):
        self.log, self.scenario, self.wrong = log, scenario, 0

    def all(self, who, what):
        """Every value, in order."""
        return self.log.all(self.scenario, who, what)

    def one(self, who, what):
        """The only value; None if there is none or more."""
        values = self.all(who, what)
        return values[0] if len(values) == 1 else None

    def updates(self):
        """(servo state, offset ns, frequency ppb that the clock was given, delay ns) in order."""
        found = []
        for line in self.all("follower", "log"):
            native, ptp4l = NATIVE.search(line), PTP4L.search(line)
            if native:
                found.append(tuple(float(part) for part in native.groups()))
            elif ptp4l:
                offset, state, frequency, delay = (float(part) for part in ptp4l.groups())
                found.append((state, offset, -frequency, delay))
        return found

    def expect(self, what, holds):
        """Note one thing."""
        print(f"# {'ok' if holds else 'WRONG'}: {what}")
        self.wrong += not holds

    def same(self, who, what, wanted):
        """A value must be a text, or begin so, after a name or not."""
        value = self.one(who, what)
        self.expect(f"{who} {what}: {value}".strip(),
                    value is not None and re.search(rf"(^|: ){re.escape(wanted)}(\b|$)", value))

    def near(self, name, value, wanted, tolerance):
        """A number must be close to another."""
        text = f"{name}: {value} (expected {wanted:g} +- {tolerance:g})"
        self.expect(text, value is not None and abs(float(value) - wanted) <= tolerance)

    def true_difference(self, what):
        """Of two clocks in ns, as phc_compare reads them; None if it did not."""
        match = re.search(r"second minus first: (-?\d+) ns",
                          self.one("", f"difference {what}") or "")
        return int(match.group(1)) if match else None

    def difference(self, what, wanted, tolerance):
        """It must be close to a number of ns."""
        self.near(f"true difference {what}, ns", self.true_difference(what), wanted, tolerance)

    def throughout(self, what, wanted, tolerance):
        """All of many looks at two clocks must be close to a number of ns."""
        match = re.search(r"at worst from (-?\d+) to (-?\d+) ns in (\d+) looks",
                          self.one("", f"difference {what}") or "")
        least, most, looks = (int(group) for group in match.groups()) if match else (0, 0, 0)
        worst = max(least - wanted, most - wanted, key=abs)
        self.expect(f"true difference {what}: median {(self.true_difference(what) or 0) - wanted:g}"
                    f" ns, at worst {worst:g} ns in {looks} looks (allowed {tolerance:g})",
                    looks > 1 and abs(worst) <= tolerance)

    def lines(self, who, pattern):
        """Those lines of a log that match."""
        return [line for line in self.all(who, "log") if re.search(pattern, line)]

    def never(self, who, *patterns):
        """No line of a log may match, and there must be lines."""
        for pattern in patterns:
            bad, count = self.lines(who, pattern), len(self.all(who, "log"))
            self.expect(f"{who}: {len(bad)} of {count} lines with {pattern!r}"
                        f"{': ' + bad[0] if bad else ''}", count and not bad)

    def says(self, who, pattern, times=None):
        """Some line of a log must match, or as many as told."""
        found = self.lines(who, pattern)
        self.expect(f"{who}: {len(found)} lines with {pattern!r}, "
                    f"expected {'some' if times is None else times}",
                    found if times is None else len(found) == times)

    def settled(self, tolerance=OFFSET_NS):
        """The last updates: in lock, at the offset, delay and frequency that are true."""
        updates = self.updates()
        last = updates[-SETTLED:]
        locked = len(updates) > SETTLED and all(row[0] == 2 for row in last)
        self.expect(f"{len(updates)} updates, the last {len(last)} in lock: {locked}", locked)
        if not last:
            return
        self.near("largest offset, ns", max(abs(row[1]) for row in last), 0, tolerance)
        self.near("largest delay, ns", max(abs(row[3]) for row in last), 0,
                  max(tolerance, DELAY_NS))
        mean = sum(row[2] for row in last) / len(last)
        self.near("mean frequency, ppb", round(mean), LEADER_PPB, FREQUENCY_PPB)
