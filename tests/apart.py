"""Each process that tests has a broker's database of its own, before Django reads its settings."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    brokers = os.environ["TEST_BROKERS"].split()
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    os.environ["REDIS_URL"] = brokers[number % len(brokers)]
