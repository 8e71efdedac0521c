"""What start.py says when the network, the disk, the memory or the computer is not as it should be.

pip really meets each trouble where it can be made here (servers that go wrong, a disk of 1 MB);
what cannot be made here comes from outputs recorded elsewhere.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import bad_servers
import pytest
from start_helpers import REPOSITORY, assert_one_sentence, load, make_wheel


@pytest.fixture(autouse=True)
def only_this_network(monkeypatch):
    for name in [name for name in os.environ if re.match("PIP_|.*_proxy$", name, re.I)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_TIMEOUT", "2")


@pytest.fixture
def module(tmp_path):
    shutil.copy(REPOSITORY / "start.py", tmp_path)
    return load(tmp_path)


def what_pip_meets(module, **environment):
    """The sentence for a real pip that is to fetch `tiny`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, str(value))
        with pytest.raises(module.Trouble) as caught:
            module.pip(
                sys.executable, ["download", "--no-deps", "--dest", str(module.ROOT / "fetched"), "tiny==1.0"]
            )
    assert_one_sentence(f"start.py: {caught.value}\n")
    return str(caught.value)


# ---- The network


def test_a_certificate_replaced_by_a_proxy(module, tmp_path):
    certificate = bad_servers.own_certificate(tmp_path)
    if certificate is None:
        pytest.skip("no openssl to make a certificate with")
    with bad_servers.serve(bad_servers.always(200), certificate) as address:
        said = what_pip_meets(module, PIP_INDEX_URL=address + "/simple")
    assert "certificate of its own" in said and "PIP_CERT" in said


def test_a_proxy_that_asks_for_a_password(module):
    with bad_servers.serve(bad_servers.always(407)) as address:
        said = what_pip_meets(module, PIP_INDEX_URL="https://packages.invalid/simple", HTTPS_PROXY=address)
    assert "asks for a name and a password" in said and "HTTPS_PROXY" in said


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_out_of_order(status, module):
    with bad_servers.serve(bad_servers.always(status)) as address:
        said = what_pip_meets(module, PIP_INDEX_URL=address + "/simple")
    assert f"out of order (status {status})" in said


def test_a_login_page_in_place_of_the_server(module):
    def answer(path):  # as hotels do: whatever is asked leads to their page
        if path == "/login":
            return bad_servers.always(200, b"<form>Room number: <input></form>")(path)
        return bad_servers.always(302, Location="/login")(path)

    with bad_servers.serve(answer) as address:
        said = what_pip_meets(module, PIP_INDEX_URL=address + "/simple")
    assert "a login page answers" in said and "browser" in said


@pytest.mark.parametrize("length_is_told", [True, False])
def test_a_download_that_broke_off(length_is_told, module, tmp_path):
    make_wheel(tmp_path, "tiny")

    def deliver(whole):
        return {"Content-Length": len(whole)} if length_is_told else {}, whole[:200]

    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    with bad_servers.serve(bad_servers.index_of(wheel, deliver)) as address:
        said = what_pip_meets(module, PIP_INDEX_URL=address + "/simple")
    assert "a download broke off" in said and "tamper" not in said


def test_a_package_that_the_server_has_in_no_fitting_version(module, tmp_path):
    make_wheel(tmp_path, "tiny", "2.0")
    wheel = tmp_path / "tiny-2.0-py3-none-any.whl"
    with bad_servers.serve(bad_servers.index_of(wheel, lambda whole: ({}, whole))) as address:
        said = what_pip_meets(module, PIP_INDEX_URL=address + "/simple")
    assert "has no tiny==1.0 for this computer and Python" in said


def test_no_server_at_all(module):
    assert "connect to the internet" in what_pip_meets(module, PIP_INDEX_URL="http://127.0.0.1:9/simple")


