"""Import of Prefect, which reads its settings then: those that it cannot use end the start in one line."""

import io
import sys
from contextlib import redirect_stderr

from pydantic import ValidationError

from flows.config.uri import has_credentials, is_uri
from flows.execution.start_error import StartError

MAX_REASON = 300
"""Characters of Prefect's reason."""
_HINT = "correct the variables PREFECT_..., and profiles.toml in PREFECT_HOME"


def require_settings() -> None:
    """Import Prefect and with it the settings of the environment and of the profile.

    A wrong setting makes Prefect print, warn and raise; what it prints is passed on only if the import succeeds.

    Raises:
        StartError: Prefect cannot use its settings.
    """
    printed = io.StringIO()
    try:
        with redirect_stderr(printed):
            import prefect.context  # noqa: F401, PLC0415 - slow, and read here for the first time
    except Exception as error:  # noqa: BLE001 - a profile of any shape
        raise StartError(f"Prefect cannot use its settings: {_reason(error)}", hint=_HINT) from None
    sys.stderr.write(printed.getvalue())


def _reason(error: Exception) -> str:
    """Return the first finding in one line; pydantic's own text repeats the value, which may be a secret."""
    if isinstance(error, ValidationError):
        found = error.errors(include_input=False, include_url=False, include_context=False)[0]
        text = f"{'.'.join([error.title, *map(str, found['loc'])])}: {found['msg']}"
    else:
        text = f"{type(error).__name__}: {error}"
    if has_credentials(text) or is_uri(text):
        return "one that may be a credential (not shown)"
    return " ".join(text.split())[:MAX_REASON]
