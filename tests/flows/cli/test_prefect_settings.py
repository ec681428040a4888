"""Settings that Prefect cannot use: one error, and nothing printed. Prefect is imported in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from flows.cli.prefect_settings import _reason

CODE = """
from flows.cli.prefect_settings import require_settings
from flows.execution.start_error import StartError
try:
    require_settings()
except StartError as error:
    print(error)
"""
PROFILES = {
    'active = "x\n': "TOMLDecodeError: Illegal character",
    "profiles = 3\n": "AttributeError: 'int' object has no attribute 'items'",
}


def read_settings(home: Path, **changes: str) -> tuple[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    variables = {**kept, "PREFECT_HOME": str(home), **changes}
    done = subprocess.run([sys.executable, "-c", CODE], env=variables, capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_a_value_of_the_environment_is_named_and_nothing_else_is_printed(tmp_path) -> None:
    out, err = read_settings(tmp_path, PREFECT_LOGGING_LEVEL="LOUD")
    assert out.startswith("Prefect cannot use its settings: LoggingSettings.level: Input should be 'DEBUG', ")
    assert "; hint: correct the variables PREFECT_..., and profiles.toml in PREFECT_HOME" in out
    assert (out.count("\n"), err) == (1, "")


@pytest.mark.parametrize("profile", PROFILES, ids=["no TOML", "a number"])
def test_a_profile_is_named_and_nothing_else_is_printed(profile, tmp_path) -> None:
    (tmp_path / "profiles.toml").write_text(profile)
    out, err = read_settings(tmp_path)
    assert out.startswith(f"Prefect cannot use its settings: {PROFILES[profile]}")
    assert (out.count("\n"), err) == (1, "")


class Settings(BaseModel):
    level: int


def test_a_reason_does_not_repeat_the_value() -> None:
    with pytest.raises(ValidationError) as failed:
        Settings.model_validate({"level": "SECRET"})
    reason = _reason(failed.value)
    assert reason == "Settings.level: Input should be a valid integer, unable to parse string as an integer"


def test_a_reason_that_may_hold_a_credential_is_not_shown() -> None:
    assert _reason(ValueError("https://u:SECRET@host")) == "one that may be a credential (not shown)"
