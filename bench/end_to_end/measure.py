"""One process from start to end: wall clock, CPU, peak memory."""
import os
import subprocess
import threading
import time


class PeakMemory(threading.Thread):
    """Reads VmHWM while the process lives. ru_maxrss would not do: it inherits the parent's before exec."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path, self.peak, self.over = f"/proc/{pid}/status", 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.02):
            try:
                with open(self.path, encoding="ascii") as status:
                    for line in status:
                        if line.startswith("VmHWM:"):
                            self.peak = max(self.peak, int(line.split()[1]) * 1024)
            except OSError:
                return


def run(argv, environment, output):
    """Runs `argv` to its end: exit code, seconds, CPU seconds, peak bytes. `output` gets what it prints."""
    with open(output, "wb") as out:
        started = time.monotonic()
        process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        memory = PeakMemory(process.pid)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # interrupted: nobody waits for it any more
            process.kill()
            raise
        seconds = time.monotonic() - started
    memory.over.set()
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "exit": process.returncode,
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_rss": memory.peak,
    }


def run_well(argv, environment, output):
    """The same for what must end well: RuntimeError with its last words, if it does not."""
    sample = run(argv, environment, output)
    if sample["exit"] != 0:
        words = output.read_text(errors="replace")[-800:]
        raise RuntimeError(f"{' '.join(argv[:2])} ended with {sample['exit']}: {words}")
    return sample


def plain_environment():
    """Where programs are, and nothing else that is set here."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


TICK = os.sysconf("SC_CLK_TCK")


def busy_seconds():
    """CPU seconds this machine has spent on anything so far, stolen ones included."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICK


def process_stat(pid):
    """Parent and CPU seconds of a process, those of its children that have ended included."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[1]), sum(map(int, fields[11:15])) / TICK


def family_seconds(pid):
    """CPU seconds of a server and its children, dead or alive."""
    total = process_stat(pid)[1]
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parent, seconds = process_stat(name)
            except OSError:
                continue  # it ended meanwhile and is in its parent's sum now
            total += seconds if parent == pid else 0
    return total


class Account:
    """Who used the CPUs while something ran: the servers by name, and everybody else."""

    def __init__(self, servers):
        self.servers = servers
        self.started = time.monotonic()
        self.busy, self.used = busy_seconds(), self.server_seconds()

    def server_seconds(self):
        return {name: family_seconds(pid) for name, pid in self.servers.items()}

    def close(self, client_seconds):
        seconds = time.monotonic() - self.started
        servers = {
            f"{name}_cpu_seconds": now - self.used[name] for name, now in self.server_seconds().items()
        }
        others = busy_seconds() - self.busy - client_seconds - sum(servers.values())
        return {**servers, "others_share": max(0.0, others) / (seconds * os.cpu_count())}


def wait_until_calm(share, patience):
    """Until less than `share` of the CPUs was busy for two seconds; False when that did not come."""
    give_up = time.monotonic() + patience
    while time.monotonic() < give_up:
        before = busy_seconds()
        time.sleep(2)
        if busy_seconds() - before < 2 * share * os.cpu_count():
            return True
    return False


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as info:
        model = next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    with open("/proc/meminfo", encoding="ascii") as info:
        memory = int(info.readline().split()[1]) * 1024
    return {"cpu": model, "cores": os.cpu_count(), "memory": memory, "kernel": os.uname().release}


def version_of(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines else "unknown"
