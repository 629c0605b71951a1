"""The package with what it is used with: numpy, Dask and Ray as they are on PyPI.

`bash .ci/python` makes a clean environment and runs this there. COQUAD_BRIDGE is the example `bridge`, which integrates
sqrt(1 - x^2) by a worker and compares the bits with those of an integral on the spot.
"""

import os
import signal
import struct
import subprocess
import sys
import tempfile
import textwrap
import unittest

from coquad_worker import _wire


class Worker:
    """A worker process, and a coordinator's end of its pipe."""

    def __init__(self, program, **environment):
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "worker.py")
        with open(path, "w") as file:
            file.write(textwrap.dedent(program))
        self.process = subprocess.Popen(
            [sys.executable, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        self.hello = self.receive()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        finally:
            # As the coordinator does: the process is the leader of its group.
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # all have ended
            self.process.wait()
            self.process.stdout.close()
            self.folder.cleanup()

    def send(self, id, x):
        job = _wire.message(("id", _wire.text(id)), ("f", _wire.text("")), ("x", b"\x91\xcb" + struct.pack(">d", x)))
        self.process.stdin.write(len(job).to_bytes(4, "little") + job)
        self.process.stdin.flush()

    def ask_together(self, *xs):
        """The same by one job."""
        job = _wire.message(("id", _wire.text("7")), ("f", _wire.text("")), ("x", _wire._floats(list(xs))))
        self.process.stdin.write(len(job).to_bytes(4, "little") + job)
        self.process.stdin.flush()
        outcomes = []
        while len(outcomes) < len(xs):
            answer = self.receive()
            assert (answer["id"], answer.get("i", 0)) == ("7", len(outcomes)), answer
            count = answer.get("k", 1)
            if "e" in answer:
                outcomes.append(answer["e"]["kind"] + ": " + answer["e"]["msg"])
                continue
            failed = {each["i"]: each["kind"] + ": " + each["msg"] for each in answer.get("es", [])}
            y = answer["y"] if not isinstance(answer["y"], bytes) else list(memoryview(answer["y"]).cast("d"))
            values = count - len(failed)
            lengths = iter([int(n) for n in answer.get("l", [len(y) // max(values, 1)] * values)])
            for place in range(count):
                if place in failed:
                    outcomes.append(failed[place])
                    continue
                length = next(lengths)
                outcomes.append(y[:length])
                y = y[length:]
        return outcomes

    def receive(self):
        length = self.process.stdout.read(4)
        if len(length) < 4:
            raise EOFError("the worker has ended")
        return _wire.unpack(self.process.stdout.read(int.from_bytes(length, "little")))[0]

    def ask(self, *xs):
        """The answer to each of these, in their order: numbers, or the words of a failure."""
        for i, x in enumerate(xs):
            self.send(str(i), x)
        answers = {}
        for _ in xs:
            answer = self.receive()
            assert answer["id"] not in answers, "answered twice"
            answers[answer["id"]] = answer["y"] if "y" in answer else answer["e"]["kind"] + ": " + answer["e"]["msg"]
        return [answers[str(i)] for i in range(len(xs))]


class Values(unittest.TestCase):
    def test_values_of_numpy_are_numbers(self):
        program = """
            import numpy as np
            from coquad_worker import serve
            values = [np.float64(0.1), np.float32(0.5), np.int64(3), np.bool_(True), np.array(2.5), np.array([1.0, 2.0]),
                      np.array([[1, 2], [3, 4]]), np.array([1 + 2j]), np.complex128(1 - 1j), [np.float64(1), 2], (1, 2.5),
                      np.array([]), np.longdouble(1) / 4, np.array(["a"]), np.array([None]), np.array([1, 2, 3])[1:]]
            serve(lambda x: values[int(x)])
        """
        with Worker(program) as worker:
            answers = worker.ask(*range(16))
        due = [[0.1], [0.5], [3.0], [1.0], [2.5], [1.0, 2.0], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0], [1.0, -1.0], [1.0, 2.0]]
        self.assertEqual(answers[:10], due)
        self.assertEqual(answers[10:13], [[1.0, 2.5], [], [0.25]])
        self.assertTrue(all("is no number" in answer for answer in answers[13:15]), answers)
        self.assertEqual(answers[15], [2.0, 3.0])

    def test_a_batch_is_given_to_numpy_at_once(self):
        program = """
            import numpy as np
            from coquad_worker import serve_batch
            serve_batch(lambda xs: np.sqrt(1 - np.array(xs) ** 2))
        """
        with Worker(program) as worker:
            xs = [i / 100 for i in range(100)]
            self.assertEqual(worker.ask(*xs), [[(1 - x * x) ** 0.5] for x in xs])

    def test_a_job_of_many_points_is_an_array_where_numpy_was_imported(self):
        for imports, kind in [("import numpy", "ndarray"), ("", "list")]:
            program = f"""
                {imports}
                from coquad_worker import serve_batch
                def f(xs):
                    assert type(xs).__name__ == {kind!r}, type(xs)
                    return xs
                serve_batch(f)
            """
            with Worker(program) as worker:
                self.assertEqual(worker.hello["m"], 1024)
                for count in (1, 2, 64, 65, 1000):
                    xs = [i / 100 for i in range(count)]
                    self.assertEqual(worker.ask_together(*xs), [[x] for x in xs])

    def test_each_point_of_a_job_has_its_own_outcome(self):
        for serve in ("serve(f)", "serve_batch(lambda xs: [f(x) for x in xs])"):
            program = f"""
                import os
                from coquad_worker import serve, serve_batch
                def f(x):
                    if x == 3: raise KeyError("three")
                    if x == 4: return None
                    if x == 5: return [0.5] * 200_000
                    return [x] * int(x)
                {serve}
            """
            with Worker(program) as worker:
                outcomes = worker.ask_together(*[float(x) for x in range(100)])
            for x, outcome in enumerate(outcomes):
                if x in (3, 4, 5):
                    words = {3: "KeyError: 'three'", 4: "TypeError: the function returned None", 5: "failed: a value of 16"}
                    self.assertTrue(outcome.startswith(words[x]), outcome)
                else:
                    self.assertEqual(outcome, [float(x)] * x)

    def test_numpy_is_in_the_fingerprint_where_it_differs(self):
        plain = "from coquad_worker import serve\nserve(lambda x: x)"
        told = []
        for before in ["", "import numpy\n"]:
            for tunable in ["", "glibc.cpu.hwcaps=-FMA"]:
                with Worker(before + plain, GLIBC_TUNABLES=tunable) as worker:
                    told.append(worker.hello["a"])
        import math

        import numpy as np

        differs = any(float(np.tanh(x)) != math.tanh(x) for x in np.linspace(0.001, 3, 1000))
        self.assertEqual("numpy:" in told[2], differs, told)
        self.assertNotIn("numpy:", told[0])
        print("fingerprints:", told)

    def test_dropped_subnormals_are_in_the_fingerprint(self):
        with tempfile.TemporaryDirectory() as folder:
            library = os.path.join(folder, "fast.so")
            source = os.path.join(folder, "fast.c")
            with open(source, "w") as file:
                file.write("int nothing(void) { return 0; }")
            subprocess.run(["cc", "-shared", "-fPIC", "-ffast-math", source, "-o", library], check=True)
            program = f"""
                import ctypes
                from coquad_worker import serve
                before = 5e-324
                ctypes.CDLL({library!r})
                serve(lambda x: 1.0 if 2.3e-308 / 4 * x == 0 else 0.0)
            """
            with Worker(program) as fast, Worker("from coquad_worker import serve\nserve(lambda x: x)") as plain:
                dropped = fast.ask(1.0) == [[1.0]]
                # Newer linkers leave that to the program: then nothing is dropped.
                self.assertEqual(fast.hello["a"] != plain.hello["a"], dropped)
                print("subnormals dropped:", dropped)


WHIMS = """
    import time
    def f(x):
        if x == 1: raise ValueError("one")
        if x == 2: return None
        if x == 3: time.sleep(1000)
        time.sleep(0.01)
        return x
"""


class Pools(unittest.TestCase):
    def answered(self, serve, setup=""):
        """Each point is answered: values, failures and what never ends."""
        program = textwrap.dedent(WHIMS) + f"if __name__ == '__main__':\n    {setup}\n    {serve}\n"
        with Worker(program) as worker:
            answers = worker.ask(*range(4), *(4 + i / 10 for i in range(40)))
            self.assertEqual(answers[0], [0.0])
            self.assertRegex(answers[1], "^ValueError|RayTaskError")
            self.assertIn("one", answers[1])
            self.assertIn("is no number", answers[2])
            self.assertEqual(answers[3], "timeout: no value within 10 s")
            self.assertEqual(answers[4:], [[4 + i / 10] for i in range(40)])

    def test_a_process_pool_answers_each_point(self):
        setup = "from coquad_worker import serve_executor; from concurrent.futures import ProcessPoolExecutor"
        self.answered("serve_executor(ProcessPoolExecutor(2), f, time_limit=10)", setup)

    def test_dask_answers_each_point(self):
        setup = "from coquad_worker import serve_dask"
        here = "{'n_workers': 2, 'threads_per_worker': 1, 'dashboard_address': None}"
        self.answered(f"serve_dask(f, cluster={here}, time_limit=10)", setup)

    def test_ray_answers_each_point(self):
        setup = "from coquad_worker import serve_ray; import ray; ray.init(num_cpus=2)"
        self.answered("serve_ray(f, time_limit=10)", setup)

    def test_a_dask_cluster_that_another_client_restarts_loses_no_point(self):
        from dask.distributed import Client, LocalCluster

        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster:
            program = f"""
                import time
                from coquad_worker import serve_dask
                def f(x):
                    time.sleep(0.05)
                    return x
                if __name__ == "__main__":
                    serve_dask(f, cluster={{"address": {cluster.scheduler_address!r}}}, time_limit=60)
            """
            with Worker(program) as worker, Client(cluster) as other:
                for i in range(60):
                    worker.send(str(i), float(i))
                answers = [worker.receive() for _ in range(10)]
                other.restart()
                answers += [worker.receive() for _ in range(50)]
                self.assertEqual(sorted(int(answer["id"]) for answer in answers), list(range(60)))
                values = sum("y" in answer for answer in answers)
                print(f"{values} of 60 points have values, the others failures")
                self.assertTrue(all(answer["y"] == [float(answer["id"])] for answer in answers if "y" in answer))


@unittest.skipUnless("COQUAD_BRIDGE" in os.environ, "the example `bridge` is not there")
class Integrals(unittest.TestCase):
    def same_bits(self, *program):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "worker.py")
            with open(path, "w") as file:
                file.write("import math\ndef f(x):\n    return math.sqrt(1 - x * x)\n" + "\n".join(program))
            subprocess.run([os.environ["COQUAD_BRIDGE"], sys.executable, path], check=True, timeout=120)

    def test_each_kind_of_worker_gives_the_bits_of_an_integral_on_the_spot(self):
        main = "if __name__ == '__main__':"
        self.same_bits("from coquad_worker import serve", "serve(f, 'sqrt-v1')")
        batch = "serve_batch(lambda xs: np.sqrt(1 - np.array(xs) ** 2), 'sqrt-v1')"
        self.same_bits("import numpy as np", "from coquad_worker import serve_batch", batch)
        pool = "    serve_executor(ProcessPoolExecutor(2), f, 'sqrt-v1')"
        executor = "from concurrent.futures import ProcessPoolExecutor"
        self.same_bits(executor, "from coquad_worker import serve_executor", main, pool)
        dask = "    serve_dask(f, 'sqrt-v1', cluster={'n_workers': 2, 'dashboard_address': None})"
        self.same_bits("from coquad_worker import serve_dask", main, dask)
        ray = "    serve_ray(f, 'sqrt-v1')"
        self.same_bits("from coquad_worker import serve_ray", main, ray)


if __name__ == "__main__":
    unittest.main()
