"""A state index that is torn, stale, swapped or of another version: each run gives the tables of a run from scratch.

    RATIOPATH_FAULTS=20 pytest tests/campaigns/test_index_faults.py --timeout 0

runs the long form: 20 walks of STEPS runs each. Two runs at once, and drivers killed while they write the index, are in
test_faults.py and test_kills.py.
"""

import hashlib
import os
import random
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flows.state.state_index import FOLDER
from tests.support.disturbed import chance, visible
from tests.support.study import random_labels, run, truncate, write_mask, write_study

SEEDS = range(int(os.environ.get("RATIOPATH_FAULTS", "2")))
STEPS = 4
"""Runs of a walk."""

pytestmark = pytest.mark.usefixtures("local_ray", "server")


class Walk:
    """A study that changes from run to run, and its output, whose index is disturbed before each run."""

    def __init__(self, root: Path, seed: int) -> None:
        self.folder, self.output, self.oracle = root / "slides", root / "output", root / "oracle"
        self.away, self.old = root / "away", root / "old"
        self.rng = chance(f"index {seed}")
        self.folder.mkdir(parents=True)
        self.away.mkdir()
        write_study(self.folder, *(f"s{number}" for number in range(5)))
        self.keep, self.previews = "tissue >= 0.5", False

    def change(self) -> str:
        """Change the study or the configuration, or nothing."""
        kinds = [self.replace_mask, self.remove, self.bring_back, self.spoil, self.filter, self.draw, self.stay]
        return _one_of(self.rng, kinds)

    def disturb(self) -> str:
        """Disturb the index or the files of the output."""
        kinds = [self.tear, self.flip, self.empty, self.age, self.rename_version, self.double, self.lose, self.damage]
        if self.old.exists():
            kinds.append(self.restore)
        return _one_of(self.rng, [*kinds, self.forget, self.stay])

    def stay(self) -> None:
        pass

    def slide(self) -> str:
        return self.rng.choice(sorted(path.stem for path in self.folder.glob("s?.tiff")))

    def replace_mask(self) -> None:
        write_mask(self.folder / f"{self.slide()}_tissue.tiff", random_labels(self.rng.randrange(1000), (0, 255)))

    def remove(self) -> None:
        if len(list(self.folder.glob("s?.tiff"))) > 2:
            for path in self.folder.glob(f"{self.slide()}*"):
                path.rename(self.away / path.name)

    def bring_back(self) -> None:
        for path in self.away.iterdir():
            path.rename(self.folder / path.name)

    def spoil(self) -> None:
        truncate(self.folder / f"{self.slide()}_tissue.tiff", 0.5)

    def filter(self) -> None:
        self.keep = self.rng.choice(["tissue >= 0.25", "tissue >= 0.5", "tumor > 0"])

    def draw(self) -> None:
        self.previews = not self.previews

    def shards(self) -> list[Path]:
        return sorted((self.output / FOLDER).glob("*.index"))

    def tear(self) -> None:
        for shard in self.shards():
            truncate(shard, self.rng.random())

    def flip(self) -> None:
        for shard in self.shards():
            content = bytearray(shard.read_bytes())
            content[self.rng.randrange(len(content))] ^= 1 << self.rng.randrange(8)
            shard.write_bytes(content)

    def empty(self) -> None:
        for shard in self.shards():
            shard.write_bytes(b"")

    def age(self) -> None:
        """Keep the index of now for a later run."""
        shutil.rmtree(self.old, ignore_errors=True)
        shutil.copytree(self.output / FOLDER, self.old)

    def restore(self) -> None:
        """Put an earlier index in the place of this one, or beside it."""
        if self.rng.random() < 0.5:
            shutil.rmtree(self.output / FOLDER)
        shutil.copytree(self.old, self.output / FOLDER, dirs_exist_ok=True)

    def rename_version(self) -> None:
        for shard in self.shards():
            table = pq.read_table(BytesIO(shard.read_bytes()))
            content = BytesIO()
            pq.write_table(table.replace_schema_metadata({b"ratiopath.state_of": b"another version"}), content)
            number, digest = shard.name.partition("-")[0], hashlib.sha256(content.getvalue()).hexdigest()
            shard.unlink()
            shard.with_name(f"{number}-{digest}.index").write_bytes(content.getvalue())

    def double(self) -> None:
        for shard in self.shards():
            shutil.copy(shard, shard.with_name(f"9999999999-{shard.name.partition('-')[2]}"))

    def forget(self) -> None:
        shutil.rmtree(self.output / FOLDER)

    def files(self) -> list[Path]:
        return sorted(path for folder in ("coverage", "tiles") for path in (self.output / folder).glob("s*.parquet"))

    def lose(self) -> None:
        self.rng.choice(self.files()).unlink()

    def damage(self) -> None:
        """Damage a file, or give it the rows of another slide."""
        path, other = self.rng.sample(self.files(), 2)
        if self.rng.random() < 0.5:
            truncate(path, self.rng.random())
        else:
            shutil.copy2(other, path)

    def run(self, output: Path) -> dict[str, bytes]:
        run(self.folder, output=str(output), keep=self.keep, previews=self.previews, gone="drop", tolerate=100)
        pictures = {path.name: path.read_bytes() for path in output.glob("previews/*")}
        return visible(output) | pictures


def _one_of(rng: random.Random, kinds: list[Callable[[], None]]) -> str:
    kind = rng.choice(kinds)
    kind()
    return kind.__name__


@pytest.mark.parametrize("seed", SEEDS)
def test_no_disturbance_of_the_index_changes_a_table(tmp_path, seed) -> None:
    walk = Walk(tmp_path, seed)
    walk.run(walk.output)
    done = []
    for _ in range(STEPS):
        done.append((walk.disturb(), walk.change()))
        found = walk.run(walk.output)
        shutil.rmtree(walk.oracle, ignore_errors=True)
        expected = walk.run(walk.oracle)
        assert found.keys() == expected.keys(), done
        assert [name for name in found if found[name] != expected[name]] == [], done


@pytest.mark.parametrize("seed", SEEDS)
def test_an_index_of_another_run_at_the_same_place_is_not_believed(tmp_path, seed) -> None:
    """Two outputs of changing studies whose indices are exchanged between runs."""
    first, second = Walk(tmp_path / "a", seed), Walk(tmp_path / "b", seed + 1000)
    for walk in (first, second):
        walk.folder = first.folder  # the same slides, run with other settings
        walk.filter()
        walk.run(walk.output)
    for _ in range(2):
        kept = tmp_path / "kept"
        (first.output / FOLDER).rename(kept)
        (second.output / FOLDER).rename(first.output / FOLDER)
        kept.rename(second.output / FOLDER)
        first.replace_mask()
        for walk in (first, second):
            found = walk.run(walk.output)
            shutil.rmtree(walk.oracle, ignore_errors=True)
            assert found == walk.run(walk.oracle)
