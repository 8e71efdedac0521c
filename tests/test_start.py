"""start.py in good and bad situations: a sentence and an exit status, never a traceback.

Most tests run it on a small stand-in of the course, in a folder with spaces and accents, whose one
package is a wheel made here; so a set-up takes seconds and needs no network. What a test cannot
have for real (another Python, a full disk) it puts in place of the function that asks for it.
"""

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import zipfile

import bad_servers
import pytest
from start_helpers import REPOSITORY, assert_one_sentence, load, make_wheel, start

SECOND_START_LIMIT = 5.0  # seconds before the server starts, as promised to readers


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path_factory):
    """pip finds nothing but what a test gives it, whatever this machine's settings are."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens there
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_TIMEOUT", "2")


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder with the wheels of the stand-in course."""
    folder = tmp_path_factory.mktemp("paquets à part")
    make_wheel(folder, "tiny", needs=["tiny_base"])
    for name in ("tiny_dev", "tiny_builder"):
        make_wheel(folder, name)
    for version in ("1.0", "2.0"):
        make_wheel(folder, "tiny_base", version)
    return folder


def make_course(parent):
    """A stand-in of the course, not set up."""
    folder = parent / "dépôt avec espaces"
    (folder / "tests").mkdir(parents=True)
    (folder / "notebooks").mkdir()
    shutil.copy(REPOSITORY / "start.py", folder)
    shutil.copytree(REPOSITORY / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "requirements.txt").write_text("# what the lessons need\ntiny==1.0\n")
    (folder / "requirements-dev.txt").write_text("-r requirements.txt\ntiny_dev==1.0\n")
    (folder / "constraints.txt").write_text("tiny==1.0\ntiny_base==1.0\ntiny_dev==1.0\n")
    (folder / "pyproject.toml").write_text('[build-system]\nrequires = ["tiny_builder"]\n')
    (folder / "tests" / "run.py").write_text(
        "import sys, tiny, tiny_dev\nprint('ran with', sys.argv[1:])\nsys.exit(7)\n"
    )
    return folder


