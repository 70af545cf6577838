"""A worker process: `python -m bakeoff.server.workers.work` reads its settings from stdin, a line of JSON."""

import os
import signal
import sys
import threading

from bakeoff.server.access import Keys
from bakeoff.server.ground import check_options, prepare
from bakeoff.server.settings import Settings
from bakeoff.server.store.database import Database
from bakeoff.server.workers.worker import Worker


def main() -> int:
    """Work until told to stop, or until the server at the other end of stdin is gone."""
    return work(Settings.from_json(_line()), with_server=True)


def work(settings: Settings, *, with_server: bool) -> int:
    """Work with some settings; the database is migrated first where that is still to be done."""
    database = Database(settings.url)
    if not with_server:
        check_options(settings)
        prepare(settings)
        database.migrate()
        if Keys(database).any():
            # So the server may have callers from elsewhere; one without keys never has.
            settings = settings.for_others()
    worker = Worker(settings, database)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: worker.stop())
    if with_server:
        threading.Thread(target=_end_with_server, args=(worker,), daemon=True).start()
    worker.work()
    database.close()
    return 0


def _line() -> bytes:
    # Plain reads: a thread that waits in a buffered one cannot be left at the end.
    data = b""
    while not data.endswith(b"\n") and (more := os.read(0, 1 << 16)):
        data += more
    return data


def _end_with_server(worker: Worker) -> None:
    while os.read(0, 1 << 12):
        pass
    worker.stop()


if __name__ == "__main__":
    sys.exit(main())
