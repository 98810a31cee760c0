"""How scripts of tests measure their memory."""

PEAK = """
from pathlib import Path

def peak():  # KiB; getrusage's would begin with that of the process that started this one
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
