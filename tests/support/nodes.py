"""Two Ray nodes of one processor each, in a process of their own; a line on stdin kills the second.

    python -m tests.support.nodes FOLDER

prints the address of the cluster. The nodes end when stdin is closed.
"""

import sys

from ray.cluster_utils import Cluster

if __name__ == "__main__":
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "temp_dir": sys.argv[1]}
    )
    try:
        second = cluster.add_node(num_cpus=1)
        print(cluster.address, flush=True)  # noqa: T201 - the answer
        for _ in sys.stdin:
            cluster.remove_node(second, allow_graceful=False)  # SIGKILL to its processes
            print("killed", flush=True)  # noqa: T201 - ditto
    finally:
        cluster.shutdown()
