#!/usr/bin/python3
"""What a line costs, beside what other programs need for it. See README.md in this directory.

    cargo build --release --bin ccxwatch --example load
    cargo build --release -p ccxwatch-parsers --features testing --example corpus
    tests/bench/throughput.py --install          # the peers, once: nothing that is installed is removed
    tests/bench/throughput.py                    # everything, about 15 minutes
    tests/bench/throughput.py tcp8 --pairs 3     # one row
    tests/bench/throughput.py --against OLD      # this build beside another one of ccxwatch, instead of the peers
"""

import argparse
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RELEASE = os.path.join(ROOT, "target", "release")
# Debian's package of syslog-ng removes rsyslog, so that tests/run.sh unpacks it here.
SYSLOG_NG = os.path.join(ROOT, "target", "syslog-ng")
PEERS = {"/usr/sbin/rsyslogd": "rsyslog", "/usr/bin/mtail": "mtail", "/usr/bin/rg": "ripgrep", "/usr/bin/ss": "iproute2"}

# The alarms of the corpus that mean something to the engine: two of five lines, as in a storm of alarms. In the quiet mix one in 2,000 of
# them is left. How many were wanted is asked of ccxwatch and printed.
WANTED = re.compile(rb"%UC_(?:LIB_LICENSE|RTMT|CERT|SERVICEMANAGER|GENERIC|LOGIN)-|CodeYellowEntry|MediaResourceListExhausted")
KEPT = 2000
ALARM = r"%[A-Z_]*LIB_LICENSE-[0-7]-[A-Z_]+:"
MARK = b"<187>1: end: Nov 24 2026 10:45:00.000 UTC : %UC_LIB_LICENSE-7-UNK: MARK-OF-THE-END"
MTAIL = r"""counter events by facility, severity
/%(?P<facility>[A-Za-z0-9_]+)-(?P<severity>[0-7])-[^:]*:/ {
  events[$facility][$severity]++
}
"""
BUFFER = 16 * 1024 * 1024
# Lines a second over UDP; 0 is as fast as the sender can.
RATES = [100_000, 300_000, 500_000, 0]
UDP_PAIRS_AT_RATE = 300_000
ROWS = ["tcp", "tcp8", "udp", "ladder", "file"]


@dataclass
class Result:
    """What one run of one program took."""

    cpu: float
    """Seconds of processor time, of all of its threads."""
    seconds: float
    """From the first line sent (or, for files, from the program's start) to the last one counted."""
    lost: int = 0
    buffer: int = 0
    wanted: int = 0
    sent_per_second: float = 0.0


# ---------------------------------------------------------------------------------------------------------------------
# Looking at processes and sockets


def processor_time(pid):
    """The clock of a process's processor time, which counts threads that have ended as well (clock_getcpuclockid)."""
    return time.clock_gettime((~pid << 3) | 2)


def settled_processor_time(pid):
    """The same when what was queued is done: hardly anything was used for a while."""
    used = processor_time(pid)
    while True:
        time.sleep(0.3)
        before, used = used, processor_time(pid)
        if used - before < 0.006:
            return before


def udp_socket(port):
    """Bytes that wait, and datagrams that the kernel dropped."""
    with open("/proc/net/udp", encoding="ascii") as table:
        for row in table:
            columns = row.split()
            if columns[1].endswith(f":{port:04X}"):
                return int(columns[4].split(":")[1], 16), int(columns[-1])
    sys.exit(f"nobody listens on UDP port {port}")


def receive_buffer(port):
    shown = subprocess.run(["ss", "-Huanm", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"skmem:\(.*?,rb(\d+)", shown).group(1)) // 2


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, condition, seconds=180):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"waited {seconds} s for {what}")
        time.sleep(0.005)


# ---------------------------------------------------------------------------------------------------------------------
# The programs


