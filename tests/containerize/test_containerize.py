"""From folders in memory to files: what is assumed, what is refused, what is written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.app.parse import parse_definition_text
from expressway.containerize.draft import app_name_of, definition_of
from expressway.containerize.recipes import load_recipes
from expressway.containerize.review.hadolint import Hadolint, LintedLine
from expressway.errors import DefinitionError, ExpresswayError, ImageError
from tests.containerize.fakes import InMemoryFolder, containerized, missing

FLASK = {
    "requirements.txt": "flask==3.1.3\ngunicorn==27.0.1\n",
    "app.py": "app = Flask(__name__)\n\n@app.get('/health')\ndef health(): ...\n",
    ".python-version": "3.12.4\n",
}
PACKAGE = {"scripts": {"start": "node server.js"}, "dependencies": {"express": "5"}, "engines": {"node": "^22"}}
EXPRESS = {
    "package.json": json.dumps(PACKAGE),
    "package-lock.json": "{}",
    "server.js": "app.get('/', x); app.listen(process.env.PORT); process.on('SIGTERM', stop)",
}
DOCKERFILE = """FROM python:3.13-slim
COPY app.py ./
EXPOSE 9000
HEALTHCHECK CMD ["true"]
USER 1
CMD ["python", "app.py"]
"""


def test_a_clear_app_needs_no_assumption() -> None:
    made = containerized(FLASK)
    assert made.assumptions == ()
    assert made.findings == ()
    assert (made.framework, made.installer, made.container_port, made.health_path) == ("Flask", "pip", 8080, "/health")
    assert made.base_image == "public.ecr.aws/docker/library/python:3.12-slim-bookworm"
    assert '"app:app"' in made.files["Dockerfile"]
    assert containerized(EXPRESS).assumptions == ()


def test_the_shape_has_the_keys_that_agents_know() -> None:
    shape = containerized(FLASK, port=5000).to_dict()
    assert shape["container_port"] == 5000
    assert {"container_port", "base_image", "guidance", "framework", "files"} <= shape.keys()
    assert {"dockerfile_guidance", "build_guidance", "run_guidance", "next_steps"} <= shape["guidance"].keys()
    assert not {"diff", "findings", "assumptions", "gaps", "written"} & shape.keys()
    assert json.loads(json.dumps(shape)) == shape


def test_the_same_folder_gives_the_same_files() -> None:
    assert containerized(FLASK) == containerized(dict(reversed(FLASK.items())))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({".python-version": None}, "No file names a version of Python; 3.13 was taken."),
        ({"requirements.txt": "flask\ngunicorn==1"}, "Nothing pins what pip installs."),
        ({"requirements.txt": "flask==3"}, "the Dockerfile adds gunicorn"),
        ({"app.py": "print('/health')"}, "No Flask application was found in the source; app:app was assumed."),
        ({"app.py": "app = Flask(__name__)"}, "No route for health checks was found"),
        ({"other.py": "site = Flask(__name__)"}, "app:app was taken for the application; other.py has one, too."),
        (
            {"uv.lock": "", "pyproject.toml": "", "poetry.lock": ""},
            "There are lock files of uv and Poetry; uv was taken.",
        ),
        ({"requirements.txt": "flask==3\ndjango==5\ngunicorn==1", "manage.py": ""}, "Found as well: Flask. Django was"),
    ],
)
def test_what_more_than_one_reading_fits_is_decided_and_told(changes: dict[str, str | None], told: str) -> None:
    texts = {path: text for path, text in {**FLASK, **changes}.items() if text is not None}
    assert any(told in sentence for sentence in containerized(texts).assumptions)


def test_the_framework_that_is_meant_can_be_named() -> None:
    texts = {**FLASK, "requirements.txt": "flask==3\ndjango==5\ngunicorn==1", "manage.py": ""}
    assert containerized(texts).framework == "Django"
    assert containerized(texts, framework="flask").framework == "Flask"


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ({"shop/__init__.py": "def create_app(config=None):\n    return Flask(__name__)\n"}, "shop:create_app()"),
        ({"src/shop/web.py": "web = Flask(__name__)\n"}, "shop.web:web"),
        ({"wsgi.py": "from shop import create_app\napplication = create_app()\n"}, "wsgi:application"),
        ({"tests/test_app.py": "app = Flask(__name__)\n", "web.py": "site = Flask(__name__)\n"}, "web:site"),
    ],
)
def test_the_callable_is_found_where_it_is(source: dict[str, str], target: str) -> None:
    made = containerized({"requirements.txt": FLASK["requirements.txt"], **source})
    assert f'"{target}"]' in made.files["Dockerfile"]
    assert ("PYTHONPATH=/app/src" in made.files["Dockerfile"]) == any(path.startswith("src/") for path in source)


@pytest.mark.parametrize(
    ("script", "command"),
    [
        ("node server.js", ["node", "server.js"]),
        ("NODE_ENV=production node --enable-source-maps server.js", ["node", "--enable-source-maps", "server.js"]),
        ("cross-env A=1 node server.js", ["node", "server.js"]),
        ("micro --port 3000", ["node_modules/.bin/micro", "--port", "3000"]),
        ("prisma migrate && node server.js", ["npm", "run", "start"]),
        ("node $FILE", ["npm", "run", "start"]),
    ],
)
def test_a_start_script_is_run_without_npm_where_that_means_the_same(script: str, command: list[str]) -> None:
    package = {**PACKAGE, "scripts": {"start": script}}
    made = containerized({**EXPRESS, "package.json": json.dumps(package)})
    assert made.files["Dockerfile"].splitlines()[-1] == f"CMD {json.dumps(command)}"


def test_node_ends_when_told_although_the_source_does_not_handle_the_signal() -> None:
    made = containerized({**EXPRESS, "server.js": "app.get('/', x); app.listen(process.env.PORT)"})
    assert "process.once('SIGTERM'" in made.files["Dockerfile"].splitlines()[-1]
    assert any("SIGTERM" in reason for reason in made.reasons)


def test_a_port_that_the_source_fixes_is_taken_and_one_that_contradicts_it_is_critical() -> None:
    fixed = {**EXPRESS, "server.js": "app.get('/', x); app.listen(3456); process.on('SIGTERM', stop)"}
    assert containerized(fixed).container_port == 3456
    [finding] = containerized(fixed, port=8080).findings
    assert (finding.code, finding.severity, finding.resource) == ("port_fixed_in_source", "critical", "server.js")


def test_an_app_that_listens_inside_its_container_only_is_told() -> None:
    source = {"server.js": "app.get('/', x); app.listen(process.env.PORT, '127.0.0.1'); process.on('SIGTERM', stop)"}
    assert [finding.code for finding in containerized({**EXPRESS, **source}).findings] == ["listens_on_loopback"]


def test_credentials_for_a_registry_come_neither_into_the_build_nor_into_the_answer() -> None:
    token = "".join(("npm", "_", "x" * 20))
    made = containerized({**EXPRESS, ".npmrc": f"//registry.example.test/:_authToken={token}\n"})
    assert [finding.code for finding in made.findings] == ["registry_credentials"]
    assert ".npmrc" not in made.files["Dockerfile"]
    assert ".npmrc" in made.files[".dockerignore"].splitlines()
    assert token not in str(made.to_dict())
    harmless = containerized({**EXPRESS, ".npmrc": "fund=false\n"})
    assert "COPY package.json package-lock.json .npmrc ./" in harmless.files["Dockerfile"]


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        ({}, {".npmrc": "//registry.example.test/:_authToken=${NPM_TOKEN}\nfund=false\n"}),
        ({"yarn.lock": "# yarn lockfile v1\n"}, {".npmrc": "_auth = '${NPM_TOKEN}' # of the build\n"}),
        ({"yarn.lock": "# yarn lockfile v1\n"}, {".yarnrc": '"//registry.example.test/:_authToken" "${NPM_TOKEN}"\n'}),
        ({"yarn.lock": "__metadata:\n"}, {".yarnrc.yml": 'npmAuthToken: "${NPM_TOKEN}"\n'}),
        ({"pnpm-lock.yaml": ""}, {".npmrc": "//registry.example.test/:_authToken=${NPM_TOKEN}\n"}),
    ],
)
def test_a_token_that_settings_only_refer_to_is_no_finding_and_the_build_does_without(
    files: dict[str, str], settings: dict[str, str]
) -> None:
    app = {name: text for name, text in EXPRESS.items() if name != "package-lock.json" or not files}
    made = containerized({**app, **files, **settings})
    assert made.findings == ()
    build, run = made.files["Dockerfile"].split("\n\n")
    assert next(iter(settings)) in build
    assert "RUN export NPM_TOKEN= && " in build
    assert "NPM_TOKEN" not in run
    assert not {*settings} & {*made.files[".dockerignore"].splitlines()}
    assert [told for told in made.assumptions if "does not get NPM_TOKEN" in told]


def test_what_builds_an_app_does_without_the_token_as_well() -> None:
    package = {"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}
    app = {"package.json": json.dumps(package), "yarn.lock": "# yarn lockfile v1\n", "index.html": ""}
    text = containerized({**app, ".npmrc": "_authToken=${NPM_TOKEN}\n"}).files["Dockerfile"]
    assert "RUN export NPM_TOKEN= && yarn run build" in text
    assert Hadolint()(text) == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".npmrc", "//registry.example.test/:_password={}\n"),
        (".npmrc", "//registry.example.test/:_authToken=${{TEAM}}-{}\n"),
        (".npmrc", "; ours\n_auth = '{}'\n"),
        (".yarnrc", '"//registry.example.test/:_authToken" "{}"\n'),
        (".yarnrc.yml", "npmScopes:\n  acme:\n    npmAuthToken: {}\n"),
        (".yarnrc.yml", 'npmScopes: {{acme: {{npmAuthIdent: "robot:{}"}}}}\n'),
        (".yarnrc.yml", "npmAuthToken: ${{NPM_TOKEN:-{}}}\n"),
        (".yarnrc.yml", "npmAuthToken: >-\n  {}\n"),
        (".yarnrc.yml", "npmAuthToken: |\r\n\r\n  {}\r\n"),
        (".yarnrc.yml", "npmAuthToken:\n  {}\n"),
        (".npmrc", "https-proxy=http://robot:{}@proxy.example.test:3128\n"),
        (".npmrc", "registry=https://${{ROBOT}}:{}@registry.example.test/\n"),
        (".npmrc", '//registry.example.test/:key="{}"\n'),
        (".npmrc", "//registry.example.test/:cert = -----BEGIN PRIVATE KEY-----{}\n"),
    ],
)
def test_a_token_in_any_settings_of_a_package_manager_stays_out_of_the_build(name: str, text: str) -> None:
    token = "".join(("npm", "_", "x" * 20))
    made = containerized({**EXPRESS, name: text.format(token)})
    assert [(one.code, one.resource) for one in made.findings] == [("registry_credentials", name)]
    assert name not in made.files["Dockerfile"]
    assert name in made.files[".dockerignore"].splitlines()
    assert token not in str(made.to_dict())


@pytest.mark.parametrize(
    "text",
    [
        "# _authToken=an-old-token-that-is-gone\n",
        "always-auth=true\n",
        "registry=https://registry.example.test:8443/@acme/\nkeyfile=/run/key.pem\n",
        "# https-proxy=http://robot:an-old-password@proxy.example.test\n",
        "_authToken=\n  fund=false\n",
        "_authToken=\n  ; none yet\n",
        "_authToken=\n  @acme:registry=https://registry.example.test/\n",
        "//registry.example.test/:_authToken=\n",
        "//registry.example.test/:_authToken=${NPM_TOKEN?}\n",
        "//registry.example.test/:_authToken=<your token>\n",
    ],
)
def test_settings_without_a_token_are_copied_as_they_are(text: str) -> None:
    made = containerized({**EXPRESS, ".npmrc": text})
    assert (made.findings, made.assumptions) == ((), ())
    assert "COPY package.json package-lock.json .npmrc ./" in made.files["Dockerfile"]
    assert "TOKEN" not in made.files["Dockerfile"]


def test_an_own_dockerfile_may_copy_settings_that_hold_no_token() -> None:
    lines = 'FROM node:22-slim\nCOPY package.json ./.npmrc ./\nEXPOSE 9000\nHEALTHCHECK CMD ["true"]\nUSER 1\n'
    app = {**EXPRESS, "Dockerfile": f'{lines}CMD ["node", "server.js"]\n', ".dockerignore": ".git\n.env\n*.pem\n"}
    without = containerized({**app, ".npmrc": "//registry.example.test/:_authToken=${NPM_TOKEN}\n"})
    assert without.findings == ()
    token = "".join(("npm", "_", "x" * 20))
    found = containerized({**app, ".npmrc": f"//registry.example.test/:_authToken={token}\n"}).findings
    assert {one.code for one in found} == {"registry_credentials", "secret_file_copied"}


@pytest.mark.parametrize(
    ("copied", "is_found"),
    [
        ("COPY .npmrc ./", False),
        ("COPY .npmrc /app/.npmrc", False),
        ('COPY [".npmrc", "./"]', False),
        ("COPY .npmrc sub/.npmrc ./", True),
        ("COPY sub/.npmrc .npmrc", True),
        ('COPY [".npmrc", "sub/.npmrc", "./"]', True),
        ("COPY .npmrc .env ./", True),
    ],
)
def test_settings_without_a_token_excuse_no_other_file_of_their_name(copied: str, is_found: bool) -> None:
    token = "".join(("npm", "_", "x" * 20))
    own = {"Dockerfile": f'FROM node:22-slim\n{copied}\nUSER 1\nCMD ["node", "server.js"]\n', ".dockerignore": ".git\n"}
    settings = {".npmrc": "fund=false\n", "sub/.npmrc": f"//registry.example.test/:_authToken={token}\n"}
    found = {one.code for one in containerized({**EXPRESS, **own, **settings}).findings}
    assert ("secret_file_copied" in found) is is_found


def test_requirements_that_name_the_app_itself_need_the_source_first() -> None:
    made = containerized({**FLASK, "requirements.txt": "-e .\nflask==3\ngunicorn==1\n"})
    build = made.files["Dockerfile"].split("\n\n")[0]
    assert build.index("COPY . .") < build.index("pip install")


def test_packages_that_have_to_be_compiled_get_images_with_a_compiler() -> None:
    made = containerized({**FLASK, "requirements.txt": FLASK["requirements.txt"] + "psycopg2==2.9\n"})
    assert made.base_image == "public.ecr.aws/docker/library/python:3.12-bookworm"


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        ({}, "app_empty"),
        ({"notes.txt": "hello"}, "framework_unknown"),
        ({"package.json": "{ broken"}, "framework_unknown"),
        ({"web/package.json": EXPRESS["package.json"], "api/requirements.txt": "fastapi"}, "app_in_subfolder"),
        ({"apps/web/Dockerfile": "FROM x"}, "app_in_subfolder"),
        (
            {"package.json": '{"workspaces": ["apps/*"]}', "apps/web/package.json": EXPRESS["package.json"]},
            "app_in_subfolder",
        ),
        ({"Cargo.toml": "[workspace]\n", "server/Cargo.toml": "[package]\n"}, "app_in_subfolder"),
    ],
)
def test_a_folder_that_is_no_single_app_is_one_error_that_says_what_to_do(texts: dict[str, str], code: str) -> None:
    with pytest.raises(ImageError) as caught:
        containerized(texts)
    assert caught.value.code == code
    assert caught.value.hint


def test_the_apps_of_a_monorepo_are_named_with_what_they_are() -> None:
    with pytest.raises(ImageError) as caught:
        containerized({"web/package.json": EXPRESS["package.json"], "api/requirements.txt": "fastapi"})
    assert caught.value.details["apps"] == {"api": "FastAPI", "web": "Express"}
    assert "api (FastAPI), web (Express)" in caught.value.message


def test_a_manifest_that_cannot_be_parsed_is_named_as_the_reason() -> None:
    with pytest.raises(ImageError) as caught:
        containerized({"package.json": "{ broken"})
    assert caught.value.hint.startswith("Correct package.json: ")


@pytest.mark.parametrize(
    ("arguments", "code"), [({"port": 0}, "invalid_port"), ({"framework": "flsk"}, "unknown_framework")]
)
def test_arguments_that_cannot_be_are_refused(arguments: dict[str, object], code: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        containerized(FLASK, **arguments)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_nothing_is_written_unasked() -> None:
    folder = InMemoryFolder(FLASK)
    assert containerized(FLASK, folder=folder).written == ()
    assert folder.written == {}
    made = containerized(FLASK, folder=folder, write=True)
    assert set(made.written) == {"Dockerfile", ".dockerignore", "expressway.yaml"} == set(folder.written)


def test_an_own_dockerfile_is_improved_as_a_diff_and_changed_only_when_both_are_asked_for() -> None:
    texts = {**FLASK, "Dockerfile": DOCKERFILE.replace("USER 1\n", "")}
    folder = InMemoryFolder(texts)
    made = containerized(texts, folder=folder, write=True)
    assert "+USER 10001:10001" in made.diff
    assert set(folder.written) == {".dockerignore", "expressway.yaml"}
    assert made.container_port == 9000
    assert "container_port: 9000" in made.files["expressway.yaml"]
    changed = containerized(texts, folder=folder, write=True, overwrite=True)
    assert "Dockerfile" in changed.written
    assert "USER 10001:10001" in folder.written["Dockerfile"]


def test_a_dockerfile_of_an_unknown_framework_is_checked_all_the_same() -> None:
    made = containerized({"Dockerfile": DOCKERFILE, "main.zig": ""})
    assert made.framework is None
    assert made.base_image == "python:3.13-slim"
    assert [finding.code for finding in made.findings] == ["no_ignore_file"]
    assert set(made.files) == {".dockerignore", "expressway.yaml"}


def test_the_diff_of_a_dockerfile_never_shows_a_line_that_may_hold_a_secret() -> None:
    value = "-".join(("s", "e", "c"))
    dockerfile = DOCKERFILE.replace("USER 1\n", f"ENV API_TOKEN={value}\n")
    made = containerized({**FLASK, "Dockerfile": dockerfile})
    assert "+USER 10001:10001" in made.diff
    assert value not in str(made.to_dict())


def test_the_own_definition_decides_on_port_and_health_path_and_is_kept() -> None:
    own = "name: store\nbuild: .\ncontainer_port: 7000\nhealth_check_path: /ok\n"
    made = containerized({**FLASK, "expressway.yaml": own})
    assert (made.container_port, made.health_path) == (7000, "/ok")
    assert "expressway.yaml" in made.kept
    assert "expressway.yaml" not in made.files
    broken = containerized({**FLASK, "expressway.yaml": "name: Store\n"})
    assert [finding.code for finding in broken.findings] == ["invalid_definition"]


def test_a_dockerignore_that_leaves_secrets_in_is_mended_by_the_diff() -> None:
    made = containerized({**FLASK, "Dockerfile": DOCKERFILE, ".dockerignore": "*.log\n", ".env": "", "tls/a.pem": ""})
    assert [finding.code for finding in made.findings] == ["secret_files_in_context"]
    assert "+.env" in made.diff
    assert "+tls/a.pem" in made.diff


def test_what_could_not_be_read_or_linted_is_a_named_gap() -> None:
    folder = InMemoryFolder(FLASK, omitted=("huge.py: it is larger than 512 KiB",))
    gaps = containerized(FLASK, folder=folder, linter=missing).gaps
    assert gaps == ("hadolint: hadolint is not installed.", "not read: huge.py: it is larger than 512 KiB")


def test_what_a_rule_of_ours_said_the_linter_does_not_repeat() -> None:
    def linter(_: str) -> tuple[LintedLine, ...]:
        return LintedLine("DL3006", "warning", 1, "Tag it"), LintedLine("DL3008", "warning", 2, "Pin it")

    texts = {**FLASK, "Dockerfile": DOCKERFILE.replace(":3.13-slim", ""), ".dockerignore": ".env\n"}
    found = [finding.code for finding in containerized(texts, linter=linter).findings]
    assert found == ["base_image_not_pinned", "hadolint_dl3008"]


@given(st.text(max_size=40) | st.sampled_from(["No", "NULL", "on", "y", "1e3", "0x10"]))
def test_any_folders_name_makes_a_name_that_the_definition_takes(folder: str) -> None:
    definition = definition_of(app_name_of(folder), port=8080, health_path="/")
    assert parse_definition_text(definition).name == app_name_of(folder)


MANIFESTS = st.sampled_from(
    [
        *("package.json", "pyproject.toml", "requirements.txt", "go.mod", "Cargo.toml", "Gemfile", "pom.xml"),
        *("index.html", "Dockerfile", ".dockerignore", "expressway.yaml", "app.py", "server.js", "main.go"),
        *("app.csproj", "composer.json", "app/package.json"),
    ]
)


@given(st.dictionaries(MANIFESTS, st.text(max_size=60), max_size=6))
def test_whatever_a_folder_holds_the_answer_is_a_result_or_one_error_of_ours(texts: dict[str, str]) -> None:
    try:
        shape = containerized(texts).to_dict()
    except ExpresswayError as error:
        assert error.hint  # noqa: PT017 - either end is right
        return
    assert shape["container_port"] > 0


def test_every_title_can_stand_in_the_midst_of_a_sentence() -> None:
    recipes = load_recipes()
    titles = [one.title for table in (recipes.frameworks, recipes.installers) for one in table.values()]
    assert all(title == title.strip(" ,.;:") for title in titles)
