"""The two servers of a run, private to it: PostgreSQL on a socket, nginx on two loopback ports."""
import contextlib
import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

from simulator import free_port

# The same for every contender, and the same as icingest's private server gives itself. Durability is
# PostgreSQL's own default: fsync, synchronous_commit and full_page_writes on, wal_level replica.
SETTINGS = {
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "listen_addresses": "",
    "unix_socket_permissions": "0777",
}
SHOWN = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "data_checksums",
    "shared_buffers",
    "maintenance_work_mem",
    "max_wal_size",
    "checkpoint_timeout",
    "max_parallel_maintenance_workers",
    "autovacuum",
)


def newest_postgresql():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: run scripts/bench, or apt-get install postgresql")
    return found[-1].parent


def as_user(name):
    """What goes before a command that refuses to run as root."""
    return ["setpriv", f"--reuid={name}", f"--regid={name}", "--clear-groups"] if os.geteuid() == 0 else []


class Database:
    def __init__(self, server, name):
        self.server, self.name = server, name
        self.conninfo = f"host={server.socket} port={server.port} user={server.user} dbname={name}"
        quoted = str(server.socket).replace("/", "%2F")
        self.uri = f"postgresql:///{name}?host={quoted}&port={server.port}&user={server.user}"

    def psql(self, command):
        done = subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo, "-c", command],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"psql: {command}: {done.stderr.strip()}")
        return done.stdout.strip()


class Postgres:
    user = "bench"

    def __init__(self, scratch, extra_settings):
        self.bin = newest_postgresql()
        self.root = scratch / "postgres"
        self.data, self.socket, self.port = self.root / "data", self.root / "socket", free_port()
        self.prefix = as_user("postgres")
        self.settings = {**SETTINGS, **extra_settings, "unix_socket_directories": str(self.socket)}

    def pg_ctl(self, *arguments):
        # Its output goes to a file: the server would inherit a pipe and keep it open.
        with open(self.root / "pg_ctl.log", "ab") as log:
            subprocess.run(
                [*self.prefix, self.bin / "pg_ctl", "-s", "-w", "-t", "300", "-D", self.data, *arguments],
                stdout=log,
                stderr=log,
                check=True,
                cwd="/",
            )

    def __enter__(self):
        if (self.data / "postmaster.pid").exists():  # an earlier run that was killed
            with contextlib.suppress(subprocess.CalledProcessError):
                self.pg_ctl("-m", "immediate", "stop")
        shutil.rmtree(self.root, ignore_errors=True)
        self.socket.mkdir(parents=True)
        if self.prefix:
            entry = pwd.getpwnam("postgres")
            for directory in (self.root, self.socket):
                os.chown(directory, entry.pw_uid, entry.pw_gid)
        subprocess.run(
            [
                *self.prefix,
                self.bin / "initdb",
                "-D",
                self.data,
                "-U",
                self.user,
                "--auth=trust",
                "--data-checksums",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--lc-collate=C",
                "--no-instructions",
                "--no-sync",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as config:
            config.writelines(f"{name} = '{value}'\n" for name, value in self.settings.items())
        self.pg_ctl("-l", self.root / "log", "-o", f"-p {self.port}", "start")
        self.maintenance = Database(self, "postgres")
        self.pid = int((self.data / "postmaster.pid").read_text().split()[0])
        return self

    def __exit__(self, *_):
        self.pg_ctl("-m", "fast", "stop")
        shutil.rmtree(self.root, ignore_errors=True)

    @contextlib.contextmanager
    def database(self, name, template="template0"):
        """A new database, gone afterwards. Both begin and end with nothing left to write."""
        self.maintenance.psql(f"CREATE DATABASE {name} TEMPLATE {template}")
        self.maintenance.psql("CHECKPOINT")
        os.sync()
        try:
            yield Database(self, name)
        finally:
            self.maintenance.psql(f"DROP DATABASE {name} WITH (FORCE)")

    def wait_until_left(self, name):
        """Until nobody is connected to that database, so that the postmaster knows their CPU time."""
        while self.maintenance.psql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'") != "0":
            time.sleep(0.02)
        time.sleep(0.1)  # they leave the view a moment before they end

    def shown_settings(self):
        return {name: self.maintenance.psql(f"SHOW {name}") for name in SHOWN}


NGINX = """\
daemon off;
worker_processes 1;
pid {root}/pid;
error_log {root}/error.log;
{user}
events {{ worker_connections 256; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  default_type application/json;
  client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
  map $arg_cursor $list_page {{ "" active_$arg_active; default cursor_$arg_cursor; }}
  map $arg_cursor $splits_page {{ "" first; default cursor_$arg_cursor; }}
  {servers}
}}
"""
NGINX_SERVER = """
  server {{
    listen 127.0.0.1:{port};
    root {www};
    gzip_static {gzip_static};
    location ~ ^/v2/aggs/grouped/locale/us/market/stocks/([0-9-]+)$ {{ try_files /grouped/$1.json =404; }}
    location ~ ^/v2/aggs/ticker/([^/]+)/range/1/day/ {{ try_files /ticker/$1.json =404; }}
    location = /v3/reference/tickers {{ try_files /tickers/$list_page.json =404; }}
    location = /stocks/v1/splits {{ try_files /splits/$splits_page.json =404; }}
    location ~ ^/flatfiles/us_stocks_sip/day_aggs_v1/[0-9]+/[0-9]+/([0-9-]+).csv.gz$ {{
      try_files /files/$1.csv.gz =404;
    }}
  }}
"""


class Nginx:
    """The data set over HTTP: on one port always plain, on the other compressed for those who ask."""

    def __init__(self, scratch, www):
        self.root, self.www = scratch / "nginx", www
        plain, packed = free_port(), free_port()
        self.plain, self.gzip = f"http://127.0.0.1:{plain}", f"http://127.0.0.1:{packed}"
        servers = "".join(
            NGINX_SERVER.format(port=port, www=www, gzip_static=on)
            for port, on in ((plain, "off"), (packed, "on"))
        )
        self.config = NGINX.format(
            root=self.root, servers=servers, user="user www-data;" if os.geteuid() == 0 else ""
        )

    def __enter__(self):
        if (self.root / "pid").exists():  # an earlier run that was killed
            subprocess.run(
                ["/usr/sbin/nginx", "-c", self.root / "nginx.conf", "-s", "stop"],
                capture_output=True,
                check=False,
            )
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        (self.root / "nginx.conf").write_text(self.config)
        self.process = subprocess.Popen(
            [
                "/usr/sbin/nginx",
                "-c",
                str(self.root / "nginx.conf"),
                "-p",
                str(self.root),
                "-e",
                str(self.root / "error.log"),
            ]
        )
        for _ in range(100):
            if (self.root / "pid").exists():
                return self
            if self.process.poll() is not None:
                raise RuntimeError("nginx does not start: " + (self.root / "error.log").read_text())
            time.sleep(0.05)
        raise RuntimeError("nginx does not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.root, ignore_errors=True)