# What newer versions of pip write, and what needs another computer: recorded there, shortened.
RECORDED = {
    "pip 26, a download that broke off": (
        "error: incomplete-download\n\n× Download failed after 6 attempts because not enough bytes were "
        "received (200 bytes/719 bytes)\nnote: This is an issue with network connectivity, not pip.\n",
        "a download broke off",
    ),
    "pip 26, a proxy's password": (
        "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after "
        "connection broken by 'OSError('Tunnel connection failed: 407 Proxy Authentication Required')': "
        "/simple/tiny/\nERROR: No matching distribution found for tiny==1.0",
        "asks for a name and a password",
    ),
    "Windows, a long path": (
        "ERROR: Could not install packages due to an OSError: [Errno 2] No such file or directory: "
        "'C:\\\\Users\\\\reader\\\\course\\\\.venv\\\\Lib\\\\site-packages\\\\torch-2.13.0.dist-info\\\\x'\n"
        "HINT: This error might have occurred since this system does not have Windows Long Path support "
        "enabled. You can find information on how to enable this at "
        "https://pip.pypa.io/warnings/enable-long-paths\n",
        "https://pip.pypa.io/warnings/enable-long-paths",
    ),
    "Windows, no Visual C++ runtime": (
        "Microsoft Visual C++ Redistributable is not installed, this may lead to the DLL load failure.\n"
        "It can be downloaded at https://aka.ms/vs/17/release/vc_redist.x64.exe\n"
        "Traceback (most recent call last):\n"
        "OSError: [WinError 126] The specified module could not be found. Error loading "
        '"C:\\\\course\\\\torch\\\\lib\\\\c10.dll" or one of its dependencies.',
        "https://aka.ms/vs/17/release/vc_redist.x64.exe",
    ),
    "Windows, no room on the disk": (
        "ERROR: Could not install packages due to an OSError: [WinError 112] There is not enough space on "
        "the disk",
        "is full",
    ),
    "an old Linux": (
        "ImportError: /lib64/libc.so.6: version `GLIBC_2.28' not found (required by /x/libtorch_cpu.so)",
        "lacks GLIBC_2.28",
    ),
    "no memory for pip itself": ("MemoryError", "memory ran out"),
    "Debian's own Python": ("error: externally-managed-environment", "without --here"),
    "a Python without pip": ("/usr/bin/python3: No module named pip", "without --here"),
    "a Python in no environment": (
        "ERROR: Could not find an activated virtualenv (required).",
        "without --here",
    ),
    "a name that nobody resolves": ("Temporary failure in name resolution", "connect to the internet"),
    "nothing at all": ("", "pip did not succeed"),
}


@pytest.mark.parametrize("kind", RECORDED)
def test_what_was_recorded_elsewhere_becomes_one_sentence(kind, module):
    output, expected = RECORDED[kind]
    assert_one_sentence(f"start.py: {module.explain(output.splitlines(), None)}\n", expected)


def test_every_row_of_the_table_is_met_by_a_test_of_its_own(module):
    """A row that another one hides would never be said: each recorded text finds the row it should."""
    texts = [output for output, _ in RECORDED.values()]
    texts += [
        "certificate verify failed: [SSL: CERTIFICATE_VERIFY_FAILED]",
        "the server answers with status 503",
        "the server answers with a page without packages",
        "FOLDER No matching distribution found for tiny==1.0",
        "No matching distribution found for tiny==1.0",
    ]
    first = {next((n for n, (p, _) in enumerate(module.SENTENCES) if re.search(p, t)), None) for t in texts}
    assert first - {None} == set(range(len(module.SENTENCES)))


