"""The data set of a run: the simulator's answers as files, and the same rows as the contenders want them.

A directory per size, made once and used again:
  www/              what nginx serves: grouped/DATE.json, ticker/SYMBOL.json, tickers/*.json, splits/*.json, and as
                    .json.gz; files/DATE.csv.gz, the flat files
  rows.text         all rows the universe keeps, in ticker order, as COPY text (tabs, \\N); read from
                    www/ticker by Python's own json and decimal, so it owes nothing to icingest's decoder
  rows.copy         the same as binary COPY, written by PostgreSQL
  years/YEAR.copy   the same, a file per year
  slow.text         the first rows of rows.text, for contenders that would take all day
  slow.symbols      the symbols in it
  manifest.json     counts and digests, written last: a directory without it is begun anew
"""
import gzip
import http.client
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from urllib.parse import quote

from simulator import Simulator

FIRST, LAST = "2016-01-01", "2025-12-31"
SEED = 3
# Rows per listing over the window that the universe keeps: types, late listings, delistings and thin trading
# of the simulator's market taken off 2,514 sessions.
ROWS_PER_LISTING = 2090
KEPT_TYPES = ("CS", "ETF", "ADRC", "FUND", "ETN")
FORMAT = 2  # of the directory; another number makes old ones unusable

COLUMNS = '"time", ticker, open, high, low, close, volume, vwap, "interval"'
# Keys of the simulator's store.
S3_KEY, S3_SECRET = "simulated", "simulated-secret"


def digest_of(columns):
    return (
        f"SELECT count(*) || ' ' || coalesce(sum(hash_record_extended(ROW({columns}), 0)), 0) || ' ' || "
        f"coalesce(sum(hash_record_extended(ROW({columns}), 1)), 0) FROM stock_prices"
    )


DIGEST = digest_of(COLUMNS)
# Flat files have no vwap.
DIGEST_WITHOUT_VWAP = digest_of(COLUMNS.replace(" vwap,", ""))


class Getter:
    """Fetches from the simulator over one connection and keeps each answer plain and compressed."""

    def __init__(self, port, www):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.www = www

    def save(self, target, name):
        self.connection.request(
            "GET", target, headers={"Authorization": "Bearer bench", "Accept-Encoding": "gzip"}
        )
        answer = self.connection.getresponse()
        packed = answer.read()
        if answer.status != 200 or answer.getheader("Content-Encoding") != "gzip":
            raise RuntimeError(f"simulator: {target}: HTTP {answer.status} {packed[:200]!r}")
        plain = gzip.decompress(packed)
        (self.www / (name + ".json.gz")).write_bytes(packed)
        (self.www / (name + ".json")).write_bytes(plain)
        return plain


def pages(getter, path, query, first_name):
    """The results of every page of a list, kept as FOLDER/first_name and FOLDER/cursor_CURSOR."""
    folder = first_name.partition("/")[0]
    target, name = f"{path}?{query}", first_name
    while target:
        page = json.loads(getter.save(target, name))
        yield from page["results"]
        cursor = page.get("next_url", "").partition("cursor=")[2]
        target = f"{path}?cursor={cursor}" if cursor else ""
        name = f"{folder}/cursor_{cursor}"


def fetch_tickers(getter):
    """All pages of the reference list; the symbols whose type the universe keeps."""
    symbols = set()
    for active in ("true", "false"):
        query = f"market=stocks&active={active}&limit=1000&sort=ticker&order=asc"
        for row in pages(getter, "/v3/reference/tickers", query, f"tickers/active_{active}"):
            if row["type"] in KEPT_TYPES:
                symbols.add(row["ticker"])
    return sorted(symbols)


def fetch_splits(getter):
    """All pages of the splits since the first session, as icingest asks for them."""
    query = f"execution_date.gt={FIRST}&execution_date.lte={LAST}&limit=5000&sort=execution_date.asc"
    return sum(1 for _ in pages(getter, "/stocks/v1/splits", query, "splits/first"))


def fetch_files(port, www, sessions):
    """The flat files of these sessions, by curl, which can sign."""
    config = "".join(
        f'url = "http://127.0.0.1:{port}/flatfiles/us_stocks_sip/day_aggs_v1/{day[:4]}/{day[5:7]}/{day}.csv.gz"\n'
        f'output = "{www}/files/{day}.csv.gz"\n'
        for day in sessions
    )
    subprocess.run(
        ["curl", "-sS", "--fail-early", "-f", "--aws-sigv4", "aws:amz:us-east-1:s3", "-K", "-"],
        input=f'user = "{S3_KEY}:{S3_SECRET}"\n' + config,
        text=True,
        check=True,
    )


def weekdays():
    """Every day a session could be on; the exchange's holidays have answers of their own, without results."""
    day = date.fromisoformat(FIRST)
    while day <= date.fromisoformat(LAST):
        if day.weekday() < 5:
            yield day.isoformat()
        day += timedelta(days=1)


def market_of(tickers):
    """Options of a simulator of the data set's market, so many listings."""
    return [
        *("--seed", str(SEED), "--tickers", str(tickers), "--from", FIRST, "--to", LAST),
        *("--rate", "massive=10000/s", "--plan", "advanced", "--log-level", "error"),
    ]