@pytest.fixture(scope="module")
def pristine(tmp_path_factory, packages):
    """A stand-in that start.py has set up for real, and what it said; only to be copied."""
    folder = make_course(tmp_path_factory.mktemp("modèle"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        return folder, start(folder, "setup", "--wheels", str(packages))


@pytest.fixture
def course(tmp_path):
    return make_course(tmp_path)


@pytest.fixture
def module(course):
    return load(course)


@pytest.fixture
def ready(course, pristine, packages, monkeypatch):
    """A course that is set up, as a module; pip finds the wheels, and a new .venv is a copy."""
    fresh = pristine[0] / ".venv"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", packages.as_uri())
    shutil.copytree(fresh, course / ".venv", symlinks=True)
    module = load(course)

    def copy_venv(folder):  # instead of the several seconds that a real one takes
        shutil.copytree(
            fresh,
            folder,
            symlinks=True,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("course.json"),
        )

    monkeypatch.setattr(module, "create_venv", copy_venv)
    return module


def site_packages(module):
    return next((module.ROOT / ".venv").rglob("tiny")).parent


# ---- Set-up


def test_the_first_start_sets_up_with_visible_progress_in_a_path_with_spaces_and_accents(pristine):
    folder, done = pristine
    assert (done.returncode, done.stderr) == (0, "")
    assert "First start" in done.stdout and "\n  tiny" in done.stdout
    assert (folder / ".venv" / "course.json").exists()


def test_what_a_package_needs_in_turn_comes_in_the_version_of_the_constraints(pristine):
    folder, _ = pristine
    state = load(folder).look_at_venv()
    assert state["packages"]["tiny-base"] == "1.0", "and not 2.0, which pip could have had"


def test_a_second_start_finds_everything_in_place_and_is_quick(pristine):
    begun = time.monotonic()
    done = start(pristine[0], "setup")
    assert time.monotonic() - begun < SECOND_START_LIMIT
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["Ready: `python start.py` opens the course."]


def test_looking_through_a_whole_environment_is_quick_too():
    """In the processor's time, so that a busy machine changes nothing."""
    begun = time.process_time() + sum(os.times()[2:4])
    state = load(REPOSITORY).look(sys.executable)
    assert time.process_time() + sum(os.times()[2:4]) - begun < SECOND_START_LIMIT / 2
    assert "pytest" in state["packages"] and state["damaged"] == {}


def test_the_tests_get_what_they_need_and_their_arguments_and_their_status_comes_back(ready, capfd):
    assert ready.main(["test", "--portable", "--quick"]) == 7
    captured = capfd.readouterr()
    assert "ran with ['--portable', '--quick']" in captured.out
    assert "requirements-dev.txt is not installed yet" in captured.out
    assert ready.main(["test"]) == 7
    assert "Fetching" not in capfd.readouterr().out


def test_here_uses_the_active_environment_and_makes_no_other(module, monkeypatch):
    given = []
    monkeypatch.setattr(module, "look", lambda python: {"packages": {"tiny": "1.0" if given else "0.9"}})
    monkeypatch.setattr(module, "try_imports", lambda python: "")
    monkeypatch.setattr(module, "pip", lambda *arguments: given.append(arguments))
    assert module.main(["setup", "--here"]) == 0
    python, words, wheels = given[0]
    assert (python, wheels) == (sys.executable, None)
    files = [str(module.ROOT / name) for name in ("requirements.txt", "constraints.txt")]
    assert words == ["install", "-r", files[0], "-c", files[1]]
    assert module.main(["setup", "--here"]) == 0 and len(given) == 1
    assert not (module.ROOT / ".venv").exists()


def test_wheels_fills_a_folder_from_which_a_course_is_set_up_without_a_network(
    ready, packages, tmp_path, monkeypatch, capsys
):
    suitcase = tmp_path / "clé usb"
    assert ready.main(["wheels", str(suitcase)]) == 0
    names = {wheel.name.split("-")[0] for wheel in suitcase.glob("*.whl")}
    assert names == {"tiny", "tiny_base", "tiny_builder"}
    assert (suitcase / "tiny_base-1.0-py3-none-any.whl").exists()
    assert sorted(path.name for path in suitcase.iterdir() if path.suffix != ".whl") == ["manifest.json"]
    assert "3 packages" in capsys.readouterr().out

    shutil.rmtree(ready.ROOT / ".venv")
    monkeypatch.delenv("PIP_FIND_LINKS")
    assert ready.main(["setup", "--wheels", str(suitcase)]) == 0
    assert ready.diagnose(["requirements.txt"], ready.look_at_venv()) is None


def test_wheels_for_other_computers_are_what_is_needed_there_and_fits(ready, tmp_path, monkeypatch, capsys):
    """Which packages and which builds follow from the other system and Python, not from this one."""
    shop, stick = tmp_path / "shop", tmp_path / "stick"
    shop.mkdir()
    conditions = ['for_windows; sys_platform == "win32"', 'for_old; python_version < "3.12"', "built[more]"]
    make_wheel(shop, "tiny", needs=[*conditions, 'never; extra == "no"'])
    make_wheel(shop, "built", needs=['for_more; extra == "more"'], tag="cp312-abi3-win_amd64")
    make_wheel(shop, "built", needs=['for_more; extra == "more"'], tag="cp311-cp311-manylinux_2_28_x86_64")
    make_wheel(shop, "built", needs=['for_more; extra == "more"'], tag="cp311-cp311-win_amd64")
    make_wheel(shop, "built", needs=['for_more; extra == "more"'], tag="cp312-cp312-manylinux2014_x86_64")
    for name in ("for_windows", "for_old", "for_more", "tiny_builder", "tiny_class"):
        make_wheel(shop, name)
    monkeypatch.setenv("PIP_FIND_LINKS", shop.as_uri())
    (ready.ROOT / "requirements-class.txt").write_text("-r requirements.txt\ntiny_class==1.0\n")
    words = ["--for", "windows,linux", "--python=3.11..3.12", "--with", "class"]
    assert ready.main(["wheels", str(stick), *words]) == 0
    found = sorted(wheel.name.replace("-1.0-", " ").removesuffix(".whl") for wheel in stick.glob("*.whl"))
    pure = ["for_more", "for_old", "for_windows", "tiny", "tiny_builder", "tiny_class"]
    builds = ["cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-win_amd64"]
    builds += ["cp312-abi3-win_amd64", "cp312-cp312-manylinux2014_x86_64"]
    assert found == sorted([f"{name} py3-none-any" for name in pure] + [f"built {tag}" for tag in builds])
    said = capsys.readouterr().out
    assert "for linux with Python 3.11, 3.12; windows with Python 3.11, 3.12. On the other" in said
    assert said.rstrip().endswith(" --with class")
    told = json.loads((stick / "manifest.json").read_text())
    assert set(told["targets"]) == {f"{s} 3.{v}" for s in ("linux", "windows") for v in (11, 12)}
    assert len(told["files"]) == len(found) and told["pins"] == {"tiny": "1.0"}


def other_computer(told):
    told["targets"] = {"windows 3.12": [], "windows 3.13": [], "macos 3.14": []}
    return (
        "is for macos with Python 3.14; windows with Python 3.12, 3.13, and this is ",
        "start.py wheels FOLDER",
    )


def other_course(told):
    told.update(course="0.9", pins={"tiny": "0.5"})
    return ("by version 0.9 of the course, with tiny 0.5, and this one needs 1.0",)


def lost_packages(told):
    told["files"].update({"tiny-1.0-py3-none-any.whl": 7, "more.whl": 7})
    return "2 of 3 packages in ", "(tiny-1.0-py3-none-any.whl)"


def no_class(told):
    return "has no packages for 'class'", "--with class"


@pytest.mark.parametrize("change", [other_computer, other_course, lost_packages, no_class])
def test_a_folder_of_packages_that_does_not_match_is_refused_in_one_sentence(change, ready, tmp_path, capsys):
    wheels = ready.tool("wheels")
    version = "{}.{}".format(*sys.version_info[:2])
    make_wheel(tmp_path, "tiny")
    make_wheel(tmp_path, "tiny_base")
    wheels.write_manifest(tmp_path, [(wheels.system_here(), version)], [], list(tmp_path.glob("*.whl")))
    file = tmp_path / "manifest.json"
    told = json.loads(file.read_text())
    wheels.check(tmp_path, [])
    parts = change(told)
    file.write_text(json.dumps(told))
    extras = ["--with=class"] if change is no_class else []
    assert ready.main(["setup", "--wheels", str(tmp_path), *extras]) == 1
    assert_one_sentence(capsys.readouterr().err, str(tmp_path), *parts)
    file.write_text("{")
    assert ready.main(["setup", "--wheels", str(tmp_path)]) == 1
    assert_one_sentence(capsys.readouterr().err, "manifest.json", "cannot be read")


@pytest.mark.parametrize(
    "words, part",
    [
        (["--for", "beos"], "--for knows linux, linux-arm, windows, macos, and not 'beos'"),
        (["--python", "3.10"], "and not '3.10'"),
        (["--python", "3.14..3.11"], "and not '3.14..3.11'"),
        (["--with", "games"], "--with knows class, test, and not 'games'"),
        (["more"], "wheels needs one folder"),
    ],
)
def test_wheels_for_what_there_is_not_are_refused_with_what_there_is(words, part, ready, tmp_path, capsys):
    assert ready.main(["wheels", str(tmp_path / "new"), *words]) == 1
    assert_one_sentence(capsys.readouterr().err, part)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("system", "gpu", "answers", "installed", "expected"),
    [
        ("linux", False, True, "", ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]),
        ("linux", False, False, "", []),
        ("linux", True, True, "", []),
        ("linux", False, True, "2.13.0+cpu", []),
        ("darwin", False, True, "", []),
        ("win32", False, True, "", []),
    ],
)
def test_the_cpu_build_is_asked_for_on_linux_without_a_gpu_only_and_with_a_fallback(
    system, gpu, answers, installed, expected, monkeypatch, capsys
):
    module = load(REPOSITORY)
    monkeypatch.setattr(module.sys, "platform", system)
    monkeypatch.setattr(module, "has_nvidia_gpu", lambda: gpu)
    monkeypatch.setattr(module, "reachable", lambda url: answers)
    assert module.torch_source({"torch": installed}) == expected
    said = "does not answer" in capsys.readouterr().out
    assert said == (system == "linux" and not gpu and not answers and not installed)


