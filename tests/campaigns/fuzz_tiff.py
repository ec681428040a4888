"""Coverage-guided fuzzing of the TIFF reader: any exception that has no name, any count that tifffile contradicts.

    python -m tests.campaigns.fuzz_tiff -max_total_time=3600

takes all other options of libFuzzer too. It starts from a small file of each layout and saves a finding as crash-SHA1
in the working directory.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ratiopath", "tifffile"]):
    from tests.support.damaged import KINDS, original, outcome

SMALL = (32, 48)
"""(rows, columns); small, since the fuzzer reads thousands of files a minute."""


class FindingError(Exception):
    """A result that differs from tifffile's."""


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
                raise FindingError(end)

        atheris.Setup(
            [sys.argv[0], str(corpus), "-timeout=20", "-rss_limit_mb=4096", "-max_len=8192", *sys.argv[1:]], once
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
