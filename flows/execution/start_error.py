"""The error of a start: Ray or the Prefect server did not come up."""

from ratiopath.errors import RatiopathError


class StartError(RatiopathError):
    """Ray or the Prefect server did not come up, so nothing was done.

    Attributes:
        problem: Problem and finding, in one line.
        hint: Remedy.
    """

    def __init__(self, problem: str, *, hint: str) -> None:
        super().__init__(problem, hint)
        self.problem, self.hint = " ".join(problem.split()), hint

    def __str__(self) -> str:
        return f"{self.problem}; hint: {self.hint}"