class Program:
    """A running program in a directory of its own."""

    def __init__(self, command, config, directory, environment=None):
        self.directory = directory
        self.write("config", config)
        self.process = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment)

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
            file.write(text)

    def end(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Ccxwatch(Program):
    """It counts every line by facility, severity and mnemonic, and applies those that it wants."""

    def __init__(self, binary, directory, kind, port=0, path=""):
        listen = {"udp": "[]", "tcp": "[]"}
        if port:
            listen[kind] = f'[{{ listen = "127.0.0.1:{port}" }}]'
        file = f'[[sources.file]]\npath = "{path}"\n' if path else ""
        self.web = free_port(socket.SOCK_STREAM)
        super().__init__(
            [binary, "run", "--config", "config"],
            f'[sources]\nudp = {listen["udp"]}\ntcp = {listen["tcp"]}\nsender_budget = 0\n{file}'
            f'[web]\nlisten = "127.0.0.1:{self.web}"\n[store]\npath = "data"\n', directory)
        if not any(line.strip() == b"ready" for line in self.process.stdout):
            sys.exit(f"{binary} did not start")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def count(self, series):
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{self.web}/metrics").read().decode()
        return sum(map(int, re.findall(rf"^ccxwatch_source_{series}_total\{{.*\}} (\d+)$", metrics, re.M)))

    def wait(self, lines, _license_lines):
        until("ccxwatch to count all lines", lambda: self.count("lines") >= lines)


class Filter(Program):
    """A peer that writes the lines of the license facility to a file."""

    def wait(self, _lines, license_lines):
        """Until the last line is there, and where the number is known, all others."""
        path = os.path.join(self.directory, "out")

        def is_complete():
            if not os.path.exists(path) or b"MARK-OF-THE-END" not in tail(path):
                return False
            with open(path, "rb") as file:
                return license_lines is None or file.read().count(b"\n") == license_lines

        until("the peer to write all lines", is_complete)


def tail(path):
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - 4096))
        return file.read()


def rsyslog(directory, kind, port):
    module = {"udp": "imudp", "tcp": "imtcp"}[kind]
    more = f' rcvbufSize="{BUFFER}"' if kind == "udp" else ""
    program = Filter(
        ["/usr/sbin/rsyslogd", "-n", "-f", "config", "-i", "pid"],
        f'global(workDirectory="{directory}")\nmodule(load="{module}")\n'
        f'input(type="{module}" address="127.0.0.1" port="{port}"{more})\n'
        f'if $rawmsg contains "LIB_LICENSE" then action(type="omfile" file="{directory}/out")\n', directory)
    wait_for_port(kind, port)
    return program


def syslog_ng(directory, kind, port):
    more = f"so-rcvbuf({BUFFER})" if kind == "udp" else "max-connections(100) log-iw-size(100000)"
    libraries = [os.path.join(SYSLOG_NG, "usr/lib", name) for name in ("x86_64-linux-gnu", "syslog-ng")]
    program = Filter(
        [f"{SYSLOG_NG}/usr/sbin/syslog-ng", "-F", "-f", "config", "-R", "persist", "-p", "pid", "-c", "control", "--no-caps",
         f"--module-path={SYSLOG_NG}/usr/lib/syslog-ng/3.38"],
        f'@version: 3.38\n'
        f'source s {{ network(ip("127.0.0.1") port({port}) transport("{kind}") flags(no-parse) {more}); }};\n'
        f'filter f {{ message("LIB_LICENSE" type(string) flags(substring)); }};\n'
        f'destination d {{ file("{directory}/out"); }};\nlog {{ source(s); filter(f); destination(d); }};\n',
        directory, os.environ | {"LD_LIBRARY_PATH": ":".join(libraries)})
    wait_for_port(kind, port)
    return program


def wait_for_port(kind, port):
    def is_bound():
        with open(f"/proc/net/{kind}", encoding="ascii") as table:
            return f"0100007F:{port:04X}" in table.read()
    until(f"{kind} port {port}", is_bound)


# ---------------------------------------------------------------------------------------------------------------------
# One run


@dataclass
class Corpus:
    """The lines."""

    path: str
    lines: int = field(init=False)
    license_lines: int = field(init=False)
    size: int = field(init=False)

    def __post_init__(self):
        with open(self.path, "rb") as file:
            text = file.read()
        self.size, self.lines = len(text), text.count(b"\n")
        self.license_lines = sum(b"LIB_LICENSE" in line for line in text.splitlines())


def make_corpus(lines, mix):
    """The lines of the parsers' benches, all of them or those of a quiet day."""
    path = os.path.join(ROOT, "target", "bench", f"corpus-{lines}-{mix}.log")
    made = subprocess.run([os.path.join(RELEASE, "examples", "corpus"), str(lines)], capture_output=True, check=True).stdout
    kept, wanted = [], 0
    for line in made.splitlines(keepends=True):
        if mix == "quiet" and WANTED.search(line):
            wanted += 1
            if wanted % KEPT:
                continue
        kept.append(line)
    with open(path, "wb") as file:
        file.writelines(kept)
    return Corpus(path)


def load(*arguments):
    printed = subprocess.run([os.path.join(RELEASE, "examples", "load"), *map(str, arguments)], capture_output=True, text=True,
                             check=True).stdout.split()
    return int(printed[0]), float(printed[1])