def test_an_index_that_nobody_serves_is_not_reachable():
    assert load(REPOSITORY).reachable("http://127.0.0.1:9/torch/") is False


# ---- A damaged environment is repaired, and never more than needed


def delete_a_module(module):
    (site_packages(module) / "tiny" / "__init__.py").unlink()
    return "damaged (files of tiny are missing or damaged): they are installed again"


def empty_a_module(module):
    (site_packages(module) / "tiny" / "__init__.py").write_text("")
    return "damaged (files of tiny are missing or damaged): they are installed again"


def delete_what_is_needed_in_turn(module):
    shutil.rmtree(site_packages(module) / "tiny_base")
    return "damaged (files of tiny-base are missing or damaged): they are installed again"


def lose_the_record(module):
    next(site_packages(module).glob("tiny-*.dist-info/RECORD")).unlink()
    return "damaged (files of tiny are missing or damaged): they are installed again"


def cut_the_record(module):
    record = next(site_packages(module).glob("tiny-*.dist-info/RECORD"))
    record.write_text(record.read_text()[:20])
    return "damaged (files of tiny are missing or damaged): they are installed again"


def break_python(module):
    python = module.venv_python(module.VENV)
    python.unlink()
    python.write_text("not a program")
    return "damaged (its Python does not start): it is built again"


def lose_the_configuration(module):
    (module.VENV / "pyvenv.cfg").unlink()
    return "damaged (pyvenv.cfg is missing): it is built again"


def interrupt_the_setup(module):
    uninstall_a_package(module)
    module.write_marker(requirements={})
    return "incomplete (the last set-up was interrupted)"


def interrupt_before_pip_was_there(module):
    shutil.rmtree(site_packages(module))
    module.write_marker(requirements={}, packages={})
    return "damaged (the last set-up was interrupted, and pip is missing): it is built again"


def interrupt_before_the_import(module):
    module.write_marker(tried=False)
    return "incomplete (its packages were never imported)"


