"""Some damaged pictures of each form; tests/campaigns/test_pictures_damaged.py reads many."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.damaged_pictures import FORMS, mutated, outcome, with_checksums


@pytest.mark.parametrize("form", FORMS)
def test_a_whole_picture_is_read_as_by_another_decoder(form: str, tmp_path: Path) -> None:
    (tmp_path / "whole").write_bytes(FORMS[form]())
    assert outcome(str(tmp_path / "whole"), form) in ("as another", "read")


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_picture_gives_a_named_error_or_its_pixels(form: str, tmp_path: Path) -> None:
    content, path = FORMS[form](), tmp_path / "mutant"
    for seed in range(40):
        damage, damaged = mutated(content, np.random.default_rng((99, seed)))
        path.write_bytes(with_checksums(damaged) if form.startswith("png") and seed % 2 else damaged)
        assert outcome(str(path), form) != "otherwise", (seed, damage)