def over_tcp(start, corpus, connections):
    with tempfile.TemporaryDirectory() as directory:
        port = free_port(socket.SOCK_STREAM)
        program = start(directory, "tcp", port)
        try:
            pid = program.process.pid
            before, began = settled_processor_time(pid), time.monotonic()
            load("tcp", f"127.0.0.1:{port}", corpus.path, connections)
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(MARK + b"\n")
            program.wait(corpus.lines + 1, corpus.license_lines + 1)
            seconds = time.monotonic() - began
            return Result(settled_processor_time(pid) - before, seconds)
        finally:
            program.end()


def over_udp(start, corpus, rate):
    with tempfile.TemporaryDirectory() as directory:
        port = free_port(socket.SOCK_DGRAM)
        program = start(directory, "udp", port)
        try:
            pid = program.process.pid
            before, began = settled_processor_time(pid), time.monotonic()
            sent, sending = load("udp", f"127.0.0.1:{port}", corpus.path, rate)
            until("the socket to be empty", lambda: udp_socket(port)[0] == 0)
            seconds = time.monotonic() - began
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(MARK, ("127.0.0.1", port))
            lost = udp_socket(port)[1]
            program.wait(sent + 1 - lost, None if lost else corpus.license_lines + 1)
            return Result(settled_processor_time(pid) - before, seconds, lost=lost, buffer=receive_buffer(port),
                          sent_per_second=sent / sending)
        finally:
            program.end()


def ccxwatch_file(binary, corpus):
    with tempfile.TemporaryDirectory() as directory:
        began = time.monotonic()
        program = Ccxwatch(binary, directory, "file", path=corpus.path)
        try:
            pid = program.process.pid

            def bytes_read():
                with open(f"/proc/{pid}/io", encoding="ascii") as counters:
                    return int(counters.readline().split()[1])

            # Asking for the metrics costs the program something, so it is not asked before it may be done.
            until("ccxwatch to read the file", lambda: bytes_read() >= corpus.size)
            program.wait(corpus.lines, None)
            seconds = time.monotonic() - began
            return Result(settled_processor_time(pid), seconds, wanted=program.count("facts"))
        finally:
            program.end()


def once(command):
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return Result(usage.ru_utime + usage.ru_stime, time.monotonic() - began)


def mtail_file(corpus):
    with tempfile.TemporaryDirectory() as directory:
        with open(os.path.join(directory, "events.mtail"), "w", encoding="ascii") as file:
            file.write(MTAIL)
        return once(["/usr/bin/mtail", "--one_shot", "--progs", directory, "--logs", corpus.path, "--logtostderr"])


def rg_file(corpus):
    return once(["/usr/bin/rg", "--count", ALARM, corpus.path])


# ---------------------------------------------------------------------------------------------------------------------
# Comparing


def in_turn(one, other, pairs):
    """Runs both so often, in the order A B B A A B ...; the results of each."""
    results = ([], [])
    for pair in range(pairs):
        for which in ((0, 1) if pair % 2 == 0 else (1, 0)):
            results[which].append((one, other)[which]())
    return results


def compare(name, ours, theirs, corpus, pairs, bound):
    results = in_turn(ours, theirs, pairs)
    median = statistics.median
    cost = [median(run.cpu / corpus.lines * 1e6 for run in runs) for runs in results]
    rate = [median(corpus.lines / run.seconds for run in runs) for runs in results]
    of_cost = median(mine.cpu / other.cpu for mine, other in zip(*results))
    of_rate = median(other.seconds / mine.seconds for mine, other in zip(*results))
    lost = [sum(run.lost for run in runs) for runs in results]
    print(f"| {name} | {cost[0]:.3f} | {cost[1]:.3f} | {of_cost:.2f} | {rate[0] / 1e6:.2f} | {rate[1] / 1e6:.2f} | {of_rate:.2f} | "
          f"{lost[0]} | {lost[1]} | {bound} |", flush=True)
    if results[0][0].wanted:
        print(f"ccxwatch wanted {results[0][0].wanted / corpus.lines:.1%} of the lines")
    buffers = {run.buffer for runs in results for run in runs}
    if len(buffers) > 1:
        print(f"the receive buffers were not equal: {buffers}")