def uninstall_a_package(module):
    for folder in list(site_packages(module).glob("tiny*")):
        shutil.rmtree(folder)
    return "incomplete (tiny is missing)"


def empty_a_description(module):
    next(site_packages(module).glob("tiny-*.dist-info/METADATA")).unlink()
    return "incomplete (tiny is missing)"


def ask_for_more(module):
    with open(module.ROOT / "requirements.txt", "a") as file:
        file.write("tiny_dev==1.0\n")
    return "incomplete (tiny-dev 1.0 is not installed)"


def ask_for_another_version_in_turn(module):
    (module.ROOT / "constraints.txt").write_text("tiny==1.0\ntiny_base==2.0\n")
    return "incomplete (requirements.txt has changed: tiny-base 2.0 is not installed)"


def let_the_library_ask_for_more(module):
    with open(module.ROOT / "pyproject.toml", "a") as file:
        file.write('[project]\nname = "course"\nversion = "1"\ndependencies = ["tiny_dev>=1"]\n')
    return "incomplete (requirements.txt has changed: tiny-dev is not installed)"


@pytest.mark.parametrize(
    "damage",
    [
        delete_a_module,
        empty_a_module,
        delete_what_is_needed_in_turn,
        lose_the_record,
        cut_the_record,
        break_python,
        lose_the_configuration,
        interrupt_the_setup,
        interrupt_before_pip_was_there,
        interrupt_before_the_import,
        uninstall_a_package,
        empty_a_description,
        ask_for_more,
        ask_for_another_version_in_turn,
        let_the_library_ask_for_more,
    ],
)
def test_a_damaged_environment_is_repaired_and_start_says_so(damage, ready, capsys):
    files = ["requirements.txt"]
    assert ready.diagnose(files, ready.look_at_venv()) is None, "in order at first"
    expected = damage(ready)
    assert ready.main(["setup"]) == 0
    captured = capsys.readouterr()
    assert f"The environment .venv is {expected}" in captured.out and captured.err == ""
    assert ready.diagnose(files, ready.look_at_venv()) is None
    assert not ready.OLD_VENV.exists()


def add_comments(module):
    for name in ("requirements.txt", "constraints.txt", "pyproject.toml"):
        with open(module.ROOT / name, "a") as file:
            file.write("# only a comment\n")


def constrain_what_is_not_wanted(module):
    with open(module.ROOT / "constraints.txt", "a") as file:
        file.write("absent==3.0\nappnope==1.0.0 ; sys_platform == 'darwin'\n")


def garble_the_marker(module):
    (module.VENV / "course.json").write_text("[")


def edit_a_package(module):
    with open(site_packages(module) / "tiny" / "__init__.py", "a") as file:
        file.write("print('looking around')\n")


def lose_pip(module):
    shutil.rmtree(site_packages(module) / "pip")


def damage_what_nobody_needs(module):
    info = site_packages(module) / "extra-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")


@pytest.mark.parametrize(
    "change",
    [
        add_comments,
        constrain_what_is_not_wanted,
        garble_the_marker,
        edit_a_package,
        lose_pip,
        damage_what_nobody_needs,
    ],
)
def test_where_nothing_is_really_missing_the_course_opens_at_once(change, ready, monkeypatch, capsys):
    change(ready)
    monkeypatch.setattr(ready, "pip", None)
    monkeypatch.setattr(ready, "create_venv", None)
    assert ready.main(["setup"]) == 0
    assert capsys.readouterr().out.splitlines() == ["Ready: `python start.py` opens the course."]


def test_a_package_whose_own_list_of_files_is_wrong_is_installed_again_only_once(ready, capsys):
    name = next(site_packages(ready).glob("tiny-*.dist-info"))
    record = (name / "RECORD").read_text()
    (name / "RECORD").write_text("tiny/never_there.py,,5\n")
    real_pip = ready.pip

    def pip(*arguments):
        real_pip(*arguments)
        (name / "RECORD").write_text("tiny/never_there.py,,5\n" + record)

    ready.pip = pip
    assert ready.main(["setup"]) == 0
    ready.pip = None
    assert ready.main(["setup"]) == 0


def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "nothing here").as_uri())


def files_below(folder):
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in path.parts}


@pytest.mark.parametrize("damage", [break_python, lose_the_configuration, empty_a_module])
def test_a_repair_that_fails_leaves_everything_as_it_was(damage, ready, tmp_path, monkeypatch, capsys):
    damage(ready)
    before = files_below(ready.VENV)
    offline(monkeypatch, tmp_path)
    (ready.ROOT / "requirements.txt").write_text("absent==2.0\n")  # is not in the copy either
    assert ready.main(["setup"]) == 1
    assert_one_sentence(capsys.readouterr().err)
    assert files_below(ready.VENV) == before
    assert not ready.OLD_VENV.exists()


