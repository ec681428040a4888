"""The process of a temporary Prefect server: `python -m flows.server_process PORT`. It ends when its stdin does."""

import os
import signal
import sys
import threading

import uvicorn


def _end_with_parent() -> None:
    """However the parent ends, its end of the pipe is closed."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        lifespan="on",
    )
