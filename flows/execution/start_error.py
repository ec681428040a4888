"""The error of a start: Ray or the Prefect server did not come up."""

from functools import partial

from ratiopath.errors import RatiopathError


class StartError(RatiopathError):
    """Ray or the Prefect server did not come up, so nothing was done.

    Attributes:
        problem: Problem and finding, in one line.
        hint: Remedy.
    """

    def __init__(self, problem: str, *, hint: str) -> None:
        self.problem, self.hint = " ".join(problem.split()).rstrip("."), hint
        super().__init__(f"{self.problem}; hint: {hint}")

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), hint=self.hint), (self.problem,)
