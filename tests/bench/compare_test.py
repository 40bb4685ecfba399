"""bench/compare on files made for each of its verdicts."""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMPARE = Path(__file__).resolve().parents[2] / "bench" / "compare"


def end_to_end(seconds, rows=1_000_000):
    sample = {"rows": rows, "cpu_seconds": 1.0, "peak_rss": 2**20}
    samples = [{**sample, "seconds": value} for value in seconds]
    return {"kind": "end_to_end", "machine": {"cpu": "x", "cores": 2}, "cases": {"one": {"samples": samples}}}


def google(times):
    run = {"name": "encode/bar", "run_name": "encode/bar", "run_type": "iteration", "time_unit": "ns"}
    runs = [{**run, "cpu_time": value, "real_time": 1e9, "allocations/row": 0.0} for value in times]
    mean = {**run, "run_type": "aggregate", "cpu_time": 1e9}
    return {"context": {"mhz_per_cpu": 2300, "num_cpus": 2}, "benchmarks": [*runs, mean]}


class Compare(unittest.TestCase):
    def compare(self, before, after, *options):
        with tempfile.TemporaryDirectory() as directory:
            files = []
            for name, content in (("before", before), ("after", after)):
                files.append(Path(directory) / name)
                files[-1].write_text(json.dumps(content), encoding="utf-8")
            done = subprocess.run(
                [sys.executable, COMPARE, *files, *options], capture_output=True, text=True, check=False
            )
        return done.returncode, done.stdout + done.stderr

    def verdict(self, before, after, *options):
        code, text = self.compare(end_to_end(before), end_to_end(after), *options)
        return code, next(
            line.split("  ")[-1] for line in text.splitlines() if line.startswith("one: seconds")
        )

    def test_every_sample_slower_is_worse(self):
        self.assertEqual(self.verdict([1.0, 1.1, 1.2], [1.3, 1.4, 1.5]), (1, "WORSE"))

    def test_every_sample_faster_is_better(self):
        self.assertEqual(self.verdict([1.3, 1.4, 1.5], [1.0, 1.1, 1.2]), (0, "better"))

    def test_overlapping_samples_are_noise(self):
        self.assertEqual(self.verdict([1.0, 1.1, 1.6], [1.3, 1.4, 1.5]), (0, "noise"))

    def test_a_clear_but_small_move_is_noise_unless_asked_for(self):
        before, after = [1.000, 1.001, 1.002], [1.010, 1.011, 1.012]
        self.assertEqual(self.verdict(before, after), (0, "noise"))
        self.assertEqual(self.verdict(before, after, "--threshold", "0.5%"), (1, "WORSE"))

    def test_two_samples_prove_nothing(self):
        self.assertEqual(self.verdict([1.0, 1.1], [9.0, 9.1]), (0, "too few samples"))

    def test_runs_of_other_sizes_are_compared_per_row(self):
        before, after = end_to_end([1.0, 1.1, 1.2]), end_to_end([4.0, 4.4, 4.8], rows=4_000_000)
        self.assertEqual(self.compare(before, after)[0], 0)

    def test_google_benchmark_repetitions_are_samples_and_aggregates_are_not(self):
        code, text = self.compare(google([10, 11, 12, 13]), google([20, 21, 22, 23]))
        self.assertEqual(code, 1, text)
        self.assertIn("n=4/4", text)

    def test_many_samples_use_the_normal_approximation(self):
        before = [1.0 + i / 1000 for i in range(30)]
        self.assertEqual(self.verdict(before, [value * 1.2 for value in before]), (1, "WORSE"))
        self.assertEqual(self.verdict(before, before[::-1]), (0, "same"))

    def test_files_without_a_common_figure_are_refused(self):
        self.assertEqual(self.compare(end_to_end([1, 2, 3]), google([1, 2, 3]))[0], 2)
        self.assertEqual(self.compare({"what": "ever"}, google([1, 2, 3]))[0], 2)


if __name__ == "__main__":
    unittest.main()
