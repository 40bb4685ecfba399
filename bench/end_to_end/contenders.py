"""Who runs: each a name, the table it finds, and the command that fills it.

To add one, append to CONTENDERS. `table` is a function below that makes the database; `slow` contenders
load the first rows only (--slow-rows) and are compared by rows per second.
"""
import os
from dataclasses import dataclass
from typing import Callable

import measure
from bodies import COLUMNS, FIRST, LAST, S3_KEY, S3_SECRET
from servers import Database

COLUMN_DDL = """("time" timestamptz NOT NULL, ticker varchar(32) NOT NULL, open numeric(20,6),
high numeric(20,6), low numeric(20,6), close numeric(20,6), volume bigint, vwap numeric(20,6),
"interval" varchar(10) NOT NULL DEFAULT '1day')"""
UNIQUE = 'CREATE UNIQUE INDEX ON stock_prices (ticker, "time", "interval")'


def bare_table(database):
    database.psql("CREATE TABLE stock_prices " + COLUMN_DDL)


def original_table(database):
    """The application's own: one plain table, its unique key and three more indexes."""
    bare_table(database)
    for ddl in (
        UNIQUE,
        'CREATE INDEX ON stock_prices (ticker, "time" DESC)',
        'CREATE INDEX ON stock_prices ("time" DESC)',
        'CREATE INDEX ON stock_prices ("interval")',
    ):
        database.psql(ddl)


def partitioned_parent(database):
    database.psql("CREATE TABLE stock_prices " + COLUMN_DDL + ' PARTITION BY RANGE ("time")')
    database.psql(UNIQUE)


def partitioned_table(database):
    """What icingest leaves behind, empty: partitions by New York year, the unique key on each."""
    partitioned_parent(database)
    for year in range(int(FIRST[:4]), int(LAST[:4]) + 1):
        database.psql(
            f"CREATE TABLE stock_prices_{year} PARTITION OF stock_prices FOR VALUES FROM "
            f"('{year}-01-01 00:00 America/New_York') TO ('{year + 1}-01-01 00:00 America/New_York')"
        )


def as_it_is(_database):
    """For contenders that begin with a copy of another database."""


# Every leaf has a valid unique index on the key.
WITHOUT_KEY = """SELECT count(*) FROM (
SELECT oid FROM pg_class WHERE oid = 'stock_prices'::regclass AND relkind = 'r'
UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = 'stock_prices'::regclass) leaf WHERE NOT EXISTS (
SELECT FROM pg_index i WHERE i.indrelid = leaf.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
AND (SELECT array_agg(attname::text ORDER BY attname) FROM pg_attribute WHERE attrelid = leaf.oid AND
attnum = ANY (i.indkey)) = ARRAY['interval', 'ticker', 'time'])"""


@dataclass
class Scene:
    """What a command may refer to."""

    icingest: str
    build: str
    here: str
    data: str
    nginx: object
    database: object = None


@dataclass
class Contender:
    name: str
    about: str
    table: Callable
    command: Callable  # Scene → argv
    base_url: Callable = None  # Scene → address of the source, for icingest
    slow: bool = False
    indexed: bool = True  # False: a floor, not a way to get there
    # What its database is a copy of: nothing, one in which icingest has read the ticker list, or one that it has
    # loaded whole.
    template: str = "template0"
    digest: str = "digest"  # the manifest's name of what its table must be


def icingest(scene, *arguments):
    return [
        scene.icingest,
        *arguments,
        "--db",
        scene.database.uri,
        "--rate",
        "massive=10000/s",
        "--rate",
        "massive-files=10000/s",
        "--json",
        "--progress",
        "none",
        "--log-level",
        "warn",
    ]


def source_environment(url):
    if not url:
        return measure.plain_environment()
    return {
        **measure.plain_environment(),
        "POLYGON_BASE_URL": url,
        "POLYGON_API_KEY": "bench",
        "POLYGON_S3_ENDPOINT": url,
        "POLYGON_S3_ACCESS_KEY_ID": S3_KEY,
        "POLYGON_S3_SECRET_ACCESS_KEY": S3_SECRET,
    }


def make_template(scene, postgres, log, name, template, *command):
    """A database to copy: `template` with what an icingest command adds."""
    postgres.maintenance.psql(f"CREATE DATABASE {name} TEMPLATE {template}")
    scene.database = Database(postgres, name)
    measure.run_well(icingest(scene, *command), source_environment(scene.nginx.gzip), log)
    postgres.wait_until_left(name)


