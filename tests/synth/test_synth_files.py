"""Templates are written all or not at all."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from expressway.cloudformation.template import Template
from expressway.errors import ExpresswayError
from expressway.synth.synth import write_templates

TEMPLATES = [Template("a-stack", '{"A": 1}'), Template("b-stack", '{"B": 2}')]


def test_each_template_gets_a_file_and_nothing_else_is_left(tmp_path: Path) -> None:
    written = write_templates(tmp_path / "deep" / "out", TEMPLATES)
    assert [path.read_text() for path in written] == ['{"A": 1}', '{"B": 2}']
    assert sorted((tmp_path / "deep" / "out").iterdir()) == sorted(written)


def test_what_was_there_is_replaced(tmp_path: Path) -> None:
    write_templates(tmp_path, [Template("a-stack", "old")])
    write_templates(tmp_path, TEMPLATES)
    assert (tmp_path / "a-stack.template.json").read_text() == '{"A": 1}'


def test_a_file_in_the_way_is_one_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ExpresswayError) as error:
            write_templates(folder, TEMPLATES)
        assert error.value.code == "output_not_writable"
    assert (tmp_path / "file").read_text() == "mine"


def _files_may_hold_no_more_than_ten_bytes() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))


@pytest.mark.parametrize("existing", [True, False])
def test_a_full_disk_leaves_everything_as_it_was(existing: bool, tmp_path: Path) -> None:
    """The kernel refuses to let a file grow, as on a full disk: the first template fits, the second does not."""
    out = tmp_path / "new" / "out"
    if existing:
        write_templates(out, [Template("a-stack", "old")])
    script = (
        "import sys; from pathlib import Path; from expressway.synth.synth import write_templates;"
        "from expressway.cloudformation.template import Template;"
        "write_templates(Path(sys.argv[1]), [Template('a-stack', 'new'), Template('b-stack', 'x' * 99)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(out)],
        capture_output=True,
        text=True,
        preexec_fn=_files_may_hold_no_more_than_ten_bytes,
    )
    assert "The templates cannot be written into" in done.stderr
    if existing:
        assert [path.read_text() for path in out.iterdir()] == ["old"]
    else:
        assert list(tmp_path.iterdir()) == []
