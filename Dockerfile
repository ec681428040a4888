# The project with its locked environment, for a worker, a Kubernetes job or a Ray cluster: docs/deployment.md.
#   docker build --tag ratiopath-flows .
FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --no-install-project --compile-bytecode
COPY ratiopath ratiopath
COPY schemas schemas
COPY flows flows
RUN uv sync --frozen --no-dev --no-editable --compile-bytecode

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 1000 coverage
WORKDIR /app
COPY --from=build /app /app
COPY prefect.yaml ./
COPY deploy deploy
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false RAY_USAGE_STATS_ENABLED=0
USER 1000
CMD ["python", "-m", "flows.coverage", "--help"]
