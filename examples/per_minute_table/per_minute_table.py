"""Keeps a table of aggregates per minute in SQLite, from order.agg.1m.v1 and order.agg.1m.late.v1.

The offsets that are to be read next stand in the same database, and each transaction holds the rows of some records
together with the offsets behind them. Whatever kills the program, it goes on where its table is: every late delta is
added once. Consumer groups are not used, so one process keeps one table.
"""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3
import sys
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

UPDATES = "order.agg.1m.v1"
LATE = "order.agg.1m.late.v1"

MENDED_BY_THE_CLIENT = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._TIMED_OUT)

# The revision of a window of which nothing but late deltas is known is 0.
TABLES = """
CREATE TABLE IF NOT EXISTS positions (
    topic TEXT, partition INTEGER, next_offset INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS windows (
    grp TEXT, window_start TEXT, agg TEXT NOT NULL, dims TEXT NOT NULL,
    rev INTEGER NOT NULL DEFAULT 0, final INTEGER NOT NULL DEFAULT 0, value INTEGER NOT NULL DEFAULT 0,
    late INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (grp, window_start)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gauge_deltas (
    grp TEXT, window_start TEXT, closed_before TEXT, delta INTEGER NOT NULL,
    PRIMARY KEY (grp, window_start, closed_before)
) WITHOUT ROWID;

-- A count is its value and what came late. A gauge (in_flight) is the last value told, and those late deltas since then
-- that this value does not hold. Times are all written alike, so that they compare as text.
CREATE VIEW IF NOT EXISTS per_minute AS
SELECT grp, agg, dims, window_start, final, value + late AS value FROM windows WHERE agg != 'in_flight'
UNION ALL
SELECT grp, agg, dims, window_start, final, coalesce(told.value, 0) + coalesce((
    SELECT sum(delta) FROM gauge_deltas WHERE gauge_deltas.grp = gauge.grp
        AND gauge_deltas.window_start <= gauge.window_start
        AND (told.at IS NULL OR gauge_deltas.closed_before > told.at)), 0)
FROM (
    SELECT *, (SELECT max(before.window_start) FROM windows AS before WHERE before.grp = own.grp
        AND before.window_start <= own.window_start AND before.rev > 0) AS told_at
    FROM windows AS own WHERE agg = 'in_flight'
) AS gauge
LEFT JOIN (SELECT grp AS told_grp, window_start AS at, value FROM windows) AS told
    ON told_grp = gauge.grp AND told.at = gauge.told_at;
"""


def open_table(path: str) -> sqlite3.Connection:
    """Opens the database, and makes what is missing in it."""
    table = sqlite3.connect(path, isolation_level=None)
    table.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + TABLES)
    return table


def group_of(key: bytes, window_and_more: int) -> str:
    """The key without its last fields: without the window, and of a late delta without what numbers it."""
    return key.decode().rsplit("|", window_and_more)[0]


def apply(table: sqlite3.Connection, message: Message) -> None:
    """Adds one record to the table."""
    key, value = message.key(), message.value()
    if key is None or value is None:  # neither topic has such records
        return
    record: dict[str, Any] = json.loads(value)
    is_update = message.topic() == UPDATES
    if not isinstance(record["value" if is_update else "delta"], int):
        return  # this table has numbers; values of several members are for other tables
    group = group_of(key, 1 if is_update else 3)
    dims = json.dumps(record["dims"], ensure_ascii=False)
    window = (group, record["windowStart"])
    # A window of which only late deltas are told is closed.
    table.execute("INSERT OR IGNORE INTO windows (grp, window_start, agg, dims, final) VALUES (?, ?, ?, ?, ?)",
                  (*window, record["agg"], dims, not is_update))
    if is_update:
        table.execute("UPDATE windows SET rev = ?1, final = ?2, value = ?3"
                      " WHERE grp = ?4 AND window_start = ?5 AND rev < ?1",
                      (record["rev"], record["final"], record["value"], *window))
    elif "closedBefore" in record:
        table.execute("INSERT INTO gauge_deltas VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET delta = delta + excluded.delta",
                      (*window, record["closedBefore"], record["delta"]))
    else:
        table.execute("UPDATE windows SET late = late + ? WHERE grp = ? AND window_start = ?", (record["delta"], *window))


def keep(table: sqlite3.Connection, messages: list[Message]) -> None:
    """Adds records and the offsets behind them, all or none."""
    if not messages:
        return
    table.execute("BEGIN IMMEDIATE")
    try:
        for message in messages:
            apply(table, message)
            offset = message.offset()
            assert offset is not None  # a consumed record has one
            table.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)",
                          (message.topic(), message.partition(), offset + 1))
        table.execute("COMMIT")
    except BaseException:
        table.execute("ROLLBACK")
        raise


def assignment(consumer: Consumer, table: sqlite3.Connection) -> list[TopicPartition]:
    """All partitions of both topics, each from where the table is."""
    stored = {(topic, partition): offset for topic, partition, offset in table.execute("SELECT * FROM positions")}
    partitions: list[TopicPartition] = []
    for topic in (UPDATES, LATE):
        described = consumer.list_topics(topic, timeout=30).topics[topic]
        if described.error is not None:
            raise KafkaException(described.error)
        partitions += [TopicPartition(topic, number, stored.get((topic, number), OFFSET_BEGINNING))
                       for number in described.partitions]
    return partitions


def run(brokers: str, path: str, batch: int) -> None:
    """Follows the topics until SIGTERM or SIGINT."""
    table = open_table(path)
    consumer = Consumer({
        "bootstrap.servers": brokers,
        "group.id": "per-minute-table",  # the client wants one; it is not joined, and nothing is committed to it
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        # An offset that is no longer there means that late deltas were missed: no table is better than a wrong one.
        "auto.offset.reset": "error",
    })
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stopping.append(received))
    consumer.assign(assignment(consumer, table))
    while not stopping:
        messages = consumer.consume(batch, timeout=1.0)
        for message in messages:
            error = message.error()
            if error is not None and error.code() not in MENDED_BY_THE_CLIENT:
                raise KafkaException(error)
        keep(table, [message for message in messages if message.error() is None])
    consumer.close()
    table.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bootstrap-servers", default="127.0.0.1:9092")
    parser.add_argument("--table", default="per_minute.db", help="the SQLite database")
    parser.add_argument("--batch", type=int, default=500, help="records per transaction, at most")
    arguments = parser.parse_args()
    run(arguments.bootstrap_servers, arguments.table, arguments.batch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