def test_a_stop_in_a_rebuild_brings_the_old_environment_back(ready, monkeypatch, capsys):
    break_python(ready)
    before = files_below(ready.VENV)

    def stopped(*_):
        assert ready.OLD_VENV.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(ready, "pip", stopped)
    assert ready.main(["setup"]) == 130
    assert files_below(ready.VENV) == before


def test_after_a_rebuild_that_was_killed_the_next_start_finishes_it(ready):
    ready.VENV.rename(ready.OLD_VENV)
    ready.VENV.mkdir()
    (ready.VENV / "course.json.new").write_text("")
    assert ready.main(["setup"]) == 0
    assert ready.diagnose(["requirements.txt"], ready.look_at_venv()) is None
    assert not ready.OLD_VENV.exists()


def test_what_cannot_be_completed_but_works_is_opened_with_a_warning(opened, tmp_path, monkeypatch, capsys):
    module, commands = opened
    ask_for_another_version_in_turn(module)
    offline(monkeypatch, tmp_path)
    assert module.main([]) == 0 and len(commands) == 1
    said = capsys.readouterr().out
    assert "did not succeed" in said and "opens without it" in said
    assert module.main(["setup"]) == 1, "setup was asked for all of it"
    assert_one_sentence(capsys.readouterr().err)


def test_what_cannot_be_completed_and_does_not_work_is_not_opened(opened, tmp_path, monkeypatch, capsys):
    module, commands = opened
    uninstall_a_package(module)
    offline(monkeypatch, tmp_path)
    assert module.main([]) == 1 and not commands
    assert_one_sentence(capsys.readouterr().err)


def test_an_environment_made_by_an_older_start_is_still_ours(ready, capsys):
    old = {"folder": str(ready.ROOT), "packages": {"tiny": "1.0"}, "requirements": {"requirements.txt": "0"}}
    (ready.VENV / "course.json").write_text(json.dumps(old))
    assert ready.diagnose(["requirements.txt"], ready.look_at_venv()) is None
    empty_a_module(ready)
    assert ready.main(["setup"]) == 0 and ready.is_ours()
    break_python(ready)
    assert ready.main(["setup"]) == 0
    assert "built again" in capsys.readouterr().out


def test_a_pyproject_that_nobody_can_read_is_one_sentence(ready, capsys):
    (ready.ROOT / "pyproject.toml").write_text("[build-system")
    assert ready.main(["setup"]) == 1
    assert_one_sentence(capsys.readouterr().err, "pyproject.toml cannot be read")