def icingest_contender(strategy, form, **more):
    return Contender(
        **{
            "name": f"icingest {strategy} {form}",
            "about": f"icingest prices --strategy {strategy}, {form} bodies over HTTP",
            "table": as_it_is,
            "command": lambda scene: icingest(
                scene, "prices", "--strategy", strategy, "--from", FIRST, "--to", LAST
            ),
            "base_url": lambda scene: getattr(scene.nginx, form),
            "template": "prepared",
            **more,
        }
    )


def psql_copy(scene, file, options=""):
    return [
        "psql",
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-d",
        scene.database.conninfo,
        "-c",
        f"\\copy stock_prices ({COLUMNS}) FROM '{scene.data}/{file}' {options}",
    ]


def psql_read(scene):
    query = f"\\copy (SELECT {COLUMNS} FROM stock_prices) TO '/dev/null' (FORMAT binary)"
    return ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", scene.database.conninfo, "-c", query]


def pgloader(scene):
    server = scene.database.server
    command_file = os.path.join(os.path.dirname(scene.data), "pgloader.load")
    fields = COLUMNS.replace("vwap", "vwap [null if '\\N']")
    with open(command_file, "w", encoding="utf-8") as out:
        out.write(
            f"LOAD CSV FROM '{scene.data}/slow.text' ({fields})\n"
            f"INTO postgresql://{server.user}@unix:{server.socket}:{server.port}/{scene.database.name}\n"
            f"TARGET TABLE stock_prices ({COLUMNS})\n"
            "WITH fields not enclosed, fields terminated by '\\t';\n"
        )
    return [
        "pgloader",
        "--root-dir",
        os.path.dirname(scene.data) + "/pgloader",
        "--on-error-stop",
        command_file,
    ]


def asyncpg_upsert(scene):
    server = scene.database.server
    return [
        "/usr/bin/python3",
        f"{scene.here}/asyncpg_upsert",
        str(server.socket),
        str(server.port),
        scene.database.name,
        server.user,
        scene.nginx.plain,
        f"{scene.data}/slow.symbols",
        FIRST,
        LAST,
    ]


FASTEST = "ready-made bytes"
AGAIN = "icingest again, unchanged"
READING = "floor: reading every row"
PSQL_TEXT = "psql text, four indexes"
PYTHON = "asyncpg upsert"

CONTENDERS = [
    *[
        icingest_contender(strategy, form)
        for strategy in ("grouped", "per-ticker")
        for form in ("plain", "gzip")
    ],
    icingest_contender(
        "flat-files",
        "gzip",
        about="icingest prices --strategy flat-files, gzip CSV over HTTP, adjusted by the splits",
        digest="digest_without_vwap",
    ),
    icingest_contender(
        "grouped",
        "gzip",
        name=AGAIN,
        about="icingest prices --strategy grouped without --resume over a table that holds the same rows",
        template="loaded",
    ),
    Contender(
        READING,
        r"psql \copy of every row, binary, out of the table that icingest loaded: what a comparison has to read",
        as_it_is,
        psql_read,
        template="loaded",
    ),
    Contender(
        FASTEST,
        "yearly partitions, two streams of ready-made binary COPY with FREEZE, then the unique index",
        partitioned_parent,
        lambda scene: [f"{scene.build}/ready_made", scene.database.conninfo, f"{scene.data}/years", "2"],
    ),
    Contender(
        "floor: bare COPY",
        r"psql \copy, binary, into one bare table: no index, so no contender but a limit",
        bare_table,
        lambda scene: psql_copy(scene, "rows.copy", "(FORMAT binary)"),
        indexed=False,
    ),
    Contender(
        "psql binary, same end state",
        r"psql \copy, binary, into empty yearly partitions with their unique index",
        partitioned_table,
        lambda scene: psql_copy(scene, "rows.copy", "(FORMAT binary)"),
    ),
    Contender(
        "pqxx::stream_to",
        "pqxx::stream_to, text, into empty yearly partitions with their unique index",
        partitioned_table,
        lambda scene: [f"{scene.build}/stream_to", scene.database.conninfo, f"{scene.data}/rows.text"],
    ),
    Contender(
        PSQL_TEXT,
        r"psql \copy, text, ticker order, into the plain table with its four original indexes",
        original_table,
        lambda scene: psql_copy(scene, "rows.text"),
    ),
    Contender(
        "pgloader",
        "pgloader, csv, into the plain table with its four original indexes",
        original_table,
        pgloader,
        slow=True,
    ),
    Contender(
        PYTHON,
        "Python: fetch, parse and executemany upsert ticker by ticker, four original indexes",
        original_table,
        asyncpg_upsert,
        slow=True,
    ),
]
