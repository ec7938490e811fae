# SPDX-License-Identifier: BSD-2-Clause
"""Lines over time as a picture (SVG), with nothing but the standard library."""

import math

COLOURS = ("#0b6e99", "#c44900", "#4c8c2b", "#8a3ffc", "#b8860b", "#d6336c")
WIDTH, LEFT, RIGHT, TOP, HEIGHT, GAP = 900, 90, 250, 40, 220, 60


def ticks(low, high, count=5):
    """Round numbers between low and high."""
    if high <= low:
        return [low]
    rough = (high - low) / count
    unit = 10 ** math.floor(math.log10(rough))
    step = min((m * unit for m in (1, 2, 5, 10) if m * unit >= rough))
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def thin(rows, most=360):
    """Rows of (x, y): the extremes of each stretch, so that a picture keeps every peak."""
    if len(rows) <= most:
        return rows
    size, kept = -(-2 * len(rows) // most), []
    for at in range(0, len(rows), size):
        part = rows[at:at + size]
        kept += sorted({min(part, key=lambda row: row[1]), max(part, key=lambda row: row[1])})
    return kept


class Panel:
    """One pair of axes. series: [(label, [(x, y)], dashed)]"""

    def __init__(self, title, unit, series):
        self.title, self.unit, self.series = title, unit, series
        xs = [x for _, rows, _ in series for x, _ in rows]
        ys = [y for _, rows, _ in series for _, y in rows]
        self.x0, self.x1 = min(xs), max(xs)
        margin = (max(ys) - min(ys)) * 0.05 or 1
        self.y0, self.y1 = min(ys) - margin, max(ys) + margin

    def draw(self, top):
        """Its elements, from that height downwards."""
        wide = WIDTH - LEFT - RIGHT

        def at(x, y):
            return (LEFT + (x - self.x0) / ((self.x1 - self.x0) or 1) * wide,
                    top + HEIGHT - (y - self.y0) / (self.y1 - self.y0) * HEIGHT)

        yield f'<text x="{LEFT}" y="{top - 10}" font-weight="bold">{self.title}</text>'
        yield f'<rect x="{LEFT}" y="{top}" width="{wide}" height="{HEIGHT}" fill="none" ' \
              'stroke="#888"/>'
        for y in ticks(self.y0, self.y1):
            _, high = at(self.x0, y)
            yield f'<line x1="{LEFT}" x2="{LEFT + wide}" y1="{high:.1f}" y2="{high:.1f}" ' \
                  'stroke="#ddd"/>'
            yield f'<text x="{LEFT - 6}" y="{high + 4:.1f}" text-anchor="end">{y:g}</text>'
        for x in ticks(self.x0, self.x1, 6):
            yield f'<text x="{at(x, 0)[0]:.1f}" y="{top + HEIGHT + 16}" ' \
                  f'text-anchor="middle">{x:g}</text>'
        yield f'<text x="{LEFT - 60}" y="{top + HEIGHT / 2}" text-anchor="middle" ' \
              f'transform="rotate(-90 {LEFT - 60} {top + HEIGHT / 2})">{self.unit}</text>'
        for number, (label, rows, dashed) in enumerate(self.series):
            colour = COLOURS[number % len(COLOURS)]
            points = " ".join("%.1f,%.1f" % at(x, y) for x, y in thin(rows))
            dash = ' stroke-dasharray="4 3"' if dashed else ""
            yield f'<polyline points="{points}" fill="none" stroke="{colour}"{dash}/>'
            high = top + 14 + 18 * number
            yield f'<line x1="{LEFT + wide + 12}" x2="{LEFT + wide + 36}" y1="{high - 4}" ' \
                  f'y2="{high - 4}" stroke="{colour}" stroke-width="2"{dash}/>'
            yield f'<text x="{LEFT + wide + 42}" y="{high}">{label}</text>'


def save(path, panels, caption):
    """Write the picture: panels one below the other, time in seconds."""
    height = TOP + len(panels) * (HEIGHT + GAP)
    rows = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>']
    for number, panel in enumerate(panels):
        rows += panel.draw(TOP + number * (HEIGHT + GAP))
    rows += [f'<text x="{LEFT}" y="{height - 16}">{caption}</text>', "</svg>"]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