def ladder(ours, theirs, corpus, pairs):
    """At which rates datagrams are lost."""
    print("\n| lines/s asked | sent | ours lost, of so many runs | theirs | ours CPU s/M lines | theirs | granted buffer |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for rate in RATES:
        results = in_turn(lambda: ours(rate), lambda: theirs(rate), pairs)
        median = statistics.median
        lost = [f"{sum(run.lost for run in runs)} in {sum(run.lost > 0 for run in runs)}/{pairs}" for runs in results]
        cost = [median(run.cpu / (corpus.lines - run.lost) * 1e6 for run in runs) for runs in results]
        sent = median(run.sent_per_second for runs in results for run in runs)
        buffers = {run.buffer for runs in results for run in runs}
        print(f"| {rate or 'all'} | {sent:.0f} | {lost[0]} | {lost[1]} | {cost[0]:.2f} | {cost[1]:.2f} | {buffers} |", flush=True)


def install():
    """Brings the peers."""
    missing = [package for file, package in PEERS.items() if not os.path.exists(file)]
    if missing:
        print("Debian packages to install:", *missing)
        subprocess.run(["apt-get", "install", "--yes", "--no-install-recommends", *missing], check=True)
    subprocess.run([os.path.join(ROOT, "tests", "run.sh"), "install"], check=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--install", action="store_true", help="bring the peers, and end")
    options.add_argument("--lines", type=int, default=2_000_000)
    options.add_argument("--pairs", type=int, default=7)
    options.add_argument("--binary", default=os.path.join(RELEASE, "ccxwatch"), help="the build that is measured")
    options.add_argument("--against", help="measure beside this build instead of the peers")
    options.add_argument("--mix", choices=["quiet", "storm"], help="the lines; both where absent")
    options.add_argument("what", nargs="*", metavar="|".join(ROWS), default=ROWS)
    arguments = options.parse_args()
    unknown = set(arguments.what) - set(ROWS)
    if unknown:
        options.error(f"{', '.join(ROWS)}, not {', '.join(unknown)}")
    if arguments.install:
        return install()
    os.makedirs(os.path.join(ROOT, "target", "bench"), exist_ok=True)
    for mix in [arguments.mix] if arguments.mix else ["quiet", "storm"]:
        measure(arguments, mix)


def measure(arguments, mix):
    pairs = arguments.pairs
    corpus = make_corpus(arguments.lines, mix)
    print(f"\n{mix}: {corpus.lines} lines, {corpus.size / corpus.lines:.0f} bytes on average, {corpus.license_lines} about the license; "
          f"{pairs} pairs; load {os.getloadavg()[0]:.2f}\n")
    print("| what | ours CPU s/M lines | theirs | ratio | ours M lines/s | theirs | ratio | ours lost | theirs | bound |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")

    def build(binary):
        return lambda directory, kind, port: Ccxwatch(binary, directory, kind, port)

    ours, old = build(arguments.binary), arguments.against and build(arguments.against)
    for what in arguments.what:
        if what in ("tcp", "tcp8"):
            connections = 8 if what == "tcp8" else 1
            peers = {"the other build": (old, "")} if old else {"syslog-ng no-parse": (syslog_ng, "CPU ≤ 0.6, rate ≥ 1"),
                                                                "rsyslog imtcp": (rsyslog, "")}
            for name, (peer, bound) in peers.items():
                compare(f"{what}: {name}", lambda: over_tcp(ours, corpus, connections),
                        lambda peer=peer: over_tcp(peer, corpus, connections), corpus, pairs, bound)
        elif what == "udp":
            peer, name, bound = (old, "the other build", "") if old else (rsyslog, "rsyslog imudp", "CPU ≤ 0.5, no loss")
            compare(f"udp at {UDP_PAIRS_AT_RATE}/s: {name}", lambda: over_udp(ours, corpus, UDP_PAIRS_AT_RATE),
                    lambda: over_udp(peer, corpus, UDP_PAIRS_AT_RATE), corpus, pairs, bound)
        elif what == "ladder":
            ladder(lambda rate: over_udp(ours, corpus, rate), lambda rate: over_udp(old or rsyslog, corpus, rate), corpus,
                   max(1, pairs // 2))
        elif what == "file":
            mine = lambda: ccxwatch_file(arguments.binary, corpus)
            if old:
                compare("file: the other build", mine, lambda: ccxwatch_file(arguments.against, corpus), corpus, pairs, "")
            else:
                compare("file: rg with the alarm", mine, lambda: rg_file(corpus), corpus, pairs, "CPU ≤ 4")
                compare("file: mtail", mine, lambda: mtail_file(corpus), corpus, pairs, "rate ≥ 25")


if __name__ == "__main__":
    main()
