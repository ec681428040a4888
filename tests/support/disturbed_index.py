"""Faults of an output between two runs: in its state index, and in the files that the index knows."""

import hashlib
import random
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.state.state_index import KEY
from flows.storage.workspace import STATE
from schemas.state import FILES, size_of, time_of
from tests.support.study import truncate

FOLDERS = (STATE, "coverage", "tiles", "previews", "tissue")
"""Folders of an output that hold something of a slide."""


class DisturbedIndex:
    """An output, with copies of what it was earlier."""

    def __init__(self, output: Path, other: Path, rng: random.Random) -> None:
        """Start with `other`, the output of a run over the same slides with other settings."""
        self.output, self.other, self.rng = output, other, rng
        self.old = output.with_name("old")

    def disturb(self) -> str:
        """Disturb one thing or nothing; return what."""
        kinds: list[Callable[[], None]] = [
            self.tear, self.flip, self.empty, self.forget, self.lose_part, self.scatter, self.double, self.lie,
            self.confuse, self.set_version, self.add_index, self.add_output, self.age, self.restore, self.lose,
            self.cut, self.swap, self.impersonate, self.touch, self.stay,
        ]  # fmt: skip
        kind = self.rng.choice(kinds)
        kind()
        return kind.__name__

    def stay(self) -> None:
        """Disturb nothing."""

    def tear(self) -> None:
        """Cut each file of the index off."""
        for file in self._index():
            truncate(file, self.rng.random())

    def flip(self) -> None:
        """Change a bit of each file of the index."""
        for file in self._index():
            content = bytearray(file.read_bytes())
            content[self.rng.randrange(len(content))] ^= 1 << self.rng.randrange(8)
            file.write_bytes(content)

    def empty(self) -> None:
        """Leave each file of the index without content."""
        for file in self._index():
            file.write_bytes(b"")

    def forget(self) -> None:
        """Remove the index."""
        shutil.rmtree(self.output / STATE)

    def lose_part(self) -> None:
        """Give each row a file of its own, and lose one."""
        self.scatter()
        for file in self._index()[:1]:
            file.unlink()

    def scatter(self) -> None:
        """Give each row a file of its own, in any order."""
        numbers = list(range(1, 100))
        self.rng.shuffle(numbers)
        self._rewrite(lambda table: [table.slice(row, 1) for row in range(table.num_rows)], numbers)

    def double(self) -> None:
        """Have each row twice, in one file and in two."""
        for file in self._index():
            shutil.copy(file, file.with_name(f"9999999999-{file.name.partition('-')[2]}"))
        self._rewrite(lambda table: [pa.concat_tables([table, table])])

    def lie(self) -> None:
        """Give a file another size or time in each row."""
        file = self.rng.choice(FILES)
        name = self.rng.choice([size_of(file), time_of(file)])
        self._rewrite(
            lambda table: [_replaced(table, name, [value and value + 1 for value in table[name].to_pylist()])]
        )

    def confuse(self) -> None:
        """Give the rows the inputs, or the sizes and times, of each other."""
        files = [column(file) for file in FILES for column in (size_of, time_of)]
        names = self.rng.choice([["inputs"], files])

        def confused(table: pa.Table) -> list[pa.Table]:
            for name in names:
                values = table[name].to_pylist()
                table = _replaced(table, name, values[1:] + values[:1])
            return [table]

        self._rewrite(confused)

    def set_version(self) -> None:
        """Have the index of other settings, or of another version."""
        self._rewrite(lambda table: [table.replace_schema_metadata({KEY: b"another"})])

    def add_index(self) -> None:
        """Have the index of another output, in the place of this one or beside it."""
        self._replace(self.other, STATE)

    def add_output(self) -> None:
        """Copy another output onto this one, with its times."""
        shutil.copytree(self.other, self.output, dirs_exist_ok=True)

    def age(self) -> None:
        """Keep a copy of the output for later, with its times."""
        shutil.rmtree(self.old, ignore_errors=True)
        shutil.copytree(self.output, self.old)

    def restore(self) -> None:
        """Bring a folder, or all, back from the copy."""
        folders = [name for name in FOLDERS if (self.old / name).exists()]
        for name in self.rng.choice([folders, *([name] for name in folders)]):
            self._replace(self.old, name)

    def lose(self) -> None:
        """Remove a file of a slide."""
        for file in self._files()[:1]:
            file.unlink()

    def cut(self) -> None:
        """Cut a file of a slide off."""
        for file in self._files()[:1]:
            truncate(file, self.rng.random())

    def swap(self) -> None:
        """Exchange files of two slides, unless they have one size and time, which no run can notice."""
        for file, other in self._pairs():
            between = file.with_name("between")
            file.rename(between)
            other.rename(file)
            between.rename(other)

    def impersonate(self) -> None:
        """Give a slide the file of another one, with its time."""
        for file, other in self._pairs():
            shutil.copy2(other, file)

    def touch(self) -> None:
        """Give some files another time."""
        for file in self._files()[:3]:
            file.touch()

    def _index(self) -> list[Path]:
        return sorted((self.output / STATE).glob("*.index"))

    def _files(self) -> list[Path]:
        found = sorted(file for folder in FOLDERS[1:] for file in (self.output / folder).glob("*") if file.is_file())
        return self.rng.sample(found, len(found))

    def _pairs(self) -> list[tuple[Path, Path]]:
        """Return two files of one folder and kind, unless their sizes and times are equal."""
        files = self._files()
        pairs = [(one, two) for one in files for two in files if (one.parent, one.suffix) == (two.parent, two.suffix)]
        states = [[(file.stat().st_size, file.stat().st_mtime_ns) for file in pair] for pair in pairs]
        return [pair for pair, (one, other) in zip(pairs, states, strict=True) if one != other][:1]

    def _replace(self, source: Path, folder: str) -> None:
        if folder != STATE or self.rng.random() < 0.5:
            shutil.rmtree(self.output / folder, ignore_errors=True)
        shutil.copytree(source / folder, self.output / folder, dirs_exist_ok=True)

    def _rewrite(self, change: Callable[[pa.Table], list[pa.Table]], numbers: list[int] | None = None) -> None:
        """Write the rows of each file of the index anew, under names that fit."""
        left = iter(numbers or range(1, 100))
        for file in self._index():
            tables = change(pq.read_table(BytesIO(file.read_bytes())))
            file.unlink()
            for table in tables:
                content = BytesIO()
                pq.write_table(table, content)
                digest = hashlib.sha256(content.getvalue()).hexdigest()
                file.with_name(f"{next(left):010d}-{digest}.index").write_bytes(content.getvalue())


def _replaced(table: pa.Table, name: str, values: list[object]) -> pa.Table:
    number = table.schema.get_field_index(name)
    return table.set_column(number, table.schema.field(number), pa.array(values, table.schema.field(number).type))