def test_settings_of_pip_and_python_that_lead_elsewhere_do_not(ready, tmp_path, monkeypatch):
    """For real: pip would put tiny there, and take one that lies there for installed."""
    uninstall_a_package(ready)
    make_wheel(tmp_path, "tiny")
    with zipfile.ZipFile(tmp_path / "tiny-1.0-py3-none-any.whl") as wheel:
        wheel.extractall(tmp_path / "modules")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PIP_USER", "1")
    assert ready.main(["setup"]) == 0
    assert (site_packages(ready) / "tiny" / "__init__.py").exists()
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_of_settings_that_leads_elsewhere_is_pointed_to(ready, tmp_path, monkeypatch, capsys):
    uninstall_a_package(ready)
    (tmp_path / "pip.conf").write_text(f"[install]\ntarget = {tmp_path / 'elsewhere'}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert ready.main(["setup"]) == 1
    assert_one_sentence(capsys.readouterr().err, "tiny 1.0 is not installed", "`pip config list`")


# ---- What start.py did not make is never removed


def make_it_a_file(module):
    shutil.rmtree(module.VENV)
    module.VENV.write_text("mine")


def make_it_a_link(module):
    module.VENV.rename(module.ROOT / "elsewhere")
    break_python_in(module.ROOT / "elsewhere", module)
    module.VENV.symlink_to(module.ROOT / "elsewhere")


def make_it_a_dead_link(module):
    shutil.rmtree(module.VENV)
    module.VENV.symlink_to(module.ROOT / "disk that is not connected")


def break_python_in(folder, module):
    module.venv_python(folder).unlink()


def make_it_somebody_elses(module):
    (module.VENV / "course.json").unlink()
    break_python_in(module.VENV, module)


def make_it_an_environment_without_pip(module):
    (module.VENV / "course.json").unlink()
    shutil.rmtree(site_packages(module))


@pytest.mark.parametrize(
    "change",
    [
        make_it_a_file,
        make_it_a_link,
        make_it_a_dead_link,
        make_it_somebody_elses,
        make_it_an_environment_without_pip,
    ],
)
def test_a_venv_of_somebody_else_is_left_alone(change, ready, monkeypatch, capsys):
    change(ready)
    before = files_below(ready.ROOT)
    monkeypatch.setattr(ready, "pip", None)
    assert ready.main(["setup"]) == 1
    assert_one_sentence(capsys.readouterr().err, "not of start.py's making", "rename or remove it")
    assert {path: time for path, time in files_below(ready.ROOT).items() if path != ready.LOCK} == before


def test_a_venv_made_by_hand_is_completed_and_stays_its_makers(ready, capsys):
    (ready.VENV / "course.json").unlink()
    uninstall_a_package(ready)
    assert ready.main(["setup"]) == 0
    assert ready.read_marker()["made"] is False and not ready.is_ours()
    assert ready.diagnose(["requirements.txt"], ready.look_at_venv()) is None


def test_a_python_without_its_environment_is_never_installed_into(ready, packages):
    """pip itself refuses, should start.py ever ask it to."""
    uninstall_a_package(ready)
    (ready.VENV / "pyvenv.cfg").unlink()
    with pytest.raises(ready.Trouble):
        ready.pip(ready.venv_python(ready.VENV), ["install", "tiny==1.0"], packages)


# ---- A course that was moved

BACKEND = """
import zipfile
from pathlib import Path

def build_editable(folder, config_settings=None, metadata_directory=None):
    info, name = "course-1.0.dist-info", "course-1.0-py3-none-any.whl"
    files = {
        "course.pth": str(Path.cwd()),
        info + "/METADATA": "Metadata-Version: 2.1\\nName: course\\nVersion: 1.0\\n",
        info + "/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    files[info + "/RECORD"] = "".join(path + ",,\\n" for path in [*files, info + "/RECORD"])
    with zipfile.ZipFile(Path(folder) / name, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
"""


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_course_that_was_moved_or_copied_is_linked_anew_and_one_mounted_twice_is_left_alone(
    ready, tmp_path, monkeypatch, capsys
):
    (ready.ROOT / "requirements.txt").write_text("tiny==1.0\n-e .\n")
    (ready.ROOT / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "builder"\nbackend-path = ["."]\n'
        '[project]\nname = "course"\nversion = "1.0"\n'
    )
    (ready.ROOT / "builder.py").write_text(BACKEND)
    (ready.ROOT / "lessons_lib").mkdir()
    (ready.ROOT / "lessons_lib" / "__init__.py").write_text("")
    assert ready.main(["setup"]) == 0
    assert "lessons_lib is not linked" in capsys.readouterr().out

    # mounted twice: another path to the same folder
    (tmp_path / "second mount").symlink_to(ready.ROOT)
    other = load(ready.ROOT)
    other.ROOT, other.VENV = tmp_path / "second mount", tmp_path / "second mount" / ".venv"
    assert other.diagnose(["requirements.txt"], other.look_at_venv()) is None

    # moved: nothing is fetched, so a network isn't needed
    moved_to = tmp_path / "umgezogen"
    ready.ROOT.rename(moved_to)
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "nothing here").as_uri())
    moved = load(moved_to)
    (python,) = (moved.VENV / "lib").glob("python3*")
    before = (python / "site-packages" / "tiny" / "__init__.py").stat().st_ino
    assert moved.main(["setup"]) == 0
    assert "lessons_lib is not linked to this folder" in capsys.readouterr().out
    assert moved.look_at_venv()["library"] == str(moved_to / "lessons_lib" / "__init__.py")
    assert (python / "site-packages" / "tiny" / "__init__.py").stat().st_ino == before, "not built again"


# ---- repair


def test_repair_compares_checksums_and_puts_back_what_differs(ready, capsys):
    file = site_packages(ready) / "tiny" / "__init__.py"
    good = file.read_text()
    file.write_text(good.replace("NAME", "ANME"))  # as long as before
    assert ready.main(["setup"]) == 0 and file.read_text() != good
    assert ready.main(["repair"]) == 0
    assert file.read_text() == good
    said = capsys.readouterr().out
    assert "files of tiny are missing" in said and "Nothing is damaged any more" in said


# ---- Two starts at once, and one that is ended


def test_two_starts_at_once_are_told_of_each_other(ready, capsys):
    shutil.rmtree(ready.VENV)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, start\nwith start.alone():\n    print('locked', flush=True)\n    sys.stdin.read()\n",
        ],
        cwd=ready.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline().startswith(b"locked")
        assert ready.main(["setup"]) == 1
        assert_one_sentence(capsys.readouterr().err, f"(process {holder.pid})")
        assert not ready.VENV.exists()
    finally:
        holder.communicate()
    assert ready.main(["setup"]) == 0, "the lock ends with its holder"


