"""The clients of stores are imported for stores only."""

import subprocess
import sys

CLIENTS = {"pyarrow", "fsspec", "httpx", "tenacity", "asyncio"}


def test_files_of_this_machine_need_no_client_of_a_store() -> None:
    code = f"import sys, ratiopath.slides; print(sorted({CLIENTS} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "[]\n"
