from agent_worker import boot  # noqa: F401  (Django first)
from agent_worker.worker import run

if __name__ == "__main__":
    run()
