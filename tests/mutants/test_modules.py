"""The list of modules that get mutants is true: each is there, and tests are there to notice them."""

from tests.mutants.modules import ROOT, listed_modules, module_path


def test_every_listed_module_and_its_tests_are_there() -> None:
    modules = listed_modules()
    assert len(modules) >= 20
    assert [name for name in modules if not (ROOT / module_path(name)).is_file()] == []
    assert [name for name, tests in modules.items() if not tests] == []
    assert [test for tests in modules.values() for test in tests if not (ROOT / test).is_file()] == []
