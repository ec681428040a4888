"""Damage that looks for new ways through the code: whatever goes otherwise than tifffile has it, or raises, is a find.

    python tests/campaigns/fuzz_tiff.py -max_total_time=3600        and all other options of libFuzzer

It begins with a small file of each layout; a find is left as crash-SHA1 in the working directory.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["ratiopath", "tifffile"]):
    from tests.support.damaged import KINDS, original, outcome

SMALL = (32, 48)
"""(rows, columns): a fuzzer goes through thousands of files a minute."""


class FindError(Exception):
    """A result that another reader does not find."""


def main() -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        corpus, mutant = Path(folder, "corpus"), Path(folder, "mutant.tiff")
        corpus.mkdir()
        for kind in KINDS:
            original(kind, corpus / kind, SMALL)

        def once(content: bytes) -> None:
            mutant.write_bytes(content)
            end = outcome(str(mutant))
            if end.startswith("otherwise"):
                raise FindError(end)

        atheris.Setup(
            [sys.argv[0], str(corpus), "-timeout=20", "-rss_limit_mb=4096", "-max_len=8192", *sys.argv[1:]], once
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