@pytest.mark.skipif(os.name == "nt", reason="programs are ended there without being told")
def test_a_start_that_is_ended_ends_pip_too(ready, tmp_path, monkeypatch):
    told, hold = threading.Event(), threading.Event()

    def answer(path):
        told.set()
        hold.wait(60)
        return bad_servers.always(200)(path)

    (ready.ROOT / "requirements.txt").write_text("absent==2.0\n")
    monkeypatch.delenv("PIP_NO_INDEX")
    with bad_servers.serve(answer) as address:
        monkeypatch.setenv("PIP_INDEX_URL", address + "/simple")
        monkeypatch.setenv("PIP_TIMEOUT", "60")
        child = subprocess.Popen(
            [sys.executable, "start.py", "setup"], cwd=ready.ROOT, stderr=subprocess.PIPE, text=True
        )
        assert told.wait(60), "pip asks the server"
        child.terminate()
        _, said = child.communicate(timeout=30)
        left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, timeout=300).stdout
        hold.set()
    assert child.returncode == 143
    assert_one_sentence(said, "the next start goes on")
    assert str(ready.VENV) not in left, "pip runs on"


# ---- Bad situations: one sentence, a status that is not 0


def test_start_parses_on_old_pythons_so_that_they_get_the_sentence():
    source = (REPOSITORY / "start.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))


@pytest.mark.parametrize(
    ("version", "word"), [((3, 6), "old"), ((3, 10), "old"), ((3, 15), "new"), ((4, 0), "new")]
)
def test_a_python_too_old_or_too_new_is_refused(version, word, module, monkeypatch, capsys):
    monkeypatch.setattr(module, "python_version", lambda: version)
    for arguments in ([], ["setup"], ["test"], ["--here"]):
        assert module.main(arguments) == 1
        number = f"Python {version[0]}.{version[1]} is too {word}"
        assert_one_sentence(capsys.readouterr().err, number, "3.11 to 3.14")
    assert not (module.ROOT / ".venv").exists()


@pytest.mark.parametrize("version", [(3, 11), (3, 14)])
def test_the_oldest_and_the_newest_python_are_welcome(version, module, monkeypatch):
    monkeypatch.setattr(module, "python_version", lambda: version)
    module.check_machine()


def test_a_processor_without_packages_is_refused(module, monkeypatch, capsys):
    monkeypatch.setattr(module.sys, "platform", "darwin")
    monkeypatch.setattr(module.platform, "machine", lambda: "x86_64")
    assert module.main(["setup"]) == 1
    assert_one_sentence(capsys.readouterr().err, "darwin, x86_64")


def test_no_network_at_first_start_is_one_sentence_and_the_next_start_goes_on(
    ready, packages, monkeypatch, capsys
):
    shutil.rmtree(ready.ROOT / ".venv")
    (ready.ROOT / "requirements.txt").write_text("tiny_dev==1.0\n")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    assert ready.main(["setup"]) == 1
    assert_one_sentence(capsys.readouterr().err, "no package server answers", "--help")
    assert ready.main(["setup", "--wheels", str(packages)]) == 0
    assert "the last set-up was interrupted" in capsys.readouterr().out


def test_a_folder_of_packages_that_lacks_one_is_named_with_it(ready, tmp_path, capsys):
    shutil.rmtree(ready.ROOT / ".venv")
    (ready.ROOT / "requirements.txt").write_text("absent==2.0\n")
    assert ready.main(["setup", "--wheels", str(tmp_path)]) == 1
    assert_one_sentence(capsys.readouterr().err, str(tmp_path), "absent==2.0")


def test_a_disk_too_full_is_noticed_before_anything_is_made(module, monkeypatch, capsys):
    monkeypatch.setattr(module, "free_bytes", lambda folder: 1.25e9)
    monkeypatch.setattr(module, "has_nvidia_gpu", lambda: False)
    assert module.main(["setup"]) == 1
    assert_one_sentence(capsys.readouterr().err, "1.2 GB free and 3 GB are needed")
    assert not (module.ROOT / ".venv").exists()


def test_a_folder_that_cannot_be_written_to_is_named(module, monkeypatch, capsys):
    # a folder inside a file: unlike one without permissions, root cannot write to it either
    file = module.ROOT / "start.py"
    assert module.main(["wheels", str(file / "inside")]) == 1
    assert_one_sentence(capsys.readouterr().err, "inside")
    monkeypatch.setattr(module, "ROOT", file)
    assert module.main(["setup"]) == 1
    assert_one_sentence(capsys.readouterr().err, str(file), "cannot be written to")


def test_a_python_that_cannot_make_environments_is_told_what_it_lacks(module, monkeypatch, capsys):
    answer = subprocess.CompletedProcess([], 1, stdout=b"ensurepip is not available")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: answer)
    assert module.main(["setup"]) == 1
    assert_one_sentence(capsys.readouterr().err, "python3-venv")


@pytest.mark.parametrize(
    "arguments",
    [
        ["tset"],
        ["wheels"],
        ["setup", "--wheels"],
        ["setup", "--wheels=nowhere"],
        ["setup", "--quick"],
        ["setup", "--with", "games"],
    ],
)
def test_a_command_line_that_makes_no_sense_installs_nothing(arguments, module, capsys):
    assert module.main(arguments) == 1
    assert_one_sentence(capsys.readouterr().err)
    assert not (module.ROOT / ".venv").exists()


