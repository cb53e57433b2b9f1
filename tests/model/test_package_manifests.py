"""Dependencies as each language's manifest names them."""

import pytest

from expressway.model.app_files import AppFiles
from expressway.model.package_manifests import dependencies_of, unparsable


@pytest.mark.parametrize(
    ("language", "path", "text", "expected"),
    [
        ("python", "requirements.txt", "Flask[async]>=3 # web\n-r more.txt\n", {"flask", "flask[async]"}),
        ("python", "pyproject.toml", '[project]\ndependencies = ["Flask_Login==1"]\n', {"flask-login"}),
        (
            "python",
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "^3.11"\nfastapi = {version = "*", extras = ["standard"]}\n',
            {"python", "fastapi", "fastapi[standard]"},
        ),
        ("node", "package.json", '{"dependencies": {"next": "1"}, "devDependencies": {"vite": "1"}}', {"next", "vite"}),
        ("ruby", "Gemfile", "gem 'rails', '~> 8'\n# gem 'no'\n", {"rails"}),
        ("php", "composer.json", '{"require": {"laravel/framework": "^12"}}', {"laravel/framework"}),
        ("go", "go.mod", "module x\n\nrequire (\n\tgithub.com/a/b v1.2.3\n)\n", {"github.com/a/b"}),
        ("rust", "Cargo.toml", '[dependencies]\naxum = "0.8"\n', {"axum"}),
        ("java", "build.gradle", "plugins { id 'org.springframework.boot' version '3' }", {"org.springframework.boot"}),
        ("node", "package.json", "{ broken", set[str]()),
        ("node", "package.json", '{"dependencies": ["no", "mapping"]}', set[str]()),
        ("python", "pyproject.toml", "= broken", set[str]()),
    ],
)
def test_the_names_are_read_without_running_anything(language: str, path: str, text: str, expected: set[str]) -> None:
    assert dependencies_of(AppFiles("app", (path,), {path: text}), language) == expected


def test_a_manifest_that_cannot_be_parsed_is_named() -> None:
    assert unparsable(AppFiles("app", ("package.json",), {"package.json": "{"}))[0].startswith("package.json: ")
    assert unparsable(AppFiles("app", ("package.json",), {"package.json": "{}"})) == ()