# ---- The disk, the memory, pip's settings


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount a disk")
def test_the_disk_that_is_full_is_named(module, tmp_path):
    make_wheel(tmp_path, "tiny", padding=2_000_000)
    small = tmp_path / "small disk"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "small", str(small)], timeout=300)
    if mounted.returncode:
        pytest.skip("a container that may not mount")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module.tempfile, "tempdir", str(small))
            wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
            answer = bad_servers.index_of(wheel, lambda whole: ({"Content-Length": len(whole)}, whole))
            with bad_servers.serve(answer) as address:
                said = what_pip_meets(module, PIP_INDEX_URL=address + "/simple", TMPDIR=small)
    finally:
        subprocess.run(["umount", str(small)], timeout=300)
    assert f"the disk of {small}, with 0.0 GB free, is full" in said and "TMPDIR" in said


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for Python")
def test_a_pip_that_was_killed_for_memory(module, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho Collecting torch\nkill -9 $$\n")
    python.chmod(0o755)
    with pytest.raises(module.Trouble, match="memory ran out"):
        module.pip(python, ["install", "tiny"])


def test_a_python_that_dies_while_it_imports(module, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "pins", lambda file: {"crash": "1.0"})
    (tmp_path / "requirements.txt").write_text("crash==1.0\n")
    (tmp_path / "crash.py").write_text(f"import os\nos.kill(os.getpid(), {int(signal.SIGTERM)})\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert_one_sentence(f"start.py: {module.try_imports(sys.executable)}\n", "cannot be imported", "repair")
    (tmp_path / "crash.py").write_text("")
    assert module.try_imports(sys.executable) == ""


def test_settings_that_send_packages_or_python_elsewhere_are_not_handed_on(module, monkeypatch):
    names = ["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_NO_DEPS", "PYTHONPATH", "PYTHONHOME"]
    for name in names:
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    ours = module.environment(module.venv_python(module.VENV))
    assert not set(names) & set(ours) and ours["PIP_USER"] == "0"
    active = module.environment(sys.executable)
    assert "PYTHONPATH" in active and "PIP_TARGET" not in active and active["PIP_USER"] == "1"


# ---- The computer


def test_a_32_bit_python_is_refused(module, monkeypatch, capsys):
    monkeypatch.setattr(module, "is_64_bit", lambda: False)
    assert module.main(["setup"]) == 1
    assert_one_sentence(capsys.readouterr().err, "32-bit", "python.org")


@pytest.mark.parametrize(
    ("version", "expected"), [((2, 27), "glibc 2.27"), ((2, 17), "2.28 or newer"), (None, "musl")]
)
def test_a_linux_without_a_fitting_c_library_is_refused(version, expected, module, monkeypatch, capsys):
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setattr(module.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(module, "glibc_version", lambda: version)
    assert module.main(["setup"]) == 1
    assert_one_sentence(capsys.readouterr().err, expected)


def test_the_c_library_of_this_computer_is_known(module, monkeypatch):
    if sys.platform == "linux":
        assert module.glibc_version() >= module.OLDEST_GLIBC
    monkeypatch.setattr(module.os, "confstr", lambda name: None, raising=False)  # as under musl
    assert module.glibc_version() is None


def test_no_package_here_needs_a_newer_c_library_than_is_asked_for(module):
    """But debugpy, of which there is a wheel for any computer too."""
    for wheel in installed("WHEEL"):
        tags = [int(tag) for tag in re.findall(r"manylinux_2_(\d+)", wheel.read_text())]
        if tags and not wheel.parent.name.startswith("debugpy-"):
            assert min(tags) <= module.OLDEST_GLIBC[1], wheel.parent.name


def installed(name):
    """The files of that name that describe this environment's packages."""
    return Path(pytest.__file__).resolve().parents[1].glob(f"*.dist-info/{name}")


def test_the_deepest_path_is_as_long_as_windows_is_told(module):
    paths = [
        line.rsplit(",", 2)[0] for record in installed("RECORD") for line in record.open(encoding="utf-8")
    ]
    deepest = max(len(path.replace("+cpu", "")) for path in paths if not path.startswith(("..", "/")))
    assert len("\\.venv\\Lib\\site-packages\\") + deepest <= module.DEEPEST


@pytest.mark.parametrize("longer", [0, 1])
def test_a_folder_too_long_for_windows_is_refused_before_anything_is_installed(longer, module, monkeypatch):
    monkeypatch.setattr(module, "windows_cuts_paths", lambda: True)
    folder = "C:\\" + "x" * (259 - module.DEEPEST - 3 + longer)
    if not longer:
        return module.check_length(folder)
    with pytest.raises(
        module.Trouble, match=f"path of {len(folder)} letters, and Windows can take {len(folder) - 1}"
    ):
        module.check_length(folder)


@pytest.mark.skipif(os.name == "nt", reason="any port may be used there")
def test_a_port_for_administrators_only(module):
    """For real: as a user who is none."""
    limit = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if limit.exists() and int(limit.read_text()) <= 80:
        pytest.skip("everybody may use port 80 here")
    script = (
        "import os, start\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: print(start.choose_port('80'))\n"
        "except start.Trouble as trouble: print('start.py:', trouble)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=module.ROOT, capture_output=True, text=True, timeout=300
    )
    assert_one_sentence(done.stdout, "administrator", "port 80", "--port 8888")


@pytest.mark.parametrize("where", ["not there at all", "a file"])
def test_a_home_that_cannot_be_written_to_is_replaced_for_the_programs(
    where, module, tmp_path, monkeypatch, capsys
):
    (tmp_path / "a file").write_text("")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / where))
    script = "import os; print('at home', end=''); open(os.path.expanduser('~/settings'), 'w').write('kept')"
    assert module.run([sys.executable, "-c", script]) == 0
    assert (module.ROOT / ".jupyter" / "settings").read_text() == "kept"
    assert "The home folder cannot be written to" in capsys.readouterr().out


def test_a_home_in_order_is_left_alone(module, tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    assert module.home() == {}


def test_a_character_that_the_terminal_cannot_print_stops_nobody(module, tmp_path, monkeypatch):
    """Neither start.py, whose sentence names a folder, nor a program that it starts."""
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    for name, value in {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}.items():
        monkeypatch.setenv(name, value)
    script = (
        "import sys, start\nprint(start.run([sys.executable, '-c', 'print(chr(0x2248), 0.5)']), flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=module.ROOT, capture_output=True, timeout=300)
    assert done.stdout.split(b"\n")[:2] == [b"? 0.5", b"0"]
    words = [sys.executable, "start.py", "setup", "--wheels", "\u2248"]
    done = subprocess.run(words, cwd=module.ROOT, capture_output=True, timeout=300)
    assert done.returncode == 1 and done.stderr.startswith(b"start.py: --wheels needs a folder")