def test_a_stop_during_the_setup_is_one_sentence(module, monkeypatch, capsys):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "create_venv", stopped)
    assert module.main(["setup"]) == 130
    assert_one_sentence(capsys.readouterr().err, "the next start goes on")


def test_help_names_every_command_and_needs_nothing_installed(course):
    done = start(course, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in (
        "setup",
        "wheels FOLDER",
        "test",
        "--portable",
        "--quick",
        "site",
        "bench",
        "mutants",
        "parallel",
        "new-lesson",
        "update",
        "doctor",
        "run 01-06",
        "classroom FOLDER",
        "release-check",
    ):
        assert f" {word}" in done.stdout, word
    assert "--here" in done.stdout and max(map(len, done.stdout.splitlines())) <= 100
    assert not (course / ".venv").exists()


# ---- JupyterLab


@pytest.fixture
def opened(ready, monkeypatch):
    """The course ready to open; what it would have run is in the list."""
    commands = []
    monkeypatch.setattr(ready, "run", lambda command: commands.append(command) or 0)
    return ready, commands


def test_jupyterlab_opens_the_first_page_and_gets_the_readers_options(opened):
    module, commands = opened
    (module.ROOT / "notebooks" / "00_start_here.ipynb").write_text("{}")
    assert module.main(["--no-browser", "--ip=0.0.0.0", "--port", "0"]) == 0
    (words,) = commands
    assert words[:3] == [module.venv_python(module.ROOT / ".venv"), "-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={module.ROOT}" in words
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in words
    assert words[-3:] == ["--no-browser", "--ip=0.0.0.0", "--port=0"]


def test_jupyterlab_opens_without_the_first_page_where_there_is_none(opened):
    module, commands = opened
    assert module.main([]) == 0
    assert not any("default_url" in str(word) for word in commands[0])


def test_a_port_in_use_gives_the_next_free_one_and_start_says_so(opened, capsys):
    module, commands = opened
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        taken = busy.getsockname()[1]
        assert module.main([f"--port={taken}"]) == 0
    chosen = int(commands[0][-1].partition("=")[2])
    assert taken < chosen < taken + 50
    assert f"Port {taken} is in use: JupyterLab takes {chosen}." in capsys.readouterr().out


def test_no_free_port_and_no_port_at_all_are_one_sentence(opened, monkeypatch, capsys):
    module, commands = opened
    for wrong in ("--port=ninety", "--port=65536", "--port"):
        assert module.main([wrong]) == 1
        assert_one_sentence(capsys.readouterr().err, "0 to 65535")
    monkeypatch.setattr(module, "port_is_free", lambda port: False)
    assert module.main([]) == 1
    assert_one_sentence(capsys.readouterr().err, "8888 to 8937")
    assert not commands


@pytest.mark.slow
def test_the_real_jupyterlab_comes_up_on_the_next_port_and_ends_with_start(tmp_path):
    jupyter = {f"JUPYTER_{name}_DIR": str(tmp_path) for name in ("CONFIG", "DATA", "RUNTIME")}
    script = (
        "import sys, start\n"
        "start.prepare = lambda here, opening: sys.executable\n"  # this environment is set up already
        "sys.exit(start.main(sys.argv[1:]))"
    )
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        taken = busy.getsockname()[1]
        options = ["--no-browser", "--IdentityProvider.token=", f"--port={taken}"]
        server = subprocess.Popen(
            [sys.executable, "-c", script, *options],
            cwd=REPOSITORY,
            env=dict(os.environ, **jupyter, PYTHONUNBUFFERED="1", PYTHONDONTWRITEBYTECODE="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            said = server.stdout.readline()
            assert f"Port {taken} is in use" in said
            port = int(re.search(r"takes (\d+)", said).group(1))
            page, limit = None, time.monotonic() + 60
            while page is None:
                assert server.poll() is None and time.monotonic() < limit, "no answer in 60 s"
                try:
                    page = urllib.request.urlopen(f"http://127.0.0.1:{port}/lab").read().decode()
                except OSError:
                    time.sleep(0.2)
        finally:
            server.terminate()
            server.communicate(timeout=30)
    assert '"news": {"disabled": true}' in page
    if os.name != "nt":  # there, ending a program does not end those that it started
        with pytest.raises(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/lab", timeout=5)


def test_parallel_starts_two_processes_and_one_layout_none():
    """A layout is asked for in one sentence."""
    module = load(REPOSITORY)
    two = module.parallel_command("python", ["ddp", "--steps", "3"])
    assert "--nproc-per-node=2" in two and two[-3:] == ["ddp", "--steps", "3"]
    assert "torch.distributed.run" not in module.parallel_command("python", ["one"])
    with pytest.raises(module.Trouble, match="parallel needs a layout"):
        module.parallel_command("python", [])
