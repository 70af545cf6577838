"""What a server needs before it begins: a folder that others cannot read, and a way to confine code."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.errors import UsageError
from bakeoff.sandbox import unconfinable
from bakeoff.server.ground import check_code, prepare
from bakeoff.server.service import Service
from bakeoff.server.settings import Settings


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_data_folder_is_its_owners_alone(tmp_path: Path):
    settings = Settings(data=tmp_path / "a" / "data")
    Service(settings).close()
    assert mode(settings.data) == 0o700
    assert mode(settings.data / "bakeoff.db") == 0o600
    assert [mode(path) & 0o077 for path in (settings.jobs, settings.files)] == [0, 0]


def test_an_older_folder_is_closed_to_others_and_a_group_keeps_it(tmp_path: Path):
    settings = Settings(data=tmp_path)
    tmp_path.chmod(0o755)
    for folder in (settings.jobs, settings.files):
        folder.mkdir()
        folder.chmod(0o2775)
    (tmp_path / "bakeoff.db").touch()
    (tmp_path / "bakeoff.db").chmod(0o664)
    Service(settings).close()
    assert mode(tmp_path) == 0o755
    assert mode(settings.jobs) == mode(settings.files) == 0o2770
    assert mode(tmp_path / "bakeoff.db") == 0o660


def test_a_database_elsewhere_is_left_alone(tmp_path: Path):
    prepare(Settings(data=tmp_path, database_url="postgresql://nobody@127.0.0.1/none"))
    assert not (tmp_path / "bakeoff.db").exists()


def test_where_code_cannot_be_confined_a_server_that_is_to_run_it_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    unconfinable.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python")
        try:
            with pytest.raises(UsageError, match=r"--allow-code.*no process could be started") as told:
                Service(Settings(data=tmp_path / "data", allow_code=True))
            check_code(Settings(data=tmp_path))
        finally:
            unconfinable.cache_clear()
    assert "namespaces" in told.value.hint
    assert not (tmp_path / "data").exists()


WITHOUT = 'echo 0 > /proc/sys/user/max_mnt_namespaces && exec "$@"'


def test_a_kernel_that_gives_no_mount_namespace_stops_a_worker_by_name(tmp_path: Path):
    # A namespace of users has limits of its own, so that nothing else on this machine is touched.
    inside = ["unshare", "--user", "--map-root-user", "sh", "-c", WITHOUT, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*inside, "true"], check=False).returncode:
        pytest.skip("this system has no way to take namespaces away")
    command = [sys.executable, "-m", "bakeoff", "worker", "--allow-code", "--data", str(tmp_path / "data")]
    done = subprocess.run([*inside, *command], check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 2
    assert "cannot be confined on this machine" in done.stderr
    assert "without `--allow-code`" in done.stderr
    assert not (tmp_path / "data").exists()
