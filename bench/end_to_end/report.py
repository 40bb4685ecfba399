"""Samples → medians, spreads, ratios, a table and a picture."""
from statistics import median
from xml.sax.saxutils import escape

from contenders import AGAIN, FASTEST, PSQL_TEXT, PYTHON, READING


def spread(values):
    return {"median": median(values), "min": min(values), "max": max(values)}


def summarise(samples):
    """What a case's samples say, per row where cases differ in rows."""
    rows = samples[0]["rows"]
    return {
        "rows": rows,
        "samples": samples,
        "seconds": spread([s["seconds"] for s in samples]),
        "rows_per_second": spread([rows / s["seconds"] for s in samples]),
        "cpu_seconds_per_million": spread([s["cpu_seconds"] / rows * 1e6 for s in samples]),
        "server_cpu_seconds_per_million": spread([s["postgresql_cpu_seconds"] / rows * 1e6 for s in samples]),
        "others_share": spread([s["others_share"] for s in samples]),
        "peak_rss": spread([s["peak_rss"] for s in samples]),
        "wal_bytes": spread([s["wal_bytes"] for s in samples]),
    }


def add_ratios(cases):
    """Against the fastest recipe as time (1.25 is a quarter slower), against psql text as speed."""
    for case in cases.values():
        speed = case["rows_per_second"]["median"]
        if FASTEST in cases:
            case["time_against_fastest"] = cases[FASTEST]["rows_per_second"]["median"] / speed
        if PSQL_TEXT in cases:
            case["speed_against_psql_text"] = speed / cases[PSQL_TEXT]["rows_per_second"]["median"]


def ratio(case, key):
    return f"{case[key]:.2f}" if key in case else "–"


def table(cases):
    head = (
        "case",
        "rows",
        "seconds",
        "min…max",
        "rows/s",
        "time÷fastest",
        "×psql text",
        "cpu s/M",
        "server s/M",
        "peak MiB",
        "WAL MB",
        "others %",
    )
    lines = [head]
    for name, case in cases.items():
        seconds = case["seconds"]
        lines.append(
            (
                name,
                f"{case['rows']:,}",
                f"{seconds['median']:.2f}",
                f"{seconds['min']:.2f}…{seconds['max']:.2f}",
                f"{case['rows_per_second']['median']:,.0f}",
                ratio(case, "time_against_fastest"),
                ratio(case, "speed_against_psql_text"),
                f"{case['cpu_seconds_per_million']['median']:.3f}",
                f"{case['server_cpu_seconds_per_million']['median']:.2f}",
                f"{case['peak_rss']['median'] / 2**20:.0f}",
                f"{case['wal_bytes']['median'] / 1e6:,.0f}",
                f"{case['others_share']['max'] * 100:.0f}",
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(line, widths))
        )
        for line in lines
    )


def goals(cases):
    """The ratios the engine is held to, one line each: what is, and what it must be."""
    speed = {name: case["rows_per_second"]["median"] for name, case in cases.items()}
    cpu = {name: case["cpu_seconds_per_million"]["median"] for name, case in cases.items()}
    lines = []

    def goal(what, value, most=None, least=None):
        met = value <= most if least is None else value >= least
        bound = f"≤ {most:g}" if least is None else f"≥ {least:g}"
        lines.append(f"{'met ' if met else 'MISS'}  {what}: {value:.2f} ({bound})")

    if AGAIN in cases and READING in cases:
        goal(f"{AGAIN}: time against {READING}", speed[READING] / speed[AGAIN], most=1.5)
    for name in (name for name in cases if name.startswith("icingest") and name != AGAIN):
        if FASTEST in cases:
            goal(f"{name}: time against {FASTEST}", speed[FASTEST] / speed[name], most=1.25)
        if PSQL_TEXT in cases:
            goal(f"{name}: speed against {PSQL_TEXT}", speed[name] / speed[PSQL_TEXT], least=6)
        if PYTHON in cases:
            goal(f"{name}: speed against {PYTHON}", speed[name] / speed[PYTHON], least=18)
            goal(f"{name}: client CPU of {PYTHON} against ours", cpu[PYTHON] / cpu[name], least=35)
        goal(
            f"{name}: client CPU seconds per million rows",
            cpu[name],
            most=0.5 if name.endswith("gzip") else 0.35,
        )
        goal(f"{name}: peak MiB", cases[name]["peak_rss"]["max"] / 2**20, most=128)
        other = name.replace("grouped", "per-ticker")
        if other != name and other in cases:
            goal(f"{name}: time against per-ticker", speed[other] / speed[name], most=1.1)
    return lines


BAR, GAP, LEFT, RIGHT, WIDTH = 18, 10, 200, 210, 880


def svg(cases, title):
    """Rows per second as bars, longest first, the spread as a line on each."""
    order = sorted(cases.items(), key=lambda item: -item[1]["rows_per_second"]["median"])
    scale = (WIDTH - LEFT - RIGHT) / max(case["rows_per_second"]["max"] for _, case in order)
    height = 44 + len(order) * (BAR + GAP)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{height}" fill="#fff"/>'
        f'<text x="10" y="22" font-size="14" fill="#111">{escape(title)}</text>'
    ]
    for i, (name, case) in enumerate(order):
        y = 36 + i * (BAR + GAP)
        speed = case["rows_per_second"]
        end = LEFT + speed["median"] * scale
        low, high = LEFT + speed["min"] * scale, LEFT + speed["max"] * scale
        fill = "#2563eb" if name.startswith("icingest") else "#9ca3af"
        label = f"{speed['median']:,.0f} rows/s, {case['cpu_seconds_per_million']['median']:.2f} CPU s/M"
        out.append(
            f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end" fill="#111">{escape(name)}</text>'
            f'<rect x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{BAR}" fill="{fill}"/>'
            f'<path d="M{low:.1f} {y + BAR / 2}H{high:.1f}M{low:.1f} {y + 5}v8M{high:.1f} {y + 5}v8" '
            f'stroke="#111" fill="none"/>'
            f'<text x="{max(end, high) + 6:.1f}" y="{y + 13}" fill="#374151">{escape(label)}</text>'
        )
    return "\n".join(out) + "</svg>\n"
