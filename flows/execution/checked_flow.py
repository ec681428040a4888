"""A flow whose parameters are stored only if they are valid."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from prefect import Flow

NOT_SHOWN = "(refused, not shown)"
"""Text that is stored for each parameter of a refused run."""
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class CheckedFlow(Flow[Parameters, Result]):
    """A flow that a program may call with values of any kind.

    Prefect stores the parameters of a run before it validates them. One that is refused may hold a credential.
    """

    def serialize_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters as they are stored: none of them if they are refused."""
        try:
            self.validate_parameters(parameters)
        except Exception:  # noqa: BLE001 - the run validates them again, and fails with the message
            return dict.fromkeys(parameters, NOT_SHOWN)
        return super().serialize_parameters(parameters)

    def with_options(self, **options: Any) -> "CheckedFlow[Parameters, Result]":
        """Return a copy with other options, as `Flow.with_options`, that checks as well."""
        changed = super().with_options(**options)
        changed.__class__ = CheckedFlow
        return cast("CheckedFlow[Parameters, Result]", changed)


def checked_flow(**options: Any) -> Callable[[Callable[Parameters, Result]], CheckedFlow[Parameters, Result]]:
    """Make a `CheckedFlow` of a function, with the options of `prefect.flow`."""
    return lambda function: CheckedFlow(function, **options)