def render(icingest, directory, tickers, say):
    """Every answer the contenders will ask for, once, from the simulator."""
    www = directory / "www"
    for name in ("grouped", "ticker", "tickers", "splits", "files"):
        (www / name).mkdir(parents=True)
    with Simulator(icingest, market_of(tickers), directory / "simulator.log") as simulator:
        getter = Getter(simulator.port, www)
        symbols = fetch_tickers(getter)
        say(f"rendering {len(symbols):,} histories")
        for symbol in symbols:
            getter.save(
                f"/v2/aggs/ticker/{quote(symbol)}/range/1/day/{FIRST}/{LAST}"
                "?adjusted=true&sort=asc&limit=50000",
                f"ticker/{symbol}",
            )
        say("rendering the sessions")
        fetch_splits(getter)
        sessions = []
        for day in weekdays():
            plain = getter.save(
                f"/v2/aggs/grouped/locale/us/market/stocks/{day}?adjusted=true", f"grouped/{day}"
            )
            if b'"results":[' in plain:
                sessions.append(day)
        say("rendering the flat files")
        fetch_files(simulator.port, www, sessions)
    return symbols, len(sessions)


def volume_text(token):
    if "." not in token and "e" not in token:
        return token
    return str(int(Decimal(token).to_integral_value(ROUND_HALF_EVEN)))


def text_rows(job):
    """One history as COPY text."""
    file, symbol = job
    # Numbers stay the text they came as: PostgreSQL reads them.
    body = json.loads(Path(file).read_bytes(), parse_float=str, parse_int=str)
    lines = []
    for bar in body.get("results", []):
        at = datetime.fromtimestamp(int(bar["t"]) // 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%S+00")
        lines.append(
            f"{at}\t{symbol}\t{bar['o']}\t{bar['h']}\t{bar['l']}\t{bar['c']}\t{volume_text(bar['v'])}\t"
            f"{bar.get('vw', chr(92) + 'N')}\t1day\n"
        )
    return "".join(lines)


def end_at_once():
    """A worker's signals do what they usually do: the parent's handlers are not for it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def write_text(directory, symbols, slow_rows):
    """rows.text, and slow.text of the first symbols; gives the rows of both."""
    rows = slow = 0
    slow_symbols = []
    jobs = [(str(directory / "www" / "ticker" / (symbol + ".json")), symbol) for symbol in symbols]
    with multiprocessing.Pool(initializer=end_at_once) as pool, open(
        directory / "rows.text", "w", encoding="utf-8"
    ) as all_rows, open(directory / "slow.text", "w", encoding="utf-8") as slow_file:
        for symbol, text in zip(symbols, pool.imap(text_rows, jobs, chunksize=8)):
            all_rows.write(text)
            count = text.count("\n")
            rows += count
            if slow < slow_rows or slow_rows == 0:
                slow_file.write(text)
                slow += count
                slow_symbols.append(symbol)
    (directory / "slow.symbols").write_text("\n".join(slow_symbols) + "\n", encoding="utf-8")
    return rows, slow


def digest_of_file(database, file):
    database.psql("TRUNCATE stock_prices")
    database.psql(f"\\copy stock_prices ({COLUMNS}) FROM '{file}'")
    return database.psql(DIGEST)


def write_binary(database, directory):
    """Digests of rows.text, also without vwap, and of slow.text by PostgreSQL, and the binary forms of the first."""
    slow = digest_of_file(database, directory / "slow.text")
    whole = digest_of_file(database, directory / "rows.text")
    without_vwap = database.psql(DIGEST_WITHOUT_VWAP)
    database.psql('CREATE INDEX ON stock_prices (ticker, "time")')
    database.psql(
        f'\\copy (SELECT {COLUMNS} FROM stock_prices ORDER BY ticker, "time") TO '
        f"'{directory / 'rows.copy'}' (FORMAT binary)"
    )
    (directory / "years").mkdir()
    for year in range(int(FIRST[:4]), int(LAST[:4]) + 1):
        database.psql(
            f'\\copy (SELECT {COLUMNS} FROM stock_prices WHERE "time" >= '
            f"'{year}-01-01 00:00 America/New_York' "
            f'AND "time" < \'{year + 1}-01-01 00:00 America/New_York\' ORDER BY ticker, "time") TO '
            f"'{directory / 'years' / str(year)}.copy' (FORMAT binary)"
        )
    return {"digest": whole, "digest_without_vwap": without_vwap, "slow_digest": slow}


def ensure(scratch, rows, slow_rows, icingest, make_database, say):
    """The directory for about `rows` rows and its manifest, made when it is not there."""
    tickers = max(20, round(rows / ROWS_PER_LISTING))
    directory = scratch / f"data-{FORMAT}-{tickers}-{slow_rows}"
    manifest_file = directory / "manifest.json"
    if manifest_file.exists():
        return directory, json.loads(manifest_file.read_text())
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    symbols, sessions = render(icingest, directory, tickers, say)
    say("writing the rows as text")
    count, slow_count = write_text(directory, symbols, slow_rows)
    say(f"{count:,} rows; letting PostgreSQL read them and write the binary forms")
    with make_database() as database:
        digests = write_binary(database, directory)
    manifest = {
        "rows": count,
        "slow_rows": slow_count,
        **digests,
        "listings": tickers,
        "symbols": len(symbols),
        "sessions": sessions,
        "first": FIRST,
        "last": LAST,
        "seed": SEED,
        "bytes": {
            name: sum(f.stat().st_size for f in (directory / "www").rglob(f"*{name}"))
            for name in (".json", ".json.gz", ".csv.gz")
        },
    }
    manifest["bytes"]["rows.copy"] = os.path.getsize(directory / "rows.copy")
    manifest["bytes"]["rows.text"] = os.path.getsize(directory / "rows.text")
    manifest_file.write_text(json.dumps(manifest, indent=1))
    return directory, manifest
